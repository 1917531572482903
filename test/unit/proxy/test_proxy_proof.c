/* SPDX-License-Identifier: Apache-2.0
 * Tests of what clients say to prove who they are: right and wrong passwords by SCRAM and md5, roles that are not
 * there, messages out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "proxy/proxy_proof.h"
#include "wire/pg_message.h"

/* Of the password "pencil" (RFC 7677), and what logs in with it. */
#define VERIFIER                                                                                                       \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                        \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define CLIENT_FIRST "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL                                                                                                   \
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define MD5 "md59d792a3a8853c2411afb9163d088c036"

static const uint8_t secret[PG_SCRAM_SERVE_SECRET] = {3, 1, 4};

struct desk {
    struct proxy_proof proof;
    struct proxy_learn learnt; /* by the proxy */
    struct proxy_learn client; /* plays the client */
    uint8_t memory[PROXY_PROOF_REPLY];
    struct buf said; /* to the client */
    uint8_t answer_memory[PROXY_PROOF_REPLY];
    struct buf answer; /* of the client */
};

static void desk_open(struct desk *desk, const char *verifier)
{
    *desk = (struct desk){.proof = {.stage = PROXY_PROOF_DONE}};
    buf_init(&desk->said, desk->memory, sizeof desk->memory);
    buf_init(&desk->answer, desk->answer_memory, sizeof desk->answer_memory);
    proxy_proof_begin(&desk->proof, span_text("user"), span_text(verifier), secret, span_of(NULL, 0), &desk->said);
}

static void desk_close(struct desk *desk)
{
    proxy_learn_free(&desk->learnt);
    proxy_learn_free(&desk->client);
    proxy_proof_free(&desk->proof);
}

/* The key that the RFC's password gives. */
static void know_the_password(struct proxy_learn *client)
{
    struct pg_scram_talk talk;
    struct pg_scram_verifier verifier;
    assert_int_equal(pg_scram_verifier_parse(span_text(VERIFIER), &verifier), ERR_OK);
    assert_int_equal(pg_scram_hear_client_first(&talk, span_text(CLIENT_FIRST)), ERR_OK);
    assert_int_equal(pg_scram_hear_server_first(&talk, span_text(SERVER_FIRST)), ERR_OK);
    assert_int_equal(pg_scram_hear_client_final(&talk, span_text(CLIENT_FINAL)), ERR_OK);
    assert_int_equal(pg_scram_key_find(&talk, &verifier, &client->key), ERR_OK);
    client->method = PROXY_LEARN_SCRAM;
    client->found = true;
}

/* The client answers the one message that was said, and the proxy hears it. */
static enum err turn(struct desk *desk)
{
    buf_reset(&desk->answer);
    assert_int_equal(proxy_learn_reply(&desk->client, span_of(desk->said.data + 5, desk->said.size - 5), &desk->answer),
                     ERR_OK);
    buf_reset(&desk->said);
    return proxy_proof_answer(&desk->proof, span_of(desk->answer.data + 5, desk->answer.size - 5), &desk->said,
                              &desk->learnt);
}

