/* SPDX-License-Identifier: Apache-2.0
 * The few typed PostgreSQL messages that a proxy reads or writes itself. */
#include "wire/pg_message.h"

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/pg_startup.h"

static bool pg_message_sqlstate_valid(struct span value)
{
    if (value.size != PG_MESSAGE_SQLSTATE - 1) {
        return false;
    }
    for (size_t i = 0; i < value.size; i++) {
        const uint8_t c = value.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) {
            return false;
        }
    }
    return true;
}

static void pg_message_error_field(struct pg_message_error *error, uint8_t field, struct span value)
{
    switch (field) {
    case 'S':
        error->severity = error->severity.size == 0 ? value : error->severity;
        break;
    case 'V':
        error->severity = value;
        break;
    case 'C':
        if (pg_message_sqlstate_valid(value)) {
            memcpy(error->sqlstate, value.data, value.size);
            error->sqlstate[PG_MESSAGE_SQLSTATE - 1] = '\0';
        }
        break;
    case 'M':
        error->message = value;
        break;
    default:
        break;
    }
}

enum err pg_message_error_parse(struct span body, struct pg_message_error *ret_error)
{
    struct pg_message_error error = {.sqlstate = ""};
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    while (cursor_left(&cursor) > 0) {
        const uint8_t field = cursor_u8(&cursor);
        if (field == 0) {
            break;
        }
        const struct span value = cursor_until(&cursor, 0);
        if (!cursor_ok(&cursor)) {
            break; /* cut off: what came before it counts */
        }
        pg_message_error_field(&error, field, value);
    }
    if (error.sqlstate[0] == '\0') {
        return ERR_PROTOCOL;
    }
    *ret_error = error;
    return ERR_OK;
}

enum err pg_message_ready_parse(struct span body, uint8_t *ret_status)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const uint8_t status = cursor_u8(&cursor);
    if (!cursor_ok(&cursor) || cursor_left(&cursor) != 0) {
        return ERR_PROTOCOL;
    }
    if (status != PG_MESSAGE_STATUS_IDLE && status != PG_MESSAGE_STATUS_TRANSACTION &&
        status != PG_MESSAGE_STATUS_FAILED) {
        return ERR_PROTOCOL;
    }
    *ret_status = status;
    return ERR_OK;
}

enum err pg_message_parameter_parse(struct span body, struct span *ret_name, struct span *ret_value)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const struct span name = cursor_until(&cursor, 0);
    const struct span value = cursor_until(&cursor, 0);
    if (!cursor_ok(&cursor) || cursor_left(&cursor) != 0 || name.size == 0) {
        return ERR_PROTOCOL;
    }
    *ret_name = name;
    *ret_value = value;
    return ERR_OK;
}

enum err pg_message_key_parse(struct span body, uint32_t *ret_pid, struct span *ret_secret)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const uint32_t pid = cursor_u32be(&cursor);
    const struct span secret = cursor_span(&cursor, cursor_left(&cursor));
    if (!cursor_ok(&cursor) || secret.size < PG_STARTUP_SECRET_MINIMUM || secret.size > PG_STARTUP_SECRET) {
        return ERR_PROTOCOL;
    }
    *ret_pid = pid;
    *ret_secret = secret;
    return ERR_OK;
}

enum err pg_message_authentication_parse(struct span body, uint32_t *ret_code, struct span *ret_rest)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const uint32_t code = cursor_u32be(&cursor);
    const struct span rest = cursor_span(&cursor, cursor_left(&cursor));
    if (!cursor_ok(&cursor) || (code == PG_MESSAGE_AUTH_MD5 && rest.size != 4)) {
        return ERR_PROTOCOL;
    }
    *ret_code = code;
    *ret_rest = rest;
    return ERR_OK;
}

bool pg_message_mechanism_offered(struct span list, const char *mechanism)
{
    struct cursor cursor;
    cursor_init(&cursor, list.data, list.size);
    while (cursor_left(&cursor) > 0) {
        const struct span name = cursor_until(&cursor, 0);
        if (!cursor_ok(&cursor) || name.size == 0) {
            return false;
        }
        if (span_is(name, mechanism)) {
            return true;
        }
    }
    return false;
}

