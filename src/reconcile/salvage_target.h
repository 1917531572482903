/* SPDX-License-Identifier: Apache-2.0
 * One database of the new writer: the ledger in it, and the lost transactions sent to it one behind the other.
 *
 * Calls of salvage_target_send are pipelined (libpq's pipeline mode, one synchronisation point each, so each is a
 * transaction of its own) with a bounded number and volume under way; results are counted as they come. Plans are made
 * once, while the ledger is empty, so sequential scans are off: what was a scan of ten rows would become quadratic. The
 * session has triggers off (session_replication_role), a safe search_path, the output settings of the source, and
 * commits without waiting for the disk: salvage_target_end makes everything durable, on the standbys that must confirm
 * too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "core/lsn.h"

enum { SALVAGE_TARGET_MESSAGE = 512 };

/* Where the new writer is. Borrowed text; `passfile` and `password` NULL: none. */
struct salvage_target_login {
    const char *host;
    const char *port;
    const char *user;
    const char *passfile;
    const char *password;
};

/* What a run is about. */
struct salvage_target_run {
    const char *node;
    uint64_t system_id;
    uint32_t timeline;
    uint64_t epoch;
    uint32_t writer_timeline;
    struct lsn fork;
    struct lsn tail_end;
    uint64_t first_xid; /* 0: unknown */
    bool decoded;       /* method: decode, else rows */
};

struct salvage_target_counts {
    uint64_t sent;
    uint64_t done;
    uint64_t applied;
    uint64_t identical;
    uint64_t quarantined;
    uint64_t known;  /* in the ledger before */
    uint64_t partly; /* of these: only the rows that were left */
};

struct salvage_target {
    PGconn *connection;
    char run[24];
    char first_xid[24];
    struct salvage_target_counts counts;
    size_t flying_bytes;
    size_t flying[512]; /* sizes of what is under way, a ring */
    char sqlstate[6];
    char message[SALVAGE_TARGET_MESSAGE];
};

/* Connects. ERR_NOT_FOUND: no such database; ERR_REFUSED, ERR_AUTH, ERR_ROLE: it is not a writer. */
ERR_CHECK enum err salvage_target_open(struct salvage_target *target, const struct salvage_target_login *login,
                                       const char *dbname);
void salvage_target_close(struct salvage_target *target);

/* Makes the ledger's tables, waits for another salvage of this database to end, finds or makes the run, and describes
 * the tables. */
ERR_CHECK enum err salvage_target_begin(struct salvage_target *target, const struct salvage_target_run *run);

/* A lost transaction. `changes` is JSON text. `reason` NULL: apply it if that can be done. */
struct salvage_target_entry {
    struct lsn lsn;
    uint32_t xid;
    const char *time; /* NULL: unknown */
    const char *changes;
    uint64_t changes_count;
    const char *reason;
    const char *method; /* decode, rows, log */
};
ERR_CHECK enum err salvage_target_send(struct salvage_target *target, const struct salvage_target_entry *entry);

/* Until nothing is under way. */
ERR_CHECK enum err salvage_target_drain(struct salvage_target *target);

/* A statement of its own, nothing under way; text parameters. The result is the caller's. */
ERR_CHECK enum err salvage_target_ask(struct salvage_target *target, const char *sql, int count,
                                      const char *const *values, PGresult **ret_result);
ERR_CHECK enum err salvage_target_do(struct salvage_target *target, const char *sql, int count,
                                     const char *const *values);

/* A checkpoint: pg_rewind reads the writer's timeline from its control file, where only a checkpoint puts it. */
ERR_CHECK enum err salvage_target_checkpoint(struct salvage_target *target);

/* Ends the run: `state` and `reason` of holdfast.ledger_run, durably. `notes`: a JSON array. */
ERR_CHECK enum err salvage_target_end(struct salvage_target *target, const char *state, const char *reason,
                                      uint64_t commits, const char *notes);
