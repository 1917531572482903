/* SPDX-License-Identifier: Apache-2.0
 * Lines of PostgreSQL's decoding plugin test_decoding (contrib/test_decoding, options include-timestamp,
 * skip-empty-xacts), read one at a time and turned into JSON.
 *
 *   BEGIN 733
 *   table public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 v[text]:'it''s'
 * w[text]:unchanged-toast-datum table public.a, public.b: TRUNCATE: restart_seqs cascade COMMIT 733 (at 2026-11-22
 * 09:00:00.1+00)
 *
 * Names are quoted as SQL quotes them, values are raw (numbers), 'quoted' with doubled quotes, B'bits', true, false,
 * null. A value can hold anything, line ends too: a line is what the server sent as one row, never split by us. Pure;
 * every byte may be wrong: what cannot be read is ERR_INVALID. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum salvage_text_kind {
    SALVAGE_TEXT_BEGIN,
    SALVAGE_TEXT_COMMIT,
    SALVAGE_TEXT_CHANGE,  /* one object was appended to the JSON */
    SALVAGE_TEXT_MESSAGE, /* pg_logical_emit_message: no row */
};

struct salvage_text {
    enum salvage_text_kind kind;
    uint32_t xid;     /* BEGIN, COMMIT */
    struct span time; /* COMMIT: within the line; empty: not told */
    uint32_t changes; /* CHANGE: objects appended; a TRUNCATE of several tables is several */
    bool own;         /* CHANGE: a table of schema `holdfast`: nothing was appended */
};

/* Growing text; zeroed is empty. Allocation failure and `limit` end in `overflow`. */
struct salvage_text_buf {
    char *data;
    size_t size;
    size_t capacity;
    size_t limit;
    bool overflow;
};

/* Reads a line; a change is appended to `json` as {"s":schema,"n":table,"o":"I|U|D|T","k":{...},"v":{...}}, with a
 * comma before it when `json` is longer than one byte (the opening bracket). `k`: the old key, or the old row with
 * REPLICA IDENTITY FULL (without its nulls); absent when the server printed none. `v`: the new row without what the log
 * does not repeat. Values are strings or null. After ERR_INVALID or ERR_TOO_LARGE (`json` is full) the content of
 * `json` is of no use. */
ERR_CHECK enum err salvage_text_read(struct span line, struct salvage_text_buf *json, struct salvage_text *ret_text);

void salvage_text_reset(struct salvage_text_buf *buf, const char *start);
void salvage_text_add(struct salvage_text_buf *buf, const void *data, size_t size);
void salvage_text_add_string(struct salvage_text_buf *buf, struct span text); /* as a JSON string */
void salvage_text_free(struct salvage_text_buf *buf);
