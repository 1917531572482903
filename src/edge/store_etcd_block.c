/* SPDX-License-Identifier: Apache-2.0
 * Blocks of the journal to bytes and back. */
#include "edge/store_etcd_block.h"

#include <string.h>

#include "base/cursor.h"

static struct span store_etcd_block_text(const char *text)
{
    return text != NULL ? span_text(text) : span_of("", 0);
}

void store_etcd_block_put(struct buf *buf, const struct store_write *writes, size_t count)
{
    size_t appended = 0;
    for (size_t i = 0; i < count; i++) {
        appended += writes[i].verb == STORE_APPEND ? 1 : 0;
    }
    buf_printf(buf, "%zu\n", appended);
    for (size_t i = 0; i < count; i++) {
        if (writes[i].verb != STORE_APPEND) {
            continue;
        }
        const struct span texts[] = {store_etcd_block_text(writes[i].kind), store_etcd_block_text(writes[i].run),
                                     writes[i].value};
        buf_printf(buf, "%lld %zu %zu %zu\n", (long long)writes[i].wall.us, texts[0].size, texts[1].size,
                   texts[2].size);
        for (size_t j = 0; j < 3; j++) {
            buf_bytes(buf, texts[j].data, texts[j].size);
            buf_u8(buf, '\n');
        }
    }
}

/* Digits up to `stop`, which is skipped. */
static uint64_t store_etcd_block_number(struct cursor *cursor, uint8_t stop)
{
    const struct span digits = cursor_until(cursor, stop);
    uint64_t number = 0;
    if (digits.size == 0 || digits.size > 19) { /* 19 digits are less than 2^64 */
        cursor_fail(cursor);
    }
    for (size_t i = 0; cursor_ok(cursor) && i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            cursor_fail(cursor);
        }
        number = number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return cursor_ok(cursor) ? number : 0;
}

static int64_t store_etcd_block_wall(struct cursor *cursor)
{
    const bool negative = cursor_left(cursor) > 0 && cursor->data[cursor->at] == '-';
    cursor_skip(cursor, negative ? 1 : 0);
    const uint64_t wall = store_etcd_block_number(cursor, ' ');
    return (int64_t)(negative ? 0 - wall : wall);
}

/* A text of this size and the newline behind it; NULL: no memory. */
static const char *store_etcd_block_copy(struct cursor *cursor, uint64_t size, struct arena *arena)
{
    const struct span text = cursor_span(cursor, (size_t)size);
    if (cursor_u8(cursor) != '\n') {
        cursor_fail(cursor);
    }
    return cursor_ok(cursor) ? arena_copy(arena, text.data, text.size) : "";
}

static enum err store_etcd_block_entry(struct cursor *cursor, struct arena *arena, struct store_entry *entry)
{
    entry->wall.us = store_etcd_block_wall(cursor);
    const uint64_t kind = store_etcd_block_number(cursor, ' ');
    const uint64_t run = store_etcd_block_number(cursor, ' ');
    const uint64_t text = store_etcd_block_number(cursor, '\n');
    if (kind >= STORE_KEY || run >= STORE_KEY || text > STORE_VALUE) {
        cursor_fail(cursor);
    }
    entry->kind = store_etcd_block_copy(cursor, kind, arena);
    entry->run = store_etcd_block_copy(cursor, run, arena);
    entry->text = store_etcd_block_copy(cursor, text, arena);
    if (!cursor_ok(cursor)) {
        return ERR_CONTENT;
    }
    return entry->kind != NULL && entry->run != NULL && entry->text != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err store_etcd_block_get(struct span block, uint64_t last, struct arena *arena,
                              const struct store_entry **ret_entries, size_t *ret_count)
{
    struct cursor cursor;
    cursor_init(&cursor, block.data, block.size);
    const uint64_t count = store_etcd_block_number(&cursor, '\n');
    if (!cursor_ok(&cursor) || count == 0 || count > STORE_WRITES || count > last) {
        return ERR_CONTENT;
    }
    struct store_entry *entries = arena_alloc(arena, (size_t)count * sizeof *entries);
    if (entries == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        entries[i].number = last - count + 1 + i;
        const enum err err = store_etcd_block_entry(&cursor, arena, &entries[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (cursor_left(&cursor) > 0) {
        return ERR_CONTENT;
    }
    *ret_entries = entries;
    *ret_count = (size_t)count;
    return ERR_OK;
}
