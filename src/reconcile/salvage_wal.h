/* SPDX-License-Identifier: Apache-2.0
 * What the log itself says about a tail: pg_waldump's lines (PostgreSQL 15 and later), read one at a time, collected
 * into the list of everything that committed.
 *
 * This list is what the ledger is held against: a commit that logical decoding does not show (schema changes, large
 * objects, a database without a guard slot) is in the log all the same. Pure but for memory; lines that say nothing
 * about a transaction are skipped, every byte may be wrong. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/lsn.h"

enum {
    SALVAGE_WAL_GID = 200, /* PostgreSQL's limit of a prepared transaction's name */
    SALVAGE_WAL_COMMITS = 16 * 1024 * 1024,
};

/* What a transaction did, as far as the log shows. */
enum salvage_wal_did {
    SALVAGE_WAL_ROWS = 1,       /* wrote rows of a user's table */
    SALVAGE_WAL_DELETED = 2,    /* among them deletes */
    SALVAGE_WAL_SCHEMA = 4,     /* wrote the catalog, other than statistics */
    SALVAGE_WAL_LARGE = 8,      /* wrote large objects */
    SALVAGE_WAL_PREPARED = 16,  /* COMMIT PREPARED of an earlier PREPARE */
    SALVAGE_WAL_UNDECIDED = 32, /* PREPARE, without an end in the tail */
};

struct salvage_wal_commit {
    struct lsn lsn; /* where the commit record begins */
    uint32_t xid;
    uint32_t did;      /* enum salvage_wal_did, that of subtransactions included */
    uint32_t database; /* oid; 0: not seen */
    bool decoded;      /* for the caller */
    char time[40];
};

struct salvage_wal {
    struct salvage_wal_commit *commits; /* in the order of the log */
    size_t count;
    size_t capacity;
    struct salvage_wal_xid *xids; /* open addressing */
    size_t xids_count;
    size_t xids_capacity;
    uint32_t rolled_back; /* ROLLBACK PREPARED of transactions that were prepared before the tail */
    uint64_t records;
    bool no_memory;
};

/* What one line says about where decoding may begin (reconcile/salvage_past.h). */
enum salvage_wal_sign {
    SALVAGE_WAL_NOTHING,
    SALVAGE_WAL_RUNNING,    /* RUNNING_XACTS: the transactions that ran then */
    SALVAGE_WAL_CATALOG,    /* a row of the catalog was written, statistics excepted; by a transaction of any end */
    SALVAGE_WAL_PARAMETERS, /* PARAMETER_CHANGE */
};

struct salvage_wal_glance {
    enum salvage_wal_sign sign;
    struct lsn lsn;    /* where the record begins */
    uint32_t next;     /* RUNNING: the first transaction that had not begun */
    uint32_t oldest;   /* RUNNING: the oldest that ran; `next`: none did */
    uint32_t database; /* CATALOG: oid; 0: shared */
    bool logical;      /* PARAMETERS: wal_level is logical from here on */
};

/* Never fails: what cannot be read says nothing. */
void salvage_wal_look(struct span line, struct salvage_wal_glance *ret_glance);

/* One line. ERR_NO_MEMORY, ERR_TOO_LARGE: more commits than can be held. */
ERR_CHECK enum err salvage_wal_read(struct salvage_wal *wal, struct span line);

/* The commit (or undecided PREPARE) of this transaction; NULL: none in the tail. */
struct salvage_wal_commit *salvage_wal_find(const struct salvage_wal *wal, uint32_t xid);

void salvage_wal_free(struct salvage_wal *wal);
