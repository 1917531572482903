/* SPDX-License-Identifier: Apache-2.0
 * Sends in one system call, over socket pairs. Where the kernel has no such ring the tests are skipped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/ring.h"

enum {
    ENTRIES = 8,
    LARGE = 1024 * 1024, /* more than a socket takes */
};

struct bench {
    struct ring *ring;
    int ours[2];
    int theirs[2];
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    const enum err err = ring_open(ENTRIES, &bench->ring);
    bench->ring = err == ERR_OK ? bench->ring : NULL;
    for (int i = 0; i < 2; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
            return -1;
        }
        bench->ours[i] = pair[0];
        bench->theirs[i] = pair[1];
    }
    *state = bench;
    return err == ERR_OK || err == ERR_UNSUPPORTED ? 0 : -1;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    ring_close(bench->ring);
    for (int i = 0; i < 2; i++) {
        close(bench->ours[i]);
        close(bench->theirs[i]);
    }
    free(bench);
    return 0;
}

static struct bench *bench_of(void **state)
{
    struct bench *bench = *state;
    if (bench->ring == NULL) {
        skip();
    }
    return bench;
}

static void expect(int fd, const char *text)
{
    char memory[64];
    assert_int_equal(recv(fd, memory, sizeof memory, MSG_DONTWAIT), strlen(text));
    assert_memory_equal(memory, text, strlen(text));
}

static void nothing_is_sent_before_it_is_submitted_and_then_all_in_order(void **state)
{
    struct bench *bench = bench_of(state);
    uint64_t tag;
    int32_t result;
    char byte;
    for (int round = 0; round < 3 * ENTRIES; round++) { /* around the queue's end */
        ring_send(bench->ring, bench->ours[0], span_text("one "), 1);
        ring_send(bench->ring, bench->ours[1], span_text("other"), 2);
        ring_send(bench->ring, bench->ours[0], span_text("two"), 3);
        assert_int_equal(recv(bench->theirs[0], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(ring_submit(bench->ring), 3);
        expect(bench->theirs[0], "one two");
        expect(bench->theirs[1], "other");
        assert_false(ring_shortfall(bench->ring, &tag, &result));
    }
    assert_int_equal(ring_submit(bench->ring), 0);
}

static void a_send_that_falls_short_says_by_how_much(void **state)
{
    struct bench *bench = bench_of(state);
    uint8_t *memory = malloc(LARGE);
    uint64_t tag = 0;
    int32_t result = 0;
    for (size_t i = 0; i < LARGE; i++) {
        memory[i] = (uint8_t)(i % 251);
    }
    ring_send(bench->ring, bench->ours[0], span_of(memory, LARGE), 7);
    ring_send(bench->ring, bench->ours[1], span_text("others are not held up"), 8);
    assert_int_equal(ring_submit(bench->ring), 2);
    expect(bench->theirs[1], "others are not held up");
    assert_true(ring_shortfall(bench->ring, &tag, &result));
    assert_int_equal(tag, 7);
    assert_in_range(result, 1, LARGE - 1);
    assert_false(ring_shortfall(bench->ring, &tag, &result));
    uint8_t *found = malloc(LARGE);
    size_t size = 0;
    for (ssize_t more; (more = recv(bench->theirs[0], found + size, LARGE - size, MSG_DONTWAIT)) > 0;) {
        size += (size_t)more;
    }
    assert_int_equal(size, result);
    assert_memory_equal(found, memory, size);
    free(found);
    free(memory);
}

static void a_broken_socket_is_told_and_harms_nobody(void **state)
{
    struct bench *bench = bench_of(state);
    uint64_t tag = 0;
    int32_t result = 0;
    assert_int_equal(shutdown(bench->theirs[0], SHUT_RDWR), 0);
    ring_send(bench->ring, bench->ours[0], span_text("nobody"), 1);
    ring_send(bench->ring, bench->ours[1], span_text("somebody"), 2);
    ring_send(bench->ring, -1, span_text("nowhere"), 3);
    ring_send(bench->ring, bench->ours[1], span_text(" more"), 4);
    assert_int_equal(ring_submit(bench->ring), 4);
    expect(bench->theirs[1], "somebody more");
    assert_true(ring_shortfall(bench->ring, &tag, &result));
    assert_int_equal(tag, 1);
    assert_int_equal(result, -EPIPE);
    assert_true(ring_shortfall(bench->ring, &tag, &result));
    assert_int_equal(tag, 3);
    assert_int_equal(result, -EBADF);
    assert_false(ring_shortfall(bench->ring, &tag, &result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_sent_before_it_is_submitted_and_then_all_in_order, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_send_that_falls_short_says_by_how_much, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_socket_is_told_and_harms_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
