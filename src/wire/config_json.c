/* SPDX-License-Identifier: Apache-2.0
 * The JSON Schema of the configuration, from the schema table. */
#include "wire/config_json.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_schema.h"

static void config_json_string(struct buf *text, const char *value)
{
    buf_u8(text, '"');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            buf_u8(text, '\\');
        }
        ASSERT((unsigned char)*c >= ' ');
        buf_u8(text, (uint8_t)*c);
    }
    buf_u8(text, '"');
}

static void config_json_member(struct buf *text, const char *name, const char *value)
{
    buf_printf(text, ",\"%s\":", name);
    config_json_string(text, value);
}

/* A regular expression (ECMA 262) of a type's text; NULL when any text will do. */
static const char *config_json_pattern(enum config_schema_type type)
{
    switch ((int)type) {
    case CONFIG_SCHEMA_NAME:
        return "^[a-z0-9-]{1,31}$";
    case CONFIG_SCHEMA_WORD:
        return "^[A-Za-z0-9_.-]{1,63}$";
    case CONFIG_SCHEMA_DOMAIN:
        return "^[A-Za-z0-9_.-]{1,253}$";
    case CONFIG_SCHEMA_LABEL:
        return "^(@|[A-Za-z0-9_.-]{1,253})$";
    case CONFIG_SCHEMA_PATH:
        return "^/";
    case CONFIG_SCHEMA_DURATION_MS:
    case CONFIG_SCHEMA_DURATION_US:
        return "^[0-9]+(ms|s|m|h|d)$";
    case CONFIG_SCHEMA_SHARE:
        return "^[0-9]+([.][0-9]{1,4})?%$";
    case CONFIG_SCHEMA_SIZE:
        return "^[0-9]+(B|kB|MB|GB)$";
    case CONFIG_SCHEMA_ADDRESS:
        return "^([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$";
    case CONFIG_SCHEMA_SOCKET:
        return "^(([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}|/.+)$";
    case CONFIG_SCHEMA_NETWORK:
        return "^[0-9a-fA-F:.]+/[0-9]{1,3}$";
    case CONFIG_SCHEMA_URL:
        return "^https?://[^ #@]+$";
    default:
        return NULL;
    }
}

static void config_json_choices(struct buf *text, const struct config_schema_choice *choices)
{
    buf_text(text, "\"enum\":[");
    for (const struct config_schema_choice *choice = choices; choice->name != NULL; choice++) {
        buf_text(text, choice == choices ? "" : ",");
        config_json_string(text, choice->name);
    }
    buf_text(text, "]");
}

/* The members of a scalar's schema, without braces. A limit and a parameter may be plain numbers. */
static void config_json_scalar(struct buf *text, const struct config_schema_row *row, enum config_schema_type type)
{
    const char *pattern = config_json_pattern(type);
    switch ((int)type) {
    case CONFIG_SCHEMA_INTEGER:
        buf_printf(text, "\"type\":\"integer\",\"minimum\":%" PRIu64 ",\"maximum\":%" PRIu64, row->min, row->max);
        break;
    case CONFIG_SCHEMA_DECIMAL:
        buf_text(text, "\"type\":\"number\",\"minimum\":");
        config_key_number(type, row->min, text);
        buf_text(text, ",\"maximum\":");
        config_key_number(type, row->max, text);
        break;
    case CONFIG_SCHEMA_BOOLEAN:
        buf_text(text, "\"type\":\"boolean\"");
        break;
    case CONFIG_SCHEMA_ENUM:
        config_json_choices(text, row->choices);
        break;
    case CONFIG_SCHEMA_LIMIT:
        buf_text(text, "\"type\":[\"string\",\"number\"]");
        break;
    case CONFIG_SCHEMA_TEXT:
        buf_text(text, "\"type\":[\"string\",\"number\",\"boolean\"],\"minLength\":1");
        break;
    case CONFIG_SCHEMA_REFERENCE:
        buf_text(text, "\"type\":\"string\"");
        break;
    case CONFIG_SCHEMA_SECRET:
        buf_text(text, "\"$ref\":\"#/$defs/secret\"");
        break;
    default:
        buf_text(text, "\"type\":\"string\"");
        config_json_member(text, "pattern", pattern);
        break;
    }
}

static void config_json_value(struct buf *text, const struct config_schema_row *row)
{
    switch ((int)row->type) {
    case CONFIG_SCHEMA_SECTION:
        buf_printf(text, "\"$ref\":\"#/$defs/%s\"", row->section->name);
        break;
    case CONFIG_SCHEMA_MAP:
        buf_printf(text, "\"type\":\"object\",\"minProperties\":%" PRIu64 ",\"maxProperties\":%" PRIu64, row->min,
                   row->max);
        buf_printf(text, ",\"additionalProperties\":{\"$ref\":\"#/$defs/%s\"}", row->section->name);
        if (config_json_pattern(row->section->key) != NULL) {
            buf_text(text, ",\"propertyNames\":{\"pattern\":");
            config_json_string(text, config_json_pattern(row->section->key));
            buf_text(text, "}");
        }
        break;
    case CONFIG_SCHEMA_LIST:
        buf_printf(text, "\"type\":\"array\",\"minItems\":%" PRIu64 ",\"maxItems\":%" PRIu64 ",\"items\":{", row->min,
                   row->max);
        config_json_scalar(text, row, row->item);
        buf_text(text, "}");
        break;
    case CONFIG_SCHEMA_FLAGS:
        buf_text(text, "\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{");
        config_json_choices(text, row->choices);
        buf_text(text, "}");
        break;
    default:
        config_json_scalar(text, row, row->type);
        break;
    }
}

