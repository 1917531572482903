/* SPDX-License-Identifier: Apache-2.0
 * Lines of PostgreSQL's decoding plugin test_decoding, read one at a time and turned into JSON. */
#include "reconcile/salvage_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum {
    SALVAGE_TEXT_TABLES = 256, /* of one TRUNCATE */
    SALVAGE_TEXT_FIRST = 4096,
};

void salvage_text_reset(struct salvage_text_buf *buf, const char *start)
{
    buf->size = 0;
    buf->overflow = false;
    salvage_text_add(buf, start, strlen(start));
}

void salvage_text_free(struct salvage_text_buf *buf)
{
    free(buf->data);
    *buf = (struct salvage_text_buf){.data = NULL};
}

void salvage_text_add(struct salvage_text_buf *buf, const void *data, size_t size)
{
    if (buf->overflow || size > buf->limit || buf->size > buf->limit - size) {
        buf->overflow = true;
        return;
    }
    if (buf->size + size + 1 > buf->capacity) {
        size_t capacity = buf->capacity > 0 ? buf->capacity : SALVAGE_TEXT_FIRST;
        while (capacity < buf->size + size + 1) {
            capacity *= 2;
        }
        char *grown = realloc(buf->data, capacity);
        if (grown == NULL) {
            buf->overflow = true;
            return;
        }
        buf->data = grown;
        buf->capacity = capacity;
    }
    if (size > 0) {
        memcpy(buf->data + buf->size, data, size);
    }
    buf->size += size;
    buf->data[buf->size] = '\0';
}

static void salvage_text_put(struct salvage_text_buf *buf, const char *text)
{
    salvage_text_add(buf, text, strlen(text));
}

static void salvage_text_escape(struct salvage_text_buf *buf, uint8_t byte)
{
    char text[8];
    snprintf(text, sizeof text, byte == '"' ? "\\\"" : byte == '\\' ? "\\\\" : "\\u%04x", byte);
    salvage_text_put(buf, text);
}

/* The inside of a JSON string; a byte equal to `doubled` (0: none) stands twice in the source and once in the string.
 */
static void salvage_text_inside(struct salvage_text_buf *buf, struct span text, uint8_t doubled)
{
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        const bool twice = doubled != 0 && byte == doubled;
        if (byte != '"' && byte != '\\' && byte >= 0x20 && !twice) {
            continue;
        }
        salvage_text_add(buf, text.data + from, i - from);
        if (twice && byte != '"') {
            salvage_text_add(buf, &byte, 1);
        } else {
            salvage_text_escape(buf, byte);
        }
        i += twice ? 1 : 0; /* its twin */
        from = i + 1;
    }
    if (from < text.size) {
        salvage_text_add(buf, text.data + from, text.size - from);
    }
}

void salvage_text_add_string(struct salvage_text_buf *buf, struct span text)
{
    salvage_text_put(buf, "\"");
    salvage_text_inside(buf, text, 0);
    salvage_text_put(buf, "\"");
}

static bool salvage_text_next(struct cursor *cursor, const char *word)
{
    const size_t size = strlen(word);
    if (cursor_left(cursor) < size || memcmp(cursor->data + cursor->at, word, size) != 0) {
        return false;
    }
    cursor_skip(cursor, size);
    return true;
}

static uint8_t salvage_text_peek(const struct cursor *cursor)
{
    return cursor_left(cursor) > 0 ? cursor->data[cursor->at] : 0;
}

/* What stands between two quotes, doubled ones inside included; the cursor is behind the first. */
static struct span salvage_text_quoted(struct cursor *cursor, uint8_t quote)
{
    const size_t start = cursor->at;
    while (cursor_left(cursor) > 0) {
        if (cursor_u8(cursor) != quote) {
            continue;
        }
        if (salvage_text_peek(cursor) != quote || cursor_left(cursor) == 0) {
            return span_of(cursor->data + start, cursor->at - 1 - start);
        }
        cursor_skip(cursor, 1);
    }
    cursor_fail(cursor);
    return (struct span){NULL, 0};
}

struct salvage_text_name {
    struct span text;
    bool quoted;
};

