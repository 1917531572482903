/* SPDX-License-Identifier: Apache-2.0
 * YAML events into a tree with positions; refuses what a configuration does not need. */
#include "wire/config_tree.h"

#include <string.h>

#include <yaml.h>

#include "base/assert.h"

/* One level of nesting that is still open. */
struct config_tree_level {
    struct config_tree *tree;
    struct config_tree *key; /* a mapping's key that waits for its value */
    bool drop;               /* the value of that key is a duplicate and left out */
};

struct config_tree_builder {
    struct config_problems *problems;
    yaml_parser_t parser;
    struct config_tree_level levels[CONFIG_DEPTH];
    uint32_t depth;
    uint32_t nodes;
    struct config_tree *root;
    enum err err; /* sticky: parsing ends */
};

static void config_tree_stop(struct config_tree_builder *builder, const yaml_mark_t *mark, const char *text)
{
    config_problem_error(builder->problems, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1, "%s", text);
    builder->err = ERR_INVALID;
}

/* Bytes that end the reading before libyaml sees them. The length of the well-formed sequence at data, 0 if none
 * (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
static size_t config_tree_sequence(const uint8_t *data, size_t size)
{
    if (data[0] < 0x80) {
        return 1;
    }
    const size_t length = data[0] >= 0xf0 ? 4 : data[0] >= 0xe0 ? 3 : 2;
    if (data[0] < 0xc2 || data[0] > 0xf4 || length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xc0U) != 0x80U) {
            return 0;
        }
    }
    const bool bad = (data[0] == 0xe0 && data[1] < 0xa0) || (data[0] == 0xed && data[1] > 0x9f) ||
                     (data[0] == 0xf0 && data[1] < 0x90) || (data[0] == 0xf4 && data[1] > 0x8f);
    return bad ? 0 : length;
}

/* libyaml reads on after these, but not as an editor shows them. */
static bool config_tree_bytes(struct config_problems *problems)
{
    const struct span source = problems->source;
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < source.size;) {
        const uint8_t byte = source.data[i];
        const size_t length = config_tree_sequence(source.data + i, source.size - i);
        if (length == 0) {
            config_problem_error(problems, line, column, "byte 0x%02x is not UTF-8; expected UTF-8 text", byte);
            return false;
        }
        if (byte == 0x7f || (byte < ' ' && byte != '\t' && byte != '\n' && byte != '\r')) {
            config_problem_error(problems, line, column, "control byte 0x%02x; expected text", byte);
            return false;
        }
        line += byte == '\n' ? 1 : 0;
        column = byte == '\n' ? 1 : column + 1;
        i += length;
    }
    return true;
}

static struct config_tree *config_tree_new(struct config_tree_builder *builder, enum config_tree_kind kind,
                                           const yaml_mark_t *mark)
{
    if (++builder->nodes > CONFIG_TREE_NODES) {
        config_tree_stop(builder, mark, "too many values; expected at most 32768 in one file");
        return NULL;
    }
    struct config_tree *tree = arena_alloc(builder->problems->arena, sizeof *tree);
    if (tree == NULL) {
        builder->err = ERR_NO_MEMORY;
        return NULL;
    }
    tree->kind = kind;
    tree->line = (uint32_t)mark->line + 1;
    tree->column = (uint32_t)mark->column + 1;
    return tree;
}

static void config_tree_append(struct config_tree *parent, struct config_tree *child)
{
    if (parent->last == NULL) {
        parent->first = child;
    } else {
        parent->last->next = child;
    }
    parent->last = child;
    parent->count++;
}

static void config_tree_key(struct config_tree_builder *builder, struct config_tree_level *level,
                            struct config_tree *key)
{
    if (key->kind != CONFIG_TREE_SCALAR) {
        config_problem_error(builder->problems, key->line, key->column, "%s as a key; expected a plain key",
                             config_tree_kind_text(key));
        builder->err = ERR_INVALID;
        return;
    }
    const struct config_tree *before = config_tree_find(level->tree, key->text);
    if (before != NULL) {
        config_problem_error(builder->problems, key->line, key->column,
                             "key '%s' given twice; expected once; the first is on line %u", key->text,
                             before->key->line);
    }
    level->drop = before != NULL;
    level->key = key;
}

/* Puts a finished or just opened value where it belongs. */
static void config_tree_place(struct config_tree_builder *builder, struct config_tree *tree)
{
    if (builder->depth == 0) {
        builder->root = tree;
        return;
    }
    struct config_tree_level *level = &builder->levels[builder->depth - 1];
    if (level->tree->count >= CONFIG_ENTRIES) {
        config_problem_error(builder->problems, tree->line, tree->column,
                             "too many entries; expected at most %d in one mapping or list", CONFIG_ENTRIES);
        builder->err = ERR_INVALID;
    } else if (level->tree->kind == CONFIG_TREE_LIST) {
        config_tree_append(level->tree, tree);
    } else if (level->key == NULL) {
        config_tree_key(builder, level, tree);
    } else {
        tree->key = level->key;
        level->key = NULL;
        if (!level->drop) {
            config_tree_append(level->tree, tree);
        }
    }
}

