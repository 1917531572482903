/* SPDX-License-Identifier: Apache-2.0
 * Example: choose, breaker, classify and retry around libpq. */
#include "datasource.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DATASOURCE_CONNECTIONS = 8,
    DATASOURCE_TEXT = 256,
    DATASOURCE_LOOK_MS = 100,
    DATASOURCE_SAME_MS = 1000,
    DATASOURCE_NS_PER_MS = 1000000
};

/* A server is its address under an epoch: after a change of the writer nobody uses a connection of before. */
struct datasource_connection {
    PGconn *connection;
    char address[HOLDFAST_ADDRESS];
    uint32_t port;
    uint64_t epoch;
};

struct datasource {
    struct datasource_options options;
    struct datasource_connection connections[DATASOURCE_CONNECTIONS];
    unsigned turn;
    int unconfirmed; /* the server warned during this call that a commit is not on its standby */
    char message[DATASOURCE_TEXT];
    char node[HOLDFAST_NAME];
};

/* One call: what it is for, where it goes now, what came of it. */
struct datasource_call {
    enum holdfast_intent intent;
    const char *key;
    const char *sql;
    struct holdfast_target target;
    struct holdfast_verdict verdict;
    PGresult *result;
    struct holdfast_target wrong; /* a writer that was none, and until when it is not asked again */
    int64_t wrong_until_ns;
};

static int64_t datasource_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct datasource *datasource_new(const struct datasource_options *options)
{
    struct datasource *source = (struct datasource *)calloc(1, sizeof *source);
    if (source != NULL) {
        source->options = *options;
    }
    return source;
}

void datasource_free(struct datasource *source)
{
    for (size_t i = 0; source != NULL && i < DATASOURCE_CONNECTIONS; i++) {
        PQfinish(source->connections[i].connection);
    }
    free(source);
}

const char *datasource_message(const struct datasource *source)
{
    return source->message;
}

const char *datasource_node(const struct datasource *source)
{
    return source->node;
}

/* "canceling wait for synchronous replication" comes as a warning before a success: that success is none. */
static void datasource_notice(void *context, const PGresult *notice)
{
    struct datasource *source = (struct datasource *)context;
    const char *sqlstate = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (sqlstate != NULL && (strcmp(sqlstate, "57014") == 0 || strcmp(sqlstate, "57P01") == 0)) {
        source->unconfirmed = 1;
    }
}

static void datasource_close(struct datasource_connection *slot)
{
    PQfinish(slot->connection);
    *slot = (struct datasource_connection){0};
}

/* The connection to this server, or a slot for it; one of an older epoch is closed. */
static struct datasource_connection *datasource_slot(struct datasource *source, const struct holdfast_node *node,
                                                     uint64_t epoch)
{
    struct datasource_connection *empty = NULL;
    for (size_t i = 0; i < DATASOURCE_CONNECTIONS; i++) {
        struct datasource_connection *slot = &source->connections[i];
        if (slot->connection != NULL && slot->epoch != epoch) {
            datasource_close(slot);
        }
        if (slot->connection == NULL) {
            empty = empty != NULL ? empty : slot;
        } else if (slot->port == node->port && strcmp(slot->address, node->address) == 0) {
            return slot;
        }
    }
    if (empty == NULL) {
        empty = &source->connections[source->turn++ % DATASOURCE_CONNECTIONS];
        datasource_close(empty);
    }
    memcpy(empty->address, node->address, sizeof empty->address);
    empty->port = node->port;
    empty->epoch = epoch;
    return empty;
}

static void datasource_say(struct datasource *source, const char *text)
{
    snprintf(source->message, sizeof source->message, "%.*s", (int)strcspn(text, "\n"), text);
}

/* A server in recovery cannot be the writer, whatever the view says: it tells so at log-in. */
static int datasource_connect(struct datasource *source, struct datasource_call *call,
                              struct datasource_connection *slot)
{
    char conninfo[DATASOURCE_TEXT * 2];
    snprintf(conninfo, sizeof conninfo, "%s hostaddr=%s port=%u", source->options.conninfo, slot->address, slot->port);
    slot->connection = PQconnectdb(conninfo);
    if (slot->connection == NULL || PQstatus(slot->connection) != CONNECTION_OK) {
        datasource_say(source, slot->connection != NULL ? PQerrorMessage(slot->connection) : "out of memory");
        holdfast_classify(NULL, HOLDFAST_CALL_CONNECTING, &call->verdict);
        return 0;
    }
    PQsetNoticeReceiver(slot->connection, datasource_notice, source);
    const char *standby = PQparameterStatus(slot->connection, "in_hot_standby");
    if (call->intent == HOLDFAST_WRITE && standby != NULL && strcmp(standby, "on") == 0) {
        datasource_say(source, "the server is a standby");
        holdfast_classify("25006", HOLDFAST_CALL_CONNECTING, &call->verdict);
        return 0;
    }
    return 1;
}

static void datasource_send(struct datasource *source, struct datasource_call *call, struct datasource_connection *slot)
{
    source->unconfirmed = 0;
    call->result = PQexec(slot->connection, call->sql);
    const char *sqlstate = call->result != NULL ? PQresultErrorField(call->result, PG_DIAG_SQLSTATE) : NULL;
    uint32_t flags = call->intent == HOLDFAST_WRITE ? (uint32_t)HOLDFAST_CALL_COMMITS : 0U;
    flags |= PQstatus(slot->connection) != CONNECTION_OK ? (uint32_t)HOLDFAST_CALL_LOST : 0U;
    flags |= source->unconfirmed ? (uint32_t)HOLDFAST_CALL_UNCONFIRMED : 0U;
    const ExecStatusType status = PQresultStatus(call->result);
    if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
        flags |= sqlstate == NULL ? (uint32_t)HOLDFAST_CALL_LOST : 0U;
        datasource_say(source,
                       call->result != NULL ? PQresultErrorMessage(call->result) : PQerrorMessage(slot->connection));
    }
    holdfast_classify(sqlstate, flags, &call->verdict);
}

