/* SPDX-License-Identifier: Apache-2.0
 * A session goes on with another server. */
#include "proxy/proxy_move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_ahead.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_lost.h"
#include "proxy/proxy_rest.h"
#include "wire/pg_message.h"

enum {
    PROXY_MOVE_REPLY = 2048, /* bytes of a message of a log-in */
    PROXY_MOVE_ANSWER_FACTOR = 5,
    PROXY_MOVE_TEXT = 320,
    PROXY_MOVE_ROLE = 64, /* bytes of the question for a role */
};

/* ---- leaving ---- */

static void proxy_move_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    LOG_D("a session leaves %s", session->server->target.node);
    proxy_session_release(context, session);
    list_remove(&session->ready);
    proxy_session_drop_server(context, session, true);
    session->move.under_way = true;
    session->syncs_since_execute = 0;
    session->doom.open = false;
    if (session->key != NULL) {
        proxy_cancel_busy(session->key, false);
    }
    if (proxy_rest_may(session)) {
        /* It needs none before its client says something. */
        session->move.under_way = false;
        session->expected = 0;
        list_append(&context->ready, &session->ready);
        return;
    }
    proxy_attempt_begin(context, session);
}

/* What the server has said has passed whole, and there is something left to say. */
bool proxy_move_lives(const struct proxy_session *session)
{
    const char *why = NULL;
    return session->state == PROXY_SESSION_ACTIVE && !session->terminated &&
           pg_frame_boundary(&session->server->end.received) && proxy_keep_movable(session->keep, &why) &&
           proxy_lost_judge(session, PROXY_LOST_NOTHING).verdict != PROXY_LOST_END;
}

void proxy_move_in_flight(struct proxy_session_context *context, struct proxy_session *session,
                          enum proxy_lost_proof proof, const char *what)
{
    struct proxy_keep *keep = session->keep;
    ASSERT(keep != NULL && !proxy_session_idle(session));
    const struct proxy_lost lost = proxy_lost_judge(session, proof);
    const bool knows = session->doom.open ? session->doom.told : session->status == PG_MESSAGE_STATUS_FAILED;
    ASSERT(lost.verdict != PROXY_LOST_END);
    session->inquiry.wanted = context->outcome != NULL && proxy_lost_traceable(session, &lost);
    session->inquiry.answered = false;
    session->inquiry.took = false;
    session->inquiry.ran_epoch = session->server->target.epoch;
    session->next.again = session->inquiry.wanted || (lost.verdict == PROXY_LOST_AGAIN && proxy_session_busy(session));
    session->next.failed = lost.failed;
    session->next.skipping = !session->next.again && lost.verdict != PROXY_LOST_AGAIN && lost.open;
    session->swallow = !session->next.again && !pg_frame_boundary(&session->client.received);
    session->doom.told = lost.verdict == PROXY_LOST_ROLLED_BACK || knows;
    if (session->next.failed) {
        proxy_keep_undo(keep);
    }
    if (session->prepare != NULL) {
        proxy_prepare_lost(session->prepare, session->next.again && proxy_session_busy(session));
    }
    if (session->next.again) {
        proxy_metrics_add(&context->metrics, PROXY_METRICS_AGAIN, session->inquiry.wanted ? 0 : 1);
    } else {
        if (lost.verdict != PROXY_LOST_AGAIN && !proxy_lost_tell(context, session, &lost, what)) {
            return;
        }
        proxy_keep_forget(keep);
    }
    proxy_move_begin(context, session);
}

