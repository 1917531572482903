/* SPDX-License-Identifier: Apache-2.0
 * What a client says to prove to the proxy who it is, and what it is told: one talk, without its connection.
 *
 * The method follows from the verifier that is kept of the role: SCRAM-SHA-256 (wire/pg_scram_serve.h), or md5 when the
 * verifier is one of md5. A role that is not there, or has no password, is asked like one with a SCRAM verifier, and
 * whatever it says is wrong. A proof that is right leaves in a struct proxy_learn what logs the client in at any server
 * of the cluster. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy_learn.h"
#include "wire/pg_scram_serve.h"

enum {
    PROXY_PROOF_REPLY = 2 * PG_SCRAM_SERVE_MESSAGE, /* bytes of what is said to the client at once */
};

enum proxy_proof_stage {
    PROXY_PROOF_FIRST, /* the client chooses a mechanism and says its first message */
    PROXY_PROOF_FINAL, /* and its last */
    PROXY_PROOF_MD5,
    PROXY_PROOF_DONE,
};

struct proxy_proof {
    enum proxy_proof_stage stage;
    struct pg_scram_serve serve;
    uint8_t salt[4]; /* MD5 */
    char hash[PG_SCRAM_MD5 + 1];
    uint8_t binding_size; /* 0: there is no channel to bind to */
    uint8_t binding[PG_SCRAM_SERVE_BINDING];
};

/* `verifier` is pg_authid.rolpassword; empty: there is none. `secret` is the same for all talks of a process. `binding`
 * is the hash of our certificate where the connection is encrypted (proxy_tls_binding), else empty. Appends the
 * AuthenticationRequest to send. */
void proxy_proof_begin(struct proxy_proof *proof, struct span role, struct span verifier,
                       const uint8_t secret[PG_SCRAM_SERVE_SECRET], struct span binding, struct buf *request);

/* The body of the client's password message; appends what to answer, the last time with AuthenticationOk, and then
 * `ret_learn` has the key. Errors are those of pg_scram_serve.h: ERR_AUTH is the wrong password. */
ERR_CHECK enum err proxy_proof_answer(struct proxy_proof *proof, struct span body, struct buf *reply,
                                      struct proxy_learn *ret_learn);

/* Wipes it; fine on a zeroed struct. */
void proxy_proof_free(struct proxy_proof *proof);
