/* SPDX-License-Identifier: Apache-2.0
 * Series: thresholds, resets, the run above the error limit, one evaluation per distinct time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/series.h"

#define SECOND INT64_C(1000000)

struct change {
    int64_t at_us;
    enum decide_decision decision;
    enum decide_reason reason;
};

static void play(struct series *series, const struct series_event *events, size_t count, const struct change *expected,
                 size_t changes)
{
    size_t seen = 0;
    int64_t at_us;
    for (size_t i = 0; i <= count; i++) {
        const bool changed = i < count ? series_event(series, &events[i], &at_us) : series_finish(series, &at_us);
        if (changed) {
            assert_true(seen < changes);
            assert_int_equal(at_us, expected[seen].at_us);
            assert_int_equal(series->answer.decision, expected[seen].decision);
            assert_int_equal(series->answer.reason, expected[seen].reason);
            seen++;
        }
    }
    assert_int_equal(seen, changes);
}

static void start(struct series *series, int64_t error_rate_ppm, int64_t duration_us)
{
    const struct decide_thresholds thresholds = decide_thresholds_default();
    struct decide_snapshot snapshot;
    decide_snapshot_favourable(&snapshot);
    assert_true(decide_snapshot_add(&snapshot, "a", MODEL_CRITICAL, 2, DECIDE_FAILED));
    assert_true(decide_snapshot_add(&snapshot, "b", MODEL_CRITICAL, 2, DECIDE_UNKNOWN));
    snapshot.checks[0].failure_threshold = 2;
    snapshot.metrics.error_rate_ppm = error_rate_ppm;
    snapshot.metrics.error_rate_duration_us = duration_us;
    series_init(series, &snapshot, &thresholds, MODEL_STANDARD);
}

static void test_checks(void **state)
{
    (void)state;
    static const struct series_event events[] = {
        {.at_us = 1, .kind = SERIES_CHECK, .index = 0},
        {.at_us = 2, .kind = SERIES_CHECK, .index = 0},
        {.at_us = 3, .kind = SERIES_CHECK, .index = 0, .ok = true},
        {.at_us = 4, .kind = SERIES_CHECK, .index = 0},
        {.at_us = 5, .kind = SERIES_CHECK, .index = 1},
        {.at_us = 6, .kind = SERIES_CHECK, .index = 1},
        {.at_us = 7, .kind = SERIES_CHECK, .index = 1},
        {.at_us = 7, .kind = SERIES_CHECK, .index = 0},
    };
    static const struct change changes[] = {
        {0, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY},
        {2, DECIDE_MONITOR, DECIDE_SINGLE_SERVICE_DOWN},
        {3, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY},
        {7, DECIDE_AUTOMATIC_FAILOVER, DECIDE_COMPLETE_REGIONAL_FAILURE},
    };
    struct series series;
    start(&series, 0, 0);
    play(&series, events, 8, changes, 4);
}

/* The run starts at its first sample above 0.10 and is broken by one at 0.10. */
static void test_error_rate_run(void **state)
{
    (void)state;
    static const struct series_event events[] = {
        {.at_us = 10 * SECOND, .kind = SERIES_ERROR_RATE, .value = 200000},
        {.at_us = 310 * SECOND, .kind = SERIES_ERROR_RATE, .value = 300000},
        {.at_us = 310 * SECOND + 1, .kind = SERIES_ERROR_RATE, .value = 300000},
        {.at_us = 311 * SECOND, .kind = SERIES_ERROR_RATE, .value = 100000},
        {.at_us = 312 * SECOND, .kind = SERIES_ERROR_RATE, .value = 100001},
        {.at_us = 613 * SECOND, .kind = SERIES_P95, .value = 0},
    };
    static const struct change changes[] = {
        {0, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY},
        {10 * SECOND, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_PARTIAL_DEGRADATION},
        {310 * SECOND + 1, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE},
        {311 * SECOND, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_PARTIAL_DEGRADATION},
        {613 * SECOND, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE},
    };
    struct series series;
    start(&series, 0, 0);
    play(&series, events, 6, changes, 5);
}

/* A run that began before the series counts on. */
static void test_run_from_before(void **state)
{
    (void)state;
    static const struct series_event events[] = {{.at_us = 2 * SECOND, .kind = SERIES_ERROR_RATE, .value = 200000}};
    static const struct change changes[] = {
        {0, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_PARTIAL_DEGRADATION},
        {2 * SECOND, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE},
    };
    struct series series;
    start(&series, 200000, 299 * SECOND);
    play(&series, events, 1, changes, 2);
}

/* Events of time 0 come before the evaluation at 0. */
static void test_events_at_zero(void **state)
{
    (void)state;
    static const struct series_event events[] = {{.at_us = 0, .kind = SERIES_P95, .value = 200000000}};
    static const struct change changes[] = {{0, DECIDE_MONITOR, DECIDE_PERFORMANCE_DEGRADATION}};
    struct series series;
    start(&series, 0, 0);
    play(&series, events, 1, changes, 1);
}

/* The ADR's numbers hold for its run as well, whatever is configured. */
static void test_adr_is_not_configurable(void **state)
{
    (void)state;
    static const struct series_event events[] = {
        {.at_us = 1 * SECOND, .kind = SERIES_ERROR_RATE, .value = 90000},
        {.at_us = 200 * SECOND, .kind = SERIES_ERROR_RATE, .value = 110000},
        {.at_us = 400 * SECOND, .kind = SERIES_ERROR_RATE, .value = 110000},
        {.at_us = 501 * SECOND, .kind = SERIES_ERROR_RATE, .value = 110000},
    };
    static const struct change changes[] = {
        {0, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY},
        {501 * SECOND, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE},
    };
    struct series series;
    start(&series, 0, 0);
    struct decide_thresholds thresholds = decide_thresholds_default();
    const struct decide_snapshot snapshot = series.snapshot;
    thresholds.error_rate_automatic_ppm = 80000;
    series_init(&series, &snapshot, &thresholds, MODEL_ADR_039);
    play(&series, events, 4, changes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_error_rate_run),
        cmocka_unit_test(test_run_from_before),
        cmocka_unit_test(test_events_at_zero),
        cmocka_unit_test(test_adr_is_not_configurable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
