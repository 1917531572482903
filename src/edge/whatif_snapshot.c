/* SPDX-License-Identifier: Apache-2.0
 * kind = snapshot: the decision about one region. */
#include <string.h>

#include "edge/whatif_kind.h"

#define WHATIF_SNAPSHOT_RATIO    ((struct whatif_read_range){0, WHATIF_READ_ONE, false, 0})
#define WHATIF_SNAPSHOT_TIME     ((struct whatif_read_range){0, WHATIF_READ_MAX, false, 0})
#define WHATIF_SNAPSHOT_COUNT    ((struct whatif_read_range){0, 1000000000, false, 0})
#define WHATIF_SNAPSHOT_REQUIRED ((struct whatif_read_range){0, 1000000000, true, 0})

static const char *const whatif_snapshot_severities[] = {"critical", "important", "informational", NULL};
static const char *const whatif_snapshot_statuses[] = {"UNKNOWN", "PASSED", "FAILED", NULL};
static const char *const whatif_snapshot_modes[] = {"auto", "paused", "manual", NULL};
static const char *const whatif_snapshot_links[] = {"up", "down", NULL};

static void whatif_snapshot_check(struct whatif_read *reader, const struct whatif_read_at *at, bool layered,
                                  bool series, struct decide_check *ret_check)
{
    if (!whatif_read_object(reader, at, true)) {
        return;
    }
    whatif_read_text(reader, at, "name", ret_check->name, sizeof ret_check->name);
    ret_check->severity = (enum model_severity)whatif_read_word(reader, at, "type", whatif_snapshot_severities, -1);
    ret_check->layer = (uint32_t)whatif_read_count(reader, at, "layer", (struct whatif_read_range){1, 3, layered, 1});
    ret_check->failure_threshold =
        (uint32_t)whatif_read_count(reader, at, "failure_threshold", (struct whatif_read_range){1, 1000000, false, 3});
    ret_check->status = (enum decide_status)whatif_read_word(reader, at, "status", whatif_snapshot_statuses,
                                                             series ? DECIDE_PASSED : -1);
    ret_check->consecutive_failures = whatif_read_count(reader, at, "consecutive_failures", WHATIF_SNAPSHOT_COUNT);
    (void)whatif_read_decimal(reader, at, "interval_s", WHATIF_SNAPSHOT_TIME);
    (void)whatif_read_decimal(reader, at, "timeout_s", WHATIF_SNAPSHOT_TIME);
}

static void whatif_snapshot_checks(struct whatif_read *reader, const struct whatif_read_at *input, bool layered,
                                   bool series, struct decide_snapshot *snapshot)
{
    const struct whatif_read_at checks = whatif_read_member(input, "checks");
    if (!whatif_read_array(reader, &checks, true)) {
        return;
    }
    const size_t count = json_array_size(checks.value);
    if (count > LIMITS_CHECKS) {
        whatif_read_fail(reader, &checks, "has more than 64 checks");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct whatif_read_at check = whatif_read_element(&checks, i);
        whatif_snapshot_check(reader, &check, layered, series, &snapshot->checks[i]);
    }
    snapshot->checks_count = (uint32_t)count;
}

static void whatif_snapshot_pods(struct whatif_read *reader, const struct whatif_read_at *metrics,
                                 struct decide_metrics *ret_metrics)
{
    const struct whatif_read_at pods = whatif_read_member(metrics, "pods_down_ratio");
    if (!whatif_read_object(reader, &pods, false)) {
        return;
    }
    if (json_object_size(pods.value) > LIMITS_CHECKS) {
        whatif_read_fail(reader, &pods, "has more than 64 services");
        return;
    }
    void *at = json_object_iter((json_t *)(uintptr_t)pods.value);
    for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)pods.value, at)) {
        const char *name = json_object_iter_key(at);
        const struct whatif_read_at ratio = {.parent = &pods, .key = name, .value = json_object_iter_value(at)};
        struct decide_pods *entry = &ret_metrics->pods[ret_metrics->pods_count];
        if (strlen(name) >= sizeof entry->name) {
            whatif_read_fail(reader, &ratio, "is too long a name");
            return;
        }
        memcpy(entry->name, name, strlen(name) + 1);
        entry->down_ppm = whatif_read_value(reader, &ratio, (struct whatif_read_range){0, WHATIF_READ_ONE, true, 0});
        ret_metrics->pods_count++;
    }
}

static void whatif_snapshot_metrics(struct whatif_read *reader, const struct whatif_read_at *input,
                                    struct decide_metrics *ret_metrics)
{
    const struct whatif_read_at metrics = whatif_read_member(input, "metrics");
    if (!whatif_read_object(reader, &metrics, false)) {
        return;
    }
    ret_metrics->error_rate_ppm = whatif_read_decimal(reader, &metrics, "error_rate", WHATIF_SNAPSHOT_RATIO);
    ret_metrics->error_rate_duration_us =
        whatif_read_decimal(reader, &metrics, "error_rate_duration_s", WHATIF_SNAPSHOT_TIME);
    ret_metrics->p95_ns = whatif_read_decimal(reader, &metrics, "p95_ms", WHATIF_SNAPSHOT_TIME);
    whatif_snapshot_pods(reader, &metrics, ret_metrics);
}

static void whatif_snapshot_observers(struct whatif_read *reader, const struct whatif_read_at *input,
                                      struct decide_observers *ret_observers)
{
    const struct whatif_read_at at = whatif_read_member(input, "observers");
    if (whatif_read_object(reader, &at, false)) {
        ret_observers->total = whatif_read_count(reader, &at, "total", WHATIF_SNAPSHOT_REQUIRED);
        ret_observers->reporting = whatif_read_count(reader, &at, "reporting", WHATIF_SNAPSHOT_REQUIRED);
        ret_observers->see_down = whatif_read_count(reader, &at, "see_down", WHATIF_SNAPSHOT_REQUIRED);
    }
}

