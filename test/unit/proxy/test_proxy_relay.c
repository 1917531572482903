/* SPDX-License-Identifier: Apache-2.0
 * Tests of a session over socket pairs: what the relay learns from message heads, what passes, and how sessions end. */
#include "proxy/proxy_switch.h"
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

/* The console's pause: also of a reader, and in the middle of a transaction only at its end. */
static void a_pause_waits_for_the_transaction(void **state)
{
    struct bench *bench = *state;
    struct proxy_session_context *context = &bench->context;
    char memory[64];
    PUT(bench->client, QUERY);
    pump(bench);
    PUT(bench->server, READY_T);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
    bench->session->server->target.writer = false;
    context->paused[0] = true;
    assert_false(proxy_switch_still(context));
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
    PUT(bench->server, READY_I);
    pump(bench);
    assert_true(proxy_switch_still(context));
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    context->paused[0] = false;
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

static void errors_of_a_standby_count_as_wrong_server(void **state)
{
    struct bench *bench = *state;
    uint8_t memory[256];
    struct buf error;
    buf_init(&error, memory, sizeof memory);
    pg_message_error_write(&error, "ERROR", "25006", "cannot execute INSERT in a read-only transaction", NULL);
    put(bench->server, (const char *)error.data, error.size);
    pump(bench);
    assert_int_equal(counter(bench, PROXY_METRICS_WRONG_SERVER), 0); /* the client's own READ ONLY */
    PUT(bench->server, "S\0\0\0\x16in_hot_standby\0on\0");
    pump(bench);
    assert_int_equal(counter(bench, PROXY_METRICS_WRONG_SERVER), 1);
    put(bench->server, (const char *)error.data, error.size);
    pump(bench);
    assert_int_equal(counter(bench, PROXY_METRICS_WRONG_SERVER), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Where every commit waits for its set: a text that names the setting alone gets an error, however it is written. */
static void synchronous_commit_is_refused_where_it_is_locked(void **state)
{
    struct bench *bench = *state;
    static const char text[] = "Q\0\0\0\x21SET Synchronous_Commit = off\0";
    char memory[256];
    PUT(bench->client, text);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof text - 1);
    PUT(bench->server, READY_I);
    pump(bench);
    (void)got(bench->client, memory, sizeof memory);
    assert_int_equal(counter(bench, PROXY_METRICS_LOWERED), 1);
    bench->context.targets[0].locked = true;
    PUT(bench->client, text);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    char sqlstate[PG_MESSAGE_SQLSTATE];
    told(bench, sqlstate);
    assert_string_equal(sqlstate, "42501");
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(counter(bench, PROXY_METRICS_LOWERED), 1);
    PUT(bench->client, QUERY);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof QUERY - 1);
}

/* Cut at every byte, and behind other messages: never whole at the server. */
static void synchronous_commit_in_pieces_ends_the_session(void **state)
{
    static const char text[] = QUERY "P\0\0\0\x25\0SET synchronous_commit = off\0\0\0" EXECUTE SYNC;
    for (size_t cut = 0; cut < sizeof text - 1; cut++) {
        struct bench *bench = *state;
        char memory[256];
        bench->context.targets[0].locked = true;
        put(bench->client, text, cut);
        pump(bench);
        if (bench->session->state == PROXY_SESSION_ACTIVE) {
            put(bench->client, text + cut, sizeof text - 1 - cut);
            pump(bench);
        }
        assert_int_equal(bench->session->state, PROXY_SESSION_DRAINING);
        const size_t size = got(bench->server, memory, sizeof memory);
        assert_true(size < sizeof QUERY - 1 + 5 + 33);
        char sqlstate[PG_MESSAGE_SQLSTATE];
        told(bench, sqlstate);
        assert_string_equal(sqlstate, "42501");
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void data_of_a_copy_may_say_what_it_likes(void **state)
{
    struct bench *bench = *state;
    char memory[256];
    static const char text[] = QUERY "d\0\0\0\x16synchronous_commit" COPY_DONE;
    bench->context.targets[0].locked = true;
    PUT(bench->client, text);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof text - 1);
    assert_int_equal(counter(bench, PROXY_METRICS_LOWERED), 0);
}

/* The server went on without its standby: an error comes before the ReadyForQuery, wherever the stream is cut. */
static void a_commit_that_was_not_waited_for_is_an_error(void **state)
{
    static const char warning[] = "SWARNING\0VWARNING\0C01000\0Mcanceling wait for synchronous replication due to user "
                                  "request\0";
    static const char tail[] = "C\0\0\0\x0fINSERT 0 1\0" READY_I;
    char stream[256];
    struct buf buf;
    buf_init(&buf, stream, sizeof stream);
    buf_u8(&buf, 'N');
    buf_u32be(&buf, sizeof warning + 4);
    buf_bytes(&buf, warning, sizeof warning);
    buf_bytes(&buf, tail, sizeof tail - 1);
    for (size_t cut = 0; cut <= buf.size; cut++) {
        struct bench *bench = *state;
        char memory[1024];
        PUT(bench->client, QUERY);
        pump(bench);
        put(bench->server, stream, cut);
        pump(bench);
        put(bench->server, stream + cut, buf.size - cut);
        pump(bench);
        const size_t size = got(bench->client, memory, sizeof memory);
        const bool split = cut > buf.size - 6 && cut < buf.size; /* inside the ReadyForQuery itself */
        assert_true(split || size > buf.size + 100);
        assert_true(split || memcmp(memory, stream, buf.size - 6) == 0);
        assert_true(split || (memory[buf.size - 6] == 'E' && memcmp(memory + size - 6, READY_I, 6) == 0));
        assert_true(split || proxy_session_idle(bench->session));
        assert_int_equal(counter(bench, PROXY_METRICS_UNWAITED), 1);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_pass_unchanged_in_both_directions),
        TEST(a_pipeline_is_idle_after_its_last_answer),
        TEST(copy_of_an_extended_query_counts_one_answer),
        TEST(half_a_message_is_not_idle),
        TEST(a_hold_keeps_bytes_in_the_kernel),
        TEST(a_pause_waits_for_the_transaction),
        TEST(a_fence_stops_both_directions),
        TEST(a_fence_in_the_middle_of_a_message_says_nothing),
        TEST(a_fence_drops_what_is_pending),
        TEST(a_lost_server_is_explained),
        TEST(a_servers_own_fatal_is_the_last_word),
        TEST(what_a_leaving_client_has_sent_still_arrives),
        TEST(nonsense_ends_the_session),
        TEST(errors_of_a_standby_count_as_wrong_server),
        TEST(synchronous_commit_is_refused_where_it_is_locked),
        TEST(synchronous_commit_in_pieces_ends_the_session),
        TEST(data_of_a_copy_may_say_what_it_likes),
        TEST(a_commit_that_was_not_waited_for_is_an_error),
    };
    return cmocka_run_group_tests_name("proxy_relay", tests, NULL, NULL);
}
