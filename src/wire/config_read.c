/* SPDX-License-Identifier: Apache-2.0
 * The walker: tree and schema into struct config. */
#include "wire/config_read.h"

#include <string.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_scalar.h"
#include "wire/config_schema.h"
#include "wire/config_wrong.h"

enum {
    CONFIG_READ_ALL_KINDS = (1 << CONFIG_KIND_COUNT) - 1,
};

struct config_read {
    struct config_problems *problems;
    const struct config_tree *root;
    const struct config_tree *database; /* the one being read: where references to nodes look */
    uint32_t kinds;                     /* of the check being read */
    bool no_memory;                     /* sticky */
};

static void config_read_section(struct config_read *read, const struct config_schema_section *section,
                                const struct config_tree *tree, void *base);

static void *config_read_member(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void *config_read_alloc(struct config_read *read, size_t size)
{
    void *memory = arena_alloc(read->problems->arena, size);
    read->no_memory = read->no_memory || memory == NULL;
    return memory;
}

static bool config_read_typed(enum config_schema_type type)
{
    return type == CONFIG_SCHEMA_INTEGER || type == CONFIG_SCHEMA_BOOLEAN || type == CONFIG_SCHEMA_DECIMAL;
}

/* Whether the tree is a scalar with something in it. */
static bool config_read_given(struct config_read *read, const struct config_schema_row *row,
                              const struct config_tree *tree)
{
    if (tree->kind != CONFIG_TREE_SCALAR) {
        config_wrong_value(read->problems, row, tree, tree->kind == CONFIG_TREE_LIST ? "is a list" : "is a mapping",
                           "");
        return false;
    }
    if (tree->size == 0) {
        config_wrong_value(read->problems, row, tree, "has no value", "");
        return false;
    }
    return true;
}

static void config_read_scalar(struct config_read *read, const struct config_schema_row *row,
                               enum config_schema_type type, const struct config_tree *tree, void *slot)
{
    if (!config_read_given(read, row, tree)) {
        return;
    }
    if (tree->quoted && config_read_typed(type)) {
        config_wrong_value(read->problems, row, tree, "is text", "remove the quotes");
        return;
    }
    switch (config_scalar_read(read->problems->arena, row, type, tree->text, slot)) {
    case CONFIG_SCALAR_OK:
        break;
    case CONFIG_SCALAR_MEMORY:
        read->no_memory = true;
        break;
    case CONFIG_SCALAR_RANGE:
        config_wrong_value(read->problems, row, tree, "is out of range", "");
        break;
    case CONFIG_SCALAR_BAD:
    default:
        config_wrong_scalar(read->problems, row, type, tree);
        break;
    }
}

/* The mapping whose keys a reference may name. */
static const struct config_tree *config_read_named(const struct config_read *read, enum config_schema_target target)
{
    switch ((int)target) {
    case CONFIG_SCHEMA_REGION:
        return config_tree_find(read->root, "regions");
    case CONFIG_SCHEMA_DATABASE:
        return config_tree_find(read->root, "databases");
    case CONFIG_SCHEMA_SITE:
        return config_tree_find(read->root, "sites");
    case CONFIG_SCHEMA_CHECK:
        return config_tree_find(read->root, "checks");
    default:
        ASSERT(target == CONFIG_SCHEMA_NODE);
        return config_tree_find(read->database, "nodes");
    }
}

/* `at` is where the name stands. */
static uint32_t config_read_lookup(struct config_read *read, enum config_schema_target target,
                                   const struct config_tree *at)
{
    const struct config_tree *named = config_read_named(read, target);
    const uint32_t index = config_tree_index(named, at->text);
    if (index != CONFIG_NONE) {
        return index;
    }
    config_wrong_reference(read->problems, target, named, at);
    return CONFIG_NONE;
}

static void config_read_reference(struct config_read *read, const struct config_schema_row *row,
                                  const struct config_tree *tree, void *slot)
{
    uint32_t index = CONFIG_NONE;
    if (config_read_given(read, row, tree)) {
        index = config_read_lookup(read, row->target, tree);
    }
    memcpy(slot, &index, sizeof index);
}

static void config_read_secret(struct config_read *read, const struct config_schema_row *row,
                               const struct config_tree *tree, struct config_secret *secret)
{
    static const struct config_schema_row file = {.key = "file", .type = CONFIG_SCHEMA_PATH};
    static const struct config_schema_row env = {.key = "env", .type = CONFIG_SCHEMA_WORD};
    if (tree->kind != CONFIG_TREE_MAPPING) {
        /* The value is not repeated: it may be the secret itself. */
        config_problem_error(read->problems, tree->line, tree->column,
                             "%s is not a reference; expected %s; a secret is never written here", row->key,
                             config_key_type_text(CONFIG_SCHEMA_SECRET));
        return;
    }
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, "file") == 0) {
            config_read_scalar(read, &file, CONFIG_SCHEMA_PATH, entry, &secret->file);
        } else if (strcmp(entry->key->text, "env") == 0) {
            config_read_scalar(read, &env, CONFIG_SCHEMA_WORD, entry, &secret->env);
        } else {
            config_problem_error(read->problems, entry->key->line, entry->key->column,
                                 "unknown key '%.60s'; expected one of file, env", entry->key->text);
        }
    }
    if (tree->count != 1) {
        config_problem_error(read->problems, tree->line, tree->column, "%s has %u keys; expected exactly one: %s",
                             row->key, tree->count, config_key_type_text(CONFIG_SCHEMA_SECRET));
    }
}

