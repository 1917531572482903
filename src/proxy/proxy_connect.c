/* SPDX-License-Identifier: Apache-2.0
 * From an admitted client to a server that talks to it. */
#include "proxy/proxy_connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "edge/tcp.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_encrypt.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_relay.h"
#include "wire/pg_message.h"

enum {
    PROXY_CONNECT_ANSWER_FACTOR = 5, /* a busy server may need longer to fork than a host to accept */
};

/* The connection stands: sends the start-up packet, or the cancel request and is done with it. */
static enum err proxy_connect_introduce(struct proxy_session_context *context, struct proxy_session *session)
{
    enum err err = tcp_connected(session->server->end.fd);
    if (err == ERR_OK) {
        if (session->server->encrypting == PROXY_SERVER_CLEAR) {
            const struct mono late =
                time_add_ms(context->now, context->connect_timeout_ms * PROXY_CONNECT_ANSWER_FACTOR);
            proxy_session_deadline(context, session, time_min(late, session->wait_deadline));
        }
        err = proxy_encrypt_server(context, session->server);
    }
    if (err != ERR_OK) {
        return err;
    }
    session->server->attempting = false;
    if (!session->cancelling) {
        struct proxy_end *server = &session->server->end;
        if (!proxy_end_owe(context, server, span_of(session->startup, session->startup_have))) {
            return ERR_NO_MEMORY;
        }
        return proxy_end_flush(context, server) ? ERR_OK : ERR_RESET;
    }
    if (!proxy_cancel_wanted(context->cancel, &session->cancel)) {
        proxy_metrics_add(&context->metrics, PROXY_METRICS_CANCELS_IGNORED, 1);
        return ERR_CANCELLED;
    }
    uint8_t memory[PG_STARTUP_SECRET + 16];
    struct buf packet;
    buf_init(&packet, memory, sizeof memory);
    const struct proxy_cancel_key *key = &session->cancel.server->key;
    pg_startup_cancel_write(&packet, key->pid, span_of(key->secret, key->secret_size));
    ASSERT(!packet.overflow);
    const ssize_t sent = proxy_end_send(&session->server->end, packet.data, packet.size);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_CANCELS, 1);
    return sent == (ssize_t)packet.size ? ERR_OK : ERR_RESET;
}

/* BackendKeyData: the server's key is kept, the client gets one of ours with the same size, in place. */
static enum err proxy_connect_key(struct proxy_session_context *context, struct proxy_session *session, uint8_t *body,
                                  size_t size)
{
    struct proxy_server *server = session->server;
    if (session->key != NULL || server->key != NULL) {
        return ERR_PROTOCOL;
    }
    enum err err = proxy_cancel_server_new(&server->target.address, span_of(body, size), &server->key);
    if (err == ERR_OK) {
        err = proxy_cancel_add(context->cancel, server->key->key.secret_size, &session->key);
    }
    if (err != ERR_OK) {
        return err;
    }
    proxy_cancel_serve(session->key, server->key);
    uint8_t memory[PG_STARTUP_SECRET + 8];
    struct buf ours;
    buf_init(&ours, memory, sizeof memory);
    buf_u32be(&ours, session->key->key.pid);
    buf_bytes(&ours, session->key->key.secret, session->key->key.secret_size);
    ASSERT(!ours.overflow && ours.size == size);
    memcpy(body, ours.data, size);
    return ERR_OK;
}

/* Whether the server's first message says "not now". */
static bool proxy_connect_not_now(struct span body)
{
    struct pg_message_error error;
    return pg_message_error_parse(body, &error) == ERR_OK && strncmp(error.sqlstate, "57P0", 4) == 0;
}

static void proxy_connect_ready(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_move(session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(context, session, TIME_NEVER);
    proxy_move_learn(context, session);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SESSIONS_TOTAL, 1);
    LOG_D("session on %s under epoch %llu", session->server->target.node,
          (unsigned long long)session->server->target.epoch);
}

/* It has said its first word. */
static void proxy_connect_met(struct proxy_session_context *context, const struct proxy_session *session)
{
    const struct proxy_server *server = session->server;
    sight_note(&context->sight, &server->target.address, SIGHT_CONNECTED);
    sight_measure(&context->sight, &server->target.address, server->end.fd);
}

