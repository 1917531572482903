/* SPDX-License-Identifier: Apache-2.0
 * Reads the answer of HAProxy's `show stat`. */
#include "edge/haproxy_stat.h"

#include <string.h>

#include "base/cursor.h"

enum { HAPROXY_STAT_COLUMNS = 256, HAPROXY_STAT_FIELD = 256 };

enum haproxy_stat_column {
    HAPROXY_COLUMN_PROXY,
    HAPROXY_COLUMN_SERVER,
    HAPROXY_COLUMN_STATUS,
    HAPROXY_COLUMN_WEIGHT,
    HAPROXY_COLUMN_SESSIONS,
    HAPROXY_COLUMN_REQUESTS,
    HAPROXY_COLUMN_5XX,
    HAPROXY_COLUMN_CONNECT_ERRORS,
    HAPROXY_COLUMN_RESPONSE_ERRORS,
    HAPROXY_COLUMNS
};

static const char *const haproxy_stat_columns[HAPROXY_COLUMNS] = {"pxname",  "svname",   "status", "weight", "stot",
                                                                  "req_tot", "hrsp_5xx", "econ",   "eresp"};

/* The columns we want of one line. */
struct haproxy_stat_row {
    struct span fields[HAPROXY_COLUMNS];
};

/* One field; `ret_last`: a line end came behind it. Quoted fields keep their inner quotes doubled: we compare none. */
static struct span haproxy_stat_field(struct cursor *cursor, bool *ret_last)
{
    const size_t begin = cursor->at;
    bool quoted = false;
    while (cursor_left(cursor) > 0) {
        const uint8_t c = cursor->data[cursor->at];
        if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ',' || c == '\n')) {
            const struct span field = {cursor->data + begin, cursor->at - begin};
            cursor_skip(cursor, 1);
            *ret_last = c == '\n';
            return field;
        }
        cursor_skip(cursor, 1);
    }
    *ret_last = true;
    return span_of(cursor->data + begin, cursor->at - begin);
}

static bool haproxy_stat_header(struct cursor *cursor, uint32_t positions[HAPROXY_COLUMNS])
{
    for (uint32_t i = 0; i < HAPROXY_COLUMNS; i++) {
        positions[i] = HAPROXY_STAT_COLUMNS;
    }
    bool last = false;
    for (uint32_t column = 0; column < HAPROXY_STAT_COLUMNS && !last; column++) {
        const struct span name = haproxy_stat_field(cursor, &last);
        for (uint32_t i = 0; i < HAPROXY_COLUMNS; i++) {
            if (span_is(name, haproxy_stat_columns[i])) {
                positions[i] = column;
            }
        }
    }
    return last && positions[HAPROXY_COLUMN_PROXY] != HAPROXY_STAT_COLUMNS &&
           positions[HAPROXY_COLUMN_SERVER] != HAPROXY_STAT_COLUMNS &&
           positions[HAPROXY_COLUMN_STATUS] != HAPROXY_STAT_COLUMNS;
}

static bool haproxy_stat_row(struct cursor *cursor, const uint32_t positions[HAPROXY_COLUMNS],
                             struct haproxy_stat_row *ret_row)
{
    struct haproxy_stat_row row = {{{NULL, 0}}};
    bool last = false;
    for (uint32_t column = 0; !last; column++) {
        const struct span field = haproxy_stat_field(cursor, &last);
        for (uint32_t i = 0; i < HAPROXY_COLUMNS; i++) {
            if (positions[i] == column) {
                row.fields[i] = field;
            }
        }
    }
    *ret_row = row;
    return row.fields[HAPROXY_COLUMN_SERVER].size > 0;
}

static int64_t haproxy_stat_number(struct span field)
{
    int64_t number = 0;
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] < '0' || field.data[i] > '9' || number > INT64_MAX / 10 - 10) {
            return 0;
        }
        number = number * 10 + (field.data[i] - '0');
    }
    return number;
}

static bool haproxy_stat_copy(struct span field, char name[HAPROXY_STAT_NAME])
{
    if (field.size == 0 || field.size >= HAPROXY_STAT_NAME || memchr(field.data, 0, field.size) != NULL) {
        return false;
    }
    memcpy(name, field.data, field.size);
    name[field.size] = 0;
    return true;
}