void proxy_move_or_end(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->keep != NULL && proxy_session_idle(session));
    const char *why = "a message of its server has passed only in part";
    if (!pg_frame_boundary(&session->server->end.received) || !proxy_keep_movable(session->keep, &why)) {
        char text[PROXY_MOVE_TEXT];
        snprintf(text, sizeof text, "terminating connection: the server of this session is gone, and %s, reconnect",
                 why);
        proxy_session_end(context, session, PROXY_SESSION_NOT_MOVED, text);
        return;
    }
    session->next = (struct proxy_session_next){.again = false};
    if (session->prepare != NULL) {
        proxy_prepare_lost(session->prepare, false);
    }
    session->inquiry.wanted = false;
    session->inquiry.answered = false;
    session->inquiry.took = false;
    proxy_move_begin(context, session);
}

/* ---- logging in ---- */

void proxy_move_login(struct proxy_session_context *context, struct proxy_session *session)
{
    session->move.left = 0;
    session->move.strict = 0;
    session->move.asked = false;
    session->move.restored = false;
    session->move.logged_in = false;
    free(session->keep->fresh.data);
    session->keep->fresh = (struct proxy_keep_parameters){.data = NULL};
    proxy_session_move(session, PROXY_SESSION_LOGIN);
    const struct mono late = time_add_ms(context->now, context->connect_timeout_ms * PROXY_MOVE_ANSWER_FACTOR);
    proxy_session_deadline(context, session, time_min(late, session->wait_deadline));
}

static bool proxy_move_refused(struct proxy_session_context *context, struct proxy_session *session, const char *why)
{
    char text[PROXY_MOVE_TEXT];
    snprintf(text, sizeof text, "terminating connection: the session could not be moved to %s: %s, reconnect",
             session->server->target.node, why);
    LOG_W("%s", text);
    proxy_session_end(context, session, PROXY_SESSION_NOT_MOVED, text);
    return false;
}

