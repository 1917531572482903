/* SPDX-License-Identifier: Apache-2.0
 * SCRAM-SHA-256 as a server speaks it: asks a client for the proof that belongs to a role's verifier.
 *
 * begin or doom, then first, then final (RFC 5802, RFC 7677; channel binding: RFC 5929, tls-server-end-point). What a
 * role without a verifier is asked is made up from its name and a secret, so that nobody learns from the questions
 * which roles there are: the same salt each time, the same work, and always the wrong password. A proof that is right
 * also gives the client's key, with which the same role logs in wherever the same verifier is kept (pg_scram.h).
 *
 * One owner, who wipes the struct (explicit_bzero). Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/pg_scram.h"

#define PG_SCRAM_SERVE_PLUS "SCRAM-SHA-256-PLUS"

enum {
    PG_SCRAM_SERVE_SECRET = 32,
    PG_SCRAM_SERVE_HEADER = 64,       /* bytes of a GS2 header: "p=tls-server-end-point,," has 24 */
    PG_SCRAM_SERVE_BINDING = 64,      /* bytes of a certificate's hash, SHA-512 at most */
    PG_SCRAM_SERVE_MESSAGE = 1024,    /* bytes of a message of ours or of the client's; PostgreSQL's own limit */
    PG_SCRAM_SERVE_ITERATIONS = 4096, /* of a role without a verifier: PostgreSQL's default */
};

/* What the client has chosen of what it was offered. */
enum pg_scram_serve_choice {
    PG_SCRAM_SERVE_ONLY,  /* SCRAM-SHA-256 was all there was: the connection is in clear */
    PG_SCRAM_SERVE_PLAIN, /* SCRAM-SHA-256, and the one with channel binding was offered as well */
    PG_SCRAM_SERVE_BOUND, /* SCRAM-SHA-256-PLUS */
};

struct pg_scram_serve {
    struct pg_scram_talk talk;
    struct pg_scram_verifier verifier;
    bool doomed; /* there is no right proof */
    enum pg_scram_serve_choice choice;
    uint8_t header_size;
    uint8_t header[PG_SCRAM_SERVE_HEADER]; /* as the client said it */
    struct pg_scram_part nonce;            /* of both */
};

void pg_scram_serve_begin(struct pg_scram_serve *serve, const struct pg_scram_verifier *verifier);
void pg_scram_serve_doom(struct pg_scram_serve *serve, struct span role, const uint8_t secret[PG_SCRAM_SERVE_SECRET]);

/* The client's first message; appends the answer. `nonce`: random characters of base64, PG_SCRAM_NONCE of them.
 * ERR_PROTOCOL, ERR_TOO_LARGE: malformed. ERR_UNSUPPORTED: another identity, an extension or binding that we do not
 * know. ERR_CONFLICT: the client could have bound the channel and was made to believe that we cannot: somebody is
 * between us. */
ERR_CHECK enum err pg_scram_serve_first(struct pg_scram_serve *serve, struct span message,
                                        enum pg_scram_serve_choice choice, const char *nonce, struct buf *answer);

/* The client's last message; appends the answer. `binding`: the hash of our certificate; empty unless BOUND.
 * ERR_PROTOCOL: malformed or of another talk. ERR_CONFLICT: the client is bound to another channel. ERR_AUTH: the wrong
 * password, or a role without one. */
ERR_CHECK enum err pg_scram_serve_final(struct pg_scram_serve *serve, struct span message, struct span binding,
                                        struct buf *answer, struct pg_scram_key *ret_key);
