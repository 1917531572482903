/* SPDX-License-Identifier: Apache-2.0
 * The effective configuration as YAML, by the schema's rows. */
#include "wire/config_show.h"

#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_schema.h"
#include "wire/config_value.h"

enum {
    CONFIG_SHOW_US_PER_MS = 1000,
};

struct config_show {
    const struct config *config;
    const struct config_database *database; /* the one being shown: where references to nodes look */
    struct buf *text;
    uint32_t kinds; /* of the check being shown */
};

static void config_show_section(struct config_show *show, const struct config_schema_section *section, const void *base,
                                uint32_t depth);

static const void *config_show_member(const void *base, size_t offset)
{
    return (const char *)base + offset;
}

static const char *config_show_pointer(const void *slot)
{
    const char *pointer;
    memcpy(&pointer, slot, sizeof pointer);
    return pointer;
}

static uint32_t config_show_u32(const void *slot)
{
    uint32_t value;
    memcpy(&value, slot, sizeof value);
    return value;
}

static void config_show_indent(struct config_show *show, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        buf_text(show->text, "  ");
    }
}

/* The character at *at, which moves on. The text came through libyaml: it is well-formed UTF-8. */
static uint32_t config_show_character(const char **at)
{
    const uint8_t *byte = (const uint8_t *)*at;
    const uint32_t more = byte[0] < 0xc0 ? 0 : byte[0] < 0xe0 ? 1 : byte[0] < 0xf0 ? 2 : 3;
    uint32_t character = more == 0 ? byte[0] : byte[0] & (0x3fU >> more);
    uint32_t used = 1;
    for (; used <= more && byte[used] != 0; used++) {
        character = character << 6 | (byte[used] & 0x3fU);
    }
    *at += used;
    return character;
}

/* In double quotes; escaped is what YAML would not read back as it is: controls, its own line ends, non-characters. */
static void config_show_quoted(struct config_show *show, const char *text)
{
    buf_u8(show->text, '"');
    while (*text != '\0') {
        const char *start = text;
        const uint32_t character = config_show_character(&text);
        if (character == '"' || character == '\\') {
            buf_printf(show->text, "\\%c", (char)character);
        } else if (character < ' ' || (character >= 0x7f && character < 0xa0) || character == 0x2028 ||
                   character == 0x2029 || character == 0xfeff || character == 0xfffe || character == 0xffff) {
            buf_printf(show->text, "\\u%04x", character);
        } else {
            buf_bytes(show->text, start, (size_t)(text - start));
        }
    }
    buf_u8(show->text, '"');
}