/* A log-in of the proxy's own side as the client: it ends with a key, the same as the client's. */
static void test_scram(void **state)
{
    (void)state;
    struct desk desk;
    desk_open(&desk, VERIFIER);
    assert_memory_equal(desk.said.data, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0", 24);
    know_the_password(&desk.client);
    assert_int_equal(turn(&desk), ERR_OK);
    assert_int_equal(desk.proof.stage, PROXY_PROOF_FINAL);
    assert_false(desk.learnt.found);
    assert_int_equal(turn(&desk), ERR_OK);
    assert_int_equal(desk.proof.stage, PROXY_PROOF_DONE);
    assert_true(desk.learnt.found);
    assert_int_equal(desk.learnt.method, PROXY_LEARN_SCRAM);
    assert_memory_equal(&desk.learnt.key, &desk.client.key, sizeof desk.client.key);
    /* Our own proof, and AuthenticationOk behind it. */
    const size_t first = 5 + 4 + 2 + PG_SCRAM_PROOF;
    assert_int_equal(desk.said.size, first + 9);
    assert_int_equal(proxy_learn_reply(&desk.client, span_of(desk.said.data + 5, first - 5), &desk.answer), ERR_OK);
    assert_memory_equal(desk.said.data + first, "R\0\0\0\x08\0\0\0\0", 9);
    assert_int_equal(proxy_proof_answer(&desk.proof, span_text("x"), &desk.said, &desk.learnt), ERR_PROTOCOL);
    desk_close(&desk);
}

static void test_wrong_passwords_and_no_role(void **state)
{
    (void)state;
    static const char *const verifiers[] = {VERIFIER, "", "SCRAM-SHA-256$nonsense", "md5short"};
    for (size_t i = 0; i < sizeof verifiers / sizeof verifiers[0]; i++) {
        struct desk desk;
        desk_open(&desk, verifiers[i]);
        assert_memory_equal(desk.said.data, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0", 24);
        know_the_password(&desk.client);
        desk.client.key.client_key[5] ^= i == 0 ? 1 : 0; /* a role that is not there refuses the right one too */
        assert_int_equal(turn(&desk), ERR_OK);
        assert_int_equal(turn(&desk), ERR_AUTH);
        assert_int_equal(desk.said.size, 0);
        assert_false(desk.learnt.found);
        desk_close(&desk);
    }
}

static void test_md5(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 3; wrong++) {
        struct desk desk;
        desk_open(&desk, MD5);
        assert_int_equal(desk.said.size, 13);
        assert_memory_equal(desk.said.data, "R\0\0\0\x0c\0\0\0\x05", 9);
        desk.client.method = PROXY_LEARN_MD5;
        desk.client.found = true;
        memcpy(desk.client.hash, MD5, sizeof MD5);
        desk.client.hash[9] = wrong == 1 ? '0' : desk.client.hash[9];
        if (wrong == 2) {
            assert_int_equal(proxy_proof_answer(&desk.proof, span_text("md5"), &desk.said, &desk.learnt), ERR_PROTOCOL);
        } else {
            assert_int_equal(turn(&desk), wrong == 0 ? ERR_OK : ERR_AUTH);
        }
        assert_int_equal(desk.learnt.found, wrong == 0);
        assert_int_equal(desk.learnt.found && memcmp(desk.learnt.hash, MD5, sizeof MD5) == 0, wrong == 0);
        desk_close(&desk);
    }
}

/* Over TLS both mechanisms are offered, and the one with channel binding may be chosen. */
static void test_offers_over_an_encrypted_connection(void **state)
{
    (void)state;
    static const uint8_t hash[PG_SCRAM_KEY] = {9};
    static const char *const firsts[] = {"n,,n=,r=abc", "y,,n=,r=abc", "p=tls-server-end-point,,n=,r=abc"};
    static const struct {
        const char *mechanism;
        enum err outcomes[3];
    } rows[] = {{"SCRAM-SHA-256", {ERR_OK, ERR_CONFLICT, ERR_PROTOCOL}},
                {"SCRAM-SHA-256-PLUS", {ERR_PROTOCOL, ERR_PROTOCOL, ERR_OK}}};
    for (size_t row = 0; row < 2; row++) {
        for (size_t i = 0; i < 3; i++) {
            struct desk desk;
            desk_open(&desk, VERIFIER);
            buf_reset(&desk.said);
            proxy_proof_begin(&desk.proof, span_text("user"), span_text(VERIFIER), secret, span_of(hash, sizeof hash),
                              &desk.said);
            assert_int_equal(desk.said.size, 43);
            assert_memory_equal(desk.said.data, "R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 43);
            pg_message_sasl_initial_write(&desk.answer, rows[row].mechanism, span_text(firsts[i]));
            buf_reset(&desk.said);
            assert_int_equal(proxy_proof_answer(&desk.proof, span_of(desk.answer.data + 5, desk.answer.size - 5),
                                                &desk.said, &desk.learnt),
                             rows[row].outcomes[i]);
            desk_close(&desk);
        }
    }
}

static void test_mechanisms_that_were_not_offered(void **state)
{
    (void)state;
    static const char *const mechanisms[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", "PLAIN", ""};
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        struct desk desk;
        desk_open(&desk, VERIFIER);
        pg_message_sasl_initial_write(&desk.answer, mechanisms[i], span_text(CLIENT_FIRST));
        buf_reset(&desk.said);
        assert_int_equal(proxy_proof_answer(&desk.proof, span_of(desk.answer.data + 5, desk.answer.size - 5),
                                            &desk.said, &desk.learnt),
                         ERR_PROTOCOL);
        assert_int_equal(desk.said.size, 0);
        desk_close(&desk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scram),
        cmocka_unit_test(test_wrong_passwords_and_no_role),
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_offers_over_an_encrypted_connection),
        cmocka_unit_test(test_mechanisms_that_were_not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
