/* SPDX-License-Identifier: Apache-2.0
 * SCRAM-SHA-256 as PostgreSQL speaks it, for a relay that must be able to log in again for a client that has logged in.
 *
 * Three things (RFC 5802, RFC 7677; PostgreSQL documentation, "SASL Authentication"):
 * - the verifier that a server keeps of a role (pg_authid.rolpassword):
 * SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey;
 * - a talk, the messages that passed between a client and the server that accepted it. The verifier alone opens nothing
 *   and neither does the talk; both together give the ClientKey, which logs in wherever the same verifier is kept:
 *   ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage);
 * - a log-in of our own with that key, by the same struct: first, final, verify.
 *
 * No channel binding here: it would tie the client to the server's certificate. The server's side, for a proxy that
 * authenticates clients itself, is pg_scram_serve.h. Nonces come from the caller. Whoever owns keys or talks wipes them
 * (explicit_bzero). Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define PG_SCRAM_MECHANISM "SCRAM-SHA-256"

enum {
    PG_SCRAM_KEY = 32,
    PG_SCRAM_NONCE = 24,     /* characters of a nonce of ours */
    PG_SCRAM_PART = 320,     /* bytes of one message of a talk: nonces of both sides are 24 characters in practice */
    PG_SCRAM_VERIFIER = 320, /* bytes of a verifier's text */
    PG_SCRAM_ITERATIONS = 10 * 1000 * 1000,
    PG_SCRAM_DERIVE = 100 * 1000, /* iterations that we do ourselves */
    PG_SCRAM_MD5 = 35,            /* "md5" and 32 hexadecimal digits */
    PG_SCRAM_SALT = 128,          /* characters of a salt in base64; PostgreSQL's has 24 */
    PG_SCRAM_PROOF = 44,          /* characters of a key in base64: 4 * ceil(32 / 3) */
};

struct pg_scram_verifier {
    uint32_t iterations;
    char salt[PG_SCRAM_SALT + 1]; /* as it is sent: base64 */
    uint8_t stored_key[PG_SCRAM_KEY];
    uint8_t server_key[PG_SCRAM_KEY];
};

/* What logs in for a role: kept as long as the session it belongs to. */
struct pg_scram_key {
    uint8_t client_key[PG_SCRAM_KEY];
    uint8_t server_key[PG_SCRAM_KEY];
};

struct pg_scram_part {
    uint16_t size;
    uint8_t data[PG_SCRAM_PART];
};

/* The parts of the AuthMessage, in order, and the proof. */
struct pg_scram_talk {
    struct pg_scram_part client_first; /* bare: without the GS2 header */
    struct pg_scram_part server_first;
    struct pg_scram_part client_final; /* without the proof */
    uint8_t proof[PG_SCRAM_KEY];
    bool proved;
};

/* ERR_INVALID: not such a verifier (an md5 hash, nothing, another mechanism). */
ERR_CHECK enum err pg_scram_verifier_parse(struct span text, struct pg_scram_verifier *ret_verifier);

/* ---- listening: the three messages in the order in which they passed ----
 * ERR_UNSUPPORTED: channel binding. ERR_TOO_LARGE. ERR_PROTOCOL: malformed, or out of order. */
ERR_CHECK enum err pg_scram_hear_client_first(struct pg_scram_talk *talk, struct span message);
ERR_CHECK enum err pg_scram_hear_server_first(struct pg_scram_talk *talk, struct span message);
ERR_CHECK enum err pg_scram_hear_client_final(struct pg_scram_talk *talk, struct span message);

/* The key of the client that was heard. ERR_PROTOCOL: the talk is not complete. ERR_AUTH: the proof does not belong to
 * this verifier (the password has changed, or it was wrong). */
ERR_CHECK enum err pg_scram_key_find(const struct pg_scram_talk *talk, const struct pg_scram_verifier *verifier,
                                     struct pg_scram_key *ret_key);

/* Appends the server's last word, "v=" and its signature of the talk, which the client's proof has completed. */
void pg_scram_prove(const struct pg_scram_talk *talk, const struct pg_scram_verifier *verifier, struct buf *message);

/* ---- the password itself, in printable ASCII: other characters would have to be prepared (SASLprep) ---- */

/* The key for a log-in at the server that has said `server_first`. ERR_PROTOCOL: it is malformed. ERR_TOO_LARGE: more
 * iterations than PG_SCRAM_DERIVE. */
ERR_CHECK enum err pg_scram_key_derive(struct span server_first, struct span password, struct pg_scram_key *ret_key);

/* "md5" and the hash that a server keeps of a role's password. */
ERR_CHECK enum err pg_scram_md5_make(struct span password, struct span role, char ret_stored[PG_SCRAM_MD5 + 1]);

/* ---- logging in: each step appends the message to send ---- */

/* `nonce`: PG_SCRAM_NONCE random characters of base64. */
void pg_scram_login_first(struct pg_scram_talk *talk, const char *nonce, struct buf *message);

/* The server's first message has come. ERR_PROTOCOL, ERR_TOO_LARGE: drop the connection. */
ERR_CHECK enum err pg_scram_login_final(struct pg_scram_talk *talk, struct span server_first,
                                        const struct pg_scram_key *key, struct buf *message);

/* The server's last message. ERR_AUTH: whoever answered does not know the verifier: drop the connection. */
ERR_CHECK enum err pg_scram_login_verify(const struct pg_scram_talk *talk, struct span server_final,
                                         const struct pg_scram_key *key);

/* The older method: `stored` is "md5" and the hash as pg_authid has it. ERR_INVALID: it is not. */
ERR_CHECK enum err pg_scram_md5_answer(struct span stored, const uint8_t salt[4], char ret_answer[PG_SCRAM_MD5 + 1]);