static void config_read_flags(struct config_read *read, const struct config_schema_row *row,
                              const struct config_tree *tree, void *slot)
{
    struct config_schema_row one = *row;
    one.type = CONFIG_SCHEMA_ENUM;
    uint32_t flags = 0;
    if (tree->kind != CONFIG_TREE_LIST || tree->count == 0) {
        config_wrong_value(read->problems, row, tree, tree->kind == CONFIG_TREE_LIST ? "is empty" : "is not a list",
                           "");
        return;
    }
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        uint32_t flag = 0;
        config_read_scalar(read, &one, CONFIG_SCHEMA_ENUM, entry, &flag);
        if ((flags & flag) != 0) {
            config_wrong_value(read->problems, row, entry, "is given twice", "");
        }
        flags |= flag;
    }
    memcpy(slot, &flags, sizeof flags);
}

/* Whether the number of entries is in the row's limits; says so when not. */
static bool config_read_count(struct config_read *read, const struct config_schema_row *row,
                              const struct config_tree *tree)
{
    if (tree->count < row->min) {
        config_problem_error(read->problems, tree->line, tree->column, "%s is empty; expected at least %u entr%s",
                             row->key, (unsigned)row->min, row->min == 1 ? "y" : "ies");
        return false;
    }
    if (tree->count > row->max) {
        const struct config_tree *entry = tree->first;
        for (uint64_t i = 0; i < row->max; i++) {
            entry = entry->next;
        }
        const struct config_tree *at = entry->key != NULL ? entry->key : entry;
        config_problem_error(read->problems, at->line, at->column, "%s has %u entries; expected at most %u", row->key,
                             tree->count, (unsigned)row->max);
        return false;
    }
    return true;
}

static void config_read_list(struct config_read *read, const struct config_schema_row *row,
                             const struct config_tree *tree, void *base)
{
    if (tree->kind != CONFIG_TREE_LIST) {
        config_wrong_value(read->problems, row, tree, "is not a list", "write [ ... ]");
        return;
    }
    if (!config_read_count(read, row, tree)) {
        return;
    }
    const size_t size = config_scalar_size(row->item);
    char *items = tree->count > 0 ? config_read_alloc(read, size * tree->count) : NULL;
    if (items == NULL) {
        return;
    }
    struct config_schema_row one = *row; /* the row's limits are of entries, not of what is in one */
    one.type = row->item;
    one.max = 0;
    uint32_t index = 0;
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        if (row->item == CONFIG_SCHEMA_REFERENCE) {
            config_read_reference(read, &one, entry, items + size * index);
        } else {
            config_read_scalar(read, &one, row->item, entry, items + size * index);
        }
        for (const struct config_tree *other = tree->first; other != entry; other = other->next) {
            if (row->item != CONFIG_SCHEMA_TEXT && entry->text != NULL && other->text != NULL &&
                strcmp(entry->text, other->text) == 0) {
                config_wrong_value(read->problems, &one, entry, "is given twice", "");
                break;
            }
        }
        index++;
    }
    memcpy(config_read_member(base, row->offset), &items, sizeof items);
    memcpy(config_read_member(base, row->count_offset), &index, sizeof index);
}

/* The name of a map's entry into the first member of its struct; also a bad one, so that messages can name the entry.
 */
static void config_read_key(struct config_read *read, const struct config_schema_section *section,
                            const struct config_tree *key, void *element)
{
    memcpy(element, &key->text, sizeof key->text);
    if (section->key == CONFIG_SCHEMA_REFERENCE) {
        const uint32_t index = config_read_lookup(read, section->target, key);
        memcpy(config_read_member(element, section->key_offset), &index, sizeof index);
        return;
    }
    const struct config_schema_row row = {.key = section->name, .type = section->key};
    config_read_scalar(read, &row, section->key, key, element);
}

static void config_read_map(struct config_read *read, const struct config_schema_row *row,
                            const struct config_tree *tree, void *base)
{
    if (tree->kind != CONFIG_TREE_MAPPING) {
        config_wrong_value(read->problems, row, tree, "is not a mapping", "");
        return;
    }
    if (!config_read_count(read, row, tree)) {
        return;
    }
    const struct config_schema_section *section = row->section;
    char *elements = tree->count > 0 ? config_read_alloc(read, section->size * tree->count) : NULL;
    if (elements == NULL) {
        return;
    }
    uint32_t index = 0;
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        void *element = elements + section->size * index++;
        config_read_key(read, section, entry->key, element);
        config_read_section(read, section, entry, element);
    }
    memcpy(config_read_member(base, row->offset), &elements, sizeof elements);
    memcpy(config_read_member(base, row->count_offset), &index, sizeof index);
}

