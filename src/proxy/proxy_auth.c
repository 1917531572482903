/* SPDX-License-Identifier: Apache-2.0
 * A client proves to the proxy who it is. */
#include "proxy/proxy_auth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "edge/log.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_lend.h"
#include "wire/pg_message.h"

enum {
    PROXY_AUTH_AGAIN_MS = 100,      /* between questions while nobody can be asked */
    PROXY_AUTH_FRESH_MS = 5 * 1000, /* age of a verifier: so long a new password may be refused once */
    PROXY_AUTH_TEXT = 384,
};

static void proxy_auth_say(struct proxy_session_context *context, struct proxy_session *session, struct buf *message)
{
    const struct span bytes = span_of(message->data, message->size);
    if (message->overflow || !proxy_end_owe(context, &session->client, bytes)) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
    } else if (!proxy_end_flush(context, &session->client)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    }
}

/* ---- the verifier ---- */

static enum err proxy_auth_verifier(struct proxy_session_context *context, const struct proxy_session *session,
                                    char text[PG_SCRAM_VERIFIER])
{
    if (session->console) {
        snprintf(text, PG_SCRAM_VERIFIER, "%s",
                 proxy_door_verifier(context->operators, context->operators_count, span_text(session->keep->user)));
        return ERR_OK;
    }
    const struct proxy_route_target *target = &context->targets[session->route];
    if (context->roster != NULL && proxy_roster_find(context->roster, session->keep->user, text) == ERR_OK) {
        return ERR_OK;
    }
    if (context->vault == NULL || session->keep->user[0] == '\0') {
        return ERR_NOT_FOUND;
    }
    if (!target->open) {
        return ERR_UNREACHABLE;
    }
    return proxy_vault_ask(context->vault, context->routes[session->route].database, span_text(session->keep->user),
                           &target->address, PROXY_AUTH_FRESH_MS, text);
}

/* Asks the client of its password; or comes back here when the verifier is there. */
static void proxy_auth_ask(struct proxy_session_context *context, struct proxy_session *session)
{
    char text[PG_SCRAM_VERIFIER] = "";
    const enum err err = proxy_auth_verifier(context, session, text);
    list_remove(&session->learning);
    if (err == ERR_UNAVAILABLE || err == ERR_UNREACHABLE || err == ERR_QUEUE_FULL) {
        list_append(&context->asking, &session->learning);
        if (err != ERR_UNAVAILABLE) {
            proxy_session_wait_begin(context, session);
        }
        const struct mono next = time_add_ms(context->now, PROXY_AUTH_AGAIN_MS);
        proxy_session_deadline(context, session, time_min(next, session->wait_deadline));
        return;
    }
    uint8_t memory[PROXY_PROOF_REPLY];
    struct buf request;
    buf_init(&request, memory, sizeof memory);
    uint8_t hash[PG_SCRAM_SERVE_BINDING];
    const struct proxy_tls *tls = session->client.tls;
    const struct span binding = tls != NULL ? proxy_tls_binding(tls, hash) : span_of(NULL, 0);
    if (session->challenge->scram && strncmp(text, "md5", 3) == 0) {
        explicit_bzero(text, sizeof text); /* the rule wants SCRAM: for that the role has no verifier */
    }
    session->challenge->asked = true;
    proxy_proof_begin(&session->challenge->proof, span_text(session->keep->user), span_text(text), context->mock_secret,
                      binding, &request);
    explicit_bzero(text, sizeof text);
    proxy_session_wait_end(context, session);
    session->wait_deadline = time_add_ms(context->now, context->auth_timeout_ms);
    proxy_session_deadline(context, session, session->wait_deadline);
    proxy_auth_say(context, session, &request);
}

