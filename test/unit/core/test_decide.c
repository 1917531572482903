/* SPDX-License-Identifier: Apache-2.0
 * Decisions: every rule, every gate, every boundary, both profiles. Each case is a change of a snapshot in which
 * nothing speaks against a failover. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/decide.h"
#include "core/decide_gate.h"
#include "core/decide_rule.h"

#define SECOND  INT64_C(1000000)
#define PERCENT INT64_C(10000)
#define MS_NS   INT64_C(1000000)

struct decide_case {
    const char *title;
    void (*change)(struct decide_snapshot *snapshot);
    uint32_t rule;
    const char *text; /* decision reason confidence rto gate warnings */
};

/* Five critical checks: two of infrastructure, three services; one important and one informational. All passed. */
static void sample(struct decide_snapshot *snapshot)
{
    decide_snapshot_favourable(snapshot);
    assert_true(decide_snapshot_add(snapshot, "region-connectivity", MODEL_CRITICAL, 1, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "database-master", MODEL_CRITICAL, 1, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "order-service", MODEL_CRITICAL, 2, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "payment-service", MODEL_CRITICAL, 2, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "checkout", MODEL_CRITICAL, 3, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "queue", MODEL_IMPORTANT, 1, DECIDE_PASSED));
    assert_true(decide_snapshot_add(snapshot, "response-time", MODEL_INFORMATIONAL, 3, DECIDE_PASSED));
}

static void set(struct decide_snapshot *s, uint32_t check, enum decide_status status, int64_t failures)
{
    s->checks[check].status = status;
    s->checks[check].consecutive_failures = failures;
}

static void pods(struct decide_snapshot *s, const char *name, int64_t down_ppm)
{
    struct decide_pods *entry = &s->metrics.pods[s->metrics.pods_count++];
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->down_ppm = down_ppm;
}

static void all_failed(struct decide_snapshot *s)
{
    for (uint32_t i = 0; i < 5; i++) {
        set(s, i, DECIDE_FAILED, 3);
    }
}

static void database_failed(struct decide_snapshot *s)
{
    set(s, 1, DECIDE_FAILED, 3);
}

static void error_rate(struct decide_snapshot *s, int64_t ppm, int64_t duration_us)
{
    s->metrics.error_rate_ppm = ppm;
    s->metrics.error_rate_duration_us = duration_us;
}

static void rate_high(struct decide_snapshot *s)
{
    error_rate(s, 10 * PERCENT + 1, 300 * SECOND + 1);
}

#define CASE(name, ...)                                                                                                \
    static void name(struct decide_snapshot *s)                                                                        \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }

CASE(healthy, (void)s)
CASE(no_checks, s->checks_count = 0)
CASE(
    no_critical, for (uint32_t i = 0; i < 5; i++) { s->checks[i].severity = MODEL_IMPORTANT; } database_failed(s))
CASE(
    all_unknown, for (uint32_t i = 0; i < 5; i++) { set(s, i, DECIDE_UNKNOWN, 0); } rate_high(s))
CASE(all_down, all_failed(s))
CASE(all_but_unknown, all_failed(s); set(s, 4, DECIDE_UNKNOWN, 0); set(s, 1, DECIDE_FAILED, 2);
     set(s, 0, DECIDE_PASSED, 0))
