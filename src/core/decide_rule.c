/* SPDX-License-Identifier: Apache-2.0
 * The rules of both profiles. */
#include "core/decide_rule.h"

#include <string.h>

#include "base/assert.h"

enum {
    /* The ADR's own numbers: its profile shows what the document says and is not configurable. */
    DECIDE_RULE_ADR_FAILURES = 3,
    DECIDE_RULE_ADR_SERVICES_LOW = 2,
    DECIDE_RULE_ADR_SERVICES_HIGH = 5,
    DECIDE_RULE_ADR_RATE_PPM = 100000,
    DECIDE_RULE_ADR_DURATION_US = 300000000,
};

static int64_t decide_rule_pods(const struct decide_metrics *metrics, const char *name)
{
    for (uint32_t i = 0; i < metrics->pods_count; i++) {
        if (strcmp(metrics->pods[i].name, name) == 0) {
            return metrics->pods[i].down_ppm;
        }
    }
    return 0;
}

static void decide_rule_count(struct decide_rule_case *facts, const struct decide_check *check)
{
    const bool failed = check->status == DECIDE_FAILED;
    facts->failed += failed;
    if (check->severity != MODEL_CRITICAL) {
        return;
    }
    facts->critical++;
    facts->critical_failed += failed;
    facts->critical_unknown += check->status == DECIDE_UNKNOWN;
    if (check->layer == 1) {
        facts->layer1++;
        facts->layer1_failed += failed;
    }
    if (check->layer == 2 && failed) {
        const int64_t down_ppm = decide_rule_pods(&facts->snapshot->metrics, check->name);
        facts->pods_critical_ppm = down_ppm > facts->pods_critical_ppm ? down_ppm : facts->pods_critical_ppm;
    }
}

void decide_rule_case(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                      struct decide_rule_case *ret_facts)
{
    ASSERT(snapshot->checks_count <= LIMITS_CHECKS);
    ASSERT(snapshot->metrics.pods_count <= LIMITS_CHECKS);
    struct decide_rule_case facts = {.snapshot = snapshot, .thresholds = thresholds, .pods_critical_ppm = -1};
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        const struct decide_check *check = &snapshot->checks[i];
        decide_rule_count(&facts, check);
        if (facts.database == NULL && strcmp(check->name, "database-master") == 0) {
            facts.database = check;
        }
        if (facts.response == NULL && strcmp(check->name, "response-time") == 0) {
            facts.response = check;
        }
    }
    for (uint32_t i = 0; i < snapshot->metrics.pods_count; i++) {
        const int64_t down_ppm = snapshot->metrics.pods[i].down_ppm;
        facts.pods_worst_ppm = down_ppm > facts.pods_worst_ppm ? down_ppm : facts.pods_worst_ppm;
    }
    ASSERT(facts.critical_failed + facts.critical_unknown <= facts.critical);
    ASSERT(facts.layer1_failed <= facts.layer1 && facts.layer1 <= facts.critical);
    *ret_facts = facts;
}

static bool decide_rule_no_critical(const struct decide_rule_case *facts)
{
    return facts->critical == 0;
}

static bool decide_rule_all_unknown(const struct decide_rule_case *facts)
{
    return facts->critical > 0 && facts->critical_unknown == facts->critical;
}

static bool decide_rule_region_down(const struct decide_rule_case *facts)
{
    const bool all = facts->critical > 0 && facts->critical_failed == facts->critical;
    const bool infrastructure = facts->layer1 >= 2 && facts->layer1_failed == facts->layer1;
    return all || infrastructure;
}

static bool decide_rule_database_down(const struct decide_rule_case *facts)
{
    return facts->database != NULL && facts->database->status == DECIDE_FAILED &&
           facts->database->consecutive_failures >= facts->thresholds->database_failures;
}

static bool decide_rule_error_rate(const struct decide_rule_case *facts)
{
    const struct decide_metrics *metrics = &facts->snapshot->metrics;
    return metrics->error_rate_ppm > facts->thresholds->error_rate_automatic_ppm &&
           metrics->error_rate_duration_us > facts->thresholds->error_rate_duration_us;
}

