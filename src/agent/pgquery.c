/* SPDX-License-Identifier: Apache-2.0
 * The agent's own sessions with PostgreSQL, each call with a deadline. */
#include "agent/pgquery.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "agent/pgconf.h"
#include "base/assert.h"
#include "edge/clock.h"

enum {
    PGQUERY_KEYS = 12,
    PGQUERY_SQL = 2048,
    PGQUERY_DIGITS = 24,
};

void pgquery_init(struct pgquery *query, const struct agent_options *options)
{
    *query = (struct pgquery){.options = options};
}

void pgquery_close(struct pgquery *query)
{
    PQfinish(query->connection);
    query->connection = NULL;
}

static void pgquery_fail(struct pgquery *query, const char *message)
{
    snprintf(query->error, sizeof query->error, "%.*s", (int)strcspn(message, "\n"), message);
}

/* Waits until the socket can do `events`. */
static enum err pgquery_wait(const PGconn *connection, short events, struct mono deadline)
{
    const int64_t left_ms = time_since_us(deadline, clock_mono()) / TIME_US_PER_MS;
    if (left_ms <= 0) {
        return ERR_TIMEOUT;
    }
    struct pollfd waited = {.fd = PQsocket(connection), .events = events};
    const int result = poll(&waited, 1, left_ms > 60000 ? 60000 : (int)left_ms);
    return result > 0 || (result < 0 && errno == EINTR) ? ERR_OK : result == 0 ? ERR_TIMEOUT : err_from_errno(errno);
}

static enum err pgquery_connect_err(const PGconn *connection)
{
    const char *message = PQerrorMessage(connection);
    if (strstr(message, "starting up") != NULL || strstr(message, "shutting down") != NULL ||
        strstr(message, "not yet accepting") != NULL || strstr(message, "recovery mode") != NULL) {
        return ERR_UNAVAILABLE;
    }
    if (strstr(message, "authentication") != NULL || strstr(message, "pg_hba.conf") != NULL) {
        return ERR_AUTH;
    }
    if (strstr(message, "does not exist") != NULL) {
        return ERR_NOT_FOUND;
    }
    return ERR_REFUSED;
}

static enum err pgquery_connect(struct pgquery *query, const char *const *keys, const char *const *values,
                                struct mono deadline)
{
    ASSERT(query->connection == NULL);
    query->connection = PQconnectStartParams(keys, values, 0);
    if (query->connection == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = PQstatus(query->connection) == CONNECTION_BAD ? pgquery_connect_err(query->connection) : ERR_OK;
    short events = POLLOUT;
    while (err == ERR_OK) {
        err = pgquery_wait(query->connection, events, deadline);
        if (err != ERR_OK) {
            break;
        }
        const PostgresPollingStatusType state = PQconnectPoll(query->connection);
        if (state == PGRES_POLLING_OK) {
            return ERR_OK;
        }
        events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        err = state == PGRES_POLLING_FAILED ? pgquery_connect_err(query->connection) : ERR_OK;
    }
    pgquery_fail(query, err == ERR_TIMEOUT ? "the server does not answer" : PQerrorMessage(query->connection));
    pgquery_close(query);
    return err;
}

static enum err pgquery_open_to(struct pgquery *query, const char *dbname, struct mono deadline)
{
    char sockets[AGENT_OPTIONS_PATH];
    char port[PGQUERY_DIGITS];
    pgconf_socket_folder(query->options, sockets);
    snprintf(port, sizeof port, "%u", query->options->port);
    /* The agent's own statements never wait for a standby. */
    const char *const keys[PGQUERY_KEYS] = {"host",    "port",    "user", "dbname", "application_name",
                                            "options", "sslmode", NULL};
    const char *const values[PGQUERY_KEYS] = {sockets,
                                              port,
                                              query->options->superuser,
                                              dbname,
                                              "holdfast agent",
                                              "-c synchronous_commit=local -c statement_timeout=0 -c lock_timeout=5s",
                                              "disable",
                                              NULL};
    return pgquery_connect(query, keys, values, deadline);
}

enum err pgquery_open(struct pgquery *query, struct mono deadline)
{
    if (query->connection != NULL) {
        return ERR_OK;
    }
    if (query->dbname != NULL) {
        return pgquery_open_to(query, query->dbname, deadline);
    }
    const enum err err = pgquery_open_to(query, query->options->dbname, deadline);
    return err == ERR_NOT_FOUND ? pgquery_open_to(query, "postgres", deadline) : err;
}

/* Reads results until the session is ready; keeps the last. Only then is a commit a commit. */
static enum err pgquery_results(struct pgquery *query, struct mono deadline, PGresult **ret_result)
{
    PGresult *last = NULL;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        const int flushed = PQflush(query->connection);
        if (flushed == 0 && PQisBusy(query->connection) == 0) {
            PGresult *next = PQgetResult(query->connection);
            if (next == NULL) {
                break;
            }
            PQclear(last);
            last = next;
            continue;
        }
        err = pgquery_wait(query->connection, flushed > 0 ? POLLIN | POLLOUT : POLLIN, deadline);
        if (err == ERR_OK && (flushed < 0 || PQconsumeInput(query->connection) == 0)) {
            err = ERR_CLOSED;
        }
    }
    if (err == ERR_OK && last == NULL) {
        err = ERR_CLOSED;
    }
    if (err != ERR_OK) {
        PQclear(last);
        return err;
    }
    *ret_result = last;
    return ERR_OK;
}