static bool proxy_move_send(struct proxy_session_context *context, struct proxy_session *session, struct span bytes)
{
    struct proxy_end *server = &session->server->end;
    if (bytes.size > 0 && !proxy_end_owe(context, server, bytes)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    if (!proxy_end_flush(context, server)) {
        proxy_attempt_failed(context, session, ERR_RESET);
        return false;
    }
    return true;
}

static bool proxy_move_authenticate(struct proxy_session_context *context, struct proxy_session *session,
                                    struct span body)
{
    uint8_t memory[PROXY_MOVE_REPLY];
    struct buf reply;
    buf_init(&reply, memory, sizeof memory);
    const enum err err = proxy_learn_reply(&session->keep->learn, body, &reply);
    bool good = err == ERR_OK && !reply.overflow;
    if (!good) {
        const char *why = err == ERR_UNSUPPORTED && session->move.entering
                              ? "the server asks for a password that the proxy does not know"
                          : err == ERR_UNSUPPORTED ? "the server wants another way to log in than before"
                          : err == ERR_AUTH        ? "the server does not know the role's verifier"
                                                   : err_text(err);
        proxy_move_refused(context, session, why);
    } else {
        session->server->end.secret = reply.size > 0;
        good = proxy_move_send(context, session, span_of(reply.data, reply.size));
    }
    explicit_bzero(memory, sizeof memory);
    return good;
}

bool proxy_move_client_key(struct proxy_session_context *context, struct proxy_session *session, size_t secret_size)
{
    if (session->key == NULL && session->move.entering &&
        proxy_cancel_add(context->cancel, secret_size, &session->key) != ERR_OK) {
        proxy_session_end(context, session, PROXY_SESSION_TOO_MANY, NULL);
        return false;
    }
    return true;
}

static bool proxy_move_key(struct proxy_session_context *context, struct proxy_session *session, struct span body)
{
    struct proxy_server *server = session->server;
    if (server->key != NULL) {
        return proxy_move_refused(context, session, "it told two cancel keys");
    }
    enum err err = proxy_cancel_server_new(&server->target.address, body, &server->key);
    if (err == ERR_OK && !proxy_move_client_key(context, session, server->key->key.secret_size)) {
        return false;
    }
    if (err == ERR_OK && session->key != NULL) {
        /* One cluster speaks one version of the protocol. */
        err = server->key->key.secret_size == session->key->key.secret_size ? ERR_OK : ERR_PROTOCOL;
        proxy_cancel_serve(session->key, err == ERR_OK ? server->key : NULL);
    }
    return err == ERR_OK || proxy_move_refused(context, session, "its cancel key is of another kind");
}

/* ---- saying again what the last server had heard ---- */

/* Appends the entries of one kind. */
static void proxy_move_say(const struct proxy_journal *journal, enum proxy_journal_kind kind, struct buf *buf,
                           uint32_t *count)
{
    struct proxy_journal_entry entry;
    for (size_t at = 0; proxy_journal_next(journal, &at, &entry);) {
        if (entry.kind == kind && !entry.pending) {
            buf_bytes(buf, entry.message.data, entry.message.size);
            if (kind == PROXY_JOURNAL_STATEMENT) {
                pg_message_sync_write(buf);
            }
            (*count)++;
        }
    }
}

static bool proxy_move_restore(struct proxy_session_context *context, struct proxy_session *session, bool reset)
{
    const struct proxy_journal *journal = &session->keep->journal;
    /* A Sync of 5 bytes is smaller than the Parse before it. */
    const size_t capacity = 2 * journal->size + PROXY_MOVE_REPLY;
    uint8_t *memory = malloc(capacity);
    if (memory == NULL) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    struct buf buf;
    buf_init(&buf, memory, capacity);
    if (reset) {
        pg_message_query_write(&buf, span_text("DISCARD ALL"));
        session->move.strict = 1;
        proxy_shelf_clear(&session->server->prepared);
    }
    proxy_move_say(journal, PROXY_JOURNAL_SETTING, &buf, &session->move.strict);
    proxy_move_say(journal, PROXY_JOURNAL_CHANNEL, &buf, &session->move.strict);
    session->move.left = session->move.strict;
    proxy_move_say(journal, PROXY_JOURNAL_STATEMENT, &buf, &session->move.left);
    session->move.left += proxy_lost_restore(session, &buf);
    session->move.restored = true;
    ASSERT(!buf.overflow);
    const bool sent = proxy_move_send(context, session, span_of(buf.data, buf.size));
    free(memory);
    return sent;
}

/* Tells the client what it does not know yet. */
bool proxy_move_parameters(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_keep *keep = session->keep;
    uint8_t memory[PROXY_KEEP_PARAMETERS + PROXY_KEEP_PARAMETERS / 2];
    struct buf buf;
    struct span name;
    struct span value;
    buf_init(&buf, memory, sizeof memory);
    for (size_t at = 0; proxy_keep_parameter_next(&keep->fresh, &at, &name, &value);) {
        if (!proxy_keep_parameter_told(keep, name, value)) {
            pg_message_parameter_write(&buf, (const char *)name.data, (const char *)value.data);
        }
    }
    proxy_keep_parameters_take(keep);
    return !buf.overflow && (buf.size == 0 || proxy_session_say(context, session, span_of(buf.data, buf.size)));
}

bool proxy_move_welcome(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->move.under_way && session->move.entering && !session->next.again);
    uint8_t memory[2 * PROXY_KEEP_PARAMETERS + PG_STARTUP_SECRET];
    struct buf buf;
    struct span name;
    struct span value;
    buf_init(&buf, memory, sizeof memory);
    for (size_t at = 0; proxy_keep_parameter_next(&session->keep->known, &at, &name, &value);) {
        pg_message_parameter_write(&buf, (const char *)name.data, (const char *)value.data);
    }
    if (session->key != NULL) {
        const struct proxy_cancel_key *key = &session->key->key;
        pg_message_key_write(&buf, key->pid, span_of(key->secret, key->secret_size));
    }
    pg_message_ready_write(&buf, PG_MESSAGE_STATUS_IDLE);
    if (buf.overflow || !proxy_session_say(context, session, span_of(buf.data, buf.size))) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    session->move.under_way = false;
    session->move.entering = false;
    proxy_ahead_note(context, session);
    session->status = PG_MESSAGE_STATUS_IDLE;
    proxy_session_move(session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(context, session, TIME_NEVER);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SESSIONS_TOTAL, 1);
    return true;
}

