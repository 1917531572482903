/* SPDX-License-Identifier: Apache-2.0
 * Copies bytes between the two ends of a session and learns from the message heads that pass. */
#include "proxy/proxy_relay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_await.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_edition.h"
#include "proxy/proxy_heads.h"
#include "proxy/proxy_law.h"
#include "proxy/proxy_lend.h"
#include "proxy/proxy_lost.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_renew.h"
#include "proxy/proxy_rest.h"
#include "wire/pg_message.h"

enum {
    PROXY_RELAY_ROUNDS = 16, /* of the buffer's size each, before others get their turn */
};

enum proxy_relay_step {
    PROXY_RELAY_STUCK, /* nothing to do in this direction now */
    PROXY_RELAY_MOVED,
    PROXY_RELAY_ENDED, /* the session is over */
};

static void proxy_relay_server_error(struct proxy_session_context *context, struct proxy_session *session,
                                     struct span body)
{
    struct pg_message_error error;
    if (pg_message_error_parse(body, &error) != ERR_OK) {
        return;
    }
    struct proxy_server *server = session->server;
    server->fatal = server->fatal || span_is(error.severity, "FATAL") || span_is(error.severity, "PANIC");
    /* A client may have asked for a transaction that only reads. */
    if (strcmp(error.sqlstate, "25006") == 0 && server->standby && server->target.writer) {
        proxy_session_wrong(context, session);
    } else if (strncmp(error.sqlstate, "57P0", 4) == 0 && error.sqlstate[4] >= '1' && error.sqlstate[4] <= '3') {
        proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_SHUTDOWN, 1);
    }
}

void proxy_relay_server_message(struct proxy_session_context *context, struct proxy_session *session,
                                const struct pg_frame_message *message)
{
    switch (message->type) {
    case PG_MESSAGE_COPY_IN:
    case PG_MESSAGE_COPY_BOTH:
        session->server->copying = true;
        session->copy_ended = false;
        break;
    case PG_MESSAGE_READY:
        session->server->copying = false;
        session->next.skipping = false;
        if (pg_message_ready_parse(message->peek, &session->status) == ERR_OK) {
            session->expected -= session->expected > 0 ? 1 : 0;
            proxy_metrics_add(&context->metrics, PROXY_METRICS_READY, 1);
            proxy_stat_ready(&context->stat, session->route, &session->clock, context->now,
                             session->status == PG_MESSAGE_STATUS_IDLE, session->expected > 0);
        }
        break;
    case PG_MESSAGE_ERROR:
        proxy_relay_server_error(context, session, message->peek);
        break;
    case PG_MESSAGE_PARAMETER:
        if (proxy_server_parameter(session->server, message->peek) && session->server->target.writer) {
            proxy_session_wrong(context, session);
        }
        break;
    default:
        break;
    }
    if (session->prepare != NULL && proxy_await_passed(session->prepare, &session->server->prepared, message)) {
        session->server->renew = true;
    }
    if (session->keep != NULL) {
        proxy_keep_server(session->keep, message, session->expected == 0 && session->status == PG_MESSAGE_STATUS_IDLE);
    }
}

/* Whether the only thing in flight is the COMMIT of an open transaction (proxy_cancel.h). */
static bool proxy_relay_commits(const struct proxy_session *session)
{
    const struct proxy_keep *keep = session->keep;
    return keep != NULL && session->status == PG_MESSAGE_STATUS_TRANSACTION && keep->flight_units == 1 &&
           (keep->flight_first & PG_STATEMENT_COMMIT) != 0;
}

static void proxy_relay_mark(struct proxy_session *session)
{
    if (session->key != NULL) {
        proxy_cancel_busy(session->key, proxy_session_busy(session) && !proxy_relay_commits(session));
    }
}

/* The server ends, or this process of it was told to: 57P01 to 57P03. Other ends (a time-out of idle sessions, a
 * database that is dropped) are meant for the client. */
static bool proxy_relay_fatal(const struct pg_frame_message *message)
{
    struct pg_message_error error;
    return message->type == PG_MESSAGE_ERROR && pg_message_error_parse(message->peek, &error) == ERR_OK &&
           span_is(error.severity, "FATAL") && strncmp(error.sqlstate, "57P0", 4) == 0 && error.sqlstate[4] >= '1' &&
           error.sqlstate[4] <= '3';
}