enum err pgquery_ask(struct pgquery *query, const char *sql, int count, const char *const *values, struct mono deadline,
                     PGresult **ret_result)
{
    enum err err = pgquery_open(query, deadline);
    if (err != ERR_OK) {
        return err;
    }
    PGresult *result = NULL;
    const bool simple = count == 0;
    const int sent = simple ? PQsendQuery(query->connection, sql)
                            : PQsendQueryParams(query->connection, sql, count, NULL, values, NULL, NULL, 0);
    err = sent == 1 ? pgquery_results(query, deadline, &result) : ERR_CLOSED;
    if (err != ERR_OK) {
        pgquery_fail(query, err == ERR_TIMEOUT ? "the server does not answer" : PQerrorMessage(query->connection));
        pgquery_close(query);
        return err;
    }
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        pgquery_fail(query, PQresultErrorMessage(result));
        PQclear(result);
        if (PQstatus(query->connection) == CONNECTION_BAD) {
            pgquery_close(query);
            return ERR_CLOSED;
        }
        return ERR_CONTENT;
    }
    *ret_result = result;
    return ERR_OK;
}

enum err pgquery_command(struct pgquery *query, const char *sql, int count, const char *const *values,
                         struct mono deadline)
{
    PGresult *result = NULL;
    const enum err err = pgquery_ask(query, sql, count, values, deadline, &result);
    if (err == ERR_OK) {
        PQclear(result);
    }
    return err;
}

static struct lsn pgquery_lsn(const PGresult *result, int row, int column)
{
    struct lsn lsn = {0};
    (void)lsn_parse(PQgetvalue(result, row, column), &lsn);
    return lsn;
}

static bool pgquery_bool(const PGresult *result, int row, int column)
{
    return strcmp(PQgetvalue(result, row, column), "t") == 0;
}

static const char pgquery_status_sql[] =
    "SELECT r, s.system_identifier, "
    "CASE WHEN r THEN coalesce(w.received_tli, nullif(c.min_recovery_end_timeline, 0), k.timeline_id)"
    " ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END, "
    "current_setting('server_version_num'), current_setting('data_checksums') = 'on', "
    "CASE WHEN r THEN coalesce(w.written_lsn, pg_last_wal_receive_lsn()) ELSE pg_current_wal_lsn() END, "
    "CASE WHEN r THEN coalesce(w.flushed_lsn, pg_last_wal_receive_lsn()) ELSE pg_current_wal_flush_lsn() END, "
    "pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), coalesce(w.status = 'streaming', false), "
    "CASE WHEN NOT r THEN 0 WHEN w.status = 'streaming' AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN "
    "0 "
    "ELSE coalesce((extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint, -1) END, "
    "coalesce(w.pid, 0), coalesce(w.sender_host, ''), current_setting('synchronous_standby_names'), "
    "coalesce(w.sender_port, 0) "
    "FROM (SELECT pg_is_in_recovery() AS r OFFSET 0) x, pg_control_system() s, pg_control_recovery() c, "
    "pg_control_checkpoint() k LEFT JOIN pg_stat_wal_receiver w ON true";

