/* SPDX-License-Identifier: Apache-2.0
 * Guard slots: what makes it possible to bring home the commits that a failover left behind. */
#include "agent/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/text.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    GUARD_NAME = 64,
    GUARD_DATABASES = 32,
    GUARD_FIRST_MS = 200,      /* within a promotion: a slot waits for the transactions that run, prepared ones too */
    GUARD_MAKE_MS = 2000,      /* later */
    GUARD_PATIENT_MS = 600000, /* after a promotion: for nodes that have not come to their new writer yet */
    GUARD_LEDGER_MS = 2000,    /* between two counts of open entries */
    GUARD_TURN_MS = 30000,     /* an advance reads the log, at hundreds of megabytes a second */
};

struct guard_database {
    char oid[16];
    char name[GUARD_NAME];
    bool exists;
    bool lost;
    bool behind; /* may be moved */
};

static const char guard_list_sql[] =
    "WITH target AS (SELECT least("
    "(SELECT min(flush_lsn) FROM pg_stat_replication WHERE state <> 'backup'),"
    "(SELECT min(restart_lsn) FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name LIKE 'holdfast\\_%' "
    "AND wal_status <> 'lost'), pg_current_wal_flush_lsn()) AS lsn, "
    "(EXISTS (SELECT FROM pg_stat_replication WHERE state <> 'backup') OR EXISTS (SELECT FROM pg_replication_slots "
    "WHERE slot_type = 'physical' AND slot_name LIKE 'holdfast\\_%' AND restart_lsn IS NOT NULL)) AND NOT ($1::boolean "
    "AND "
    "EXISTS (SELECT FROM pg_replication_slots WHERE slot_type = 'physical' AND slot_name LIKE 'holdfast\\_%' AND "
    "restart_lsn IS NULL)) AS known) "
    "SELECT d.oid, d.datname, s.slot_name IS NOT NULL, coalesce(s.wal_status = 'lost', false), "
    "coalesce(t.lsn > s.confirmed_flush_lsn + CASE WHEN d.datname = current_database() THEN 0 ELSE 16777216 END AND "
    "t.known AND NOT "
    "s.active, false), "
    "coalesce(greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0), 0)::bigint, "
    "(SELECT greatest(setting::bigint, 0) * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size'), "
    "CASE WHEN t.known THEN t.lsn END "
    "FROM target t, pg_database d LEFT JOIN pg_replication_slots s ON s.slot_name = 'holdfast_guard_' || d.oid "
    "WHERE d.datallowconn AND NOT d.datistemplate ORDER BY d.oid LIMIT 33";

/* A slot is made in a session of its database. With a limit of its own: it waits until everything that runs has
 * ended. */
static enum err guard_make(struct pgquery *query, int limit_ms)
{
    char limit[64];
    const struct mono deadline = time_add_ms(clock_mono(), limit_ms + 1000);
    snprintf(limit, sizeof limit, "SET statement_timeout = %d", limit_ms);
    enum err err = pgquery_command(query, limit, 0, NULL, deadline);
    err = err == ERR_OK ? pgquery_command(query,
                                          "SELECT pg_create_logical_replication_slot(n, 'test_decoding') FROM (SELECT "
                                          "'holdfast_guard_' || oid AS n FROM pg_database WHERE datname = "
                                          "current_database()) x WHERE NOT EXISTS (SELECT FROM pg_replication_slots "
                                          "WHERE slot_name = n)",
                                          0, NULL, deadline)
                        : err;
    if (query->connection != NULL) {
        const enum err reset = pgquery_command(query, "SET statement_timeout = 0", 0, NULL, deadline);
        (void)reset; /* the session is closed then, and the next one begins without a limit */
    }
    return err;
}

#define GUARD_REMEMBER                                                                                                 \
    "INSERT INTO holdfast.promotion (timeline, epoch, node, first_xid, at) SELECT ('x' || "                            \
    "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint, $1::bigint, $2, $3::bigint, "              \
    "clock_timestamp() ON CONFLICT (timeline) DO UPDATE SET first_xid = least(promotion.first_xid, "                   \
    "excluded.first_xid)"

static enum err guard_remember(struct pgquery *query, const char *sql, uint64_t epoch, uint64_t first_xid,
                               struct mono deadline)
{
    char number[24];
    char xid[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)epoch);
    snprintf(xid, sizeof xid, "%llu", (unsigned long long)first_xid);
    const char *const values[] = {number, query->options->node, xid};
    return pgquery_command(query, sql, 3, values, deadline);
}

