/* SPDX-License-Identifier: Apache-2.0
 * The client's first packets. */
#include "proxy/proxy_startup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_auth.h"
#include "wire/pg_startup.h"

enum {
    PROXY_STARTUP_HEAD = 8,                                         /* what every first packet has at least */
    PROXY_STARTUP_MEMORY = PG_STARTUP_LIMIT + 2 * PROXY_ROUTE_NAME, /* room for another database's name */
};

/* Reads exactly one packet, so that what follows stays in the kernel. False: not whole yet, or the session is over. */
static bool proxy_startup_read(struct proxy_session_context *context, struct proxy_session *session)
{
    for (;;) {
        uint32_t size = 0;
        const enum err err = pg_startup_measure(span_of(session->startup, session->startup_have), &size);
        if (err != ERR_OK) {
            /* Not PostgreSQL at all: nothing we could say would be understood. */
            proxy_metrics_add(&context->metrics, PROXY_METRICS_PROTOCOL_ERRORS, 1);
            proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, "not a start-up packet");
            return false;
        }
        const size_t wanted = size == 0 ? PROXY_STARTUP_HEAD : size;
        if (session->startup_have >= wanted) {
            ASSERT(session->startup_have == wanted);
            return true;
        }
        const ssize_t got =
            recv(session->client.fd, session->startup + session->startup_have, wanted - session->startup_have, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            session->client.readable = errno == EINTR;
            return false;
        }
        if (got <= 0) {
            proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
            return false;
        }
        session->startup_have += (size_t)got;
    }
}

static void proxy_startup_cancel(struct proxy_session_context *context, struct proxy_session *session,
                                 const struct pg_startup *startup)
{
    session->cancelling = true;
    if (proxy_cancel_find(context->cancel, startup->cancel_pid, startup->cancel_secret, &session->cancel) != ERR_OK) {
        proxy_metrics_add(&context->metrics, PROXY_METRICS_CANCELS_IGNORED, 1);
        proxy_session_end(context, session, PROXY_SESSION_CANCEL_DONE, NULL);
        return;
    }
    proxy_attempt_begin(context, session);
}

/* Takes a place among the clients. */
static bool proxy_startup_admit(struct proxy_session_context *context, struct proxy_session *session)
{
    const uint32_t before = atomic_fetch_add_explicit(context->clients, 1, memory_order_relaxed);
    if (before >= context->max_clients) {
        atomic_fetch_sub_explicit(context->clients, 1, memory_order_relaxed);
        proxy_session_end(context, session, PROXY_SESSION_TOO_MANY, NULL);
        return false;
    }
    session->admitted = true;
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SESSIONS, 1);
    return true;
}

/* The server gets the packet as it came, or with the database's name on the server. */
static bool proxy_startup_rename(struct proxy_session *session, const struct pg_startup *startup, const char *dbname)
{
    if (dbname[0] == '\0') {
        return true;
    }
    uint8_t *memory = malloc(PROXY_STARTUP_MEMORY);
    if (memory == NULL) {
        return false;
    }
    struct buf packet;
    buf_init(&packet, memory, PROXY_STARTUP_MEMORY);
    pg_startup_write(&packet, startup, dbname);
    if (packet.overflow || packet.size > PG_STARTUP_LIMIT) {
        free(memory);
        return false;
    }
    free(session->startup);
    session->startup = memory;
    session->startup_have = packet.size;
    return true;
}

static bool proxy_startup_keep(struct proxy_session_context *context, struct proxy_session *session,
                               const struct pg_startup *startup)
{
    if (!context->login) {
        return true;
    }
    session->keep = proxy_keep_new(startup->user);
    return session->keep != NULL;
}

