/* SPDX-License-Identifier: Apache-2.0
 * One database of the new writer: the ledger in it, and the lost transactions sent to it one behind the other. */
#include "reconcile/salvage_target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "reconcile/salvage_sql.h"

enum {
    SALVAGE_TARGET_FLYING = 256,
    SALVAGE_TARGET_FLYING_BYTES = 16 * 1024 * 1024,
    SALVAGE_TARGET_SILENT_MS = 60000, /* a server that says nothing for so long is lost */
    SALVAGE_TARGET_KEYS = 16,
};

static enum err salvage_target_fail(struct salvage_target *target, const PGresult *result)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result != NULL ? PQresultErrorMessage(result) : PQerrorMessage(target->connection);
    snprintf(target->sqlstate, sizeof target->sqlstate, "%s", state != NULL ? state : "");
    snprintf(target->message, sizeof target->message, "%.*s", (int)strcspn(text, "\n"), text);
    return PQstatus(target->connection) == CONNECTION_BAD ? ERR_CLOSED : ERR_STATUS;
}

enum err salvage_target_ask(struct salvage_target *target, const char *sql, int count, const char *const *values,
                            PGresult **ret_result)
{
    PGresult *result = count == 0 ? PQexec(target->connection, sql)
                                  : PQexecParams(target->connection, sql, count, NULL, values, NULL, NULL, 0);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        const enum err err = salvage_target_fail(target, result);
        PQclear(result);
        return err;
    }
    *ret_result = result;
    return ERR_OK;
}

enum err salvage_target_do(struct salvage_target *target, const char *sql, int count, const char *const *values)
{
    PGresult *result = NULL;
    const enum err err = salvage_target_ask(target, sql, count, values, &result);
    if (err == ERR_OK) {
        PQclear(result);
    }
    return err;
}

static enum err salvage_target_connect_err(const char *message)
{
    return strstr(message, "does not exist") != NULL                                          ? ERR_NOT_FOUND
           : strstr(message, "authentication") != NULL || strstr(message, "password") != NULL ? ERR_AUTH
                                                                                              : ERR_REFUSED;
}

static void salvage_target_quiet(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

enum err salvage_target_open(struct salvage_target *target, const struct salvage_target_login *login,
                             const char *dbname)
{
    const char *const keys[SALVAGE_TARGET_KEYS] = {"host",
                                                   "port",
                                                   "user",
                                                   "password",
                                                   "passfile",
                                                   "dbname",
                                                   "application_name",
                                                   "client_encoding",
                                                   "options",
                                                   "sslmode",
                                                   "connect_timeout",
                                                   "tcp_user_timeout",
                                                   "keepalives_idle",
                                                   NULL};
    const char *const values[SALVAGE_TARGET_KEYS] = {
        login->host,
        login->port,
        login->user,
        login->password,
        login->passfile,
        dbname,
        "holdfast salvage",
        "UTF8",
        "-c search_path=pg_catalog,pg_temp -c session_replication_role=replica -c datestyle=ISO -c "
        "intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex -c timezone=UTC -c xmloption=content "
        "-c lc_monetary=C -c synchronous_commit=off -c lock_timeout=5s -c statement_timeout=0 -c "
        "default_transaction_isolation=read\\ committed -c default_transaction_read_only=off -c jit=off -c "
        "enable_seqscan=off -c "
        "plan_cache_mode=force_generic_plan -c client_min_messages=error",
        "prefer",
        "10",
        "20000",
        "5",
        NULL};
    *target = (struct salvage_target){.connection = PQconnectdbParams(keys, values, 0)};
    if (target->connection == NULL) {
        return ERR_NO_MEMORY;
    }
    if (PQstatus(target->connection) != CONNECTION_OK) {
        (void)salvage_target_fail(target, NULL);
        return salvage_target_connect_err(target->message);
    }
    PQsetNoticeReceiver(target->connection, salvage_target_quiet, NULL);
    PGresult *result = NULL;
    enum err err = salvage_target_ask(target, "SELECT pg_is_in_recovery()", 0, NULL, &result);
    if (err == ERR_OK) {
        err = PQgetvalue(result, 0, 0)[0] == 'f' ? ERR_OK : ERR_ROLE;
        PQclear(result);
    }
    return err;
}

void salvage_target_close(struct salvage_target *target)
{
    PQfinish(target->connection);
    target->connection = NULL;
}

static enum err salvage_target_find_run(struct salvage_target *target, const struct salvage_target_run *run)
{
    char numbers[8][24];
    char fork[LSN_TEXT];
    char end[LSN_TEXT];
    snprintf(numbers[0], sizeof numbers[0], "%llu", (unsigned long long)run->system_id);
    snprintf(numbers[1], sizeof numbers[1], "%u", run->timeline);
    snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)run->epoch);
    snprintf(numbers[3], sizeof numbers[3], "%u", run->writer_timeline);
    snprintf(numbers[4], sizeof numbers[4], "%llu", (unsigned long long)run->first_xid);
    lsn_print(run->fork, fork);
    lsn_print(run->tail_end, end);
    const char *const values[] = {run->node,  numbers[0], numbers[1],
                                  numbers[2], numbers[3], fork,
                                  end,        numbers[4], run->decoded ? "decode" : "rows"};
    PGresult *result = NULL;
    enum err err = salvage_target_ask(
        target,
        "WITH found AS (UPDATE holdfast.ledger_run SET state = 'running', reason = '', first_xid = $8::bigint, method "
        "= $9 "
        "WHERE node = $1 AND system_id = $2 AND timeline = $3::bigint AND epoch = $4::bigint AND fork = $6::pg_lsn "
        "RETURNING id), made AS (INSERT INTO holdfast.ledger_run (node, system_id, timeline, epoch, writer_timeline, "
        "fork, "
        "tail_end, first_xid, method, state) SELECT $1, $2, $3::bigint, $4::bigint, $5::bigint, $6::pg_lsn, "
        "$7::pg_lsn, "
        "$8::bigint, $9, 'running' WHERE NOT EXISTS (SELECT FROM found) RETURNING id) "
        "SELECT max(id) FROM (SELECT id FROM found UNION ALL SELECT id FROM made) x",
        9, values, &result);
    if (err == ERR_OK) {
        snprintf(target->run, sizeof target->run, "%s", PQgetvalue(result, 0, 0));
        snprintf(target->first_xid, sizeof target->first_xid, "%s", numbers[4]);
        PQclear(result);
    }
    const char *const branch[] = {numbers[0], numbers[1], numbers[2]};
    return err == ERR_OK ? salvage_target_do(target, salvage_sql_taint, 3, branch) : err;
}