static const char pgquery_replicas_sql[] =
    "SELECT application_name, state, sync_state IN ('sync', 'quorum'), flush_lsn, replay_lsn, "
    "coalesce((extract(epoch FROM replay_lag) * 1000)::bigint, 0) "
    "FROM pg_stat_replication WHERE state <> 'backup' ORDER BY application_name LIMIT 32";

static void pgquery_read_status(const PGresult *result, struct pgquery_status *status)
{
    status->in_recovery = pgquery_bool(result, 0, 0);
    status->system_id = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
    status->timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 2), NULL, 10);
    status->version = (uint32_t)strtoul(PQgetvalue(result, 0, 3), NULL, 10);
    status->checksums = pgquery_bool(result, 0, 4);
    status->written = pgquery_lsn(result, 0, 5);
    status->flushed = pgquery_lsn(result, 0, 6);
    status->received = pgquery_lsn(result, 0, 7);
    status->replayed = pgquery_lsn(result, 0, 8);
    status->receiving = pgquery_bool(result, 0, 9);
    status->lag_ms = strtoll(PQgetvalue(result, 0, 10), NULL, 10);
    status->walreceiver = (pid_t)strtol(PQgetvalue(result, 0, 11), NULL, 10);
    snprintf(status->sender, sizeof status->sender, "%s", PQgetvalue(result, 0, 12));
    snprintf(status->durability, sizeof status->durability, "%s", PQgetvalue(result, 0, 13));
    status->sender_port = (uint16_t)strtoul(PQgetvalue(result, 0, 14), NULL, 10);
}

static void pgquery_read_replicas(const PGresult *result, struct pgquery_status *status)
{
    const int rows = PQntuples(result);
    for (int row = 0; row < rows && status->replicas_count < LIMITS_NODES; row++) {
        struct pgquery_replica *replica = &status->replicas[status->replicas_count++];
        snprintf(replica->name, sizeof replica->name, "%s", PQgetvalue(result, row, 0));
        snprintf(replica->state, sizeof replica->state, "%s", PQgetvalue(result, row, 1));
        replica->sync = pgquery_bool(result, row, 2);
        replica->flushed = pgquery_lsn(result, row, 3);
        replica->replayed = pgquery_lsn(result, row, 4);
        replica->lag_ms = strtoll(PQgetvalue(result, row, 5), NULL, 10);
    }
}