static bool decide_rule_service_down(const struct decide_rule_case *facts)
{
    return facts->pods_critical_ppm > facts->thresholds->pods_down_ppm;
}

static bool decide_rule_several_down(const struct decide_rule_case *facts)
{
    return facts->critical_failed >= 2;
}

static bool decide_rule_link_down(const struct decide_rule_case *facts)
{
    return !facts->snapshot->state.link_up;
}

static bool decide_rule_partial(const struct decide_rule_case *facts)
{
    return facts->snapshot->metrics.error_rate_ppm >= facts->thresholds->error_rate_review_ppm;
}

static bool decide_rule_one_down(const struct decide_rule_case *facts)
{
    return facts->critical_failed == 1;
}

static bool decide_rule_degraded(const struct decide_rule_case *facts)
{
    const struct decide_metrics *metrics = &facts->snapshot->metrics;
    return facts->failed > 0 || metrics->error_rate_ppm >= facts->thresholds->error_rate_monitor_ppm ||
           metrics->p95_ns >= facts->thresholds->p95_monitor_ns ||
           facts->pods_worst_ppm > facts->thresholds->pods_down_ppm;
}

static bool decide_rule_some_unknown(const struct decide_rule_case *facts)
{
    return facts->critical_unknown > 0;
}

static bool decide_rule_otherwise(const struct decide_rule_case *facts)
{
    (void)facts;
    return true;
}

/* Array.every() of the document: true for an empty set too. */
static bool decide_rule_adr_region_down(const struct decide_rule_case *facts)
{
    return facts->critical_failed == facts->critical;
}

static bool decide_rule_adr_database_down(const struct decide_rule_case *facts)
{
    return facts->database != NULL && facts->database->status == DECIDE_FAILED &&
           facts->database->consecutive_failures >= DECIDE_RULE_ADR_FAILURES;
}

static bool decide_rule_adr_error_rate(const struct decide_rule_case *facts)
{
    const struct decide_metrics *metrics = &facts->snapshot->metrics;
    return metrics->error_rate_ppm > DECIDE_RULE_ADR_RATE_PPM &&
           metrics->error_rate_duration_us > DECIDE_RULE_ADR_DURATION_US;
}

static bool decide_rule_adr_several_down(const struct decide_rule_case *facts)
{
    return facts->critical_failed >= DECIDE_RULE_ADR_SERVICES_LOW &&
           facts->critical_failed < DECIDE_RULE_ADR_SERVICES_HIGH;
}

static bool decide_rule_adr_degraded(const struct decide_rule_case *facts)
{
    return facts->response != NULL && facts->response->status == DECIDE_FAILED;
}