/* Plain when every YAML reader takes it for text: letters first, no word of YAML 1.1 with another meaning. */
static void config_show_text(struct config_show *show, const char *text)
{
    static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", NULL};
    bool plain = (text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z') || text[0] == '/';
    for (const char *c = text; plain && *c != '\0'; c++) {
        plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                strchr("_-./", *c) != NULL;
    }
    for (uint32_t i = 0; plain && words[i] != NULL; i++) {
        plain = strcasecmp(words[i], text) != 0;
    }
    if (plain) {
        buf_text(show->text, text);
    } else {
        config_show_quoted(show, text);
    }
}

static const char *config_show_name(const struct config_show *show, enum config_schema_target target, uint32_t index)
{
    if (target == CONFIG_SCHEMA_REGION) {
        ASSERT(index < show->config->regions_count);
        return show->config->regions[index].name;
    }
    if (target == CONFIG_SCHEMA_DATABASE) {
        ASSERT(index < show->config->databases_count);
        return show->config->databases[index].name;
    }
    if (target == CONFIG_SCHEMA_SITE) {
        ASSERT(index < show->config->sites_count);
        return show->config->sites[index].name;
    }
    if (target == CONFIG_SCHEMA_CHECK) {
        ASSERT(index < show->config->checks_count);
        return show->config->checks[index].name;
    }
    ASSERT(target == CONFIG_SCHEMA_NODE && index < show->database->nodes_count);
    return show->database->nodes[index].name;
}

static void config_show_number(struct config_show *show, enum config_schema_type type, const void *slot)
{
    uint64_t value;
    if (type == CONFIG_SCHEMA_SIZE) {
        memcpy(&value, slot, sizeof value);
    } else {
        value = config_show_u32(slot);
        value *= type == CONFIG_SCHEMA_DURATION_MS ? CONFIG_SHOW_US_PER_MS : 1;
    }
    config_key_number(type, value, show->text);
}

static void config_show_secret(struct config_show *show, const struct config_secret *secret)
{
    buf_text(show->text, secret->file != NULL ? "{ file: " : "{ env: ");
    config_show_quoted(show, secret->file != NULL ? secret->file : secret->env);
    buf_text(show->text, " }");
}

static void config_show_limit(struct config_show *show, const void *slot)
{
    struct config_limit limit;
    char text[CONFIG_VALUE_TEXT];
    memcpy(&limit, slot, sizeof limit);
    config_value_limit_print(limit, text);
    buf_text(show->text, text);
}

static void config_show_flags(struct config_show *show, const struct config_schema_row *row, uint32_t flags)
{
    bool first = true;
    buf_text(show->text, "[");
    for (const struct config_schema_choice *choice = row->choices; choice->name != NULL; choice++) {
        if ((flags & choice->value) != 0) {
            buf_printf(show->text, "%s%s", first ? "" : ", ", choice->name);
            first = false;
        }
    }
    buf_text(show->text, "]");
}

/* A value without the space before it. */
static void config_show_value(struct config_show *show, const struct config_schema_row *row,
                              enum config_schema_type type, const void *slot)
{
    if (config_key_ranged(type)) {
        config_show_number(show, type, slot);
        return;
    }
    switch ((int)type) {
    case CONFIG_SCHEMA_BOOLEAN:
        buf_text(show->text, *(const bool *)slot ? "true" : "false");
        break;
    case CONFIG_SCHEMA_LIMIT:
        config_show_limit(show, slot);
        break;
    case CONFIG_SCHEMA_ADDRESS:
    case CONFIG_SCHEMA_SOCKET:
        config_show_quoted(show, ((const struct config_address *)slot)->text);
        break;
    case CONFIG_SCHEMA_NETWORK:
        config_show_quoted(show, ((const struct config_network *)slot)->address.text);
        break;
    case CONFIG_SCHEMA_URL:
        config_show_quoted(show, ((const struct config_url *)slot)->text);
        break;
    case CONFIG_SCHEMA_SECRET:
        config_show_secret(show, slot);
        break;
    case CONFIG_SCHEMA_ENUM:
        config_show_text(show, config_key_choice_name(row->choices, config_show_u32(slot)));
        break;
    case CONFIG_SCHEMA_FLAGS:
        config_show_flags(show, row, config_show_u32(slot));
        break;
    case CONFIG_SCHEMA_REFERENCE:
        config_show_text(show, config_show_name(show, row->target, config_show_u32(slot)));
        break;
    case CONFIG_SCHEMA_TEXT:
        config_show_quoted(show, config_show_pointer(slot));
        break;
    default:
        ASSERT(type <= CONFIG_SCHEMA_PATH);
        config_show_text(show, config_show_pointer(slot));
        break;
    }
}

static size_t config_show_item_size(enum config_schema_type type)
{
    return type == CONFIG_SCHEMA_NETWORK     ? sizeof(struct config_network)
           : type == CONFIG_SCHEMA_ADDRESS   ? sizeof(struct config_address)
           : type == CONFIG_SCHEMA_REFERENCE ? sizeof(uint32_t)
                                             : sizeof(const char *);
}

static void config_show_list(struct config_show *show, const struct config_schema_row *row, const void *base)
{
    const char *items = config_show_pointer(config_show_member(base, row->offset));
    const uint32_t count = config_show_u32(config_show_member(base, row->count_offset));
    buf_text(show->text, "[");
    for (uint32_t i = 0; i < count; i++) {
        buf_text(show->text, i == 0 ? "" : ", ");
        config_show_value(show, row, row->item, items + i * config_show_item_size(row->item));
    }
    buf_text(show->text, "]");
}

static bool config_show_given(const struct config_schema_row *row, const void *base);

/* A section without one of its required keys was not given, whatever the defaults of its others are. */
static bool config_show_section_given(const struct config_schema_section *section, const void *base)
{
    bool any = false;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        const bool given = config_show_given(row, base);
        if (row->required && !given) {
            return false;
        }
        any = any || given;
    }
    return any;
}

