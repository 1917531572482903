/* SPDX-License-Identifier: Apache-2.0
 * TLS on a proxy's connections: certificates, and a connection that is encrypted.
 *
 * - struct proxy_tls_context: what we show and whom we trust, from files; shared by all workers, replaced as a whole
 * when the files are read again. TLS 1.2 and later, no renegotiation, no resumption (as PostgreSQL).
 * - struct proxy_tls: one connection, on a non-blocking socket of which epoll tells edges. After any event both
 *   directions may have become possible, because TLS reads in order to write and the other way round. One owner, one
 *   thread.
 *
 * The process must ignore SIGPIPE: OpenSSL writes to sockets that the peer may have closed. Private keys are wiped by
 * OpenSSL. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"
#include "core/view.h"
#include "wire/pg_scram_serve.h"

#define PROXY_TLS_ALPN "postgresql"

enum {
    PROXY_TLS_PATH = 512,
    PROXY_TLS_MESSAGE = 256, /* one line for people */
    PROXY_TLS_NAME = 256,    /* of a certificate's owner, or of a server */
};

/* Towards clients. */
enum proxy_tls_mode {
    PROXY_TLS_DISABLE,
    PROXY_TLS_ALLOW,   /* who asks for it */
    PROXY_TLS_REQUIRE, /* sessions without it are refused */
};

/* Towards servers; the words and what they mean are libpq's. */
enum proxy_tls_server_mode {
    PROXY_TLS_SERVER_DISABLE,
    PROXY_TLS_SERVER_PREFER,
    PROXY_TLS_SERVER_REQUIRE,
    PROXY_TLS_SERVER_VERIFY_CA,
    PROXY_TLS_SERVER_VERIFY_FULL, /* and the certificate is for the server's address */
};

const char *proxy_tls_server_mode_name(enum proxy_tls_server_mode mode);

struct proxy_tls_files {
    char certificate[PROXY_TLS_PATH]; /* and its chain, PEM */
    char key[PROXY_TLS_PATH];
    char ca[PROXY_TLS_PATH]; /* empty: no certificate is asked for */
};

struct proxy_tls_context;
struct proxy_tls;

/* For connections that clients open. ERR_CERTIFICATE, ERR_PERMISSION and the errors of files; `message` says which
 * file, what is wrong, and what to do. */
ERR_CHECK enum err proxy_tls_context_new(const struct proxy_tls_files *files, char message[PROXY_TLS_MESSAGE],
                                         struct proxy_tls_context **ret_context);

/* For connections to servers; not for DISABLE. `ca`, a PEM file, is whom we trust with the two that verify. */
ERR_CHECK enum err proxy_tls_context_servers_new(enum proxy_tls_server_mode mode, const char *ca,
                                                 char message[PROXY_TLS_MESSAGE],
                                                 struct proxy_tls_context **ret_context);
enum proxy_tls_server_mode proxy_tls_context_mode(const struct proxy_tls_context *context);
void proxy_tls_context_free(struct proxy_tls_context *context); /* NULL is fine */

/* Reads the files again; when something is wrong with them it goes on with what it has. Any thread. */
ERR_CHECK enum err proxy_tls_context_reload(struct proxy_tls_context *context, char message[PROXY_TLS_MESSAGE]);

/* When the certificate that clients are shown expires, as it was read last; 0: its date cannot be read. Any thread. */
struct wall proxy_tls_context_expires(struct proxy_tls_context *context);

/* A client's connection that begins to speak TLS now. ERR_NO_MEMORY. The socket stays the caller's. */
ERR_CHECK enum err proxy_tls_accept(struct proxy_tls_context *context, int fd, struct proxy_tls **ret_tls);

/* A server's connection that begins to speak TLS now. */
ERR_CHECK enum err proxy_tls_connect(struct proxy_tls_context *context, int fd, const struct view_address *address,
                                     struct proxy_tls **ret_tls);
void proxy_tls_free(struct proxy_tls *tls); /* NULL is fine */

/* One step. ERR_UNAVAILABLE: at the next event again. ERR_TLS, ERR_CERTIFICATE: it failed, the peer has been told;
 * `message` says why. ERR_CLOSED. */
ERR_CHECK enum err proxy_tls_handshake(struct proxy_tls *tls, char message[PROXY_TLS_MESSAGE]);
bool proxy_tls_ready(const struct proxy_tls *tls);

/* Like recv(2) and send(2) on a non-blocking socket: -1 and errno (EAGAIN, ECONNRESET), 0 at the end; fewer bytes sent
 * than wanted means that no more can be sent now, fewer received means nothing. `peek` leaves the bytes, as many as
 * there are, for the next call. What send has not taken must be what is sent next. */
ssize_t proxy_tls_recv(struct proxy_tls *tls, void *memory, size_t size, bool peek);
ssize_t proxy_tls_send(struct proxy_tls *tls, const void *data, size_t size);

/* Behind a call that received: whether another may bring something without an event. */
bool proxy_tls_more(const struct proxy_tls *tls);

/* Whether part of a record waits to be sent: nothing else can be said before that. */
bool proxy_tls_stuck(const struct proxy_tls *tls);

/* Says goodbye, if that is possible at once. */
void proxy_tls_shutdown(struct proxy_tls *tls);

/* ---- once it is ready ---- */

/* Whether the client has asked for PostgreSQL by ALPN. */
bool proxy_tls_alpn(const struct proxy_tls *tls);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384", and the name that the client asked for (SNI); "" when it named none. */
void proxy_tls_describe(const struct proxy_tls *tls, char text[PROXY_TLS_MESSAGE]);
const char *proxy_tls_server_name(const struct proxy_tls *tls);

/* tls-server-end-point (RFC 5929): the hash of our certificate. Empty when its signature has none. */
struct span proxy_tls_binding(const struct proxy_tls *tls, uint8_t memory[PG_SCRAM_SERVE_BINDING]);

/* Whether the client has shown a certificate that `ca` vouches for, and its common name. */
bool proxy_tls_peer(const struct proxy_tls *tls, char name[PROXY_TLS_NAME]);
