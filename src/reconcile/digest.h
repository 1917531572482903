/* SPDX-License-Identifier: Apache-2.0
 * Measured consistency of a writer and a physical standby at ONE position of the log: for the failback guard.
 *
 * Method. Both sides are counted and hashed in a REPEATABLE READ snapshot of the same state. To get two snapshots of
 * one state, writes must stand still while they are taken, so all user tables of the writer are locked IN SHARE MODE
 * for some milliseconds:
 *   1. the standby must be nearly caught up first (no lock yet, up to `replay_wait_ms`);
 *   2. LOCK TABLE ... IN SHARE MODE: granted when every transaction that wrote has ended; reads go on, writes wait;
 *   3. an empty transaction commits locally, which flushes all commits before it, asynchronous ones too; then the flush
 *      position L is read (not the insert position: on an idle server nobody ever replays that far);
 *   4. the standby replays up to L; both sides take their snapshots; the locks are released.
 * Then both sides compute at the same time, without any lock, per table: the rows and the sum of the 64-bit hashes of
 * the rows' text, which does not depend on their order. The text is made with the same settings on both sides.
 *
 * Bound of the lock: waiting for it queues writers for at most `lock_timeout_ms` per attempt, `lock_attempts` times
 * with pauses between; holding it lasts one local commit plus the replay up to L, given up after `replay_wait_ms`.
 * Measured in `lock_us`.
 *
 * Compared are the permanent ordinary tables and partitions of the one database that the logins name, without system
 * schemas. Not compared: sequences, large objects, unlogged tables, materialized views (made from the compared).
 *
 * Blocking, for worker threads. The logins need to be superuser (row security must not hide rows). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/lsn.h"
#include "edge/sql.h"

enum {
    DIGEST_TABLES = 2000, /* of one database; more are not measurable */
    DIGEST_NAME = 160,    /* "schema.table", quoted where needed */
    DIGEST_HASH = 40,     /* a sum of 64-bit hashes in decimal digits */
    DIGEST_REASON = 256,
};

struct digest_options {
    struct sql_login writer;
    struct sql_login standby;
    int64_t timeout_ms;       /* of everything */
    uint32_t lock_timeout_ms; /* 0: 200 */
    uint32_t lock_attempts;   /* 0: 5 */
    uint32_t replay_wait_ms;  /* 0: 2000 */
};

struct digest_table {
    char name[DIGEST_NAME];
    int64_t rows_writer;
    int64_t rows_standby;
    char hash_writer[DIGEST_HASH];
    char hash_standby[DIGEST_HASH];
    bool equal; /* rows and hash; false as well when the standby has no such table */
};

struct digest_side {
    uint64_t system_id;
    uint32_t timeline;
    bool checksums; /* data checksums are on */
    bool in_recovery;
};

struct digest {
    bool measured;              /* false: see `reason`; nothing else but the sides may be believed */
    bool consistent;            /* measured, same system and timeline, same tables, every table equal */
    char reason[DIGEST_REASON]; /* why not measured, or the first difference; empty when consistent */
    struct digest_side writer;
    struct digest_side standby;
    struct lsn lsn;  /* both snapshots hold exactly what was committed up to here */
    int64_t lock_us; /* how long writes stood still */
    int64_t took_us;
    uint32_t tables_count;
    uint32_t tables_unequal;
    struct digest_table *tables; /* freed by digest_free */
};

/* Measures. ERR_OK: `ret_digest` says what was found, also when it is a difference. Otherwise it was not measurable:
 * `ret_digest` is set too, with the reason; the code says whether another attempt may help (err_retry). Free it in both
 * cases. */
ERR_CHECK enum err digest_measure(const struct digest_options *options, struct digest *ret_digest);
void digest_free(struct digest *digest);
