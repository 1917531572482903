/* SPDX-License-Identifier: Apache-2.0
 * Starting a run: by a decision or by an operator's command. */
#include "core/run_start.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/judge.h"
#include "core/run.h"
#include "core/split.h"
#include "core/step.h"
#include "core/task.h"

enum {
    RUN_START_AGAIN_MS = 15000, /* an automatic run that changed nothing is tried again after this */
};

/* The databases that this run moves: those whose writer the source holds; homeward, only those that are at home in the
 * target. */
static void run_start_moves(const struct engine *engine, const struct run_start *start, struct durable_run *run)
{
    const bool homeward = start->plan == PLAN_FAILBACK || start->plan == PLAN_FAILBACK_NOW;
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

static void run_start_steps(const struct run_start *start, struct durable_run *run)
{
    const struct plan *plan = plan_of(start->plan);
    for (uint32_t i = 0; i < plan->count; i++) {
        const enum plan_step step = plan->steps[i];
        const bool approval = step == PLAN_APPROVAL && start->approved && start->plan != PLAN_FAILBACK;
        if (approval || (plan_step_of(step)->database && run->moves_count == 0)) {
            continue;
        }
        run->steps[run->steps_count++].step = step;
    }
}

void run_start_begin(struct engine *engine, struct output *output, const struct run_start *start)
{
    struct durable *durable = &engine->durable;
    struct durable_run *run = &durable->run;
    run_give_way(engine, output);
    memset(run, 0, sizeof *run);
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
    run->source_rate = traffic_usual(&engine->traffic, start->source);
    run->target_rate = traffic_usual(&engine->traffic, start->target);
    run->factor_before = durable->factor[step_traffic_region(run)];
    text_copy(run->text, sizeof run->text, start->text);
    text_copy(run->who, sizeof run->who, start->who);
    run_start_moves(engine, start, run);
    run_start_steps(start, run);
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

static bool run_start_neighbour(const struct engine *engine, uint32_t database, uint32_t region, uint32_t writer)
{
    return candidate_local_member(engine, database, region, 1U << writer) != LIMITS_NONE &&
           candidate_choose(engine, database, region, 1U << writer, false).node != LIMITS_NONE;
}

/* A writer inside the region may be replaced there when every database that is hurt has a member of its durability set
 * at hand. */
static bool run_start_local(const struct engine *engine, uint32_t region)
{
    bool any = false;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != region) {
            continue;
        }
        any = true;
        if (!run_start_neighbour(engine, database, region, writer)) {
            return false;
        }
    }
    return any;
}

/* A writer of the region that has just come (back), or a view that has just given the region another role: the failed
 * checks are older than that. They get the time to fail again, or to see it. */
static bool run_start_news(const struct engine *engine, uint32_t region)
{
    const uint32_t patience_ms = model_patience_ms(&engine->model);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        const struct mono routed_at = engine->routed_at[database];
        if (routed_at.us != 0 && time_since_ms(engine->now, routed_at) < patience_ms) {
            return true;
        }
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != region) {
            continue;
        }
        const struct engine_node *node = &engine->nodes[writer];
        if (node->alive && node->report.running && node->report.role == VIEW_NODE_WRITER && node->report.lease_held &&
            time_since_ms(engine->now, node->since) < patience_ms) {
            return true;
        }
    }
    return false;
}

/* A node that keeps its region from being in order although all that is wrong is of our own making: the region writes
 * elsewhere, we took this server down, and its agent is at work on it, be it for hours. LIMITS_NONE: there is none. */
static uint32_t run_start_returning(const struct engine *engine, uint32_t region)
{
    uint32_t found = LIMITS_NONE;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region == region) {
            return LIMITS_NONE;
        }
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        const struct engine_node *known = &engine->nodes[node];
        if (engine->model.nodes[node].region == region && known->alive && known->returning) {
            found = node;
        }
    }
    return found;
}

/* The region's clients reach the writer as they did before: nothing is gained by moving them. Said once. */
static bool run_start_waits(struct engine *engine, struct output *output, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const uint32_t node = run_start_returning(engine, region);
    if (node != LIMITS_NONE && !decision->waits) {
        struct trace *trace = engine_trace(engine, output, TRACE_RETURNING);
        trace->region = region;
        trace->node = node;
    }
    decision->waits = node != LIMITS_NONE;
    return decision->waits;
}

