/* SPDX-License-Identifier: Apache-2.0
 * The failback guard fed from the engine's state. */
#include "core/step_guard.h"

#include <string.h>

#include "core/candidate.h"
#include "core/judge.h"
#include "core/ledger.h"

enum {
    STEP_GUARD_NS_PER_US = 1000,
    STEP_GUARD_REQUESTS = 50, /* one failed request of these is the default limit of 2 % */
    STEP_GUARD_ERRORS = 3,
};

/* How far the original's candidates are behind: the worst of the databases that come home. */
static void step_guard_lag(const struct engine *engine, struct failback_facts *facts)
{
    const struct durable_run *run = &engine->durable.run;
    facts->lag_known = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        const struct candidate candidate =
            candidate_choose(engine, move->database, run->target, 1U << move->source, true);
        uint32_t lag_ms = 0;
        if (candidate.node == LIMITS_NONE || !candidate_lag_ms(engine, candidate.node, &lag_ms)) {
            facts->lag_known = false;
            return;
        }
        const int64_t lag_us = (int64_t)lag_ms * TIME_US_PER_MS;
        facts->lag_us = lag_us > facts->lag_us ? lag_us : facts->lag_us;
    }
}

/* What former writers of the databases that come home left behind. Of a cluster without tier-1 data it is told, and
 * holds nothing up. */
struct step_guard_ledger {
    bool known;
    int64_t tier1;
    int64_t tier2;
};

static struct step_guard_ledger step_guard_ledger(const struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    struct step_guard_ledger ledger = {.known = true};
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const uint32_t database = run->moves[i].database;
        const struct ledger_state state = ledger_look(engine, database);
        const bool tier1 = engine->model.databases[database].tier1;
        ledger.known &= state.known || !tier1;
        ledger.tier1 += tier1 ? (int64_t)state.open + state.away : 0;
        ledger.tier2 += tier1 ? 0 : state.open;
    }
    return ledger;
}

/* Requests and error rate since the hold began. Every observer counts the same requests: the one that saw most is the
 * closest. A rate over a handful of requests is noise: it counts from so many requests or failed ones on. */
static void step_guard_requests(const struct engine *engine, struct failback_facts *facts)
{
    uint64_t errors = 0;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if ((int64_t)engine->run.requests[site] > facts->requests) {
            facts->requests = (int64_t)engine->run.requests[site];
            errors = engine->run.errors[site];
        }
    }
    const bool enough = facts->requests >= STEP_GUARD_REQUESTS || errors >= STEP_GUARD_ERRORS * 1000000ULL;
    if (enough && facts->requests > 0) {
        facts->error_rate_ppm = (int64_t)(errors / (uint64_t)facts->requests);
    }
}

static void step_guard_facts(const struct engine *engine, enum failback_phase phase, struct failback_facts *ret_facts)
{
    const struct durable_run *run = &engine->durable.run;
    const struct model *model = &engine->model;
    const struct health *health = &engine->health;
    memset(ret_facts, 0, sizeof *ret_facts);
    ret_facts->phase = phase;
    ret_facts->db = health_component(health, model, run->target, MODEL_COMPONENT_DB);
    ret_facts->app = health_component(health, model, run->target, MODEL_COMPONENT_APP);
    ret_facts->cache = health_component(health, model, run->target, MODEL_COMPONENT_CACHE);
    ret_facts->queue = health_component(health, model, run->target, MODEL_COMPONENT_QUEUE);
    ret_facts->stable_us = judge_stable_ms(engine, run->target) * TIME_US_PER_MS;
    ret_facts->tier1_conflicts = step_guard_ledger(engine).tier1;
    ret_facts->operator_abort = run->abort_wanted;
    step_guard_lag(engine, ret_facts);
    uint64_t value = 0;
    if (health_figure(health, model, run->target, MODEL_FIGURE_P95, engine->now, &value)) {
        ret_facts->p95_ns = (int64_t)value * STEP_GUARD_NS_PER_US;
    }
    step_guard_requests(engine, ret_facts);
    ret_facts->elapsed_us = time_since_us(engine->now, engine->run.hold_since);
}