/* A name as quote_identifier() prints it; a plain one ends at a byte that cannot be in it. */
static struct salvage_text_name salvage_text_identifier(struct cursor *cursor)
{
    struct salvage_text_name name = {.quoted = salvage_text_peek(cursor) == '"'};
    if (name.quoted) {
        cursor_skip(cursor, 1);
        name.text = salvage_text_quoted(cursor, '"');
        return name;
    }
    const size_t start = cursor->at;
    while (cursor_left(cursor) > 0 && strchr(".[:, ", salvage_text_peek(cursor)) == NULL) {
        cursor_skip(cursor, 1);
    }
    name.text = span_of(cursor->data + start, cursor->at - start);
    if (name.text.size == 0) {
        cursor_fail(cursor);
    }
    return name;
}

static void salvage_text_add_name(struct salvage_text_buf *json, struct salvage_text_name name)
{
    salvage_text_put(json, "\"");
    salvage_text_inside(json, name.text, name.quoted ? '"' : 0);
    salvage_text_put(json, "\"");
}

/* "[integer]", "[character varying]", "[public.\"odd]type\"[]]": skipped; types are taken from the catalog. */
static void salvage_text_type(struct cursor *cursor)
{
    uint32_t depth = 0;
    do {
        const uint8_t byte = cursor_u8(cursor);
        if (byte == '"') {
            (void)salvage_text_quoted(cursor, '"');
        } else if (byte == '[') {
            depth++;
        } else if (byte == ']') {
            depth--;
        }
    } while (depth > 0 && cursor_ok(cursor));
}

/* A value, as a JSON string or null. False: it is not repeated in the log, nothing was added. */
static bool salvage_text_value(struct cursor *cursor, struct salvage_text_buf *json)
{
    if (salvage_text_next(cursor, "unchanged-toast-datum")) {
        return false;
    }
    if (salvage_text_next(cursor, "null")) {
        salvage_text_put(json, "null");
        return true;
    }
    const bool bits = salvage_text_next(cursor, "B'");
    salvage_text_put(json, "\"");
    if (bits || salvage_text_next(cursor, "'")) {
        salvage_text_inside(json, salvage_text_quoted(cursor, '\''), '\'');
    } else {
        const size_t start = cursor->at;
        while (cursor_left(cursor) > 0 && salvage_text_peek(cursor) != ' ') {
            cursor_skip(cursor, 1);
        }
        if (cursor->at == start) {
            cursor_fail(cursor);
        }
        salvage_text_inside(json, span_of(cursor->data + start, cursor->at - start), 0);
    }
    salvage_text_put(json, "\"");
    return true;
}

/* One " name[type]:value"; taken back when there is no value. */
static void salvage_text_column(struct cursor *cursor, struct salvage_text_buf *json, bool *first)
{
    const size_t before = json->size;
    if (!*first) {
        salvage_text_put(json, ",");
    }
    salvage_text_add_name(json, salvage_text_identifier(cursor));
    salvage_text_put(json, ":");
    if (salvage_text_peek(cursor) != '[') {
        cursor_fail(cursor);
        return;
    }
    salvage_text_type(cursor);
    if (!salvage_text_next(cursor, ":")) {
        cursor_fail(cursor);
    } else if (salvage_text_value(cursor, json)) {
        *first = false;
    } else {
        json->size = before;
    }
}

/* Columns until the end, or until the new row begins. */
static void salvage_text_row(struct cursor *cursor, struct salvage_text_buf *json, const char *member)
{
    bool first = true;
    salvage_text_put(json, member);
    while (cursor_ok(cursor) && cursor_left(cursor) > 0) {
        if (!salvage_text_next(cursor, " ")) {
            cursor_fail(cursor);
            break;
        }
        if (salvage_text_next(cursor, "new-tuple:")) {
            break;
        }
        salvage_text_column(cursor, json, &first);
    }
    salvage_text_put(json, "}");
}

static void salvage_text_rows(struct cursor *cursor, struct salvage_text_buf *json, char operation)
{
    if (salvage_text_next(cursor, " (no-tuple-data)")) {
        return;
    }
    if (operation == 'D') {
        salvage_text_row(cursor, json, ",\"k\":{");
        return;
    }
    if (operation == 'U' && salvage_text_next(cursor, " old-key:")) {
        salvage_text_row(cursor, json, ",\"k\":{");
    }
    salvage_text_row(cursor, json, ",\"v\":{");
}

struct salvage_text_table {
    struct salvage_text_name schema;
    struct salvage_text_name name;
};

static bool salvage_text_own(const struct salvage_text_table *table)
{
    return span_is(table->schema.text, "holdfast");
}