/* What was in flight, in words that the new server understands. */
static bool proxy_move_owe_again(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct span flight = span_of(session->keep->flight, session->keep->flight_size);
    struct proxy_server *server = session->server;
    struct buf out;
    if (session->prepare == NULL) {
        return proxy_end_owe(context, &server->end, flight);
    }
    buf_init(&out, context->rewritten, context->rewritten_size);
    proxy_prepare_begin(session->prepare, &server->prepared);
    return proxy_prepare_up(session->prepare, &server->prepared, flight, 0, &out) &&
           proxy_end_owe(context, &server->end, span_of(out.data, out.size));
}

static bool proxy_move_done(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->move.entering) {
        proxy_keep_parameters_take(session->keep);
        return proxy_move_welcome(context, session);
    }
    if (!proxy_move_parameters(context, session)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    ASSERT((session->expected == 0 || session->next.again) && !session->inquiry.wanted);
    session->move.under_way = false;
    session->status = session->next.failed    ? PG_MESSAGE_STATUS_FAILED
                      : session->inquiry.took ? PG_MESSAGE_STATUS_TRANSACTION
                                              : PG_MESSAGE_STATUS_IDLE;
    session->doom.open = session->next.failed;
    proxy_session_move(session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(context, session, TIME_NEVER);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_MOVED, session->move.borrowing ? 0 : 1);
    session->move.borrowing = false;
    if (session->next.again) {
        /* The first turn of the relay sends it. */
        session->next.again = false;
        if (!proxy_move_owe_again(context, session)) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return false;
        }
        if (session->key != NULL) {
            proxy_cancel_busy(session->key, true);
        }
    }
    LOG_D("a session goes on with %s under epoch %llu", session->server->target.node,
          (unsigned long long)session->server->target.epoch);
    return true;
}

bool proxy_move_fresh(struct proxy_session *session)
{
    const struct proxy_server_text *reported = &session->server->parameters;
    return proxy_keep_parameters_set(&session->keep->fresh, span_of(reported->data, reported->size));
}

