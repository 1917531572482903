/* SPDX-License-Identifier: Apache-2.0
 * kind = failback: the guard's word. */
#include "edge/whatif_kind.h"

#define WHATIF_FAILBACK_TIME(needed) ((struct whatif_read_range){0, WHATIF_READ_MAX, (needed), 0})

static const char *const whatif_failback_phases[] = {"precheck", "canary", "ramp50", NULL};

static void whatif_failback_original(struct whatif_read *reader, const struct whatif_read_at *input,
                                     struct failback_facts *facts)
{
    const struct whatif_read_at at = whatif_read_member(input, "original");
    const bool precheck = facts->phase == FAILBACK_PRECHECK;
    if (whatif_read_object(reader, &at, true)) {
        facts->db = whatif_read_bool(reader, &at, "db", true, false);
        facts->app = whatif_read_bool(reader, &at, "app", true, false);
        facts->cache = whatif_read_bool(reader, &at, "cache", true, false);
        facts->queue = whatif_read_bool(reader, &at, "queue", true, false);
        facts->stable_us = whatif_read_decimal(reader, &at, "stable_s", WHATIF_FAILBACK_TIME(precheck));
    }
}

static void whatif_failback_canary(struct whatif_read *reader, const struct whatif_read_at *input, bool standard,
                                   struct failback_facts *facts)
{
    const struct whatif_read_at at = whatif_read_member(input, "canary");
    const struct whatif_read_range ratio = {0, WHATIF_READ_ONE, true, 0};
    const struct whatif_read_range count = {0, 1000000000000, standard, 0};
    if (whatif_read_object(reader, &at, true)) {
        facts->error_rate_ppm = whatif_read_decimal(reader, &at, "error_rate", ratio);
        facts->p95_ns = whatif_read_decimal(reader, &at, "p95_ms", WHATIF_FAILBACK_TIME(true));
        facts->requests = whatif_read_count(reader, &at, "requests", count);
        facts->elapsed_us = whatif_read_decimal(reader, &at, "elapsed_s", WHATIF_FAILBACK_TIME(true));
    }
}

static void whatif_failback_lag(struct whatif_read *reader, const struct whatif_read_at *input,
                                struct failback_facts *facts)
{
    const struct whatif_read_at at = whatif_read_member(input, "replication_lag_s");
    if (json_object_get(input->value, "replication_lag_s") == NULL) {
        whatif_read_fail(reader, &at, "is missing");
    }
    facts->lag_known = at.value != NULL; /* null: unknown */
    facts->lag_us = whatif_read_value(reader, &at, WHATIF_FAILBACK_TIME(false));
}

static void whatif_failback_conflicts(struct whatif_read *reader, const struct whatif_read_at *input,
                                      struct failback_facts *facts)
{
    const struct whatif_read_at at = whatif_read_member(input, "conflicts_open");
    const struct whatif_read_range count = {0, 1000000000000, false, 0};
    if (whatif_read_object(reader, &at, false)) {
        facts->tier1_conflicts = whatif_read_count(reader, &at, "tier1", count);
        (void)whatif_read_count(reader, &at, "tier2", count);
    }
}

static struct failback_limits whatif_failback_limits(const struct whatif_options *options, struct whatif_read *reader,
                                                     const struct whatif_read_at *input)
{
    struct failback_limits limits = options->profile == MODEL_STANDARD ? options->failback : failback_limits_default();
    limits.hold_us = whatif_read_decimal(reader, input, "hold_s",
                                         (struct whatif_read_range){0, WHATIF_READ_MAX, false, limits.hold_us});
    limits.min_stable_us = whatif_read_decimal(
        reader, input, "min_stable_s", (struct whatif_read_range){0, WHATIF_READ_MAX, false, limits.min_stable_us});
    limits.min_requests = whatif_read_count(reader, input, "min_requests",
                                            (struct whatif_read_range){0, 1000000000000, false, limits.min_requests});
    return limits;
}

json_t *whatif_failback_answer(const struct whatif_options *options, struct whatif_read *reader,
                               const struct whatif_read_at *input, json_t **ret_explain)
{
    (void)ret_explain;
    const bool standard = options->profile == MODEL_STANDARD;
    struct failback_facts facts = {0};
    facts.phase = (enum failback_phase)whatif_read_word(reader, input, "phase", whatif_failback_phases, -1);
    const bool precheck = facts.phase == FAILBACK_PRECHECK;
    const struct failback_limits limits = whatif_failback_limits(options, reader, input);
    if (standard) {
        facts.operator_abort = whatif_read_bool(reader, input, "operator_abort", false, false);
        facts.approved = whatif_read_bool(reader, input, "approved", false, false);
        whatif_failback_original(reader, input, &facts);
        whatif_failback_conflicts(reader, input, &facts);
    }
    if (standard || precheck) {
        whatif_failback_lag(reader, input, &facts);
        facts.consistent = whatif_read_bool(reader, input, "consistency_ok", precheck, false);
    }
    if (!precheck) {
        whatif_failback_canary(reader, input, standard, &facts);
    }
    if (reader->failed) {
        return NULL;
    }
    const struct failback_answer answer = failback_evaluate(&facts, &limits, options->profile);
    return json_pack("{s:s,s:s}", "action", failback_action_name(answer.action), "reason",
                     failback_reason_name(answer.reason));
}
