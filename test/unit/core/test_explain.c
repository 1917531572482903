/* SPDX-License-Identifier: Apache-2.0
 * Explanations: a trigger is reached exactly when its figure is, and a variation really changes the decision. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/explain.h"

static void sample(struct decide_snapshot *snapshot)
{
    decide_snapshot_favourable(snapshot);
    assert_true(decide_snapshot_add(snapshot, "database-master", MODEL_CRITICAL, 1, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "order-service", MODEL_CRITICAL, 2, DECIDE_FAILED));
    assert_true(decide_snapshot_add(snapshot, "payment-service", MODEL_CRITICAL, 2, DECIDE_PASSED));
    snapshot->metrics.error_rate_ppm = 100000;
    snapshot->metrics.error_rate_duration_us = INT64_C(300000001);
}

static void test_distances(void **state)
{
    (void)state;
    const struct decide_thresholds thresholds = decide_thresholds_default();
    struct explain_distance distances[EXPLAIN_DISTANCES];
    struct decide_snapshot snapshot;
    sample(&snapshot);
    const uint32_t count = explain_distances(&snapshot, &thresholds, MODEL_STANDARD, distances);
    uint32_t reached = 0;
    uint32_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(distances[i].rule >= last);
        last = distances[i].rule;
        reached += distances[i].reached;
        if (distances[i].rule == 5 && distances[i].unit == EXPLAIN_RATIO) {
            assert_false(distances[i].reached); /* exactly at a limit that must be exceeded */
        }
    }
    assert_int_equal(count, 11);
    assert_int_equal(reached, 3); /* duration of rule 5, error rate of rules 9 and 11 */
    assert_int_equal(explain_distances(&snapshot, &thresholds, MODEL_ADR_039, distances), 5);
}

static void test_variations(void **state)
{
    (void)state;
    const struct decide_thresholds thresholds = decide_thresholds_default();
    struct explain_variation variations[EXPLAIN_VARIATIONS];
    struct decide_snapshot snapshot;
    struct decide_answer present;
    sample(&snapshot);
    snapshot.metrics.error_rate_ppm = 0;
    snapshot.state.maintenance = true;
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &present);
    assert_int_equal(present.reason, DECIDE_SINGLE_SERVICE_DOWN);
    const uint32_t count = explain_variations(&snapshot, &thresholds, MODEL_STANDARD, variations);
    assert_true(count >= 4);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(variations[i].answer.decision, present.decision);
    }
    assert_string_equal(variations[0].change, "if one more critical check had failed");
    assert_int_equal(variations[0].answer.reason, DECIDE_MULTIPLE_SERVICE_FAILURES);
    assert_int_equal(variations[1].answer.reason, DECIDE_MULTIPLE_SERVICE_FAILURES);
    assert_int_equal(variations[2].answer.gate, DECIDE_GATE_MAINTENANCE_WINDOW);
}

/* A change reaches the ADR's own limits, also when lower ones are configured. */
static void test_variations_of_the_adr(void **state)
{
    (void)state;
    struct decide_thresholds thresholds = decide_thresholds_default();
    struct explain_variation variations[EXPLAIN_VARIATIONS];
    struct decide_snapshot snapshot;
    bool found = false;
    thresholds.error_rate_automatic_ppm = 20000;
    thresholds.error_rate_duration_us = 1;
    thresholds.database_failures = 1;
    sample(&snapshot);
    snapshot.metrics.error_rate_ppm = 0;
    const uint32_t count = explain_variations(&snapshot, &thresholds, MODEL_ADR_039, variations);
    for (uint32_t i = 0; i < count; i++) {
        const bool rate =
            strcmp(variations[i].change, "if the error rate had been above its limit for long enough") == 0;
        found |= rate && variations[i].answer.reason == DECIDE_HIGH_ERROR_RATE;
    }
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distances), cmocka_unit_test(test_variations),
                                       cmocka_unit_test(test_variations_of_the_adr)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