/* "canceling wait for synchronous replication due to user request": the commit is on this server only, which is what
 * the client must not take for an acknowledgement. */
static bool proxy_relay_unwaited(const struct pg_frame_message *message)
{
    static const char words[] = "wait for synchronous replication";
    return message->type == PG_MESSAGE_NOTICE &&
           memmem(message->peek.data, message->peek.size, words, sizeof words - 1) != NULL;
}

/* Looks at the server's bytes up to where they must not be passed on as they are: a FATAL of a session that can live
 * without this server, or the ReadyForQuery of a commit that was not waited for. The bytes before it; all when there is
 * none, also when it began in an earlier piece and so has been passed on in part. */
static size_t proxy_relay_look_server(struct proxy_session_context *context, struct proxy_session *session,
                                      struct span bytes)
{
    struct pg_frame *frame = &session->server->end.received;
    struct pg_frame_message message;
    struct span rest = bytes;
    bool whole = pg_frame_boundary(frame);
    size_t start = 0;
    while (pg_frame_step(frame, &rest, &message)) {
        if (whole && session->keep != NULL && proxy_relay_fatal(&message) && proxy_move_lives(session)) {
            proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_SHUTDOWN, 1);
            return start;
        }
        proxy_relay_server_message(context, session, &message);
        session->server->alone = session->server->alone || proxy_relay_unwaited(&message);
        if (session->server->alone && message.type == PG_MESSAGE_READY) {
            return start;
        }
        start = bytes.size - rest.size;
        whole = true;
    }
    return bytes.size;
}

/* Looks at the bytes that came from an end. False: not the protocol. */
static bool proxy_relay_look(struct proxy_session_context *context, struct proxy_session *session,
                             struct proxy_end *from, struct span *bytes_whole)
{
    struct span bytes = *bytes_whole;
    struct pg_frame_message message;
    if (from->server != NULL) {
        bytes_whole->size = proxy_relay_look_server(context, session, bytes);
    } else if (session->keep != NULL) {
        while (proxy_keep_step(session->keep, &from->received, &bytes, &message)) {
            proxy_heads_client(session, message.type);
            if (session->pool != NULL) {
                proxy_heads_unnamed(session, &message);
            }
        }
    } else {
        while (pg_frame_step(&from->received, &bytes, &message)) {
            proxy_heads_client(session, message.type);
        }
    }
    proxy_relay_mark(session);
    return !from->received.failed;
}

void proxy_relay_server_gone(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!session->terminated && !session->server->fatal) {
        sight_note(&context->sight, &session->server->target.address, SIGHT_FAILED);
    }
    if (session->terminated) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    } else if (!session->server->fatal && session->keep != NULL && proxy_session_idle(session)) {
        proxy_move_or_end(context, session);
    } else if (!session->server->fatal && session->keep != NULL && proxy_move_lives(session)) {
        proxy_move_in_flight(context, session, proxy_lost_proof(session, false),
                             "the connection to the server was lost");
    } else if (session->server->fatal) {
        proxy_session_end(context, session, PROXY_SESSION_SERVER_ENDED, NULL);
    } else if (proxy_session_busy(session)) {
        proxy_session_end(context, session, PROXY_SESSION_OUTCOME_UNKNOWN, NULL);
    } else {
        const bool open = session->status != PG_MESSAGE_STATUS_IDLE;
        proxy_session_end(context, session, PROXY_SESSION_SERVER_LOST,
                          open ? "the connection to the server was lost: the open transaction is rolled back"
                               : "the connection to the server was lost: no statement was in flight");
    }
}

static enum proxy_relay_step proxy_relay_gone(struct proxy_session_context *context, struct proxy_end *from)
{
    struct proxy_session *session = from->session;
    if (from == &session->client) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    } else {
        proxy_relay_server_gone(context, session);
    }
    return PROXY_RELAY_ENDED;
}

/* Words of ours are on their way to the client. */
static enum proxy_relay_step proxy_relay_told(struct proxy_session_context *context, struct proxy_end *client)
{
    return proxy_end_flush(context, client) ? PROXY_RELAY_MOVED : proxy_relay_gone(context, client);
}

/* A planned move, our own stop or that of its entry keeps the client's next statement in the kernel, at the
 * transaction's boundary. */
