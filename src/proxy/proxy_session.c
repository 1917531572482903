/* SPDX-License-Identifier: Apache-2.0
 * A client's session: states, ends, and the funnel through which it ends. */
#include "proxy/proxy_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/log.h"
#include "edge/tcp.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_rest.h"
#include "wire/pg_message.h"

#define PROXY_SESSION_BIT(state) (1U << PROXY_SESSION_##state)

/* Allowed successors. */
static const unsigned proxy_session_successors[PROXY_SESSION_STATES] = {
    [PROXY_SESSION_STARTUP] = PROXY_SESSION_BIT(CHALLENGE) | PROXY_SESSION_BIT(CONNECTING) |
                              PROXY_SESSION_BIT(DRAINING) | PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_CHALLENGE] = PROXY_SESSION_BIT(CONNECTING) | PROXY_SESSION_BIT(DRAINING) | PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_CONNECTING] =
        PROXY_SESSION_BIT(LOGIN) | PROXY_SESSION_BIT(AUTH) | PROXY_SESSION_BIT(DRAINING) | PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_LOGIN] = PROXY_SESSION_BIT(CONNECTING) | PROXY_SESSION_BIT(ACTIVE) | PROXY_SESSION_BIT(DRAINING) |
                            PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_AUTH] = PROXY_SESSION_BIT(ACTIVE) | PROXY_SESSION_BIT(DRAINING) | PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_ACTIVE] = PROXY_SESSION_BIT(CONNECTING) | PROXY_SESSION_BIT(DRAINING) | PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_DRAINING] = PROXY_SESSION_BIT(CLOSED),
    [PROXY_SESSION_CLOSED] = 0,
};

const char *proxy_session_state_name(enum proxy_session_state state)
{
    static const char *const names[] = {"startup", "challenge", "connecting", "login",
                                        "auth",    "active",    "draining",   "closed"};
    ASSERT(state < PROXY_SESSION_STATES);
    return names[state];
}

void proxy_session_move(struct proxy_session *session, enum proxy_session_state state)
{
    ASSERT(state < PROXY_SESSION_STATES);
    ASSERT((proxy_session_successors[session->state] & 1U << state) != 0);
    session->state = state;
}

struct proxy_session *proxy_session_new(struct proxy_session_context *context, int fd)
{
    struct proxy_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        close(fd);
        return NULL;
    }
    session->state = PROXY_SESSION_STARTUP;
    session->route = LIMITS_NONE;
    session->deadline = TIME_NEVER;
    session->status = PG_MESSAGE_STATUS_IDLE;
    list_init(&session->link);
    list_init(&session->timed);
    list_init(&session->ready);
    list_init(&session->dead);
    list_init(&session->learning);
    list_init(&session->inquiry.link);
    session->inquiry.ticket = LIMITS_NONE;
    list_init(&session->lent.waiter.link);
    list_init(&session->lent.lingering);
    proxy_end_init(&session->client, fd);
    session->client.session = session;
    tcp_tune_client(fd);
    if (proxy_end_watch(context, &session->client) != ERR_OK) {
        close(fd);
        free(session);
        return NULL;
    }
    list_append(&context->sessions, &session->link);
    proxy_session_deadline(context, session, time_add_ms(context->now, context->startup_timeout_ms));
    return session;
}

void proxy_session_challenge_free(struct proxy_session *session)
{
    if (session->challenge != NULL) {
        proxy_proof_free(&session->challenge->proof);
        explicit_bzero(session->challenge, sizeof *session->challenge);
        free(session->challenge);
        session->challenge = NULL;
    }
}

void proxy_session_free(struct proxy_session_context *context, struct proxy_session *session)
{
    (void)context;
    ASSERT(session->state == PROXY_SESSION_CLOSED);
    ASSERT(session->client.fd < 0 && session->server == NULL && session->key == NULL && !session->admitted);
    ASSERT(session->pool == NULL);
    list_remove(&session->link);
    list_remove(&session->timed);
    list_remove(&session->ready);
    list_remove(&session->dead);
    list_remove(&session->learning);
    proxy_session_challenge_free(session);
    list_remove(&session->inquiry.link);
    proxy_keep_free(session->keep);
    proxy_prepare_free(session->prepare);
    free(session->startup);
    free(session);
}

void proxy_session_deadline(struct proxy_session_context *context, struct proxy_session *session, struct mono deadline)
{
    session->deadline = deadline;
    list_remove(&session->timed);
    if (deadline.us != TIME_NEVER.us) {
        list_append(&context->timed, &session->timed);
        context->next_deadline = time_min(context->next_deadline, deadline);
    }
}

