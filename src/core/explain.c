/* SPDX-License-Identifier: Apache-2.0
 * Distances and counterfactuals. */
#include "core/explain.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "core/decide_rule.h"

struct explain_list {
    struct explain_distance *distances;
    uint32_t count;
};

static void explain_add(struct explain_list *list, struct explain_distance distance)
{
    ASSERT(list->count < EXPLAIN_DISTANCES);
    distance.reached = distance.above ? distance.value > distance.bound : distance.value >= distance.bound;
    list->distances[list->count++] = distance;
}

static int64_t explain_database_failures(const struct decide_rule_case *facts)
{
    return facts->database != NULL ? facts->database->consecutive_failures : 0;
}

static void explain_standard(struct explain_list *list, const struct decide_rule_case *facts)
{
    const struct decide_metrics *metrics = &facts->snapshot->metrics;
    const struct decide_thresholds *limits = facts->thresholds;
    const int64_t pods_ppm = facts->pods_critical_ppm > 0 ? facts->pods_critical_ppm : 0;
    const int64_t layer1 = facts->layer1 > 2 ? facts->layer1 : 2;
    explain_add(list,
                (struct explain_distance){3, "critical checks FAILED", EXPLAIN_COUNT, false, facts->critical_failed,
                                          facts->critical > 0 ? facts->critical : 1, false});
    explain_add(list, (struct explain_distance){3, "critical checks of layer 1 FAILED", EXPLAIN_COUNT, false,
                                                facts->layer1_failed, layer1, false});
    explain_add(list, (struct explain_distance){4, "consecutive failures of database-master", EXPLAIN_COUNT, false,
                                                explain_database_failures(facts), limits->database_failures, false});
    explain_add(list, (struct explain_distance){5, "error rate", EXPLAIN_RATIO, true, metrics->error_rate_ppm,
                                                limits->error_rate_automatic_ppm, false});
    explain_add(list,
                (struct explain_distance){5, "duration of the error rate", EXPLAIN_SECONDS, true,
                                          metrics->error_rate_duration_us, limits->error_rate_duration_us, false});
    explain_add(list, (struct explain_distance){6, "pods down of a failed critical service", EXPLAIN_RATIO, true,
                                                pods_ppm, limits->pods_down_ppm, false});
    explain_add(list, (struct explain_distance){7, "critical checks FAILED", EXPLAIN_COUNT, false,
                                                facts->critical_failed, 2, false});
    explain_add(list, (struct explain_distance){9, "error rate", EXPLAIN_RATIO, false, metrics->error_rate_ppm,
                                                limits->error_rate_review_ppm, false});
    explain_add(list, (struct explain_distance){11, "error rate", EXPLAIN_RATIO, false, metrics->error_rate_ppm,
                                                limits->error_rate_monitor_ppm, false});
    explain_add(list, (struct explain_distance){11, "p95", EXPLAIN_MILLISECONDS, false, metrics->p95_ns,
                                                limits->p95_monitor_ns, false});
    explain_add(list, (struct explain_distance){11, "pods down of any service", EXPLAIN_RATIO, true,
                                                facts->pods_worst_ppm, limits->pods_down_ppm, false});
}

static void explain_adr(struct explain_list *list, const struct decide_rule_case *facts)
{
    const struct decide_metrics *metrics = &facts->snapshot->metrics;
    const struct decide_thresholds limits = decide_thresholds_default();
    explain_add(list, (struct explain_distance){1, "critical checks FAILED", EXPLAIN_COUNT, false,
                                                facts->critical_failed, facts->critical, false});
    explain_add(list, (struct explain_distance){2, "consecutive failures of database-master", EXPLAIN_COUNT, false,
                                                explain_database_failures(facts), limits.database_failures, false});
    explain_add(list, (struct explain_distance){3, "error rate", EXPLAIN_RATIO, true, metrics->error_rate_ppm,
                                                limits.error_rate_automatic_ppm, false});
    explain_add(list, (struct explain_distance){3, "duration of the error rate", EXPLAIN_SECONDS, true,
                                                metrics->error_rate_duration_us, limits.error_rate_duration_us, false});
    explain_add(list, (struct explain_distance){4, "critical checks FAILED", EXPLAIN_COUNT, false,
                                                facts->critical_failed, 2, false});
}

