/* SPDX-License-Identifier: Apache-2.0
 * What the parser says about a token: what is there, what was expected, and a hint. */
#include "wire/config_wrong.h"

#include <string.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_value.h"

enum {
    CONFIG_WRONG_TEXT = 600,  /* bytes of "expected ..." */
    CONFIG_WRONG_WORDS = 256, /* candidates of a "did you mean" */
};

void config_wrong_value(struct config_problems *problems, const struct config_schema_row *row,
                        const struct config_tree *tree, const char *what, const char *hint)
{
    char memory[CONFIG_WRONG_TEXT];
    struct buf expected;
    buf_init(&expected, memory, sizeof memory);
    config_key_expected(row, &expected);
    const bool value = tree->kind == CONFIG_TREE_SCALAR && tree->size > 0;
    config_problem_error(problems, tree->line, tree->column, "%s %s%.60s%s%s; expected %s%s%s", row->key,
                         value ? "'" : "", value ? tree->text : "", value ? "' " : "", what, buf_string(&expected),
                         *hint != '\0' ? "; " : "", hint);
}

/* What people write by mistake. */
static const char *config_wrong_hint(enum config_schema_type type, const char *text)
{
    uint64_t number;
    const bool plain = config_value_decimal(text, &number) || config_value_integer(text, &number);
    if ((type == CONFIG_SCHEMA_DURATION_MS || type == CONFIG_SCHEMA_DURATION_US) && plain) {
        return "add a unit: ms, s, m, h or d";
    }
    if (type == CONFIG_SCHEMA_SHARE && plain) {
        return "add '%'";
    }
    if (type == CONFIG_SCHEMA_SIZE && plain) {
        return "add a unit: B, kB, MB or GB";
    }
    if (type == CONFIG_SCHEMA_BOOLEAN) {
        return strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 ? "write true" : "";
    }
    if (type == CONFIG_SCHEMA_ADDRESS || type == CONFIG_SCHEMA_SOCKET) {
        return "names are never looked up here";
    }
    return "";
}

/* "did you mean 'x'?" among a row's choices; an empty text when none is near. */
static void config_wrong_choice(const struct config_schema_row *row, const char *word, char *hint, size_t capacity)
{
    const char *words[CONFIG_WRONG_WORDS] = {NULL};
    for (uint32_t i = 0; row->choices[i].name != NULL; i++) {
        ASSERT(i + 1 < CONFIG_WRONG_WORDS);
        words[i] = row->choices[i].name;
    }
    const char *nearest = config_problem_nearest(word, words);
    struct buf text;
    buf_init(&text, hint, capacity);
    if (nearest != NULL) {
        buf_printf(&text, "did you mean '%s'?", nearest);
    }
}

void config_wrong_scalar(struct config_problems *problems, const struct config_schema_row *row,
                         enum config_schema_type type, const struct config_tree *tree)
{
    if (type == CONFIG_SCHEMA_ENUM) {
        char hint[80];
        config_wrong_choice(row, tree->text, hint, sizeof hint);
        config_wrong_value(problems, row, tree, "is not one of the choices", hint);
    } else {
        config_wrong_value(problems, row, tree, "is not valid", config_wrong_hint(type, tree->text));
    }
}

void config_wrong_reference(struct config_problems *problems, enum config_schema_target target,
                            const struct config_tree *named, const struct config_tree *at)
{
    char memory[CONFIG_WRONG_TEXT] = "";
    struct buf names;
    buf_init(&names, memory, sizeof memory);
    const char *words[CONFIG_WRONG_WORDS] = {NULL};
    uint32_t count = 0;
    const struct config_tree *entry = named != NULL && named->kind == CONFIG_TREE_MAPPING ? named->first : NULL;
    for (; entry != NULL && count + 1 < CONFIG_WRONG_WORDS; entry = entry->next) {
        buf_printf(&names, "%s %.40s", count == 0 ? ":" : ",", entry->key->text);
        words[count++] = entry->key->text;
    }
    const char *nearest = config_problem_nearest(at->text, words);
    config_problem_error(problems, at->line, at->column, "'%.60s' does not exist; expected %s%.200s%s%s%s", at->text,
                         config_key_target_text(target), buf_string(&names), nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

void config_wrong_key(struct config_problems *problems, const struct config_schema_section *section,
                      const struct config_tree *key, uint32_t kinds, uint32_t other)
{
    char memory[CONFIG_WRONG_TEXT];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    if (other != 0) {
        config_key_kinds(other, &text);
        config_problem_error(problems, key->line, key->column,
                             "key '%s' is not for this kind; expected only with kind %s", key->text, buf_string(&text));
        return;
    }
    const char *words[CONFIG_WRONG_WORDS] = {NULL};
    uint32_t count = 0;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (config_key_applies(row, kinds)) {
            ASSERT(count + 1 < CONFIG_WRONG_WORDS);
            buf_printf(&text, "%s%s", count == 0 ? "" : ", ", row->key);
            words[count++] = row->key;
        }
    }
    const char *nearest = config_problem_nearest(key->text, words);
    if (strcmp(key->text, "<<") == 0) {
        config_problem_error(problems, key->line, key->column,
                             "merge key '<<'; expected plain keys; write the values out");
    } else if (nearest != NULL) {
        config_problem_error(problems, key->line, key->column,
                             "unknown key '%.60s'; expected a known key; did you mean '%s'?", key->text, nearest);
    } else {
        config_problem_error(problems, key->line, key->column, "unknown key '%.60s'; expected one of %s", key->text,
                             buf_string(&text));
    }
}

void config_wrong_missing(struct config_problems *problems, const struct config_schema_section *section,
                          const struct config_tree *tree, uint32_t kinds)
{
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (!row->required || !config_key_applies(row, kinds) || config_tree_find(tree, row->key) != NULL) {
            continue;
        }
        char memory[CONFIG_WRONG_TEXT];
        struct buf expected;
        buf_init(&expected, memory, sizeof memory);
        config_key_expected(row, &expected);
        const struct config_tree *at = tree->key != NULL ? tree->key : tree;
        const bool named = section->key != CONFIG_SCHEMA_TEXT;
        config_problem_error(problems, at->line, at->column, "%s%s%.40s%s misses the key '%s'; expected %s",
                             section->name, named ? " '" : "", named ? at->text : "", named ? "'" : "", row->key,
                             buf_string(&expected));
    }
}