void proxy_session_take_server(struct proxy_session *session, struct proxy_server *server)
{
    ASSERT(session->server == NULL && server->end.session == NULL);
    session->server = server;
    server->end.session = session;
    if (session->key != NULL) {
        proxy_cancel_serve(session->key, server->key);
    }
}

void proxy_session_drop_server(struct proxy_session_context *context, struct proxy_session *session, bool abort)
{
    if (session->server != NULL) {
        if (session->key != NULL) {
            proxy_cancel_serve(session->key, NULL);
        }
        proxy_server_drop(context, session->server, abort);
        session->server = NULL;
    }
}

void proxy_session_wrong(struct proxy_session_context *context, const struct proxy_session *session)
{
    proxy_metrics_add(&context->metrics, PROXY_METRICS_WRONG_SERVER, 1);
    sight_note(&context->sight, &session->server->target.address, SIGHT_WRONG);
}

void proxy_session_hold(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->held) {
        session->held = true;
        session->held_since = context->now;
        proxy_metrics_add(&context->metrics, PROXY_METRICS_HELD, 1);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_HOLDS, 1);
    }
}

void proxy_session_release(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->held) {
        const int64_t us = time_since_us(context->now, session->held_since);
        session->held = false;
        proxy_metrics_take(&context->metrics, PROXY_METRICS_HELD, 1);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_HELD_US, us > 0 ? (uint64_t)us : 0);
    }
}

void proxy_session_wait_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->waiting) {
        session->waiting = true;
        proxy_metrics_add(&context->metrics, PROXY_METRICS_WAITING, 1);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_WAITED_TOTAL, 1);
    }
}

void proxy_session_wait_end(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_stat_waited(&context->stat, session->route, &session->clock, context->now);
    if (session->waiting) {
        session->waiting = false;
        proxy_metrics_take(&context->metrics, PROXY_METRICS_WAITING, 1);
    }
}

bool proxy_session_say(struct proxy_session_context *context, struct proxy_session *session, struct span messages)
{
    proxy_batch_settle_end(context, &session->client);
    if (session->client.pending == NULL) {
        pg_frame_init(&session->client.sent);
    }
    return proxy_end_owe(context, &session->client, messages);
}

struct proxy_session_reason_row {
    const char *sqlstate;
    const char *text;
    enum proxy_metrics_kind counter;
};

static const struct proxy_session_reason_row proxy_session_reasons[] = {
#define PROXY_SESSION_ROW(name, sqlstate, text, counter) {sqlstate, text, PROXY_METRICS_##counter},
    PROXY_SESSION_REASONS(PROXY_SESSION_ROW)
#undef PROXY_SESSION_ROW
};

/* Whether an ErrorResponse may be put behind what the client has got, or will get. */
static bool proxy_session_tellable(const struct proxy_session *session)
{
    const struct proxy_end *client = &session->client;
    if (client->fd < 0) {
        return false;
    }
    if (session->state == PROXY_SESSION_ACTIVE && session->server != NULL) {
        return pg_frame_boundary(&session->server->end.received);
    }
    return true; /* before ACTIVE only whole messages are passed on */
}

/* Takes back what the kernel has not got yet. What remains to be said must fit the stream as it was cut. */
static bool proxy_session_cut(struct proxy_session *session)
{
    struct proxy_end *client = &session->client;
    const bool pending = client->pending_size > client->pending_at;
    const bool whole = client->tls == NULL || !proxy_tls_stuck(client->tls);
    const bool boundary = whole && (pending ? pg_frame_boundary(&client->sent) : proxy_session_tellable(session));
    proxy_end_forget(client);
    return boundary;
}

static void proxy_session_tell(struct proxy_session_context *context, struct proxy_session *session,
                               const char *sqlstate, const char *text)
{
    uint8_t memory[PROXY_SESSION_ERROR];
    struct buf message;
    buf_init(&message, memory, sizeof memory);
    pg_message_error_write(&message, "FATAL", sqlstate, text, NULL);
    if (!message.overflow) {
        (void)proxy_end_owe(context, &session->client, span_of(message.data, message.size));
    }
}

