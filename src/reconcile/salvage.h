/* SPDX-License-Identifier: Apache-2.0
 * Salvage: what a writer committed after the cluster went on without it is brought home before its data directory is
 * rewound or cloned.
 *
 *   1. The old server is started alone (reconcile/salvage_source.h) and recovers.
 *   2. The fork is found by comparing both histories (reconcile/salvage_fork.h).
 *   3. The log from the fork on gives the list of everything that committed (reconcile/salvage_wal.h).
 *   4. Its guard slots (agent/guard.h) are decoded: from the oldest transaction open at the fork; what committed behind
 *      the fork counts.
 *   5. Each transaction goes to the new writer (reconcile/salvage_target.h): applied whole, found identical, or
 *      quarantined whole with its rows; whatever touches a key of a quarantined one follows it.
 *   6. What the log knows and decoding does not show is put into the ledger too: schema changes, large objects,
 * prepared transactions, and, without a usable slot, the rows that are left of each transaction, found by xmin.
 *   7. Sequences are raised to the larger value.
 *   8. The run is ended in a durable commit.
 *
 * The outcome says whether the data directory has become dispensable: SALVAGE_COMPLETE only when every commit of the
 * tail is in the ledger with everything that it wrote. Running it again changes nothing; killed, it goes on. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/lsn.h"

enum { SALVAGE_MESSAGE = 512 };

/* All text is borrowed. */
struct salvage_options {
    const char *data; /* the old writer's data directory; no server may run in it */
    const char *bin;  /* PostgreSQL's programs */
    const char *node; /* its name, for the ledger */
    const char *host; /* the new writer */
    const char *port;
    const char *user;     /* superuser on both sides */
    const char *passfile; /* of libpq; NULL: none */
    const char *dbname;   /* where holdfast.promotion is */
    uint64_t epoch;       /* under which the old writer wrote last; 0: unknown */
    bool dry_run;         /* the tail is read and counted, nothing is written on the new writer */
    /* Called each step and now and then in between. False: give up. */
    bool (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *context;
};

enum salvage_outcome {
    SALVAGE_FAILED,     /* may be tried again */
    SALVAGE_REFUSED,    /* not the same cluster, or nothing in common: a person must look */
    SALVAGE_INCOMPLETE, /* all commits are in the ledger, but not all of what they wrote: keep the directory */
    SALVAGE_COMPLETE,
};

struct salvage_report {
    struct lsn fork;
    struct lsn tail_end;
    uint32_t timeline;
    uint32_t writer_timeline;
    uint64_t commits; /* of the tail */
    uint64_t applied;
    uint64_t identical;
    uint64_t quarantined;
    uint64_t known; /* in the ledger before */
    uint64_t changes;
    int64_t decode_us; /* decoding and applying, together */
    char message[SALVAGE_MESSAGE];
};

/* Blocks, for as long as it takes. `ret_report` is filled in every case. */
enum salvage_outcome salvage_run(const struct salvage_options *options, struct salvage_report *ret_report);
