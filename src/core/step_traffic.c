/* SPDX-License-Identifier: Apache-2.0
 * Steps that move the clients: load balancers, DNS, verification, and the gradual way home. */
#include <string.h>

#include "base/assert.h"
#include "core/judge.h"
#include "core/split.h"
#include "core/step.h"
#include "core/step_guard.h"
#include "core/task.h"
#include "core/ttl.h"

enum {
    STEP_TRAFFIC_BALANCE_MS = 2000,
    STEP_TRAFFIC_VERIFY_MS = 5000,
};

uint32_t step_traffic_region(const struct durable_run *run)
{
    return plan_homeward(run->plan) ? run->target : run->source;
}

static void step_traffic_share(struct engine *engine, struct output *output, uint32_t region, uint32_t factor)
{
    engine->durable.factor[region] = factor;
    engine->durable.factor_since_wall_us[region] = engine->wall.us;
    struct trace *trace = engine_trace(engine, output, TRACE_SPLIT);
    trace->region = region;
    trace->n = engine->durable.view_version + 1;
    trace->m = factor;
}

/* A target that still waited for its own way home gets its clients back with the others': somebody must carry. */
static void step_traffic_set(struct engine *engine, struct output *output, uint32_t region, uint32_t factor)
{
    const uint32_t target = engine->durable.run.target;
    if (region != target && factor == 0 && engine->durable.factor[target] != DURABLE_WHOLE) {
        step_traffic_share(engine, output, target, DURABLE_WHOLE);
    }
    step_traffic_share(engine, output, region, factor);
    step_publish(engine, output);
}

/* What the region will carry once the run is through. */
static uint32_t step_traffic_final(const struct durable_run *run)
{
    return plan_homeward(run->plan) ? DURABLE_WHOLE : 0;
}

/* core/ttl.h lowers it while this step is the present one, and until the run ends. */
enum step_verdict step_traffic_lower(struct engine *engine, struct output *output)
{
    if (engine->run.version == 0) {
        step_publish(engine, output);
        return STEP_RUNNING;
    }
    const int64_t left_ms = time_since_ms(ttl_old_until(engine), engine->now);
    step_detail(engine, left_ms > 0 ? "answers live %u s, older ones for %lld s more" : "answers live %u s",
                engine->model.ttl_floor_s, (long long)(left_ms + 999) / 1000);
    return left_ms > 0 ? STEP_RUNNING : STEP_DONE;
}

static const struct engine_task *step_traffic_balancers(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    const struct action wanted = {.kind = ACTION_BALANCE,
                                  .run = run->id,
                                  .step = run->at,
                                  .region = LIMITS_NONE,
                                  .node = LIMITS_NONE,
                                  .epoch = engine->run.version, /* one question per split */
                                  .timeout_ms = STEP_TRAFFIC_BALANCE_MS};
    return task_want(engine, output, TASK_SLOT_STEP, &wanted);
}

enum step_verdict step_traffic_balance(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    const uint32_t region = step_traffic_region(run);
    bool any = false;
    for (uint32_t i = 0; i < engine->model.regions_count; i++) {
        any |= engine->model.regions[i].has_load_balancer;
    }
    if (!any) {
        step_detail(engine, "no load balancer is configured");
        return STEP_SKIP;
    }
    if (engine->durable.factor[region] != step_traffic_final(run) || engine->run.version == 0) {
        /* The split is one picture: balancers act on it first, the DNS readers' proof is the next step. */
        step_traffic_set(engine, output, region, step_traffic_final(run));
        return STEP_RUNNING;
    }
    const struct engine_task *task = step_traffic_balancers(engine, output);
    step_detail(engine, "%s", task->detail);
    return task->state == ENGINE_TASK_OK        ? STEP_DONE
           : task->state == ENGINE_TASK_REFUSED ? STEP_UNPROVEN
                                                : STEP_RUNNING;
}

enum step_verdict step_traffic_names(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    const uint32_t region = step_traffic_region(run);
    if (engine->durable.factor[region] != step_traffic_final(run)) {
        step_traffic_set(engine, output, region, step_traffic_final(run));
        return STEP_RUNNING;
    }
    if (engine->run.version == 0) {
        step_publish(engine, output); /* shown by an earlier step already: learn the number */
        return STEP_RUNNING;
    }
    return step_readers(engine, EVENT_READER_DNS, engine->run.version) ? STEP_DONE : STEP_RUNNING;
}

