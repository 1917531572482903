/* SPDX-License-Identifier: Apache-2.0
 * Tests of prepared statements under names of our own: byte by byte, and against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prepare_model.h"

#define PARSE_A                                                                                                        \
    "P\0\0\0\x11"                                                                                                      \
    "a\0SELECT 1\0\0\0"
#define PARSE_B                                                                                                        \
    "P\0\0\0\x11"                                                                                                      \
    "b\0SELECT 1\0\0\0"
#define PARSE_ONE                                                                                                      \
    "P\0\0\0\x1a"                                                                                                      \
    "holdfast_1\0SELECT 1\0\0\0"
#define BIND_A                                                                                                         \
    "B\0\0\0\x0d"                                                                                                      \
    "\0a\0\0\0\0\0\0\0"
#define BIND_B                                                                                                         \
    "B\0\0\0\x0d"                                                                                                      \
    "\0b\0\0\0\0\0\0\0"
#define BIND_ONE                                                                                                       \
    "B\0\0\0\x16"                                                                                                      \
    "\0holdfast_1\0\0\0\0\0\0\0"
#define CLOSE_A                                                                                                        \
    "C\0\0\0\x07"                                                                                                      \
    "Sa\0"
#define CLOSE_0                                                                                                        \
    "C\0\0\0\x10"                                                                                                      \
    "Sholdfast_0\0"
#define CLOSE_1                                                                                                        \
    "C\0\0\0\x10"                                                                                                      \
    "Sholdfast_1\0"
#define DESCRIBE_A                                                                                                     \
    "D\0\0\0\x07"                                                                                                      \
    "Sa\0"
#define DESCRIBE_1                                                                                                     \
    "D\0\0\0\x10"                                                                                                      \
    "Sholdfast_1\0"
#define SYNC   "S\0\0\0\4"
#define PARSED "1\0\0\0\4"
#define BOUND  "2\0\0\0\4"
#define CLOSED "3\0\0\0\4"
#define READY  "Z\0\0\0\5I"
#define ERROR                                                                                                          \
    "E\0\0\0\x0c"                                                                                                      \
    "C42601\0\0"

struct stand {
    struct proxy_shelf *shelf;
    struct proxy_prepare *client;
    struct proxy_prepare *other;
    struct proxy_shelf_copies server;
    struct pg_frame received;
    uint8_t memory[4096];
};

static int setup(void **state)
{
    struct stand *stand = calloc(1, sizeof *stand);
    ASSERT(stand != NULL);
    stand->shelf = proxy_shelf_new();
    stand->client = proxy_prepare_new(stand->shelf, 2);
    stand->other = proxy_prepare_new(stand->shelf, 2);
    pg_frame_init(&stand->received);
    *state = stand;
    return 0;
}

static int teardown(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_free(stand->client);
    proxy_prepare_free(stand->other);
    proxy_shelf_clear(&stand->server);
    proxy_shelf_free(stand->shelf); /* with nothing left on it */
    free(stand);
    return 0;
}

/* The client says this and the server gets that. */
static void up(struct stand *stand, struct proxy_prepare *client, struct span says, struct span gets)
{
    struct buf out;
    buf_init(&out, stand->memory, sizeof stand->memory);
    assert_true(proxy_prepare_up(client, &stand->server, says, 0, &out));
    assert_int_equal(out.size, gets.size);
    assert_memory_equal(out.data, gets.data, gets.size);
}
#define UP(stand, client, says, gets)                                                                                  \
    up(stand, client, span_of(says, sizeof(says) - 1), span_of(gets, sizeof(gets) - 1))

static void down(struct stand *stand, struct proxy_prepare *client, struct span says, struct span gets)
{
    struct buf out;
    struct pg_frame_message message;
    buf_init(&out, stand->memory, sizeof stand->memory);
    proxy_await_down(client, &stand->server, &stand->received, says, &out);
    assert_int_equal(out.size, gets.size);
    assert_memory_equal(out.data, gets.data, gets.size);
    struct span rest = span_of(out.data, out.size);
    while (pg_frame_step(&stand->received, &rest, &message)) {
        (void)proxy_await_passed(client, &stand->server, &message);
    }
}
#define DOWN(stand, client, says, gets)                                                                                \
    down(stand, client, span_of(says, sizeof(says) - 1), span_of(gets, sizeof(gets) - 1))

static void two_names_share_one_text(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A BIND_A SYNC, PARSE_ONE BIND_ONE SYNC);
    DOWN(stand, stand->client, PARSED BOUND READY, PARSED BOUND READY);
    assert_true(proxy_await_still(stand->client));
    proxy_prepare_begin(stand->other, &stand->server);
    UP(stand, stand->other, PARSE_B DESCRIBE_A BIND_B SYNC, CLOSE_0 DESCRIBE_A BIND_ONE SYNC); /* its `a` is none */
    DOWN(stand, stand->other, CLOSED BOUND READY, PARSED BOUND READY);
    assert_int_equal(stand->shelf->count, 1);
    assert_int_equal(stand->server.count, 1);
}

