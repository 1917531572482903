/* SPDX-License-Identifier: Apache-2.0
 * Words, choices and ranges of the schema's rows. */
#include "wire/config_key.h"

#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "wire/config_value.h"

const char *config_key_type_text(enum config_schema_type type)
{
    static const char *const texts[] = {
#define CONFIG_KEY_TEXT(name, text) text,
        CONFIG_SCHEMA_TYPES(CONFIG_KEY_TEXT)
#undef CONFIG_KEY_TEXT
    };
    ASSERT((size_t)type < sizeof texts / sizeof texts[0]);
    return texts[type];
}

const char *config_key_target_text(enum config_schema_target target)
{
    static const char *const texts[] = {"nothing", "a region", "a database", "a node of this database",
                                        "a site",  "a check"};
    ASSERT((size_t)target < sizeof texts / sizeof texts[0]);
    return texts[target];
}

const char *config_key_choice_name(const struct config_schema_choice *choices, uint32_t value)
{
    for (; choices->name != NULL; choices++) {
        if (choices->value == value) {
            return choices->name;
        }
    }
    return NULL;
}

const struct config_schema_choice *config_key_choice(const struct config_schema_choice *choices, const char *name)
{
    for (; choices->name != NULL; choices++) {
        if (strcmp(choices->name, name) == 0) {
            return choices;
        }
    }
    return NULL;
}

bool config_key_applies(const struct config_schema_row *row, uint32_t kinds)
{
    return row->kinds == 0 || (row->kinds & kinds) != 0;
}

void config_key_kinds(uint32_t kinds, struct buf *ret_text)
{
    bool first = true;
    for (const struct config_schema_choice *kind = config_schema_kinds; kind->name != NULL; kind++) {
        if ((kinds & (1U << kind->value)) != 0) {
            buf_printf(ret_text, "%s%s", first ? "" : ", ", kind->name);
            first = false;
        }
    }
}

bool config_key_ranged(enum config_schema_type type)
{
    return type == CONFIG_SCHEMA_INTEGER || type == CONFIG_SCHEMA_DURATION_MS || type == CONFIG_SCHEMA_DURATION_US ||
           type == CONFIG_SCHEMA_SHARE || type == CONFIG_SCHEMA_DECIMAL || type == CONFIG_SCHEMA_SIZE;
}

void config_key_number(enum config_schema_type type, uint64_t value, struct buf *ret_text)
{
    char text[CONFIG_VALUE_TEXT];
    ASSERT(config_key_ranged(type));
    if (type == CONFIG_SCHEMA_INTEGER) {
        buf_printf(ret_text, "%" PRIu64, value);
        return;
    }
    if (type == CONFIG_SCHEMA_SHARE) {
        config_value_share_print(value, text);
    } else if (type == CONFIG_SCHEMA_DECIMAL) {
        config_value_decimal_print(value, text);
    } else if (type == CONFIG_SCHEMA_SIZE) {
        config_value_size_print(value, text);
    } else {
        config_value_duration_print(value, text);
    }
    buf_text(ret_text, text);
}

static void config_key_choices(const struct config_schema_choice *choices, struct buf *ret_text)
{
    for (const struct config_schema_choice *choice = choices; choice->name != NULL; choice++) {
        buf_printf(ret_text, "%s%s", choice == choices ? " " : ", ", choice->name);
    }
}

void config_key_expected(const struct config_schema_row *row, struct buf *ret_text)
{
    const bool list = row->type == CONFIG_SCHEMA_LIST;
    const enum config_schema_type type = list ? row->item : row->type;
    buf_text(ret_text, list ? "a list; each " : "");
    if (type == CONFIG_SCHEMA_REFERENCE) {
        buf_printf(ret_text, "the name of %s", config_key_target_text(row->target));
        return;
    }
    buf_text(ret_text, config_key_type_text(type));
    if (type == CONFIG_SCHEMA_ENUM || type == CONFIG_SCHEMA_FLAGS) {
        config_key_choices(row->choices, ret_text);
    } else if (type == CONFIG_SCHEMA_TEXT) {
        const bool limited = !list && row->max > 0;
        buf_printf(ret_text, " of at most %" PRIu64 " bytes", limited ? row->max : CONFIG_SCHEMA_TEXT_BYTES);
    } else if (config_key_ranged(type)) {
        buf_text(ret_text, ", from ");
        config_key_number(type, row->min, ret_text);
        buf_text(ret_text, " to ");
        config_key_number(type, row->max, ret_text);
    }
}