static bool proxy_relay_held(struct proxy_session_context *context, struct proxy_session *session)
{
    const bool writer =
        session->server != NULL ? session->server->target.writer : context->targets[session->route].writer;
    const bool hold = (context->holding[session->route] && writer) || context->paused[session->route];
    const bool closed = context->routes[session->route].closed;
    if (!(hold || closed || context->stopping) || !proxy_session_idle(session)) {
        return false;
    }
    if (hold) {
        proxy_session_hold(context, session);
    }
    return true;
}

/* An end that takes nothing any more. A broken server may have said why before it went: only its end of file ends the
 * session. */
static enum proxy_relay_step proxy_relay_broken(struct proxy_session_context *context, struct proxy_end *to)
{
    return to->server != NULL && to->readable ? PROXY_RELAY_STUCK : proxy_relay_gone(context, to);
}

/* Keeps what the kernel does not take. */
static enum proxy_relay_step proxy_relay_owe(struct proxy_session_context *context, struct proxy_end *to,
                                             struct span bytes)
{
    if (!proxy_end_owe(context, to, bytes)) {
        proxy_session_end(context, to->session, PROXY_SESSION_NO_MEMORY, NULL);
        return PROXY_RELAY_ENDED;
    }
    return PROXY_RELAY_MOVED;
}

/* Sends the bytes on, now or with others of this turn. `before` is where the stream stood before them. */
static enum proxy_relay_step proxy_relay_send(struct proxy_session_context *context, struct proxy_end *to,
                                              struct span bytes, const struct pg_frame *before)
{
    struct proxy_session *session = to->session;
    if (proxy_batch_add(context, to, bytes, before)) {
        return PROXY_RELAY_MOVED;
    }
    if (to->pending != NULL) {
        return proxy_relay_owe(context, to, bytes);
    }
    ssize_t sent = proxy_end_send(to, bytes.data, bytes.size);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
        sent = 0;
    }
    if (sent < 0) {
        return proxy_relay_broken(context, to);
    }
    const bool down = to == &session->client;
    proxy_metrics_add(&context->metrics, down ? PROXY_METRICS_BYTES_TO_CLIENT : PROXY_METRICS_BYTES_TO_SERVER,
                      (uint64_t)sent);
    proxy_stat_add(&context->stat, session->route, down ? PROXY_STAT_SENT : PROXY_STAT_RECEIVED, (uint64_t)sent);
    if ((size_t)sent == bytes.size) {
        return PROXY_RELAY_MOVED;
    }
    to->writable = false;
    to->sent = *before;
    struct span taken = span_of(bytes.data, (size_t)sent);
    struct pg_frame_message message;
    while (pg_frame_step(&to->sent, &taken, &message)) {
    }
    to->secret = to->secret || session->state == PROXY_SESSION_AUTH; /* a password may pass */
    return proxy_relay_owe(context, to, span_of(bytes.data + sent, bytes.size - (size_t)sent));
}

/* Remembers what may have to be sent again. */
static void proxy_relay_flight(struct proxy_session *session, struct span bytes)
{
    if (!proxy_session_busy(session)) {
        proxy_keep_flight_begin(session->keep, true);
        session->groups = 0;
        if (session->prepare != NULL) {
            proxy_prepare_begin(session->prepare, &session->server->prepared);
        }
    }
    proxy_keep_flight_add(session->keep, bytes);
}

/* A server said FATAL behind these bytes. */
static enum proxy_relay_step proxy_relay_cut(struct proxy_session_context *context, struct proxy_session *session,
                                             struct span bytes, const struct pg_frame *before)
{
    if (bytes.size > 0) {
        session->keep->flight_whole = false;
        if (proxy_relay_send(context, &session->client, bytes, before) == PROXY_RELAY_ENDED) {
            return PROXY_RELAY_ENDED;
        }
    }
    if (proxy_session_idle(session)) {
        proxy_move_or_end(context, session);
    } else {
        proxy_move_in_flight(context, session, proxy_lost_proof(session, true), "the server ended the session");
    }
    return PROXY_RELAY_ENDED;
}

