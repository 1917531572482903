/* SPDX-License-Identifier: Apache-2.0
 * What is sent to etcd's JSON gateway, written into a buffer whose overflow the caller asks for at the end.
 *
 * A transaction is written from left to right: begin, compares, then, puts and deletes, else, ranges, end. Pure
 * functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "edge/store_etcd_name.h"

struct store_etcd_text_range {
    const struct store_etcd_name *first;
    const struct store_etcd_name *end; /* NULL: one key */
    bool changes; /* only what was changed after revision `after`, in order of revisions; else in order of keys */
    uint64_t after;
    size_t limit; /* 0: none */
    bool descending;
    bool keys_only;
};

/* A whole request of /v3/kv/range. */
void store_etcd_text_range(struct buf *buf, const struct store_etcd_text_range *range);

struct store_etcd_text {
    struct buf *buf;
    bool more;      /* something of the same list stands before */
    size_t chunk;   /* writes of each inner transaction; 0: none */
    size_t written; /* of the present one */
};

/* `writes`: how many puts and deletes will follow. etcd takes 128 operations at once: many are given to it in inner
 * transactions, all of which are one. */
void store_etcd_text_begin(struct store_etcd_text *text, struct buf *buf, size_t writes);
void store_etcd_text_compare(struct store_etcd_text *text, const struct store_etcd_name *key, uint64_t revision);
void store_etcd_text_then(struct store_etcd_text *text);
void store_etcd_text_put(struct store_etcd_text *text, const struct store_etcd_name *key, struct span value);
void store_etcd_text_delete(struct store_etcd_text *text, const struct store_etcd_name *key);
void store_etcd_text_else(struct store_etcd_text *text);
/* In `then` (of a transaction without writes) or in `else`. */
void store_etcd_text_ask(struct store_etcd_text *text, const struct store_etcd_text_range *range);
void store_etcd_text_end(struct store_etcd_text *text);