static void salvage_text_open(struct salvage_text_buf *json, const struct salvage_text_table *table, char operation)
{
    salvage_text_put(json, json->size > 1 ? ",{\"s\":" : "{\"s\":");
    salvage_text_add_name(json, table->schema);
    salvage_text_put(json, ",\"n\":");
    salvage_text_add_name(json, table->name);
    salvage_text_put(json, ",\"o\":\"");
    salvage_text_add(json, &operation, 1);
    salvage_text_put(json, "\"");
}

static void salvage_text_truncate(const struct salvage_text_table *tables, uint32_t count,
                                  struct salvage_text_buf *json, struct salvage_text *text)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!salvage_text_own(&tables[i])) {
            salvage_text_open(json, &tables[i], 'T');
            salvage_text_put(json, "}");
            text->changes++;
        }
    }
    text->own = text->changes == 0;
}

static void salvage_text_change(struct cursor *cursor, struct salvage_text_buf *json, struct salvage_text *text)
{
    struct salvage_text_table tables[SALVAGE_TEXT_TABLES];
    uint32_t count = 0;
    text->kind = SALVAGE_TEXT_CHANGE;
    do {
        struct salvage_text_table table = {.schema = salvage_text_identifier(cursor)};
        if (!salvage_text_next(cursor, ".")) {
            cursor_fail(cursor);
        }
        table.name = salvage_text_identifier(cursor);
        tables[count++] = table;
    } while (count < SALVAGE_TEXT_TABLES && salvage_text_next(cursor, ", "));
    if (!cursor_ok(cursor)) {
        return;
    }
    if (salvage_text_next(cursor, ": TRUNCATE:")) {
        salvage_text_truncate(tables, count, json, text);
        return;
    }
    const char operation = salvage_text_next(cursor, ": INSERT:")   ? 'I'
                           : salvage_text_next(cursor, ": UPDATE:") ? 'U'
                           : salvage_text_next(cursor, ": DELETE:") ? 'D'
                                                                    : '?';
    if (operation == '?' || count != 1) {
        cursor_fail(cursor);
        return;
    }
    const size_t before = json->size;
    salvage_text_open(json, &tables[0], operation);
    salvage_text_rows(cursor, json, operation);
    salvage_text_put(json, "}");
    text->own = salvage_text_own(&tables[0]);
    text->changes = text->own ? 0 : 1;
    if (text->own) {
        json->size = before;
    }
}

static uint32_t salvage_text_xid(struct cursor *cursor)
{
    uint64_t number = 0;
    if (salvage_text_peek(cursor) < '0' || salvage_text_peek(cursor) > '9') {
        cursor_fail(cursor);
    }
    while (salvage_text_peek(cursor) >= '0' && salvage_text_peek(cursor) <= '9') {
        number = number * 10 + (uint64_t)(cursor_u8(cursor) - '0');
        if (number > UINT32_MAX) {
            cursor_fail(cursor);
        }
    }
    return (uint32_t)number;
}

static void salvage_text_commit(struct cursor *cursor, struct salvage_text *text)
{
    text->kind = SALVAGE_TEXT_COMMIT;
    text->xid = salvage_text_xid(cursor);
    if (salvage_text_next(cursor, " (at ")) {
        text->time = cursor_until(cursor, ')');
    }
}

enum err salvage_text_read(struct span line, struct salvage_text_buf *json, struct salvage_text *ret_text)
{
    struct cursor cursor;
    struct salvage_text text = {.kind = SALVAGE_TEXT_MESSAGE};
    cursor_init(&cursor, line.data, line.size);
    if (salvage_text_next(&cursor, "BEGIN ")) {
        text.kind = SALVAGE_TEXT_BEGIN;
        text.xid = salvage_text_xid(&cursor);
    } else if (salvage_text_next(&cursor, "COMMIT ")) {
        salvage_text_commit(&cursor, &text);
    } else if (salvage_text_next(&cursor, "table ")) {
        salvage_text_change(&cursor, json, &text);
    } else if (!salvage_text_next(&cursor, "message: ")) {
        return ERR_INVALID;
    }
    if (!cursor_ok(&cursor)) {
        return ERR_INVALID;
    }
    if (json->overflow) {
        return ERR_TOO_LARGE;
    }
    *ret_text = text;
    return ERR_OK;
}