static const struct decide_rule decide_rule_standard[] = {
    {1, decide_rule_no_critical, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_CONFIG_INVALID, DECIDE_LOW, 0,
     "no critical check configured", "a region that nobody watches says nothing about its health"},
    {2, decide_rule_all_unknown, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_INSUFFICIENT_EVIDENCE, DECIDE_LOW, 0,
     "every critical check UNKNOWN", "silence of the observers is not a failure of the region"},
    {3, decide_rule_region_down, DECIDE_AUTOMATIC_FAILOVER, DECIDE_COMPLETE_REGIONAL_FAILURE, DECIDE_HIGH, 300,
     "every critical check FAILED, or every critical check of layer 1 FAILED and there are at least two of those",
     "nothing that the service needs answers in this region"},
    {4, decide_rule_database_down, DECIDE_AUTOMATIC_FAILOVER, DECIDE_DATABASE_MASTER_FAILURE, DECIDE_HIGH, 180,
     "database-master FAILED with at least policy.database_failures consecutive failures (3 by default)",
     "without its writer the region can serve nobody, and three failures in a row are no accident"},
    {5, decide_rule_error_rate, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE, DECIDE_MEDIUM, 300,
     "error rate above policy.error_rate_automatic (10 % by default) for more than policy.error_rate_duration (300 s)",
     "clients have been failing for longer than a passing fault lasts"},
    {6, decide_rule_service_down, DECIDE_AUTOMATIC_FAILOVER, DECIDE_CRITICAL_SERVICE_FAILURE, DECIDE_MEDIUM, 300,
     "a critical check of layer 2 FAILED with more than policy.pods_down of its pods down (50 % by default)",
     "a critical service has lost most of its capacity here"},
    {7, decide_rule_several_down, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_MULTIPLE_SERVICE_FAILURES, DECIDE_MEDIUM, 0,
     "two or more critical checks FAILED", "several failures may have one cause that moving would not cure"},
    {8, decide_rule_link_down, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_NETWORK_PARTITION, DECIDE_MEDIUM, 0,
     "cross-region link down", "link loss alone never moves a region: both sides may be healthy"},
    {9, decide_rule_partial, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_PARTIAL_DEGRADATION, DECIDE_MEDIUM, 0,
     "error rate at least policy.error_rate_review (5 % by default)",
     "clients are hurt, but not long or hard enough to move by itself"},
    {10, decide_rule_one_down, DECIDE_MONITOR, DECIDE_SINGLE_SERVICE_DOWN, DECIDE_LOW, 0, "one critical check FAILED",
     "one failed service is repaired where it is"},
    {11, decide_rule_degraded, DECIDE_MONITOR, DECIDE_PERFORMANCE_DEGRADATION, DECIDE_LOW, 0,
     "any check FAILED, or error rate at least policy.error_rate_monitor (1 % by default), or p95 at least "
     "policy.p95_monitor (200 ms), or more than policy.pods_down of some service's pods down (50 %)",
     "the service is worse than usual and still serves"},
    {12, decide_rule_some_unknown, DECIDE_MONITOR, DECIDE_INSUFFICIENT_EVIDENCE, DECIDE_LOW, 0,
     "some critical check UNKNOWN", "what is known is healthy, but not everything is known"},
    {13, decide_rule_otherwise, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY, DECIDE_HIGH, 0, "otherwise",
     "every check passed and every figure is within its limit"},
};

static const struct decide_rule decide_rule_adr[] = {
    {1, decide_rule_adr_region_down, DECIDE_AUTOMATIC_FAILOVER, DECIDE_COMPLETE_REGIONAL_FAILURE, DECIDE_HIGH, 300,
     "every critical check FAILED (true for an empty set too)", "allCriticalChecksFailed of the ADR"},
    {2, decide_rule_adr_database_down, DECIDE_AUTOMATIC_FAILOVER, DECIDE_DATABASE_MASTER_FAILURE, DECIDE_HIGH, 180,
     "database-master FAILED with at least 3 consecutive failures", "isDatabaseUnreachable of the ADR"},
    {3, decide_rule_adr_error_rate, DECIDE_AUTOMATIC_FAILOVER, DECIDE_HIGH_ERROR_RATE, DECIDE_MEDIUM, 300,
     "error rate above 10 % for more than 300 s", "isErrorRateHigh of the ADR"},
    {4, decide_rule_adr_several_down, DECIDE_MANUAL_REVIEW_REQUIRED, DECIDE_MULTIPLE_SERVICE_FAILURES, DECIDE_MEDIUM, 0,
     "at least 2 and fewer than 5 critical checks FAILED", "multipleServiceFailures of the ADR"},
    {5, decide_rule_adr_degraded, DECIDE_MONITOR, DECIDE_PERFORMANCE_DEGRADATION, DECIDE_LOW, 0, "response-time FAILED",
     "our reading of isPerformanceDegraded, which the ADR does not define"},
    {6, decide_rule_otherwise, DECIDE_NO_ACTION, DECIDE_ALL_HEALTHY, DECIDE_HIGH, 0, "otherwise",
     "the last return of the ADR's evaluateFailover"},
};

const struct decide_rule *decide_rule_table(enum model_profile profile, uint32_t *ret_count)
{
    if (profile == MODEL_ADR_039) {
        *ret_count = sizeof decide_rule_adr / sizeof decide_rule_adr[0];
        return decide_rule_adr;
    }
    ASSERT(profile == MODEL_STANDARD);
    *ret_count = sizeof decide_rule_standard / sizeof decide_rule_standard[0];
    return decide_rule_standard;
}
