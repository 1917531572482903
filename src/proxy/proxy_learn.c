/* SPDX-License-Identifier: Apache-2.0
 * How a client has logged in, and the same log-in again. */
#include "proxy/proxy_learn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "wire/pg_message.h"
#include "wire/pg_scram_make.h"

static void proxy_learn_talk_free(struct proxy_learn *learn)
{
    if (learn->talk != NULL) {
        explicit_bzero(learn->talk, sizeof *learn->talk);
        free(learn->talk);
        learn->talk = NULL;
    }
}

void proxy_learn_free(struct proxy_learn *learn)
{
    proxy_learn_talk_free(learn);
    if (learn->password != NULL) {
        explicit_bzero(learn->password, strlen(learn->password));
        free(learn->password);
    }
    explicit_bzero(learn, sizeof *learn);
}

bool proxy_learn_copy(const struct proxy_learn *from, struct proxy_learn *ret_copy)
{
    char *password = from->password != NULL ? strdup(from->password) : NULL;
    if (from->password != NULL && password == NULL) {
        return false;
    }
    *ret_copy = *from;
    ret_copy->talk = NULL;
    ret_copy->password = password;
    return true;
}

static void proxy_learn_foreign(struct proxy_learn *learn)
{
    proxy_learn_free(learn);
    learn->method = PROXY_LEARN_FOREIGN;
}

/* ---- listening ---- */

void proxy_learn_request(struct proxy_learn *learn, struct span body)
{
    uint32_t code = 0;
    struct span rest;
    if (pg_message_authentication_parse(body, &code, &rest) != ERR_OK) {
        proxy_learn_foreign(learn);
        return;
    }
    switch (code) {
    case PG_MESSAGE_AUTH_OK:
    case PG_MESSAGE_AUTH_SASL_FINAL:
        break;
    case PG_MESSAGE_AUTH_PLAIN:
        learn->method = PROXY_LEARN_PLAIN;
        break;
    case PG_MESSAGE_AUTH_MD5:
        learn->method = PROXY_LEARN_MD5;
        break;
    case PG_MESSAGE_AUTH_SASL:
        learn->method = PROXY_LEARN_SCRAM;
        break;
    case PG_MESSAGE_AUTH_SASL_CONTINUE:
        if (learn->talk == NULL || pg_scram_hear_server_first(learn->talk, rest) != ERR_OK) {
            proxy_learn_foreign(learn);
        }
        break;
    default:
        proxy_learn_foreign(learn);
        break;
    }
}

static bool proxy_learn_scram(struct proxy_learn *learn, struct span body)
{
    if (learn->talk != NULL) {
        return pg_scram_hear_client_final(learn->talk, body) == ERR_OK;
    }
    struct span mechanism;
    struct span data;
    if (pg_message_sasl_initial_parse(body, &mechanism, &data) != ERR_OK || !span_is(mechanism, PG_SCRAM_MECHANISM)) {
        return false;
    }
    learn->talk = calloc(1, sizeof *learn->talk);
    return learn->talk != NULL && pg_scram_hear_client_first(learn->talk, data) == ERR_OK;
}

static bool proxy_learn_plain(struct proxy_learn *learn, struct span body)
{
    const bool string = body.size > 0 && body.size <= PROXY_LEARN_PASSWORD && body.data[body.size - 1] == 0;
    if (!string || learn->password != NULL) {
        return false;
    }
    learn->password = malloc(body.size);
    if (learn->password == NULL) {
        return false;
    }
    memcpy(learn->password, body.data, body.size);
    return true;
}

void proxy_learn_answer(struct proxy_learn *learn, struct span body)
{
    bool good = false;
    switch (learn->method) {
    case PROXY_LEARN_SCRAM:
        good = proxy_learn_scram(learn, body);
        break;
    case PROXY_LEARN_PLAIN:
        good = proxy_learn_plain(learn, body);
        break;
    case PROXY_LEARN_MD5:
        good = true;
        break;
    case PROXY_LEARN_TRUST:
    case PROXY_LEARN_FOREIGN:
        break;
    }
    if (!good) {
        proxy_learn_foreign(learn);
    }
}

bool proxy_learn_wants(const struct proxy_learn *learn)
{
    const bool heard = learn->method == PROXY_LEARN_MD5 ||
                       (learn->method == PROXY_LEARN_SCRAM && learn->talk != NULL && learn->talk->proved);
    return heard && !learn->found;
}

enum err proxy_learn_verifier(struct proxy_learn *learn, struct span text)
{
    ASSERT(proxy_learn_wants(learn));
    if (learn->method == PROXY_LEARN_MD5) {
        const uint8_t salt[4] = {0};
        char answer[PG_SCRAM_MD5 + 1];
        if (pg_scram_md5_answer(text, salt, answer) != ERR_OK) {
            return ERR_INVALID;
        }
        memcpy(learn->hash, text.data, PG_SCRAM_MD5);
        learn->found = true;
        return ERR_OK;
    }
    struct pg_scram_verifier verifier;
    enum err err = pg_scram_verifier_parse(text, &verifier);
    if (err == ERR_OK) {
        err = pg_scram_key_find(learn->talk, &verifier, &learn->key);
    }
    explicit_bzero(&verifier, sizeof verifier);
    if (err == ERR_OK) {
        learn->found = true;
        proxy_learn_talk_free(learn);
    }
    return err;
}

void proxy_learn_password(struct proxy_learn *learn, const char *role, const char *password)
{
    char *copy = strdup(password);
    if (copy == NULL) {
        return; /* what was learnt by the proof is still there */
    }
    proxy_learn_free(learn);
    learn->method = PROXY_LEARN_PLAIN;
    learn->password = copy;
    learn->found = pg_scram_md5_make(span_text(password), span_text(role), learn->hash) == ERR_OK;
}

