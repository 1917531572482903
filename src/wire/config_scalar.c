/* SPDX-License-Identifier: Apache-2.0
 * One scalar of the configuration into its member. */
#include "wire/config_scalar.h"

#include <string.h>

#include "base/assert.h"
#include "wire/config_key.h"
#include "wire/config_value.h"

enum {
    CONFIG_SCALAR_SOCKET_BYTES = 107, /* of a unix socket's path: sun_path without its terminator */
    CONFIG_SCALAR_US_PER_MS = 1000,
};

/* Whether the text is well-formed for a type that is kept as text. */
static bool config_scalar_text_valid(enum config_schema_type type, const char *text)
{
    switch ((int)type) {
    case CONFIG_SCHEMA_NAME:
        return config_value_name(text);
    case CONFIG_SCHEMA_WORD:
        return config_value_word(text);
    case CONFIG_SCHEMA_DOMAIN:
        return config_value_domain(text);
    case CONFIG_SCHEMA_LABEL:
        return strcmp(text, "@") == 0 || (config_value_domain(text) && text[strlen(text) - 1] != '.');
    case CONFIG_SCHEMA_PATH:
        return text[0] == '/';
    default:
        return text[0] != '\0';
    }
}

static enum config_scalar_result config_scalar_text(struct arena *arena, const struct config_schema_row *row,
                                                    enum config_schema_type type, const char *text, void *slot)
{
    if (!config_scalar_text_valid(type, text)) {
        return CONFIG_SCALAR_BAD;
    }
    if (strlen(text) > (row->max > 0 ? row->max : CONFIG_SCHEMA_TEXT_BYTES)) {
        return CONFIG_SCALAR_RANGE;
    }
    const char *copy = arena_text(arena, text);
    if (copy == NULL) {
        return CONFIG_SCALAR_MEMORY;
    }
    memcpy(slot, &copy, sizeof copy);
    return CONFIG_SCALAR_OK;
}

static bool config_scalar_parse(enum config_schema_type type, const char *text, uint64_t *ret_value)
{
    switch ((int)type) {
    case CONFIG_SCHEMA_INTEGER:
        return config_value_integer(text, ret_value);
    case CONFIG_SCHEMA_SHARE:
        return config_value_share(text, ret_value);
    case CONFIG_SCHEMA_DECIMAL:
        return config_value_decimal(text, ret_value);
    case CONFIG_SCHEMA_SIZE:
        return config_value_size(text, ret_value);
    default:
        ASSERT(type == CONFIG_SCHEMA_DURATION_MS || type == CONFIG_SCHEMA_DURATION_US);
        return config_value_duration(text, ret_value);
    }
}

static enum config_scalar_result config_scalar_number(const struct config_schema_row *row, enum config_schema_type type,
                                                      const char *text, void *slot)
{
    uint64_t value;
    if (!config_scalar_parse(type, text, &value)) {
        return CONFIG_SCALAR_BAD;
    }
    if (value < row->min || value > row->max) {
        return CONFIG_SCALAR_RANGE;
    }
    if (type == CONFIG_SCHEMA_SIZE) {
        memcpy(slot, &value, sizeof value);
        return CONFIG_SCALAR_OK;
    }
    value /= type == CONFIG_SCHEMA_DURATION_MS ? CONFIG_SCALAR_US_PER_MS : 1;
    ASSERT(value <= UINT32_MAX); /* the row's maximum keeps it */
    const uint32_t narrow = (uint32_t)value;
    memcpy(slot, &narrow, sizeof narrow);
    return CONFIG_SCALAR_OK;
}

static enum config_scalar_result config_scalar_address(struct arena *arena, enum config_schema_type type,
                                                       const char *text, void *slot)
{
    struct config_network network = {.prefix_bits = 0};
    struct config_address *address = &network.address;
    if (type == CONFIG_SCHEMA_NETWORK) {
        if (!config_value_network(text, &network)) {
            return CONFIG_SCALAR_BAD;
        }
    } else if (type == CONFIG_SCHEMA_SOCKET && text[0] == '/') {
        address->family = CONFIG_FAMILY_UNIX;
        if (strlen(text) > CONFIG_SCALAR_SOCKET_BYTES) {
            return CONFIG_SCALAR_RANGE;
        }
    } else if (!config_value_address(text, address)) {
        return CONFIG_SCALAR_BAD;
    }
    address->text = arena_text(arena, text);
    if (address->text == NULL) {
        return CONFIG_SCALAR_MEMORY;
    }
    if (type == CONFIG_SCHEMA_NETWORK) {
        memcpy(slot, &network, sizeof network);
    } else {
        memcpy(slot, address, sizeof *address);
    }
    return CONFIG_SCALAR_OK;
}