/* Takes the session out of everything that counts or names it. */
static void proxy_session_leave(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_wait_end(context, session);
    proxy_session_release(context, session);
    if (session->key != NULL) {
        proxy_cancel_remove(context->cancel, session->key);
        session->key = NULL;
    }
    if (session->admitted) {
        session->admitted = false;
        atomic_fetch_sub_explicit(context->clients, 1, memory_order_relaxed);
        proxy_metrics_take(&context->metrics, PROXY_METRICS_SESSIONS, 1);
    }
    proxy_line_leave(context, session);
    if (session->way != NULL) {
        proxy_spare_leave(session->way, context->now);
        session->way = NULL;
    }
    list_remove(&session->ready);
    list_remove(&session->inquiry.link);
    if (session->inquiry.ticket != LIMITS_NONE) {
        proxy_outcome_forget(context->outcome, session->inquiry.ticket);
        session->inquiry.ticket = LIMITS_NONE;
    }
    list_remove(&session->learning);
}

static void proxy_session_close(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_end_hang_up(&session->client, false);
    proxy_session_drop_server(context, session, false);
    if (session->cancel.server != NULL) {
        proxy_cancel_done(context->cancel, &session->cancel);
    }
    proxy_session_deadline(context, session, TIME_NEVER);
    proxy_session_move(session, PROXY_SESSION_CLOSED);
    list_append(&context->dead, &session->dead);
}

void proxy_session_end(struct proxy_session_context *context, struct proxy_session *session,
                       enum proxy_session_reason reason, const char *text)
{
    ASSERT(reason < PROXY_SESSION_REASONS_COUNT);
    const bool fenced = reason == PROXY_SESSION_FENCED;
    if (session->state >= PROXY_SESSION_DRAINING) {
        if (fenced && session->state == PROXY_SESSION_DRAINING) {
            proxy_session_drop_server(context, session, true);
        }
        return;
    }
    proxy_batch_settle_end(context, &session->client); /* what it is owed decides what it can be told */
    const struct proxy_session_reason_row *row = &proxy_session_reasons[reason];
    const char *told = text != NULL ? text : row->text;
    LOG_D("session ends in state %s: %s", proxy_session_state_name(session->state), told);
    if (row->counter != PROXY_METRICS_COUNT) {
        proxy_metrics_add(&context->metrics, row->counter, 1);
    }
    latency_seen_measure(&context->latency, &session->latency, session->client.fd);
    const bool tell = row->sqlstate != NULL && (fenced ? proxy_session_cut(session) : proxy_session_tellable(session));
    if (reason == PROXY_SESSION_CLIENT_LEFT) {
        proxy_rest_return(context, session);
    }
    proxy_session_leave(context, session);
    if (reason == PROXY_SESSION_CLIENT_LEFT) {
        proxy_end_hang_up(&session->client, false);
    } else {
        /* What the client still wants to send has nowhere to go. */
        proxy_session_drop_server(context, session, fenced);
    }
    if (tell) {
        proxy_session_tell(context, session, row->sqlstate, told);
    }
    proxy_session_move(session, PROXY_SESSION_DRAINING);
    proxy_session_deadline(context, session, time_add_ms(context->now, PROXY_SESSION_DRAIN_MS));
    proxy_session_drain(context, session);
}

bool proxy_session_lower(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->lowers) {
        session->lowers = true;
        proxy_metrics_add(&context->metrics, PROXY_METRICS_LOWERED, 1);
    }
    return !context->targets[session->route].locked;
}

/* Delivers what is owed to one end, then closes our side and waits for the peer's: a close with unread bytes would
 * reset the connection and could take our last words with it. */
static void proxy_session_drain_end(struct proxy_session_context *context, struct proxy_end *end)
{
    if (end->fd < 0) {
        return;
    }
    if (!proxy_end_flush(context, end)) {
        proxy_end_hang_up(end, false);
        return;
    }
    if (end->pending != NULL) {
        return;
    }
    if (!end->shut) {
        end->shut = true;
        if (end->tls != NULL) {
            proxy_tls_shutdown(end->tls);
        }
        (void)shutdown(end->fd, SHUT_WR);
        proxy_session_deadline(context, end->session, time_add_ms(context->now, PROXY_SESSION_LINGER_MS));
    }
    while (end->readable) {
        const ssize_t size = recv(end->fd, context->buffer, context->buffer_size, 0);
        if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
            proxy_end_hang_up(end, false);
            return;
        }
        end->readable = size > 0 || errno == EINTR;
    }
}

void proxy_session_drain(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_DRAINING);
    proxy_session_drain_end(context, &session->client);
    if (session->server != NULL) {
        proxy_session_drain_end(context, &session->server->end);
    }
    const bool over = session->client.fd < 0 && (session->server == NULL || session->server->end.fd < 0);
    if (over || time_reached(context->now, session->deadline)) {
        proxy_session_close(context, session);
    }
}
