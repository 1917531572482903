/* SPDX-License-Identifier: Apache-2.0
 * What one receiver has yet to get: a list in memory over the journal, and the record that remembers what is done.
 *
 * One owner, one thread: the receiver's own (notify.c). The record "notify/RECEIVER" holds {"before": N, "done":
 * [...]}: all numbers below N and those listed are settled, delivered or dropped. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/time.h"
#include "edge/notify_message.h"
#include "edge/store.h"

/* A message that waits. */
struct notify_spool_item {
    struct list link; /* by rising number */
    uint64_t number;
    uint64_t incident; /* hash of its de-duplication key */
    enum notify_message_severity severity;
    uint32_t attempts;
    struct mono next; /* not before */
};

struct notify_spool {
    struct store *store;
    const char *receiver; /* borrowed */
    size_t limit;
    struct list items;
    size_t count;
    uint64_t seen; /* the journal was read up to here */
    uint64_t before;
    uint64_t *done; /* settled numbers not below `before`, rising */
    size_t done_count;
    size_t done_room;
    uint64_t revision; /* of the record */
};

/* Reads the record, or makes one that begins behind the journal's newest entry. Errors of the store; ERR_CONTENT: the
 * record is not ours. */
ERR_CHECK enum err notify_spool_open(struct notify_spool *spool, struct store *store, const char *receiver,
                                     size_t limit);
void notify_spool_close(struct notify_spool *spool);

/* Takes what is new in the journal. `ret_dropped`: so many were dropped because of the limit. Errors of the store, then
 * nothing is lost: call again. */
ERR_CHECK enum err notify_spool_load(struct notify_spool *spool, size_t *ret_dropped);

/* The item to deliver now: the first whose time has come and whose incident has no earlier one waiting. NULL: none;
 * then `ret_next` says when to ask again. */
struct notify_spool_item *notify_spool_pick(struct notify_spool *spool, struct mono now, struct mono *ret_next);

/* The item is settled: removes and frees it, and remembers that in the store. Errors of the store: it is settled in
 * memory only, and would be delivered again after a restart. */
ERR_CHECK enum err notify_spool_settle(struct notify_spool *spool, struct notify_spool_item *item);