static void run_start_automatic(struct engine *engine, struct output *output, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const struct decide_answer *answer = &decision->answer;
    ASSERT(answer->reason <= DECIDE_CRITICAL_SERVICE_FAILURE);
    const enum model_automation automation = engine->model.policy.automation[answer->reason];
    const bool again = decision->tried && time_since_ms(engine->now, decision->tried_at) < RUN_START_AGAIN_MS;
    const bool database = answer->reason == DECIDE_DATABASE_MASTER_FAILURE;
    const bool news = database && (run_start_news(engine, region) || run_start_waits(engine, output, region));
    if (automation == MODEL_OFF || again || news || !engine->durable.good[region]) {
        return;
    }
    const bool local = database && run_start_local(engine, region);
    const uint32_t target = local ? region : judge_target(engine, region);
    if (target == LIMITS_NONE) {
        return;
    }
    decision->tried = false;
    const struct run_start start = {.plan = local ? PLAN_FAILOVER_LOCAL : PLAN_FAILOVER,
                                    .source = region,
                                    .target = target,
                                    .database = LIMITS_NONE,
                                    .automatic = true,
                                    .approved = automation == MODEL_AUTO,
                                    .reason = (uint32_t)answer->reason,
                                    .rule = answer->rule,
                                    .evidence = decision->first_failure,
                                    .text = decide_reason_name(answer->reason),
                                    .who = "holdfast"};
    run_start_begin(engine, output, &start);
}

/* The certain death of a writer, told by its agent: another member of its durability set in the same region takes over
 * at once, when there is one. */
static void run_start_death(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count && run_yields(engine); database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const uint32_t writer = state->writer;
        if (writer == LIMITS_NONE || state->routed != writer) {
            continue;
        }
        const struct engine_node *node = &engine->nodes[writer];
        const uint32_t region = engine->model.nodes[writer].region;
        if (!node->alive || !node->report.died || node->report.epoch != state->routed_epoch ||
            !run_start_neighbour(engine, database, region, writer)) {
            continue;
        }
        const struct run_start start = {.plan = PLAN_FAILOVER_LOCAL,
                                        .source = region,
                                        .target = region,
                                        .database = database,
                                        .automatic = true,
                                        .approved = true,
                                        .reason = DECIDE_DATABASE_MASTER_FAILURE,
                                        .evidence = node->at,
                                        .text = "the writer's agent says that its server died",
                                        .who = "holdfast"};
        run_start_begin(engine, output, &start);
    }
}

void run_decide(struct engine *engine, struct output *output)
{
    if (!engine->durable.paused && engine->model.policy.automation[DECIDE_DATABASE_MASTER_FAILURE] == MODEL_AUTO) {
        run_start_death(engine, output);
    }
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        if (run_yields(engine) && engine->decisions[region].any &&
            engine->decisions[region].answer.decision == DECIDE_AUTOMATIC_FAILOVER) {
            run_start_automatic(engine, output, region);
        }
    }
}

static void run_start_reply(struct output *output, const struct event_command *command, enum err error, uint64_t run,
                            const char *text)
{
    if (output->replies_count < ENGINE_REPLIES) {
        struct engine_reply *reply = &output->replies[output->replies_count++];
        *reply = (struct engine_reply){.token = command->token, .error = error, .run = run};
        reply->precheck = error == ERR_UNAVAILABLE;
        text_copy(reply->text, sizeof reply->text, text);
    }
}

/* The region that carries what is to come home. */
static uint32_t run_start_carrier(const struct engine *engine, uint32_t home)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t first = engine->model.databases[database].initial_writer;
        const uint32_t writer = engine->durable.databases[database].writer;
        if (first != LIMITS_NONE && writer != LIMITS_NONE && engine->model.nodes[first].region == home &&
            engine->model.nodes[writer].region != home) {
            return engine->model.nodes[writer].region;
        }
    }
    return split_substitute(&engine->model, engine->durable.factor, home);
}

/* Fills in what the operator left open. Returns what is wrong, or NULL. */
static const char *run_start_regions(const struct engine *engine, const struct event_command *command,
                                     struct run_start *start)
{
    const uint32_t count = engine->model.regions_count;
    start->source = command->source;
    start->target = command->target;
    if (command->kind == EVENT_COMMAND_FAILBACK) {
        for (uint32_t region = 0; region < count && start->target == LIMITS_NONE; region++) {
            if (engine->durable.factor[region] != DURABLE_WHOLE) {
                start->target = region;
            }
        }
        if (start->target == LIMITS_NONE) {
            return "nothing to bring home: every region carries its clients";
        }
        start->source = run_start_carrier(engine, start->target);
    } else if (start->source == LIMITS_NONE) {
        return "say which region to leave (source)";
    } else if (start->target == LIMITS_NONE) {
        start->target = judge_target(engine, start->source);
    }
    if (start->source >= count || start->target >= count) {
        return "no such region";
    }
    return start->source == start->target ? "source and target are the same region" : NULL;
}

