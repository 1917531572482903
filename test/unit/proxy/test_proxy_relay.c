/* SPDX-License-Identifier: Apache-2.0
 * Tests of a session over socket pairs: what the relay learns from message heads, what passes, and how sessions end. */
#include "session_bench.h"

static void bytes_pass_unchanged_in_both_directions(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
    assert_memory_equal(memory, QUERY, sizeof QUERY - 1);
    assert_true(proxy_session_busy(bench->session));
    PUT(bench->server, READY_T);
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), sizeof READY_T - 1);
    assert_false(proxy_session_busy(bench->session));
    assert_false(proxy_session_idle(bench->session)); /* in a transaction */
}

static void a_pipeline_is_idle_after_its_last_answer(void **state)
{
    struct bench *bench = *state;
    PUT(bench->client, PARSE EXECUTE SYNC PARSE EXECUTE SYNC);
    pump(bench);
    PUT(bench->server, READY_I);
    pump(bench);
    assert_false(proxy_session_idle(bench->session));
    PUT(bench->client, PARSE); /* a batch begins before the answer to the last */
    PUT(bench->server, READY_I);
    pump(bench);
    assert_false(proxy_session_idle(bench->session));
    PUT(bench->client, EXECUTE SYNC);
    pump(bench);
    PUT(bench->server, READY_I);
    pump(bench);
    assert_true(proxy_session_idle(bench->session));
}

/* libpq sends a Sync with the COPY, which the server ignores, and one behind it. */
static void copy_of_an_extended_query_counts_one_answer(void **state)
{
    struct bench *bench = *state;
    PUT(bench->client, PARSE EXECUTE SYNC COPY_DATA COPY_DONE SYNC);
    pump(bench);
    assert_false(proxy_session_idle(bench->session));
    PUT(bench->server, READY_I);
    pump(bench);
    assert_true(proxy_session_idle(bench->session));
    PUT(bench->client, QUERY COPY_DATA COPY_DONE);
    pump(bench);
    PUT(bench->server, READY_I);
    pump(bench);
    assert_true(proxy_session_idle(bench->session));
}

static void half_a_message_is_not_idle(void **state)
{
    struct bench *bench = *state;
    PUT(bench->client, "Q\0\0\0\x10sel");
    pump(bench);
    assert_false(proxy_session_idle(bench->session));
}

static void a_hold_keeps_bytes_in_the_kernel(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    bench->context.holding[0] = true;
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_HELD), 1);
    bench->context.holding[0] = false;
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
}

static void a_fence_stops_both_directions(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
    PUT(bench->server, READY_I); /* the acknowledgement is there already, not yet relayed */
    PUT(bench->client, QUERY);
    proxy_session_end(&bench->context, bench->session, PROXY_SESSION_FENCED, NULL);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "57P01");
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_FENCED), 1);
}

static void a_fence_in_the_middle_of_a_message_says_nothing(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->client, QUERY);
    PUT(bench->server, "D\0\0\0\x20half");
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), 9);
    proxy_session_end(&bench->context, bench->session, PROXY_SESSION_FENCED, NULL);
    assert_int_equal(got(bench->client, memory, sizeof memory), 0);
}

/* The client does not read: what the kernel did not take is dropped by a fence, and the stream is not continued. */
static void a_fence_drops_what_is_pending(void **state)
{
    struct bench *bench = *state;
    static char row[5 + 4000] = {'D', 0, 0, 0x0f, (char)0xa4};
    PUT(bench->client, QUERY);
    for (int i = 0; i < 1000 && bench->session->client.pending == NULL; i++) {
        put(bench->server, row, sizeof row);
        pump(bench);
    }
    assert_non_null(bench->session->client.pending);
    PUT(bench->server, READY_I);
    proxy_session_end(&bench->context, bench->session, PROXY_SESSION_FENCED, NULL);
    static char memory[1 << 20];
    struct pg_frame frame;
    pg_frame_init(&frame);
    size_t size;
    while ((size = got(bench->client, memory, sizeof memory)) > 0) {
        struct span bytes = span_of(memory, size);
        struct pg_frame_message message;
        while (pg_frame_step(&frame, &bytes, &message)) {
            assert_true(message.type == 'D' || message.type == 'E'); /* never the acknowledgement */
        }
        assert_false(frame.failed);
    }
}

static void a_lost_server_is_explained(void **state)
{
    struct bench *bench = *state;
    PUT(bench->client, QUERY);
    pump(bench);
    shutdown(bench->server, SHUT_RDWR);
    pump(bench);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "08007");
    assert_int_equal(counter(bench, PROXY_METRICS_OUTCOME_UNKNOWN), 1);
}

static void a_servers_own_fatal_is_the_last_word(void **state)
{
    struct bench *bench = *state;
    uint8_t memory[256];
    struct buf fatal;
    buf_init(&fatal, memory, sizeof memory);
    pg_message_error_write(&fatal, "FATAL", "57P01", "going down", NULL);
    put(bench->server, (const char *)fatal.data, fatal.size);
    shutdown(bench->server, SHUT_WR);
    pump(bench);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "57P01");
    assert_int_equal(counter(bench, PROXY_METRICS_SERVER_SHUTDOWN), 1);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVER_LOST), 0);
}

static void what_a_leaving_client_has_sent_still_arrives(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->client, QUERY QUIT);
    shutdown(bench->client, SHUT_WR);
    bench->session->client.hangup = true; /* as epoll says it */
    pump(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_DRAINING);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY QUIT - 1);
}

static void nonsense_ends_the_session(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    PUT(bench->client, "Q\0\0\0\1");
    pump(bench);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "08P01");
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
}

static void read_only_errors_count_as_wrong_server(void **state)
{
    struct bench *bench = *state;
    uint8_t memory[256];
    struct buf error;
    buf_init(&error, memory, sizeof memory);
    pg_message_error_write(&error, "ERROR", "25006", "cannot execute INSERT in a read-only transaction", NULL);
    put(bench->server, (const char *)error.data, error.size);
    pump(bench);
    assert_int_equal(counter(bench, PROXY_METRICS_WRONG_SERVER), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_pass_unchanged_in_both_directions),
        TEST(a_pipeline_is_idle_after_its_last_answer),
        TEST(copy_of_an_extended_query_counts_one_answer),
        TEST(half_a_message_is_not_idle),
        TEST(a_hold_keeps_bytes_in_the_kernel),
        TEST(a_fence_stops_both_directions),
        TEST(a_fence_in_the_middle_of_a_message_says_nothing),
        TEST(a_fence_drops_what_is_pending),
        TEST(a_lost_server_is_explained),
        TEST(a_servers_own_fatal_is_the_last_word),
        TEST(what_a_leaving_client_has_sent_still_arrives),
        TEST(nonsense_ends_the_session),
        TEST(read_only_errors_count_as_wrong_server),
    };
    return cmocka_run_group_tests_name("proxy_relay", tests, NULL, NULL);
}