/* At `at` stands a ReadyForQuery that is no acknowledgement: the client hears an error before it. */
static enum proxy_relay_step proxy_relay_unacknowledged(struct proxy_session_context *context,
                                                        struct proxy_session *session, struct span bytes, size_t at,
                                                        const struct pg_frame *before)
{
    struct proxy_end *client = &session->client;
    const size_t end = at + PG_FRAME_HEAD + 1;
    uint8_t memory[PROXY_SESSION_ERROR];
    struct buf error;
    session->server->alone = false;
    proxy_metrics_add(&context->metrics, PROXY_METRICS_UNWAITED, 1);
    if (at == 0 && !pg_frame_boundary(before)) {
        /* Its first bytes have passed already: nothing can be said any more, but the rest must not follow. */
        proxy_session_end(context, session, PROXY_SESSION_SERVER_ENDED, NULL);
        return PROXY_RELAY_ENDED;
    }
    ASSERT(end <= bytes.size);
    buf_init(&error, memory, sizeof memory);
    pg_message_error_write(&error, "ERROR", "08007",
                           "the wait for synchronous replication was cancelled: the transaction is committed on this "
                           "server only and may be lost with it",
                           NULL);
    proxy_batch_settle_end(context, client);
    if (client->pending == NULL) {
        client->sent = *before;
    }
    if (!proxy_end_owe(context, client, span_of(bytes.data, at)) ||
        !proxy_end_owe(context, client, span_of(error.data, error.size)) ||
        !proxy_end_owe(context, client, span_of(bytes.data + at, bytes.size - at))) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return PROXY_RELAY_ENDED;
    }
    /* What came behind it in one piece: answers to a pipeline. One more thing of this sort there is too much. */
    const struct span rest = span_of(bytes.data + end, bytes.size - end);
    if (proxy_relay_look_server(context, session, rest) < rest.size) {
        proxy_session_end(context, session, PROXY_SESSION_OUTCOME_UNKNOWN, NULL);
        return PROXY_RELAY_ENDED;
    }
    if (session->keep != NULL) {
        session->keep->flight_whole = false;
    }
    return proxy_relay_told(context, client);
}

/* What a server says to an idle session: whole messages only are taken, and a FATAL is for us, not for the client.
 * Gives the bytes to pass on in `ret_limit`. */
static enum proxy_relay_step proxy_relay_quiet(struct proxy_session_context *context, struct proxy_session *session,
                                               size_t *ret_limit)
{
    struct proxy_end *server = &session->server->end;
    const ssize_t size = proxy_end_recv(server, context->buffer, context->buffer_size, MSG_PEEK);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        server->readable = errno == EINTR;
        return PROXY_RELAY_STUCK;
    }
    if (size <= 0) {
        return proxy_relay_gone(context, server);
    }
    struct span rest = span_of(context->buffer, (size_t)size);
    struct pg_frame frame;
    struct pg_frame_message message;
    size_t whole = 0;
    pg_frame_init(&frame);
    while (pg_frame_step(&frame, &rest, &message)) {
        if (proxy_relay_fatal(&message)) {
            if (whole > 0) {
                break;
            }
            proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_SHUTDOWN, 1);
            return proxy_relay_gone(context, server);
        }
        whole = (size_t)size - rest.size;
    }
    if (whole == 0 && !frame.failed && (size_t)size < context->buffer_size) {
        if (server->hangup) {
            return proxy_relay_gone(context, server); /* the rest will never come: half a message is for nobody */
        }
        server->readable = false; /* the rest comes with another event */
        return PROXY_RELAY_STUCK;
    }
    *ret_limit = whole > 0 ? whole : (size_t)size;
    return PROXY_RELAY_MOVED;
}

/* Whether what the server says is taken in whole messages: when nothing is in flight, and when it must be changed. */
static bool proxy_relay_careful(const struct proxy_session *session)
{
    return session->state == PROXY_SESSION_ACTIVE && (session->doom.open || !proxy_session_busy(session)) &&
           pg_frame_boundary(&session->server->end.received);
}

/* Takes the rest of a COPY's message off the front: its server is gone. */
static void proxy_relay_swallow(struct proxy_session *session, struct span *bytes)
{
    struct pg_frame_message message;
    session->swallow = !pg_frame_step(&session->client.received, bytes, &message);
}

/* The client's bytes with the names that the server knows. */
static bool proxy_relay_rename(struct proxy_session_context *context, struct proxy_session *session, uint32_t ahead,
                               struct span *bytes)
{
    struct buf out;
    buf_init(&out, context->rewritten, context->rewritten_size);
    const bool good = proxy_prepare_up(session->prepare, &session->server->prepared, *bytes, ahead, &out);
    *bytes = span_of(out.data, out.size);
    session->keep->lost |= session->prepare->full ? PROXY_KEEP_FULL : 0;
    if (!good) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
    }
    return good;
}