enum err salvage_target_begin(struct salvage_target *target, const struct salvage_target_run *run)
{
    /* "holdfast salvage" in one number: one at a time per database. */
    enum err err = salvage_target_do(target, "SELECT pg_advisory_lock(4855198820041)", 0, NULL);
    if (err != ERR_OK && strcmp(target->sqlstate, "55P03") == 0) {
        return ERR_IN_USE;
    }
    err = err == ERR_OK ? salvage_target_do(target, salvage_sql_ledger, 0, NULL) : err;
    for (size_t i = 0; salvage_sql_session[i] != NULL && err == ERR_OK; i++) {
        err = salvage_target_do(target, salvage_sql_session[i], 0, NULL);
    }
    err = err == ERR_OK ? salvage_target_find_run(target, run) : err;
    if (err != ERR_OK) {
        return err;
    }
    PGresult *result = PQprepare(target->connection, "apply", salvage_sql_apply, 9, NULL);
    err = PQresultStatus(result) == PGRES_COMMAND_OK ? ERR_OK : salvage_target_fail(target, result);
    PQclear(result);
    return err;
}

/* ---- the pipeline ---- */

static void salvage_target_count(struct salvage_target *target, const char *state)
{
    struct salvage_target_counts *counts = &target->counts;
    counts->applied += strcmp(state, "applied") == 0 ? 1 : 0;
    counts->identical += strcmp(state, "identical") == 0 ? 1 : 0;
    counts->quarantined += strcmp(state, "quarantined") == 0 ? 1 : 0;
    counts->partly += strcmp(state, "partly") == 0 ? 1 : 0;
    counts->known += strcmp(state, "known") == 0 || strcmp(state, "partly") == 0 ? 1 : 0;
}

/* Takes in every result that can be had without waiting. */
static enum err salvage_target_take(struct salvage_target *target)
{
    struct salvage_target_counts *counts = &target->counts;
    while (counts->done < counts->sent && PQisBusy(target->connection) == 0) {
        PGresult *result = PQgetResult(target->connection);
        if (result == NULL) {
            continue; /* between a statement's result and its synchronisation point */
        }
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK) {
            salvage_target_count(target, PQgetvalue(result, 0, 0));
        } else if (status == PGRES_PIPELINE_SYNC) {
            target->flying_bytes -= target->flying[counts->done % (sizeof target->flying / sizeof target->flying[0])];
            counts->done++;
        } else {
            const enum err err = salvage_target_fail(target, result);
            PQclear(result);
            return err;
        }
        PQclear(result);
    }
    return ERR_OK;
}

