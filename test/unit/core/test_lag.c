/* SPDX-License-Identifier: Apache-2.0
 * Replication lag: percentiles, their window, and the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/lag.h"

static struct mono at_ms(int64_t ms)
{
    return (struct mono){1000000 + ms * TIME_US_PER_MS};
}

static void test_percentiles_are_little_too_high_and_never_too_low(void **state)
{
    (void)state;
    struct lag lag = {0};
    assert_int_equal(lag_percentile(&lag, LAG_MS, 50), 0);
    for (uint32_t i = 1; i <= 1000; i++) {
        lag_take(&lag, at_ms(i), i, (uint64_t)i << 20);
    }
    static const uint32_t percents[] = {1, 50, 95, 99};
    for (size_t i = 0; i < sizeof percents / sizeof percents[0]; i++) {
        const uint64_t exact = percents[i] * 10ULL;
        const uint64_t ms = lag_percentile(&lag, LAG_MS, percents[i]);
        const uint64_t bytes = lag_percentile(&lag, LAG_BYTES, percents[i]);
        assert_true(ms >= exact && ms <= exact + exact / 5 + 1);
        assert_true(bytes >= exact << 20 && bytes <= (exact << 20) + (exact << 20) / 5 + 1);
    }
    assert_int_equal(lag_percentile(&lag, LAG_MS, 100), 1000);
    assert_int_equal(lag_percentile(&lag, LAG_BYTES, 100), 1000LL << 20);
    assert_int_equal(lag_samples(&lag), 1000);
}

/* The first value of a bucket among larger ones: nothing is told more wrongly. */
static void test_the_worst_percentile_is_less_than_a_quarter_too_high(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < (uint64_t)1 << 40; value *= 2) {
        struct lag lag = {0};
        lag_take(&lag, at_ms(0), 0, value);
        lag_take(&lag, at_ms(1), 0, value * 8);
        const uint64_t told = lag_percentile(&lag, LAG_BYTES, 50);
        assert_true(told >= value && told < value + value / 4 + 1);
    }
}

static void test_small_values_are_exact_and_huge_ones_are_kept(void **state)
{
    (void)state;
    struct lag lag = {0};
    lag_take(&lag, at_ms(0), 0, 0);
    lag_take(&lag, at_ms(1), 3, UINT64_MAX);
    assert_int_equal(lag_percentile(&lag, LAG_MS, 50), 0);
    assert_int_equal(lag_percentile(&lag, LAG_MS, 99), 3);
    assert_true(lag_percentile(&lag, LAG_BYTES, 100) == UINT64_MAX);
    assert_true(lag_percentile(&lag, LAG_BYTES, 99) == UINT64_MAX);
}

static void test_old_samples_are_forgotten_after_two_windows(void **state)
{
    (void)state;
    struct lag lag = {0};
    lag_take(&lag, at_ms(0), 9000, 1);
    lag_take(&lag, at_ms(LAG_WINDOW_MS), 1, 1);
    assert_int_equal(lag_percentile(&lag, LAG_MS, 100), 9000);
    lag_take(&lag, at_ms(2 * LAG_WINDOW_MS), 2, 1);
    assert_int_equal(lag_percentile(&lag, LAG_MS, 100), 2);
    assert_int_equal(lag_samples(&lag), 2);
    lag_take(&lag, at_ms(9 * LAG_WINDOW_MS), 3, 1);
    assert_int_equal(lag_samples(&lag), 1);
}

static void test_an_unknown_lag_counts_for_nothing(void **state)
{
    (void)state;
    struct lag lag = {0};
    lag_take(&lag, at_ms(0), UINT32_MAX, 77);
    assert_int_equal(lag_samples(&lag), 0);
    assert_int_equal(lag_crossed(&lag, UINT32_MAX, 1), 0);
}

static void test_the_limit_is_said_once_each_way(void **state)
{
    (void)state;
    struct lag lag = {0};
    assert_int_equal(lag_crossed(&lag, 5000, 5000), 0);
    assert_int_equal(lag_crossed(&lag, 5001, 5000), 1);
    assert_int_equal(lag_crossed(&lag, 9000, 5000), 0);
    assert_int_equal(lag_crossed(&lag, 2501, 5000), 0); /* not yet well below it */
    assert_int_equal(lag_crossed(&lag, UINT32_MAX, 5000), 0);
    assert_int_equal(lag_crossed(&lag, 2500, 5000), -1);
    assert_int_equal(lag_crossed(&lag, 2500, 5000), 0);
    assert_int_equal(lag_crossed(&lag, 9000, 0), 0);
}

static void test_the_view_tells_steps_that_are_never_too_small(void **state)
{
    (void)state;
    static const struct {
        uint32_t ms;
        uint32_t told_ms;
    } cases[] = {{0, 1000},      {1000, 1000},       {1001, 2000},          {2001, 4000},
                 {60000, 64000}, {4096000, 4096000}, {4096001, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lag lag = {0};
        assert_int_equal(lag_told(&lag), UINT32_MAX);
        assert_true(lag_tell(&lag, at_ms(0), cases[i].ms));
        assert_int_equal(lag_told(&lag), cases[i].told_ms);
    }
}

static void test_the_view_tells_more_after_two_samples_and_less_after_a_while(void **state)
{
    (void)state;
    struct lag lag = {0};
    assert_true(lag_tell(&lag, at_ms(0), 100));
    assert_false(lag_tell(&lag, at_ms(250), 900000)); /* one alone: the first record after a quiet time */
    assert_false(lag_tell(&lag, at_ms(500), 100));
    assert_false(lag_tell(&lag, at_ms(750), 3000));
    assert_true(lag_tell(&lag, at_ms(1000), 5000));
    assert_int_equal(lag_told(&lag), 4000); /* both said so much */
    assert_true(lag_tell(&lag, at_ms(1250), UINT32_MAX));
    assert_int_equal(lag_told(&lag), 8000);
    assert_true(lag_tell(&lag, at_ms(1500), UINT32_MAX));
    assert_int_equal(lag_told(&lag), UINT32_MAX);
    for (int64_t ms = 1750; ms < 1500 + LAG_SETTLE_MS; ms += 250) {
        assert_false(lag_tell(&lag, at_ms(ms), ms < 3000 ? 1500 : 100));
    }
    assert_true(lag_tell(&lag, at_ms(1500 + LAG_SETTLE_MS), 100));
    assert_int_equal(lag_told(&lag), 2000); /* the most of that time */
    assert_true(lag_tell(&lag, at_ms(1500 + 2 * (int64_t)LAG_SETTLE_MS), 100));
    assert_int_equal(lag_told(&lag), 1000);
    lag_untell(&lag);
    assert_int_equal(lag_told(&lag), UINT32_MAX);
    assert_true(lag_tell(&lag, at_ms(20000), 60000)); /* what was before does not count */
    assert_int_equal(lag_told(&lag), 64000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percentiles_are_little_too_high_and_never_too_low),
        cmocka_unit_test(test_the_worst_percentile_is_less_than_a_quarter_too_high),
        cmocka_unit_test(test_small_values_are_exact_and_huge_ones_are_kept),
        cmocka_unit_test(test_old_samples_are_forgotten_after_two_windows),
        cmocka_unit_test(test_an_unknown_lag_counts_for_nothing),
        cmocka_unit_test(test_the_limit_is_said_once_each_way),
        cmocka_unit_test(test_the_view_tells_steps_that_are_never_too_small),
        cmocka_unit_test(test_the_view_tells_more_after_two_samples_and_less_after_a_while),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
