/* SPDX-License-Identifier: Apache-2.0
 * The entries of one commit as one value of etcd: a block of the journal.
 *
 * "COUNT\n", then for each entry "WALL_US KIND RUN TEXT\n" (the sizes of what follows) and the three texts, each
 * followed by a newline: an operator can read it with etcdctl. Pure functions, any thread. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "edge/store.h"

/* The appended ones of a commit's writes. */
void store_etcd_block_put(struct buf *buf, const struct store_write *writes, size_t count);

/* Its entries on `arena`, numbered so that the last one is `last`. ERR_CONTENT: not a block; ERR_NO_MEMORY. */
ERR_CHECK enum err store_etcd_block_get(struct span block, uint64_t last, struct arena *arena,
                                        const struct store_entry **ret_entries, size_t *ret_count);
