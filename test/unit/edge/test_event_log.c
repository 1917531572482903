/* SPDX-License-Identifier: Apache-2.0
 * The ring of latest entries: order, limits, waiting. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edge/event_log.h"

static void add(struct event_log *log, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "{\"n\":%llu}", (unsigned long long)number);
    const struct store_entry entry = {
        .number = number, .wall = {(int64_t)number}, .kind = "k", .run = "", .text = text};
    event_log_add(log, &entry);
}

static void expect(struct event_log *log, uint64_t after, uint64_t first, size_t count)
{
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const struct store_entry *entries = NULL;
    size_t have = 99;
    assert_int_equal(event_log_read(log, after, 0, &memory, &entries, &have), ERR_OK);
    assert_int_equal(have, count);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "{\"n\":%llu}", (unsigned long long)(first + i));
        assert_int_equal(entries[i].number, first + i);
        assert_string_equal(entries[i].text, text);
    }
    arena_fini(&memory);
}

static enum err read_err(struct event_log *log, uint64_t after)
{
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const struct store_entry *entries = NULL;
    size_t have = 0;
    const enum err err = event_log_read(log, after, 0, &memory, &entries, &have);
    arena_fini(&memory);
    return err;
}

static void test_ring(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(4);
    expect(log, 0, 0, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        add(log, i);
    }
    expect(log, 0, 1, 3);
    expect(log, 2, 3, 1);
    expect(log, 3, 0, 0);
    expect(log, 50, 0, 0);
    for (uint64_t i = 3; i <= 10; i++) {
        add(log, i);
    }
    assert_int_equal(event_log_floor(log), 6);
    assert_int_equal(event_log_newest(log), 10);
    expect(log, 6, 7, 4);
    assert_int_equal(read_err(log, 5), ERR_STALE);
    add(log, 20);
    expect(log, 19, 20, 1);
    assert_int_equal(read_err(log, 18), ERR_STALE);
    event_log_free(log);
}

static void *wait_for_one(void *context)
{
    struct event_log *log = context;
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const struct store_entry *entries = NULL;
    size_t count = 0;
    const enum err err = event_log_read(log, 1, 60000, &memory, &entries, &count);
    const bool good = err == ERR_OK && count == 1 && entries[0].number == 2;
    arena_fini(&memory);
    return good ? context : NULL;
}

static void test_waiting(void **state)
{
    (void)state;
    struct event_log *log = event_log_new(4);
    add(log, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wait_for_one, log), 0);
    add(log, 2);
    void *result = NULL;
    pthread_join(thread, &result);
    assert_ptr_equal(result, log);
    event_log_close(log);
    struct arena memory;
    arena_init(&memory, 1 << 20);
    const struct store_entry *entries = NULL;
    size_t count = 9;
    assert_int_equal(event_log_read(log, 2, 60000, &memory, &entries, &count), ERR_OK);
    assert_int_equal(count, 0);
    arena_fini(&memory);
    event_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