static void another_server_hears_it_first(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A SYNC, PARSE_ONE SYNC);
    DOWN(stand, stand->client, PARSED READY, PARSED READY);
    proxy_shelf_clear(&stand->server); /* this is another one */
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, DESCRIBE_A BIND_A SYNC, PARSE_ONE DESCRIBE_1 BIND_ONE SYNC);
    DOWN(stand, stand->client,
         PARSED "t\0\0\0\6\0\0"
                "n\0\0\0\4" BOUND READY,
         "t\0\0\0\6\0\0"
         "n\0\0\0\4" BOUND READY);
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, BIND_A SYNC, BIND_ONE SYNC);
}

static void a_failure_leaves_no_name(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A SYNC, PARSE_ONE SYNC);
    DOWN(stand, stand->client, ERROR READY, ERROR READY);
    assert_int_equal(stand->server.count, 0);
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, BIND_A SYNC, BIND_A SYNC); /* the server does not know it either */
    assert_int_equal(stand->shelf->count, 0);
}

static void a_close_closes_nothing_on_the_server(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A CLOSE_A SYNC, PARSE_ONE CLOSE_0 SYNC);
    DOWN(stand, stand->client, PARSED CLOSED READY, PARSED CLOSED READY);
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A SYNC, CLOSE_0 SYNC);
    DOWN(stand, stand->client, CLOSED READY, PARSED READY);
}

/* A third text on a server that may have two: the one that was not used for longest makes room. */
static void the_oldest_makes_room(void **state)
{
    struct stand *stand = *state;
    static const char *const texts[] = {"one", "two", "tri"};
    char memory[64];
    for (uint32_t i = 0; i < 3; i++) {
        struct buf out;
        const int size = snprintf(memory, sizeof memory, "P%c%c%c%c%c%c%s%c%c%c", 0, 0, 0, 4 + 2 + 4 + 2, 'a' + (int)i,
                                  0, texts[i], 0, 0, 0);
        proxy_prepare_begin(stand->client, &stand->server);
        buf_init(&out, stand->memory, sizeof stand->memory);
        assert_true(proxy_prepare_up(stand->client, &stand->server, span_of(memory, (size_t)size), 0, &out));
        assert_true(i < 2 || memcmp(out.data, CLOSE_1, sizeof CLOSE_1 - 1) == 0);
        UP(stand, stand->client, SYNC, SYNC);
        if (i < 2) {
            DOWN(stand, stand->client, PARSED READY, PARSED READY);
        } else {
            DOWN(stand, stand->client, CLOSED PARSED READY, PARSED READY);
        }
    }
    assert_int_equal(stand->server.count, 2);
    /* What it had to forget comes back when it is wanted; the second one is the oldest now. */
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, DESCRIBE_A SYNC,
       "C\0\0\0\x10"
       "Sholdfast_2\0"
       "P\0\0\0\x15"
       "holdfast_1\0one\0\0\0" DESCRIBE_1 SYNC);
}

/* DEALLOCATE of the client's name; what it says is cut at every byte, and so is the answer. */
static void deallocate_means_the_clients_name(void **state)
{
    static const char says[] = "Q\0\0\0\x11"
                               "DEALLOCATE a\0";
    static const char answers[] = "C\0\0\0\x0c"
                                  "PREPARE\0"
                                  "C\0\0\0\x0f"
                                  "DEALLOCATE\0" READY;
    static const char heard[] = "C\0\0\0\x0f"
                                "DEALLOCATE\0" READY;
    assert_int_equal(teardown(state), 0);
    for (size_t cut = 0; cut < sizeof answers; cut++) {
        assert_int_equal(setup(state), 0);
        struct stand *stand = *state;
        struct buf out;
        proxy_prepare_begin(stand->client, &stand->server);
        UP(stand, stand->client, PARSE_A SYNC, PARSE_ONE SYNC);
        DOWN(stand, stand->client, PARSED READY, PARSED READY);
        proxy_prepare_begin(stand->client, &stand->server);
        buf_init(&out, stand->memory, sizeof stand->memory);
        const size_t part = cut < sizeof says - 1 ? cut : sizeof says - 1;
        assert_true(proxy_prepare_up(stand->client, &stand->server, span_of(says, part), 0, &out));
        assert_true(
            proxy_prepare_up(stand->client, &stand->server, span_of(says + part, sizeof says - 1 - part), 0, &out));
        assert_non_null(memmem(out.data, out.size, "DEALLOCATE \"holdfast_0\"", 23));
        uint8_t memory[128];
        struct buf client;
        buf_init(&client, memory, sizeof memory);
        proxy_await_down(stand->client, &stand->server, &stand->received, span_of(answers, cut), &client);
        struct pg_frame_message message;
        struct span passed = span_of(client.data, client.size);
        while (pg_frame_step(&stand->received, &passed, &message)) {
            (void)proxy_await_passed(stand->client, &stand->server, &message);
        }
        proxy_await_down(stand->client, &stand->server, &stand->received,
                         span_of(answers + cut, sizeof answers - 1 - cut), &client);
        assert_int_equal(client.size, sizeof heard - 1);
        assert_memory_equal(client.data, heard, sizeof heard - 1);
        proxy_prepare_begin(stand->client, &stand->server);
        UP(stand, stand->client, BIND_A SYNC, BIND_A SYNC);
        assert_int_equal(teardown(state), 0);
    }
    assert_int_equal(setup(state), 0);
}

