/* SPDX-License-Identifier: Apache-2.0
 * A commit as one transaction of etcd, done exactly once however often it has to be sent.
 *
 * Each slot has a key of its own, its token. A transaction compares the token's revision with the one that the slot
 * knows, and puts the commit's own mark there. So a second sending of what has been applied fails, and the mark tells
 * that it was applied; and once the token has moved on, no sending that is still under way somewhere (in a member that
 * is stopped, say) can be applied any more. Moving the token on for that purpose alone is called settling.
 *
 * The journal's newest number is a compared key too: entries are numbered without a gap, whoever else appends. Losing
 * that race is no conflict of the caller's: the transaction is made anew with the next number. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "edge/store.h"
#include "edge/store_etcd_line.h"

/* What all slots of a process know of the journal. */
struct store_etcd_count {
    pthread_mutex_t mutex;
    uint64_t number;
    uint64_t revision; /* of the key meta/number */
};

/* One thread's. */
struct store_etcd_slot {
    struct store_etcd_line *line;
    struct store_etcd_count *count;
    const char *prefix;
    const char *owner;
    uint32_t slot;
    uint64_t client;   /* chosen at random when the store is opened */
    uint64_t sequence; /* of the newest commit */
    bool ready;        /* `known` was read */
    uint64_t known;    /* the token's revision */
};

/* Answers revision, number, conflict. ERR_IO: the commit may be applied later: call store_etcd_commit_settle, until it
 * says true, before anything is told about these records. Every other error: certainly not applied. */
ERR_CHECK enum err store_etcd_commit_run(struct store_etcd_slot *slot, const struct store_request *request,
                                         struct mono deadline, struct store_answer *answer);

/* After ERR_IO: whether the newest commit's fate is final now. */
bool store_etcd_commit_settle(struct store_etcd_slot *slot, struct mono deadline);
