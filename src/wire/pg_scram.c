/* SPDX-License-Identifier: Apache-2.0
 * SCRAM-SHA-256 as PostgreSQL speaks it. */
#include "wire/pg_scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/cursor.h"

enum {
    PG_SCRAM_MD5_DIGITS = 32,
    PG_SCRAM_MD5_BYTES = 16,
};

static bool pg_scram_base64_character(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* Exactly one key: 43 characters and one '='. */
static bool pg_scram_key_decode(struct span text, uint8_t key[PG_SCRAM_KEY])
{
    if (text.size != PG_SCRAM_PROOF || text.data[text.size - 1] != '=') {
        return false;
    }
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (!pg_scram_base64_character(text.data[i])) {
            return false;
        }
    }
    uint8_t memory[PG_SCRAM_KEY + 1]; /* the padding decodes to a zero */
    const int size = EVP_DecodeBlock(memory, text.data, (int)text.size);
    if (size != (int)sizeof memory) {
        return false;
    }
    memcpy(key, memory, PG_SCRAM_KEY);
    return true;
}

static void pg_scram_key_encode(const uint8_t key[PG_SCRAM_KEY], uint8_t text[PG_SCRAM_PROOF + 1])
{
    const int size = EVP_EncodeBlock(text, key, PG_SCRAM_KEY);
    ASSERT(size == PG_SCRAM_PROOF);
}

static void pg_scram_hash(const uint8_t key[PG_SCRAM_KEY], uint8_t ret_hash[PG_SCRAM_KEY])
{
    unsigned size = 0;
    const int done = EVP_Digest(key, PG_SCRAM_KEY, ret_hash, &size, EVP_sha256(), NULL);
    ASSERT(done == 1 && size == PG_SCRAM_KEY);
}

static void pg_scram_append(struct buf *buf, const struct pg_scram_part *part)
{
    buf_bytes(buf, part->data, part->size);
}

/* HMAC(key, AuthMessage). */
static void pg_scram_sign(const struct pg_scram_talk *talk, const uint8_t key[PG_SCRAM_KEY],
                          uint8_t ret_signature[PG_SCRAM_KEY])
{
    uint8_t memory[3 * PG_SCRAM_PART + 2];
    struct buf message;
    buf_init(&message, memory, sizeof memory);
    pg_scram_append(&message, &talk->client_first);
    buf_u8(&message, ',');
    pg_scram_append(&message, &talk->server_first);
    buf_u8(&message, ',');
    pg_scram_append(&message, &talk->client_final);
    ASSERT(!message.overflow);
    unsigned size = 0;
    const uint8_t *done = HMAC(EVP_sha256(), key, PG_SCRAM_KEY, message.data, message.size, ret_signature, &size);
    ASSERT(done != NULL && size == PG_SCRAM_KEY);
}

static void pg_scram_exclusive_or(const uint8_t a[PG_SCRAM_KEY], const uint8_t b[PG_SCRAM_KEY],
                                  uint8_t ret_result[PG_SCRAM_KEY])
{
    for (size_t i = 0; i < PG_SCRAM_KEY; i++) {
        ret_result[i] = (uint8_t)(a[i] ^ b[i]);
    }
}

static enum err pg_scram_part_set(struct pg_scram_part *part, struct span text)
{
    if (text.size > sizeof part->data) {
        return ERR_TOO_LARGE;
    }
    if (text.size == 0) {
        return ERR_PROTOCOL;
    }
    memcpy(part->data, text.data, text.size);
    part->size = (uint16_t)text.size;
    return ERR_OK;
}

/* ---- the verifier ---- */

static bool pg_scram_number(struct span text, uint32_t *ret_number)
{
    uint64_t number = 0;
    if (text.size == 0 || text.size > 8) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *ret_number = (uint32_t)number;
    return number > 0 && number <= PG_SCRAM_ITERATIONS;
}

/* The salt is sent to clients: nothing but base64 may be in it. */
static bool pg_scram_salt(struct span text, char salt[PG_SCRAM_SALT + 1])
{
    if (text.size == 0 || text.size > PG_SCRAM_SALT) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (!pg_scram_base64_character(text.data[i]) && text.data[i] != '=') {
            return false;
        }
    }
    memcpy(salt, text.data, text.size);
    salt[text.size] = '\0';
    return true;
}

