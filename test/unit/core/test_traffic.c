/* SPDX-License-Identifier: Apache-2.0
 * Rates of requests: counts that come late or together, and what a region certainly carries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/traffic.h"

enum { TAIWAN, TOKYO };
enum { START_US = 1000000 };

static struct mono at_ms(int64_t ms)
{
    return (struct mono){START_US + ms * TIME_US_PER_MS};
}

/* 60 requests a second, counted each second until `end_ms`. */
static void steady(struct traffic *traffic, uint32_t region, int64_t begin_ms, int64_t end_ms)
{
    for (int64_t ms = begin_ms; ms <= end_ms; ms += 1000) {
        traffic_count(traffic, region, 0, 60, at_ms(ms));
    }
}

static void test_first_count_starts_the_clock(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    traffic_count(&traffic, TAIWAN, 0, 500, at_ms(0));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 0);
    assert_int_equal(traffic_carried(&traffic, TAIWAN), 0);
    traffic_count(&traffic, TAIWAN, 0, 60, at_ms(1000));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 60000);
    assert_int_equal(traffic_carried(&traffic, TAIWAN), 60000);
}

/* Two probes of nearly one instant are one sample, whatever was counted by each. */
static void test_counts_close_together_are_one(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    traffic_count(&traffic, TAIWAN, 0, 0, at_ms(0));
    traffic_count(&traffic, TAIWAN, 0, 60, at_ms(1000));
    traffic_count(&traffic, TAIWAN, 0, 59, at_ms(1010));
    traffic_count(&traffic, TAIWAN, 0, 0, at_ms(1010));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 60000);
    traffic_count(&traffic, TAIWAN, 0, 1, at_ms(2000));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 60000);
    /* Out of turn: it is counted, and moves no clock back. */
    traffic_count(&traffic, TAIWAN, 0, 30, at_ms(1500));
    traffic_count(&traffic, TAIWAN, 0, 30, at_ms(3000));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 60000);
}

/* One second of catching up after a stall is not what the region carries. */
static void test_burst_is_not_usual(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    steady(&traffic, TAIWAN, 0, 20000);
    steady(&traffic, TOKYO, 0, 20000);
    traffic_count(&traffic, TAIWAN, 0, 250, at_ms(21000));
    assert_int_equal(traffic_rate(&traffic, TAIWAN), 250000);
    const uint64_t source = traffic_carried(&traffic, TAIWAN);
    const uint64_t target = traffic_carried(&traffic, TOKYO);
    assert_in_range(source, 60000, 80000);
    assert_int_equal(target, 60000);
    assert_false(traffic_moved(&traffic, TOKYO, source, target));
    traffic_count(&traffic, TOKYO, 0, 110, at_ms(21000));
    assert_true(traffic_moved(&traffic, TOKYO, source, target));
}

/* A moment after a shift the averages are those of before it: neither side is believed to have carried more than it
 * does now. */
static void test_shift_of_a_moment_ago(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    for (int64_t ms = 0; ms <= 20000; ms += 1000) {
        traffic_count(&traffic, TAIWAN, 0, 0, at_ms(ms));
        traffic_count(&traffic, TOKYO, 0, 100, at_ms(ms));
    }
    traffic_count(&traffic, TAIWAN, 0, 60, at_ms(21000));
    traffic_count(&traffic, TOKYO, 0, 40, at_ms(21000));
    const uint64_t source = traffic_carried(&traffic, TAIWAN);
    const uint64_t target = traffic_carried(&traffic, TOKYO);
    assert_in_range(source, 1000, 60000);
    assert_int_equal(target, 40000);
    traffic_count(&traffic, TOKYO, 0, 97, at_ms(22000));
    assert_true(traffic_moved(&traffic, TOKYO, source, target));
}

static void test_average_begins_anew(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    steady(&traffic, TAIWAN, 0, 20000);
    traffic_count(&traffic, TAIWAN, 0, 160 * 120, at_ms(140000));
    assert_int_equal(traffic_carried(&traffic, TAIWAN), 160000);
}

/* The average weighs time, not observers. */
static void test_observers_count_the_same(void **state)
{
    (void)state;
    struct traffic traffic = {0};
    for (int64_t ms = 0; ms <= 20000; ms += 1000) {
        for (uint32_t site = 0; site < 3; site++) {
            traffic_count(&traffic, TAIWAN, site, 60, at_ms(ms + site * 50));
        }
    }
    assert_int_equal(traffic_carried(&traffic, TAIWAN), 60000);
    for (uint32_t site = 0; site < 3; site++) {
        traffic_count(&traffic, TAIWAN, site, 260, at_ms(21000 + site * 50));
    }
    assert_in_range(traffic_carried(&traffic, TAIWAN), 78000, 82000);
}

static void test_next_to_nothing_asks_for_nothing(void **state)
{
    (void)state;
    const struct traffic traffic = {0};
    assert_true(traffic_moved(&traffic, TOKYO, 999, 60000));
    assert_false(traffic_moved(&traffic, TOKYO, 1000, 60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_count_starts_the_clock),
        cmocka_unit_test(test_counts_close_together_are_one),
        cmocka_unit_test(test_burst_is_not_usual),
        cmocka_unit_test(test_shift_of_a_moment_ago),
        cmocka_unit_test(test_average_begins_anew),
        cmocka_unit_test(test_observers_count_the_same),
        cmocka_unit_test(test_next_to_nothing_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