/* Both rows in one commit: clients wait for each. */
static struct lsn guard_begin(struct pgquery *query, uint64_t epoch, uint64_t first_xid, struct mono deadline)
{
    struct lsn proof = {0};
    enum err err =
        guard_remember(query, "WITH proof AS (" PGQUERY_PROOF ") " GUARD_REMEMBER, epoch, first_xid, deadline);
    if (err == ERR_OK && pgquery_flushed(query, deadline, &proof) == ERR_OK) {
        return proof;
    }
    if (err == ERR_CONTENT) { /* a cluster that is older than this table */
        err =
            pgquery_command(query, "CREATE SCHEMA IF NOT EXISTS holdfast;" PGQUERY_PROMOTION_TABLE, 0, NULL, deadline);
        err = err == ERR_OK ? guard_remember(query, GUARD_REMEMBER, epoch, first_xid, deadline) : err;
    }
    if (err != ERR_OK) {
        LOG_W("the first transaction of epoch %llu (%llu) could not be recorded: %s", (unsigned long long)epoch,
              (unsigned long long)first_xid, query->error);
    }
    return (struct lsn){0};
}

struct lsn guard_promoted(struct pgquery *query, uint64_t epoch, uint64_t first_xid)
{
    if (query->options->peers_count == 0) {
        return (struct lsn){0};
    }
    const struct mono start = clock_mono();
    const struct lsn proof = guard_begin(query, epoch, first_xid, time_add_ms(start, GUARD_MAKE_MS));
    const int64_t recorded_us = time_since_us(clock_mono(), start);
    const enum err err = guard_make(query, GUARD_FIRST_MS);
    if (err != ERR_OK) {
        LOG_W("no guard slot yet: %s", query->error);
    } else {
        LOG_N("guard slot made in %lld us, first transaction %llu recorded in %lld us",
              (long long)(time_since_us(clock_mono(), start) - recorded_us), (unsigned long long)first_xid,
              (long long)recorded_us);
    }
    return proof;
}

/* Lost: nothing can be decoded from it any more, but it would be in the way of another. */
static enum err guard_replace(struct pgquery *query, const struct guard_database *database)
{
    char slot[GUARD_NAME];
    snprintf(slot, sizeof slot, "holdfast_guard_%.15s", database->oid);
    const char *const values[] = {slot};
    const enum err err = pgquery_command(query, "SELECT pg_drop_replication_slot($1)", 1, values,
                                         time_add_ms(clock_mono(), GUARD_MAKE_MS));
    return err == ERR_OK ? guard_make(query, GUARD_MAKE_MS) : err;
}

static enum err guard_advance(struct pgquery *query, const struct guard_database *database, const char *target)
{
    char slot[GUARD_NAME];
    snprintf(slot, sizeof slot, "holdfast_guard_%.15s", database->oid);
    const char *const values[] = {slot, target};
    return pgquery_command(query, "SELECT pg_replication_slot_advance($1, $2::pg_lsn)", 2, values,
                           time_add_ms(clock_mono(), GUARD_TURN_MS));
}

/* What one database needs, in a session of its own that ends at once: an open one would be in the way of DROP
 * DATABASE. */
static void guard_serve(const struct agent_options *options, const struct guard_database *database, const char *target,
                        struct guard_state *state)
{
    struct pgquery query;
    pgquery_init(&query, options);
    query.dbname = database->name;
    /* An advance writes two lines into the server's log, each second: they tell nothing. */
    enum err err =
        pgquery_command(&query, "SET log_min_messages = fatal", 0, NULL, time_add_ms(clock_mono(), GUARD_MAKE_MS));
    if (err != ERR_OK) {
        /* said below */
    } else if (database->lost) {
        LOG_E("the guard slot of database %s was lost: it held back more than max_slot_wal_keep_size; what a failover "
              "left behind before now cannot be decoded any more",
              database->name);
        state->lost++;
        err = guard_replace(&query, database);
    } else if (!database->exists) {
        err = guard_make(&query, GUARD_MAKE_MS);
    } else {
        err = guard_advance(&query, database, target);
    }
    if (err != ERR_OK && !database->exists) {
        state->missing++;
    }
    if (err != ERR_OK && strncmp(state->reason, query.error, sizeof state->reason - 1) != 0) {
        text_copy(state->reason, sizeof state->reason, query.error);
        LOG_W("guard slot of database %s: %s", database->name, query.error);
    }
    pgquery_close(&query);
}

