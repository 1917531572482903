/* SPDX-License-Identifier: Apache-2.0
 * The first packet of a PostgreSQL connection. */
#include "wire/pg_startup.h"

#include "base/assert.h"
#include "base/cursor.h"

enum {
    PG_STARTUP_HEAD = 8,          /* length and code */
    PG_STARTUP_CODE_MAJOR = 1234, /* the "version" of requests that are no sessions */
    PG_STARTUP_CODE_CANCEL = 5678,
    PG_STARTUP_CODE_SSL = 5679,
    PG_STARTUP_CODE_GSSENC = 5680,
    PG_STARTUP_MAJOR = 3,
};

enum err pg_startup_measure(struct span bytes, uint32_t *ret_size)
{
    if (bytes.size < 4) {
        *ret_size = 0;
        return ERR_OK;
    }
    struct cursor cursor;
    cursor_init(&cursor, bytes.data, bytes.size);
    const uint32_t size = cursor_u32be(&cursor);
    if (size < PG_STARTUP_HEAD) {
        return ERR_PROTOCOL;
    }
    if (size > PG_STARTUP_LIMIT) {
        return ERR_TOO_LARGE;
    }
    *ret_size = size;
    return ERR_OK;
}

static void pg_startup_parameter(struct pg_startup *startup, struct span name, struct span value)
{
    if (span_is(name, "user")) {
        startup->user = value;
    } else if (span_is(name, "database")) {
        startup->database = value;
    } else if (span_is(name, "application_name")) {
        startup->application_name = value;
    } else if (span_is(name, "replication")) {
        startup->replication = value;
    }
}

/* Pairs of zero-terminated strings, ended by an empty name. */
static enum err pg_startup_session(struct cursor *cursor, struct pg_startup *startup)
{
    const uint8_t *first = cursor->data + cursor->at;
    uint32_t pairs = 0;
    for (;;) {
        const uint8_t *here = cursor->data + cursor->at;
        const struct span name = cursor_until(cursor, 0);
        if (!cursor_ok(cursor)) {
            return ERR_PROTOCOL;
        }
        if (name.size == 0) {
            startup->parameters = span_of(first, (size_t)(here - first));
            break;
        }
        const struct span value = cursor_until(cursor, 0);
        if (!cursor_ok(cursor) || ++pairs > PG_STARTUP_PARAMETERS) {
            return ERR_PROTOCOL;
        }
        pg_startup_parameter(startup, name, value);
    }
    if (cursor_left(cursor) != 0 || startup->user.size == 0) {
        return ERR_PROTOCOL;
    }
    if (startup->database.size == 0) {
        startup->database = startup->user;
    }
    return ERR_OK;
}

static enum err pg_startup_request(struct cursor *cursor, uint16_t code, struct pg_startup *startup)
{
    switch (code) {
    case PG_STARTUP_CODE_CANCEL: {
        startup->kind = PG_STARTUP_CANCEL;
        startup->cancel_pid = cursor_u32be(cursor);
        const size_t size = cursor_left(cursor);
        startup->cancel_secret = cursor_span(cursor, size);
        const bool good = cursor_ok(cursor) && size >= PG_STARTUP_SECRET_MINIMUM && size <= PG_STARTUP_SECRET;
        return good ? ERR_OK : ERR_PROTOCOL;
    }
    case PG_STARTUP_CODE_SSL:
        startup->kind = PG_STARTUP_SSL;
        break;
    case PG_STARTUP_CODE_GSSENC:
        startup->kind = PG_STARTUP_GSSENC;
        break;
    default:
        return ERR_PROTOCOL;
    }
    return cursor_left(cursor) == 0 ? ERR_OK : ERR_PROTOCOL;
}

enum err pg_startup_parse(struct span packet, struct pg_startup *ret_startup)
{
    struct cursor cursor;
    cursor_init(&cursor, packet.data, packet.size);
    const uint32_t size = cursor_u32be(&cursor);
    struct pg_startup startup = {.kind = PG_STARTUP_SESSION};
    startup.major = cursor_u16be(&cursor);
    startup.minor = cursor_u16be(&cursor);
    if (!cursor_ok(&cursor) || size != packet.size || size > PG_STARTUP_LIMIT) {
        return ERR_PROTOCOL;
    }
    enum err err;
    if (startup.major == PG_STARTUP_CODE_MAJOR) {
        err = pg_startup_request(&cursor, startup.minor, &startup);
    } else if (startup.major != PG_STARTUP_MAJOR) {
        err = ERR_UNSUPPORTED;
    } else {
        err = pg_startup_session(&cursor, &startup);
    }
    if (err == ERR_OK) {
        *ret_startup = startup;
    }
    return err;
}