/* A client whom we answer ourselves hears what we speak; the server gets a packet without the rest. Parses it again. */
static bool proxy_startup_plain(struct proxy_session_context *context, struct proxy_session *session,
                                struct pg_startup *startup)
{
    uint8_t *memory = malloc(2 * PROXY_STARTUP_MEMORY);
    struct buf answer;
    struct buf packet;
    bool good = memory != NULL;
    buf_init(&answer, memory, PROXY_STARTUP_MEMORY);
    if (good && pg_startup_negotiate_write(&answer, startup)) {
        buf_init(&packet, memory + PROXY_STARTUP_MEMORY, PROXY_STARTUP_MEMORY);
        pg_startup_plain_write(&packet, startup);
        ASSERT(!answer.overflow && !packet.overflow && packet.size <= session->startup_have);
        memcpy(session->startup, packet.data, packet.size);
        session->startup_have = packet.size;
        good = proxy_end_owe(context, &session->client, span_of(answer.data, answer.size)) &&
               pg_startup_parse(span_of(session->startup, session->startup_have), startup) == ERR_OK;
    }
    free(memory);
    return good;
}

/* A packet that stays takes no more memory than it needs. */
static void proxy_startup_shrink(struct proxy_session *session)
{
    uint8_t *smaller = session->keep != NULL ? realloc(session->startup, session->startup_have) : NULL;
    session->startup = smaller != NULL ? smaller : session->startup;
}

static void proxy_startup_session(struct proxy_session_context *context, struct proxy_session *session,
                                  struct pg_startup *startup)
{
    if (startup->replication.size > 0) {
        proxy_session_end(context, session, PROXY_SESSION_UNSUPPORTED,
                          "replication connections do not go through this proxy, connect to the server itself");
        return;
    }
    session->route = proxy_route_find(context->routes, context->routes_count, startup->database);
    if (session->route == LIMITS_NONE) {
        char text[160];
        snprintf(text, sizeof text, "database \"%.*s\" is not in this proxy's configuration",
                 startup->database.size < 64 ? (int)startup->database.size : 64, (const char *)startup->database.data);
        proxy_session_end(context, session, PROXY_SESSION_NO_DATABASE, text);
        return;
    }
    if (context->stopping) {
        proxy_session_end(context, session, PROXY_SESSION_STOPPING, NULL);
        return;
    }
    size_t end = 0;
    if (proxy_ban_in(startup->parameters, &end) && !proxy_session_lower(context, session)) {
        proxy_session_end(context, session, PROXY_SESSION_LOCKED_COMMIT, NULL);
        return;
    }
    if (!proxy_startup_admit(context, session)) {
        return;
    }
    if (!proxy_startup_keep(context, session, startup) ||
        (context->challenge && !proxy_startup_plain(context, session, startup))) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    if (!proxy_startup_rename(session, startup, context->routes[session->route].dbname)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    proxy_startup_shrink(session);
    if (context->challenge) {
        proxy_auth_begin(context, session);
    } else {
        proxy_attempt_begin(context, session);
    }
}

/* "No": the client goes on unencrypted or leaves. One byte always fits an empty send buffer. */
static void proxy_startup_refuse(struct proxy_session_context *context, struct proxy_session *session)
{
    session->startup_have = 0;
    if (send(session->client.fd, "N", 1, MSG_NOSIGNAL) != 1) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    }
}

static void proxy_startup_packet(struct proxy_session_context *context, struct proxy_session *session)
{
    struct pg_startup startup;
    const enum err err = pg_startup_parse(span_of(session->startup, session->startup_have), &startup);
    if (err != ERR_OK) {
        proxy_session_end(context, session,
                          err == ERR_UNSUPPORTED ? PROXY_SESSION_UNSUPPORTED : PROXY_SESSION_CLIENT_PROTOCOL, NULL);
        return;
    }
    switch (startup.kind) {
    case PG_STARTUP_SSL:
    case PG_STARTUP_GSSENC:
        proxy_startup_refuse(context, session);
        break;
    case PG_STARTUP_CANCEL:
        proxy_startup_cancel(context, session, &startup);
        break;
    case PG_STARTUP_SESSION:
        proxy_startup_session(context, session, &startup);
        break;
    }
}

void proxy_startup_step(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->startup == NULL) {
        session->startup = malloc(PROXY_STARTUP_MEMORY);
        if (session->startup == NULL) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return;
        }
    }
    while (session->state == PROXY_SESSION_STARTUP && session->client.readable &&
           proxy_startup_read(context, session)) {
        proxy_startup_packet(context, session);
    }
}