/* The server's bytes without answers to what the client has not asked. */
static struct span proxy_relay_restore(struct proxy_session_context *context, struct proxy_session *session,
                                       struct span bytes)
{
    if (session->prepare == NULL || proxy_await_still(session->prepare)) {
        return bytes;
    }
    struct proxy_server *server = session->server;
    struct buf out;
    buf_init(&out, context->rewritten, context->rewritten_size);
    proxy_await_down(session->prepare, &server->prepared, &server->end.received, bytes, &out);
    return span_of(out.data, out.size);
}

/* Bytes of the client. */
static enum proxy_relay_step proxy_relay_up(struct proxy_session_context *context, struct proxy_session *session,
                                            struct span bytes)
{
    struct proxy_end *client = &session->client;
    if (session->swallow) {
        proxy_relay_swallow(session, &bytes);
    }
    const struct pg_frame before = client->received;
    const uint32_t ahead = session->expected;
    if (session->state == PROXY_SESSION_ACTIVE) {
        if (!proxy_session_busy(session)) {
            proxy_stat_begin(&session->clock, context->now, session->status == PG_MESSAGE_STATUS_IDLE);
        }
        if (!proxy_law_passes(context, session, bytes)) {
            return proxy_law_refuse(context, session, bytes) ? proxy_relay_told(context, client) : PROXY_RELAY_ENDED;
        }
        if (session->keep != NULL) {
            proxy_relay_flight(session, bytes);
        }
    }
    if (!proxy_relay_look(context, session, client, &bytes)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL, NULL);
        return PROXY_RELAY_ENDED;
    }
    if (session->lent.strange) {
        proxy_session_end(context, session, PROXY_SESSION_UNNAMED, NULL);
        return PROXY_RELAY_ENDED;
    }
    if (session->doom.open && !proxy_lost_lawful(context, session)) {
        return PROXY_RELAY_ENDED;
    }
    if (session->prepare != NULL && session->state == PROXY_SESSION_ACTIVE &&
        !proxy_relay_rename(context, session, ahead, &bytes)) {
        return PROXY_RELAY_ENDED;
    }
    return bytes.size == 0 ? PROXY_RELAY_MOVED : proxy_relay_send(context, &session->server->end, bytes, &before);
}

/* Whole messages of the server of a transaction that was lost. */
static enum proxy_relay_step proxy_relay_doomed(struct proxy_session_context *context, struct proxy_session *session,
                                                struct span bytes)
{
    struct pg_frame *frame = &session->server->end.received;
    struct pg_frame_message message;
    struct span rest = bytes;
    bool good = true;
    ASSERT(pg_frame_boundary(frame));
    const uint8_t *start = bytes.data;
    for (; good && pg_frame_step(frame, &rest, &message); start = rest.data) {
        proxy_relay_server_message(context, session, &message);
        good = proxy_lost_pass(context, session, &message, span_of(start, (size_t)(rest.data - start)));
    }
    if (good && !pg_frame_boundary(frame)) {
        /* Larger than the buffer, so no error of ours to be: its rest passes like any other bytes. */
        good = proxy_session_say(context, session, span_of(start, (size_t)(bytes.data + bytes.size - start)));
    }
    if (!good || frame->failed) {
        proxy_session_end(context, session, good ? PROXY_SESSION_SERVER_PROTOCOL : PROXY_SESSION_NO_MEMORY, NULL);
        return PROXY_RELAY_ENDED;
    }
    session->keep->flight_whole = false;
    proxy_relay_mark(session);
    return proxy_end_flush(context, &session->client) ? PROXY_RELAY_MOVED : proxy_relay_gone(context, &session->client);
}

