/* SPDX-License-Identifier: Apache-2.0
 * What a Redis server says about its part in replication. */
#include "wire/redis_info.h"

#include <string.h>

#include "base/cursor.h"

enum {
    REDIS_INFO_DIGITS = 18, /* more are no offset that a server comes to */
};

/* What the lines said, before the role is known to give it a meaning. */
struct redis_info_lines {
    bool any_role;
    bool up;
    bool syncing;
    bool loading;
    uint64_t written;
    uint64_t processed;
    bool any_processed;
    bool bad; /* a number that is none */
};

static uint64_t redis_info_number(struct span value, struct redis_info_lines *lines)
{
    struct cursor cursor;
    uint64_t number = 0;
    cursor_init(&cursor, value.data, value.size);
    lines->bad = lines->bad || value.size == 0 || value.size > REDIS_INFO_DIGITS;
    while (!lines->bad && cursor_left(&cursor) > 0) {
        const uint8_t digit = cursor_u8(&cursor);
        lines->bad = digit < '0' || digit > '9';
        number = number * 10 + (uint64_t)(digit - '0');
    }
    return lines->bad ? 0 : number;
}

static void redis_info_line(struct span name, struct span value, struct redis_info *info,
                            struct redis_info_lines *lines)
{
    if (span_is(name, "role")) {
        lines->any_role = span_is(value, "master") || span_is(value, "slave");
        info->primary = span_is(value, "master");
    } else if (span_is(name, "master_host") && value.size < sizeof info->host) {
        memcpy(info->host, value.data, value.size);
        info->host[value.size] = 0;
    } else if (span_is(name, "master_port")) {
        const uint64_t port = redis_info_number(value, lines);
        lines->bad = lines->bad || port > UINT16_MAX;
        info->port = (uint16_t)port;
    } else if (span_is(name, "master_link_status")) {
        lines->up = span_is(value, "up");
    } else if (span_is(name, "master_sync_in_progress")) {
        lines->syncing = !span_is(value, "0");
    } else if (span_is(name, "loading")) {
        lines->loading = !span_is(value, "0");
    } else if (span_is(name, "master_repl_offset")) {
        lines->written = redis_info_number(value, lines);
    } else if (span_is(name, "slave_repl_offset")) {
        lines->processed = redis_info_number(value, lines);
        lines->any_processed = true;
    }
}

static struct span redis_info_trim(struct span line)
{
    const bool ended = line.size > 0 && line.data[line.size - 1] == '\r';
    return span_of(line.data, ended ? line.size - 1 : line.size);
}

enum err redis_info_parse(struct span text, struct redis_info *ret_info)
{
    struct redis_info info = {.offset = 0};
    struct redis_info_lines lines = {.any_role = false};
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0 && memchr(cursor.data + cursor.at, '\n', cursor_left(&cursor)) != NULL) {
        const struct span line = redis_info_trim(cursor_until(&cursor, '\n'));
        struct cursor inner;
        cursor_init(&inner, line.data, line.size);
        const struct span name = cursor_until(&inner, ':');
        if (cursor_ok(&inner)) {
            redis_info_line(name, cursor_span(&inner, cursor_left(&inner)), &info, &lines);
        }
    }
    if (!lines.any_role || lines.bad) {
        return ERR_PROTOCOL;
    }
    info.loading = lines.loading || lines.syncing;
    info.linked = !info.primary && lines.up && !lines.syncing;
    info.offset = !info.primary && lines.any_processed ? lines.processed : lines.written;
    *ret_info = info;
    return ERR_OK;
}