static void all_are_gone_when_the_server_says_so(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A SYNC, PARSE_ONE SYNC);
    DOWN(stand, stand->client, PARSED READY, PARSED READY);
    DOWN(stand, stand->client,
         "C\0\0\0\x10"
         "DISCARD ALL\0" READY,
         "C\0\0\0\x10"
         "DISCARD ALL\0" READY);
    assert_int_equal(stand->server.count, 0);
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, BIND_A SYNC, BIND_A SYNC);
}

/* What is sent again is done again; what was answered before the server went stays. */
static void a_lost_server(void **state)
{
    struct stand *stand = *state;
    proxy_prepare_begin(stand->client, &stand->server);
    UP(stand, stand->client, PARSE_A BIND_A SYNC, PARSE_ONE BIND_ONE SYNC);
    proxy_prepare_lost(stand->client, true);
    proxy_shelf_clear(&stand->server);
    proxy_prepare_begin(stand->client, &stand->server);
    struct buf out;
    buf_init(&out, stand->memory, sizeof stand->memory);
    assert_true(proxy_prepare_up(stand->client, &stand->server,
                                 span_of(PARSE_A BIND_A SYNC, sizeof(PARSE_A BIND_A SYNC) - 1), 0, &out));
    assert_int_equal(out.size, sizeof(PARSE_ONE BIND_ONE SYNC) - 1); /* under a new number */
    DOWN(stand, stand->client, PARSED, PARSED);
    proxy_prepare_lost(stand->client, false);
    pg_frame_init(&stand->received);
    proxy_shelf_clear(&stand->server);
    proxy_prepare_begin(stand->client, &stand->server);
    buf_init(&out, stand->memory, sizeof stand->memory);
    assert_true(
        proxy_prepare_up(stand->client, &stand->server, span_of(BIND_A SYNC, sizeof(BIND_A SYNC) - 1), 0, &out));
    assert_int_equal(out.data[0], 'P');
}

/* Too long to be kept: it passes as it is, and the connection is the client's. */
static void what_is_too_long_is_not_renamed(void **state)
{
    struct stand *stand = *state;
    const size_t size = PROXY_PREPARE_MESSAGE + 1;
    uint8_t *says = calloc(2, size);
    uint8_t *memory = malloc(2 * size);
    struct buf out;
    ASSERT(says != NULL && memory != NULL);
    memcpy(says, "P\0\0\0\0a", 7);
    says[2] = (uint8_t)((size - 1) >> 16);
    says[3] = (uint8_t)((size - 1) >> 8);
    says[4] = (uint8_t)(size - 1);
    memcpy(says + size, BIND_A, sizeof BIND_A - 1);
    proxy_prepare_begin(stand->client, &stand->server);
    buf_init(&out, memory, 2 * size);
    for (size_t at = 0; at < size + sizeof BIND_A - 1; at++) {
        assert_true(proxy_prepare_up(stand->client, &stand->server, span_of(says + at, 1), 0, &out));
    }
    assert_int_equal(out.size, size + sizeof BIND_A - 1);
    assert_memory_equal(out.data, says, out.size);
    assert_true(stand->client->full);
    free(says);
    free(memory);
}

/* Whatever two clients do, they hear what they would hear from servers of their own. */
static void nobody_notices(void **state)
{
    (void)state;
    uint64_t x = 88172645463325252U;
    for (int round = 0; round < 300; round++) {
        uint8_t data[2000];
        for (size_t i = 0; i < sizeof data; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            data[i] = (uint8_t)(x >> 32);
        }
        model_run(data, sizeof data);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_names_share_one_text),
        TEST(another_server_hears_it_first),
        TEST(a_failure_leaves_no_name),
        TEST(a_close_closes_nothing_on_the_server),
        TEST(the_oldest_makes_room),
        TEST(deallocate_means_the_clients_name),
        TEST(all_are_gone_when_the_server_says_so),
        TEST(a_lost_server),
        TEST(what_is_too_long_is_not_renamed),
        cmocka_unit_test(nobody_notices),
    };
    return cmocka_run_group_tests_name("proxy_prepare", tests, NULL, NULL);
}
