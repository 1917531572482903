/* SPDX-License-Identifier: Apache-2.0
 * The client's first packets. */
#include "proxy/proxy_startup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_auth.h"
#include "proxy/proxy_line.h"
#include "wire/pg_startup.h"

enum {
    PROXY_STARTUP_TLS = 0x16,                                       /* the first byte of a TLS record with a hello */
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
        const ssize_t got = proxy_end_recv(&session->client, session->startup + session->startup_have,
                                           wanted - session->startup_have, 0);
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

/* Only sessions whose log-in can be done again go from one server connection to another. */
static bool proxy_startup_pool(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->keep == NULL || context->routes[session->route].pool.mode == PROXY_ROUTE_UNPOOLED) {
        return true;
    }
    const enum err err = proxy_line_join(context, session);
    if (err != ERR_OK) {
        proxy_session_end(context, session, err == ERR_NO_MEMORY ? PROXY_SESSION_NO_MEMORY : PROXY_SESSION_TOO_MANY,
                          err == ERR_NO_MEMORY ? NULL : "too many clients of this database already (pool.max_clients)");
    }
    return err == ERR_OK;
}

/* The admin console is there for those that it knows, whatever becomes of databases, and beyond max_clients. */
static void proxy_startup_console(struct proxy_session_context *context, struct proxy_session *session,
                                  struct pg_startup *startup)
{
    session->console = true;
    session->keep = proxy_keep_new(startup->user);
    if (session->keep == NULL || !proxy_startup_plain(context, session, startup)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    proxy_auth_begin(context, session);
}

static void proxy_startup_session(struct proxy_session_context *context, struct proxy_session *session,
                                  struct pg_startup *startup)
{
    if (startup->replication.size > 0) {
        proxy_session_end(context, session, PROXY_SESSION_UNSUPPORTED,
                          "replication connections do not go through this proxy, connect to the server itself");
        return;
    }
    if (context->tls_mode == PROXY_TLS_REQUIRE && session->client.tls == NULL) {
        proxy_session_end(context, session, PROXY_SESSION_CLEAR, NULL);
        return;
    }
    if (context->door != NULL && span_is(startup->database, context->door->database)) {
        proxy_startup_console(context, session, startup);
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
    if (!proxy_startup_pool(context, session)) {
        return;
    }
    if (context->challenge) {
        proxy_auth_begin(context, session);
    } else {
        proxy_attempt_begin(context, session);
    }
}

/* ---- encryption ---- */

/* One byte always fits an empty send buffer. */
static bool proxy_startup_say(struct proxy_session_context *context, struct proxy_session *session, const char *answer)
{
    session->startup_have = 0;
    session->answered = true;
    if (send(session->client.fd, answer, 1, MSG_NOSIGNAL) != 1) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
        return false;
    }
    return true;
}

/* From here on only what was encrypted is read: what is in clear behind the request is no client's of ours
 * (CVE-2021-23214).
 */
static void proxy_startup_encrypt(struct proxy_session_context *context, struct proxy_session *session)
{
    if (proxy_tls_accept(context->tls, session->client.fd, &session->client.tls) != ERR_OK) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
    }
}

/* SSLRequest, GSSENCRequest: each is answered with one byte. */
static void proxy_startup_request(struct proxy_session_context *context, struct proxy_session *session,
                                  enum pg_startup_kind kind)
{
    uint8_t byte;
    if (session->client.tls != NULL) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL, "the connection is encrypted already");
    } else if (kind != PG_STARTUP_SSL || context->tls == NULL) {
        (void)proxy_startup_say(context, session, "N"); /* it goes on unencrypted or leaves */
    } else if (recv(session->client.fd, &byte, 1, MSG_PEEK) > 0) {
        LOG_W("a client sent unencrypted data after its request for TLS: a broken client, or somebody in between");
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL,
                          "received unencrypted data after SSL request");
    } else if (proxy_startup_say(context, session, "S")) {
        proxy_startup_encrypt(context, session);
    }
}

/* The first byte of a connection tells a TLS hello from a packet. False: nothing is there yet, or the session is over.
 */
static bool proxy_startup_direct(struct proxy_session_context *context, struct proxy_session *session)
{
    uint8_t byte = 0;
    if (context->tls == NULL || session->client.tls != NULL || session->answered || session->startup_have > 0) {
        return true;
    }
    const ssize_t got = recv(session->client.fd, &byte, 1, MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        session->client.readable = errno == EINTR;
        return false;
    }
    if (got == 1 && byte == PROXY_STARTUP_TLS) {
        session->direct = true;
        proxy_startup_encrypt(context, session);
    }
    return session->state == PROXY_SESSION_STARTUP;
}

static void proxy_startup_encrypted(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_tls *tls = session->client.tls;
    char text[PROXY_TLS_MESSAGE];
    proxy_tls_describe(tls, text);
    LOG_D("a client's connection is encrypted: %s, server name \"%.100s\"", text, proxy_tls_server_name(tls));
    proxy_metrics_add(&context->metrics, PROXY_METRICS_TLS, 1);
    if (session->direct && !proxy_tls_alpn(tls)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL,
                          "received direct SSL connection request without ALPN protocol negotiation extension");
    }
}

/* True: the client may speak, in clear or encrypted. */
static bool proxy_startup_open(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_tls *tls = session->client.tls;
    if (tls == NULL || proxy_tls_ready(tls)) {
        return true;
    }
    char message[PROXY_TLS_MESSAGE];
    const enum err err = proxy_tls_handshake(tls, message);
    if (err == ERR_UNAVAILABLE) {
        return false;
    }
    if (err == ERR_OK) {
        proxy_startup_encrypted(context, session);
    } else {
        LOG_I("a client's TLS handshake failed: %s", message);
        proxy_session_end(context, session, PROXY_SESSION_TLS_FAILED, NULL);
    }
    return session->state == PROXY_SESSION_STARTUP;
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
        proxy_startup_request(context, session, startup.kind);
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
           proxy_startup_direct(context, session) && proxy_startup_open(context, session) &&
           proxy_startup_read(context, session)) {
        proxy_startup_packet(context, session);
    }
}