static enum err haproxy_stat_server(const struct haproxy_stat_row *row, struct haproxy_stat *stat)
{
    if (stat->servers_count == HAPROXY_STAT_SERVERS) {
        return ERR_TOO_LARGE;
    }
    struct haproxy_stat_server *server = &stat->servers[stat->servers_count];
    const struct span status = row->fields[HAPROXY_COLUMN_STATUS];
    if (!haproxy_stat_copy(row->fields[HAPROXY_COLUMN_SERVER], server->name)) {
        return ERR_PROTOCOL;
    }
    server->up = (status.size >= 2 && memcmp(status.data, "UP", 2) == 0) || span_is(status, "no check");
    const int64_t weight = haproxy_stat_number(row->fields[HAPROXY_COLUMN_WEIGHT]);
    server->weight = weight > UINT32_MAX ? UINT32_MAX : (uint32_t)weight;
    stat->servers_up += server->up ? 1 : 0;
    stat->servers_count++;
    return ERR_OK;
}

static void haproxy_stat_totals(const struct haproxy_stat_row *row, struct haproxy_stat *stat)
{
    stat->http = row->fields[HAPROXY_COLUMN_5XX].size > 0;
    if (stat->http) {
        const bool counted = row->fields[HAPROXY_COLUMN_REQUESTS].size > 0;
        stat->requests = haproxy_stat_number(row->fields[counted ? HAPROXY_COLUMN_REQUESTS : HAPROXY_COLUMN_SESSIONS]);
        stat->errors = haproxy_stat_number(row->fields[HAPROXY_COLUMN_5XX]);
    } else {
        stat->requests = haproxy_stat_number(row->fields[HAPROXY_COLUMN_SESSIONS]);
        stat->errors = haproxy_stat_number(row->fields[HAPROXY_COLUMN_CONNECT_ERRORS]) +
                       haproxy_stat_number(row->fields[HAPROXY_COLUMN_RESPONSE_ERRORS]);
    }
}

/* Which backend is meant when none was named: the only one. */
static enum err haproxy_stat_choose(struct cursor cursor, const uint32_t positions[HAPROXY_COLUMNS],
                                    char name[HAPROXY_STAT_NAME])
{
    uint32_t found = 0;
    struct haproxy_stat_row row;
    while (cursor_left(&cursor) > 0 && haproxy_stat_row(&cursor, positions, &row)) {
        if (span_is(row.fields[HAPROXY_COLUMN_SERVER], "BACKEND")) {
            found++;
            if (!haproxy_stat_copy(row.fields[HAPROXY_COLUMN_PROXY], name)) {
                return ERR_PROTOCOL;
            }
        }
    }
    return found == 1 ? ERR_OK : ERR_NOT_FOUND;
}

static enum err haproxy_stat_collect(struct cursor *cursor, const uint32_t positions[HAPROXY_COLUMNS],
                                     struct haproxy_stat *stat)
{
    bool found = false;
    struct haproxy_stat_row row;
    while (cursor_left(cursor) > 0 && haproxy_stat_row(cursor, positions, &row)) {
        if (!span_is(row.fields[HAPROXY_COLUMN_PROXY], stat->backend) ||
            span_is(row.fields[HAPROXY_COLUMN_SERVER], "FRONTEND")) {
            continue;
        }
        if (span_is(row.fields[HAPROXY_COLUMN_SERVER], "BACKEND")) {
            haproxy_stat_totals(&row, stat);
            found = true;
            continue;
        }
        const enum err err = haproxy_stat_server(&row, stat);
        if (err != ERR_OK) {
            return err;
        }
    }
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err haproxy_stat_parse(struct span text, const char *backend, struct haproxy_stat *ret_stat)
{
    struct cursor cursor;
    uint32_t positions[HAPROXY_COLUMNS];
    cursor_init(&cursor, text.data, text.size);
    if (!span_is(cursor_span(&cursor, 2), "# ") || !haproxy_stat_header(&cursor, positions)) {
        return ERR_PROTOCOL;
    }
    struct haproxy_stat stat;
    memset(&stat, 0, sizeof stat);
    enum err err = ERR_OK;
    if (backend[0] == 0) {
        err = haproxy_stat_choose(cursor, positions, stat.backend);
    } else if (!haproxy_stat_copy(span_text(backend), stat.backend)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_OK) {
        err = haproxy_stat_collect(&cursor, positions, &stat);
    }
    if (err == ERR_OK) {
        *ret_stat = stat;
    }
    return err;
}
