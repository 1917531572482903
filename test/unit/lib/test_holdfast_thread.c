/* SPDX-License-Identifier: Apache-2.0
 * Numbers of threads: distinct while they live, used again when they end; and no count is lost by that. */
#include <holdfast.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/holdfast_thread.h"

enum { ROUNDS = 300, CROWD = HOLDFAST_THREADS + 20, CALLS = 200, WINDOW = 10 };

static struct holdfast_breaker *breaker;
static pthread_barrier_t together;

static void calls(int count)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(holdfast_breaker_acquire(breaker), 1);
        holdfast_breaker_record(breaker, HOLDFAST_SUCCESS, 1000);
    }
}

static int set_up(void **state)
{
    (void)state;
    struct holdfast_breaker_config config;
    holdfast_breaker_config_default(&config);
    config.window_size = WINDOW;
    config.minimum_calls = WINDOW;
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_OK);
    calls(WINDOW); /* the window is full: from now on successes are only counted */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    holdfast_breaker_free(breaker);
    return 0;
}

static int64_t healthy(void)
{
    struct holdfast_breaker_metrics metrics;
    holdfast_breaker_read(breaker, &metrics);
    return metrics.healthy;
}

static void *one_after_the_other(void *context)
{
    unsigned *number = (unsigned *)context;
    *number = holdfast_thread();
    calls(CALLS);
    assert_int_equal(holdfast_thread(), *number);
    return NULL;
}

static void numbers_are_used_again(void **state)
{
    (void)state;
    const int64_t before = healthy();
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t id;
        unsigned number = HOLDFAST_THREADS;
        assert_int_equal(pthread_create(&id, NULL, one_after_the_other, &number), 0);
        assert_int_equal(pthread_join(id, NULL), 0);
        assert_true(number < 2); /* the main thread may have the first one */
    }
    assert_int_equal(healthy() - before, (int64_t)ROUNDS * CALLS);
}

static void *all_at_once(void *context)
{
    unsigned *number = (unsigned *)context;
    *number = holdfast_thread();
    pthread_barrier_wait(&together);
    calls(CALLS);
    return NULL;
}

static void numbers_of_living_threads_differ(void **state)
{
    (void)state;
    static pthread_t ids[CROWD];
    static unsigned numbers[CROWD];
    int owners[HOLDFAST_THREADS + 1] = {0};
    const int64_t before = healthy();
    const unsigned mine = holdfast_thread();
    assert_int_equal(pthread_barrier_init(&together, NULL, CROWD), 0);
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_create(&ids[i], NULL, all_at_once, &numbers[i]), 0);
    }
    for (int i = 0; i < CROWD; i++) {
        assert_int_equal(pthread_join(ids[i], NULL), 0);
        owners[numbers[i]]++;
    }
    pthread_barrier_destroy(&together);
    for (unsigned i = 0; i < HOLDFAST_THREADS; i++) {
        assert_int_equal(owners[i], i == mine ? 0 : 1);
    }
    assert_int_equal(owners[HOLDFAST_THREADS], CROWD - HOLDFAST_THREADS + 1);
    assert_int_equal(healthy() - before, (int64_t)CROWD * CALLS);
    numbers_are_used_again(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_of_living_threads_differ, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
