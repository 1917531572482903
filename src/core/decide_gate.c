/* SPDX-License-Identifier: Apache-2.0
 * The gates of the standard profile. */
#include "core/decide_gate.h"

#include <stddef.h>

/* Whether the rule rests on the observers' probes: every automatic reason but the error rate, which is measured on the
 * clients' own requests. */
static bool decide_gate_probed(const struct decide_rule *rule)
{
    return rule->reason != DECIDE_HIGH_ERROR_RATE;
}

static bool decide_gate_inactive(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return !facts->snapshot->state.region_active;
}

static bool decide_gate_in_progress(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return facts->snapshot->state.in_progress;
}

static bool decide_gate_no_quorum(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return 2 * facts->snapshot->controller.reachable <= facts->snapshot->controller.members;
}

static bool decide_gate_not_leader(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return !facts->snapshot->controller.leader;
}

static bool decide_gate_paused(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return facts->snapshot->state.mode != DECIDE_MODE_AUTO;
}

static bool decide_gate_maintenance(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return facts->snapshot->state.maintenance;
}

static bool decide_gate_few_observers(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const struct decide_observers *observers = &facts->snapshot->observers;
    return decide_gate_probed(rule) && 2 * observers->reporting <= observers->total;
}

static bool decide_gate_partition(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const struct decide_observers *observers = &facts->snapshot->observers;
    const bool majority = 2 * observers->see_down > observers->reporting;
    return !facts->snapshot->state.link_up && (!decide_gate_probed(rule) || !majority);
}

static bool decide_gate_minority(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const struct decide_observers *observers = &facts->snapshot->observers;
    return decide_gate_probed(rule) && 2 * observers->see_down < observers->reporting;
}

static bool decide_gate_tie(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const struct decide_observers *observers = &facts->snapshot->observers;
    return decide_gate_probed(rule) && 2 * observers->see_down == observers->reporting;
}

static bool decide_gate_flapping(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return facts->snapshot->state.transitions_10m >= facts->thresholds->flapping_transitions;
}

static bool decide_gate_cooldown(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    const struct decide_state *state = &facts->snapshot->state;
    return state->failed_over_before && state->since_last_failover_us < facts->thresholds->cooldown_us;
}

static bool decide_gate_target_unhealthy(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    const struct decide_target *target = &facts->snapshot->target;
    return !target->db || !target->app || !target->cache || !target->queue;
}

static bool decide_gate_rpo_unknown(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    (void)rule;
    return !facts->snapshot->target.lag_known;
}

static bool decide_gate_rpo_risk(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    const int64_t limit_us = rule->reason == DECIDE_DATABASE_MASTER_FAILURE ? facts->thresholds->rpo_database_limit_us
                                                                            : facts->thresholds->rpo_limit_us;
    return facts->snapshot->target.lag_us >= limit_us;
}

static bool decide_gate_capacity(const struct decide_rule_case *facts, const struct decide_rule *rule)
{
    return facts->snapshot->target.capacity_ppm < facts->thresholds->capacity_ppm && rule->confidence != DECIDE_HIGH;
}

static const struct decide_gate_row decide_gate_rows[] = {
    {DECIDE_GATE_REGION_NOT_ACTIVE, decide_gate_inactive, DECIDE_MONITOR, false, "the region carries no traffic",
     "there is nothing to move"},
    {DECIDE_GATE_ALREADY_IN_PROGRESS, decide_gate_in_progress, DECIDE_MONITOR, false, "a run is in progress",
     "two runs at once would undo each other"},
    {DECIDE_GATE_NO_CONTROLLER_QUORUM, decide_gate_no_quorum, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "at most half of the controllers are reachable", "the other half may be deciding differently"},
    {DECIDE_GATE_NOT_LEADER, decide_gate_not_leader, DECIDE_MONITOR, false, "another controller leads",
     "only the leader acts"},
    {DECIDE_GATE_AUTOMATION_PAUSED, decide_gate_paused, DECIDE_MANUAL_REVIEW_REQUIRED, false, "the mode is not auto",
     "an operator has taken the wheel"},
    {DECIDE_GATE_MAINTENANCE_WINDOW, decide_gate_maintenance, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "a maintenance window is open", "failures are expected during planned work"},
    {DECIDE_GATE_INSUFFICIENT_OBSERVERS, decide_gate_few_observers, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "probe-based and at most half of the observers report", "too few witnesses for a verdict"},
    {DECIDE_GATE_PARTITION_NO_MAJORITY, decide_gate_partition, DECIDE_MANUAL_REVIEW_REQUIRED, true,
     "link down and (HIGH_ERROR_RATE, or at most half of the reporting observers see it down)",
     "what looks dead may only be unreachable from here"},
    {DECIDE_GATE_OBSERVER_MINORITY, decide_gate_minority, DECIDE_MONITOR, false,
     "probe-based and fewer than half of the reporting observers see it down", "most observers see a healthy region"},
    {DECIDE_GATE_OBSERVER_TIE, decide_gate_tie, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "probe-based and exactly half of the reporting observers see it down", "the observers do not agree"},
    {DECIDE_GATE_FLAPPING, decide_gate_flapping, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "at least policy.flapping_transitions transitions in 10 minutes (4 by default)",
     "moving with every swing hurts more than waiting"},
    {DECIDE_GATE_COOLDOWN, decide_gate_cooldown, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "the last failover was less than policy.cooldown ago (3600 s by default)",
     "a second failover so soon needs a person"},
    {DECIDE_GATE_TARGET_UNHEALTHY, decide_gate_target_unhealthy, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "the target's database, application, cache or queue is not healthy", "moving there would not help"},
    {DECIDE_GATE_RPO_UNKNOWN, decide_gate_rpo_unknown, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "the replication lag is unknown", "nobody can say how much would be lost"},
    {DECIDE_GATE_RPO_AT_RISK, decide_gate_rpo_risk, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "the lag is at least policy.rpo_limit (60 s by default; database rule: policy.rpo_database_limit, 30 s)",
     "more would be lost than was promised"},
    {DECIDE_GATE_TARGET_CAPACITY, decide_gate_capacity, DECIDE_MANUAL_REVIEW_REQUIRED, false,
     "the target's capacity is below policy.target_capacity (1.0 by default) and the confidence is not HIGH",
     "an overloaded target may be worse than a limping source"},
};

const struct decide_gate_row *decide_gate_table(uint32_t *ret_count)
{
    *ret_count = sizeof decide_gate_rows / sizeof decide_gate_rows[0];
    return decide_gate_rows;
}
