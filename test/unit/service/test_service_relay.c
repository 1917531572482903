/* SPDX-License-Identifier: Apache-2.0
 * Tests of the bytes: whole, in order, bounded while an end takes nothing, with the ends of both directions. */
#include "service/service_relay.h"
#include "service_bench.h"

static void ready(struct bench *bench)
{
    struct service_session_end *ends[] = {&bench->session->client, &bench->session->server};
    for (int i = 0; i < 2; i++) {
        ends[i]->readable = ends[i]->writable = ends[i]->hangup = true; /* as if epoll had said everything */
    }
}

/* Until nothing moves any more. */
static void pump(struct bench *bench)
{
    do {
        list_remove(&bench->session->ready);
        ready(bench);
        service_relay_pump(&bench->context, bench->session);
    } while (!list_empty(&bench->session->ready));
}

static size_t got(int fd, char *memory, size_t size)
{
    const ssize_t count = recv(fd, memory, size, MSG_DONTWAIT);
    return count > 0 ? (size_t)count : 0;
}

static void bytes_go_both_ways(void **state)
{
    struct bench *bench = *state;
    char memory[64] = "";
    assert_int_equal(send(bench->client, "ping", 4, 0), 4);
    assert_int_equal(send(bench->server, "hello", 5, 0), 5);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 4);
    assert_memory_equal(memory, "ping", 4);
    assert_int_equal(got(bench->client, memory, sizeof memory), 5);
    assert_memory_equal(memory, "hello", 5);
    assert_int_equal(bench->context.buffers.used, 0); /* an idle connection holds none */
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
}

/* A reader that takes nothing: one buffer is held, the rest stays with the sender, nothing is lost or out of order. */
static void a_slow_reader_holds_its_sender_back(void **state)
{
    struct bench *bench = *state;
    uint8_t chunk[4096];
    uint64_t sent = 0;
    uint64_t taken = 0;
    for (int idle = 0; idle < 2; idle++) {
        ssize_t count = 0;
        do {
            for (size_t i = 0; i < sizeof chunk; i++) {
                chunk[i] = (uint8_t)((sent + i) * 31 >> 3);
            }
            count = send(bench->server, chunk, sizeof chunk, MSG_DONTWAIT);
            sent += count > 0 ? (uint64_t)count : 0;
            idle = count > 0 ? 0 : idle;
        } while (count > 0);
        pump(bench);
    }
    assert_int_equal(bench->context.buffers.used, 1);
    while (taken < sent) {
        const size_t count = got(bench->client, (char *)chunk, sizeof chunk);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(chunk[i], (uint8_t)((taken + i) * 31 >> 3));
        }
        taken += count;
        pump(bench);
        assert_true(bench->context.buffers.used <= 1);
        assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    }
    assert_int_equal(bench->context.buffers.used, 0);
}

static void an_end_is_passed_on_and_the_other_direction_lives(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    assert_int_equal(send(bench->client, "last", 4, 0), 4);
    assert_int_equal(shutdown(bench->client, SHUT_WR), 0);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 4);
    assert_int_equal(recv(bench->server, memory, sizeof memory, MSG_DONTWAIT), 0); /* the end */
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    assert_int_equal(send(bench->server, "answer", 6, 0), 6);
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), 6);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    assert_int_equal(shutdown(bench->server, SHUT_WR), 0);
    pump(bench);
    assert_int_equal(recv(bench->client, memory, sizeof memory, MSG_DONTWAIT), 0);
    assert_int_equal(bench->session->state, SERVICE_SESSION_CLOSED);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_BROKEN], 0);
}

static void a_broken_end_ends_both(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    close(bench->server);
    bench->server = dup(bench->client);
    assert_int_equal(send(bench->client, "lost", 4, 0), 4);
    pump(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_CLOSED);
    assert_true(recv(bench->client, memory, sizeof memory, MSG_DONTWAIT) <= 0);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_BROKEN], 1);
}

/* Who finds no buffer does not read, and is put on the list of those that wait. */
static void without_buffers_nothing_is_read(void **state)
{
    struct bench *bench = *state;
    struct service_buffer *held[4];
    char memory[64];
    for (int i = 0; i < 4; i++) {
        held[i] = service_buffer_take(&bench->context.buffers);
        assert_non_null(held[i]);
    }
    assert_null(service_buffer_take(&bench->context.buffers));
    assert_int_equal(send(bench->client, "wait", 4, 0), 4);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    assert_false(list_empty(&bench->context.starved));
    for (int i = 0; i < 4; i++) {
        service_buffer_give(&bench->context.buffers, held[i]);
    }
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 4);
}

static void beyond_the_limit_nobody_is_let_in(void **state)
{
    struct bench *bench = *state;
    const struct view_address peer = address_of(10, 1, 0, 2);
    int pair[2];
    char memory[8];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    struct service_session *second = service_session_new(&bench->context, 0, pair[0], &peer);
    assert_non_null(second); /* max_connections is 2 */
    close(pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    assert_null(service_session_new(&bench->context, 0, pair[0], &peer));
    assert_int_equal(recv(pair[1], memory, sizeof memory, MSG_DONTWAIT), 0); /* closed */
    close(pair[1]);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_REFUSED_LIMIT], 1);
    assert_int_equal(bench->open[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_both_ways, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(a_slow_reader_holds_its_sender_back, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(an_end_is_passed_on_and_the_other_direction_lives, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(a_broken_end_ends_both, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(without_buffers_nothing_is_read, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(beyond_the_limit_nobody_is_let_in, bench_open, bench_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
