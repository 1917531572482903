/* SPDX-License-Identifier: Apache-2.0
 * The budget of retries: what it allows, what the seed decides, and that threads do not make tokens. */
#include <holdfast.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CALLS = 100000, THREADS = 3 };

static struct holdfast_retry *make(const struct holdfast_retry_config *config)
{
    struct holdfast_retry *retry;
    assert_int_equal(holdfast_retry_new(config, &retry), HOLDFAST_OK);
    return retry;
}

static struct holdfast_retry_config defaults(void)
{
    struct holdfast_retry_config config;
    holdfast_retry_config_default(&config);
    config.seed = 42;
    return config;
}

static void test_budget(void **state)
{
    (void)state;
    const struct holdfast_retry_config config = defaults();
    struct holdfast_retry *retry = make(&config);
    struct holdfast_retry_metrics metrics;
    int64_t wait_ms;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 1);
    }
    wait_ms = 77;
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 0);
    assert_int_equal(wait_ms, 77);
    for (int i = 0; i < 9; i++) {
        holdfast_retry_call(retry);
    }
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 0); /* nine calls are not ten */
    holdfast_retry_call(retry);
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 1);
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 0);
    for (int i = 0; i < 1000; i++) {
        holdfast_retry_call(retry);
    }
    holdfast_retry_read(retry, &metrics);
    assert_int_equal(metrics.saved_ppm, 10000000); /* no more than the burst */
    assert_int_equal(metrics.allowed, 11);
    assert_int_equal(metrics.refused_budget, 3);
    assert_int_equal(metrics.refused_attempts, 0);
    holdfast_retry_free(retry);
}

static void test_attempts(void **state)
{
    (void)state;
    struct holdfast_retry_config config = defaults();
    struct holdfast_retry *retry = make(&config);
    struct holdfast_retry_metrics metrics;
    int64_t wait_ms;
    assert_int_equal(holdfast_retry_ask(retry, 0, &wait_ms), 0);
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 1);
    assert_int_equal(holdfast_retry_ask(retry, 2, &wait_ms), 1);
    assert_int_equal(holdfast_retry_ask(retry, 3, &wait_ms), 0);
    holdfast_retry_read(retry, &metrics);
    assert_int_equal(metrics.refused_attempts, 2);
    assert_int_equal(metrics.saved_ppm, 8000000); /* what is refused is not paid */
    holdfast_retry_free(retry);
}

static void test_waits(void **state)
{
    (void)state;
    struct holdfast_retry_config config = defaults();
    config.attempts = 1000;
    config.burst = 1000000;
    struct holdfast_retry *one = make(&config);
    struct holdfast_retry *same = make(&config);
    config.seed = 43;
    struct holdfast_retry *other = make(&config);
    int different = 0;
    int64_t least = 1000;
    int64_t most = 0;
    for (int64_t i = 1; i < 1000; i++) {
        int64_t wait_ms;
        int64_t same_ms;
        int64_t other_ms;
        const int64_t step_ms = i < 7 ? 20 << (i - 1) : 1000;
        assert_int_equal(holdfast_retry_ask(one, i, &wait_ms), 1);
        assert_int_equal(holdfast_retry_ask(same, i, &same_ms), 1);
        assert_int_equal(holdfast_retry_ask(other, i, &other_ms), 1);
        assert_in_range(wait_ms, step_ms / 2, step_ms);
        assert_int_equal(wait_ms, same_ms);
        different += wait_ms != other_ms;
        least = i > 7 && wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    assert_true(different > 900);
    assert_true(least < 520 && most > 980); /* the whole range is used */
    holdfast_retry_free(one);
    holdfast_retry_free(same);
    holdfast_retry_free(other);
}

static void test_configurations(void **state)
{
    (void)state;
    struct holdfast_retry *retry = NULL;
    for (int i = 0; i < 9; i++) {
        struct holdfast_retry_config config = defaults();
        config.ratio_ppm = i == 0 ? -1 : i == 1 ? 1000001 : config.ratio_ppm;
        config.burst = i == 2 ? 0 : config.burst;
        config.attempts = i == 3 ? 0 : i == 4 ? 1001 : config.attempts;
        config.wait_ms = i == 5 ? 0 : config.wait_ms;
        config.wait_max_ms = i == 6 ? config.wait_ms - 1 : i == 7 ? 3600001 : config.wait_max_ms;
        config.reserved[2] = i == 8;
        assert_int_equal(holdfast_retry_new(&config, &retry), HOLDFAST_INVALID_CONFIG);
    }
    assert_null(retry);
    holdfast_retry_free(NULL);
    struct holdfast_retry_config config = defaults();
    config.ratio_ppm = 0;
    config.burst = 1;
    config.seed = 0;
    retry = make(&config);
    int64_t wait_ms;
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 1);
    for (int i = 0; i < 1000; i++) {
        holdfast_retry_call(retry);
    }
    assert_int_equal(holdfast_retry_ask(retry, 1, &wait_ms), 0);
    holdfast_retry_free(retry);
}

static void *spend(void *context)
{
    struct holdfast_retry *retry = (struct holdfast_retry *)context;
    for (int i = 0; i < CALLS; i++) {
        int64_t wait_ms;
        holdfast_retry_call(retry);
        (void)holdfast_retry_ask(retry, 1, &wait_ms);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    const struct holdfast_retry_config config = defaults();
    struct holdfast_retry *retry = make(&config);
    struct holdfast_retry_metrics metrics;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, spend, retry), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    holdfast_retry_read(retry, &metrics);
    assert_int_equal(metrics.allowed + metrics.refused_budget, THREADS * CALLS);
    /* Earned is a tenth of the calls, except while the budget was full. */
    assert_true(metrics.allowed <= THREADS * CALLS / 10 + 10);
    assert_true(metrics.allowed >= THREADS * CALLS / 10 - 10);
    assert_true(metrics.saved_ppm >= 0 && metrics.saved_ppm < 1000000 + 100000);
    holdfast_retry_free(retry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budget),         cmocka_unit_test(test_attempts), cmocka_unit_test(test_waits),
        cmocka_unit_test(test_configurations), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