uint32_t explain_distances(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                           enum model_profile profile, struct explain_distance ret_distances[EXPLAIN_DISTANCES])
{
    struct decide_rule_case facts;
    struct explain_list list = {.distances = ret_distances};
    decide_rule_case(snapshot, thresholds, &facts);
    if (profile == MODEL_ADR_039) {
        explain_adr(&list, &facts);
    } else {
        explain_standard(&list, &facts);
    }
    return list.count;
}

static void explain_fail(struct decide_check *check)
{
    check->status = DECIDE_FAILED;
    if (check->consecutive_failures < 3) {
        check->consecutive_failures = 3;
    }
}

/* Fails so many more critical checks, services first. */
static void explain_fail_more(struct decide_snapshot *snapshot, uint32_t more)
{
    for (uint32_t i = snapshot->checks_count; i > 0 && more > 0; i--) {
        struct decide_check *check = &snapshot->checks[i - 1];
        if (check->severity == MODEL_CRITICAL && check->status != DECIDE_FAILED &&
            strcmp(check->name, "database-master") != 0) {
            explain_fail(check);
            more--;
        }
    }
}

static void explain_one_more(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    (void)thresholds;
    explain_fail_more(snapshot, 1);
}

static void explain_two_more(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    (void)thresholds;
    explain_fail_more(snapshot, 2);
}

static void explain_all_failed(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    (void)thresholds;
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        if (snapshot->checks[i].severity == MODEL_CRITICAL) {
            explain_fail(&snapshot->checks[i]);
        }
    }
}

static void explain_database(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        struct decide_check *check = &snapshot->checks[i];
        if (strcmp(check->name, "database-master") == 0) {
            check->status = DECIDE_FAILED;
            check->consecutive_failures = thresholds->database_failures;
        }
    }
}

static void explain_rate(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    snapshot->metrics.error_rate_ppm = thresholds->error_rate_automatic_ppm + 1;
    snapshot->metrics.error_rate_duration_us = thresholds->error_rate_duration_us + 1;
}

static void explain_healed(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    (void)thresholds;
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        snapshot->checks[i].status = DECIDE_PASSED;
        snapshot->checks[i].consecutive_failures = 0;
    }
}

static void explain_gates_open(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds)
{
    (void)thresholds;
    struct decide_snapshot open;
    decide_snapshot_favourable(&open);
    snapshot->observers = open.observers;
    snapshot->target = open.target;
    snapshot->controller = open.controller;
    snapshot->state = open.state;
}

static const struct {
    const char *change;
    void (*apply)(struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds);
} explain_changes[] = {
    {"if one more critical check had failed", explain_one_more},
    {"if two more critical checks had failed", explain_two_more},
    {"if every critical check had failed", explain_all_failed},
    {"if database-master had failed often enough in a row", explain_database},
    {"if the error rate had been above its limit for long enough", explain_rate},
    {"if every check had passed", explain_healed},
    {"if no gate had spoken against it", explain_gates_open},
};

_Static_assert(sizeof explain_changes / sizeof explain_changes[0] <= EXPLAIN_VARIATIONS, "a row per variation");

uint32_t explain_variations(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                            enum model_profile profile, struct explain_variation ret_variations[EXPLAIN_VARIATIONS])
{
    struct decide_answer present;
    uint32_t count = 0;
    /* The ADR's own numbers, whatever is configured: what is changed must reach those. */
    const struct decide_thresholds limits = profile == MODEL_ADR_039 ? decide_thresholds_default() : *thresholds;
    decide_evaluate(snapshot, &limits, profile, &present);
    for (size_t i = 0; i < sizeof explain_changes / sizeof explain_changes[0]; i++) {
        struct decide_snapshot changed = *snapshot;
        struct decide_answer answer;
        explain_changes[i].apply(&changed, &limits);
        decide_evaluate(&changed, &limits, profile, &answer);
        if (answer.decision != present.decision) {
            ret_variations[count++] = (struct explain_variation){explain_changes[i].change, answer};
        }
    }
    return count;
}