enum err pg_scram_verifier_parse(struct span text, struct pg_scram_verifier *ret_verifier)
{
    struct pg_scram_verifier verifier = {.iterations = 0};
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    const struct span mechanism = cursor_until(&cursor, '$');
    const struct span iterations = cursor_until(&cursor, ':');
    const struct span salt = cursor_until(&cursor, '$');
    const struct span stored_key = cursor_until(&cursor, ':');
    const struct span server_key = cursor_span(&cursor, cursor_left(&cursor));
    const bool good = cursor_ok(&cursor) && span_is(mechanism, PG_SCRAM_MECHANISM) &&
                      pg_scram_number(iterations, &verifier.iterations) && pg_scram_salt(salt, verifier.salt) &&
                      pg_scram_key_decode(stored_key, verifier.stored_key) &&
                      pg_scram_key_decode(server_key, verifier.server_key);
    if (good) {
        *ret_verifier = verifier;
    }
    OPENSSL_cleanse(&verifier, sizeof verifier);
    return good ? ERR_OK : ERR_INVALID;
}

/* ---- listening ---- */

enum err pg_scram_hear_client_first(struct pg_scram_talk *talk, struct span message)
{
    *talk = (struct pg_scram_talk){.proved = false};
    struct cursor cursor;
    cursor_init(&cursor, message.data, message.size);
    const struct span binding = cursor_until(&cursor, ',');
    const struct span authorization = cursor_until(&cursor, ',');
    const struct span bare = cursor_span(&cursor, cursor_left(&cursor));
    if (!cursor_ok(&cursor)) {
        return ERR_PROTOCOL;
    }
    /* "n": the client cannot bind channels; "y": it could, but the server did not offer it. */
    if (!(span_is(binding, "n") || span_is(binding, "y")) || authorization.size > 0) {
        return ERR_UNSUPPORTED;
    }
    return pg_scram_part_set(&talk->client_first, bare);
}

enum err pg_scram_hear_server_first(struct pg_scram_talk *talk, struct span message)
{
    if (talk->client_first.size == 0 || talk->proved) {
        return ERR_PROTOCOL;
    }
    return pg_scram_part_set(&talk->server_first, message);
}

enum err pg_scram_hear_client_final(struct pg_scram_talk *talk, struct span message)
{
    static const char mark[] = ",p=";
    const size_t tail = sizeof mark - 1 + PG_SCRAM_PROOF;
    if (talk->server_first.size == 0 || talk->proved || message.size <= tail) {
        return ERR_PROTOCOL;
    }
    const size_t cut = message.size - tail;
    const struct span proof = span_of(message.data + message.size - PG_SCRAM_PROOF, PG_SCRAM_PROOF);
    if (memcmp(message.data + cut, mark, sizeof mark - 1) != 0 || !pg_scram_key_decode(proof, talk->proof)) {
        return ERR_PROTOCOL;
    }
    const enum err err = pg_scram_part_set(&talk->client_final, span_of(message.data, cut));
    talk->proved = err == ERR_OK;
    return err;
}

enum err pg_scram_key_find(const struct pg_scram_talk *talk, const struct pg_scram_verifier *verifier,
                           struct pg_scram_key *ret_key)
{
    if (!talk->proved) {
        return ERR_PROTOCOL;
    }
    uint8_t signature[PG_SCRAM_KEY];
    uint8_t client_key[PG_SCRAM_KEY];
    uint8_t stored_key[PG_SCRAM_KEY];
    pg_scram_sign(talk, verifier->stored_key, signature);
    pg_scram_exclusive_or(talk->proof, signature, client_key);
    pg_scram_hash(client_key, stored_key);
    const bool good = CRYPTO_memcmp(stored_key, verifier->stored_key, PG_SCRAM_KEY) == 0;
    if (good) {
        memcpy(ret_key->client_key, client_key, PG_SCRAM_KEY);
        memcpy(ret_key->server_key, verifier->server_key, PG_SCRAM_KEY);
    }
    OPENSSL_cleanse(client_key, sizeof client_key);
    return good ? ERR_OK : ERR_AUTH;
}

void pg_scram_prove(const struct pg_scram_talk *talk, const struct pg_scram_verifier *verifier, struct buf *message)
{
    ASSERT(talk->proved);
    uint8_t signature[PG_SCRAM_KEY];
    uint8_t text[PG_SCRAM_PROOF + 1];
    pg_scram_sign(talk, verifier->server_key, signature);
    pg_scram_key_encode(signature, text);
    buf_text(message, "v=");
    buf_bytes(message, text, PG_SCRAM_PROOF);
}

