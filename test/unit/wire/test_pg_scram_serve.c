/* SPDX-License-Identifier: Apache-2.0
 * Tests of SCRAM-SHA-256 from the server's side: the RFC's example, channel binding, roles that are not there, and what
 * malformed or dishonest clients get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "wire/pg_scram_serve.h"

/* RFC 7677, section 3: user "user", password "pencil". */
#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define BARE         "n=user,r=" CLIENT_NONCE
#define SERVER_FIRST "r=" CLIENT_NONCE SERVER_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define CLIENT_FINAL "c=biws,r=" CLIENT_NONCE SERVER_NONCE "," PROOF
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
/* Of the same password and salt (the keys of fuzz/corpus/pg_scram/rfc7677). */
#define VERIFIER                                                                                                       \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                        \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

struct desk {
    struct pg_scram_serve serve;
    struct pg_scram_key key;
    uint8_t memory[PG_SCRAM_SERVE_MESSAGE];
    struct buf answer;
};

static void desk_open(struct desk *desk)
{
    struct pg_scram_verifier verifier;
    assert_int_equal(pg_scram_verifier_parse(span_text(VERIFIER), &verifier), ERR_OK);
    assert_string_equal(verifier.salt, "W22ZaJ0SNY7soEsUEjb6gQ==");
    pg_scram_serve_begin(&desk->serve, &verifier);
    buf_init(&desk->answer, desk->memory, sizeof desk->memory);
}

static enum err desk_first(struct desk *desk, const char *message, enum pg_scram_serve_choice choice)
{
    buf_reset(&desk->answer);
    return pg_scram_serve_first(&desk->serve, span_text(message), choice, SERVER_NONCE, &desk->answer);
}

static enum err desk_final(struct desk *desk, const char *message, struct span binding)
{
    buf_reset(&desk->answer);
    return pg_scram_serve_final(&desk->serve, span_text(message), binding, &desk->answer, &desk->key);
}

