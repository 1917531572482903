/* SPDX-License-Identifier: Apache-2.0
 * Where things lie in etcd: the names of its keys.
 *
 *   PREFIX record/KEY             a record
 *   PREFIX record.gone/KEY        when KEY was deleted: the key's revision says it (doc/store.md)
 *   PREFIX journal/NUMBER         a block of entries (store_etcd_block.h), NUMBER the last one's, 16 hexadecimal digits
 *   PREFIX index/kind/KIND NUL NUMBER, index/run/RUN NUL NUMBER   which blocks hold entries of a kind, of a run
 *   PREFIX meta/number            the journal's newest number
 *   PREFIX meta/floor             up to which revision deletions are forgotten
 *   PREFIX meta/format            the format of all of this: "1"
 *   PREFIX token/OWNER/SLOT       which commit an owner's slot wrote last (store_etcd_commit.h)
 *
 * "record.gone/" and "record/" are neighbours: one watch sees both. Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    STORE_ETCD_NAME_PREFIX = 128, /* bytes of the prefix, terminator included */
    STORE_ETCD_NAME_OWNER = 64,
    STORE_ETCD_NAME_BYTES = 512,
};

struct store_etcd_name {
    uint8_t data[STORE_ETCD_NAME_BYTES];
    size_t size;
};

/* Keys from `first` on, before `end`. */
struct store_etcd_range {
    struct store_etcd_name first;
    struct store_etcd_name end;
};

enum store_etcd_index { STORE_ETCD_INDEX_KIND, STORE_ETCD_INDEX_RUN };

struct store_etcd_name store_etcd_name_record(const char *prefix, const char *key);
struct store_etcd_name store_etcd_name_gone(const char *prefix, const char *key);
struct store_etcd_name store_etcd_name_journal(const char *prefix, uint64_t number);
struct store_etcd_name store_etcd_name_index(const char *prefix, enum store_etcd_index index, const char *name,
                                             uint64_t number);
struct store_etcd_name store_etcd_name_token(const char *prefix, const char *owner, uint32_t slot);

/* "number", "floor", "format". */
struct store_etcd_name store_etcd_name_meta(const char *prefix, const char *name);

/* The records whose key begins with `key`; those that are gone. */
struct store_etcd_range store_etcd_name_records(const char *prefix, const char *key);
struct store_etcd_range store_etcd_name_gones(const char *prefix, const char *key);

/* Both, of all keys. */
struct store_etcd_range store_etcd_name_changes(const char *prefix);

/* Blocks and index keys with a number above `after`. */
struct store_etcd_range store_etcd_name_blocks(const char *prefix, uint64_t after);
struct store_etcd_range store_etcd_name_indexes(const char *prefix, enum store_etcd_index index, const char *name,
                                                uint64_t after);

/* The other way: a record's KEY, in the memory of `name`; an empty span: it is none. `ret_gone`: of record.gone/. */
struct span store_etcd_name_key(const char *prefix, struct span name, bool *ret_gone);

/* The number at the end of the name of a block or an index key; 0: there is none. */
uint64_t store_etcd_name_number(struct span name);

static inline struct span store_etcd_name_span(const struct store_etcd_name *name)
{
    return span_of(name->data, name->size);
}
