/* SPDX-License-Identifier: Apache-2.0
 * What salvage reads: the decoding plugin's lines, pg_waldump's lines, timeline histories. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "reconcile/salvage_fork.h"
#include "reconcile/salvage_past.h"
#include "reconcile/salvage_text.h"
#include "reconcile/salvage_wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A JSON text that closes what it opens: quotes in pairs, outside of them braces. */
static void fuzz_salvage_balanced(const struct salvage_text_buf *json)
{
    int depth = 0;
    bool inside = false;
    for (size_t i = 0; i < json->size; i++) {
        const char byte = json->data[i];
        ASSERT((uint8_t)byte >= 0x20);
        if (inside && byte == '\\') {
            i++;
        } else if (byte == '"') {
            inside = !inside;
        } else if (!inside) {
            depth += byte == '{' || byte == '[' ? 1 : byte == '}' || byte == ']' ? -1 : 0;
        }
    }
    ASSERT(!inside && depth == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvage_text_buf json = {.limit = 1 << 20};
    struct salvage_text text;
    struct salvage_wal wal = {.count = 0};
    struct salvage_wal_glance glance;
    struct salvage_past past;
    salvage_past_init(&past, 16384, (struct lsn){0x3000000});
    static struct salvage_fork_history history;
    salvage_text_reset(&json, "[");
    if (salvage_text_read(span_of(data, size), &json, &text) == ERR_OK) {
        fuzz_salvage_balanced(&json);
    }
    const uint8_t *at = data;
    for (size_t left = size; left > 0;) {
        const uint8_t *end = memchr(at, '\n', left);
        const size_t line = end != NULL ? (size_t)(end - at) : left;
        (void)!salvage_wal_read(&wal, span_of(at, line));
        salvage_wal_look(span_of(at, line), &glance);
        salvage_past_see(&past, &glance);
        left -= end != NULL ? line + 1 : line;
        at += end != NULL ? line + 1 : line;
    }
    for (size_t i = 0; i < wal.count; i++) {
        ASSERT(wal.commits[i].xid == 0 || salvage_wal_find(&wal, wal.commits[i].xid) != NULL);
    }
    if (salvage_fork_read(span_of(data, size), 4, &history) == ERR_OK) {
        struct lsn fork;
        uint32_t timeline;
        (void)!salvage_fork_find(&history, &history, size % 2 == 0, &fork, &timeline);
    }
    salvage_wal_free(&wal);
    salvage_text_free(&json);
    return 0;
}
