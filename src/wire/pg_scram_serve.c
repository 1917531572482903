/* SPDX-License-Identifier: Apache-2.0
 * SCRAM-SHA-256 as a server speaks it. */
#include "wire/pg_scram_serve.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/cursor.h"

enum {
    PG_SCRAM_SERVE_SALT = 16, /* bytes of a salt that is made up, as PostgreSQL's */
    PG_SCRAM_SERVE_ECHO = 4 * ((PG_SCRAM_SERVE_HEADER + PG_SCRAM_SERVE_BINDING + 2) / 3), /* in base64 */
};

#define PG_SCRAM_SERVE_BOUND_FLAG "p=tls-server-end-point"

void pg_scram_serve_begin(struct pg_scram_serve *serve, const struct pg_scram_verifier *verifier)
{
    *serve = (struct pg_scram_serve){.verifier = *verifier};
}

void pg_scram_serve_doom(struct pg_scram_serve *serve, struct span role, const uint8_t secret[PG_SCRAM_SERVE_SECRET])
{
    *serve = (struct pg_scram_serve){.doomed = true};
    uint8_t hash[PG_SCRAM_KEY];
    unsigned size = 0;
    const uint8_t *done =
        HMAC(EVP_sha256(), secret, PG_SCRAM_SERVE_SECRET, role.data != NULL ? role.data : hash, role.size, hash, &size);
    ASSERT(done != NULL && size == sizeof hash);
    serve->verifier.iterations = PG_SCRAM_SERVE_ITERATIONS;
    const int length = EVP_EncodeBlock((uint8_t *)serve->verifier.salt, hash, PG_SCRAM_SERVE_SALT);
    ASSERT(length > 0 && length <= PG_SCRAM_SALT);
    OPENSSL_cleanse(hash, sizeof hash);
}

static enum err pg_scram_serve_part(struct pg_scram_part *part, const struct buf *text)
{
    if (text->overflow) {
        return ERR_TOO_LARGE;
    }
    part->size = (uint16_t)text->size;
    return ERR_OK;
}

/* What may be in a nonce (RFC 5802, section 7: printable). */
static bool pg_scram_serve_printable(struct span text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x21 || text.data[i] > 0x7e || text.data[i] == ',') {
            return false;
        }
    }
    return text.size > 0;
}

/* One attribute, "x=value", and the comma behind it if there is one. False: another one, or none. */
static bool pg_scram_serve_attribute(struct cursor *cursor, char name, struct span *ret_value)
{
    const struct span head = cursor_span(cursor, 2);
    if (!cursor_ok(cursor) || head.data[0] != (uint8_t)name || head.data[1] != '=') {
        return false;
    }
    const size_t left = cursor_left(cursor);
    const uint8_t *comma = left > 0 ? memchr(cursor->data + cursor->at, ',', left) : NULL;
    *ret_value = comma != NULL ? cursor_until(cursor, ',') : cursor_span(cursor, left);
    return cursor_ok(cursor);
}

/* The GS2 header: what the client says of channel binding, and for whom it wants to speak. */
static enum err pg_scram_serve_header(struct pg_scram_serve *serve, struct cursor *cursor)
{
    const struct span flag = cursor_until(cursor, ',');
    const struct span identity = cursor_until(cursor, ',');
    if (!cursor_ok(cursor)) {
        return ERR_PROTOCOL;
    }
    if (identity.size > 0) {
        return ERR_UNSUPPORTED;
    }
    const size_t size = cursor->at;
    if (size > sizeof serve->header) {
        return ERR_TOO_LARGE;
    }
    memcpy(serve->header, cursor->data, size);
    serve->header_size = (uint8_t)size;
    if (span_is(flag, "n")) {
        return serve->choice == PG_SCRAM_SERVE_BOUND ? ERR_PROTOCOL : ERR_OK;
    }
    if (span_is(flag, "y")) {
        return serve->choice == PG_SCRAM_SERVE_BOUND   ? ERR_PROTOCOL
               : serve->choice == PG_SCRAM_SERVE_PLAIN ? ERR_CONFLICT
                                                       : ERR_OK;
    }
    if (flag.size < 2 || memcmp(flag.data, "p=", 2) != 0 || serve->choice != PG_SCRAM_SERVE_BOUND) {
        return ERR_PROTOCOL;
    }
    return span_is(flag, PG_SCRAM_SERVE_BOUND_FLAG) ? ERR_OK : ERR_UNSUPPORTED;
}

/* Both nonces, one behind the other. */
static enum err pg_scram_serve_nonce(struct pg_scram_serve *serve, struct span theirs, const char *ours)
{
    struct buf both;
    buf_init(&both, serve->nonce.data, sizeof serve->nonce.data);
    buf_bytes(&both, theirs.data, theirs.size);
    buf_text(&both, ours);
    return pg_scram_serve_part(&serve->nonce, &both);
}