CASE(layer1_down, set(s, 0, DECIDE_FAILED, 1); set(s, 1, DECIDE_FAILED, 1))
CASE(layer1_single, set(s, 1, DECIDE_FAILED, 2); s->checks[0].layer = 2)
CASE(layer1_half_unknown, set(s, 1, DECIDE_FAILED, 2); set(s, 0, DECIDE_UNKNOWN, 0))
CASE(only_critical_failed, s->checks_count = 1; set(s, 0, DECIDE_FAILED, 1))
CASE(database_three, set(s, 1, DECIDE_FAILED, 3))
CASE(database_two, set(s, 1, DECIDE_FAILED, 2))
CASE(database_unknown, set(s, 1, DECIDE_UNKNOWN, 9))
CASE(database_passed_count, set(s, 1, DECIDE_PASSED, 9))
CASE(database_important, set(s, 1, DECIDE_FAILED, 3); s->checks[1].severity = MODEL_IMPORTANT)
CASE(rate_above, rate_high(s))
CASE(rate_exact, error_rate(s, 10 * PERCENT, 301 * SECOND))
CASE(rate_exact_time, error_rate(s, 50 * PERCENT, 300 * SECOND))
CASE(pods_above, set(s, 2, DECIDE_FAILED, 3); pods(s, "order-service", 50 * PERCENT + 1))
CASE(pods_exact, set(s, 2, DECIDE_FAILED, 3); pods(s, "order-service", 50 * PERCENT))
CASE(pods_layer3, set(s, 4, DECIDE_FAILED, 3); pods(s, "checkout", 90 * PERCENT))
CASE(pods_passed, pods(s, "order-service", 50 * PERCENT + 1))
CASE(pods_passed_exact, pods(s, "order-service", 50 * PERCENT))
CASE(pods_other, set(s, 2, DECIDE_FAILED, 3); pods(s, "payment-service", 90 * PERCENT))
CASE(two_down, set(s, 2, DECIDE_FAILED, 3); set(s, 3, DECIDE_FAILED, 3); s->state.link_up = false)
CASE(link_down, s->state.link_up = false; set(s, 2, DECIDE_FAILED, 3); error_rate(s, 6 * PERCENT, 0))
CASE(rate_five, error_rate(s, 5 * PERCENT, 0); set(s, 2, DECIDE_FAILED, 3))
CASE(rate_below_five, error_rate(s, 5 * PERCENT - 1, 0))
CASE(one_down, set(s, 3, DECIDE_FAILED, 3); set(s, 4, DECIDE_UNKNOWN, 0))
CASE(important_down, set(s, 5, DECIDE_FAILED, 3); set(s, 4, DECIDE_UNKNOWN, 0))
CASE(informational_down, set(s, 6, DECIDE_FAILED, 1))
CASE(rate_one, error_rate(s, PERCENT, 0))
CASE(rate_below_one, error_rate(s, PERCENT - 1, 0))
CASE(p95_exact, s->metrics.p95_ns = 200 * MS_NS)
CASE(p95_below, s->metrics.p95_ns = 200 * MS_NS - 1)
CASE(pods_unlisted, pods(s, "somebody-else", 51 * PERCENT))
CASE(some_unknown, set(s, 4, DECIDE_UNKNOWN, 0))
CASE(important_unknown, set(s, 5, DECIDE_UNKNOWN, 0))