static bool proxy_move_borrow(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_wait_end(context, session);
    proxy_move_login(context, session);
    if (!proxy_move_fresh(session)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    const struct proxy_server *server = session->server;
    if (server->key != NULL && !proxy_move_client_key(context, session, server->key->key.secret_size)) {
        return false;
    }
    if (session->key != NULL) {
        proxy_cancel_serve(session->key, server->key);
    }
    return true;
}

void proxy_move_take(struct proxy_session_context *context, struct proxy_session *session)
{
    if (proxy_move_borrow(context, session)) {
        (void)proxy_move_done(context, session);
    }
}

void proxy_move_reset(struct proxy_session_context *context, struct proxy_session *session)
{
    if (proxy_move_borrow(context, session)) {
        (void)proxy_move_restore(context, session, true);
    }
}

void proxy_move_adopt(struct proxy_session_context *context, struct proxy_session *session)
{
    uint8_t memory[PROXY_MOVE_ROLE];
    struct buf query;
    buf_init(&query, memory, sizeof memory);
    pg_message_query_write(&query, span_text("SELECT pg_catalog.pg_is_in_recovery()"));
    ASSERT(!query.overflow);
    if (proxy_move_borrow(context, session)) {
        session->move.asked = true;
        (void)proxy_move_send(context, session, span_of(query.data, query.size));
    }
}

/* The answer: one column, 't' or 'f'. */
static bool proxy_move_writes(struct span body)
{
    return span_equal(body, span_of("\0\1\0\0\0\1f", 7));
}

static bool proxy_move_wrong(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_wrong(context, session);
    proxy_attempt_failed(context, session, ERR_UNAVAILABLE);
    return false;
}

static bool proxy_move_error(struct proxy_session_context *context, struct proxy_session *session, struct span whole)
{
    struct pg_message_error error = {.sqlstate = ""};
    if (pg_message_error_parse(span_of(whole.data + PG_FRAME_HEAD, whole.size - PG_FRAME_HEAD), &error) != ERR_OK) {
        proxy_session_end(context, session, PROXY_SESSION_SERVER_PROTOCOL, NULL);
        return false;
    }
    const bool shutdown = strncmp(error.sqlstate, "57P0", 4) == 0;
    if (session->move.asked) {
        proxy_attempt_failed(context, session, ERR_UNAVAILABLE); /* whatever is wrong with a spare, another may do */
        return false;
    }
    if (session->move.entering && !shutdown) {
        /* No such database, too many connections, ...: the server's own words, as if it had let the client in. */
        const bool said = proxy_session_say(context, session, whole);
        proxy_session_end(context, session, said ? PROXY_SESSION_SERVER_ENDED : PROXY_SESSION_NO_MEMORY, NULL);
        return false;
    }
    if (shutdown || strncmp(error.sqlstate, "53300", 5) == 0) {
        proxy_attempt_failed(context, session, ERR_UNAVAILABLE);
        return false;
    }
    if (session->move.restored && session->move.strict == 0) {
        /* A prepared statement that failed there fails here as well; the others are wanted (proxy_lost.h). */
        session->keep->flawed = session->keep->flawed || session->move.left > 0;
        return session->move.left > 0 || proxy_move_done(context, session);
    }
    char why[PROXY_MOVE_TEXT / 2];
    snprintf(why, sizeof why, "%s (%.*s)", session->move.left > 0 ? "a setting is refused there" : "the log-in failed",
             error.message.size < 100 ? (int)error.message.size : 100, (const char *)error.message.data);
    return proxy_move_refused(context, session, why);
}

/* ---- a COMMIT whose outcome can be looked up ---- */

/* The client hears what there is to hear. False: the session is over. */
static bool proxy_move_answered(struct proxy_session_context *context, struct proxy_session *session,
                                enum proxy_outcome_answer answer)
{
    const struct proxy_lost lost = {.verdict = answer == PROXY_OUTCOME_ROLLED_BACK ? PROXY_LOST_ROLLED_BACK
                                                                                   : PROXY_LOST_UNKNOWN,
                                    .ready = session->expected};
    session->inquiry.wanted = false;
    session->inquiry.answered = true;
    session->inquiry.took = answer == PROXY_OUTCOME_COMMITTED;
    proxy_metrics_add(&context->metrics, PROXY_METRICS_OUTCOMES, answer == PROXY_OUTCOME_UNKNOWN ? 0 : 1);
    if (session->inquiry.took) {
        proxy_keep_took(session->keep);
        return true;
    }
    session->next.again = false;
    if (!proxy_lost_tell(context, session, &lost, "the connection to the server was lost")) {
        return false;
    }
    proxy_keep_forget(session->keep);
    return true;
}

/* True: the answer is there and was dealt with, or none is needed. False: wait, or the session is over. */
static bool proxy_move_inquire(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->inquiry.wanted) {
        return true;
    }
    const struct proxy_route_target *target = &session->server->target;
    enum proxy_outcome_answer answer = PROXY_OUTCOME_UNKNOWN;
    enum err err = ERR_OK;
    if (session->inquiry.ticket == LIMITS_NONE) {
        const struct proxy_outcome_question question = {.database = context->routes[session->route].database,
                                                        .server = target->address,
                                                        .xid = session->keep->xid,
                                                        .epoch = session->inquiry.ran_epoch,
                                                        .promoted = target->epoch != session->inquiry.ran_epoch};
        err = proxy_outcome_ask(context->outcome, &question, &session->inquiry.ticket);
    }
    if (err == ERR_OK) {
        err = proxy_outcome_look(context->outcome, session->inquiry.ticket, &answer);
    }
    if (err == ERR_UNAVAILABLE) {
        list_remove(&session->inquiry.link);
        list_append(&context->inquiries, &session->inquiry.link);
        return false;
    }
    session->inquiry.ticket = LIMITS_NONE;
    return proxy_move_answered(context, session, answer);
}

