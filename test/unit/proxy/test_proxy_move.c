/* SPDX-License-Identifier: Apache-2.0
 * Tests of sessions that lose their server and go on with another one, over socket pairs. */
#include "proxy/proxy_move.h"
#include "session_bench.h"

#define SET   "Q\0\0\0\x0eSET a = 1\0"
#define NAMED "P\0\0\0\x0fs\0SHOW a\0\0\0"
#define TOLD_ONE                                                                                                       \
    "S\0\0\0\x0a"                                                                                                      \
    "a\0one\0"
#define TOLD_TWO                                                                                                       \
    "S\0\0\0\x0a"                                                                                                      \
    "a\0two\0"
#define TOLD_B                                                                                                         \
    "S\0\0\0\x08"                                                                                                      \
    "b\0x\0"

/* The fatal message comes in two pieces, cut at every byte: the client sees nothing of it. */
static void an_idle_session_hides_the_end_of_its_server(void **state)
{
    char memory[256];
    const size_t size = fatal(memory, sizeof memory, "57P01");
    assert_int_equal(teardown(state), 0);
    for (size_t cut = 0; cut <= size; cut++) {
        assert_int_equal(setup_keep(state), 0);
        struct bench *bench = *state;
        put(bench->server, memory, cut);
        pump(bench);
        if (bench->session->state == PROXY_SESSION_ACTIVE) {
            put(bench->server, memory + cut, size - cut);
            pump(bench);
        }
        assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
        char seen[16];
        assert_int_equal(got(bench->client, seen, sizeof seen), 0);
        assert_int_equal(teardown(state), 0);
    }
    assert_int_equal(setup_keep(state), 0);
}

/* A server that dies in the middle of a message: what came of it is for nobody. */
static void half_a_message_is_dropped_with_its_server(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->server, "A\0\0\0\x20"
                       "half");
    shutdown(bench->server, SHUT_WR);
    bench->session->server->end.hangup = true; /* as epoll says it */
    pump(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
    assert_int_equal(got(bench->client, memory, sizeof memory), 0);
}

/* What the last server had heard is said again, in order; what differs is told; the client's bytes follow. */
static void a_moved_session_goes_on(void **state)
{
    struct bench *bench = *state;
    char memory[256];
    PUT(bench->client, SET NAMED SYNC);
    pump(bench);
    (void)got(bench->server, memory, sizeof memory);
    PUT(bench->server, TOLD_ONE TOLD_B READY_I READY_I);
    pump(bench);
    (void)got(bench->client, memory, sizeof memory);
    shutdown(bench->server, SHUT_RDWR);
    pump(bench);
    PUT(bench->client, SELECT); /* waits */
    reconnect(bench);
    PUT(bench->server, AUTH_OK);
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_LOGIN);
    PUT(bench->server, TOLD_TWO TOLD_B READY_I);
    step(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof(SET NAMED SYNC) - 1);
    assert_memory_equal(memory, SET NAMED SYNC, sizeof(SET NAMED SYNC) - 1);
    PUT(bench->server, READY_I "1\0\0\0\4");
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_LOGIN);
    PUT(bench->server, READY_I);
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    step(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), sizeof TOLD_TWO - 1);
    assert_memory_equal(memory, TOLD_TWO, sizeof TOLD_TWO - 1);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    assert_int_equal(counter(bench, PROXY_METRICS_MOVED), 1);
}

static void a_statement_that_never_ran_is_sent_again(void **state)
{
    struct bench *bench = *state;
    char memory[256];
    PUT(bench->client, SELECT);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    put(bench->server, memory, 0);
    put(bench->server, memory, fatal(memory, sizeof memory, "57P01"));
    pump(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
    assert_int_equal(got(bench->client, memory, sizeof memory), 0);
    reconnect(bench);
    PUT(bench->server, AUTH_OK READY_I);
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    assert_memory_equal(memory, SELECT, sizeof SELECT - 1);
    assert_true(proxy_session_busy(bench->session));
    PUT(bench->server, COMPLETE READY_I);
    step(bench);
    assert_true(proxy_session_idle(bench->session));
    assert_int_equal(counter(bench, PROXY_METRICS_AGAIN), 1);
    assert_int_equal(counter(bench, PROXY_METRICS_OUTCOME_UNKNOWN), 0);
}

/* Likewise with statements under names of our own: they are prepared again first, and the client hears each answer
 * once.
 */
static void what_is_sent_again_is_renamed_again(void **state)
{
    static const char sent[] = "P\0\0\0\x18holdfast_1\0SHOW a\0\0\0D\0\0\0\x10Sholdfast_1\0" SYNC;
    static const char again[] = "P\0\0\0\x18holdfast_2\0SHOW a\0\0\0D\0\0\0\x10Sholdfast_2\0" SYNC;
    static const char later[] = "D\0\0\0\x10Sholdfast_2\0" SYNC;
    struct bench *bench = *state;
    struct proxy_session_context *context = &bench->context;
    char memory[256];
    context->shelf = proxy_shelf_new();
    context->rewritten_size = 64 * 1024;
    context->rewritten = malloc(context->rewritten_size);
    bench->session->prepare = proxy_prepare_new(context->shelf, 2);
    bench->session->keep->renamed = true;
    PUT(bench->client, NAMED "D\0\0\0\7Ss\0" SYNC);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof sent - 1);
    assert_memory_equal(memory, sent, sizeof sent - 1);
    put(bench->server, memory, fatal(memory, sizeof memory, "57P01"));
    pump(bench);
    proxy_server_bury(context); /* with its copy of the text */
    reconnect(bench);
    PUT(bench->server, AUTH_OK READY_I);
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof again - 1);
    assert_memory_equal(memory, again, sizeof again - 1);
    PUT(bench->server, "1\0\0\0\4n\0\0\0\4" READY_I);
    step(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), 10 + sizeof READY_I - 1);
    assert_memory_equal(memory, "1\0\0\0\4n\0\0\0\4" READY_I, 10 + sizeof READY_I - 1);
    PUT(bench->client, "D\0\0\0\7Ss\0" SYNC);
    step(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof later - 1);
    assert_memory_equal(memory, later, sizeof later - 1);
    assert_int_equal(bench->session->keep->journal.size, 0);
    /* Before the shelf goes. */
    proxy_prepare_free(bench->session->prepare);
    bench->session->prepare = NULL;
    proxy_shelf_clear(&bench->session->server->prepared);
    proxy_shelf_free(context->shelf);
    free(context->rewritten);
    context->rewritten_size = 0;
}

