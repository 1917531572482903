/* SPDX-License-Identifier: Apache-2.0
 * What threads meet with at servers: noted, added up, never more than fits. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/sight.h"

static struct view_address server(uint8_t last)
{
    return (struct view_address){.bytes = {127, 1, 0, last}, .port = 5432, .family = 4};
}

static void notes_of_all_threads_are_added_up(void **state)
{
    (void)state;
    static struct sight threads[2];
    const struct view_address a = server(1);
    const struct view_address b = server(2);
    struct sight_sum sum[SIGHT_SERVERS];
    uint32_t count = 0;
    sight_note(&threads[0], &a, SIGHT_CONNECTED);
    sight_note(&threads[0], &a, SIGHT_CONNECTED);
    sight_note(&threads[0], &b, SIGHT_WRONG);
    sight_note(&threads[1], &b, SIGHT_FAILED);
    sight_note(&threads[1], &a, SIGHT_FAILED);
    sight_collect(&threads[0], sum, &count);
    sight_collect(&threads[1], sum, &count);
    assert_int_equal(count, 2);
    assert_memory_equal(&sum[0].server, &a, sizeof a);
    assert_true(sum[0].sight.connections == 2 && sum[0].sight.failures == 1 && sum[0].sight.wrong == 0);
    assert_true(sum[1].sight.connections == 0 && sum[1].sight.failures == 1 && sum[1].sight.wrong == 1);
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    static struct sight sight;
    static struct sight other;
    struct sight_sum sum[SIGHT_SERVERS];
    uint32_t count = 0;
    for (uint8_t i = 0; i < SIGHT_SERVERS + 5; i++) {
        const struct view_address address = server(i);
        sight_note(&sight, &address, SIGHT_CONNECTED);
    }
    const struct view_address more = server(200);
    sight_note(&other, &more, SIGHT_CONNECTED);
    sight_collect(&sight, sum, &count);
    sight_collect(&other, sum, &count);
    assert_int_equal(count, SIGHT_SERVERS);
    assert_int_equal(sum[SIGHT_SERVERS - 1].sight.connections, 1);
}

static void round_trips_are_the_kernels(void **state)
{
    (void)state;
    static struct sight sight;
    const struct view_address a = server(1);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct sight_sum sum[SIGHT_SERVERS];
    uint32_t count = 0;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    sight_measure(&sight, &a, -1); /* no connection: nothing is known */
    sight_collect(&sight, sum, &count);
    assert_true(count == 1 && sum[0].sight.rtt_us == 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    sight_measure(&sight, &a, client);
    count = 0;
    sight_collect(&sight, sum, &count);
    assert_true(count == 1 && sum[0].sight.rtt_us > 0);
    close(client);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notes_of_all_threads_are_added_up),
        cmocka_unit_test(what_does_not_fit_is_left_out),
        cmocka_unit_test(round_trips_are_the_kernels),
    };
    return cmocka_run_group_tests_name("sight", tests, NULL, NULL);
}
