/* SPDX-License-Identifier: Apache-2.0
 * Encryption towards a server. */
#include "proxy/proxy_encrypt.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "edge/tcp.h"
#include "wire/pg_message.h"

enum {
    PROXY_ENCRYPT_TOLD_MS = 10 * 1000,
};

/* An SSLRequest always fits an empty send buffer. */
static enum err proxy_encrypt_ask(struct proxy_server *server)
{
    uint8_t memory[16];
    struct buf packet;
    buf_init(&packet, memory, sizeof memory);
    pg_startup_ssl_write(&packet);
    const ssize_t sent = send(server->end.fd, packet.data, packet.size, MSG_NOSIGNAL);
    server->encrypting = PROXY_SERVER_ASKED;
    return sent == (ssize_t)packet.size ? ERR_UNAVAILABLE : ERR_RESET;
}

/* Attempts follow each other fast: one line in ten seconds is enough. */
static void proxy_encrypt_failed(struct proxy_session_context *context, const struct proxy_server *server,
                                 const char *why)
{
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_TLS_FAILURES, 1);
    if (time_reached(context->now, context->server_tls_told)) {
        char text[TCP_ADDRESS];
        tcp_print(&server->target.address, text);
        LOG_W("server %s %s: no encrypted connection: %s", server->target.node, text, why);
        context->server_tls_told = time_add_ms(context->now, PROXY_ENCRYPT_TOLD_MS);
    }
}

static enum err proxy_encrypt_declined(struct proxy_session_context *context, struct proxy_server *server)
{
    if (proxy_tls_context_mode(context->server_tls) == PROXY_TLS_SERVER_PREFER) {
        server->encrypting = PROXY_SERVER_OPEN;
        return ERR_OK;
    }
    proxy_encrypt_failed(context, server, "it declines encryption, which proxy.server_tls demands: set ssl = on there");
    return ERR_TLS;
}

/* One byte, and nothing behind it that was not encrypted (CVE-2021-23222). */
static enum err proxy_encrypt_answer(struct proxy_session_context *context, struct proxy_server *server)
{
    struct proxy_end *end = &server->end;
    char answer = 0;
    const ssize_t got = recv(end->fd, &answer, 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        end->readable = false;
        return ERR_UNAVAILABLE;
    }
    if (got <= 0) {
        return ERR_CLOSED;
    }
    if (answer == 'N') {
        return proxy_encrypt_declined(context, server);
    }
    char more;
    if (answer != 'S' || recv(end->fd, &more, 1, MSG_PEEK) > 0) {
        return answer == PG_MESSAGE_ERROR ? ERR_REFUSED : ERR_PROTOCOL; /* it says why; the next attempt may hear it */
    }
    const enum err err = proxy_tls_connect(context->server_tls, end->fd, &server->target.address, &end->tls);
    server->encrypting = PROXY_SERVER_HANDSHAKE;
    return err;
}

static enum err proxy_encrypt_handshake(struct proxy_session_context *context, struct proxy_server *server)
{
    char message[PROXY_TLS_MESSAGE];
    const enum err err = proxy_tls_handshake(server->end.tls, message);
    if (err == ERR_OK) {
        proxy_tls_describe(server->end.tls, message);
        LOG_D("the connection to %s is encrypted: %s", server->target.node, message);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_TLS, 1);
        server->encrypting = PROXY_SERVER_OPEN;
    } else if (err != ERR_UNAVAILABLE) {
        proxy_encrypt_failed(context, server, message);
    }
    return err;
}

enum err proxy_encrypt_server(struct proxy_session_context *context, struct proxy_server *server)
{
    enum err err = ERR_OK;
    if (context->server_tls == NULL || server->encrypting == PROXY_SERVER_OPEN) {
        return ERR_OK;
    }
    if (server->encrypting == PROXY_SERVER_CLEAR) {
        err = proxy_encrypt_ask(server);
        return err;
    }
    if (server->encrypting == PROXY_SERVER_ASKED) {
        err = proxy_encrypt_answer(context, server);
    }
    return err == ERR_OK && server->encrypting == PROXY_SERVER_HANDSHAKE ? proxy_encrypt_handshake(context, server)
                                                                         : err;
}

void proxy_encrypt_offer(uint8_t *body, size_t size)
{
    static const char plus[] = PG_SCRAM_SERVE_PLUS;
    static const char none[] = "SCRAM-SHA-256-NONE";
    uint32_t code = 0;
    struct span names;
    if (pg_message_authentication_parse(span_of(body, size), &code, &names) != ERR_OK || code != PG_MESSAGE_AUTH_SASL) {
        return;
    }
    uint8_t *found = memmem(body + (size - names.size), names.size, plus, sizeof plus);
    if (found != NULL) {
        memcpy(found, none, sizeof none);
    }
}
