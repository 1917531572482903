/* SPDX-License-Identifier: Apache-2.0
 * The first packet of a PostgreSQL connection: what the client wants, before any typed message.
 *
 * A packet is a 32-bit length that counts itself, a 32-bit code, and what the code says (PostgreSQL documentation,
 * "Message Formats": StartupMessage, SSLRequest, GSSENCRequest, CancelRequest). Spans point into the caller's bytes.
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    PG_STARTUP_LIMIT = 10000,      /* bytes of a packet; PostgreSQL's own MAX_STARTUP_PACKET_LENGTH */
    PG_STARTUP_PARAMETERS = 64,    /* name/value pairs of one packet */
    PG_STARTUP_SECRET = 256,       /* bytes of a cancel secret: 4 until protocol 3.0, up to 256 from 3.2 on */
    PG_STARTUP_SECRET_MINIMUM = 4, /* protocol 3.0 */
};

enum pg_startup_kind {
    PG_STARTUP_SESSION, /* StartupMessage 3.x */
    PG_STARTUP_SSL,     /* SSLRequest: one byte is the answer, then another packet comes */
    PG_STARTUP_GSSENC,  /* GSSENCRequest: likewise */
    PG_STARTUP_CANCEL,  /* CancelRequest: no answer, the connection ends */
};

struct pg_startup {
    enum pg_startup_kind kind;
    uint16_t major; /* protocol version of a SESSION */
    uint16_t minor;
    struct span user;     /* never empty in a SESSION */
    struct span database; /* the user's name when the packet has none */
    struct span application_name;
    struct span replication; /* empty: an ordinary session */
    struct span parameters;  /* all pairs as they came, without the final zero */
    uint32_t cancel_pid;
    struct span cancel_secret;
};

/* The size of the packet that begins with these bytes; 0 while fewer than four are there. ERR_TOO_LARGE beyond the
 * limit, ERR_PROTOCOL when it cannot be a start-up packet (TLS hello, HTTP, ...): drop the connection. */
ERR_CHECK enum err pg_startup_measure(struct span bytes, uint32_t *ret_size);

/* Reads one whole packet. ERR_PROTOCOL: malformed. ERR_UNSUPPORTED: a protocol other than 3.x; tell the client. */
ERR_CHECK enum err pg_startup_parse(struct span packet, struct pg_startup *ret_startup);

/* Appends a StartupMessage with the same version and parameters but another database name. */
void pg_startup_write(struct buf *buf, const struct pg_startup *startup, const char *database);

/* The same for a client whom we answer ourselves: version 3.0, and no options of the protocol. */
void pg_startup_plain_write(struct buf *buf, const struct pg_startup *startup);

/* Appends a NegotiateProtocolVersion when the client asks for more than 3.0: a newer version, or options of the
 * protocol. False: it does not. */
bool pg_startup_negotiate_write(struct buf *buf, const struct pg_startup *startup);

/* Appends an SSLRequest. */
void pg_startup_ssl_write(struct buf *buf);

/* Appends a CancelRequest. */
void pg_startup_cancel_write(struct buf *buf, uint32_t pid, struct span secret);
