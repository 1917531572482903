/* SPDX-License-Identifier: Apache-2.0
 * Steps that look and decide: evidence, approval, validation, guard, comparison, ledger, close. */
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/judge.h"
#include "core/step.h"
#include "core/step_guard.h"
#include "core/task.h"

enum {
    STEP_GATE_COMPARE_MS = 50000,
    STEP_GATE_PPM_PER_PERCENT = 10000,
    STEP_GATE_COMPARED_FRESH_MS = 60000, /* older than this, a comparison is made anew before the canary */
};

enum step_verdict step_gate_evidence(struct engine *engine, struct output *output)
{
    (void)output;
    const struct durable_run *run = &engine->durable.run;
    const struct engine_decision *decision = &engine->decisions[run->source];
    if (run->rule == 0) {
        step_detail(engine, "%.95s", run->text); /* a word that needs no check; its beginning, when it is long */
        return STEP_DONE;
    }
    step_detail(engine, "rule %u, %lld of %lld observers see it", run->rule,
                (long long)decision->snapshot.observers.see_down, (long long)decision->snapshot.observers.reporting);
    return STEP_DONE;
}

enum step_verdict step_gate_approval(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    if (run->plan == PLAN_FAILBACK) {
        const bool stale = engine->run.compared && run->approved &&
                           time_since_ms(engine->now, engine->run.compared_at) > STEP_GATE_COMPARED_FRESH_MS;
        /* What a controller measured is not in its record: one that was restarted measures again. */
        const bool lost = !engine->run.compared && run->moves_count > 0;
        if (stale || lost) {
            return STEP_BACK_TO_COMPARE;
        }
        return step_guard_precheck(engine, output, true);
    }
    if (run->approved) {
        step_detail(engine, "by %s", run->who[0] != 0 ? run->who : "configuration");
        return STEP_DONE;
    }
    step_detail(engine, "waiting for `holdfast approve %llu`", (unsigned long long)run->id);
    return STEP_RUNNING;
}

/* What is wrong with the target, or NULL. A person may accept the loss of what was not replicated, never an unfit
 * target. */
static const char *step_gate_problem(const struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    struct decide_target target;
    judge_target_state(engine, run->source, run->target, &target);
    const bool local = plan_local(run->plan);
    if (!local && !(target.db && target.app && target.cache && target.queue)) {
        return !target.db      ? "the target's database is not healthy"
               : !target.app   ? "the target's application is not healthy"
               : !target.cache ? "the target's cache is not healthy"
                               : "the target's queue is not healthy";
    }
    if (run->accept_loss) {
        return NULL;
    }
    if (run->moves_count > 0 && !target.lag_known) {
        return "the target's replication lag is unknown";
    }
    if (target.lag_us >= (int64_t)engine->model.policy.rpo_limit_ms * TIME_US_PER_MS) {
        return "the target's replication lag is above the limit";
    }
    return NULL;
}

enum step_verdict step_gate_validate(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    const char *problem = step_gate_problem(engine);
    const bool graceful = plan_graceful(run->plan);
    for (uint32_t i = 0; i < run->moves_count && problem == NULL; i++) {
        const struct durable_move *move = &run->moves[i];
        uint32_t excluded = move->refused;
        if (move->source != LIMITS_NONE) {
            excluded |= 1U << move->source;
        }
        const struct candidate candidate =
            candidate_choose(engine, move->database, run->target, excluded, run->accept_loss || graceful);
        if (candidate.node == LIMITS_NONE) {
            problem = candidate.why;
        }
    }
    if (problem != NULL && step_settling(engine)) {
        step_detail(engine, "%s (just started, waiting for reports)", problem);
        return STEP_RUNNING;
    }
    if (problem != NULL) {
        step_present(engine)->error = ERR_UNAVAILABLE;
        step_detail(engine, "%s", problem);
        return STEP_FAILED;
    }
    (void)output;
    const struct model_region *target = &engine->model.regions[run->target];
    const bool small = !plan_local(run->plan) && target->capacity_ppm < engine->model.policy.target_capacity_ppm;
    step_detail(engine, small ? "target %s is fit, but its capacity is %u %% of the demand" : "target %s is fit",
                target->name, target->capacity_ppm / STEP_GATE_PPM_PER_PERCENT);
    return STEP_DONE;
}