/* Whatever had begun to answer, or could have done more than it says, is never sent again. */
static void what_may_have_run_is_told_as_unknown(void **state)
{
    static const struct {
        const char *statement;
        size_t size;
        const char *answer;
        size_t answer_size;
        bool told;
    } samples[] = {
#define SAMPLE(statement, answer, told) {statement, sizeof(statement) - 1, answer, sizeof(answer) - 1, told}
        SAMPLE(SELECT, "", false),
        SAMPLE(SELECT, "T\0\0\0\6\0\0", true),
        SAMPLE(SELECT, "N\0\0\0\5\0", true),
        SAMPLE("Q\0\0\0\x0d"
               "CALL f()\0",
               "", true),
        SAMPLE("Q\0\0\0\x10"
               "END; BEGIN\0\0",
               "", true),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bench *bench = *state;
        char memory[512];
        put(bench->client, samples[i].statement, samples[i].size);
        pump(bench);
        put(bench->server, samples[i].answer, samples[i].answer_size);
        if (samples[i].told) {
            put(bench->server, memory, fatal(memory, sizeof memory, "57P01"));
        }
        shutdown(bench->server, SHUT_WR);
        pump(bench);
        assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
        const size_t size = got(bench->client, memory, sizeof memory);
        assert_memory_equal(memory, samples[i].answer, samples[i].answer_size);
        struct pg_message_error error;
        const size_t at = samples[i].answer_size + 5;
        assert_true(size > at + 6);
        assert_int_equal(pg_message_error_parse(span_of(memory + at, size - at), &error), ERR_OK);
        assert_string_equal(error.sqlstate, "08007");
        assert_true(span_is(error.severity, "ERROR"));
        assert_memory_equal(memory + size - 6, READY_I, 6);
        assert_int_equal(counter(bench, PROXY_METRICS_OUTCOME_UNKNOWN), 1);
        assert_int_equal(counter(bench, PROXY_METRICS_AGAIN), 0);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
}

/* An end that is meant for the client, and a session that has something which cannot be moved. */
static void other_ends_are_the_clients(void **state)
{
    struct bench *bench = *state;
    char memory[512];
    put(bench->server, memory, fatal(memory, sizeof memory, "57P05"));
    shutdown(bench->server, SHUT_WR);
    pump(bench);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "57P05");
    assert_int_equal(bench->session->state, PROXY_SESSION_DRAINING);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup_keep(state), 0);
    bench = *state;
    bench->session->keep->lost = PG_STATEMENT_LOCK;
    put(bench->server, memory, fatal(memory, sizeof memory, "57P01"));
    pump(bench);
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "57P01");
    assert_int_equal(counter(bench, PROXY_METRICS_NOT_MOVED), 1);
}

static void a_refused_log_in_ends_the_session(void **state)
{
    struct bench *bench = *state;
    char memory[512];
    shutdown(bench->server, SHUT_RDWR);
    pump(bench);
    reconnect(bench);
    PUT(bench->server, "R\0\0\0\x0c\0\0\0\5salt"); /* it was trust before */
    step(bench);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "57P01");
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_keep, teardown)
        TEST(an_idle_session_hides_the_end_of_its_server),
        TEST(half_a_message_is_dropped_with_its_server),
        TEST(a_moved_session_goes_on),
        TEST(a_statement_that_never_ran_is_sent_again),
        TEST(what_is_sent_again_is_renamed_again),
        TEST(what_may_have_run_is_told_as_unknown),
        TEST(other_ends_are_the_clients),
        TEST(a_refused_log_in_ends_the_session),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