/* ---- the password itself ---- */

static void pg_scram_hmac(const uint8_t key[PG_SCRAM_KEY], const char *text, uint8_t ret_hash[PG_SCRAM_KEY])
{
    unsigned size = 0;
    const uint8_t *done = HMAC(EVP_sha256(), key, PG_SCRAM_KEY, (const uint8_t *)text, strlen(text), ret_hash, &size);
    ASSERT(done != NULL && size == PG_SCRAM_KEY);
}

static void pg_scram_derive(struct span password, struct span salt, uint32_t iterations, struct pg_scram_key *ret_key)
{
    uint8_t salted[PG_SCRAM_KEY];
    const int done = PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.size, salt.data, (int)salt.size,
                                       (int)iterations, EVP_sha256(), sizeof salted, salted);
    ASSERT(done == 1);
    pg_scram_hmac(salted, "Client Key", ret_key->client_key);
    pg_scram_hmac(salted, "Server Key", ret_key->server_key);
    OPENSSL_cleanse(salted, sizeof salted);
}

/* "r=...,s=SALT,i=N". */
static enum err pg_scram_challenge(struct span server_first, uint8_t salt[PG_SCRAM_SALT], size_t *ret_salt_size,
                                   uint32_t *ret_iterations)
{
    struct cursor cursor;
    char checked[PG_SCRAM_SALT + 1];
    cursor_init(&cursor, server_first.data, server_first.size);
    (void)cursor_until(&cursor, ',');
    const struct span salt_name = cursor_span(&cursor, 2);
    const struct span text = cursor_until(&cursor, ',');
    const struct span count_name = cursor_span(&cursor, 2);
    const struct span count = cursor_span(&cursor, cursor_left(&cursor));
    if (!cursor_ok(&cursor) || !span_is(salt_name, "s=") || !span_is(count_name, "i=") ||
        !pg_scram_number(count, ret_iterations) || !pg_scram_salt(text, checked) || text.size % 4 != 0) {
        return ERR_PROTOCOL;
    }
    const int size = EVP_DecodeBlock(salt, text.data, (int)text.size);
    const size_t padding = (text.data[text.size - 1] == '=' ? 1U : 0U) + (text.data[text.size - 2] == '=' ? 1U : 0U);
    if (size <= (int)padding) {
        return ERR_PROTOCOL;
    }
    *ret_salt_size = (size_t)size - padding;
    return *ret_iterations <= PG_SCRAM_DERIVE ? ERR_OK : ERR_TOO_LARGE;
}

enum err pg_scram_key_derive(struct span server_first, struct span password, struct pg_scram_key *ret_key)
{
    uint8_t salt[PG_SCRAM_SALT];
    size_t salt_size = 0;
    uint32_t iterations = 0;
    const enum err err = pg_scram_challenge(server_first, salt, &salt_size, &iterations);
    if (err == ERR_OK) {
        pg_scram_derive(password, span_of(salt, salt_size), iterations, ret_key);
    }
    return err;
}

/* ---- logging in ---- */

void pg_scram_login_first(struct pg_scram_talk *talk, const char *nonce, struct buf *message)
{
    ASSERT(strlen(nonce) == PG_SCRAM_NONCE);
    *talk = (struct pg_scram_talk){.proved = false};
    struct buf bare;
    buf_init(&bare, talk->client_first.data, sizeof talk->client_first.data);
    buf_text(&bare, "n=,r="); /* PostgreSQL takes the role from the start-up packet */
    buf_text(&bare, nonce);
    ASSERT(!bare.overflow);
    talk->client_first.size = (uint16_t)bare.size;
    buf_text(message, "n,,");
    buf_bytes(message, bare.data, bare.size);
}

/* The server's nonce begins with ours and goes on. */
static enum err pg_scram_nonce(const struct pg_scram_talk *talk, struct span server_first, struct span *ret_nonce)
{
    struct cursor cursor;
    cursor_init(&cursor, server_first.data, server_first.size);
    const struct span kind = cursor_span(&cursor, 2);
    const struct span nonce = cursor_until(&cursor, ',');
    const struct span ours =
        span_of(talk->client_first.data + talk->client_first.size - PG_SCRAM_NONCE, PG_SCRAM_NONCE);
    if (!cursor_ok(&cursor) || !span_is(kind, "r=") || nonce.size <= ours.size ||
        memcmp(nonce.data, ours.data, ours.size) != 0) {
        return ERR_PROTOCOL;
    }
    *ret_nonce = nonce;
    return ERR_OK;
}