enum err pg_message_sasl_initial_parse(struct span body, struct span *ret_mechanism, struct span *ret_data)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    const struct span mechanism = cursor_until(&cursor, 0);
    const uint32_t size = cursor_u32be(&cursor);
    if (!cursor_ok(&cursor) || size != cursor_left(&cursor)) {
        return ERR_PROTOCOL;
    }
    *ret_mechanism = mechanism;
    *ret_data = cursor_span(&cursor, size);
    return ERR_OK;
}

static size_t pg_message_open(struct buf *buf, uint8_t type)
{
    buf_u8(buf, type);
    const size_t start = buf->size;
    buf_u32be(buf, 0);
    return start;
}

static void pg_message_close(struct buf *buf, size_t start)
{
    if (buf->overflow) {
        return;
    }
    const size_t size = buf->size - start;
    ASSERT(size >= 4 && size <= UINT32_MAX);
    buf->data[start] = (uint8_t)(size >> 24);
    buf->data[start + 1] = (uint8_t)(size >> 16);
    buf->data[start + 2] = (uint8_t)(size >> 8);
    buf->data[start + 3] = (uint8_t)size;
}

static void pg_message_string(struct buf *buf, const char *text)
{
    buf_bytes(buf, text, strlen(text) + 1);
}

static void pg_message_field(struct buf *buf, uint8_t field, const char *text)
{
    buf_u8(buf, field);
    pg_message_string(buf, text);
}

void pg_message_error_write(struct buf *buf, const char *severity, const char *sqlstate, const char *message,
                            const char *hint)
{
    ASSERT(strlen(sqlstate) == PG_MESSAGE_SQLSTATE - 1);
    const size_t start = pg_message_open(buf, PG_MESSAGE_ERROR);
    pg_message_field(buf, 'S', severity);
    pg_message_field(buf, 'V', severity);
    pg_message_field(buf, 'C', sqlstate);
    pg_message_field(buf, 'M', message);
    if (hint != NULL) {
        pg_message_field(buf, 'H', hint);
    }
    buf_u8(buf, 0);
    pg_message_close(buf, start);
}

void pg_message_ready_write(struct buf *buf, uint8_t status)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_READY);
    buf_u8(buf, status);
    pg_message_close(buf, start);
}

void pg_message_parameter_write(struct buf *buf, const char *name, const char *value)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_PARAMETER);
    pg_message_string(buf, name);
    pg_message_string(buf, value);
    pg_message_close(buf, start);
}

void pg_message_key_write(struct buf *buf, uint32_t pid, struct span secret)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_KEY);
    buf_u32be(buf, pid);
    buf_bytes(buf, secret.data, secret.size);
    pg_message_close(buf, start);
}

void pg_message_query_write(struct buf *buf, struct span text)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_QUERY);
    buf_bytes(buf, text.data, text.size);
    buf_u8(buf, 0);
    pg_message_close(buf, start);
}

void pg_message_sync_write(struct buf *buf)
{
    pg_message_close(buf, pg_message_open(buf, PG_MESSAGE_SYNC));
}

void pg_message_bind_write(struct buf *buf, const char *statement)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_BIND);
    buf_u8(buf, 0);
    buf_bytes(buf, statement, strlen(statement) + 1);
    buf_u16be(buf, 0); /* formats of parameters, parameters, formats of results */
    buf_u16be(buf, 0);
    buf_u16be(buf, 0);
    pg_message_close(buf, start);
}

void pg_message_password_write(struct buf *buf, struct span password)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_PASSWORD);
    buf_bytes(buf, password.data, password.size);
    buf_u8(buf, 0);
    pg_message_close(buf, start);
}

void pg_message_authentication_write(struct buf *buf, uint32_t code, struct span rest)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_AUTHENTICATION);
    buf_u32be(buf, code);
    buf_bytes(buf, rest.data, rest.size);
    pg_message_close(buf, start);
}

void pg_message_sasl_initial_write(struct buf *buf, const char *mechanism, struct span data)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_PASSWORD);
    pg_message_string(buf, mechanism);
    buf_u32be(buf, (uint32_t)data.size);
    buf_bytes(buf, data.data, data.size);
    pg_message_close(buf, start);
}

void pg_message_sasl_write(struct buf *buf, struct span data)
{
    const size_t start = pg_message_open(buf, PG_MESSAGE_PASSWORD);
    buf_bytes(buf, data.data, data.size);
    pg_message_close(buf, start);
}