static const char *run_start_refusal(const struct engine *engine, const struct run_start *start)
{
    const uint32_t *factor = engine->durable.factor;
    const bool homeward = start->plan == PLAN_FAILBACK || start->plan == PLAN_FAILBACK_NOW;
    if (homeward && factor[start->target] == DURABLE_WHOLE) {
        return "the target carries its clients already";
    }
    if (!homeward && factor[start->source] == 0) {
        return "the source carries nothing";
    }
    /* Who accepts a loss wants the service back, even in a region that was not brought home yet. */
    if (!homeward && factor[start->target] != DURABLE_WHOLE && !start->accept_loss) {
        return "the target does not carry its own clients";
    }
    return NULL;
}

static void run_start_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct run_start start = {.database = LIMITS_NONE,
                              .approved = true,
                              .accept_loss = command->accept_loss,
                              .text = command->reason,
                              .who = command->who};
    start.plan = command->kind == EVENT_COMMAND_FAILOVER     ? PLAN_FAILOVER
                 : command->kind == EVENT_COMMAND_SWITCHOVER ? PLAN_SWITCHOVER
                 : command->emergency                        ? PLAN_FAILBACK_NOW
                                                             : PLAN_FAILBACK;
    if (start.plan == PLAN_FAILBACK) {
        start.approved = !engine->model.failback.approval;
    }
    if (!run_yields(engine)) {
        run_start_reply(output, command, ERR_CONFLICT, engine->durable.run.id, "another run is in progress");
        return;
    }
    if (command->reason[0] == 0) {
        run_start_reply(output, command, ERR_INVALID, 0, "a reason is required");
        return;
    }
    const char *problem = run_start_regions(engine, command, &start);
    if (problem != NULL) {
        run_start_reply(output, command, ERR_INVALID, 0, problem);
        return;
    }
    problem = run_start_refusal(engine, &start);
    if (problem != NULL) {
        run_start_reply(output, command, ERR_UNAVAILABLE, 0, problem);
        return;
    }
    if (command->dry_run) {
        run_start_reply(output, command, ERR_OK, 0, plan_of(start.plan)->name);
        return;
    }
    run_start_begin(engine, output, &start);
    run_start_reply(output, command, ERR_OK, engine->durable.run.id, "started");
}

static void run_start_approve(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE || run->id != command->run) {
        run_start_reply(output, command, ERR_NOT_FOUND, 0, "no such run is in progress");
        return;
    }
    run->approved = true;
    text_copy(run->who, sizeof run->who, command->who);
    engine_persist(engine, output);
    run_start_reply(output, command, ERR_OK, run->id, "approved");
}

static void run_start_abort(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE || run->id != command->run) {
        run_start_reply(output, command, ERR_NOT_FOUND, 0, "no such run is in progress");
        return;
    }
    bool ordered = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        ordered |= run->moves[i].promote_sent || run->moves[i].promoted;
    }
    if (ordered && run->state != DURABLE_RUN_WAITING && run->state != DURABLE_RUN_UNDOING) {
        run_start_reply(output, command, ERR_UNAVAILABLE, run->id,
                        "past the point of no return: the promotion was ordered");
        return;
    }
    if (run->state == DURABLE_RUN_UNDOING && !run->stuck) {
        run_start_reply(output, command, ERR_UNAVAILABLE, run->id, "it is being undone already");
        return;
    }
    run->abort_wanted = true;
    engine_persist(engine, output);
    run_start_reply(output, command, ERR_OK, run->id, "aborting");
}

static void run_start_pause(struct engine *engine, struct output *output, const struct event_command *command)
{
    const bool pause = command->kind == EVENT_COMMAND_PAUSE;
    engine->durable.paused = pause;
    engine_persist(engine, output);
    struct trace *trace = engine_trace(engine, output, pause ? TRACE_PAUSED : TRACE_RESUMED);
    char who[25];
    char reason[61];
    struct buf buf;
    text_copy(who, sizeof who, command->who);
    text_copy(reason, sizeof reason, command->reason);
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_printf(&buf, "%s: %s", who, reason);
    run_start_reply(output, command, ERR_OK, 0, pause ? "automation is paused" : "automation is on");
}

void run_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    switch (command->kind) {
    case EVENT_COMMAND_FAILOVER:
    case EVENT_COMMAND_SWITCHOVER:
    case EVENT_COMMAND_FAILBACK:
        run_start_command(engine, output, command);
        break;
    case EVENT_COMMAND_APPROVE:
        run_start_approve(engine, output, command);
        break;
    case EVENT_COMMAND_ABORT:
        run_start_abort(engine, output, command);
        break;
    case EVENT_COMMAND_PAUSE:
    case EVENT_COMMAND_RESUME:
        run_start_pause(engine, output, command);
        break;
    }
}
