/* SPDX-License-Identifier: Apache-2.0
 * Guard slots: what makes it possible to bring home the commits that a failover left behind.
 *
 * Each database of a writer has a permanent logical replication slot, `holdfast_guard_<oid>` (plugin test_decoding: it
 * needs no publication, and so changes nothing about what tables without a key may do). It stands at or before what
 * every standby has flushed, so that whatever a promoted standby has not got can be decoded from it, row images
 * included. Once a second it is moved up to the least of
 *   - the flush position of every standby that is connected, and
 *   - the position of every other node's physical slot, which stays where the node was last seen:
 * a standby that was away for an hour may still be the one that is promoted. Slots of databases other than the
 * cluster's own move in steps of 16 MB: DROP DATABASE fails in the moment in which one moves. For ten minutes after a
 * promotion nothing moves as long as some node has not come to its new writer. Nothing moves it beyond;
 * max_slot_wal_keep_size (databases.*.parameters) bounds what it holds back. A slot that passes this limit is lost:
 * told, dropped and made anew, and salvage has only the log for what lies before.
 *
 * The slot of the cluster's own database is made within the promotion, before the node proves that it is the writer,
 * and so before a controller lets clients in (the proof waits for it, the node's report does not);
 * those of other databases within the next second, and that of a new database within a second of its creation.
 * doc/salvage.md has the costs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "agent/pgquery.h"

/* What the last turn saw. */
struct guard_state {
    uint32_t slots;
    uint32_t missing; /* databases that have none, as yet */
    uint32_t lost;    /* passed the limit since this node became the writer */
    uint64_t retained_bytes;
    uint64_t limit_bytes;  /* 0: no limit */
    uint64_t ledger_open;  /* quarantined transactions in the ledgers of all databases (doc/salvage.md) ... */
    struct mono ledger_at; /* ... as counted then; us 0: never */
    bool begun;
    struct mono began; /* the first turn on this writer */
    bool alarmed;      /* more than half of the limit was told */
    char reason[128];  /* why one is missing, as told last */
};

/* Right after a promotion: remembers what the new timeline's transactions begin with and commits the row that carries
 * the epoch, in one; then makes the guard slot of the cluster's database. Failures are logged: the turns below try
 * again. Where the proof's commit ends; nowhere: there is none. */
struct lsn guard_promoted(struct pgquery *query, uint64_t epoch, uint64_t first_xid);

/* One turn on a writer: makes what is missing, moves up what may move, looks at the limit. Blocks, for seconds at the
 * most. */
void guard_turn(const struct agent_options *options, struct guard_state *state);