/* A connection that was closed meanwhile is noticed before anything is sent on it: that leaves no doubt about a write.
 * It is no call that failed, but worth knowing for the process that serves the view. */
static void datasource_look(const struct datasource *source, const struct datasource_call *call,
                            struct datasource_connection *slot)
{
    struct holdfast_verdict verdict;
    if (slot->connection != NULL &&
        (PQconsumeInput(slot->connection) == 0 || PQstatus(slot->connection) != CONNECTION_OK)) {
        holdfast_classify(NULL, HOLDFAST_CALL_LOST, &verdict);
        holdfast_note(source->options.holdfast, &call->target, &verdict, 0);
        PQfinish(slot->connection);
        slot->connection = NULL;
    }
}

/* One attempt at the target. */
static void datasource_attempt(struct datasource *source, struct datasource_call *call,
                               const struct holdfast_node *node)
{
    struct datasource_connection *slot = datasource_slot(source, node, call->target.epoch);
    memcpy(source->node, node->name, sizeof source->node);
    datasource_look(source, call, slot);
    if (slot->connection != NULL || datasource_connect(source, call, slot)) {
        datasource_send(source, call, slot);
    }
    if ((call->verdict.flags & HOLDFAST_VERDICT_RECONNECT) != 0 ||
        call->verdict.result == HOLDFAST_RESULT_WRONG_SERVER) {
        datasource_close(slot);
    }
}

/* Whether this writer turned out to be none just now: the next view will name another one, or it comes back. */
static int datasource_wrong(const struct datasource_call *call)
{
    return call->intent == HOLDFAST_WRITE && call->wrong.epoch == call->target.epoch &&
           call->wrong.node == call->target.node && datasource_now_ns() < call->wrong_until_ns;
}

/* Chooses, and goes on to the next target while breakers refuse. 0: nothing can be called now. */
static int datasource_choose(struct datasource *source, struct datasource_call *call, struct holdfast_node *node,
                             uint64_t *period)
{
    struct holdfast *holdfast = source->options.holdfast;
    enum holdfast_error error =
        call->key != NULL ? holdfast_choose_key(holdfast, call->intent, call->key, strlen(call->key), &call->target)
                          : holdfast_choose(holdfast, call->intent, &call->target);
    while (error == HOLDFAST_OK && (call->target.flags & HOLDFAST_TARGET_HOLD) == 0) {
        error = holdfast_target_node(holdfast, &call->target, node);
        if (datasource_wrong(call)) {
            return 0;
        }
        if (error == HOLDFAST_OK && holdfast_begin(holdfast, &call->target, period)) {
            return 1;
        }
        if (error == HOLDFAST_OK) {
            error = holdfast_choose_next(holdfast, call->intent, &call->target);
        }
    }
    datasource_say(source, error != HOLDFAST_OK ? holdfast_error_text(error) : "a move of the writer is under way");
    return 0;
}

/* Until the view changes, a while at most: for a write that finds no writer. */
static void datasource_wait_view(struct datasource *source)
{
    struct holdfast_metrics metrics;
    holdfast_metrics_read(source->options.holdfast, &metrics);
    (void)holdfast_wait(source->options.holdfast, metrics.version, DATASOURCE_LOOK_MS);
}

static int datasource_again(struct datasource *source, const struct datasource_call *call, int64_t attempts)
{
    int64_t wait_ms;
    if (call->verdict.result != HOLDFAST_RESULT_WRONG_SERVER && call->verdict.result != HOLDFAST_RESULT_RETRYABLE) {
        return 0;
    }
    if (!holdfast_retry_ask(source->options.retry, attempts, &wait_ms)) {
        return 0;
    }
    (void)poll(NULL, 0, (int)wait_ms);
    return 1;
}

enum holdfast_result datasource_run(struct datasource *source, enum holdfast_intent intent, const char *key,
                                    const char *sql, PGresult **ret_result)
{
    struct datasource_call call = {.intent = intent, .key = key, .sql = sql};
    const int64_t deadline_ns = datasource_now_ns() + source->options.deadline_ms * DATASOURCE_NS_PER_MS;
    int64_t attempts = 0;
    call.verdict.result = HOLDFAST_RESULT_FAILURE;
    source->message[0] = '\0';
    holdfast_retry_call(source->options.retry);
    do {
        struct holdfast_node node;
        uint64_t period;
        if (!datasource_choose(source, &call, &node, &period)) {
            datasource_wait_view(source); /* waiting for a writer is no attempt */
            continue;
        }
        PQclear(call.result);
        call.result = NULL;
        const int64_t start_ns = datasource_now_ns();
        datasource_attempt(source, &call, &node);
        holdfast_end(source->options.holdfast, &call.target, period, &call.verdict, datasource_now_ns() - start_ns);
        if (!datasource_again(source, &call, ++attempts)) {
            break;
        }
        call.wrong = call.target;
        call.wrong_until_ns = call.verdict.result == HOLDFAST_RESULT_WRONG_SERVER
                                  ? datasource_now_ns() + (int64_t)DATASOURCE_SAME_MS * DATASOURCE_NS_PER_MS
                                  : 0;
    } while (datasource_now_ns() < deadline_ns);
    *ret_result = call.result;
    return call.verdict.result;
}
