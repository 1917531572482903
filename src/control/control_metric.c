/* SPDX-License-Identifier: Apache-2.0
 * Counting runs, evaluations, probes. */
#include "control/control_metric.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "core/run.h"
#include "edge/metric.h"

enum { CONTROL_METRIC_TELL_MS = 200 };

static const double control_metric_million = 1e6;

/* ---- evaluations ---- */

static void control_metric_evaluations(struct control_metric *metric, const struct engine *engine)
{
    if (time_since_ms(engine->now, metric->told) < CONTROL_METRIC_TELL_MS) {
        return;
    }
    metric->told = engine->now;
    for (uint32_t decision = 0; decision < DECIDE_DECISIONS; decision++) {
        for (uint32_t gate = 0; gate < DECIDE_GATES; gate++) {
            if (engine->evaluated[decision][gate] > 0) {
                metric_raise(METRIC_DECISION_EVALUATIONS, engine->evaluated[decision][gate],
                             METRIC_WITH(decide_decision_name((enum decide_decision)decision),
                                         decide_gate_name((enum decide_gate)gate)));
            }
        }
    }
}

/* ---- runs ---- */

const char *control_metric_phase(enum plan_step step)
{
    static const char *const phases[PLAN_STEP_COUNT] = {
        [PLAN_APPROVAL] = "approve", [PLAN_FENCE] = "fence",         [PLAN_PROMOTE] = "promote",
        [PLAN_PROVE] = "prove",      [PLAN_ROUTE_SQL] = "route",     [PLAN_ROUTE_BALANCERS] = "route",
        [PLAN_ROUTE_DNS] = "route",  [PLAN_VERIFY] = "verify",       [PLAN_CHECKPOINT] = "checkpoint",
        [PLAN_HOLD] = "stop",        [PLAN_STOP] = "stop",           [PLAN_CATCH_UP] = "stop",
        [PLAN_COMPARE] = "compare",  [PLAN_CANARY] = "canary",       [PLAN_RAMP] = "ramp",
        [PLAN_SHIFT_25] = "shift",   [PLAN_SHIFT_50] = "shift",      [PLAN_SHIFT_75] = "shift",
        [PLAN_SHIFT_ALL] = "shift",  [PLAN_LOWER_TTL] = "lower-ttl",
    };
    ASSERT((unsigned)step < PLAN_STEP_COUNT);
    return phases[step];
}

/* The steps of one phase count together, once, at the first of them. */
static void control_metric_phases(enum metric metric, const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const char *phase = control_metric_phase(run->steps[i].step);
        int64_t sum_us = 0;
        bool first = phase != NULL;
        bool any = false;
        for (uint32_t j = 0; first && j < run->steps_count; j++) {
            const struct durable_step *step = &run->steps[j];
            const char *other = control_metric_phase(step->step);
            if (other != NULL && strcmp(other, phase) == 0) {
                first = j >= i;
                const bool ended = step->state == DURABLE_STEP_DONE || step->state == DURABLE_STEP_UNPROVEN;
                any |= ended;
                sum_us += ended && step->ended_us > step->started_us ? step->ended_us - step->started_us : 0;
            }
        }
        if (first && any) {
            metric_observe(metric, (double)sum_us / control_metric_million, METRIC_WITH(phase));
        }
    }
    if (run->evidence_us > 0 && run->began_us > run->evidence_us) {
        metric_observe(metric, (double)(run->began_us - run->evidence_us) / control_metric_million,
                       METRIC_WITH("detect"));
    }
}

/* Known to be nothing when the new writer took over at or behind the last known end of the old one. */
static void control_metric_rpo(const struct durable_run *run)
{
    bool whole = run->moves_count > 0;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        whole &= move->promoted && move->target_end.position > 0 && move->source_end.position > 0 &&
                 move->target_end.position >= move->source_end.position;
    }
    if (whole) {
        metric_set(METRIC_FAILOVER_RPO, 0, METRIC_WITH());
        metric_observe(METRIC_FAILOVER_RPO_DISTRIBUTION, 0, METRIC_WITH());
    }
}

static void control_metric_failover(const struct engine *engine, const struct durable_run *run, const char *trigger)
{
    const char *reason = run->automatic             ? decide_reason_name((enum decide_reason)run->reason)
                         : plan_graceful(run->plan) ? "SWITCHOVER"
                                                    : "ORDERED";
    metric_add(METRIC_FAILOVER_EVENTS, 1,
               METRIC_WITH(trigger, reason, engine->model.regions[run->source].name,
                           engine->model.regions[run->target].name, run_state_name(run->state)));
    if (run->state != DURABLE_RUN_SUCCEEDED && run->state != DURABLE_RUN_UNPROVEN) {
        return;
    }
    control_metric_phases(METRIC_FAILOVER_DURATION, run);
    const int64_t rto_ms = durable_run_rto_ms(run);
    if (!plan_graceful(run->plan) && rto_ms >= 0) {
        metric_set(METRIC_FAILOVER_RTO, (double)rto_ms / 1000, METRIC_WITH());
        metric_observe(METRIC_FAILOVER_RTO_DISTRIBUTION, (double)rto_ms / 1000, METRIC_WITH());
        control_metric_rpo(run);
    }
}

static void control_metric_ended(const struct engine *engine, const struct durable_run *run)
{
    const char *trigger = run->automatic ? "automatic" : "manual";
    if (plan_homeward(run->plan)) {
        metric_add(METRIC_FAILBACK_EVENTS, 1, METRIC_WITH(trigger, run_state_name(run->state)));
        if (run->state == DURABLE_RUN_SUCCEEDED || run->state == DURABLE_RUN_UNPROVEN) {
            control_metric_phases(METRIC_FAILBACK_DURATION, run);
        }
    } else {
        control_metric_failover(engine, run, trigger);
    }
}

void control_metric_step(struct control_metric *metric, const struct engine *engine, const struct output *output)
{
    control_metric_evaluations(metric, engine);
    for (uint32_t i = 0; i < output->traces_count; i++) {
        const struct trace *trace = &output->traces[i];
        const struct durable_run *run =
            trace->kind == TRACE_RUN_ENDED ? durable_run_find(&engine->durable, trace->run) : NULL;
        if (run != NULL && run->source < engine->model.regions_count && run->target < engine->model.regions_count) {
            control_metric_ended(engine, run);
        }
    }
}

/* ---- probes ---- */

void control_metric_probe(const struct model *model, uint32_t probe, const struct probe_result *result)
{
    static const char *const severities[] = {"critical", "important", "informational"};
    ASSERT(probe < model->probes_count);
    const struct model_check *check = &model->checks[model->probes[probe].check];
    const char *region = model->regions[model->probes[probe].region].name;
    char layer[12];
    snprintf(layer, sizeof layer, "%u", (unsigned)check->layer);
    metric_add(METRIC_HEALTH_CHECKS, 1,
               METRIC_WITH(region, check->name, layer, severities[check->severity],
                           result->ok ? "OK" : err_name(result->error)));
    const struct {
        const char *name;
        int64_t us;
    } phases[] = {{"connect", (int64_t)result->phases.connect_us},
                  {"tls", (int64_t)result->phases.tls_us},
                  {"first_byte", (int64_t)result->phases.first_byte_us},
                  {"total", (int64_t)result->phases.total_us}};
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        if (phases[i].us > 0) {
            metric_observe(METRIC_PROBE_DURATION, (double)phases[i].us / control_metric_million,
                           METRIC_WITH(region, check->name, phases[i].name));
        }
    }
}