void proxy_auth_ask_all(struct proxy_session_context *context)
{
    struct list turn; /* who has to wait again joins the list at once */
    list_init(&turn);
    while (!list_empty(&context->asking)) {
        struct list *link = context->asking.next;
        list_remove(link);
        list_append(&turn, link);
    }
    while (!list_empty(&turn)) {
        proxy_auth_ask(context, LIST_ENTRY(turn.next, struct proxy_session, learning));
    }
}

/* ---- the outcome ---- */

/* The hand-over: from here on the session only needs a server. */
static void proxy_auth_enter(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->server == NULL);
    if (context->roster != NULL && !session->console) {
        proxy_roster_teach(context->roster, session->keep->user, &session->keep->learn);
    }
    proxy_session_challenge_free(session);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_AUTHENTICATED, 1);
    if (session->console) {
        (void)epoll_ctl(context->epoll, EPOLL_CTL_DEL, session->client.fd, NULL);
        context->door->enter(context->door->owner, &session->client, session->keep->user);
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, "it is the console's now");
        return;
    }
    proxy_metrics_add(&context->metrics, PROXY_METRICS_KEYS, session->keep->learn.found ? 1 : 0);
    session->move.under_way = true;
    session->move.entering = true;
    if (!proxy_lend_welcome(context, session)) {
        proxy_attempt_begin(context, session);
    }
}

/* A role's name in a line of the log: nothing that could look like another line. */
static void proxy_auth_name(const char *user, char text[PROXY_KEEP_USER])
{
    size_t i = 0;
    for (; user[i] != '\0'; i++) {
        const uint8_t c = (uint8_t)user[i];
        text[i] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
    }
    text[i] = '\0';
}

static void proxy_auth_wrong(struct proxy_session_context *context, struct proxy_session *session, const char *name)
{
    const char *user = session->keep->user;
    char text[PROXY_AUTH_TEXT];
    /* A password that was changed a moment ago fails once at most. */
    if (context->vault != NULL && !session->console) {
        proxy_vault_doubt(context->vault, context->routes[session->route].database, span_text(user),
                          PROXY_VAULT_RETRY_MS);
    }
    LOG_N("password authentication failed for role \"%s\"", name);
    snprintf(text, sizeof text, "password authentication failed for user \"%s\"", user);
    proxy_session_end(context, session, PROXY_SESSION_AUTH_FAILED, text);
}

static void proxy_auth_refuse(struct proxy_session_context *context, struct proxy_session *session, enum err err)
{
    char name[PROXY_KEEP_USER];
    proxy_auth_name(session->keep->user, name);
    if (err == ERR_AUTH) {
        proxy_auth_wrong(context, session, name);
    } else if (err == ERR_CONFLICT) {
        LOG_W("role \"%s\": the client's SCRAM channel binding does not fit: somebody may be between it and us", name);
        proxy_session_end(context, session, PROXY_SESSION_AUTH_BINDING, NULL);
    } else if (err == ERR_UNSUPPORTED) {
        proxy_session_end(context, session, PROXY_SESSION_UNSUPPORTED,
                          "the client asks for something in SCRAM that is not supported: an identity, an extension or "
                          "another channel binding");
    } else {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL, "malformed SASL or password message");
    }
}

static void proxy_auth_answer(struct proxy_session_context *context, struct proxy_session *session, struct span body)
{
    struct proxy_session_challenge *challenge = session->challenge;
    uint8_t memory[PROXY_PROOF_REPLY];
    struct buf reply;
    buf_init(&reply, memory, sizeof memory);
    const enum err err = proxy_proof_answer(&challenge->proof, body, &reply, &session->keep->learn);
    explicit_bzero(challenge->message, sizeof challenge->message);
    challenge->message_have = 0;
    if (err != ERR_OK) {
        proxy_auth_refuse(context, session, err);
        return;
    }
    proxy_auth_say(context, session, &reply);
    if (session->state == PROXY_SESSION_CHALLENGE && challenge->proof.stage == PROXY_PROOF_DONE) {
        proxy_auth_enter(context, session);
    }
}

/* ---- the rules ---- */

