/* SPDX-License-Identifier: Apache-2.0
 * The verdict's arithmetic: silences, windows, rows, phases. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "verdict.h"

static struct journal_entry entry(int64_t end_us, enum journal_outcome outcome)
{
    return (struct journal_entry){.start_us = end_us - 10,
                                  .end_us = end_us,
                                  .tier = 1,
                                  .outcome = outcome,
                                  .home = "taiwan",
                                  .table = "orders",
                                  .region = "tokyo"};
}

static const struct verdict_filter all = {.path = JOURNAL_HTTP};

static void test_outage_is_the_longest_silence(void **state)
{
    (void)state;
    /* killed at 1000; an answer that was on its way arrives at 1005; back at 3000; a short gap later */
    const struct journal_entry list[] = {
        entry(900, JOURNAL_OK),       entry(990, JOURNAL_OK),  entry(1005, JOURNAL_OK), entry(1500, JOURNAL_FAILED),
        entry(2000, JOURNAL_UNKNOWN), entry(3000, JOURNAL_OK), entry(3100, JOURNAL_OK), entry(3200, JOURNAL_OK),
    };
    struct verdict_outage outage;
    verdict_outage(list, 8, all, 1000, 3300, &outage);
    assert_true(outage.recovered);
    assert_int_equal(outage.last_before_us, 1005);
    assert_int_equal(outage.recovered_us, 3000);
    assert_int_equal(outage.outage_us, 1995);
    assert_int_equal(outage.rto_us, 2000);
    assert_int_equal(outage.last_error_us, 1000);
    assert_int_equal(outage.ok, 4);
    assert_int_equal(outage.failed, 1);
    assert_int_equal(outage.unknown, 1);
}

static void test_no_recovery(void **state)
{
    (void)state;
    const struct journal_entry list[] = {entry(990, JOURNAL_OK), entry(1005, JOURNAL_OK), entry(1500, JOURNAL_FAILED)};
    struct verdict_outage outage;
    verdict_outage(list, 3, all, 1000, 9000, &outage);
    assert_false(outage.recovered);
    assert_int_equal(outage.outage_us, 7995);
    verdict_outage(list, 0, all, 1000, 9000, &outage);
    assert_false(outage.recovered);
    /* nobody of this home wrote */
    verdict_outage(list, 3, (struct verdict_filter){.path = JOURNAL_HTTP, .home = "tokyo"}, 1000, 9000, &outage);
    assert_false(outage.recovered);
    assert_int_equal(outage.failed, 0);
    verdict_outage(list, 3, (struct verdict_filter){.path = JOURNAL_SQL}, 1000, 9000, &outage);
    assert_false(outage.recovered);
}

static void test_gap_before_the_kill_does_not_count(void **state)
{
    (void)state;
    const struct journal_entry list[] = {entry(100, JOURNAL_OK), entry(5000, JOURNAL_OK), entry(6100, JOURNAL_OK),
                                         entry(6200, JOURNAL_OK)};
    struct verdict_outage outage;
    verdict_outage(list, 4, all, 6000, 6300, &outage);
    assert_true(outage.recovered);
    assert_int_equal(outage.outage_us, 1100);
    assert_int_equal(outage.rto_us, 100);
}

static void test_window(void **state)
{
    (void)state;
    struct journal_entry list[101];
    for (int i = 0; i < 100; i++) {
        list[i] = entry(1000000 + i * 10000, JOURNAL_OK);
        list[i].start_us = list[i].end_us - (i + 1);
    }
    list[100] = entry(1999999, JOURNAL_FAILED);
    struct verdict_window window;
    verdict_window(list, 101, all, 1000000, 2000000, &window);
    assert_int_equal(window.ok, 100);
    assert_int_equal(window.failed, 1);
    assert_int_equal((int)window.per_second, 100);
    assert_int_equal(window.p50_us, 50);
    assert_int_equal(window.p95_us, 95);
    assert_int_equal(window.silence_us, 10000);
    assert_int_equal(verdict_served(list, 101, all, 1000000, 2000000, "tokyo"), 100);
    assert_int_equal(verdict_served(list, 101, all, 1000000, 2000000, "taiwan"), 0);
    verdict_window(list, 0, all, 1, 2, &window);
    assert_int_equal(window.p95_us, 0);
    assert_int_equal(window.silence_us, 1);
}

static void test_rows(void **state)
{
    (void)state;
    struct journal_entry list[] = {
        entry(1, JOURNAL_OK),      entry(2, JOURNAL_OK),     entry(3, JOURNAL_UNKNOWN),
        entry(4, JOURNAL_UNKNOWN), entry(5, JOURNAL_FAILED), entry(6, JOURNAL_OK),
    };
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < 6; i++) {
        memcpy(list[i].key, keys[i], 2);
    }
    list[5].tier = 2;
    struct verdict_row rows[] = {{"payments", "b"}, {"orders", "c"}, {"orders", "a"},
                                 {"orders", "z"},   {"orders", "a"}, {"orders", "e"}};
    struct verdict_rows result;
    verdict_rows(list, 6, rows, 6, &result);
    assert_int_equal(result.acknowledged[1], 2);
    assert_int_equal(result.present[1], 1);
    assert_int_equal(result.missing[1], 1);
    assert_string_equal(result.first_missing, "b"); /* there, but in another table */
    assert_int_equal(result.missing[2], 1);
    assert_int_equal(result.unknown_present, 1);
    assert_int_equal(result.unknown_absent, 1);
    assert_int_equal(result.failed_present, 1);
    assert_int_equal(result.duplicates, 1);
    verdict_rows(list, 6, rows, 0, &result);
    assert_int_equal(result.missing[1], 2);
}

static void test_phases(void **state)
{
    (void)state;
    const struct verdict_interval list[] = {
        {VERDICT_DETECT, 1000, 2000},  {VERDICT_DECIDE, 2000, 2100}, {VERDICT_FENCE, 2100, 2500},
        {VERDICT_PROMOTE, 2510, 3000}, {VERDICT_PROVE, 2900, 3100},  {VERDICT_ROUTE, 3100, 3200},
    };
    struct verdict_phases phases;
    verdict_phases(list, 6, 1000, 3300, &phases);
    assert_int_equal(phases.total_us, 2300);
    assert_int_equal(phases.us[VERDICT_DETECT], 1000);
    assert_int_equal(phases.us[VERDICT_PROMOTE], 490);
    assert_int_equal(phases.us[VERDICT_PROVE], 100);
    assert_int_equal(phases.us[VERDICT_RECONNECT], 100);
    assert_int_equal(phases.unattributed_us, 10);
    /* the clients were back before the routes were all set */
    verdict_phases(list, 6, 1000, 3150, &phases);
    assert_int_equal(phases.us[VERDICT_ROUTE], 50);
    assert_int_equal(phases.us[VERDICT_RECONNECT], 0);
    verdict_phases(list, 0, 1000, 3150, &phases);
    assert_int_equal(phases.us[VERDICT_RECONNECT], 2150);
}

static void test_phase_of(void **state)
{
    (void)state;
    enum verdict_phase phase;
    assert_true(verdict_phase_of("ROUTE_SQL", &phase));
    assert_int_equal(phase, VERDICT_ROUTE);
    assert_true(verdict_phase_of("fence", &phase));
    assert_string_equal(verdict_phase_name(phase), "fence");
    assert_false(verdict_phase_of("verify", &phase));
    assert_false(verdict_phase_of("", &phase));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outage_is_the_longest_silence),
        cmocka_unit_test(test_no_recovery),
        cmocka_unit_test(test_gap_before_the_kill_does_not_count),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_phase_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
