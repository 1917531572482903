/* SPDX-License-Identifier: Apache-2.0
 * Sends of a turn: what is queued, when it goes out, and what becomes of what does not. With the kernel's ring where
 * there is one, otherwise the same sends one by one. */
#include <netinet/in.h>

#include "proxy/proxy_batch.h"
#include "session_bench.h"

enum {
    SESSIONS = PROXY_BATCH_SENDS + 3,
};

/* Sessions of one worker: the bench's and more. */
struct crowd {
    struct bench *bench;
    struct proxy_session *sessions[SESSIONS];
    int clients[SESSIONS];
    int servers[SESSIONS];
};

static void pair_of(int pair[2])
{
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
}

static void crowd_add(struct crowd *crowd, size_t index)
{
    struct proxy_session_context *context = &crowd->bench->context;
    const struct proxy_route_target target = {.open = true, .writer = true, .epoch = 5};
    int client[2];
    int server[2];
    pair_of(client);
    pair_of(server);
    struct proxy_session *session = proxy_session_new(context, client[0]);
    ASSERT(session != NULL);
    session->route = 0;
    session->client.writable = true;
    struct proxy_server *one = proxy_server_new(&target);
    ASSERT(one != NULL);
    one->end.fd = server[0];
    one->end.writable = true;
    proxy_session_take_server(session, one);
    proxy_session_move(session, PROXY_SESSION_CONNECTING);
    proxy_session_move(session, PROXY_SESSION_AUTH);
    proxy_session_move(session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(context, session, TIME_NEVER);
    crowd->sessions[index] = session;
    crowd->clients[index] = client[1];
    crowd->servers[index] = server[1];
}

static int crowd_up(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    void *bench = NULL;
    if (setup(&bench) != 0) {
        return -1;
    }
    crowd->bench = bench;
    bench_of_turn = NULL;
    free(crowd->bench->context.batch); /* BENCH_BATCH's */
    struct proxy_batch *batch = calloc(1, sizeof *batch);
    proxy_batch_init(batch);
    batch->open = true;
    crowd->bench->context.batch = batch;
    for (size_t i = 0; i < SESSIONS; i++) {
        crowd_add(crowd, i);
    }
    *state = crowd;
    return 0;
}

static int crowd_down(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_session_context *context = &crowd->bench->context;
    for (size_t i = 0; i < SESSIONS; i++) {
        struct proxy_session *session = crowd->sessions[i];
        proxy_session_end(context, session, PROXY_SESSION_STOPPING, NULL);
        context->now = time_add_ms(context->now, PROXY_SESSION_DRAIN_MS + PROXY_SESSION_LINGER_MS);
        if (session->state == PROXY_SESSION_DRAINING) {
            proxy_session_drain(context, session);
        }
        proxy_session_free(context, session);
        close(crowd->clients[i]);
        close(crowd->servers[i]);
    }
    void *bench = crowd->bench;
    proxy_batch_fini(context->batch);
    free(context->batch);
    context->batch = NULL;
    free(crowd);
    return teardown(&bench);
}

static void say(struct crowd *crowd, size_t index)
{
    PUT(crowd->clients[index], QUERY);
    crowd->sessions[index]->client.readable = true;
    proxy_relay_pump(&crowd->bench->context, crowd->sessions[index]);
}

static void answer(struct crowd *crowd, size_t index)
{
    PUT(crowd->servers[index], READY_I);
    crowd->sessions[index]->server->end.readable = true;
    proxy_relay_pump(&crowd->bench->context, crowd->sessions[index]);
}

static void heard(int fd, const char *bytes, size_t size)
{
    char memory[1024];
    assert_int_equal(got(fd, memory, sizeof memory), size);
    assert_memory_equal(memory, bytes, size);
}

#define HEARD(fd, text) heard(fd, text, sizeof(text) - 1)

static void what_many_send_goes_out_when_the_turn_ends(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_session_context *context = &crowd->bench->context;
    char byte;
    for (size_t i = 0; i < 5; i++) {
        say(crowd, i);
        assert_true(crowd->sessions[i]->server->end.queued);
        assert_int_equal(got(crowd->servers[i], &byte, 1), 0);
    }
    assert_int_equal(counter(crowd->bench, PROXY_METRICS_BYTES_TO_SERVER), 0);
    proxy_batch_settle(context);
    for (size_t i = 0; i < 5; i++) {
        assert_false(crowd->sessions[i]->server->end.queued);
        assert_true(proxy_session_busy(crowd->sessions[i]));
        HEARD(crowd->servers[i], QUERY);
        answer(crowd, i);
        assert_true(proxy_session_idle(crowd->sessions[i]));
    }
    proxy_batch_settle(context);
    for (size_t i = 0; i < 5; i++) {
        HEARD(crowd->clients[i], READY_I);
    }
    assert_int_equal(counter(crowd->bench, PROXY_METRICS_BYTES_TO_SERVER), 5 * (sizeof QUERY - 1));
    assert_int_equal(counter(crowd->bench, PROXY_METRICS_BYTES_TO_CLIENT), 5 * (sizeof READY_I - 1));
    assert_true(list_empty(&context->ready));
}

static void a_full_batch_goes_out_by_itself(void **state)
{
    struct crowd *crowd = *state;
    for (size_t i = 0; i < SESSIONS; i++) {
        say(crowd, i);
    }
    assert_int_equal(crowd->bench->context.batch->count, SESSIONS - PROXY_BATCH_SENDS);
    HEARD(crowd->servers[0], QUERY);
    proxy_batch_settle(&crowd->bench->context);
    for (size_t i = 1; i < SESSIONS; i++) {
        HEARD(crowd->servers[i], QUERY);
    }
}

static void a_second_send_to_an_end_comes_behind_the_first(void **state)
{
    struct crowd *crowd = *state;
    say(crowd, 0);
    say(crowd, 1);
    PUT(crowd->clients[0], SYNC);
    crowd->sessions[0]->client.readable = true;
    proxy_relay_pump(&crowd->bench->context, crowd->sessions[0]);
    proxy_batch_settle(&crowd->bench->context);
    HEARD(crowd->servers[0], QUERY SYNC);
    HEARD(crowd->servers[1], QUERY);
}

static void one_that_is_too_large_goes_at_once_and_in_order(void **state)
{
    struct crowd *crowd = *state;
    static uint8_t large[PROXY_BATCH_SEND + 1];
    static char found[sizeof large + 8];
    struct proxy_session_context *context = &crowd->bench->context;
    struct proxy_end *client = &crowd->sessions[0]->client;
    struct pg_frame before;
    pg_frame_init(&before);
    assert_false(proxy_batch_add(context, client, span_of(large, sizeof large), &before));
    assert_true(proxy_batch_add(context, client, span_of(READY_I, sizeof READY_I - 1), &before));
    assert_false(proxy_batch_add(context, client, span_of(large, sizeof large), &before));
    assert_false(client->queued);
    assert_int_equal(got(crowd->clients[0], found, sizeof found), sizeof READY_I - 1);
}

/* The last words come behind what was queued, and what was queued is known when they are chosen. */
static void a_session_that_ends_has_sent_what_it_had_queued(void **state)
{
    struct crowd *crowd = *state;
    char memory[1024];
    say(crowd, 1);
    say(crowd, 0);
    proxy_batch_settle(&crowd->bench->context);
    answer(crowd, 0);
    answer(crowd, 1);
    proxy_session_end(&crowd->bench->context, crowd->sessions[0], PROXY_SESSION_STOPPING, NULL);
    const size_t size = got(crowd->clients[0], memory, sizeof memory);
    assert_true(size > sizeof READY_I);
    assert_memory_equal(memory, READY_I, sizeof READY_I - 1);
    assert_int_equal(memory[sizeof READY_I - 1], 'E');
    HEARD(crowd->clients[1], READY_I); /* it went along */
}

/* Takes TCP connections in place of the client's socket pair: a full one takes a part. */
static void swap_for_tcp(struct crowd *crowd, size_t index)
{
    struct proxy_session_context *context = &crowd->bench->context;
    struct proxy_end *end = &crowd->sessions[index]->client;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    const int small = 4096;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, size), 0);
    close(end->fd);
    close(crowd->clients[index]);
    end->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_int_equal(setsockopt(end->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    assert_int_equal(proxy_end_watch(context, end), ERR_OK);
    crowd->clients[index] = peer;
    close(listener);
}

/* Answers go to a client that does not read, until one falls short. How many bytes that were. */
static size_t answer_until_stuck(struct crowd *crowd, uint8_t *row, size_t size)
{
    struct proxy_session_context *context = &crowd->bench->context;
    size_t sent = 0;
    for (uint8_t turn = 0; crowd->sessions[0]->client.pending == NULL; turn++) {
        for (size_t i = 5; i < size; i++) {
            row[i] = (uint8_t)(turn + i);
        }
        put(crowd->servers[0], (const char *)row, size);
        crowd->sessions[0]->server->end.readable = true;
        proxy_relay_pump(context, crowd->sessions[0]);
        answer(crowd, 1);
        proxy_batch_settle(context);
        HEARD(crowd->clients[1], READY_I);
        sent += size;
        assert_true(sent < (size_t)64 * 1024 * 1024);
    }
    return sent;
}

static void what_falls_short_is_owed_and_comes_when_there_is_room(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_session_context *context = &crowd->bench->context;
    struct proxy_end *client = &crowd->sessions[0]->client;
    uint8_t row[1500] = {'D', 0, 0, (uint8_t)((sizeof row - 1) >> 8), (uint8_t)((sizeof row - 1) & 0xff)};
    swap_for_tcp(crowd, 0);
    const size_t sent = answer_until_stuck(crowd, row, sizeof row);
    assert_false(client->writable);
    assert_false(list_empty(&crowd->sessions[0]->ready));
    /* Where its stream was cut, a fence knows. */
    const size_t owed = client->pending_size - client->pending_at;
    assert_in_range(owed, 1, sizeof row);
    assert_int_equal(pg_frame_boundary(&client->sent), owed == sizeof row);
    size_t found = 0;
    while (found < sent) {
        uint8_t memory[4096];
        const ssize_t size = recv(crowd->clients[0], memory, sizeof memory, found + owed < sent ? 0 : MSG_DONTWAIT);
        for (ssize_t i = 0; i < size; i++, found++) {
            const size_t at = found % sizeof row;
            assert_int_equal(memory[i], at < 5 ? row[at] : (uint8_t)(found / sizeof row + at));
        }
        client->writable = true;
        assert_true(proxy_end_flush(context, client));
    }
    assert_null(client->pending);
    assert_int_equal(counter(crowd->bench, PROXY_METRICS_BYTES_TO_CLIENT) % sizeof row,
                     (sent / sizeof row) * (sizeof READY_I - 1) % sizeof row);
}

static void a_client_that_has_gone_ends_its_session_only(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_session_context *context = &crowd->bench->context;
    say(crowd, 0);
    say(crowd, 1);
    proxy_batch_settle(context);
    close(crowd->clients[0]);
    crowd->clients[0] = -1;
    answer(crowd, 0);
    answer(crowd, 1);
    proxy_batch_settle(context);
    HEARD(crowd->clients[1], READY_I);
    assert_int_equal(crowd->sessions[0]->state, PROXY_SESSION_ACTIVE);
    assert_false(list_empty(&crowd->sessions[0]->ready)); /* it is looked at again ... */
    proxy_relay_pump(context, crowd->sessions[0]);
    assert_true(crowd->sessions[0]->state >= PROXY_SESSION_DRAINING); /* ... and ends */
    assert_true(list_empty(&crowd->sessions[0]->ready));
}

static void a_server_that_has_gone_is_heard_out(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_session_context *context = &crowd->bench->context;
    char memory[PROXY_SESSION_ERROR];
    const size_t size = fatal(memory, sizeof memory, "57P01");
    put(crowd->servers[0], memory, size); /* its last words, which we have not read */
    close(crowd->servers[0]);
    crowd->servers[0] = -1;
    say(crowd, 0);
    say(crowd, 1);
    proxy_batch_settle(context);
    crowd->sessions[0]->server->end.readable = true;
    crowd->sessions[0]->server->end.hangup = true;
    proxy_relay_pump(context, crowd->sessions[0]);
    proxy_batch_settle(context);
    HEARD(crowd->servers[1], QUERY);
    heard(crowd->clients[0], memory, size);
}

static void without_a_ring_nothing_is_queued(void **state)
{
    struct crowd *crowd = *state;
    struct proxy_batch *batch = crowd->bench->context.batch;
    proxy_batch_fini(batch);
    say(crowd, 0);
    assert_false(crowd->sessions[0]->server->end.queued);
    HEARD(crowd->servers[0], QUERY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_many_send_goes_out_when_the_turn_ends, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(a_full_batch_goes_out_by_itself, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(a_second_send_to_an_end_comes_behind_the_first, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(one_that_is_too_large_goes_at_once_and_in_order, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(a_session_that_ends_has_sent_what_it_had_queued, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(what_falls_short_is_owed_and_comes_when_there_is_room, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(a_client_that_has_gone_ends_its_session_only, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(a_server_that_has_gone_is_heard_out, crowd_up, crowd_down),
        cmocka_unit_test_setup_teardown(without_a_ring_nothing_is_queued, crowd_up, crowd_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