/* One whole message of the log-in. False: the attempt or the session is over. */
static bool proxy_connect_message(struct proxy_session_context *context, struct proxy_session *session,
                                  const struct pg_frame_message *message, uint8_t *whole)
{
    if (session->state == PROXY_SESSION_CONNECTING) {
        if (message->type == PG_MESSAGE_ERROR && proxy_connect_not_now(message->peek)) {
            proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_SHUTDOWN, 1);
            proxy_attempt_failed(context, session, ERR_UNAVAILABLE);
            return false;
        }
        proxy_server_login_end(session->server);
        proxy_connect_met(context, session);
        proxy_session_wait_end(context, session);
        if (session->move.under_way) {
            proxy_move_login(context, session);
        }
    }
    if (session->move.under_way) {
        return proxy_move_message(context, session, message, span_of(whole, PG_FRAME_HEAD + message->body_size));
    }
    if (session->state == PROXY_SESSION_CONNECTING) {
        proxy_session_move(session, PROXY_SESSION_AUTH);
        proxy_session_deadline(context, session, time_add_ms(context->now, context->auth_timeout_ms));
    }
    if (message->type == PG_MESSAGE_AUTHENTICATION && session->server->end.tls != NULL) {
        proxy_encrypt_offer(whole + PG_FRAME_HEAD, message->body_size);
    }
    if (message->type == PG_MESSAGE_AUTHENTICATION && session->keep != NULL) {
        proxy_learn_request(&session->keep->learn, span_of(whole + PG_FRAME_HEAD, message->body_size));
    }
    if (message->type == PG_MESSAGE_KEY) {
        const enum err err = proxy_connect_key(context, session, whole + PG_FRAME_HEAD, message->body_size);
        if (err != ERR_OK) {
            proxy_session_end(context, session,
                              err == ERR_PROTOCOL ? PROXY_SESSION_SERVER_PROTOCOL : PROXY_SESSION_TOO_MANY, NULL);
            return false;
        }
    }
    proxy_relay_server_message(context, session, message);
    if (message->type == PG_MESSAGE_READY) {
        proxy_connect_ready(context, session);
    }
    return true;
}

/* Passes the whole messages that have come; keeps the rest for the next time. */
static void proxy_connect_pass(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_server *server = session->server;
    struct pg_frame *frame = &server->end.received;
    struct span rest = span_of(server->early, server->early_have);
    size_t whole = 0;
    const bool moving = session->move.under_way; /* then all of it was for us */
    struct pg_frame_message message;
    pg_frame_init(frame);
    while (session->state != PROXY_SESSION_ACTIVE && pg_frame_step(frame, &rest, &message)) {
        if (!proxy_connect_message(context, session, &message, server->early + whole)) {
            return;
        }
        whole = server->early_have - rest.size;
    }
    const bool active = session->state == PROXY_SESSION_ACTIVE;
    const bool full = server->early_have - whole == PROXY_SESSION_EARLY;
    if (frame->failed || full) {
        proxy_session_end(context, session, PROXY_SESSION_SERVER_PROTOCOL, NULL);
        return;
    }
    /* An ACTIVE session's frame goes on where the passed bytes end; before, every pass starts at a boundary. */
    if (!moving && whole > 0 && !proxy_end_owe(context, &session->client, span_of(server->early, whole))) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    memmove(server->early, server->early + whole, server->early_have - whole);
    server->early_have -= whole;
    ASSERT(!active || pg_frame_boundary(frame));
}

/* Behind the ReadyForQuery there may be more (a NoticeResponse): it is relayed as it is. */
static void proxy_connect_finish(struct proxy_session_context *context, struct proxy_session *session)
{
    struct span rest = span_of(session->server->early, session->server->early_have);
    if (rest.size > 0 && !proxy_end_owe(context, &session->client, rest)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    struct pg_frame_message message;
    while (pg_frame_step(&session->server->end.received, &rest, &message)) {
        proxy_relay_server_message(context, session, &message);
    }
    proxy_server_early_free(session->server);
    if (session->keep == NULL) {
        free(session->startup);
        session->startup = NULL;
        session->startup_have = 0;
    }
    proxy_relay_pump(context, session);
}

static void proxy_connect_server_gone(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->cancelling) {
        /* The server closes when it has acted on the request; that is what the client waits for. */
        proxy_session_end(context, session, PROXY_SESSION_CANCEL_DONE, NULL);
    } else if (session->state == PROXY_SESSION_CONNECTING || session->state == PROXY_SESSION_LOGIN) {
        proxy_attempt_failed(context, session, ERR_CLOSED);
    } else {
        proxy_relay_server_gone(context, session);
    }
}