static void guard_alarm(struct guard_state *state)
{
    const bool much = state->limit_bytes > 0 && state->retained_bytes > state->limit_bytes / 2;
    if (much && !state->alarmed) {
        LOG_W("guard slots hold back %llu MB of write-ahead log, the limit is %llu MB (max_slot_wal_keep_size): a "
              "standby is away or slow",
              (unsigned long long)(state->retained_bytes >> 20), (unsigned long long)(state->limit_bytes >> 20));
    }
    state->alarmed = much;
}

static bool guard_true(const PGresult *result, int row, int column)
{
    return PQgetvalue(result, row, column)[0] == 't';
}

static void guard_read(const PGresult *result, struct guard_database *databases, int count, struct guard_state *state)
{
    for (int row = 0; row < count; row++) {
        struct guard_database *database = &databases[row];
        snprintf(database->oid, sizeof database->oid, "%s", PQgetvalue(result, row, 0));
        snprintf(database->name, sizeof database->name, "%s", PQgetvalue(result, row, 1));
        database->exists = guard_true(result, row, 2);
        database->lost = guard_true(result, row, 3);
        database->behind = guard_true(result, row, 4);
        const uint64_t retained = strtoull(PQgetvalue(result, row, 5), NULL, 10);
        state->retained_bytes = retained > state->retained_bytes ? retained : state->retained_bytes;
        state->limit_bytes = strtoull(PQgetvalue(result, row, 6), NULL, 10);
        state->slots += database->exists && !database->lost ? 1 : 0;
    }
}

/* How many transactions of an old writer wait for a person, in the session's database. */
static bool guard_ledger_one(struct pgquery *query, uint64_t *ret_open)
{
    PGresult *result = NULL;
    const struct mono deadline = time_add_ms(clock_mono(), GUARD_MAKE_MS);
    if (pgquery_ask(query, "SELECT to_regclass('holdfast.ledger_entry') IS NOT NULL", 0, NULL, deadline, &result) !=
        ERR_OK) {
        return false;
    }
    const bool exists = PQntuples(result) == 1 && guard_true(result, 0, 0);
    PQclear(result);
    result = NULL;
    *ret_open = 0;
    if (!exists) {
        return true;
    }
    if (pgquery_ask(query, "SELECT count(*) FROM holdfast.ledger_entry WHERE state = 'quarantined'", 0, NULL, deadline,
                    &result) != ERR_OK) {
        return false;
    }
    *ret_open = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return true;
}

/* In all databases, a session each. Counted whole or not at all; what was counted before then stands, and ages. */
static void guard_ledger(const struct agent_options *options, const struct guard_database *databases, int count,
                         struct guard_state *state)
{
    const struct mono now = clock_mono();
    uint64_t total = 0;
    if (state->ledger_at.us != 0 && time_since_ms(now, state->ledger_at) < GUARD_LEDGER_MS) {
        return;
    }
    for (int i = 0; i < count; i++) {
        struct pgquery query;
        uint64_t open = 0;
        pgquery_init(&query, options);
        query.dbname = databases[i].name;
        const bool good = guard_ledger_one(&query, &open);
        pgquery_close(&query);
        if (!good) {
            return;
        }
        total += open;
    }
    state->ledger_open = total;
    state->ledger_at = now;
}

void guard_turn(const struct agent_options *options, struct guard_state *state)
{
    struct pgquery query;
    struct guard_database databases[GUARD_DATABASES];
    PGresult *result = NULL;
    if (options->peers_count == 0) {
        return; /* nobody who could be promoted */
    }
    pgquery_init(&query, options);
    if (!state->begun) {
        state->begun = true;
        state->began = clock_mono();
    }
    const bool patient = time_since_ms(clock_mono(), state->began) < GUARD_PATIENT_MS;
    const char *const values[] = {patient ? "t" : "f"};
    const enum err err =
        pgquery_ask(&query, guard_list_sql, 1, values, time_add_ms(clock_mono(), GUARD_MAKE_MS), &result);
    if (err != ERR_OK) {
        LOG_W("guard slots: %s", query.error);
        pgquery_close(&query);
        return;
    }
    pgquery_close(&query);
    int count = PQntuples(result);
    if (count > GUARD_DATABASES) {
        LOG_W("more than %d databases: those created last have no guard slot", GUARD_DATABASES);
        count = GUARD_DATABASES;
    }
    state->slots = 0;
    state->missing = 0;
    state->retained_bytes = 0;
    guard_read(result, databases, count, state);
    guard_ledger(options, databases, count, state);
    const char *target = count > 0 ? PQgetvalue(result, 0, 7) : "";
    for (int i = 0; i < count; i++) {
        if (databases[i].lost || !databases[i].exists || databases[i].behind) {
            guard_serve(options, &databases[i], target, state);
        }
    }
    guard_alarm(state);
    PQclear(result);
}