/* No step before this one asks whether the relays of TCP services have carried out the split. */
static bool step_traffic_relayed(struct engine *engine, struct output *output)
{
    bool any = false;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        any |= engine->model.sites[site].relays;
    }
    if (any && engine->run.version == 0) {
        step_publish(engine, output); /* shown by an earlier step already: learn the number */
        return false;
    }
    return !any || step_readers(engine, EVENT_READER_SERVICE, engine->run.version);
}

enum step_verdict step_traffic_verify(struct engine *engine, struct output *output)
{
    if (!step_traffic_relayed(engine, output)) {
        return STEP_RUNNING;
    }
    const struct durable_run *run = &engine->durable.run;
    const struct action wanted = {.kind = ACTION_VERIFY,
                                  .run = run->id,
                                  .step = run->at,
                                  .region = run->target,
                                  .node = LIMITS_NONE,
                                  .timeout_ms = STEP_TRAFFIC_VERIFY_MS};
    const struct engine_task *task = task_want(engine, output, TASK_SLOT_STEP, &wanted);
    if (task->state != ENGINE_TASK_OK) {
        step_detail(engine, "%s", task->detail);
        return STEP_RUNNING;
    }
    /* Going home, the target only gets its own clients back, and the canary has counted them. */
    const bool moved = plan_homeward(run->plan) || plan_local(run->plan) ||
                       traffic_moved(&engine->traffic, run->target, run->source_rate, run->target_rate);
    step_detail(engine, "%s; requests/s: source had %llu, target %llu then %llu", task->detail,
                (unsigned long long)run->source_rate / 1000, (unsigned long long)run->target_rate / 1000,
                (unsigned long long)traffic_rate(&engine->traffic, run->target) / 1000);
    return moved ? STEP_DONE : STEP_RUNNING;
}

/* Sends a share to the original, then holds it under the guard. */
static enum step_verdict step_traffic_hold(struct engine *engine, struct output *output, enum failback_phase phase,
                                           uint32_t share)
{
    const struct durable_run *run = &engine->durable.run;
    if (engine->durable.factor[run->target] != share || engine->run.version == 0) {
        engine->run.holding = false;
        step_traffic_set(engine, output, run->target, share);
        return STEP_RUNNING;
    }
    if (!engine->run.holding) {
        (void)step_traffic_balancers(engine, output);
        if (!step_readers(engine, EVENT_READER_DNS, engine->run.version)) {
            return STEP_RUNNING;
        }
        engine->run.holding = true;
        engine->run.hold_since = engine->now;
        memset(engine->run.requests, 0, sizeof engine->run.requests);
        memset(engine->run.errors, 0, sizeof engine->run.errors);
    }
    return step_guard_hold(engine, output, phase);
}

enum step_verdict step_traffic_canary(struct engine *engine, struct output *output)
{
    return step_traffic_hold(engine, output, FAILBACK_CANARY, engine->model.failback.canary_share);
}

enum step_verdict step_traffic_ramp(struct engine *engine, struct output *output)
{
    return step_traffic_hold(engine, output, FAILBACK_RAMP50, engine->model.failback.ramp_share);
}

enum step_verdict step_traffic_shift(struct engine *engine, struct output *output, uint32_t percent)
{
    const struct durable_run *run = &engine->durable.run;
    const uint32_t region = step_traffic_region(run);
    const uint32_t moved = DURABLE_WHOLE / 100 * percent;
    const uint32_t factor = plan_homeward(run->plan) ? moved : DURABLE_WHOLE - moved;
    if (engine->durable.factor[region] != factor || engine->run.version == 0) {
        step_traffic_set(engine, output, region, factor);
        return STEP_RUNNING;
    }
    (void)step_traffic_balancers(engine, output);
    return step_readers(engine, EVENT_READER_DNS, engine->run.version) ? STEP_DONE : STEP_RUNNING;
}

enum step_verdict step_traffic_back(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    const uint32_t region = step_traffic_region(run);
    if (!plan_homeward(run->plan) && !judge_fit(engine, region)) {
        step_detail(engine, "not back onto an unhealthy region");
        return STEP_DONE;
    }
    if (engine->durable.factor[region] != run->factor_before) {
        step_traffic_set(engine, output, region, run->factor_before);
    }
    return STEP_DONE;
}
