/* SPDX-License-Identifier: Apache-2.0
 * What entries have done: transactions, queries, times, and their averages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/proxy_stat.h"

enum { ROUTE = 3 };

static struct mono at_us(int64_t us)
{
    return (struct mono){1000000 + us};
}

static uint64_t told(const struct proxy_stat *stat, enum proxy_stat_kind kind)
{
    struct proxy_stat_sum sum = {.values = {{0}}};
    proxy_stat_collect(stat, &sum);
    return sum.values[ROUTE][kind];
}

static void a_log_in_is_no_query(void **state)
{
    (void)state;
    static struct proxy_stat stat;
    struct proxy_stat_clock clock = {.query = {0}};
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(5), true, false);
    assert_int_equal(told(&stat, PROXY_STAT_QUERIES), 0);
}

static void a_transaction_is_several_queries(void **state)
{
    (void)state;
    static struct proxy_stat stat;
    struct proxy_stat_clock clock = {.query = {0}};
    proxy_stat_begin(&clock, at_us(0), true); /* BEGIN */
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(10), false, false);
    proxy_stat_begin(&clock, at_us(1000), false);
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(1100), false, false);
    proxy_stat_begin(&clock, at_us(2000), false); /* COMMIT */
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(2500), true, false);
    assert_int_equal(told(&stat, PROXY_STAT_QUERIES), 3);
    assert_int_equal(told(&stat, PROXY_STAT_TRANSACTIONS), 1);
    assert_int_equal(told(&stat, PROXY_STAT_QUERY_US), 610);
    assert_int_equal(told(&stat, PROXY_STAT_TRANSACTION_US), 2500);
    proxy_stat_begin(&clock, at_us(9000), true);
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(9001), true, false);
    assert_int_equal(told(&stat, PROXY_STAT_TRANSACTIONS), 2);
    assert_int_equal(told(&stat, PROXY_STAT_TRANSACTION_US), 2501);
}

static void pipelined_queries_follow_each_other(void **state)
{
    (void)state;
    static struct proxy_stat stat;
    struct proxy_stat_clock clock = {.query = {0}};
    proxy_stat_begin(&clock, at_us(0), true);
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(10), true, true);
    proxy_stat_ready(&stat, ROUTE, &clock, at_us(30), true, false);
    assert_int_equal(told(&stat, PROXY_STAT_QUERIES), 2);
    assert_int_equal(told(&stat, PROXY_STAT_QUERY_US), 30);
    assert_int_equal(told(&stat, PROXY_STAT_TRANSACTION_US), 30);
}

static void waits_are_counted_once(void **state)
{
    (void)state;
    static struct proxy_stat stat;
    struct proxy_stat_clock clock = {.wait = at_us(0)};
    proxy_stat_waited(&stat, ROUTE, &clock, at_us(70));
    proxy_stat_waited(&stat, ROUTE, &clock, at_us(90));
    proxy_stat_waited(&stat, LIMITS_NONE, &clock, at_us(90)); /* a client that has not said what it wants */
    assert_int_equal(told(&stat, PROXY_STAT_WAIT_US), 70);
}

static void averages_are_of_the_last_periods(void **state)
{
    (void)state;
    struct proxy_stat_history history;
    struct proxy_stat_sum sum = {.values = {{0}}};
    struct proxy_stat_sum before;
    const int64_t period_us = PROXY_STAT_PERIOD_MS * (int64_t)TIME_US_PER_MS;
    proxy_stat_history_init(&history, at_us(0));
    assert_false(proxy_stat_history_due(&history, at_us(period_us - 1)));
    assert_true(proxy_stat_history_due(&history, at_us(period_us)));
    for (int64_t i = 1; i <= 3; i++) {
        sum.values[ROUTE][PROXY_STAT_QUERIES] = (uint64_t)i;
        proxy_stat_history_take(&history, at_us(i * period_us), &sum);
    }
    assert_int_equal(proxy_stat_history_read(&history, at_us(3 * period_us + 5), &before), period_us + 5);
    assert_int_equal(before.values[ROUTE][PROXY_STAT_QUERIES], 2);
    proxy_stat_history_fini(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_log_in_is_no_query),
        cmocka_unit_test(a_transaction_is_several_queries),
        cmocka_unit_test(pipelined_queries_follow_each_other),
        cmocka_unit_test(waits_are_counted_once),
        cmocka_unit_test(averages_are_of_the_last_periods),
    };
    return cmocka_run_group_tests_name("proxy_stat", tests, NULL, NULL);
}