static enum config_scalar_result config_scalar_url(struct arena *arena, const char *text, void *slot)
{
    struct config_value_url parts;
    if (!config_value_url(text, &parts)) {
        return CONFIG_SCALAR_BAD;
    }
    if (strlen(text) > CONFIG_SCHEMA_TEXT_BYTES) {
        return CONFIG_SCALAR_RANGE;
    }
    struct config_url url = {
        .text = arena_text(arena, text),
        .host = arena_copy(arena, parts.host.data, parts.host.size),
        .port = parts.port,
        .tls = parts.tls,
    };
    const bool slash = parts.path.size > 0 && parts.path.data[0] == '/';
    char *path = arena_alloc(arena, parts.path.size + 2);
    if (url.text == NULL || url.host == NULL || path == NULL) {
        return CONFIG_SCALAR_MEMORY;
    }
    path[0] = '/';
    memcpy(path + (slash ? 0 : 1), parts.path.data, parts.path.size);
    url.path = path;
    memcpy(slot, &url, sizeof url);
    return CONFIG_SCALAR_OK;
}

static enum config_scalar_result config_scalar_enum(const struct config_schema_row *row, const char *text, void *slot)
{
    const struct config_schema_choice *choice = config_key_choice(row->choices, text);
    if (choice == NULL) {
        return CONFIG_SCALAR_BAD;
    }
    memcpy(slot, &choice->value, sizeof choice->value);
    return CONFIG_SCALAR_OK;
}

static enum config_scalar_result config_scalar_boolean(const char *text, void *slot)
{
    bool value;
    if (!config_value_boolean(text, &value)) {
        return CONFIG_SCALAR_BAD;
    }
    memcpy(slot, &value, sizeof value);
    return CONFIG_SCALAR_OK;
}

static enum config_scalar_result config_scalar_limit(const char *text, void *slot)
{
    struct config_limit limit;
    if (!config_value_limit(text, &limit)) {
        return CONFIG_SCALAR_BAD;
    }
    memcpy(slot, &limit, sizeof limit);
    return CONFIG_SCALAR_OK;
}

enum config_scalar_result config_scalar_read(struct arena *arena, const struct config_schema_row *row,
                                             enum config_schema_type type, const char *text, void *slot)
{
    if (config_key_ranged(type)) {
        return config_scalar_number(row, type, text, slot);
    }
    switch ((int)type) {
    case CONFIG_SCHEMA_BOOLEAN:
        return config_scalar_boolean(text, slot);
    case CONFIG_SCHEMA_LIMIT:
        return config_scalar_limit(text, slot);
    case CONFIG_SCHEMA_ENUM:
        return config_scalar_enum(row, text, slot);
    case CONFIG_SCHEMA_URL:
        return config_scalar_url(arena, text, slot);
    case CONFIG_SCHEMA_ADDRESS:
    case CONFIG_SCHEMA_SOCKET:
    case CONFIG_SCHEMA_NETWORK:
        return config_scalar_address(arena, type, text, slot);
    default:
        ASSERT(type <= CONFIG_SCHEMA_PATH);
        return config_scalar_text(arena, row, type, text, slot);
    }
}

size_t config_scalar_size(enum config_schema_type type)
{
    switch ((int)type) {
    case CONFIG_SCHEMA_ADDRESS:
    case CONFIG_SCHEMA_SOCKET:
        return sizeof(struct config_address);
    case CONFIG_SCHEMA_NETWORK:
        return sizeof(struct config_network);
    case CONFIG_SCHEMA_REFERENCE:
        return sizeof(uint32_t);
    default:
        ASSERT(type <= CONFIG_SCHEMA_PATH); /* the only other items of lists are texts */
        return sizeof(const char *);
    }
}