enum err pg_scram_login_final(struct pg_scram_talk *talk, struct span server_first, const struct pg_scram_key *key,
                              struct buf *message)
{
    struct span nonce;
    enum err err = pg_scram_nonce(talk, server_first, &nonce);
    if (err == ERR_OK) {
        err = pg_scram_part_set(&talk->server_first, server_first);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct buf bare;
    buf_init(&bare, talk->client_final.data, sizeof talk->client_final.data);
    buf_text(&bare, "c=biws,r="); /* base64 of "n,," */
    buf_bytes(&bare, nonce.data, nonce.size);
    if (bare.overflow) {
        return ERR_TOO_LARGE;
    }
    talk->client_final.size = (uint16_t)bare.size;
    uint8_t stored_key[PG_SCRAM_KEY];
    uint8_t signature[PG_SCRAM_KEY];
    uint8_t text[PG_SCRAM_PROOF + 1];
    pg_scram_hash(key->client_key, stored_key);
    pg_scram_sign(talk, stored_key, signature);
    pg_scram_exclusive_or(key->client_key, signature, talk->proof);
    talk->proved = true;
    pg_scram_key_encode(talk->proof, text);
    buf_bytes(message, bare.data, bare.size);
    buf_text(message, ",p=");
    buf_bytes(message, text, PG_SCRAM_PROOF);
    return ERR_OK;
}

enum err pg_scram_login_verify(const struct pg_scram_talk *talk, struct span server_final,
                               const struct pg_scram_key *key)
{
    if (!talk->proved || server_final.size != 2 + PG_SCRAM_PROOF || memcmp(server_final.data, "v=", 2) != 0) {
        return ERR_AUTH;
    }
    uint8_t told[PG_SCRAM_KEY];
    uint8_t signature[PG_SCRAM_KEY];
    if (!pg_scram_key_decode(span_of(server_final.data + 2, PG_SCRAM_PROOF), told)) {
        return ERR_AUTH;
    }
    pg_scram_sign(talk, key->server_key, signature);
    return CRYPTO_memcmp(told, signature, PG_SCRAM_KEY) == 0 ? ERR_OK : ERR_AUTH;
}

/* ---- the older method ---- */

static bool pg_scram_md5_valid(struct span stored)
{
    bool good = stored.size == PG_SCRAM_MD5 && memcmp(stored.data, "md5", 3) == 0;
    for (size_t i = 3; good && i < stored.size; i++) {
        const uint8_t c = stored.data[i];
        good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    }
    return good;
}

/* "md5" and the hash of two texts, one behind the other. */
static enum err pg_scram_md5_text(struct span first, struct span second, char ret_text[PG_SCRAM_MD5 + 1])
{
    uint8_t hash[PG_SCRAM_MD5_BYTES];
    unsigned size = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool done = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
                      EVP_DigestUpdate(context, first.data, first.size) == 1 &&
                      EVP_DigestUpdate(context, second.data, second.size) == 1 &&
                      EVP_DigestFinal_ex(context, hash, &size) == 1;
    EVP_MD_CTX_free(context);
    if (!done) {
        return ERR_INVALID; /* a library that is not allowed to compute it (FIPS) */
    }
    struct buf text;
    buf_init(&text, ret_text, PG_SCRAM_MD5 + 1);
    buf_text(&text, "md5");
    for (size_t i = 0; i < sizeof hash; i++) {
        buf_printf(&text, "%02x", hash[i]);
    }
    OPENSSL_cleanse(hash, sizeof hash);
    return ERR_OK;
}

enum err pg_scram_md5_make(struct span password, struct span role, char ret_stored[PG_SCRAM_MD5 + 1])
{
    return pg_scram_md5_text(password, role, ret_stored);
}

enum err pg_scram_md5_answer(struct span stored, const uint8_t salt[4], char ret_answer[PG_SCRAM_MD5 + 1])
{
    if (!pg_scram_md5_valid(stored)) {
        return ERR_INVALID;
    }
    return pg_scram_md5_text(span_of(stored.data + 3, PG_SCRAM_MD5_DIGITS), span_of(salt, 4), ret_answer);
}
