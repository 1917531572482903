/* SPDX-License-Identifier: Apache-2.0
 * Starting a run: its databases and steps. */
#include "core/run_start.h"

#include <string.h>

#include "base/text.h"
#include "core/run.h"
#include "core/step.h"
#include "core/task.h"
#include "core/ttl.h"

/* The databases that this run moves: those whose writer the source holds; homeward, only those that are at home in the
 * target. */
static void run_start_moves(const struct engine *engine, const struct run_start *start, struct durable_run *run)
{
    const bool homeward = plan_homeward(start->plan);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct model_database *model = &engine->model.databases[database];
        const uint32_t writer = engine->durable.databases[database].writer;
        const uint32_t home =
            model->initial_writer == LIMITS_NONE ? LIMITS_NONE : engine->model.nodes[model->initial_writer].region;
        if (writer == LIMITS_NONE || (start->database != LIMITS_NONE && database != start->database)) {
            continue;
        }
        const uint32_t region = engine->model.nodes[writer].region;
        if (homeward ? (home != start->target || region == start->target) : region != start->source) {
            continue;
        }
        run->moves[run->moves_count++] =
            (struct durable_move){.database = database, .source = writer, .target = LIMITS_NONE};
    }
}

static void run_start_steps(const struct model *model, const struct run_start *start, struct durable_run *run)
{
    const struct plan *plan = plan_of(start->plan);
    for (uint32_t i = 0; i < plan->count; i++) {
        const enum plan_step step = plan->steps[i];
        const bool approval = step == PLAN_APPROVAL && start->approved && start->plan != PLAN_FAILBACK;
        const bool lower = step == PLAN_LOWER_TTL && !ttl_matters(model);
        if (approval || lower || (plan_step_of(step)->database && run->moves_count == 0)) {
            continue;
        }
        run->steps[run->steps_count++].step = step;
    }
}

void run_start_begin(struct engine *engine, struct output *output, const struct run_start *start)
{
    struct durable *durable = &engine->durable;
    struct durable_run next = {.moves_count = 0};
    run_start_moves(engine, start, &next);
    run_give_way(engine, output, &next);
    struct durable_run *run = &durable->run;
    *run = next;
    memset(&engine->run, 0, sizeof engine->run);
    task_clear_run(engine);
    run->id = ++durable->runs_started;
    run->plan = start->plan;
    run->state = DURABLE_RUN_RUNNING;
    run->source = start->source;
    run->target = start->target;
    run->reason = start->reason;
    run->rule = start->rule;
    run->automatic = start->automatic;
    run->approved = start->approved;
    run->accept_loss = start->accept_loss;
    run->began_us = engine->now.us;
    run->began_wall_us = engine->wall.us;
    run->evidence_us = start->evidence.us;
    run->source_rate = traffic_carried(&engine->traffic, start->source);
    run->target_rate = traffic_carried(&engine->traffic, start->target);
    run->factor_before = durable->factor[step_traffic_region(run)];
    text_copy(run->text, sizeof run->text, start->text);
    text_copy(run->who, sizeof run->who, start->who);
    run_start_steps(&engine->model, start, run);
    engine_persist(engine, output);
    struct trace *trace = engine_trace(engine, output, TRACE_RUN_STARTED);
    trace->run = run->id;
    trace->region = run->source;
    trace->to = run->target;
    text_copy(trace->text, sizeof trace->text, plan_of(run->plan)->name);
    task_tell(
        engine, output,
        &(struct action){.kind = ACTION_NOTIFY, .run = run->id, .region = run->source, .phase = ACTION_INITIATED});
}