/* Bytes of the server. */
static enum proxy_relay_step proxy_relay_down(struct proxy_session_context *context, struct proxy_session *session,
                                              struct span bytes)
{
    const struct pg_frame before = session->server->end.received;
    struct span passing = bytes;
    if (proxy_lost_wrong(session, bytes) && proxy_move_lives(session)) {
        LOG_W("%s is the view's writer and says that it is a standby: a session leaves it",
              session->server->target.node);
        proxy_session_wrong(context, session);
        proxy_move_in_flight(context, session, PROXY_LOST_STANDBY, "the server is a standby");
        return PROXY_RELAY_ENDED;
    }
    if (session->doom.open && pg_frame_boundary(&before)) {
        return proxy_relay_doomed(context, session, bytes);
    }
    if (!proxy_relay_look(context, session, &session->server->end, &passing)) {
        proxy_session_end(context, session, PROXY_SESSION_SERVER_PROTOCOL, NULL);
        return PROXY_RELAY_ENDED;
    }
    if (passing.size < bytes.size) {
        return session->server->alone ? proxy_relay_unacknowledged(context, session, bytes, passing.size, &before)
                                      : proxy_relay_cut(context, session, passing, &before);
    }
    if (session->keep != NULL) {
        session->keep->flight_whole = false; /* an answer has begun */
    }
    return proxy_relay_send(context, &session->client, bytes, &before);
}

/* One buffer's worth in one direction. */
static enum proxy_relay_step proxy_relay_move(struct proxy_session_context *context, struct proxy_end *from,
                                              struct proxy_end *to)
{
    struct proxy_session *session = from->session;
    if (to->pending != NULL) {
        if (!proxy_end_flush(context, to)) {
            return proxy_relay_broken(context, to);
        }
        if (to->pending != NULL) {
            return PROXY_RELAY_STUCK;
        }
    }
    const bool client = from == &session->client;
    if (!from->readable || (client && proxy_relay_held(context, session))) {
        return PROXY_RELAY_STUCK;
    }
    size_t limit = context->buffer_size;
    if (!client && session->keep != NULL && proxy_relay_careful(session)) {
        const enum proxy_relay_step step = proxy_relay_quiet(context, session, &limit);
        if (step != PROXY_RELAY_MOVED) {
            return step;
        }
    }
    const ssize_t size = proxy_end_recv(from, context->buffer, limit, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        from->readable = errno == EINTR;
        return PROXY_RELAY_STUCK;
    }
    if (size <= 0) {
        return proxy_relay_gone(context, from);
    }
    /* A short read has emptied the socket, unless an end of file waits behind it; or it was only one record of TLS. */
    from->readable = (size_t)size == limit || from->hangup || (from->tls != NULL && proxy_tls_more(from->tls));
    if (client && context->buffer[0] == PG_MESSAGE_TERMINATE && session->pool != NULL && proxy_session_idle(session)) {
        return proxy_relay_gone(context, from); /* that is between the two of us: the server is the next client's */
    }
    struct span bytes = span_of(context->buffer, (size_t)size);
    if (client) {
        return proxy_relay_up(context, session, bytes);
    }
    bytes = session->state == PROXY_SESSION_ACTIVE ? proxy_relay_restore(context, session, bytes) : bytes;
    return bytes.size == 0 ? PROXY_RELAY_MOVED : proxy_relay_down(context, session, bytes);
}

void proxy_relay_to_server(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_AUTH);
    while (proxy_relay_move(context, &session->client, &session->server->end) == PROXY_RELAY_MOVED) {
    }
}

/* A session that rests. True: it has a server now. */
static bool proxy_relay_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!proxy_end_flush(context, &session->client)) {
        (void)proxy_relay_gone(context, &session->client);
        return false;
    }
    if (session->client.pending != NULL) {
        return false;
    }
    if (proxy_edition_leave(context, session) || proxy_relay_held(context, session)) {
        return false;
    }
    return proxy_lend_take(context, session);
}

void proxy_relay_pump(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_ACTIVE);
    if (session->server == NULL && !proxy_relay_begin(context, session)) {
        return;
    }
    for (int round = 0; round < PROXY_RELAY_ROUNDS; round++) {
        const enum proxy_relay_step down = proxy_relay_move(context, &session->server->end, &session->client);
        if (down == PROXY_RELAY_ENDED) {
            return;
        }
        if (down == PROXY_RELAY_MOVED && proxy_rest_yield(context, session)) {
            (void)proxy_edition_leave(context, session);
            return;
        }
        const enum proxy_relay_step up = proxy_relay_move(context, &session->client, &session->server->end);
        if (up == PROXY_RELAY_ENDED) {
            return;
        }
        if (up == PROXY_RELAY_STUCK && down == PROXY_RELAY_STUCK) {
            (void)(proxy_edition_leave(context, session) || proxy_renew_session(context, session) ||
                   proxy_rest_begin(context, session));
            return;
        }
    }
    list_remove(&session->ready);
    list_append(&context->ready, &session->ready);
}