static struct failback_limits step_guard_limits(const struct engine *engine, enum failback_phase phase)
{
    const struct model_failback *model = &engine->model.failback;
    const uint32_t hold_ms = phase == FAILBACK_RAMP50 ? model->ramp_hold_ms : model->canary_hold_ms;
    return (struct failback_limits){.hold_us = (int64_t)hold_ms * TIME_US_PER_MS,
                                    .min_stable_us = (int64_t)model->min_stable_ms * TIME_US_PER_MS,
                                    .min_requests = model->min_requests,
                                    .max_error_ppm = model->max_error_ppm,
                                    .max_p95_ns = (int64_t)model->max_p95_us * STEP_GUARD_NS_PER_US,
                                    .max_lag_us = (int64_t)model->max_lag_ms * TIME_US_PER_MS};
}

/* A controller that has just started has not seen the original for as long as it must be stable: that is no reason to
 * turn down a run that its predecessor had let through. */
static bool step_guard_young(const struct engine *engine)
{
    const int64_t unstable_ms = engine->model.failback.min_stable_ms + model_patience_ms(&engine->model);
    return step_settling(engine) || time_since_ms(engine->now, engine->started) < unstable_ms;
}

static void step_guard_tell(struct engine *engine, const struct failback_facts *facts, enum failback_reason reason,
                            const struct step_guard_ledger *ledger)
{
    const char *name = failback_reason_name(reason);
    if (reason == FAILBACK_TIER1_CONFLICTS_OPEN) {
        step_detail(engine, "%s: %lld to resolve (`holdfast ledger list --open`)", name, (long long)ledger->tier1);
    } else if (ledger->tier2 > 0) {
        step_detail(engine, "%s: stable %lld s, lag %lld ms, %lld open in the ledger (tier 2)", name,
                    (long long)(facts->stable_us / TIME_US_PER_S), (long long)(facts->lag_us / TIME_US_PER_MS),
                    (long long)ledger->tier2);
    } else {
        step_detail(engine, "%s: stable %lld s, lag %lld ms", name, (long long)(facts->stable_us / TIME_US_PER_S),
                    (long long)(facts->lag_us / TIME_US_PER_MS));
    }
}

enum step_verdict step_guard_precheck(struct engine *engine, struct output *output, bool measured)
{
    (void)output;
    const struct durable_run *run = &engine->durable.run;
    struct failback_facts facts;
    step_guard_facts(engine, FAILBACK_PRECHECK, &facts);
    const bool no_database = run->moves_count == 0;
    facts.consistent = !measured || no_database || (engine->run.compared && engine->run.consistent);
    facts.approved = !measured || run->approved;
    const struct failback_limits limits = step_guard_limits(engine, FAILBACK_PRECHECK);
    const struct failback_answer answer = failback_evaluate(&facts, &limits, engine->model.policy.profile);
    if (answer.reason == FAILBACK_WAITING_APPROVAL) {
        step_detail(engine, "waiting for `holdfast approve %llu`", (unsigned long long)run->id);
        return STEP_RUNNING;
    }
    const struct step_guard_ledger ledger = step_guard_ledger(engine);
    if (answer.action == FAILBACK_START && !ledger.known && engine->model.policy.profile == MODEL_STANDARD) {
        step_detail(engine, "waiting until the writer's agent has counted the open entries of the ledger");
        return STEP_RUNNING;
    }
    step_guard_tell(engine, &facts, answer.reason, &ledger);
    if (answer.action != FAILBACK_START) {
        return (measured ? step_guard_young(engine) : step_settling(engine)) ? STEP_RUNNING : STEP_FAILED;
    }
    return STEP_DONE;
}

enum step_verdict step_guard_hold(struct engine *engine, struct output *output, enum failback_phase phase)
{
    (void)output;
    struct failback_facts facts;
    step_guard_facts(engine, phase, &facts);
    const struct failback_limits limits = step_guard_limits(engine, phase);
    const struct failback_answer answer = failback_evaluate(&facts, &limits, engine->model.policy.profile);
    step_detail(engine, "%s: %lld requests, %lld ppm errors, p95 %lld us, lag %lld ms, %lld s held",
                failback_reason_name(answer.reason), (long long)facts.requests, (long long)facts.error_rate_ppm,
                (long long)(facts.p95_ns / STEP_GUARD_NS_PER_US), (long long)(facts.lag_us / TIME_US_PER_MS),
                (long long)(facts.elapsed_us / TIME_US_PER_S));
    if (answer.action == FAILBACK_ABORT) {
        return step_settling(engine) && answer.reason != FAILBACK_OPERATOR ? STEP_RUNNING : STEP_FAILED;
    }
    return answer.action == FAILBACK_PROCEED ? STEP_DONE : STEP_RUNNING;
}