static void whatif_snapshot_target(struct whatif_read *reader, const struct whatif_read_at *input,
                                   struct decide_target *ret_target)
{
    const struct whatif_read_at at = whatif_read_member(input, "target");
    if (!whatif_read_object(reader, &at, false)) {
        return;
    }
    ret_target->db = whatif_read_bool(reader, &at, "db", true, false);
    ret_target->app = whatif_read_bool(reader, &at, "app", true, false);
    ret_target->cache = whatif_read_bool(reader, &at, "cache", true, false);
    ret_target->queue = whatif_read_bool(reader, &at, "queue", true, false);
    ret_target->lag_known = whatif_read_member(&at, "replication_lag_s").value != NULL;
    ret_target->lag_us = whatif_read_decimal(reader, &at, "replication_lag_s", WHATIF_SNAPSHOT_TIME);
    ret_target->capacity_ppm = whatif_read_decimal(
        reader, &at, "capacity_ratio", (struct whatif_read_range){0, WHATIF_READ_MAX, false, WHATIF_READ_ONE});
}

static void whatif_snapshot_controller(struct whatif_read *reader, const struct whatif_read_at *input,
                                       struct decide_controller *ret_controller)
{
    const struct whatif_read_at at = whatif_read_member(input, "controller");
    if (whatif_read_object(reader, &at, false)) {
        ret_controller->members = whatif_read_count(reader, &at, "members", WHATIF_SNAPSHOT_REQUIRED);
        ret_controller->reachable = whatif_read_count(reader, &at, "reachable", WHATIF_SNAPSHOT_REQUIRED);
        ret_controller->leader = whatif_read_bool(reader, &at, "leader", true, false);
    }
}

static void whatif_snapshot_state(struct whatif_read *reader, const struct whatif_read_at *input,
                                  struct decide_state *ret_state)
{
    const struct whatif_read_at at = whatif_read_member(input, "state");
    if (!whatif_read_object(reader, &at, false)) {
        return;
    }
    ret_state->mode = (enum decide_mode)whatif_read_word(reader, &at, "mode", whatif_snapshot_modes, 0);
    ret_state->region_active = whatif_read_bool(reader, &at, "region_active", false, true);
    ret_state->in_progress = whatif_read_bool(reader, &at, "in_progress", false, false);
    ret_state->failed_over_before = whatif_read_member(&at, "since_last_failover_s").value != NULL;
    ret_state->since_last_failover_us = whatif_read_decimal(reader, &at, "since_last_failover_s", WHATIF_SNAPSHOT_TIME);
    ret_state->maintenance = whatif_read_bool(reader, &at, "maintenance", false, false);
    ret_state->drill_blackout = whatif_read_bool(reader, &at, "drill_blackout", false, false);
    ret_state->transitions_10m = whatif_read_count(reader, &at, "transitions_10m", WHATIF_SNAPSHOT_COUNT);
    ret_state->link_up = whatif_read_word(reader, &at, "cross_region_link", whatif_snapshot_links, 0) == 0;
    ret_state->tier1_sync = whatif_read_bool(reader, &at, "tier1_sync", false, false);
}

void whatif_snapshot_read(const struct whatif_options *options, struct whatif_read *reader,
                          const struct whatif_read_at *input, bool series, struct decide_snapshot *ret_snapshot)
{
    const bool standard = options->profile == MODEL_STANDARD;
    decide_snapshot_favourable(ret_snapshot);
    whatif_snapshot_checks(reader, input, standard, series, ret_snapshot);
    whatif_snapshot_metrics(reader, input, &ret_snapshot->metrics);
    if (standard) { /* the ADR's code knows only checks and metrics */
        whatif_snapshot_observers(reader, input, &ret_snapshot->observers);
        whatif_snapshot_target(reader, input, &ret_snapshot->target);
        whatif_snapshot_controller(reader, input, &ret_snapshot->controller);
        whatif_snapshot_state(reader, input, &ret_snapshot->state);
    }
}

json_t *whatif_snapshot_warnings(const struct decide_answer *answer)
{
    json_t *list = json_array();
    for (uint32_t bit = 1; bit < DECIDE_WARNINGS_END; bit <<= 1) {
        if ((answer->warnings & bit) != 0) {
            json_array_append_new(list, json_string(decide_warning_name((enum decide_warning)bit)));
        }
    }
    return list;
}

json_t *whatif_snapshot_rto(const struct decide_answer *answer)
{
    return answer->decision == DECIDE_AUTOMATIC_FAILOVER ? json_integer(answer->estimated_rto_s) : json_null();
}

json_t *whatif_snapshot_answer(const struct whatif_options *options, struct whatif_read *reader,
                               const struct whatif_read_at *input, json_t **ret_explain)
{
    struct decide_snapshot snapshot;
    struct decide_answer answer;
    whatif_snapshot_read(options, reader, input, false, &snapshot);
    if (reader->failed) {
        return NULL;
    }
    decide_evaluate(&snapshot, &options->thresholds, options->profile, &answer);
    if (options->explain) {
        *ret_explain = whatif_explain(options, &snapshot, &answer);
    }
    const bool gated = answer.gate != DECIDE_GATE_NONE;
    return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "decision", decide_decision_name(answer.decision), "reason",
                     decide_reason_name(answer.reason), "confidence", decide_confidence_name(answer.confidence),
                     "estimated_rto_s", whatif_snapshot_rto(&answer), "gate",
                     gated ? json_string(decide_gate_name(answer.gate)) : json_null(), "warnings",
                     whatif_snapshot_warnings(&answer));
}