static void test_the_example_of_the_rfc(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    assert_int_equal(desk_first(&desk, "n,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
    assert_string_equal(buf_string(&desk.answer), SERVER_FIRST);
    assert_int_equal(desk_final(&desk, CLIENT_FINAL, span_of(NULL, 0)), ERR_OK);
    assert_string_equal(buf_string(&desk.answer), SERVER_FINAL);
    uint8_t stored[PG_SCRAM_KEY];
    unsigned size = 0;
    assert_int_equal(EVP_Digest(desk.key.client_key, PG_SCRAM_KEY, stored, &size, EVP_sha256(), NULL), 1);
    assert_memory_equal(stored, desk.serve.verifier.stored_key, PG_SCRAM_KEY);
    assert_memory_equal(desk.key.server_key, desk.serve.verifier.server_key, PG_SCRAM_KEY);
}

static void test_a_wrong_password_and_a_role_that_is_not_there(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk);
    desk.serve.verifier.stored_key[0] ^= 1;
    assert_int_equal(desk_first(&desk, "n,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
    assert_int_equal(desk_final(&desk, CLIENT_FINAL, span_of(NULL, 0)), ERR_AUTH);
    assert_int_equal(desk.answer.size, 0);

    const uint8_t secret[PG_SCRAM_SERVE_SECRET] = {7};
    char salts[3][PG_SCRAM_SALT + 1];
    static const char *const roles[] = {"nobody", "nobody", "somebody"};
    for (size_t i = 0; i < 3; i++) {
        pg_scram_serve_doom(&desk.serve, span_text(roles[i]), secret);
        memcpy(salts[i], desk.serve.verifier.salt, sizeof salts[i]);
        assert_int_equal(strlen(salts[i]), 24); /* as PostgreSQL's */
        assert_int_equal(desk_first(&desk, "n,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
        assert_non_null(strstr(buf_string(&desk.answer), ",i=4096"));
        assert_int_equal(desk_final(&desk, CLIENT_FINAL, span_of(NULL, 0)), ERR_AUTH);
        assert_int_equal(desk.answer.size, 0);
    }
    assert_string_equal(salts[0], salts[1]);
    assert_string_not_equal(salts[0], salts[2]);
}

/* What a client with the RFC's password says last, computed from the password as the RFC says. */
static void prove(const char *echo, const char *nonce, char *text, size_t size)
{
    uint8_t salt[18];
    uint8_t salted[PG_SCRAM_KEY];
    uint8_t key[PG_SCRAM_KEY];
    uint8_t stored[PG_SCRAM_KEY];
    uint8_t signature[PG_SCRAM_KEY];
    unsigned length = 0;
    char message[1024];
    char proof[PG_SCRAM_PROOF + 1];
    const int salt_size = EVP_DecodeBlock(salt, (const uint8_t *)"W22ZaJ0SNY7soEsUEjb6gQ==", 24) - 2;
    ASSERT(PKCS5_PBKDF2_HMAC("pencil", -1, salt, salt_size, 4096, EVP_sha256(), sizeof salted, salted) == 1);
    ASSERT(HMAC(EVP_sha256(), salted, sizeof salted, (const uint8_t *)"Client Key", 10, key, &length) != NULL);
    ASSERT(EVP_Digest(key, sizeof key, stored, &length, EVP_sha256(), NULL) == 1);
    const int count = snprintf(message, sizeof message, "%s,%s,c=%s,r=%s", BARE, SERVER_FIRST, echo, nonce);
    ASSERT(count > 0 && (size_t)count < sizeof message);
    ASSERT(HMAC(EVP_sha256(), stored, sizeof stored, (const uint8_t *)message, (size_t)count, signature, &length) !=
           NULL);
    for (size_t i = 0; i < sizeof key; i++) {
        signature[i] ^= key[i];
    }
    EVP_EncodeBlock((uint8_t *)proof, signature, sizeof signature);
    snprintf(text, size, "c=%s,r=%s,p=%s", echo, nonce, proof);
}

/* In base64 what the client repeats: its header, and the hash of the certificate it sees. */
static void echo_of(const char *header, struct span binding, char *echo)
{
    uint8_t said[PG_SCRAM_SERVE_HEADER + PG_SCRAM_SERVE_BINDING];
    memcpy(said, header, strlen(header));
    if (binding.size > 0) {
        memcpy(said + strlen(header), binding.data, binding.size);
    }
    EVP_EncodeBlock((uint8_t *)echo, said, (int)(strlen(header) + binding.size));
}

static void test_channel_binding(void **state)
{
    (void)state;
    uint8_t hash[PG_SCRAM_KEY] = {1, 2, 3};
    uint8_t other[PG_SCRAM_KEY] = {1, 2, 4};
    const struct {
        const char *header;
        enum pg_scram_serve_choice choice;
        enum err first;
        struct span binding; /* what the client has seen */
        enum err final;
    } rows[] = {
        {"p=tls-server-end-point,,", PG_SCRAM_SERVE_BOUND, ERR_OK, span_of(hash, sizeof hash), ERR_OK},
        {"p=tls-server-end-point,,", PG_SCRAM_SERVE_BOUND, ERR_OK, span_of(other, sizeof other), ERR_CONFLICT},
        {"p=tls-server-end-point,,", PG_SCRAM_SERVE_BOUND, ERR_OK, span_of(NULL, 0), ERR_CONFLICT},
        {"p=tls-server-end-point,,", PG_SCRAM_SERVE_PLAIN, ERR_PROTOCOL, {NULL, 0}, ERR_OK},
        {"p=tls-server-end-point,,", PG_SCRAM_SERVE_ONLY, ERR_PROTOCOL, {NULL, 0}, ERR_OK},
        {"p=tls-unique,,", PG_SCRAM_SERVE_BOUND, ERR_UNSUPPORTED, {NULL, 0}, ERR_OK},
        {"p=,,", PG_SCRAM_SERVE_BOUND, ERR_UNSUPPORTED, {NULL, 0}, ERR_OK},
        {"n,,", PG_SCRAM_SERVE_BOUND, ERR_PROTOCOL, {NULL, 0}, ERR_OK},
        {"y,,", PG_SCRAM_SERVE_BOUND, ERR_PROTOCOL, {NULL, 0}, ERR_OK},
        {"y,,", PG_SCRAM_SERVE_PLAIN, ERR_CONFLICT, {NULL, 0}, ERR_OK}, /* somebody took our offer away */
        {"y,,", PG_SCRAM_SERVE_ONLY, ERR_OK, {NULL, 0}, ERR_OK},
        {"n,,", PG_SCRAM_SERVE_PLAIN, ERR_OK, {NULL, 0}, ERR_OK},
        {"n,a=admin,", PG_SCRAM_SERVE_ONLY, ERR_UNSUPPORTED, {NULL, 0}, ERR_OK},
        {"x,,", PG_SCRAM_SERVE_ONLY, ERR_PROTOCOL, {NULL, 0}, ERR_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct desk desk;
        char text[512];
        char echo[256];
        desk_open(&desk);
        snprintf(text, sizeof text, "%s%s", rows[i].header, BARE);
        assert_int_equal(desk_first(&desk, text, rows[i].choice), rows[i].first);
        if (rows[i].first == ERR_OK) {
            echo_of(rows[i].header, rows[i].binding, echo);
            prove(echo, CLIENT_NONCE SERVER_NONCE, text, sizeof text);
            const struct span ours =
                rows[i].choice == PG_SCRAM_SERVE_BOUND ? span_of(hash, sizeof hash) : span_of(NULL, 0);
            assert_int_equal(desk_final(&desk, text, ours), rows[i].final);
        }
    }
}

/* A right proof over a header that was not said, or over another nonce: a talk that was tampered with. */
static void test_a_proof_of_another_talk(void **state)
{
    (void)state;
    struct desk desk;
    char text[512];
    desk_open(&desk);
    assert_int_equal(desk_first(&desk, "y,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
    prove("biws", CLIENT_NONCE SERVER_NONCE, text, sizeof text); /* "n,," */
    assert_int_equal(desk_final(&desk, text, span_of(NULL, 0)), ERR_PROTOCOL);
    static const char *const nonces[] = {CLIENT_NONCE, CLIENT_NONCE SERVER_NONCE "x", "x" CLIENT_NONCE SERVER_NONCE};
    for (size_t i = 0; i < 3; i++) {
        desk_open(&desk);
        assert_int_equal(desk_first(&desk, "n,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
        prove("biws", nonces[i], text, sizeof text);
        assert_int_equal(desk_final(&desk, text, span_of(NULL, 0)), ERR_PROTOCOL);
    }
}

static void test_malformed_messages(void **state)
{
    (void)state;
    static const char *const firsts[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,n=user,",
        "n,,r=abc",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,x=abc",
    };
    struct desk desk;
    for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
        desk_open(&desk);
        assert_int_equal(desk_first(&desk, firsts[i], PG_SCRAM_SERVE_ONLY), ERR_PROTOCOL);
        assert_int_equal(desk.answer.size, 0);
    }
    desk_open(&desk);
    assert_int_equal(desk_first(&desk, "n,,m=ext,n=user,r=abc", PG_SCRAM_SERVE_ONLY), ERR_UNSUPPORTED);
    desk_open(&desk);
    assert_int_equal(desk_first(&desk, "n,,n=user,r=abc,extra=1", PG_SCRAM_SERVE_ONLY), ERR_OK);
    assert_int_equal(strncmp(buf_string(&desk.answer), "r=abc" SERVER_NONCE ",s=", strlen("r=abc" SERVER_NONCE ",s=")),
                     0);
    char large[PG_SCRAM_SERVE_MESSAGE];
    memset(large, 'a', sizeof large);
    memcpy(large, "n,,n=,r=", 8);
    for (size_t size = PG_SCRAM_PART - PG_SCRAM_NONCE; size < sizeof large; size += 8) {
        desk_open(&desk);
        buf_reset(&desk.answer);
        const enum err err =
            pg_scram_serve_first(&desk.serve, span_of(large, size), PG_SCRAM_SERVE_ONLY, SERVER_NONCE, &desk.answer);
        assert_true(err == ERR_TOO_LARGE || (err == ERR_OK && size < PG_SCRAM_PART));
    }
    for (size_t size = 0; size < strlen(CLIENT_FINAL); size++) {
        desk_open(&desk);
        assert_int_equal(desk_first(&desk, "n,," BARE, PG_SCRAM_SERVE_ONLY), ERR_OK);
        buf_reset(&desk.answer);
        assert_int_not_equal(
            pg_scram_serve_final(&desk.serve, span_of(CLIENT_FINAL, size), span_of(NULL, 0), &desk.answer, &desk.key),
            ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_example_of_the_rfc),
        cmocka_unit_test(test_a_wrong_password_and_a_role_that_is_not_there),
        cmocka_unit_test(test_channel_binding),
        cmocka_unit_test(test_a_proof_of_another_talk),
        cmocka_unit_test(test_malformed_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