static void config_json_default(struct buf *text, const struct config_schema_row *row)
{
    if (row->fallback == NULL) {
        return;
    }
    const bool bare =
        row->type == CONFIG_SCHEMA_INTEGER || row->type == CONFIG_SCHEMA_DECIMAL || row->type == CONFIG_SCHEMA_BOOLEAN;
    if (bare) {
        buf_printf(text, ",\"default\":%s", row->fallback);
    } else {
        config_json_member(text, "default", row->fallback);
    }
}

/* The rows that apply as "properties" and "required", members of an object's schema. */
static void config_json_rows(struct buf *text, const struct config_schema_section *section, uint32_t kinds)
{
    buf_text(text, "\"properties\":{");
    bool first = true;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (config_key_applies(row, kinds)) {
            buf_text(text, first ? "" : ",");
            first = false;
            config_json_string(text, row->key);
            buf_text(text, ":{");
            config_json_value(text, row);
            config_json_default(text, row);
            config_json_member(text, "description", row->prose);
            buf_text(text, "}");
        }
    }
    buf_text(text, "},\"required\":[");
    first = true;
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (row->required && config_key_applies(row, kinds)) {
            buf_text(text, first ? "" : ",");
            first = false;
            config_json_string(text, row->key);
        }
    }
    buf_text(text, "],\"additionalProperties\":false");
}

static bool config_json_varies(const struct config_schema_section *section)
{
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (row->kinds != 0) {
            return true;
        }
    }
    return false;
}

/* A section whose keys depend on the check's kind: one object for each kind. The target's stands inside it. */
static void config_json_kinds(struct buf *text, const struct config_schema_section *section)
{
    buf_text(text, "\"type\":\"object\",\"required\":[\"kind\"],\"properties\":{\"kind\":{");
    config_json_choices(text, config_schema_kinds);
    buf_text(text, "}},\"allOf\":[");
    for (const struct config_schema_choice *kind = config_schema_kinds; kind->name != NULL; kind++) {
        buf_printf(text, "%s{\"if\":{\"required\":[\"kind\"],\"properties\":{\"kind\":{\"const\":\"%s\"}}},\"then\":{",
                   kind == config_schema_kinds ? "" : ",", kind->name);
        config_json_rows(text, section, 1U << kind->value);
        for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
            if (row->type == CONFIG_SCHEMA_MAP && config_json_varies(row->section)) {
                buf_printf(text, ",\"allOf\":[{\"properties\":{\"%s\":{\"additionalProperties\":{", row->key);
                config_json_rows(text, row->section, 1U << kind->value);
                buf_text(text, "}}}}]");
            }
        }
        buf_text(text, "}}");
    }
    buf_text(text, "]");
}

static void config_json_section(struct buf *text, const struct config_schema_section *section)
{
    if (section->bare) {
        config_json_value(text, &section->rows[0]);
    } else if (section->key == CONFIG_SCHEMA_REFERENCE) {
        buf_text(text, "\"type\":\"object\""); /* a check's target: its keys stand with the check's kind */
    } else if (config_json_varies(section)) {
        config_json_kinds(text, section);
    } else {
        buf_text(text, "\"type\":\"object\",");
        config_json_rows(text, section, 0);
    }
    config_json_member(text, "description", section->prose);
}

/* Each section below once; sections are named uniquely. */
static void config_json_definitions(struct buf *text, const struct config_schema_section *section)
{
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        if (row->section == NULL) {
            continue;
        }
        char opening[96];
        struct buf seek;
        buf_init(&seek, opening, sizeof opening);
        buf_printf(&seek, "\"%s\":{\"$comment\":\"section\",", row->section->name);
        if (memmem(text->data, text->size, opening, seek.size) != NULL) {
            continue;
        }
        buf_text(text, ",");
        buf_text(text, opening);
        config_json_section(text, row->section);
        buf_text(text, "}");
        config_json_definitions(text, row->section);
    }
}

void config_json(struct buf *ret_text)
{
    buf_text(ret_text, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"holdfast.yaml\",");
    buf_text(ret_text, "\"type\":\"object\",");
    config_json_rows(ret_text, &config_schema_root, 0);
    config_json_member(ret_text, "description", config_schema_root.prose);
    buf_text(ret_text, ",\"$defs\":{\"secret\":{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1,"
                       "\"additionalProperties\":false,\"properties\":{"
                       "\"file\":{\"type\":\"string\",\"pattern\":\"^/\"},"
                       "\"env\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_.-]{1,63}$\"}},"
                       "\"description\":\"Where a secret is: a file or an environment variable.\"}");
    config_json_definitions(ret_text, &config_schema_root);
    buf_text(ret_text, "}}\n");
}