enum err proxy_learn_verifier_make(const char *password, char ret_text[PG_SCRAM_VERIFIER])
{
    uint8_t salt[PG_SCRAM_MAKE_SALT];
    const ssize_t got = getrandom(salt, sizeof salt, 0);
    ASSERT(got == (ssize_t)sizeof salt);
    return pg_scram_make_verifier(password, salt, ret_text);
}

bool proxy_learn_complete(const struct proxy_learn *learn, const char **ret_why)
{
    switch (learn->method) {
    case PROXY_LEARN_TRUST:
    case PROXY_LEARN_PLAIN:
        return true;
    case PROXY_LEARN_SCRAM:
    case PROXY_LEARN_MD5:
        *ret_why = "the role's verifier is not known to the proxy, see its log";
        return learn->found;
    case PROXY_LEARN_FOREIGN:
        break;
    }
    *ret_why = "its way to log in cannot be repeated by the proxy";
    return false;
}

/* ---- logging in ---- */

void proxy_learn_nonce(char nonce[PG_SCRAM_NONCE + 1])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t random[PG_SCRAM_NONCE];
    const ssize_t got = getrandom(random, sizeof random, 0); /* up to 256 bytes never come in part (getrandom(2)) */
    ASSERT(got == (ssize_t)sizeof random);
    for (size_t i = 0; i < PG_SCRAM_NONCE; i++) {
        nonce[i] = alphabet[random[i] & 63];
    }
    nonce[PG_SCRAM_NONCE] = '\0';
}

static enum err proxy_learn_reply_first(struct proxy_learn *learn, struct span mechanisms, struct buf *message)
{
    const bool known = learn->password != NULL || (learn->method == PROXY_LEARN_SCRAM && learn->found);
    if (!known || !pg_message_mechanism_offered(mechanisms, PG_SCRAM_MECHANISM)) {
        return ERR_UNSUPPORTED;
    }
    proxy_learn_talk_free(learn);
    learn->talk = calloc(1, sizeof *learn->talk);
    if (learn->talk == NULL) {
        return ERR_NO_MEMORY;
    }
    char nonce[PG_SCRAM_NONCE + 1];
    uint8_t memory[PG_SCRAM_PART];
    struct buf first;
    proxy_learn_nonce(nonce);
    buf_init(&first, memory, sizeof memory);
    pg_scram_login_first(learn->talk, nonce, &first);
    pg_message_sasl_initial_write(message, PG_SCRAM_MECHANISM, span_of(first.data, first.size));
    return ERR_OK;
}

static enum err proxy_learn_reply_final(struct proxy_learn *learn, struct span server_first, struct buf *message)
{
    uint8_t memory[2 * PG_SCRAM_PART];
    struct buf final;
    buf_init(&final, memory, sizeof memory);
    if (learn->talk == NULL || learn->talk->proved) {
        return ERR_PROTOCOL;
    }
    enum err err = ERR_OK;
    if (learn->password != NULL) {
        err = pg_scram_key_derive(server_first, span_text(learn->password), &learn->key);
    }
    if (err == ERR_OK) {
        err = pg_scram_login_final(learn->talk, server_first, &learn->key, &final);
    }
    if (err == ERR_OK) {
        pg_message_sasl_write(message, span_of(final.data, final.size));
    }
    return err;
}

static enum err proxy_learn_reply_verify(struct proxy_learn *learn, struct span server_final)
{
    const enum err err =
        learn->talk != NULL ? pg_scram_login_verify(learn->talk, server_final, &learn->key) : ERR_PROTOCOL;
    proxy_learn_talk_free(learn);
    return err;
}

static enum err proxy_learn_reply_md5(const struct proxy_learn *learn, struct span salt, struct buf *message)
{
    char answer[PG_SCRAM_MD5 + 1];
    if (!(learn->method == PROXY_LEARN_MD5 || learn->method == PROXY_LEARN_PLAIN) || !learn->found) {
        return ERR_UNSUPPORTED;
    }
    const enum err err = pg_scram_md5_answer(span_text(learn->hash), salt.data, answer);
    if (err == ERR_OK) {
        pg_message_password_write(message, span_text(answer));
    }
    return err;
}

enum err proxy_learn_reply(struct proxy_learn *learn, struct span body, struct buf *message)
{
    uint32_t code = 0;
    struct span rest;
    const enum err err = pg_message_authentication_parse(body, &code, &rest);
    if (err != ERR_OK) {
        return err;
    }
    switch (code) {
    case PG_MESSAGE_AUTH_OK:
        /* A server that began a talk must have ended it: that is its own proof. */
        return learn->talk == NULL ? ERR_OK : ERR_AUTH;
    case PG_MESSAGE_AUTH_PLAIN:
        if (learn->password == NULL) {
            return ERR_UNSUPPORTED;
        }
        pg_message_password_write(message, span_text(learn->password));
        return ERR_OK;
    case PG_MESSAGE_AUTH_MD5:
        return proxy_learn_reply_md5(learn, rest, message);
    case PG_MESSAGE_AUTH_SASL:
        return proxy_learn_reply_first(learn, rest, message);
    case PG_MESSAGE_AUTH_SASL_CONTINUE:
        return proxy_learn_reply_final(learn, rest, message);
    case PG_MESSAGE_AUTH_SASL_FINAL:
        return proxy_learn_reply_verify(learn, rest);
    default:
        return ERR_UNSUPPORTED;
    }
}
