/* SPDX-License-Identifier: Apache-2.0
 * A log-in without a session: with what was learnt from one. */
#include "proxy/proxy_login.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/tcp.h"
#include "proxy/proxy_encrypt.h"
#include "wire/pg_message.h"

enum {
    PROXY_LOGIN_REPLY = 2048, /* bytes of a message of ours */
};

/* One log-in, for the time of one event. */
struct proxy_login_turn {
    struct proxy_session_context *context;
    struct proxy_server *server;
    struct proxy_learn *learn;
    struct proxy_login_failure *failure;
};

static enum proxy_login proxy_login_fail(struct proxy_login_turn *turn, struct span why, bool refused)
{
    *turn->failure = (struct proxy_login_failure){.why = why, .refused = refused};
    return PROXY_LOGIN_FAILED;
}

static enum proxy_login proxy_login_send(struct proxy_login_turn *turn, struct span bytes)
{
    if (!proxy_end_owe(turn->context, &turn->server->end, bytes) ||
        !proxy_end_flush(turn->context, &turn->server->end)) {
        return proxy_login_fail(turn, span_text("the connection was lost"), false);
    }
    return PROXY_LOGIN_COMING;
}

static enum proxy_login proxy_login_authenticate(struct proxy_login_turn *turn, struct span body)
{
    uint8_t memory[PROXY_LOGIN_REPLY];
    struct buf reply;
    buf_init(&reply, memory, sizeof memory);
    const enum err err = proxy_learn_reply(turn->learn, body, &reply);
    enum proxy_login login = PROXY_LOGIN_COMING;
    if (err != ERR_OK || reply.overflow) {
        login = proxy_login_fail(turn, span_text(err_text(err)), err == ERR_AUTH || err == ERR_UNSUPPORTED);
    } else if (reply.size > 0) {
        turn->server->end.secret = true;
        login = proxy_login_send(turn, span_of(reply.data, reply.size));
    }
    explicit_bzero(memory, sizeof memory);
    return login;
}

static enum proxy_login proxy_login_error(struct proxy_login_turn *turn, struct span body)
{
    struct pg_message_error error = {.sqlstate = ""};
    const bool known = pg_message_error_parse(body, &error) == ERR_OK;
    return proxy_login_fail(turn, known ? error.message : span_text("not PostgreSQL's protocol"),
                            strncmp(error.sqlstate, "28", 2) == 0);
}

static enum proxy_login proxy_login_role(struct proxy_login_turn *turn, struct span body)
{
    proxy_server_report(turn->server, body);
    if (turn->server->standby && turn->server->target.writer) {
        return proxy_login_fail(turn, span_text("it is a standby"), false);
    }
    return PROXY_LOGIN_COMING;
}

static enum proxy_login proxy_login_key(struct proxy_login_turn *turn, struct span body)
{
    struct proxy_server *server = turn->server;
    if (server->key != NULL || proxy_cancel_server_new(&server->target.address, body, &server->key) != ERR_OK) {
        return proxy_login_fail(turn, span_text("its cancel key"), false);
    }
    return PROXY_LOGIN_COMING;
}

static enum proxy_login proxy_login_message(struct proxy_login_turn *turn, uint8_t type, struct span body)
{
    proxy_server_login_end(turn->server);
    switch (type) {
    case PG_MESSAGE_AUTHENTICATION:
        return proxy_login_authenticate(turn, body);
    case PG_MESSAGE_PARAMETER:
        return proxy_login_role(turn, body);
    case PG_MESSAGE_KEY:
        return proxy_login_key(turn, body);
    case PG_MESSAGE_ERROR:
        return proxy_login_error(turn, body);
    case PG_MESSAGE_READY:
        return PROXY_LOGIN_DONE;
    default:
        return PROXY_LOGIN_COMING; /* notices */
    }
}

/* What came behind the ReadyForQuery: a notice may have begun. */
static void proxy_login_behind(struct proxy_server *server, struct span rest)
{
    struct pg_frame_message message;
    pg_frame_init(&server->end.received);
    while (pg_frame_step(&server->end.received, &rest, &message)) {
    }
    proxy_server_early_free(server);
}

/* The whole messages that have come. */
static enum proxy_login proxy_login_pass(struct proxy_login_turn *turn)
{
    struct proxy_server *server = turn->server;
    struct span rest = span_of(server->early, server->early_have);
    struct pg_frame frame;
    struct pg_frame_message message = {.type = 0};
    size_t whole = 0;
    pg_frame_init(&frame);
    while (pg_frame_step(&frame, &rest, &message)) {
        const struct span body = span_of(server->early + whole + PG_FRAME_HEAD, message.body_size);
        const enum proxy_login login = proxy_login_message(turn, message.type, body);
        if (login == PROXY_LOGIN_DONE) {
            proxy_login_behind(server, rest);
        }
        if (login != PROXY_LOGIN_COMING) {
            return login;
        }
        whole = server->early_have - rest.size;
    }
    memmove(server->early, server->early + whole, server->early_have - whole);
    server->early_have -= whole;
    if (frame.failed || server->early_have == PROXY_SESSION_EARLY) {
        return proxy_login_fail(turn, span_text("not PostgreSQL's protocol"), false);
    }
    return PROXY_LOGIN_COMING;
}

static enum proxy_login proxy_login_listen(struct proxy_login_turn *turn)
{
    struct proxy_server *server = turn->server;
    struct proxy_end *end = &server->end;
    enum proxy_login login = PROXY_LOGIN_COMING;
    if (server->early == NULL && (server->early = malloc(PROXY_SESSION_EARLY)) == NULL) {
        return proxy_login_fail(turn, span_text(err_text(ERR_NO_MEMORY)), false);
    }
    while (login == PROXY_LOGIN_COMING && end->readable) {
        const ssize_t size =
            proxy_end_recv(end, server->early + server->early_have, PROXY_SESSION_EARLY - server->early_have, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            end->readable = errno == EINTR;
        } else if (size <= 0) {
            login = proxy_login_fail(turn, span_text("the connection was closed"), false);
        } else {
            server->early_have += (size_t)size;
            login = proxy_login_pass(turn);
        }
    }
    return login;
}

/* The connection is made, or not yet, or it is refused; then its encryption. */
static enum proxy_login proxy_login_connect(struct proxy_login_turn *turn)
{
    struct proxy_server *server = turn->server;
    const bool decided = server->end.writable || server->end.hangup;
    enum err err = decided ? tcp_connected(server->end.fd) : ERR_UNAVAILABLE;
    err = err == ERR_OK ? proxy_encrypt_server(turn->context, server) : err;
    if (err == ERR_UNAVAILABLE) {
        return PROXY_LOGIN_COMING;
    }
    if (err != ERR_OK) {
        return proxy_login_fail(turn, span_text(err_text(err)), false);
    }
    server->attempting = false;
    return proxy_login_send(turn, span_of(server->startup.data, server->startup.size));
}

enum proxy_login proxy_login_step(struct proxy_session_context *context, struct proxy_server *server,
                                  struct proxy_learn *learn, struct proxy_login_failure *ret_failure)
{
    struct proxy_login_turn turn = {.context = context, .server = server, .learn = learn, .failure = ret_failure};
    if (server->attempting) {
        const enum proxy_login login = proxy_login_connect(&turn);
        if (login != PROXY_LOGIN_COMING || server->attempting) {
            return login;
        }
    }
    if (!proxy_end_flush(context, &server->end)) {
        return proxy_login_fail(&turn, span_text("the connection was lost"), false);
    }
    return proxy_login_listen(&turn);
}