/* Sends and receives until at most `left` are under way. */
static enum err salvage_target_pump(struct salvage_target *target, uint64_t left, size_t left_bytes)
{
    for (;;) {
        const int flushed = PQflush(target->connection);
        enum err err = flushed < 0 ? salvage_target_fail(target, NULL) : salvage_target_take(target);
        if (err != ERR_OK) {
            return err;
        }
        if (target->counts.sent - target->counts.done <= left && target->flying_bytes <= left_bytes) {
            return ERR_OK;
        }
        struct pollfd waited = {.fd = PQsocket(target->connection),
                                .events = (short)(flushed > 0 ? POLLIN | POLLOUT : POLLIN)};
        const int count = poll(&waited, 1, SALVAGE_TARGET_SILENT_MS);
        if (count == 0) {
            snprintf(target->message, sizeof target->message, "the new writer does not answer");
            return ERR_TIMEOUT;
        }
        if (count < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
        if (count > 0 && PQconsumeInput(target->connection) == 0) {
            return salvage_target_fail(target, NULL);
        }
    }
}

enum err salvage_target_send(struct salvage_target *target, const struct salvage_target_entry *entry)
{
    char lsn[LSN_TEXT];
    char xid[16];
    char count[24];
    if (PQpipelineStatus(target->connection) == PQ_PIPELINE_OFF &&
        (PQsetnonblocking(target->connection, 1) != 0 || PQenterPipelineMode(target->connection) != 1)) {
        return salvage_target_fail(target, NULL);
    }
    lsn_print(entry->lsn, lsn);
    snprintf(xid, sizeof xid, "%u", entry->xid);
    snprintf(count, sizeof count, "%llu", (unsigned long long)entry->changes_count);
    const char *const values[] = {target->run,   lsn,           xid,   entry->time,      entry->changes,
                                  entry->reason, entry->method, count, target->first_xid};
    if (PQsendQueryPrepared(target->connection, "apply", 9, values, NULL, NULL, 0) != 1 ||
        PQpipelineSync(target->connection) != 1) {
        return salvage_target_fail(target, NULL);
    }
    const size_t bytes = strlen(entry->changes);
    const size_t room = sizeof target->flying / sizeof target->flying[0];
    ASSERT(target->counts.sent - target->counts.done < room);
    target->flying[target->counts.sent % room] = bytes;
    target->flying_bytes += bytes;
    target->counts.sent++;
    return salvage_target_pump(target, SALVAGE_TARGET_FLYING, SALVAGE_TARGET_FLYING_BYTES);
}

enum err salvage_target_drain(struct salvage_target *target)
{
    if (PQpipelineStatus(target->connection) == PQ_PIPELINE_OFF) {
        return ERR_OK;
    }
    const enum err err = salvage_target_pump(target, 0, SIZE_MAX);
    if (err != ERR_OK) {
        return err;
    }
    while (PQexitPipelineMode(target->connection) != 1) {
        PGresult *rest = PQgetResult(target->connection);
        if (rest == NULL) {
            return salvage_target_fail(target, NULL);
        }
        PQclear(rest);
    }
    return PQsetnonblocking(target->connection, 0) == 0 ? ERR_OK : ERR_INTERNAL;
}

enum err salvage_target_end(struct salvage_target *target, const char *state, const char *reason, uint64_t commits,
                            const char *notes)
{
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)commits);
    const char *const values[] = {target->run, state, reason, number, notes};
    /* This commit is flushed, and confirmed where that is required, and with it everything before it. */
    enum err err = salvage_target_do(target, "SET synchronous_commit = on", 0, NULL);
    err =
        err == ERR_OK
            ? salvage_target_do(target,
                                "UPDATE holdfast.ledger_run SET state = $2, reason = $3, commits = $4::bigint, notes = "
                                "$5::jsonb, ended = clock_timestamp() WHERE id = $1::bigint",
                                5, values)
            : err;
    return err;
}

enum err salvage_target_checkpoint(struct salvage_target *target)
{
    return salvage_target_do(target, "CHECKPOINT", 0, NULL);
}
