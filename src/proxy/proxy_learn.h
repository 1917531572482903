/* SPDX-License-Identifier: Apache-2.0
 * How a client has logged in, learnt while the log-in passed, and the same log-in done again without the client.
 *
 * The server decides whom it lets in, by its own pg_hba.conf; the proxy only listens. Afterwards:
 *   trust           nothing is needed
 *   scram-sha-256   the talk and the role's verifier give the key (wire/pg_scram.h)
 *   md5             the stored hash is what the answer is made of
 *   password        the password itself has passed
 *   anything else   cannot be repeated
 * Secrets live as long as the session and are wiped with it. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/pg_scram.h"

enum {
    PROXY_LEARN_PASSWORD = 1000, /* bytes; PostgreSQL's own limit is near that */
};

enum proxy_learn_method {
    PROXY_LEARN_TRUST,
    PROXY_LEARN_SCRAM,
    PROXY_LEARN_MD5,
    PROXY_LEARN_PLAIN,
    PROXY_LEARN_FOREIGN,
};

struct proxy_learn {
    enum proxy_learn_method method;
    bool found;                 /* SCRAM, MD5: the key or hash is there */
    struct pg_scram_talk *talk; /* while it is needed: until the key is found, and during a log-in of ours */
    struct pg_scram_key key;
    char hash[PG_SCRAM_MD5 + 1];
    char *password; /* PLAIN; `key` and `hash` are then made of it */
};

/* Wipes it; fine on a zeroed struct. */
void proxy_learn_free(struct proxy_learn *learn);

/* What logs in, for a log-in of its own. False: out of memory. */
bool proxy_learn_copy(const struct proxy_learn *from, struct proxy_learn *ret_copy);

/* ---- listening ---- */

/* The body of an AuthenticationRequest that the client gets. */
void proxy_learn_request(struct proxy_learn *learn, struct span body);

/* The body of a password message that the server gets. */
void proxy_learn_answer(struct proxy_learn *learn, struct span body);

/* Whether a verifier is wanted now. */
bool proxy_learn_wants(const struct proxy_learn *learn);

/* The role's verifier is known. ERR_AUTH: it does not fit what was heard. ERR_INVALID: it is none. */
ERR_CHECK enum err proxy_learn_verifier(struct proxy_learn *learn, struct span text);

/* The password itself is known, from a file: whatever a server asks for can be answered. The client has proved it. */
void proxy_learn_password(struct proxy_learn *learn, const char *role, const char *password);

/* Whether the log-in can be done again; if not, why not, for people. */
bool proxy_learn_complete(const struct proxy_learn *learn, const char **ret_why);

/* The verifier of a password, with a random salt. ERR_INTERNAL: the library for it fails. */
ERR_CHECK enum err proxy_learn_verifier_make(const char *password, char ret_text[PG_SCRAM_VERIFIER]);

/* ---- logging in ---- */

/* PG_SCRAM_NONCE random characters of base64's alphabet. */
void proxy_learn_nonce(char nonce[PG_SCRAM_NONCE + 1]);

/* Answers one AuthenticationRequest: appends the message to send, if any. ERR_UNSUPPORTED: another method than that of
 * the first log-in. ERR_AUTH: the server does not know the verifier. ERR_PROTOCOL, ERR_TOO_LARGE, ERR_NO_MEMORY. */
ERR_CHECK enum err proxy_learn_reply(struct proxy_learn *learn, struct span body, struct buf *message);