static void config_read_value(struct config_read *read, const struct config_schema_row *row,
                              const struct config_tree *tree, void *base)
{
    void *slot = config_read_member(base, row->offset);
    switch ((int)row->type) {
    case CONFIG_SCHEMA_SECTION:
        config_read_section(read, row->section, tree, slot);
        break;
    case CONFIG_SCHEMA_MAP:
        config_read_map(read, row, tree, base);
        break;
    case CONFIG_SCHEMA_LIST:
        config_read_list(read, row, tree, base);
        break;
    case CONFIG_SCHEMA_FLAGS:
        config_read_flags(read, row, tree, slot);
        break;
    case CONFIG_SCHEMA_SECRET:
        config_read_secret(read, row, tree, slot);
        break;
    case CONFIG_SCHEMA_REFERENCE:
        config_read_reference(read, row, tree, slot);
        break;
    default:
        config_read_scalar(read, row, row->type, tree, slot);
        break;
    }
}

/* Every member its default; sections inside likewise. Maps and lists stay empty. */
static void config_read_defaults(struct config_read *read, const struct config_schema_section *section, void *base)
{
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        void *slot = config_read_member(base, row->offset);
        if (row->type == CONFIG_SCHEMA_REFERENCE) {
            const uint32_t none = CONFIG_NONE;
            memcpy(slot, &none, sizeof none);
        } else if (row->type == CONFIG_SCHEMA_SECTION) {
            config_read_defaults(read, row->section, slot);
        } else if (row->fallback != NULL && config_key_applies(row, read->kinds)) {
            const enum config_scalar_result result =
                config_scalar_read(read->problems->arena, row, row->type, row->fallback, slot);
            ASSERT(result == CONFIG_SCALAR_OK || result == CONFIG_SCALAR_MEMORY);
            read->no_memory = read->no_memory || result == CONFIG_SCALAR_MEMORY;
        }
    }
}

/* The row of a key; NULL when there is none for these kinds. `ret_other`: the kinds it would be for, 0 if unknown. */
static const struct config_schema_row *config_read_row(const struct config_read *read,
                                                       const struct config_schema_section *section, const char *key,
                                                       uint32_t *ret_other)
{
    *ret_other = 0;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (strcmp(row->key, key) == 0) {
            if (config_key_applies(row, read->kinds)) {
                return row;
            }
            *ret_other |= row->kinds;
        }
    }
    return NULL;
}

/* What the rows inside depend on: the kind of a check, the nodes of a database. */
static void config_read_enter(struct config_read *read, const struct config_schema_section *section,
                              const struct config_tree *tree)
{
    if (strcmp(section->name, "check") == 0) {
        const struct config_tree *kind = config_tree_find(tree, "kind");
        const struct config_schema_choice *choice =
            kind != NULL && kind->text != NULL ? config_key_choice(config_schema_kinds, kind->text) : NULL;
        read->kinds = choice != NULL ? 1U << choice->value : CONFIG_READ_ALL_KINDS;
    } else if (strcmp(section->name, "database") == 0) {
        read->database = tree;
    }
}

static void config_read_section(struct config_read *read, const struct config_schema_section *section,
                                const struct config_tree *tree, void *base)
{
    config_read_enter(read, section, tree);
    config_read_defaults(read, section, base);
    if (section->bare) {
        config_read_value(read, &section->rows[0], tree, base);
        return;
    }
    const bool nothing = tree->kind == CONFIG_TREE_SCALAR && tree->size == 0 && !tree->quoted;
    if (tree->kind != CONFIG_TREE_MAPPING && !nothing) {
        config_problem_error(read->problems, tree->line, tree->column, "%s is %s; expected a mapping with its keys",
                             section->name, config_tree_kind_text(tree));
        return;
    }
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        uint32_t other;
        const struct config_schema_row *row = config_read_row(read, section, entry->key->text, &other);
        if (row == NULL) {
            config_wrong_key(read->problems, section, entry->key, read->kinds, other);
        } else {
            config_read_value(read, row, entry, base);
        }
    }
    /* Of an unknown kind only what every kind needs is missing. */
    config_wrong_missing(read->problems, section, tree, read->kinds == CONFIG_READ_ALL_KINDS ? 0 : read->kinds);
}

enum err config_read(struct config_problems *problems, const struct config_tree *root, struct config *config)
{
    struct config_read read = {.problems = problems, .root = root, .kinds = CONFIG_READ_ALL_KINDS};
    config_read_section(&read, &config_schema_root, root, config);
    return read.no_memory ? ERR_NO_MEMORY : ERR_OK;
}
