/* SPDX-License-Identifier: Apache-2.0
 * An operator's commands: start, approve, abort, pause. */
#include "base/assert.h"
#include "base/text.h"
#include "core/judge.h"
#include "core/run.h"
#include "core/run_start.h"
#include "core/split.h"

void run_command_reply(struct output *output, const struct event_command *command, enum err error, uint64_t run,
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
static uint32_t run_command_carrier(const struct engine *engine, uint32_t home)
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
static const char *run_command_regions(const struct engine *engine, const struct event_command *command,
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
        start->source = run_command_carrier(engine, start->target);
    } else if (start->source == LIMITS_NONE) {
        return "say which region to leave (source)";
    } else if (start->target == LIMITS_NONE) {
        start->target = judge_target(engine, start->source);
    }
    if (start->source >= count || start->target >= count) {
        return "no such region";
    }
    if (start->source == start->target && start->plan == PLAN_SWITCHOVER) {
        start->plan = PLAN_SWITCHOVER_LOCAL;
    }
    return start->source == start->target && !plan_local(start->plan) ? "source and target are the same region" : NULL;
}

static const char *run_command_refusal(const struct engine *engine, const struct run_start *start)
{
    const uint32_t *factor = engine->durable.factor;
    const bool homeward = plan_homeward(start->plan);
    if (homeward && factor[start->target] == DURABLE_WHOLE) {
        return "the target carries its clients already";
    }
    if (plan_local(start->plan)) {
        return NULL; /* the split stays as it is */
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

static void run_command_start(struct engine *engine, struct output *output, const struct event_command *command)
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
        run_command_reply(output, command, ERR_CONFLICT, engine->durable.run.id, "another run is in progress");
        return;
    }
    if (command->reason[0] == 0) {
        run_command_reply(output, command, ERR_INVALID, 0, "a reason is required");
        return;
    }
    const char *problem = run_command_regions(engine, command, &start);
    if (problem != NULL) {
        run_command_reply(output, command, ERR_INVALID, 0, problem);
        return;
    }
    problem = run_command_refusal(engine, &start);
    if (problem != NULL) {
        run_command_reply(output, command, ERR_UNAVAILABLE, 0, problem);
        return;
    }
    if (command->dry_run) {
        run_command_reply(output, command, ERR_OK, 0, plan_of(start.plan)->name);
        return;
    }
    run_start_begin(engine, output, &start);
    run_command_reply(output, command, ERR_OK, engine->durable.run.id, "started");
}

static void run_command_approve(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE || run->id != command->run) {
        run_command_reply(output, command, ERR_NOT_FOUND, 0, "no such run is in progress");
        return;
    }
    run->approved = true;
    text_copy(run->who, sizeof run->who, command->who);
    engine_persist(engine, output);
    run_command_reply(output, command, ERR_OK, run->id, "approved");
}

static void run_command_abort(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE || run->id != command->run) {
        run_command_reply(output, command, ERR_NOT_FOUND, 0, "no such run is in progress");
        return;
    }
    bool ordered = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        ordered |= run->moves[i].promote_sent || run->moves[i].promoted;
    }
    if (ordered && run->state != DURABLE_RUN_WAITING && run->state != DURABLE_RUN_UNDOING) {
        run_command_reply(output, command, ERR_UNAVAILABLE, run->id,
                          "past the point of no return: the promotion was ordered");
        return;
    }
    if (run->state == DURABLE_RUN_UNDOING && !run->stuck) {
        run_command_reply(output, command, ERR_UNAVAILABLE, run->id, "it is being undone already");
        return;
    }
    run->abort_wanted = true;
    engine_persist(engine, output);
    run_command_reply(output, command, ERR_OK, run->id, "aborting");
}

static void run_command_pause(struct engine *engine, struct output *output, const struct event_command *command)
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
    run_command_reply(output, command, ERR_OK, 0, pause ? "automation is paused" : "automation is on");
}

void run_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    switch (command->kind) {
    case EVENT_COMMAND_FAILOVER:
    case EVENT_COMMAND_SWITCHOVER:
    case EVENT_COMMAND_FAILBACK:
        run_command_start(engine, output, command);
        break;
    case EVENT_COMMAND_APPROVE:
        run_command_approve(engine, output, command);
        break;
    case EVENT_COMMAND_ABORT:
        run_command_abort(engine, output, command);
        break;
    case EVENT_COMMAND_PAUSE:
    case EVENT_COMMAND_RESUME:
        run_command_pause(engine, output, command);
        break;
    case EVENT_COMMAND_RESTART:
    case EVENT_COMMAND_REINIT: /* core/node_order.h */
    case EVENT_COMMAND_CACHE:  /* core/cache_move.h */
        ASSERT(false);
    }
}
