/* SPDX-License-Identifier: Apache-2.0
 * Evaluating: the first rule that holds, then, for an automatic failover, the first gate. */
#include "core/decide.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "core/decide_gate.h"
#include "core/decide_rule.h"

#define DECIDE_NS_PER_US 1000

struct decide_thresholds decide_thresholds_default(void)
{
    const struct model_policy policy = model_policy_default();
    return decide_thresholds_policy(&policy);
}

struct decide_thresholds decide_thresholds_policy(const struct model_policy *policy)
{
    return (struct decide_thresholds){
        .error_rate_automatic_ppm = policy->error_rate_automatic_ppm,
        .error_rate_duration_us = (int64_t)policy->error_rate_duration_ms * TIME_US_PER_MS,
        .error_rate_review_ppm = policy->error_rate_review_ppm,
        .error_rate_monitor_ppm = policy->error_rate_monitor_ppm,
        .p95_monitor_ns = (int64_t)policy->p95_monitor_us * DECIDE_NS_PER_US,
        .pods_down_ppm = policy->pods_down_ppm,
        .database_failures = policy->database_failures,
        .cooldown_us = (int64_t)policy->cooldown_ms * TIME_US_PER_MS,
        .rpo_limit_us = (int64_t)policy->rpo_limit_ms * TIME_US_PER_MS,
        .rpo_database_limit_us = (int64_t)policy->rpo_database_limit_ms * TIME_US_PER_MS,
        .flapping_transitions = policy->flapping_transitions,
        .capacity_ppm = policy->target_capacity_ppm,
    };
}

struct decide_thresholds decide_thresholds_profile(const struct model_policy *policy, enum model_profile profile)
{
    return profile == MODEL_ADR_039 ? decide_thresholds_default() : decide_thresholds_policy(policy);
}

static const struct decide_rule *decide_match(const struct decide_rule_case *facts, enum model_profile profile)
{
    uint32_t count;
    const struct decide_rule *rules = decide_rule_table(profile, &count);
    uint32_t at = 0;
    while (!rules[at].holds(facts)) {
        at++;
        ASSERT(at < count);
    }
    return &rules[at];
}

static const struct decide_gate_row *decide_held(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    uint32_t count;
    const struct decide_gate_row *gates = decide_gate_table(&count);
    for (uint32_t i = 0; i < count; i++) {
        if (gates[i].holds(facts, rule)) {
            return &gates[i];
        }
    }
    return NULL;
}

static uint32_t decide_warnings(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const struct decide_target *target = &facts->snapshot->target;
    uint32_t warnings = 0;
    if (target->lag_us > 0 && !facts->snapshot->state.tier1_sync) {
        warnings |= DECIDE_WARNING_LOST_WRITES_POSSIBLE;
    }
    if (target->capacity_ppm < facts->thresholds->capacity_ppm) {
        ASSERT(rule->confidence == DECIDE_HIGH);
        warnings |= DECIDE_WARNING_TARGET_CAPACITY;
    }
    return warnings;
}

void decide_evaluate(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                     enum model_profile profile, struct decide_answer *ret_answer)
{
    struct decide_rule_case facts;
    decide_rule_case(snapshot, thresholds, &facts);
    const struct decide_rule *rule = decide_match(&facts, profile);
    struct decide_answer answer = {
        .decision = rule->decision,
        .reason = rule->reason,
        .confidence = rule->confidence,
        .estimated_rto_s = rule->estimated_rto_s,
        .gate = DECIDE_GATE_NONE,
        .rule = rule->number,
        .rule_reason = rule->reason,
    };
    if (profile == MODEL_STANDARD && rule->decision == DECIDE_AUTOMATIC_FAILOVER) {
        const struct decide_gate_row *gate = decide_held(&facts, rule);
        if (gate != NULL) {
            answer.decision = gate->decision;
            answer.estimated_rto_s = 0;
            answer.gate = gate->gate;
            answer.reason = gate->renames ? DECIDE_NETWORK_PARTITION : answer.reason;
            answer.confidence = gate->renames ? DECIDE_MEDIUM : answer.confidence;
        } else {
            answer.warnings = decide_warnings(&facts, rule);
        }
    }
    ASSERT((answer.decision == DECIDE_AUTOMATIC_FAILOVER) == (answer.estimated_rto_s > 0));
    ASSERT(answer.gate == DECIDE_GATE_NONE || answer.decision != DECIDE_AUTOMATIC_FAILOVER);
    *ret_answer = answer;
}

