/* SPDX-License-Identifier: Apache-2.0
 * The agent's own sessions with PostgreSQL, each call with a deadline.
 *
 * The local server is asked over its unix socket as the superuser; another node over TCP in replication mode. A session
 * belongs to one thread. A call that passes its deadline closes the session (a stopped server never answers), so that
 * the next call begins afresh. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "agent/pgparse.h"
#include "base/err.h"
#include "base/time.h"
#include "core/limits.h"
#include "core/lsn.h"

struct pg_conn;
struct pg_result;

struct pgquery {
    const struct agent_options *options;
    const char *dbname;         /* NULL: the cluster's database, or `postgres` while there is none */
    struct pg_conn *connection; /* NULL: closed */
    bool spare;                 /* the node's spare session is out with it (agent/spare.h) */
    char error[256];            /* of the last failure; the operator's words */
};

struct pgquery_replica {
    char name[LIMITS_NAME];
    char state[16];
    bool sync;
    struct lsn flushed;
    struct lsn replayed;
    int64_t lag_ms;
};

/* One look at the server. */
struct pgquery_status {
    bool in_recovery;
    bool receiving; /* the walreceiver streams */
    bool checksums;
    uint64_t system_id;
    uint32_t timeline;
    uint32_t version; /* 150020 */
    struct lsn written;
    struct lsn flushed;
    struct lsn received;
    struct lsn replayed;
    int64_t lag_ms;    /* of a standby; -1: unknown */
    pid_t walreceiver; /* 0: none */
    char sender[64];   /* host of the node it receives from, and its port */
    uint16_t sender_port;
    char durability[1024]; /* synchronous_standby_names in effect */
    struct pgquery_replica replicas[LIMITS_NODES];
    uint32_t replicas_count;
};

/* Recovery, and how far transactions have come: the first one that this server has not seen the end of. */
struct pgquery_recovery {
    bool in_recovery;
    uint64_t next_xid; /* with its epoch, as xid8 */
};

/* Which transactions a timeline begins with: written by the promotion that began it, read by salvage. */
#define PGQUERY_PROMOTION_TABLE                                                                                        \
    "CREATE TABLE IF NOT EXISTS holdfast.promotion (timeline bigint PRIMARY KEY, epoch bigint NOT NULL, "              \
    "node text NOT NULL, first_xid bigint NOT NULL, at timestamptz NOT NULL)"

/* The row that carries the epoch, whose commit proves that this node writes: $1 the epoch, $2 the node. */
#define PGQUERY_PROOF                                                                                                  \
    "INSERT INTO holdfast.proof (epoch, node, at) VALUES ($1::bigint, $2, clock_timestamp()) ON CONFLICT (node) DO "   \
    "UPDATE SET epoch = excluded.epoch, at = excluded.at"

/* Another node, asked in replication mode. */
struct pgquery_upstream {
    bool in_recovery; /* not a writer (yet): its position says nothing */
    uint64_t system_id;
    uint32_t version; /* 150020 */
    uint32_t timeline;
    struct lsn position;
    struct pgparse_history history;
};

void pgquery_init(struct pgquery *query, const struct agent_options *options);
void pgquery_close(struct pgquery *query);

/* Opens the session if need be. ERR_REFUSED, ERR_UNAVAILABLE (starting up), ERR_AUTH, ERR_TIMEOUT. */
ERR_CHECK enum err pgquery_open(struct pgquery *query, struct mono deadline);

/* The rest open the session by themselves. ERR_CONTENT: the server refused the statement, see `error`. */
ERR_CHECK enum err pgquery_status(struct pgquery *query, struct mono deadline, struct pgquery_status *ret_status);
ERR_CHECK enum err pgquery_recovery(struct pgquery *query, struct mono deadline, struct pgquery_recovery *ret_recovery);
/* How far a standby has replayed; nowhere when it is none (any more). */
ERR_CHECK enum err pgquery_replayed(struct pgquery *query, struct mono deadline, struct lsn *ret_lsn);
ERR_CHECK enum err pgquery_checkpoint(struct pgquery *query, struct mono deadline);

/* Roles, database and schema of a fresh cluster; safe to repeat. */
ERR_CHECK enum err pgquery_prepare(struct pgquery *query, struct mono deadline);

/* A statement of the caller's; `count` 0: may be several. The result is the caller's (PQclear). */
ERR_CHECK enum err pgquery_ask(struct pgquery *query, const char *sql, int count, const char *const *values,
                               struct mono deadline, struct pg_result **ret_result);
ERR_CHECK enum err pgquery_command(struct pgquery *query, const char *sql, int count, const char *const *values,
                                   struct mono deadline);

/* A writer gets a slot for each other node; a standby drops those that would hold back its log for nothing, guard slots
 * (agent/guard.h) too: what they guarded is part of its writer's past. */
ERR_CHECK enum err pgquery_slots(struct pgquery *query, bool writer, struct mono deadline);

/* Up to where a writer's log is durable. */
ERR_CHECK enum err pgquery_flushed(struct pgquery *query, struct mono deadline, struct lsn *ret_lsn);

/* Commits the row that carries the epoch; where that commit ends. */
ERR_CHECK enum err pgquery_prove(struct pgquery *query, uint64_t epoch, struct mono deadline, struct lsn *ret_lsn);

/* Where a writer stands, and its timeline's history. */
ERR_CHECK enum err pgquery_upstream(const struct agent_options *options, const struct agent_options_peer *peer,
                                    struct mono deadline, struct pgquery_upstream *ret_upstream);