static void pg_startup_string(struct buf *buf, struct span text)
{
    buf_bytes(buf, text.data, text.size);
    buf_u8(buf, 0);
}

/* Writes the length of the packet that began at `start` into its first four bytes. */
static void pg_startup_close(struct buf *buf, size_t start)
{
    if (buf->overflow) {
        return;
    }
    const size_t size = buf->size - start;
    ASSERT(size >= PG_STARTUP_HEAD && size <= UINT32_MAX);
    buf->data[start] = (uint8_t)(size >> 24);
    buf->data[start + 1] = (uint8_t)(size >> 16);
    buf->data[start + 2] = (uint8_t)(size >> 8);
    buf->data[start + 3] = (uint8_t)size;
}

/* Options of the protocol itself. */
static bool pg_startup_option(struct span name)
{
    static const char prefix[] = "_pq_.";
    return name.size >= sizeof prefix - 1 && memcmp(name.data, prefix, sizeof prefix - 1) == 0;
}

/* The pairs, some left out, and the end of the packet. */
static void pg_startup_pairs(struct buf *buf, const struct pg_startup *startup, const char *database, bool options)
{
    struct cursor cursor;
    cursor_init(&cursor, startup->parameters.data, startup->parameters.size);
    while (cursor_left(&cursor) > 0) {
        const struct span name = cursor_until(&cursor, 0);
        const struct span value = cursor_until(&cursor, 0);
        const bool kept = (database == NULL || !span_is(name, "database")) && (options || !pg_startup_option(name));
        if (cursor_ok(&cursor) && kept) {
            pg_startup_string(buf, name);
            pg_startup_string(buf, value);
        }
    }
    if (database != NULL) {
        pg_startup_string(buf, span_text("database"));
        pg_startup_string(buf, span_text(database));
    }
    buf_u8(buf, 0);
}

void pg_startup_write(struct buf *buf, const struct pg_startup *startup, const char *database)
{
    ASSERT(startup->kind == PG_STARTUP_SESSION);
    const size_t start = buf->size;
    buf_u32be(buf, 0);
    buf_u16be(buf, startup->major);
    buf_u16be(buf, startup->minor);
    pg_startup_pairs(buf, startup, database, true);
    pg_startup_close(buf, start);
}

void pg_startup_plain_write(struct buf *buf, const struct pg_startup *startup)
{
    ASSERT(startup->kind == PG_STARTUP_SESSION);
    const size_t start = buf->size;
    buf_u32be(buf, 0);
    buf_u16be(buf, startup->major);
    buf_u16be(buf, 0);
    pg_startup_pairs(buf, startup, NULL, false);
    pg_startup_close(buf, start);
}

bool pg_startup_negotiate_write(struct buf *buf, const struct pg_startup *startup)
{
    uint8_t memory[PG_STARTUP_LIMIT];
    struct buf names;
    struct cursor cursor;
    uint32_t count = 0;
    buf_init(&names, memory, sizeof memory);
    cursor_init(&cursor, startup->parameters.data, startup->parameters.size);
    while (cursor_left(&cursor) > 0) {
        const struct span name = cursor_until(&cursor, 0);
        (void)cursor_until(&cursor, 0);
        if (cursor_ok(&cursor) && pg_startup_option(name)) {
            pg_startup_string(&names, name);
            count++;
        }
    }
    if (startup->minor == 0 && count == 0) {
        return false;
    }
    ASSERT(!names.overflow);
    buf_u8(buf, 'v');
    buf_u32be(buf, (uint32_t)(3 * sizeof(uint32_t) + names.size));
    buf_u32be(buf, (uint32_t)startup->major << 16); /* the newest that we speak ourselves: 3.0 */
    buf_u32be(buf, count);
    buf_bytes(buf, names.data, names.size);
    return true;
}

void pg_startup_ssl_write(struct buf *buf)
{
    buf_u32be(buf, PG_STARTUP_HEAD);
    buf_u16be(buf, PG_STARTUP_CODE_MAJOR);
    buf_u16be(buf, PG_STARTUP_CODE_SSL);
}

void pg_startup_cancel_write(struct buf *buf, uint32_t pid, struct span secret)
{
    const size_t start = buf->size;
    buf_u32be(buf, 0);
    buf_u16be(buf, PG_STARTUP_CODE_MAJOR);
    buf_u16be(buf, PG_STARTUP_CODE_CANCEL);
    buf_u32be(buf, pid);
    buf_bytes(buf, secret.data, secret.size);
    pg_startup_close(buf, start);
}