static const struct decide_case standard_rules[] = {
    {"healthy", healthy, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"no checks", no_checks, 1, "MANUAL_REVIEW_REQUIRED CONFIG_INVALID LOW 0 NONE 0"},
    {"no critical", no_critical, 1, "MANUAL_REVIEW_REQUIRED CONFIG_INVALID LOW 0 NONE 0"},
    {"all unknown", all_unknown, 2, "MANUAL_REVIEW_REQUIRED INSUFFICIENT_EVIDENCE LOW 0 NONE 0"},
    {"all failed", all_down, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"unknown is not failed", all_but_unknown, 7, "MANUAL_REVIEW_REQUIRED MULTIPLE_SERVICE_FAILURES MEDIUM 0 NONE 0"},
    {"infrastructure failed", layer1_down, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"one of infrastructure is not enough", layer1_single, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"unknown infrastructure", layer1_half_unknown, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"the only critical", only_critical_failed, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"database 3", database_three, 4, "AUTOMATIC_FAILOVER DATABASE_MASTER_FAILURE HIGH 180 NONE 0"},
    {"database 2", database_two, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"database unknown", database_unknown, 12, "MONITOR INSUFFICIENT_EVIDENCE LOW 0 NONE 0"},
    {"database passed", database_passed_count, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"database not critical", database_important, 4, "AUTOMATIC_FAILOVER DATABASE_MASTER_FAILURE HIGH 180 NONE 0"},
    {"rate above", rate_above, 5, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"rate exactly 10 %", rate_exact, 9, "MANUAL_REVIEW_REQUIRED PARTIAL_DEGRADATION MEDIUM 0 NONE 0"},
    {"exactly 300 s", rate_exact_time, 9, "MANUAL_REVIEW_REQUIRED PARTIAL_DEGRADATION MEDIUM 0 NONE 0"},
    {"pods above", pods_above, 6, "AUTOMATIC_FAILOVER CRITICAL_SERVICE_FAILURE MEDIUM 300 NONE 0"},
    {"pods exactly half", pods_exact, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"pods of layer 3", pods_layer3, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"pods of a passed check", pods_passed, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"half the pods of a passed check", pods_passed_exact, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"pods of another service", pods_other, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"two down", two_down, 7, "MANUAL_REVIEW_REQUIRED MULTIPLE_SERVICE_FAILURES MEDIUM 0 NONE 0"},
    {"link down", link_down, 8, "MANUAL_REVIEW_REQUIRED NETWORK_PARTITION MEDIUM 0 NONE 0"},
    {"rate 5 %", rate_five, 9, "MANUAL_REVIEW_REQUIRED PARTIAL_DEGRADATION MEDIUM 0 NONE 0"},
    {"rate below 5 %", rate_below_five, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"one down", one_down, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
    {"important down", important_down, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"informational down", informational_down, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"rate 1 %", rate_one, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"rate below 1 %", rate_below_one, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"p95 200 ms", p95_exact, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"p95 below", p95_below, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"pods of something unlisted", pods_unlisted, 11, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"critical unknown", some_unknown, 12, "MONITOR INSUFFICIENT_EVIDENCE LOW 0 NONE 0"},
    {"important unknown", important_unknown, 13, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
};

CASE(adr_five_of_six, all_failed(s); s->checks[5].severity = MODEL_CRITICAL; set(s, 1, DECIDE_FAILED, 2))
CASE(adr_four_of_five, all_failed(s); set(s, 1, DECIDE_PASSED, 0))
CASE(adr_gated, all_failed(s); s->state.in_progress = true; s->state.link_up = false; s->target.lag_us = 90 * SECOND)
CASE(adr_unknown_and_failed, set(s, 0, DECIDE_UNKNOWN, 0); set(s, 6, DECIDE_FAILED, 1))

static const struct decide_case adr_rules[] = {
    {"healthy", healthy, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"no checks", no_checks, 1, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"no critical", no_critical, 1, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"no gates, no warnings", adr_gated, 1, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"infrastructure failed", layer1_down, 4, "MANUAL_REVIEW_REQUIRED MULTIPLE_SERVICE_FAILURES MEDIUM 0 NONE 0"},
    {"database 3", database_three, 2, "AUTOMATIC_FAILOVER DATABASE_MASTER_FAILURE HIGH 180 NONE 0"},
    {"database 2", database_two, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"rate above", rate_above, 3, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"rate exactly 10 %", rate_exact, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"exactly 300 s", rate_exact_time, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"two failed", two_down, 4, "MANUAL_REVIEW_REQUIRED MULTIPLE_SERVICE_FAILURES MEDIUM 0 NONE 0"},
    {"four failed", adr_four_of_five, 4, "MANUAL_REVIEW_REQUIRED MULTIPLE_SERVICE_FAILURES MEDIUM 0 NONE 0"},
    {"five of six failed", adr_five_of_six, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"one failed", one_down, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
    {"all unknown", all_unknown, 3, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"response-time", adr_unknown_and_failed, 5, "MONITOR PERFORMANCE_DEGRADATION LOW 0 NONE 0"},
    {"other informational", important_down, 6, "NO_ACTION ALL_HEALTHY HIGH 0 NONE 0"},
};

CASE(g_inactive, all_failed(s); s->state.region_active = false; s->state.in_progress = true)
CASE(g_progress, all_failed(s); s->state.in_progress = true; s->controller.members = 2)
CASE(g_quorum, all_failed(s); s->controller.members = 2; s->controller.leader = false)
CASE(g_quorum_majority, all_failed(s); s->controller.members = 3; s->controller.reachable = 2)
CASE(g_leader, all_failed(s); s->controller.leader = false; s->state.mode = DECIDE_MODE_PAUSED)
CASE(g_paused, all_failed(s); s->state.mode = DECIDE_MODE_PAUSED; s->state.maintenance = true)
CASE(g_manual, all_failed(s); s->state.mode = DECIDE_MODE_MANUAL)
CASE(g_maintenance, all_failed(s); s->state.maintenance = true; s->observers.reporting = 0)
CASE(g_blackout, all_failed(s); s->state.drill_blackout = true)
CASE(g_observers, all_failed(s); s->observers = (struct decide_observers){4, 2, 2}; s->state.link_up = false)
CASE(g_no_observers, all_failed(s); s->observers = (struct decide_observers){0, 0, 0})
CASE(g_observers_enough, all_failed(s); s->observers = (struct decide_observers){3, 2, 2})
CASE(g_observers_rate, rate_high(s); s->observers = (struct decide_observers){3, 0, 0})
CASE(g_partition_tie, all_failed(s); s->state.link_up = false; s->observers = (struct decide_observers){4, 4, 2})
CASE(g_partition_less, database_failed(s); s->state.link_up = false; s->observers.see_down = 0)
CASE(g_partition_more, all_failed(s); s->state.link_up = false; s->observers = (struct decide_observers){3, 3, 2})
CASE(g_partition_rate, rate_high(s); s->state.link_up = false)
CASE(g_minority, all_failed(s); s->observers.see_down = 1; s->state.transitions_10m = 9)
CASE(g_tie, all_failed(s); s->observers = (struct decide_observers){2, 2, 1}; s->state.transitions_10m = 9)
CASE(g_minority_rate, rate_high(s); s->observers.see_down = 0)
CASE(g_flapping, all_failed(s); s->state.transitions_10m = 4; s->state.failed_over_before = true)
CASE(g_flapping_below, all_failed(s); s->state.transitions_10m = 3)
CASE(g_cooldown, all_failed(s); s->state.failed_over_before = true; s->state.since_last_failover_us = 3600 * SECOND - 1;
     s->target.db = false)
CASE(g_cooldown_over, all_failed(s); s->state.failed_over_before = true;
     s->state.since_last_failover_us = 3600 * SECOND)
CASE(g_target_db, all_failed(s); s->target.db = false; s->target.lag_known = false)
CASE(g_target_app, all_failed(s); s->target.app = false)
CASE(g_target_cache, all_failed(s); s->target.cache = false)
CASE(g_target_queue, all_failed(s); s->target.queue = false)
CASE(g_rpo_unknown, all_failed(s); s->target.lag_known = false; s->target.capacity_ppm = 0)
CASE(g_rpo, all_failed(s); s->target.lag_us = 60 * SECOND)
CASE(g_rpo_below, all_failed(s); s->target.lag_us = 60 * SECOND - 1)
CASE(g_rpo_database, database_failed(s); s->target.lag_us = 30 * SECOND)
CASE(g_rpo_database_below, database_failed(s); s->target.lag_us = 30 * SECOND - 1)
CASE(g_capacity, rate_high(s); s->target.capacity_ppm = 999999)
CASE(g_capacity_exact, rate_high(s); s->target.capacity_ppm = 1000000)
CASE(w_capacity, all_failed(s); s->target.capacity_ppm = 999999)
CASE(w_both, all_failed(s); s->target.capacity_ppm = 0; s->target.lag_us = 1)
CASE(w_tier1, all_failed(s); s->target.lag_us = 1; s->state.tier1_sync = true)
CASE(g_not_automatic, set(s, 2, DECIDE_FAILED, 3); s->state.region_active = false)

static const struct decide_case standard_gates[] = {
    {"inactive", g_inactive, 3, "MONITOR COMPLETE_REGIONAL_FAILURE HIGH 0 REGION_NOT_ACTIVE 0"},
    {"in progress", g_progress, 3, "MONITOR COMPLETE_REGIONAL_FAILURE HIGH 0 ALREADY_IN_PROGRESS 0"},
    {"half the controllers", g_quorum, 3,
     "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 NO_CONTROLLER_QUORUM 0"},
    {"majority of controllers", g_quorum_majority, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"not leader", g_leader, 3, "MONITOR COMPLETE_REGIONAL_FAILURE HIGH 0 NOT_LEADER 0"},
    {"paused", g_paused, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 AUTOMATION_PAUSED 0"},
    {"manual", g_manual, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 AUTOMATION_PAUSED 0"},
    {"maintenance", g_maintenance, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 MAINTENANCE_WINDOW 0"},
    {"blackout", g_blackout, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"half the observers", g_observers, 3,
     "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 INSUFFICIENT_OBSERVERS 0"},
    {"no observers", g_no_observers, 3,
     "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 INSUFFICIENT_OBSERVERS 0"},
    {"two of three report", g_observers_enough, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"rate needs no observers", g_observers_rate, 5, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"partition, tie", g_partition_tie, 3, "MANUAL_REVIEW_REQUIRED NETWORK_PARTITION MEDIUM 0 PARTITION_NO_MAJORITY 0"},
    {"partition, minority", g_partition_less, 4,
     "MANUAL_REVIEW_REQUIRED NETWORK_PARTITION MEDIUM 0 PARTITION_NO_MAJORITY 0"},
    {"partition, majority", g_partition_more, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"partition, rate", g_partition_rate, 5,
     "MANUAL_REVIEW_REQUIRED NETWORK_PARTITION MEDIUM 0 PARTITION_NO_MAJORITY 0"},
    {"minority", g_minority, 3, "MONITOR COMPLETE_REGIONAL_FAILURE HIGH 0 OBSERVER_MINORITY 0"},
    {"tie", g_tie, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 OBSERVER_TIE 0"},
    {"rate, nobody sees it", g_minority_rate, 5, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"flapping", g_flapping, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 FLAPPING 0"},
    {"three transitions", g_flapping_below, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"cool-down", g_cooldown, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 COOLDOWN 0"},
    {"cool-down over", g_cooldown_over, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"target db", g_target_db, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 TARGET_UNHEALTHY 0"},
    {"target app", g_target_app, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 TARGET_UNHEALTHY 0"},
    {"target cache", g_target_cache, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 TARGET_UNHEALTHY 0"},
    {"target queue", g_target_queue, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 TARGET_UNHEALTHY 0"},
    {"lag unknown", g_rpo_unknown, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 RPO_UNKNOWN 0"},
    {"lag 60 s", g_rpo, 3, "MANUAL_REVIEW_REQUIRED COMPLETE_REGIONAL_FAILURE HIGH 0 RPO_AT_RISK 0"},
    {"lag below 60 s", g_rpo_below, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 1"},
    {"database lag 30 s", g_rpo_database, 4, "MANUAL_REVIEW_REQUIRED DATABASE_MASTER_FAILURE HIGH 0 RPO_AT_RISK 0"},
    {"database lag below", g_rpo_database_below, 4, "AUTOMATIC_FAILOVER DATABASE_MASTER_FAILURE HIGH 180 NONE 1"},
    {"capacity", g_capacity, 5, "MANUAL_REVIEW_REQUIRED HIGH_ERROR_RATE MEDIUM 0 TARGET_CAPACITY 0"},
    {"capacity 1.0", g_capacity_exact, 5, "AUTOMATIC_FAILOVER HIGH_ERROR_RATE MEDIUM 300 NONE 0"},
    {"capacity, HIGH", w_capacity, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 2"},
    {"both warnings", w_both, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 3"},
    {"tier 1", w_tier1, 3, "AUTOMATIC_FAILOVER COMPLETE_REGIONAL_FAILURE HIGH 300 NONE 0"},
    {"gates hold only failovers", g_not_automatic, 10, "MONITOR SINGLE_SERVICE_DOWN LOW 0 NONE 0"},
};

static void evaluate(const struct decide_case *cases, size_t count, enum model_profile profile)
{
    const struct decide_thresholds thresholds = decide_thresholds_default();
    for (size_t i = 0; i < count; i++) {
        struct decide_snapshot snapshot;
        struct decide_answer answer;
        char text[160];
        sample(&snapshot);
        cases[i].change(&snapshot);
        decide_evaluate(&snapshot, &thresholds, profile, &answer);
        snprintf(text, sizeof text, "%s %s %s %u %s %u", decide_decision_name(answer.decision),
                 decide_reason_name(answer.reason), decide_confidence_name(answer.confidence), answer.estimated_rto_s,
                 decide_gate_name(answer.gate), answer.warnings);
        if (strcmp(text, cases[i].text) != 0 || answer.rule != cases[i].rule) {
            fail_msg("%s: rule %u %s, expected rule %u %s", cases[i].title, answer.rule, text, cases[i].rule,
                     cases[i].text);
        }
    }
}

static void test_standard_rules(void **state)
{
    (void)state;
    evaluate(standard_rules, sizeof standard_rules / sizeof standard_rules[0], MODEL_STANDARD);
}

static void test_standard_gates(void **state)
{
    (void)state;
    evaluate(standard_gates, sizeof standard_gates / sizeof standard_gates[0], MODEL_STANDARD);
}

static void test_adr_rules(void **state)
{
    (void)state;
    evaluate(adr_rules, sizeof adr_rules / sizeof adr_rules[0], MODEL_ADR_039);
}

/* Numbers are journaled: they must grow and never be reused. */
static void test_numbers_are_in_order(void **state)
{
    (void)state;
    for (int profile = 0; profile < 2; profile++) {
        uint32_t count;
        const struct decide_rule *rules = decide_rule_table((enum model_profile)profile, &count);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(rules[i].number, i + 1);
            assert_true((rules[i].decision == DECIDE_AUTOMATIC_FAILOVER) == (rules[i].estimated_rto_s > 0));
            assert_non_null(rules[i].condition);
            assert_non_null(rules[i].why);
        }
    }
    uint32_t count;
    const struct decide_gate_row *gates = decide_gate_table(&count);
    assert_int_equal(count, DECIDE_GATES - 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(gates[i].gate, i + 1);
        assert_true(gates[i].decision != DECIDE_AUTOMATIC_FAILOVER);
    }
}

/* The policy's thresholds are the configuration's, and the ADR's profile ignores them. */
static void test_configured_thresholds(void **state)
{
    (void)state;
    const struct model_policy policy = {.cooldown_ms = 1000,
                                        .error_rate_automatic_ppm = 20000,
                                        .error_rate_duration_ms = 1000,
                                        .error_rate_review_ppm = 3,
                                        .error_rate_monitor_ppm = 2,
                                        .p95_monitor_us = 5,
                                        .pods_down_ppm = 200000,
                                        .database_failures = 5,
                                        .rpo_limit_ms = 7,
                                        .rpo_database_limit_ms = 6,
                                        .flapping_transitions = 9,
                                        .target_capacity_ppm = 500000};
    const struct decide_thresholds thresholds = decide_thresholds_policy(&policy);
    assert_int_equal(thresholds.cooldown_us, SECOND);
    assert_int_equal(thresholds.p95_monitor_ns, 5000);
    assert_int_equal(thresholds.rpo_limit_us, 7000);
    assert_int_equal(thresholds.rpo_database_limit_us, 6000);
    assert_int_equal(thresholds.flapping_transitions, 9);
    struct decide_snapshot snapshot;
    struct decide_answer answer;
    sample(&snapshot);
    set(&snapshot, 2, DECIDE_FAILED, 3);
    pods(&snapshot, "order-service", 200001);
    snapshot.target.capacity_ppm = 500000;
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.rule, 6);
    assert_int_equal(answer.gate, DECIDE_GATE_NONE);
    snapshot.target.capacity_ppm = 499999;
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.gate, DECIDE_GATE_TARGET_CAPACITY);
    snapshot.metrics.pods[0].down_ppm = 200000;
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.rule, 10);
    sample(&snapshot);
    set(&snapshot, 1, DECIDE_FAILED, 4);
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.rule, 10);
    set(&snapshot, 1, DECIDE_FAILED, 5);
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.rule, 4);
    set(&snapshot, 1, DECIDE_FAILED, 3);
    decide_evaluate(&snapshot, &thresholds, MODEL_ADR_039, &answer);
    assert_int_equal(answer.rule, 2);
    sample(&snapshot);
    error_rate(&snapshot, 20001, SECOND + 1);
    decide_evaluate(&snapshot, &thresholds, MODEL_STANDARD, &answer);
    assert_int_equal(answer.rule, 5);
    decide_evaluate(&snapshot, &thresholds, MODEL_ADR_039, &answer);
    assert_int_equal(answer.rule, 6);
}

static void test_full_table_is_refused(void **state)
{
    (void)state;
    struct decide_snapshot snapshot;
    decide_snapshot_favourable(&snapshot);
    assert_false(decide_snapshot_add(&snapshot, "a-name-that-is-one-byte-too-long", MODEL_CRITICAL, 1, DECIDE_PASSED));
    for (uint32_t i = 0; i < LIMITS_CHECKS; i++) {
        assert_true(decide_snapshot_add(&snapshot, "x", MODEL_CRITICAL, 1, DECIDE_FAILED));
    }
    assert_false(decide_snapshot_add(&snapshot, "x", MODEL_CRITICAL, 1, DECIDE_FAILED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_rules),
        cmocka_unit_test(test_standard_gates),
        cmocka_unit_test(test_adr_rules),
        cmocka_unit_test(test_numbers_are_in_order),
        cmocka_unit_test(test_configured_thresholds),
        cmocka_unit_test(test_full_table_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