void proxy_move_inquire_all(struct proxy_session_context *context)
{
    for (struct list *link = context->inquiries.next, *next; link != &context->inquiries; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, inquiry.link);
        list_remove(link);
        /* One that is between two attempts looks again at the next server. */
        if (session->state == PROXY_SESSION_LOGIN && session->move.logged_in && !session->move.restored &&
            proxy_move_inquire(context, session)) {
            (void)proxy_move_restore(context, session, false); /* its answer goes on with the session */
        }
    }
}

static bool proxy_move_ready(struct proxy_session_context *context, struct proxy_session *session, struct span body)
{
    uint8_t status = PG_MESSAGE_STATUS_IDLE;
    if (pg_message_ready_parse(body, &status) != ERR_OK) {
        proxy_session_end(context, session, PROXY_SESSION_SERVER_PROTOCOL, NULL);
        return false;
    }
    if (!session->move.restored) {
        session->move.asked = false;
        session->move.logged_in = true;
        if (!proxy_move_inquire(context, session)) {
            return session->state == PROXY_SESSION_LOGIN;
        }
        if (!proxy_move_restore(context, session, false)) {
            return false;
        }
    } else if (session->move.left > 0) {
        session->move.left--;
        session->move.strict -= session->move.strict > 0 ? 1 : 0;
        if (session->move.left == 0 && session->next.failed && status != PG_MESSAGE_STATUS_FAILED) {
            return proxy_move_refused(context, session, "a transaction cannot be begun there");
        }
    }
    return session->move.left > 0 || session->next.skipping || proxy_move_done(context, session);
}

/* A server that the view calls the writer and that is a standby is not there yet, or was demoted: another attempt. */
static bool proxy_move_role(struct proxy_session_context *context, struct proxy_session *session, struct span body)
{
    if (proxy_server_parameter(session->server, body) && session->server->target.writer) {
        return proxy_move_wrong(context, session);
    }
    return true;
}

bool proxy_move_message(struct proxy_session_context *context, struct proxy_session *session,
                        const struct pg_frame_message *message, struct span whole)
{
    ASSERT(session->state == PROXY_SESSION_LOGIN && session->move.under_way);
    const struct span body = span_of(whole.data + PG_FRAME_HEAD, whole.size - PG_FRAME_HEAD);
    switch (message->type) {
    case PG_MESSAGE_AUTHENTICATION:
        return proxy_move_authenticate(context, session, body);
    case PG_MESSAGE_PARAMETER:
        proxy_keep_parameter(&session->keep->fresh, body);
        return proxy_move_role(context, session, body);
    case PG_MESSAGE_KEY:
        return proxy_move_key(context, session, body);
    case PG_MESSAGE_ERROR:
        return proxy_move_error(context, session, whole);
    case PG_MESSAGE_READY:
        return proxy_move_ready(context, session, body);
    case PG_MESSAGE_ROW:
        return !session->move.asked || proxy_move_writes(body) || proxy_move_wrong(context, session);
    case PG_MESSAGE_NOTICE:
    case PG_MESSAGE_NOTIFICATION:
        if (message->type == PG_MESSAGE_NOTICE && !session->move.entering) {
            return true; /* it has been heard at the first log-in */
        }
        if (!proxy_session_say(context, session, whole)) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return false;
        }
        return true;
    default:
        return true; /* the answers to what was said again */
    }
}
