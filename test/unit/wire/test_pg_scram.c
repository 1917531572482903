/* SPDX-License-Identifier: Apache-2.0
 * Tests of SCRAM-SHA-256: the RFC's example, keys that are learnt by listening, log-ins with them, malformed input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "wire/pg_scram.h"

/* RFC 7677, section 3: user "user", password "pencil". */
#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL                                                                                                   \
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_FINAL "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

#define SALT    "W22ZaJ0SNY7soEsUEjb6gQ=="
#define NONCE   "rOprNGfwEbeRWgbNEkqOabcd"
#define FIRST_2 "r=" NONCE "0123456789,s=" SALT ",i=4096"

/* What PostgreSQL keeps of a password: computed here, from the password, as the RFC says. */
static void make(const char *password, char *text, size_t size)
{
    uint8_t salt[18];
    uint8_t salted[PG_SCRAM_KEY];
    uint8_t key[PG_SCRAM_KEY];
    uint8_t stored[PG_SCRAM_KEY];
    uint8_t server[PG_SCRAM_KEY];
    char stored_text[48];
    char server_text[48];
    unsigned length = 0;
    const int salt_size = EVP_DecodeBlock(salt, (const uint8_t *)SALT, (int)strlen(SALT)) - 2;
    ASSERT(PKCS5_PBKDF2_HMAC(password, -1, salt, salt_size, 4096, EVP_sha256(), sizeof salted, salted) == 1);
    ASSERT(HMAC(EVP_sha256(), salted, sizeof salted, (const uint8_t *)"Client Key", 10, key, &length) != NULL);
    ASSERT(EVP_Digest(key, sizeof key, stored, &length, EVP_sha256(), NULL) == 1);
    ASSERT(HMAC(EVP_sha256(), salted, sizeof salted, (const uint8_t *)"Server Key", 10, server, &length) != NULL);
    EVP_EncodeBlock((uint8_t *)stored_text, stored, sizeof stored);
    EVP_EncodeBlock((uint8_t *)server_text, server, sizeof server);
    struct buf buf;
    buf_init(&buf, text, size);
    buf_printf(&buf, "SCRAM-SHA-256$4096:" SALT "$%s:%s", stored_text, server_text);
    ASSERT(!buf.overflow);
}

static void parse(const char *password, struct pg_scram_verifier *verifier)
{
    char text[PG_SCRAM_VERIFIER];
    make(password, text, sizeof text);
    assert_int_equal(pg_scram_verifier_parse(span_text(text), verifier), ERR_OK);
    assert_int_equal(verifier->iterations, 4096);
}

static void hear(struct pg_scram_talk *talk)
{
    assert_int_equal(pg_scram_hear_client_first(talk, span_text(CLIENT_FIRST)), ERR_OK);
    assert_int_equal(pg_scram_hear_server_first(talk, span_text(SERVER_FIRST)), ERR_OK);
    assert_int_equal(pg_scram_hear_client_final(talk, span_text(CLIENT_FINAL)), ERR_OK);
}

static void test_key_is_learnt_by_listening(void **state)
{
    (void)state;
    struct pg_scram_verifier verifier;
    struct pg_scram_talk talk;
    struct pg_scram_key key;
    parse("pencil", &verifier);
    hear(&talk);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &key), ERR_OK);
    assert_int_equal(pg_scram_login_verify(&talk, span_text(SERVER_FINAL), &key), ERR_OK);
}

static void test_another_password_gives_no_key(void **state)
{
    (void)state;
    struct pg_scram_verifier verifier;
    struct pg_scram_talk talk;
    struct pg_scram_key key;
    parse("pencils", &verifier);
    hear(&talk);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &key), ERR_AUTH);
}

/* A log-in with the key, judged as a server judges it: by listening with the verifier. */
static void test_log_in_with_the_key(void **state)
{
    (void)state;
    struct pg_scram_verifier verifier;
    struct pg_scram_talk talk;
    struct pg_scram_talk heard;
    struct pg_scram_key key;
    struct pg_scram_key again;
    uint8_t memory[PG_SCRAM_PART * 2];
    struct buf message;
    parse("pencil", &verifier);
    hear(&talk);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &key), ERR_OK);

    buf_init(&message, memory, sizeof memory);
    pg_scram_login_first(&talk, NONCE, &message);
    assert_string_equal(buf_string(&message), "n,,n=,r=" NONCE);
    assert_int_equal(pg_scram_hear_client_first(&heard, span_of(message.data, message.size)), ERR_OK);
    assert_int_equal(pg_scram_hear_server_first(&heard, span_text(FIRST_2)), ERR_OK);
    buf_reset(&message);
    assert_int_equal(pg_scram_login_final(&talk, span_text(FIRST_2), &key, &message), ERR_OK);
    assert_false(message.overflow);
    assert_int_equal(pg_scram_hear_client_final(&heard, span_of(message.data, message.size)), ERR_OK);
    assert_int_equal(pg_scram_key_find(&heard, &verifier, &again), ERR_OK);
    assert_memory_equal(&again, &key, sizeof key);
    assert_int_equal(pg_scram_login_verify(&talk, span_text(SERVER_FINAL), &key), ERR_AUTH); /* of another talk */
}

static void test_a_server_that_answers_another_nonce(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "r=",
        "r=" NONCE ",s=" SALT ",i=4096", /* nothing of its own */
        "r=X" NONCE "0123,s=" SALT ",i=4096",
        "x=" NONCE "0123,s=" SALT ",i=4096",
        "r=" NONCE "0123",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pg_scram_talk talk;
        const struct pg_scram_key key = {.client_key = {1}};
        uint8_t memory[PG_SCRAM_PART];
        struct buf message;
        buf_init(&message, memory, sizeof memory);
        pg_scram_login_first(&talk, NONCE, &message);
        assert_int_equal(pg_scram_login_final(&talk, span_text(bad[i]), &key, &message), ERR_PROTOCOL);
        assert_false(talk.proved);
    }
}