/* Reads from the server until it has no more. */
static void proxy_connect_listen(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_server *server = session->server;
    struct proxy_end *end = &server->end;
    if (server->early == NULL) {
        server->early = malloc(PROXY_SESSION_EARLY);
        if (server->early == NULL) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return;
        }
    }
    while (end->fd >= 0 && end->readable && session->state <= PROXY_SESSION_AUTH) {
        const ssize_t size =
            proxy_end_recv(end, server->early + server->early_have, PROXY_SESSION_EARLY - server->early_have, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            end->readable = errno == EINTR;
            continue;
        }
        if (size <= 0) {
            proxy_connect_server_gone(context, session);
            return;
        }
        if (session->cancelling) {
            continue; /* nothing that a server says to a cancel request is of interest */
        }
        server->early_have += (size_t)size;
        proxy_connect_pass(context, session);
    }
}

/* A client that leaves while it waits: nothing is read from it before the server has answered. */
static bool proxy_connect_client_left(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->client.hangup || session->cancelling || session->state != PROXY_SESSION_CONNECTING) {
        return false;
    }
    proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    return true;
}

void proxy_connect_step(struct proxy_session_context *context, struct proxy_session *session)
{
    if (proxy_connect_client_left(context, session)) {
        return;
    }
    /* A session that is moved may still owe its client the last server's answers, or ours. */
    if (session->move.under_way && !proxy_end_flush(context, &session->client)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
        return;
    }
    struct proxy_server *server = session->server;
    if (server == NULL) {
        return;
    }
    if (server->attempting) {
        const bool decided = server->end.writable || server->end.hangup;
        const enum err err = decided ? proxy_connect_introduce(context, session) : ERR_UNAVAILABLE;
        if (err == ERR_UNAVAILABLE) {
            return; /* not yet; or the event was of an earlier attempt's socket */
        }
        if (err == ERR_CANCELLED) {
            proxy_session_end(context, session, PROXY_SESSION_CANCEL_DONE, NULL);
            return;
        }
        if (err != ERR_OK) {
            proxy_attempt_failed(context, session, err);
            return;
        }
    }
    if (server->warm) {
        server->warm = false;
        proxy_move_adopt(context, session);
        return; /* its answer is an event */
    }
    if (!proxy_end_flush(context, &server->end)) {
        proxy_connect_server_gone(context, session);
        return;
    }
    proxy_connect_listen(context, session);
    if (session->state == PROXY_SESSION_AUTH) {
        if (!proxy_end_flush(context, &session->client)) {
            proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
            return;
        }
        proxy_relay_to_server(context, session);
        explicit_bzero(context->buffer, context->buffer_size); /* it may have been a password */
    } else if (session->state == PROXY_SESSION_ACTIVE) {
        proxy_connect_finish(context, session);
    }
}

void proxy_connect_late(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->state == PROXY_SESSION_AUTH) {
        proxy_session_end(context, session, PROXY_SESSION_AUTH_SLOW, NULL);
    } else if (time_reached(context->now, session->wait_deadline)) {
        const bool crowded = !list_empty(&session->lent.waiter.link) && context->targets[session->route].open &&
                             !context->holding[session->route] && !context->paused[session->route];
        proxy_session_end(context, session,
                          session->cancelling       ? PROXY_SESSION_CANCEL_DONE
                          : session->inquiry.wanted ? PROXY_SESSION_OUTCOME_UNKNOWN
                          : crowded                 ? PROXY_SESSION_POOL_TIMEOUT
                                                    : PROXY_SESSION_NO_SERVER,
                          NULL);
    } else if (session->server != NULL) {
        proxy_attempt_failed(context, session, ERR_TIMEOUT);
    } else {
        proxy_attempt_next(context, session);
    }
}