enum err pgquery_status(struct pgquery *query, struct mono deadline, struct pgquery_status *ret_status)
{
    PGresult *result = NULL;
    enum err err = pgquery_ask(query, pgquery_status_sql, 0, NULL, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    struct pgquery_status status = {0};
    err = PQntuples(result) == 1 && PQnfields(result) == 15 ? ERR_OK : ERR_CONTENT;
    if (err == ERR_OK) {
        pgquery_read_status(result, &status);
    }
    PQclear(result);
    result = NULL;
    err = err == ERR_OK ? pgquery_ask(query, pgquery_replicas_sql, 0, NULL, deadline, &result) : err;
    if (err != ERR_OK) {
        return err;
    }
    pgquery_read_replicas(result, &status);
    PQclear(result);
    *ret_status = status;
    return ERR_OK;
}

enum err pgquery_recovery(struct pgquery *query, struct mono deadline, struct pgquery_recovery *ret_recovery)
{
    PGresult *result = NULL;
    const enum err err = pgquery_ask(query, "SELECT pg_is_in_recovery(), pg_snapshot_xmax(pg_current_snapshot())", 0,
                                     NULL, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    const bool read = PQntuples(result) == 1 && PQnfields(result) == 2;
    *ret_recovery = (struct pgquery_recovery){
        .in_recovery = !read || pgquery_bool(result, 0, 0),
        .next_xid = read ? strtoull(PQgetvalue(result, 0, 1), NULL, 10) : 0,
    };
    PQclear(result);
    return ERR_OK;
}

enum err pgquery_checkpoint(struct pgquery *query, struct mono deadline)
{
    return pgquery_command(query, "CHECKPOINT", 0, NULL, deadline);
}

/* Runs what a query makes: "SELECT format(...)" gives zero or more statements with every name quoted by the server. */
static enum err pgquery_generate(struct pgquery *query, const char *sql, int count, const char *const *values,
                                 struct mono deadline)
{
    PGresult *result = NULL;
    enum err err = pgquery_ask(query, sql, count, values, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    const int rows = PQntuples(result);
    for (int row = 0; row < rows && err == ERR_OK; row++) {
        err = pgquery_command(query, PQgetvalue(result, row, 0), 0, NULL, deadline);
    }
    PQclear(result);
    return err;
}

/* The password reaches the server as a SCRAM verifier: it never stands in a statement or a log. */
static enum err pgquery_set_password(struct pgquery *query, const char *role, const char *password,
                                     struct mono deadline)
{
    if (password == NULL) {
        return ERR_OK;
    }
    char *verifier = PQencryptPasswordConn(query->connection, password, role, "scram-sha-256");
    if (verifier == NULL) {
        return ERR_NO_MEMORY;
    }
    const char *const values[] = {role, verifier};
    const enum err err =
        pgquery_generate(query, "SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text)", 2, values, deadline);
    PQfreemem(verifier);
    return err;
}

static enum err pgquery_prepare_role(struct pgquery *query, struct mono deadline)
{
    const char *const values[] = {query->options->replication};
    const enum err err =
        pgquery_generate(query,
                         "SELECT format('CREATE ROLE %I LOGIN REPLICATION', $1::text) WHERE NOT EXISTS "
                         "(SELECT FROM pg_roles WHERE rolname = $1::text)",
                         1, values, deadline);
    return err == ERR_OK ? pgquery_set_password(query, query->options->replication,
                                                query->options->replication_password, deadline)
                         : err;
}

enum err pgquery_prepare(struct pgquery *query, struct mono deadline)
{
    const char *const values[] = {query->options->dbname};
    enum err err = pgquery_open(query, deadline);
    err = err == ERR_OK ? pgquery_prepare_role(query, deadline) : err;
    err = err == ERR_OK ? pgquery_generate(query,
                                           "SELECT format('CREATE DATABASE %I', $1::text) WHERE NOT EXISTS "
                                           "(SELECT FROM pg_database WHERE datname = $1::text)",
                                           1, values, deadline)
                        : err;
    pgquery_close(query); /* the next statement opens a session in the new database */
    return err == ERR_OK ? pgquery_command(query,
                                           "CREATE SCHEMA IF NOT EXISTS holdfast;"
                                           "CREATE TABLE IF NOT EXISTS holdfast.proof (epoch bigint NOT NULL, "
                                           "node text PRIMARY KEY, at timestamptz NOT NULL);" PGQUERY_PROMOTION_TABLE,
                                           0, NULL, deadline)
                         : err;
}

static enum err pgquery_slots_writer(struct pgquery *query, struct mono deadline)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < query->options->peers_count && err == ERR_OK; i++) {
        char slot[PGCONF_SLOT];
        pgconf_slot(query->options->peers[i].name, slot);
        const char *const values[] = {slot};
        err = pgquery_command(query,
                              "SELECT pg_create_physical_replication_slot($1) WHERE NOT EXISTS "
                              "(SELECT FROM pg_replication_slots WHERE slot_name = $1)",
                              1, values, deadline);
    }
    return err;
}

enum err pgquery_slots(struct pgquery *query, bool writer, struct mono deadline)
{
    if (writer) {
        return pgquery_slots_writer(query, deadline);
    }
    return pgquery_command(query,
                           "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE "
                           "NOT active AND slot_name LIKE 'holdfast\\_%'",
                           0, NULL, deadline);
}

static enum err pgquery_position(struct pgquery *query, const char *sql, struct mono deadline, struct lsn *ret_lsn)
{
    PGresult *result = NULL;
    const enum err err = pgquery_ask(query, sql, 0, NULL, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    *ret_lsn = PQntuples(result) == 1 ? pgquery_lsn(result, 0, 0) : (struct lsn){0};
    PQclear(result);
    return ERR_OK;
}

enum err pgquery_replayed(struct pgquery *query, struct mono deadline, struct lsn *ret_lsn)
{
    return pgquery_position(query, "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END", deadline,
                            ret_lsn);
}

enum err pgquery_flushed(struct pgquery *query, struct mono deadline, struct lsn *ret_lsn)
{
    return pgquery_position(query, "SELECT pg_current_wal_flush_lsn()", deadline, ret_lsn);
}

enum err pgquery_prove(struct pgquery *query, uint64_t epoch, struct mono deadline, struct lsn *ret_lsn)
{
    char number[PGQUERY_DIGITS];
    snprintf(number, sizeof number, "%llu", (unsigned long long)epoch);
    const char *const values[] = {number, query->options->node};
    const enum err err = pgquery_command(query, PGQUERY_PROOF, 2, values, deadline);
    return err == ERR_OK ? pgquery_flushed(query, deadline, ret_lsn) : err;
}

static enum err pgquery_identify(struct pgquery *query, struct mono deadline, struct pgquery_upstream *upstream)
{
    PGresult *result = NULL;
    enum err err = pgquery_ask(query, "IDENTIFY_SYSTEM", 0, NULL, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    if (PQntuples(result) == 1 && PQnfields(result) >= 3) {
        upstream->system_id = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
        upstream->timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
        upstream->position = pgquery_lsn(result, 0, 2);
    } else {
        err = ERR_PROTOCOL;
    }
    PQclear(result);
    return err;
}

/* A walsender understands SHOW. */
static enum err pgquery_upstream_recovery(struct pgquery *query, struct mono deadline,
                                          struct pgquery_upstream *upstream)
{
    PGresult *result = NULL;
    const enum err err = pgquery_ask(query, "SHOW in_hot_standby", 0, NULL, deadline, &result);
    if (err == ERR_OK) {
        upstream->in_recovery = PQntuples(result) != 1 || strcmp(PQgetvalue(result, 0, 0), "off") != 0;
        PQclear(result);
    }
    return err;
}

static enum err pgquery_upstream_history(struct pgquery *query, struct mono deadline, struct pgquery_upstream *upstream)
{
    upstream->history.count = 0;
    if (upstream->timeline <= 1) {
        return ERR_OK;
    }
    char sql[64];
    PGresult *result = NULL;
    snprintf(sql, sizeof sql, "TIMELINE_HISTORY %u", upstream->timeline);
    enum err err = pgquery_ask(query, sql, 0, NULL, deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    if (PQntuples(result) == 1 && PQnfields(result) == 2) {
        err = pgparse_history(span_of(PQgetvalue(result, 0, 1), (size_t)PQgetlength(result, 0, 1)), &upstream->history);
    } else {
        err = ERR_PROTOCOL;
    }
    PQclear(result);
    return err;
}

enum err pgquery_upstream(const struct agent_options *options, const struct agent_options_peer *peer,
                          struct mono deadline, struct pgquery_upstream *ret_upstream)
{
    char home[AGENT_OPTIONS_PATH];
    char passfile[AGENT_OPTIONS_PATH + 16];
    char port[PGQUERY_DIGITS];
    pgconf_home(options, home);
    snprintf(passfile, sizeof passfile, "%s/passfile", home);
    snprintf(port, sizeof port, "%u", peer->port);
    const char *const keys[PGQUERY_KEYS] = {"host",     "port",        "user",    "dbname",   "application_name",
                                            "passfile", "replication", "sslmode", "password", NULL};
    const char *const values[PGQUERY_KEYS] = {
        peer->host, port,     options->replication,          "replication", "holdfast agent", passfile,
        "true",     "prefer", options->replication_password, NULL};
    struct pgquery query;
    struct pgquery_upstream upstream = {0};
    pgquery_init(&query, options);
    enum err err = pgquery_connect(&query, keys, values, deadline);
    upstream.version = err == ERR_OK ? (uint32_t)PQserverVersion(query.connection) : 0;
    err = err == ERR_OK ? pgquery_identify(&query, deadline, &upstream) : err;
    err = err == ERR_OK ? pgquery_upstream_recovery(&query, deadline, &upstream) : err;
    err = err == ERR_OK ? pgquery_upstream_history(&query, deadline, &upstream) : err;
    pgquery_close(&query);
    if (err == ERR_OK) {
        *ret_upstream = upstream;
    }
    return err;
}