static void test_malformed_verifiers(void **state)
{
    (void)state;
    char good[PG_SCRAM_VERIFIER];
    make("pencil", good, sizeof good);
    struct pg_scram_verifier verifier;
    for (size_t size = 0; size < strlen(good); size++) {
        assert_int_equal(pg_scram_verifier_parse(span_of(good, size), &verifier), ERR_INVALID);
    }
    static const char *const bad[] = {"md5d0bdd8e6c1c2a0b1ec1d1a2d7f1a4d5c", "SCRAM-SHA-1$4096:a$b:c",
                                      "SCRAM-SHA-256$0:a$b:c"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pg_scram_verifier_parse(span_text(bad[i]), &verifier), ERR_INVALID);
    }
    good[strlen(good) - 3] = '!';
    assert_int_equal(pg_scram_verifier_parse(span_text(good), &verifier), ERR_INVALID);
}

static void test_channel_binding_is_left_alone(void **state)
{
    (void)state;
    struct pg_scram_talk talk;
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text("p=tls-server-end-point,,n=,r=abc")), ERR_UNSUPPORTED);
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text("n,a=other,n=,r=abc")), ERR_UNSUPPORTED);
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text("y,,n=,r=abc")), ERR_OK);
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text("n,")), ERR_PROTOCOL);
}

static void test_messages_out_of_order_and_cut(void **state)
{
    (void)state;
    struct pg_scram_talk talk = {.proved = false};
    struct pg_scram_key key;
    struct pg_scram_verifier verifier;
    parse("pencil", &verifier);
    assert_int_equal(pg_scram_hear_server_first(&talk, span_text(SERVER_FIRST)), ERR_PROTOCOL);
    assert_int_equal(pg_scram_hear_client_final(&talk, span_text(CLIENT_FINAL)), ERR_PROTOCOL);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &key), ERR_PROTOCOL);
    hear(&talk);
    assert_int_equal(pg_scram_hear_client_final(&talk, span_text(CLIENT_FINAL)), ERR_PROTOCOL); /* said already */
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text(CLIENT_FIRST)), ERR_OK);
    assert_int_equal(pg_scram_hear_server_first(&talk, span_text(SERVER_FIRST)), ERR_OK);
    for (size_t size = 0; size < strlen(CLIENT_FINAL); size++) {
        assert_int_equal(pg_scram_hear_client_final(&talk, span_of(CLIENT_FINAL, size)), ERR_PROTOCOL);
    }
    char large[PG_SCRAM_PART + 8];
    memset(large, 'a', sizeof large);
    assert_int_equal(pg_scram_hear_server_first(&talk, span_of(large, sizeof large)), ERR_TOO_LARGE);
}

/* PostgreSQL documentation: concat('md5', md5(concat(md5(concat(password, username)), random-salt))). */
static void test_md5(void **state)
{
    (void)state;
    const uint8_t salt[4] = {'s', 'a', 'l', 't'};
    char answer[PG_SCRAM_MD5 + 1];
    /* md5("secret" || "ann"), then md5(that || "salt"), by md5sum(1). */
    const enum err err = pg_scram_md5_answer(span_text("md59d792a3a8853c2411afb9163d088c036"), salt, answer);
    assert_int_equal(err, ERR_OK);
    assert_string_equal(answer, "md5b8f5ba9f485dba302ec0963f7ee9ba8f");
    assert_int_equal(pg_scram_md5_answer(span_text("md5short"), salt, answer), ERR_INVALID);
    assert_int_equal(pg_scram_md5_answer(span_text("sha9d792a3a8853c2411afb9163d088c036"), salt, answer), ERR_INVALID);
}

/* A password gives the key that the RFC's talk proves. */
static void test_the_password_itself(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "r=abc",
                                      "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==",
                                      "r=abc,s=W22,i=1",

                                      "r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
                                      "r=abc,i=1,s=W22ZaJ0SNY7soEsUEjb6gQ=="};
    struct pg_scram_verifier verifier;
    struct pg_scram_talk talk;
    struct pg_scram_key heard;
    struct pg_scram_key derived;
    parse("pencil", &verifier);
    hear(&talk);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &heard), ERR_OK);
    assert_int_equal(pg_scram_key_derive(span_text(SERVER_FIRST), span_text("pencil"), &derived), ERR_OK);
    assert_memory_equal(&derived, &heard, sizeof heard);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(pg_scram_key_derive(span_text(bad[i]), span_text("pencil"), &derived), ERR_PROTOCOL);
    }
    assert_int_equal(
        pg_scram_key_derive(span_text("r=abc,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=9999999"), span_text("pencil"), &derived),
        ERR_TOO_LARGE);
    char stored[PG_SCRAM_MD5 + 1];
    assert_int_equal(pg_scram_md5_make(span_text("secret"), span_text("ann"), stored), ERR_OK);
    assert_string_equal(stored, "md59d792a3a8853c2411afb9163d088c036");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_is_learnt_by_listening),
        cmocka_unit_test(test_another_password_gives_no_key),
        cmocka_unit_test(test_log_in_with_the_key),
        cmocka_unit_test(test_a_server_that_answers_another_nonce),
        cmocka_unit_test(test_malformed_verifiers),
        cmocka_unit_test(test_channel_binding_is_left_alone),
        cmocka_unit_test(test_messages_out_of_order_and_cut),
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_the_password_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