static void config_tree_scalar(struct config_tree_builder *builder, const yaml_event_t *event)
{
    struct config_tree *tree = config_tree_new(builder, CONFIG_TREE_SCALAR, &event->start_mark);
    if (tree == NULL) {
        return;
    }
    const size_t size = event->data.scalar.length;
    if (memchr(event->data.scalar.value, '\0', size) != NULL) {
        config_tree_stop(builder, &event->start_mark, "NUL byte in a text; expected none");
        return;
    }
    tree->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    tree->text = arena_copy(builder->problems->arena, event->data.scalar.value, size);
    tree->size = (uint32_t)size;
    if (tree->text == NULL) {
        builder->err = ERR_NO_MEMORY;
        return;
    }
    config_tree_place(builder, tree);
}

static void config_tree_open(struct config_tree_builder *builder, const yaml_event_t *event, enum config_tree_kind kind)
{
    if (builder->depth == CONFIG_DEPTH) {
        config_tree_stop(builder, &event->start_mark, "nested too deep; expected at most 16 levels");
        return;
    }
    struct config_tree *tree = config_tree_new(builder, kind, &event->start_mark);
    if (tree != NULL) {
        config_tree_place(builder, tree);
        builder->levels[builder->depth++] = (struct config_tree_level){.tree = tree};
    }
}

/* Whether the event carries an anchor or a tag, or is an alias: refused, they make a file mean what it does not say. */
static bool config_tree_decorated(struct config_tree_builder *builder, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    switch ((int)event->type) {
    case YAML_SCALAR_EVENT:
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
        break;
    case YAML_ALIAS_EVENT:
        config_tree_stop(builder, &event->start_mark, "alias; expected the value itself; write it out");
        return true;
    default:
        break;
    }
    if (anchor != NULL) {
        config_tree_stop(builder, &event->start_mark, "anchor; expected the value itself; write it out at each place");
    } else if (tag != NULL) {
        config_tree_stop(builder, &event->start_mark, "tag; expected a plain value; remove the part from '!' on");
    }
    return anchor != NULL || tag != NULL;
}

static void config_tree_event(struct config_tree_builder *builder, const yaml_event_t *event)
{
    if (config_tree_decorated(builder, event)) {
        return;
    }
    switch ((int)event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root != NULL) {
            config_tree_stop(builder, &event->start_mark, "second document; expected one; remove the '---'");
        }
        break;
    case YAML_SCALAR_EVENT:
        config_tree_scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        config_tree_open(builder, event, CONFIG_TREE_LIST);
        break;
    case YAML_MAPPING_START_EVENT:
        config_tree_open(builder, event, CONFIG_TREE_MAPPING);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        ASSERT(builder->depth > 0);
        builder->depth--;
        break;
    default:
        break;
    }
}

/* libyaml's own words, with its place. */
static void config_tree_syntax(struct config_tree_builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        builder->err = ERR_NO_MEMORY;
        return;
    }
    const char *context = parser->context != NULL ? parser->context : "";
    const char *problem = parser->problem != NULL ? parser->problem : "not YAML";
    config_problem_error(builder->problems, (uint32_t)parser->problem_mark.line + 1,
                         (uint32_t)parser->problem_mark.column + 1, "not YAML: %s%s%s; expected YAML 1.1", problem,
                         *context != '\0' ? " " : "", context);
    builder->err = ERR_INVALID;
}

static void config_tree_run(struct config_tree_builder *builder)
{
    bool end = false;
    while (!end && builder->err == ERR_OK) {
        yaml_event_t event;
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            config_tree_syntax(builder);
            return;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        config_tree_event(builder, &event);
        yaml_event_delete(&event);
    }
}

enum err config_tree_parse(struct config_problems *problems, struct config_tree **ret_root)
{
    struct span source = problems->source;
    if (source.size > CONFIG_FILE_BYTES) {
        config_problem_error(problems, 0, 0, "the file has %zu bytes; expected at most 1 MiB", source.size);
        return ERR_INVALID;
    }
    if (!config_tree_bytes(problems)) {
        return ERR_INVALID;
    }
    struct config_tree_builder builder = {.problems = problems};
    if (yaml_parser_initialize(&builder.parser) == 0) {
        return ERR_NO_MEMORY;
    }
    static const uint8_t none[1];
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&builder.parser, source.size > 0 ? source.data : none, source.size);
    config_tree_run(&builder);
    yaml_parser_delete(&builder.parser);
    if (builder.err == ERR_OK && builder.root == NULL) {
        config_problem_error(problems, 0, 0, "the file is empty; expected a configuration; see holdfast.yaml(5)");
        builder.err = ERR_INVALID;
    }
    if (builder.err == ERR_OK) {
        *ret_root = builder.root;
    }
    return builder.err;
}

const struct config_tree *config_tree_find(const struct config_tree *tree, const char *key)
{
    if (tree == NULL || tree->kind != CONFIG_TREE_MAPPING) {
        return NULL;
    }
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, key) == 0) {
            return entry;
        }
    }
    return NULL;
}

uint32_t config_tree_index(const struct config_tree *tree, const char *key)
{
    if (tree == NULL || tree->kind != CONFIG_TREE_MAPPING) {
        return CONFIG_NONE;
    }
    uint32_t index = 0;
    for (const struct config_tree *entry = tree->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->key->text, key) == 0) {
            return index;
        }
        index++;
    }
    return CONFIG_NONE;
}

const char *config_tree_kind_text(const struct config_tree *tree)
{
    switch (tree->kind) {
    case CONFIG_TREE_LIST:
        return "a list";
    case CONFIG_TREE_MAPPING:
        return "a mapping";
    case CONFIG_TREE_SCALAR:
    default:
        return "text";
    }
}