/* Whether the member holds something: what was not given and has no default is left out. */
static bool config_show_given(const struct config_schema_row *row, const void *base)
{
    const void *slot = config_show_member(base, row->offset);
    switch ((int)row->type) {
    case CONFIG_SCHEMA_MAP:
    case CONFIG_SCHEMA_LIST:
        return config_show_u32(config_show_member(base, row->count_offset)) > 0;
    case CONFIG_SCHEMA_REFERENCE:
        return config_show_u32(slot) != CONFIG_NONE;
    case CONFIG_SCHEMA_ADDRESS:
    case CONFIG_SCHEMA_SOCKET:
        return ((const struct config_address *)slot)->family != CONFIG_FAMILY_NONE;
    case CONFIG_SCHEMA_URL:
    case CONFIG_SCHEMA_TEXT:
    case CONFIG_SCHEMA_NAME:
    case CONFIG_SCHEMA_WORD:
    case CONFIG_SCHEMA_DOMAIN:
    case CONFIG_SCHEMA_LABEL:
    case CONFIG_SCHEMA_PATH:
        return config_show_pointer(slot) != NULL;
    case CONFIG_SCHEMA_SECRET:
        return ((const struct config_secret *)slot)->file != NULL || ((const struct config_secret *)slot)->env != NULL;
    case CONFIG_SCHEMA_SECTION:
        return config_show_section_given(row->section, slot);
    default:
        /* Numbers: zero without a default and not required is "not given". */
        return row->fallback != NULL || row->required || config_show_u32(slot) != 0;
    }
}

static void config_show_map(struct config_show *show, const struct config_schema_row *row, const void *base,
                            uint32_t depth)
{
    const char *elements = config_show_pointer(config_show_member(base, row->offset));
    const uint32_t count = config_show_u32(config_show_member(base, row->count_offset));
    for (uint32_t i = 0; i < count; i++) {
        const char *element = elements + i * row->section->size;
        config_show_indent(show, depth);
        config_show_text(show, config_show_pointer(element));
        buf_text(show->text, ":");
        if (row->section->bare) {
            const struct config_schema_row *inner = &row->section->rows[0];
            buf_text(show->text, " ");
            if (inner->type == CONFIG_SCHEMA_LIST) {
                config_show_list(show, inner, element);
            } else {
                config_show_value(show, inner, inner->type, config_show_member(element, inner->offset));
            }
            buf_text(show->text, "\n");
        } else {
            const size_t before = show->text->size;
            config_show_section(show, row->section, element, depth + 1);
            if (show->text->size == before) {
                buf_text(show->text, " {}\n");
            }
        }
    }
}

/* What the rows inside depend on. */
static void config_show_enter(struct config_show *show, const struct config_schema_section *section, const void *base)
{
    if (strcmp(section->name, "check") == 0) {
        show->kinds = 1U << ((const struct config_check *)base)->kind;
    } else if (strcmp(section->name, "database") == 0) {
        show->database = base;
    }
}