enum step_verdict step_gate_guard(struct engine *engine, struct output *output)
{
    return step_guard_precheck(engine, output, false);
}

/* Of two standbys that take turns at being the most advanced, the one whose comparison is under way. */
static uint32_t step_gate_compared(const struct engine *engine, uint32_t slot, uint32_t candidate)
{
    const struct engine_task *task = task_at(engine, slot);
    const bool asked = task->state != ENGINE_TASK_FREE && task->action.kind == ACTION_COMPARE;
    return asked && engine->nodes[task->action.node].alive ? task->action.node : candidate;
}

enum step_verdict step_gate_compare(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    bool all = true;
    bool same = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        const struct candidate candidate =
            candidate_choose(engine, move->database, run->target, 1U << move->source, true);
        if (candidate.node == LIMITS_NONE) {
            step_detail(engine, "%s", candidate.why);
            return STEP_RUNNING;
        }
        const struct action wanted = {.kind = ACTION_COMPARE,
                                      .run = run->id,
                                      .step = run->at,
                                      .database = move->database,
                                      .node = step_gate_compared(engine, TASK_SLOT_STEP + i, candidate.node),
                                      .region = run->target,
                                      .timeout_ms = STEP_GATE_COMPARE_MS};
        const struct engine_task *task = task_want(engine, output, TASK_SLOT_STEP + i, &wanted);
        step_detail(engine, "%s", task->detail);
        all &= task->state == ENGINE_TASK_OK || task->state == ENGINE_TASK_REFUSED;
        same &= task->state == ENGINE_TASK_OK;
    }
    if (!all) {
        return STEP_RUNNING;
    }
    engine->run.compared = true;
    engine->run.compared_at = engine->now;
    engine->run.consistent = same;
    return same ? STEP_DONE : STEP_FAILED;
}

/* Where the old writer ended is kept: what it has and the new one has not is looked for when it comes home. */
static void step_gate_end(struct engine *engine, struct output *output, const struct durable_move *move)
{
    struct durable *durable = &engine->durable;
    const struct durable_run *run = &durable->run;
    memmove(&durable->ends[1], &durable->ends[0], (DURABLE_LEDGER - 1) * sizeof durable->ends[0]);
    durable->ends_count += durable->ends_count < DURABLE_LEDGER;
    durable->ends[0] = (struct durable_end){
        .run = run->id,
        .database = move->database,
        .node = move->source,
        .epoch = move->epoch - 1,
        .last_known = engine->nodes[move->source].report.written,
        .fork = move->target_end,
        .tier1_at_risk = run->accept_loss && engine->model.databases[move->database].tier1 &&
                         (move->required_before == 0 || (move->members_before >> move->target & 1U) == 0),
    };
    struct trace *trace = engine_trace(engine, output, TRACE_LEDGER);
    trace->run = run->id;
    trace->database = move->database;
    trace->node = move->source;
    trace->lsn = durable->ends[0].last_known.position;
    text_copy(trace->text, sizeof trace->text, "its data directory is kept when it comes home");
}

enum step_verdict step_gate_ledger(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->moves[i].source != LIMITS_NONE) {
            step_gate_end(engine, output, &run->moves[i]);
        }
    }
    step_detail(engine, "%u ended writers recorded", run->moves_count);
    return STEP_DONE;
}

void step_gate_account(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    bool ledger = false;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        ledger |= run->steps[i].step == PLAN_LEDGER && run->steps[i].state == DURABLE_STEP_PENDING;
    }
    for (uint32_t i = 0; i < run->moves_count && ledger; i++) {
        const struct durable_move *move = &run->moves[i];
        const bool moved = move->promoted || (move->promote_sent && move->target != LIMITS_NONE &&
                                              engine->durable.databases[move->database].writer == move->target);
        if (moved && move->source != LIMITS_NONE) {
            step_gate_end(engine, output, move);
        }
    }
}

enum step_verdict step_gate_close(struct engine *engine, struct output *output)
{
    (void)output;
    const struct durable_run *run = &engine->durable.run;
    if (run->plan == PLAN_FAILOVER) {
        engine->failover_any = true;
        engine->failover_at = engine->now;
        engine->durable.last_failover_wall_us = engine->wall.us;
    }
    return STEP_DONE;
}
