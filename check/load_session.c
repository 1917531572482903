/* SPDX-License-Identifier: Apache-2.0
 * A client's session over libpq, with deadlines. */
#include "load_session.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/sql.h"

enum {
    LOAD_SESSION_CONNECT_MS = 500, /* one attempt to connect */
    LOAD_SESSION_PAUSE_MS = 20,    /* before the next target */
    LOAD_SESSION_COLUMNS = 5,
};

/* The timeline is where the server inserts; the epoch is the row that its agent committed when it became the writer. */
const char load_session_identity[] =
    "CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'writer' END, current_setting('cluster_name'), "
    "(SELECT system_identifier FROM pg_control_system()), "
    "CASE WHEN pg_is_in_recovery() THEN 0 ELSE "
    "('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END, "
    "coalesce((SELECT proof.epoch FROM holdfast.proof WHERE proof.node = current_setting('cluster_name')), 0)";

bool load_session_certain(const char *sqlstate)
{
    /* Classes first: feature not supported, cardinality, data, constraint, transaction state (25006: read-only),
     * authorization, invalid names, serialization failure and deadlock, permission and syntax, resources (53100: disk
     * full), limits, not in the state for it (55P03: lock not available), PL/pgSQL. 40003 says itself that it does not
     * know. 57014: the statement was cancelled (a commit that waits for a standby is not cancelled, it warns). 57P03:
     * the server does not take statements yet. */
    static const char *const certain[] = {"0A",    "21", "22", "23", "25", "28", "3D",    "3F",    "40001", "40002",
                                          "40P01", "42", "44", "53", "54", "55", "57014", "57P03", "P0"};
    for (size_t i = 0; i < sizeof(certain) / sizeof(certain[0]); i++) {
        if (strncmp(sqlstate, certain[i], strlen(certain[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void load_session_notice(void *argument, const PGresult *notice)
{
    struct load_session *session = argument;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    session->warned = session->warned || severity == NULL || strcmp(severity, "WARNING") == 0;
}

void load_session_init(struct load_session *session, const struct load_config *config, bool writing, size_t first)
{
    const size_t count = writing ? config->writers_count : config->nodes_count;
    ASSERT(count > 0);
    *session = (struct load_session){.config = config,
                                     .targets = writing ? config->writers : config->nodes,
                                     .targets_count = count,
                                     .target = first % count,
                                     .writing = writing};
}

static void load_session_close(struct load_session *session)
{
    if (session->pg != NULL) {
        PQfinish(session->pg);
        session->pg = NULL;
    }
}

void load_session_fini(struct load_session *session)
{
    load_session_close(session);
}

/* ---- connecting -------------------------------------------------------------------------------------------------- */

/* Until the socket is ready or the deadline has come. */
static bool load_session_poll(const struct load_session *session, short events, struct mono deadline)
{
    const int64_t left_ms = time_since_ms(deadline, clock_mono()) + 1;
    struct pollfd fd = {.fd = PQsocket(session->pg), .events = events};
    return fd.fd >= 0 && left_ms > 0 && poll(&fd, 1, (int)(left_ms > 60000 ? 60000 : left_ms)) > 0;
}

static bool load_session_connect(struct load_session *session, struct mono deadline)
{
    const struct load_target *target = &session->targets[session->target];
    const char *const keywords[] = {"host", "port", "dbname", "user", "application_name", NULL};
    const char *const values[] = {target->host,          target->port,    session->config->dbname,
                                  session->config->user, "holdfast-load", NULL};
    session->pg = PQconnectStartParams(keywords, values, 0);
    ASSERT(session->pg != NULL);
    short events = POLLOUT;
    while (PQstatus(session->pg) != CONNECTION_BAD && load_session_poll(session, events, deadline)) {
        const PostgresPollingStatusType status = PQconnectPoll(session->pg);
        if (status == PGRES_POLLING_OK) {
            (void)PQsetNoticeReceiver(session->pg, load_session_notice, session);
            return true;
        }
        if (status == PGRES_POLLING_FAILED) {
            break;
        }
        events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    }
    load_session_close(session);
    return false;
}

/* A connection that rested may have been closed meanwhile. */
static bool load_session_alive(struct load_session *session)
{
    if (session->pg == NULL || PQstatus(session->pg) != CONNECTION_OK ||
        PQtransactionStatus(session->pg) != PQTRANS_IDLE) {
        return false;
    }
    struct pollfd fd = {.fd = PQsocket(session->pg), .events = POLLIN};
    return poll(&fd, 1, 0) == 0 ||
           (PQconsumeInput(session->pg) == 1 && PQstatus(session->pg) == CONNECTION_OK && poll(&fd, 1, 0) == 0);
}

bool load_session_open(struct load_session *session)
{
    session->deadline = time_add_ms(clock_mono(), session->config->timeout_ms);
    session->warned = false;
    session->sent_us = 0;
    session->outcome = HISTORY_UNKNOWN;
    session->error[0] = '\0';
    session->identified = false;
    if (load_session_alive(session)) {
        return true;
    }
    load_session_close(session);
    while (!time_reached(clock_mono(), session->deadline)) {
        const struct mono until = time_add_ms(clock_mono(), LOAD_SESSION_CONNECT_MS);
        if (load_session_connect(session, time_min(until, session->deadline))) {
            session->deadline = time_add_ms(clock_mono(), session->config->timeout_ms);
            return true;
        }
        session->target = (session->target + 1) % session->targets_count;
        (void)poll(NULL, 0, LOAD_SESSION_PAUSE_MS);
    }
    return false;
}

/* ---- statements -------------------------------------------------------------------------------------------------- */

static void load_session_over(struct load_session *session, enum history_outcome outcome, const char *error)
{
    session->outcome = outcome;
    text_copy(session->error, sizeof(session->error), error);
}

/* Sends, and takes results until ReadyForQuery. The last result; NULL: the connection is of no use any more. */
static PGresult *load_session_exchange(struct load_session *session, const char *statements)
{
    PGresult *last = NULL;
    if (PQsendQuery(session->pg, statements) != 1) {
        load_session_close(session);
        return NULL;
    }
    for (;;) {
        while (PQisBusy(session->pg)) {
            if (!load_session_poll(session, POLLIN, session->deadline) || PQconsumeInput(session->pg) != 1) {
                PQclear(last);
                load_session_close(session);
                return NULL;
            }
        }
        PGresult *next = PQgetResult(session->pg);
        if (next == NULL) {
            break;
        }
        /* The first error decides; what follows was not done. */
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(next);
        } else {
            PQclear(last);
            last = next;
        }
    }
    if (PQstatus(session->pg) != CONNECTION_OK) {
        PQclear(last);
        load_session_close(session);
        return NULL;
    }
    return last;
}

/* The word about a result that is not what was wanted. False: it is fine. */
static bool load_session_refused(struct load_session *session, const PGresult *result, bool committing)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return false;
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const bool certain =
        sqlstate != NULL && severity != NULL && strcmp(severity, "ERROR") == 0 && load_session_certain(sqlstate);
    load_session_over(session, !committing || certain ? HISTORY_FAILED : HISTORY_UNKNOWN,
                      sqlstate != NULL ? sqlstate : "error");
    return true;
}

static bool load_session_exec(struct load_session *session, const char *statements, bool committing,
                              PGresult **ret_result)
{
    if (committing) {
        session->sent_us = clock_mono().us;
    }
    PGresult *result = load_session_exchange(session, statements);
    if (result == NULL) {
        load_session_over(session, committing ? HISTORY_UNKNOWN : HISTORY_FAILED, "closed");
        return false;
    }
    if (load_session_refused(session, result, committing)) {
        PQclear(result);
        return false;
    }
    *ret_result = result;
    return true;
}

/* Reads who answered from the last columns of the first row. */
static void load_session_identify(struct load_session *session, const PGresult *result)
{
    const int first = PQnfields(result) - LOAD_SESSION_COLUMNS;
    if (first < 0 || PQntuples(result) == 0) {
        return;
    }
    session->role = strcmp(PQgetvalue(result, 0, first), "writer") == 0 ? HISTORY_WRITER : HISTORY_REPLICA;
    text_copy(session->node, sizeof(session->node), PQgetvalue(result, 0, first + 1));
    text_copy(session->system, sizeof(session->system), PQgetvalue(result, 0, first + 2));
    session->identified = session->node[0] != '\0' && session->system[0] != '\0' &&
                          strcspn(session->node, " \n") == strlen(session->node) &&
                          sql_number(PQgetvalue(result, 0, first + 3), &session->timeline) &&
                          sql_number(PQgetvalue(result, 0, first + 4), &session->epoch);
}

bool load_session_begin(struct load_session *session, enum history_level level)
{
    static const char *const levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
    char statements[768];
    PGresult *result = NULL;
    (void)snprintf(statements, sizeof(statements), "BEGIN ISOLATION LEVEL %s; SELECT %s", levels[level],
                   load_session_identity);
    if (!load_session_exec(session, statements, false, &result)) {
        return false;
    }
    load_session_identify(session, result);
    PQclear(result);
    return true;
}

bool load_session_run(struct load_session *session, const char *statements, PGresult **ret_result)
{
    PGresult *result = NULL;
    if (!load_session_exec(session, statements, false, &result)) {
        return false;
    }
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
    return true;
}

/* A warning may say that the commit is not durable: then it is not an acknowledgement. */
static void load_session_acknowledged(struct load_session *session)
{
    load_session_over(session, session->warned ? HISTORY_UNKNOWN : HISTORY_OK, session->warned ? "warning" : "");
}

bool load_session_run_alone(struct load_session *session, const char *statement, PGresult **ret_result)
{
    PGresult *result = NULL;
    if (!load_session_exec(session, statement, true, &result)) {
        return false;
    }
    load_session_identify(session, result);
    load_session_acknowledged(session);
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
    return true;
}

void load_session_commit(struct load_session *session)
{
    PGresult *result = NULL;
    if (!load_session_exec(session, "COMMIT", true, &result)) {
        return;
    }
    if (strcmp(PQcmdStatus(result), "COMMIT") == 0) {
        load_session_acknowledged(session);
    } else {
        load_session_over(session, HISTORY_FAILED, "rollback");
    }
    PQclear(result);
}

void load_session_end(struct load_session *session)
{
    const bool replica = session->identified && session->role == HISTORY_REPLICA;
    if (session->writing && (replica || strcmp(session->error, "25006") == 0)) {
        load_session_close(session);
        session->target = (session->target + 1) % session->targets_count;
    }
    if (session->pg == NULL || PQtransactionStatus(session->pg) == PQTRANS_IDLE) {
        return;
    }
    PQclear(load_session_exchange(session, "ROLLBACK"));
    if (session->pg != NULL && PQtransactionStatus(session->pg) != PQTRANS_IDLE) {
        load_session_close(session);
    }
}

struct history_write_end load_session_record(const struct load_session *session)
{
    return (struct history_write_end){
        .completed_us = clock_mono().us,
        .sent_us = session->sent_us,
        .outcome = session->outcome,
        .role = session->identified ? session->role : HISTORY_NOBODY,
        .node = session->identified ? session->node : "-",
        .system = session->identified ? session->system : "0",
        .timeline = session->identified ? session->timeline : 0,
        .epoch = session->identified ? session->epoch : 0,
        .error = session->error[0] != '\0' ? session->error : "-",
    };
}