/* What the client said behind its header. The role is that of the start-up packet, whatever is said here. */
static enum err pg_scram_serve_bare(struct pg_scram_serve *serve, struct span bare, const char *nonce)
{
    struct cursor cursor;
    struct span name;
    struct span theirs;
    cursor_init(&cursor, bare.data, bare.size);
    if (bare.size >= 2 && memcmp(bare.data, "m=", 2) == 0) {
        return ERR_UNSUPPORTED;
    }
    if (!pg_scram_serve_attribute(&cursor, 'n', &name) || !pg_scram_serve_attribute(&cursor, 'r', &theirs) ||
        !pg_scram_serve_printable(theirs)) {
        return ERR_PROTOCOL;
    }
    struct buf first;
    buf_init(&first, serve->talk.client_first.data, sizeof serve->talk.client_first.data);
    buf_bytes(&first, bare.data, bare.size);
    const enum err err = pg_scram_serve_part(&serve->talk.client_first, &first);
    return err == ERR_OK ? pg_scram_serve_nonce(serve, theirs, nonce) : err;
}

enum err pg_scram_serve_first(struct pg_scram_serve *serve, struct span message, enum pg_scram_serve_choice choice,
                              const char *nonce, struct buf *answer)
{
    ASSERT(nonce[0] != 0 && serve->talk.client_first.size == 0);
    struct cursor cursor;
    cursor_init(&cursor, message.data, message.size);
    serve->choice = choice;
    enum err err = pg_scram_serve_header(serve, &cursor);
    if (err == ERR_OK) {
        err = pg_scram_serve_bare(serve, cursor_span(&cursor, cursor_left(&cursor)), nonce);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct buf first;
    buf_init(&first, serve->talk.server_first.data, sizeof serve->talk.server_first.data);
    buf_text(&first, "r=");
    buf_bytes(&first, serve->nonce.data, serve->nonce.size);
    buf_printf(&first, ",s=%s,i=%u", serve->verifier.salt, serve->verifier.iterations);
    err = pg_scram_serve_part(&serve->talk.server_first, &first);
    if (err == ERR_OK) {
        buf_bytes(answer, first.data, first.size);
    }
    return err;
}

/* The client repeats its header, and when it is bound what it is bound to: both in base64. */
static bool pg_scram_serve_echoed(const struct pg_scram_serve *serve, struct span echo, struct span binding)
{
    uint8_t memory[PG_SCRAM_SERVE_HEADER + PG_SCRAM_SERVE_BINDING];
    uint8_t text[PG_SCRAM_SERVE_ECHO + 1];
    struct buf said;
    buf_init(&said, memory, sizeof memory);
    buf_bytes(&said, serve->header, serve->header_size);
    buf_bytes(&said, binding.data, binding.size);
    ASSERT(!said.overflow);
    const int size = EVP_EncodeBlock(text, said.data, (int)said.size);
    ASSERT(size > 0 && size <= PG_SCRAM_SERVE_ECHO);
    return span_equal(echo, span_of(text, (size_t)size));
}

enum err pg_scram_serve_final(struct pg_scram_serve *serve, struct span message, struct span binding,
                              struct buf *answer, struct pg_scram_key *ret_key)
{
    ASSERT(binding.size <= PG_SCRAM_SERVE_BINDING);
    ASSERT((binding.size > 0) == (serve->choice == PG_SCRAM_SERVE_BOUND));
    enum err err = pg_scram_hear_client_final(&serve->talk, message);
    if (err != ERR_OK) {
        return err;
    }
    const struct pg_scram_part *final = &serve->talk.client_final;
    struct cursor cursor;
    struct span echo;
    struct span nonce;
    cursor_init(&cursor, final->data, final->size);
    if (!pg_scram_serve_attribute(&cursor, 'c', &echo) || !pg_scram_serve_attribute(&cursor, 'r', &nonce) ||
        !span_equal(nonce, span_of(serve->nonce.data, serve->nonce.size))) {
        return ERR_PROTOCOL;
    }
    if (!pg_scram_serve_echoed(serve, echo, binding)) {
        return serve->choice == PG_SCRAM_SERVE_BOUND ? ERR_CONFLICT : ERR_PROTOCOL;
    }
    struct pg_scram_key key;
    err = pg_scram_key_find(&serve->talk, &serve->verifier, &key);
    if (err == ERR_OK && serve->doomed) {
        err = ERR_AUTH;
    }
    if (err == ERR_OK) {
        pg_scram_prove(&serve->talk, &serve->verifier, answer);
        *ret_key = key;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return err;
}