static void config_show_section(struct config_show *show, const struct config_schema_section *section, const void *base,
                                uint32_t depth)
{
    config_show_enter(show, section, base);
    bool first = true;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (!config_key_applies(row, show->kinds) || !config_show_given(row, base)) {
            continue;
        }
        if (first && depth > 0) {
            buf_text(show->text, "\n");
        }
        first = false;
        config_show_indent(show, depth);
        buf_printf(show->text, "%s:", row->key);
        const void *slot = config_show_member(base, row->offset);
        if (row->type == CONFIG_SCHEMA_SECTION) {
            config_show_section(show, row->section, slot, depth + 1);
        } else if (row->type == CONFIG_SCHEMA_MAP) {
            buf_text(show->text, "\n");
            config_show_map(show, row, base, depth + 1);
        } else {
            buf_text(show->text, " ");
            if (row->type == CONFIG_SCHEMA_LIST) {
                config_show_list(show, row, base);
            } else {
                config_show_value(show, row, row->type, slot);
            }
            buf_text(show->text, "\n");
        }
    }
}

void config_show(const struct config *config, struct buf *ret_text)
{
    struct config_show show = {.config = config, .text = ret_text};
    config_show_section(&show, &config_schema_root, config, 0);
}

/* ---- setting by setting ---- */

struct config_show_each {
    struct config_show show;
    const struct config_show_listener *listener;
    char path[CONFIG_SHOW_PATH];
};

static void config_show_each_section(struct config_show_each *each, size_t at,
                                     const struct config_schema_section *section, const void *base);

/* Appends a part to the path; where it ends now. A part that does not fit is cut. */
static size_t config_show_each_path(struct config_show_each *each, size_t at, const char *part)
{
    struct buf path;
    buf_init(&path, each->path + at, sizeof each->path - at);
    buf_printf(&path, "%s%s", at > 0 ? "." : "", part);
    buf_string(&path);
    return at + strlen(each->path + at);
}

static void config_show_each_leaf(struct config_show_each *each, const struct config_schema_row *row, const void *base)
{
    char value[CONFIG_SHOW_VALUE];
    struct buf text;
    buf_init(&text, value, sizeof value);
    each->show.text = &text;
    if (config_show_given(row, base) && row->type == CONFIG_SCHEMA_LIST) {
        config_show_list(&each->show, row, base);
    } else if (config_show_given(row, base)) {
        config_show_value(&each->show, row, row->type, config_show_member(base, row->offset));
    }
    each->listener->take(each->listener->owner, each->path, buf_string(&text),
                         row->fallback != NULL ? row->fallback : "");
}

static void config_show_each_map(struct config_show_each *each, size_t at, const struct config_schema_row *row,
                                 const void *base)
{
    const char *elements = config_show_pointer(config_show_member(base, row->offset));
    const uint32_t count = config_show_u32(config_show_member(base, row->count_offset));
    for (uint32_t i = 0; i < count; i++) {
        const char *element = elements + i * row->section->size;
        const size_t end = config_show_each_path(each, at, config_show_pointer(element));
        if (row->section->bare) {
            config_show_each_leaf(each, &row->section->rows[0], element);
        } else {
            config_show_each_section(each, end, row->section, element);
        }
    }
}

static void config_show_each_section(struct config_show_each *each, size_t at,
                                     const struct config_schema_section *section, const void *base)
{
    config_show_enter(&each->show, section, base);
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (!config_key_applies(row, each->show.kinds)) {
            continue;
        }
        const size_t end = config_show_each_path(each, at, row->key);
        if (row->type == CONFIG_SCHEMA_SECTION) {
            config_show_each_section(each, end, row->section, config_show_member(base, row->offset));
        } else if (row->type == CONFIG_SCHEMA_MAP) {
            config_show_each_map(each, end, row, base);
        } else {
            config_show_each_leaf(each, row, base);
        }
    }
}

void config_show_each(const struct config *config, const struct config_show_listener *listener)
{
    struct config_show_each each = {.show = {.config = config}, .listener = listener};
    config_show_each_section(&each, 0, &config_schema_root, config);
}