/* A client that need not, or cannot, prove anything more. */
static void proxy_auth_welcome(struct proxy_session_context *context, struct proxy_session *session)
{
    uint8_t memory[16];
    struct buf reply;
    buf_init(&reply, memory, sizeof memory);
    pg_message_authentication_write(&reply, PG_MESSAGE_AUTH_OK, span_of(NULL, 0));
    proxy_auth_say(context, session, &reply);
    if (session->state == PROXY_SESSION_CHALLENGE) {
        proxy_auth_enter(context, session);
    }
}

static void proxy_auth_client(const struct proxy_session *session, const char *database, struct pg_hba_client *client)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof peer;
    *client = (struct pg_hba_client){
        .encrypted = session->client.tls != NULL, .user = session->keep->user, .database = database};
    if (getpeername(session->client.fd, (struct sockaddr *)&peer, &size) != 0) {
        return; /* it has gone: rules for all addresses may match, and then it is noticed */
    }
    if (peer.ss_family == AF_INET6) {
        struct sockaddr_in6 six;
        memcpy(&six, &peer, sizeof six);
        client->family = 6;
        memcpy(client->address, &six.sin6_addr, sizeof six.sin6_addr);
    } else if (peer.ss_family == AF_INET) {
        struct sockaddr_in four;
        memcpy(&four, &peer, sizeof four);
        client->family = 4;
        memcpy(client->address, &four.sin_addr, sizeof four.sin_addr);
    }
}

/* As PostgreSQL says it. */
static void proxy_auth_forbid(struct proxy_session_context *context, struct proxy_session *session,
                              const struct pg_hba_client *client, const char *what)
{
    char host[INET6_ADDRSTRLEN] = "?";
    char name[PROXY_KEEP_USER];
    char text[PROXY_AUTH_TEXT];
    proxy_auth_name(client->user, name);
    (void)inet_ntop(client->family == 6 ? AF_INET6 : AF_INET, client->address, host, sizeof host);
    snprintf(text, sizeof text, "%s host \"%s\", user \"%s\", database \"%s\", %s", what, host, client->user,
             client->database, client->encrypted ? "SSL encryption" : "no encryption");
    LOG_N("%s host %s, role \"%s\", database %s, %s", what, host, name, client->database,
          client->encrypted ? "encrypted" : "in clear");
    proxy_session_end(context, session, PROXY_SESSION_FORBIDDEN, text);
}

/* Whether the client has shown the certificate that a rule wants. False: it is refused. */
static bool proxy_auth_shown(struct proxy_session_context *context, struct proxy_session *session,
                             enum pg_hba_clientcert clientcert)
{
    char owner[PROXY_TLS_NAME];
    char name[PROXY_KEEP_USER];
    char text[PROXY_AUTH_TEXT];
    if (clientcert == PG_HBA_ANY_CLIENT) {
        return true;
    }
    ASSERT(session->client.tls != NULL); /* only hostssl rules have it */
    if (!proxy_tls_peer(session->client.tls, owner)) {
        proxy_session_end(context, session, PROXY_SESSION_FORBIDDEN, "connection requires a valid client certificate");
        return false;
    }
    if (clientcert == PG_HBA_VERIFY_CA || strcmp(owner, session->keep->user) == 0) {
        return true;
    }
    proxy_auth_name(session->keep->user, name);
    LOG_N("certificate authentication failed for role \"%s\": the certificate is another one's", name);
    snprintf(text, sizeof text, "certificate authentication failed for user \"%s\"", session->keep->user);
    proxy_session_end(context, session, PROXY_SESSION_FORBIDDEN, text);
    return false;
}

