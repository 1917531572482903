/* SPDX-License-Identifier: Apache-2.0
 * What a client says to prove who it is. */
#include "proxy/proxy_proof.h"

#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "base/assert.h"
#include "wire/pg_message.h"

enum {
    PROXY_PROOF_PART = PG_SCRAM_SERVE_MESSAGE,
};

static void proxy_proof_ask_md5(struct proxy_proof *proof, struct span verifier, struct buf *request)
{
    proof->stage = PROXY_PROOF_MD5;
    memcpy(proof->hash, verifier.data, PG_SCRAM_MD5);
    const ssize_t got = getrandom(proof->salt, sizeof proof->salt, 0);
    ASSERT(got == (ssize_t)sizeof proof->salt);
    pg_message_authentication_write(request, PG_MESSAGE_AUTH_MD5, span_of(proof->salt, sizeof proof->salt));
}

static void proxy_proof_ask_sasl(struct proxy_proof *proof, struct buf *request)
{
    static const char mechanisms[] = PG_SCRAM_SERVE_PLUS "\0" PG_SCRAM_MECHANISM "\0"; /* ends with an empty name */
    const size_t skip = proof->binding_size > 0 ? 0 : sizeof PG_SCRAM_SERVE_PLUS;
    proof->stage = PROXY_PROOF_FIRST;
    pg_message_authentication_write(request, PG_MESSAGE_AUTH_SASL,
                                    span_of(mechanisms + skip, sizeof mechanisms - skip));
}

void proxy_proof_begin(struct proxy_proof *proof, struct span role, struct span verifier,
                       const uint8_t secret[PG_SCRAM_SERVE_SECRET], struct span binding, struct buf *request)
{
    static const uint8_t salt[4] = {0};
    char answer[PG_SCRAM_MD5 + 1];
    struct pg_scram_verifier parsed;
    ASSERT(binding.size <= PG_SCRAM_SERVE_BINDING);
    *proof = (struct proxy_proof){.stage = PROXY_PROOF_FIRST, .binding_size = (uint8_t)binding.size};
    if (binding.size > 0) {
        memcpy(proof->binding, binding.data, binding.size);
    }
    if (pg_scram_md5_answer(verifier, salt, answer) == ERR_OK) {
        proxy_proof_ask_md5(proof, verifier, request);
        return;
    }
    if (pg_scram_verifier_parse(verifier, &parsed) == ERR_OK) {
        pg_scram_serve_begin(&proof->serve, &parsed);
        explicit_bzero(&parsed, sizeof parsed);
    } else {
        pg_scram_serve_doom(&proof->serve, role, secret);
    }
    proxy_proof_ask_sasl(proof, request);
}

/* False: it was not offered. */
static bool proxy_proof_chosen(const struct proxy_proof *proof, struct span mechanism,
                               enum pg_scram_serve_choice *ret_choice)
{
    const bool bound = proof->binding_size > 0;
    if (span_is(mechanism, PG_SCRAM_MECHANISM)) {
        *ret_choice = bound ? PG_SCRAM_SERVE_PLAIN : PG_SCRAM_SERVE_ONLY;
        return true;
    }
    *ret_choice = PG_SCRAM_SERVE_BOUND;
    return bound && span_is(mechanism, PG_SCRAM_SERVE_PLUS);
}

static enum err proxy_proof_first(struct proxy_proof *proof, struct span body, struct buf *reply)
{
    struct span mechanism;
    struct span data;
    char nonce[PG_SCRAM_NONCE + 1];
    uint8_t memory[PROXY_PROOF_PART];
    struct buf first;
    enum pg_scram_serve_choice choice;
    if (pg_message_sasl_initial_parse(body, &mechanism, &data) != ERR_OK ||
        !proxy_proof_chosen(proof, mechanism, &choice)) {
        return ERR_PROTOCOL;
    }
    proxy_learn_nonce(nonce);
    buf_init(&first, memory, sizeof memory);
    const enum err err = pg_scram_serve_first(&proof->serve, data, choice, nonce, &first);
    if (err == ERR_OK) {
        proof->stage = PROXY_PROOF_FINAL;
        pg_message_authentication_write(reply, PG_MESSAGE_AUTH_SASL_CONTINUE, span_of(first.data, first.size));
    }
    return err;
}

static enum err proxy_proof_final(struct proxy_proof *proof, struct span body, struct buf *reply,
                                  struct proxy_learn *ret_learn)
{
    uint8_t memory[PROXY_PROOF_PART];
    struct buf final;
    struct pg_scram_key key;
    buf_init(&final, memory, sizeof memory);
    const size_t binding = proof->serve.choice == PG_SCRAM_SERVE_BOUND ? proof->binding_size : 0;
    const enum err err = pg_scram_serve_final(&proof->serve, body, span_of(proof->binding, binding), &final, &key);
    if (err != ERR_OK) {
        return err;
    }
    pg_message_authentication_write(reply, PG_MESSAGE_AUTH_SASL_FINAL, span_of(final.data, final.size));
    ret_learn->method = PROXY_LEARN_SCRAM;
    ret_learn->key = key;
    ret_learn->found = true;
    explicit_bzero(&key, sizeof key);
    return ERR_OK;
}

/* The answer is a string with its terminator. */
static enum err proxy_proof_md5(const struct proxy_proof *proof, struct span body, struct proxy_learn *ret_learn)
{
    char right[PG_SCRAM_MD5 + 1];
    const enum err err = pg_scram_md5_answer(span_of(proof->hash, PG_SCRAM_MD5), proof->salt, right);
    if (err != ERR_OK) {
        return err;
    }
    if (body.size == 0 || body.data[body.size - 1] != 0) {
        return ERR_PROTOCOL;
    }
    if (body.size != sizeof right || CRYPTO_memcmp(body.data, right, sizeof right) != 0) {
        return ERR_AUTH;
    }
    ret_learn->method = PROXY_LEARN_MD5;
    memcpy(ret_learn->hash, proof->hash, sizeof ret_learn->hash);
    ret_learn->found = true;
    return ERR_OK;
}

enum err proxy_proof_answer(struct proxy_proof *proof, struct span body, struct buf *reply,
                            struct proxy_learn *ret_learn)
{
    enum err err = ERR_PROTOCOL;
    switch (proof->stage) {
    case PROXY_PROOF_FIRST:
        return proxy_proof_first(proof, body, reply);
    case PROXY_PROOF_FINAL:
        err = proxy_proof_final(proof, body, reply, ret_learn);
        break;
    case PROXY_PROOF_MD5:
        err = proxy_proof_md5(proof, body, ret_learn);
        break;
    case PROXY_PROOF_DONE:
        break;
    }
    if (err == ERR_OK) {
        proof->stage = PROXY_PROOF_DONE;
        pg_message_authentication_write(reply, PG_MESSAGE_AUTH_OK, span_of(NULL, 0));
    }
    return err;
}

void proxy_proof_free(struct proxy_proof *proof)
{
    explicit_bzero(proof, sizeof *proof);
}