void decide_snapshot_favourable(struct decide_snapshot *ret_snapshot)
{
    memset(ret_snapshot, 0, sizeof *ret_snapshot);
    ret_snapshot->observers = (struct decide_observers){.total = 3, .reporting = 3, .see_down = 3};
    ret_snapshot->target = (struct decide_target){
        .db = true, .app = true, .cache = true, .queue = true, .lag_known = true, .capacity_ppm = 1000000};
    ret_snapshot->controller = (struct decide_controller){.members = 1, .reachable = 1, .leader = true};
    ret_snapshot->state = (struct decide_state){.mode = DECIDE_MODE_AUTO, .region_active = true, .link_up = true};
}

bool decide_snapshot_add(struct decide_snapshot *snapshot, const char *name, enum model_severity severity,
                         uint32_t layer, enum decide_status status)
{
    const size_t size = strlen(name) + 1;
    if (snapshot->checks_count >= LIMITS_CHECKS || size > LIMITS_NAME) {
        return false;
    }
    struct decide_check *check = &snapshot->checks[snapshot->checks_count++];
    *check = (struct decide_check){.severity = severity, .layer = layer, .status = status, .failure_threshold = 3};
    memcpy(check->name, name, size);
    check->consecutive_failures = status == DECIDE_FAILED ? check->failure_threshold : 0;
    return true;
}

const char *decide_decision_name(enum decide_decision decision)
{
    static const char *const names[DECIDE_DECISIONS] = {"AUTOMATIC_FAILOVER", "MANUAL_REVIEW_REQUIRED", "MONITOR",
                                                        "NO_ACTION"};
    ASSERT((uint32_t)decision < DECIDE_DECISIONS);
    return names[decision];
}

const char *decide_reason_name(enum decide_reason reason)
{
    static const char *const names[DECIDE_REASONS] = {
        "COMPLETE_REGIONAL_FAILURE", "DATABASE_MASTER_FAILURE", "HIGH_ERROR_RATE",
        "CRITICAL_SERVICE_FAILURE",  "CONFIG_INVALID",          "INSUFFICIENT_EVIDENCE",
        "MULTIPLE_SERVICE_FAILURES", "NETWORK_PARTITION",       "PARTIAL_DEGRADATION",
        "SINGLE_SERVICE_DOWN",       "PERFORMANCE_DEGRADATION", "ALL_HEALTHY"};
    ASSERT((uint32_t)reason < DECIDE_REASONS);
    return names[reason];
}

const char *decide_confidence_name(enum decide_confidence confidence)
{
    static const char *const names[DECIDE_CONFIDENCES] = {"HIGH", "MEDIUM", "LOW"};
    ASSERT((uint32_t)confidence < DECIDE_CONFIDENCES);
    return names[confidence];
}

const char *decide_gate_name(enum decide_gate gate)
{
    static const char *const names[DECIDE_GATES] = {
        "NONE",
        "REGION_NOT_ACTIVE",
        "ALREADY_IN_PROGRESS",
        "NO_CONTROLLER_QUORUM",
        "NOT_LEADER",
        "AUTOMATION_PAUSED",
        "MAINTENANCE_WINDOW",
        "INSUFFICIENT_OBSERVERS",
        "PARTITION_NO_MAJORITY",
        "OBSERVER_MINORITY",
        "OBSERVER_TIE",
        "FLAPPING",
        "COOLDOWN",
        "TARGET_UNHEALTHY",
        "RPO_UNKNOWN",
        "RPO_AT_RISK",
        "TARGET_CAPACITY",
    };
    ASSERT((uint32_t)gate < DECIDE_GATES);
    return names[gate];
}

const char *decide_warning_name(enum decide_warning warning)
{
    ASSERT(warning == DECIDE_WARNING_LOST_WRITES_POSSIBLE || warning == DECIDE_WARNING_TARGET_CAPACITY);
    return warning == DECIDE_WARNING_LOST_WRITES_POSSIBLE ? "LOST_WRITES_POSSIBLE" : "TARGET_CAPACITY";
}