/* By the first rule that matches. */
static void proxy_auth_judge(struct proxy_session_context *context, struct proxy_session *session)
{
    struct pg_hba_client client;
    struct proxy_rules_verdict verdict;
    proxy_auth_client(session, context->routes[session->route].name, &client);
    if (session->keep->user[0] == '\0' || proxy_rules_judge(context->rules, &client, &verdict) != ERR_OK) {
        proxy_auth_forbid(context, session, &client, "no pg_hba.conf entry for");
        return;
    }
    if (verdict.method == PG_HBA_REJECT) {
        proxy_auth_forbid(context, session, &client, "pg_hba.conf rejects connection for");
        return;
    }
    if (!proxy_auth_shown(context, session, verdict.clientcert)) {
        return;
    }
    if (verdict.method == PG_HBA_TRUST || verdict.method == PG_HBA_CERT) {
        proxy_auth_welcome(context, session);
        return;
    }
    session->challenge->scram = verdict.method == PG_HBA_SCRAM;
    proxy_auth_ask(context, session);
}

/* ---- reading ---- */

/* The size of the message that has begun; 0: its head is not there yet. False: it is not what was asked for. */
static bool proxy_auth_measure(const struct proxy_session_challenge *challenge, size_t *ret_size)
{
    if (challenge->message_have < PG_FRAME_HEAD) {
        *ret_size = 0;
        return true;
    }
    struct cursor cursor;
    cursor_init(&cursor, challenge->message, PG_FRAME_HEAD);
    const uint8_t type = cursor_u8(&cursor);
    const uint32_t size = cursor_u32be(&cursor);
    *ret_size = (size_t)size + 1;
    return type == PG_MESSAGE_PASSWORD && size >= 4 && size < sizeof challenge->message;
}

/* Reads exactly one message, so that what follows stays in the kernel. False: not whole yet, or the session is over. */
static bool proxy_auth_read(struct proxy_session_context *context, struct proxy_session *session)
{
    struct proxy_session_challenge *challenge = session->challenge;
    for (;;) {
        size_t size = 0;
        if (!proxy_auth_measure(challenge, &size)) {
            proxy_session_end(context, session, PROXY_SESSION_CLIENT_PROTOCOL,
                              "expected a SASL or password message of ordinary size");
            return false;
        }
        const size_t wanted = size == 0 ? PG_FRAME_HEAD : size;
        if (size != 0 && challenge->message_have == size) {
            return true;
        }
        const ssize_t got = proxy_end_recv(&session->client, challenge->message + challenge->message_have,
                                           wanted - challenge->message_have, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            session->client.readable = errno == EINTR;
            return false;
        }
        if (got <= 0) {
            proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
            return false;
        }
        challenge->message_have += (size_t)got;
    }
}

void proxy_auth_step(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_CHALLENGE);
    if (!proxy_end_flush(context, &session->client) || (session->client.hangup && !session->challenge->asked)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
        return;
    }
    while (session->state == PROXY_SESSION_CHALLENGE && session->challenge->asked && session->client.readable &&
           proxy_auth_read(context, session)) {
        const struct proxy_session_challenge *challenge = session->challenge;
        proxy_auth_answer(context, session,
                          span_of(challenge->message + PG_FRAME_HEAD, challenge->message_have - PG_FRAME_HEAD));
    }
}

void proxy_auth_late(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!time_reached(context->now, session->wait_deadline)) {
        proxy_auth_ask(context, session);
    } else {
        proxy_session_end(context, session,
                          session->challenge->asked ? PROXY_SESSION_AUTH_SLOW : PROXY_SESSION_NO_SERVER, NULL);
    }
}

void proxy_auth_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->keep != NULL && session->challenge == NULL);
    session->challenge = calloc(1, sizeof *session->challenge);
    if (session->challenge == NULL) {
        proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
        return;
    }
    proxy_session_move(session, PROXY_SESSION_CHALLENGE);
    session->wait_deadline = time_add_ms(context->now, context->connect_wait_ms);
    if (context->rules != NULL && !session->console) {
        proxy_auth_judge(context, session);
    } else {
        proxy_auth_ask(context, session);
    }
}
