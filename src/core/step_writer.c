/* SPDX-License-Identifier: Apache-2.0
 * Steps that move the writer: fence, promote, prove, route; and the graceful way: checkpoint, hold, stop, catch up. */
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/durability.h"
#include "core/step.h"
#include "core/task.h"

enum {
    STEP_WRITER_FENCE_MS = 1000,    /* a fence that takes longer is overtaken by the end of the lease */
    STEP_WRITER_PROMOTE_MS = 15000, /* replay of what was received may take a while */
    STEP_WRITER_STOP_MS = 30000,
    STEP_WRITER_LAST_MS = 100, /* what was on its way when the writer died has arrived */
    STEP_WRITER_AGAIN_MS = 4000,
    STEP_WRITER_HEARD_MS = 800, /* agents report each 250 ms */
};

static struct durable_database *step_writer_database(struct engine *engine, const struct durable_move *move)
{
    return &engine->durable.databases[move->database];
}

static struct action step_writer_action(const struct engine *engine, enum action_kind kind,
                                        const struct durable_move *move, uint32_t node, uint32_t timeout_ms)
{
    return (struct action){.kind = kind,
                           .run = engine->durable.run.id,
                           .step = engine->durable.run.at,
                           .database = move->database,
                           .node = node,
                           .region = node == LIMITS_NONE ? LIMITS_NONE : engine->model.nodes[node].region,
                           .epoch = move->epoch,
                           .timeout_ms = timeout_ms};
}

static bool step_writer_graceful(const struct durable_run *run)
{
    return plan_graceful(run->plan);
}

/* Past the point of no return: its target was ordered to be the writer. A run that comes back to an earlier step for
 * another database leaves this one alone. */
static bool step_writer_ordered(const struct durable_move *move)
{
    return move->promote_sent || move->promoted;
}

/* Chooses who takes over and gives out the epoch, once. False: nobody may. */
static bool step_writer_choose(struct engine *engine, struct output *output, struct durable_move *move)
{
    struct durable_run *run = &engine->durable.run;
    if (move->target != LIMITS_NONE && move->epoch != 0) {
        return true;
    }
    /* A graceful move replays all of the source, so membership of the durability set adds nothing. */
    const bool any = run->accept_loss || step_writer_graceful(run);
    uint32_t excluded = move->refused;
    if (move->source != LIMITS_NONE) {
        excluded |= 1U << move->source;
    }
    const struct candidate candidate = candidate_choose(engine, move->database, run->target, excluded, any);
    if (candidate.node == LIMITS_NONE) {
        struct trace *trace = engine_trace(engine, output, TRACE_NO_CANDIDATE);
        trace->database = move->database;
        text_copy(trace->text, sizeof trace->text, candidate.why);
        step_detail(engine, "%s", candidate.why);
        return false;
    }
    struct durable_database *database = step_writer_database(engine, move);
    move->target = candidate.node;
    move->epoch = ++database->epoch;
    move->members_before = database->members;
    move->required_before = database->required;
    engine_persist(engine, output);
    struct trace *trace = engine_trace(engine, output, TRACE_CANDIDATE);
    trace->run = run->id;
    trace->database = move->database;
    trace->node = move->target;
    trace->n = move->epoch;
    trace->lsn = engine->nodes[move->target].report.received.position;
    return true;
}

/* The revocation in favour of the target, by compare-and-swap. */
static const struct engine_task *step_writer_revoke(struct engine *engine, struct output *output,
                                                    const struct durable_move *move, uint32_t slot)
{
    const struct action wanted = step_writer_action(engine, ACTION_LEASE_REVOKE, move, move->target, 0);
    const struct engine_task *task = task_want(engine, output, slot, &wanted);
    struct engine_lease *lease = &engine->leases[move->database];
    if (task->state == ENGINE_TASK_OK) {
        /* Each time: a renewal or a new holder that became known in between starts the count anew. */
        lease_taker_revoked(&lease->taker, lease->taker.epoch, task->revision, engine->now);
    }
    return task;
}

/* Whether the revoked right has ended. `word`: the source's agent proved that none of its server's processes remains.
 * That counts only when it was the source that held the right: a former run may have left it with another node. */
static bool step_writer_ended(struct engine *engine, const struct durable_move *move, const struct engine_task *revoke,
                              bool word)
{
    struct lease_taker *taker = &engine->leases[move->database].taker;
    if (revoke->state != ENGINE_TASK_OK) {
        return false;
    }
    if (revoke->holder == LIMITS_NONE || (word && revoke->holder == move->source)) {
        lease_taker_proven(taker, taker->epoch, engine->now);
    }
    return lease_taker_free(taker, engine->now);
}

static void step_writer_say_fenced(struct engine *engine, struct output *output, const struct durable_move *move,
                                   uint32_t i, const char *by)
{
    step_detail(engine, "fenced by %s", by);
    if (engine->run.fenced_at[i].us != 0) {
        return; /* said already */
    }
    struct trace *trace = engine_trace(engine, output, TRACE_FENCED);
    trace->run = engine->durable.run.id;
    trace->database = move->database;
    trace->node = move->source;
    text_copy(trace->text, sizeof trace->text, by);
}

/* The right was the source's, under the epoch whose settings the record knows; so the record tells whom it needs. */
static bool step_writer_needed(const struct engine *engine, const struct durable_move *move,
                               const struct engine_task *revoke)
{
    const struct durable_database *database = &engine->durable.databases[move->database];
    return revoke->state == ENGINE_TASK_OK && revoke->holder == move->source && move->source == database->writer &&
           engine->leases[move->database].taker.epoch == database->routed_epoch &&
           candidate_indispensable(engine, move->database, move->target);
}

/* One database: true once nobody can acknowledge under the old epoch any more. */
static bool step_writer_fence_one(struct engine *engine, struct output *output, struct durable_move *move, uint32_t i)
{
    struct durable_database *database = step_writer_database(engine, move);
    const struct lease_taker *taker = &engine->leases[move->database].taker;
    if (database->routed != LIMITS_NONE) {
        database->routed = LIMITS_NONE;
        step_publish(engine, output);
    }
    const struct engine_task *revoke = step_writer_revoke(engine, output, move, TASK_SLOT_STEP + i);
    bool word = false;
    if (move->source != LIMITS_NONE) {
        struct action wanted = step_writer_action(engine, ACTION_AGENT_FENCE, move, move->source, STEP_WRITER_FENCE_MS);
        word = task_want(engine, output, TASK_SLOT_FENCE + i, &wanted)->state == ENGINE_TASK_OK;
    }
    if (revoke->state != ENGINE_TASK_OK) {
        step_detail(engine, "lease not revoked yet");
        return false;
    }
    if (step_writer_ended(engine, move, revoke, word)) {
        step_writer_say_fenced(engine, output, move, i,
                               word && revoke->holder == move->source ? "the agent's word"
                                                                      : "the end of the lease plus margin");
        return true;
    }
    if (step_writer_needed(engine, move, revoke)) {
        char by[96];
        struct buf text;
        buf_init(&text, by, sizeof by);
        buf_printf(&text, "its durability set: no commit returns without %s", engine->model.nodes[move->target].name);
        step_writer_say_fenced(engine, output, move, i, buf_string(&text));
        move->early = true; /* durable with the order to promote */
        return true;
    }
    const struct mono free_at = lease_taker_free_at(taker);
    step_detail(engine, "lease revoked, right ends in %lld ms",
                (long long)(time_since_us(free_at, engine->now) / TIME_US_PER_MS));
    return false;
}

/* Fenced: does the target hold what was acknowledged until the very end? If another member turns out to hold more, that
 * one is chosen, under an epoch of its own; the target was told nothing yet. */
static bool step_writer_settled(struct engine *engine, struct output *output, struct durable_move *move, uint32_t i)
{
    struct mono *fenced_at = &engine->run.fenced_at[i];
    if (fenced_at->us == 0) {
        *fenced_at = engine->now;
    }
    const struct mono since = time_add_ms(*fenced_at, STEP_WRITER_LAST_MS);
    if (engine->durable.run.accept_loss || candidate_holds(engine, move->database, move->target, since)) {
        return true;
    }
    step_detail(engine, "fenced; waiting for the durability set to say what it received last");
    if (time_since_ms(engine->now, since) > STEP_WRITER_HEARD_MS) {
        move->target = LIMITS_NONE;
        move->early = false;
        /* Its epoch stays, as the mark that the source's right was revoked: the way back must give it a new one. */
        *fenced_at = (struct mono){0};
        engine_persist(engine, output);
    }
    return false;
}

enum step_verdict step_writer_fence(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    bool all = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_move *move = &run->moves[i];
        if (step_writer_ordered(move)) {
            continue;
        }
        if (!step_writer_choose(engine, output, move)) {
            return step_settling(engine) ? STEP_RUNNING : STEP_FAILED;
        }
        all &= step_writer_fence_one(engine, output, move, i) && step_writer_settled(engine, output, move, i);
    }
    return all ? STEP_DONE : STEP_RUNNING;
}

static void step_writer_promoted(struct engine *engine, struct output *output, struct durable_move *move)
{
    struct durable_database *database = step_writer_database(engine, move);
    move->promoted = true;
    database->writer = move->target;
    engine_persist(engine, output);
    struct trace *trace = engine_trace(engine, output, TRACE_ADOPTED);
    trace->database = move->database;
    trace->node = move->target;
    trace->n = move->epoch;
}

/* The target certainly will not: nothing was acknowledged under its epoch, so the durability set is what it was. */
static void step_writer_refused(struct engine *engine, struct output *output, struct durable_move *move)
{
    struct durable_database *database = step_writer_database(engine, move);
    move->refused |= 1U << move->target;
    database->members = move->members_before;
    database->required = move->required_before;
    move->promote_sent = false;
    move->early = false;
    move->target = LIMITS_NONE;
    move->epoch = 0;
    task_clear_run(engine);
    engine_persist(engine, output);
}

enum step_verdict step_writer_promote(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    bool all = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_move *move = &run->moves[i];
        if (move->promoted) {
            continue;
        }
        ASSERT(move->target != LIMITS_NONE && move->epoch != 0);
        if (!move->promote_sent) {
            /* The record shrinks before the new server is told; it grows again once standbys have caught up. */
            move->promote_sent = true;
            durability_open(engine, output, move->database, move->target);
        }
        struct action wanted =
            step_writer_action(engine, ACTION_AGENT_PROMOTE, move, move->target, STEP_WRITER_PROMOTE_MS);
        durability_order(engine, &wanted);
        wanted.early = move->early;
        const struct engine_task *task = task_want(engine, output, TASK_SLOT_STEP + i, &wanted);
        const struct engine_node *node = &engine->nodes[move->target];
        const bool reported = node->alive && node->report.role == VIEW_NODE_WRITER && node->report.lease_held &&
                              node->report.epoch == move->epoch;
        if (task->state == ENGINE_TASK_REFUSED) {
            step_detail(engine, "%s refused: %s", engine->model.nodes[move->target].name, task->detail);
            step_writer_refused(engine, output, move);
            return STEP_BACK_TO_FENCE;
        }
        if (task->state == ENGINE_TASK_OK || reported) {
            step_detail(engine, "%s is writer of epoch %llu", engine->model.nodes[move->target].name,
                        (unsigned long long)move->epoch);
            step_writer_promoted(engine, output, move);
        } else {
            all = false;
        }
    }
    return all ? STEP_DONE : STEP_RUNNING;
}

/* Walks one action per move that has nothing else to say. `each` sees the answer. */
static enum step_verdict step_writer_each(struct engine *engine, struct output *output, enum action_kind kind,
                                          bool at_source, uint32_t timeout_ms)
{
    struct durable_run *run = &engine->durable.run;
    bool all = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_move *move = &run->moves[i];
        if (at_source && step_writer_ordered(move)) {
            continue;
        }
        const uint32_t node = at_source ? move->source : move->target;
        struct action wanted = step_writer_action(engine, kind, move, node, timeout_ms);
        if (at_source) {
            wanted.epoch = step_writer_database(engine, move)->routed_epoch;
        }
        const struct engine_task *task = task_want(engine, output, TASK_SLOT_STEP + i, &wanted);
        if (task->state == ENGINE_TASK_REFUSED) {
            step_present(engine)->error = task->error;
            step_detail(engine, "%s", task->detail);
            if (move->promoted && time_reached(engine->now, task->until)) {
                /* No way back from here: the writer may have fenced itself for a moment and come back. */
                task_clear(engine, TASK_SLOT_STEP + i);
            }
            return STEP_FAILED;
        }
        if (task->state != ENGINE_TASK_OK) {
            if (task->error != ERR_OK) {
                step_detail(engine, "attempt %u: %s", task->attempts, err_text(task->error));
            }
            all = false;
            continue;
        }
        if (kind == ACTION_AGENT_STOP) {
            move->source_end = task->lsn;
        } else if (kind == ACTION_AGENT_PROVE) {
            move->target_end = task->lsn;
        }
    }
    return all ? STEP_DONE : STEP_RUNNING;
}

enum step_verdict step_writer_prove(struct engine *engine, struct output *output)
{
    const enum step_verdict verdict = step_writer_each(engine, output, ACTION_AGENT_PROVE, false, 0);
    if (verdict == STEP_DONE) {
        step_detail(engine, "a row that carries the new epoch is committed");
    }
    return verdict;
}

enum step_verdict step_writer_route(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    bool changed = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        struct durable_database *database = step_writer_database(engine, move);
        if (database->routed != move->target || database->routed_epoch != move->epoch || database->hold) {
            database->routed = move->target;
            database->routed_epoch = move->epoch;
            database->hold = false;
            changed = true;
        }
    }
    if (changed || engine->run.version == 0) {
        step_publish(engine, output);
        return STEP_RUNNING;
    }
    return step_readers(engine, EVENT_READER_PROXY, engine->run.version) ? STEP_DONE : STEP_RUNNING;
}

enum step_verdict step_writer_checkpoint(struct engine *engine, struct output *output)
{
    return step_writer_each(engine, output, ACTION_AGENT_CHECKPOINT, true, STEP_WRITER_STOP_MS);
}

enum step_verdict step_writer_hold(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (!step_writer_choose(engine, output, &run->moves[i])) {
            return step_settling(engine) ? STEP_RUNNING : STEP_FAILED;
        }
    }
    bool changed = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_database *database = step_writer_database(engine, &run->moves[i]);
        changed |= !database->hold;
        database->hold = true;
    }
    if (changed || engine->run.version == 0) {
        step_publish(engine, output);
        return STEP_RUNNING;
    }
    return step_readers(engine, EVENT_READER_PROXY, engine->run.version) ? STEP_DONE : STEP_RUNNING;
}

enum step_verdict step_writer_stop(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (!step_writer_choose(engine, output, &run->moves[i])) {
            return step_settling(engine) ? STEP_RUNNING : STEP_FAILED;
        }
    }
    const enum step_verdict verdict = step_writer_each(engine, output, ACTION_AGENT_STOP, true, STEP_WRITER_STOP_MS);
    if (verdict != STEP_DONE) {
        return verdict;
    }
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->moves[i].source_end.position == 0) {
            step_detail(engine, "the source stopped, but does not say where: nothing can be compared with it");
            return STEP_FAILED;
        }
    }
    bool all = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        if (step_writer_ordered(move)) {
            continue;
        }
        const struct engine_task *revoke = step_writer_revoke(engine, output, move, TASK_SLOT_FENCE + i);
        all &= step_writer_ended(engine, move, revoke, true);
    }
    if (all) {
        char text[LSN_TEXT];
        lsn_print(run->moves[0].source_end, text);
        step_detail(engine, "source stopped cleanly at %s", text);
        engine_persist(engine, output);
    }
    return all ? STEP_DONE : STEP_RUNNING;
}

/* The end of the shutdown checkpoint: with it replayed nothing is missing, and the source can follow. By the target's
 * report, or, sooner, by its agent's answer to just this question. */
static bool step_writer_caught_up(struct engine *engine, struct output *output, const struct durable_move *move,
                                  uint32_t i)
{
    const struct engine_node *target = &engine->nodes[move->target];
    char have[LSN_TEXT];
    char want[LSN_TEXT];
    lsn_print(target->report.replayed, have);
    lsn_print(move->source_end, want);
    step_detail(engine, "target replayed %s, source ended at %s", have, want);
    if (target->alive && target->report.replayed.position >= move->source_end.position) {
        return true;
    }
    struct action wanted = step_writer_action(engine, ACTION_AGENT_REPLAYED, move, move->target, 0);
    wanted.lsn = move->source_end;
    if (task_want(engine, output, TASK_SLOT_STEP + i, &wanted)->state != ENGINE_TASK_OK) {
        return false;
    }
    step_detail(engine, "target replayed %s, as it was asked", want);
    return true;
}

enum step_verdict step_writer_catch_up(struct engine *engine, struct output *output)
{
    const struct durable_run *run = &engine->durable.run;
    bool all = true;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        all &= step_writer_ordered(move) || step_writer_caught_up(engine, output, move, i);
    }
    return all ? STEP_DONE : STEP_RUNNING;
}

/* Until then the source's region has no healthy node, and would look like one to flee from. */
enum step_verdict step_writer_rejoin(struct engine *engine, struct output *output)
{
    (void)output;
    const struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        if (move->source == LIMITS_NONE) {
            continue;
        }
        const struct engine_node *source = &engine->nodes[move->source];
        const uint32_t region = engine->model.nodes[move->source].region;
        const bool follows = source->alive && source->report.running && source->report.role == VIEW_NODE_STANDBY &&
                             source->report.receiving;
        if (!follows || !health_component(&engine->health, &engine->model, region, MODEL_COMPONENT_DB)) {
            step_detail(engine, "%s does not follow yet", engine->model.nodes[move->source].name);
            return STEP_RUNNING;
        }
        step_detail(engine, "%s follows", engine->model.nodes[move->source].name);
    }
    return STEP_DONE;
}

/* The way back for one database: the source gets a new epoch and becomes the writer again. */
static enum step_verdict step_writer_restore_one(struct engine *engine, struct output *output,
                                                 struct durable_move *move, uint32_t i)
{
    struct durable_database *database = step_writer_database(engine, move);
    ASSERT(!step_writer_ordered(move));
    if (move->source == LIMITS_NONE) {
        return STEP_DONE;
    }
    const struct engine_node *source = &engine->nodes[move->source];
    if (move->target == LIMITS_NONE && move->refused == 0 && move->epoch == 0) {
        return STEP_DONE; /* nothing was revoked */
    }
    if (!source->alive && !step_settling(engine)) {
        step_detail(engine, "the source's agent does not answer: there is nothing to go back to");
        return step_writer_graceful(&engine->durable.run) ? STEP_RUNNING : STEP_FAILED;
    }
    if (move->target != move->source) {
        move->target = move->source;
        move->epoch = ++database->epoch;
        task_clear_run(engine);
        engine_persist(engine, output);
    }
    const struct engine_task *revoke = step_writer_revoke(engine, output, move, TASK_SLOT_STEP + i);
    /* Refused although it is the source that holds the right: it has taken it under this epoch already, and whoever
     * asked before (another life, or a task that was cleared) did not hear of it. */
    const bool told = revoke->state == ENGINE_TASK_OK || revoke->state == ENGINE_TASK_REFUSED;
    const bool own = told && revoke->holder == move->source;
    if (!own && !step_writer_ended(engine, move, revoke, false)) {
        return STEP_RUNNING;
    }
    const struct action wanted =
        step_writer_action(engine, ACTION_AGENT_PROMOTE, move, move->source, STEP_WRITER_PROMOTE_MS);
    const struct engine_task *task = task_want(engine, output, TASK_SLOT_FENCE + i, &wanted);
    if (task->state == ENGINE_TASK_REFUSED) {
        step_detail(engine, "the source refused: %s", task->detail);
        if (time_since_ms(engine->now, task->until) > STEP_WRITER_AGAIN_MS) {
            move->target = LIMITS_NONE; /* what was refused stays refused: once more, under another epoch */
        }
        return STEP_FAILED;
    }
    if (task->state != ENGINE_TASK_OK) {
        return STEP_RUNNING;
    }
    move->restored = true;
    database->writer = move->source;
    database->routed = move->source;
    database->routed_epoch = move->epoch;
    database->hold = false;
    step_publish(engine, output);
    return STEP_DONE;
}

enum step_verdict step_writer_restore(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    enum step_verdict verdict = STEP_DONE;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->moves[i].restored || step_writer_ordered(&run->moves[i])) {
            continue;
        }
        const enum step_verdict one = step_writer_restore_one(engine, output, &run->moves[i], i);
        if (one != STEP_DONE) {
            verdict = one;
        }
    }
    return verdict;
}

enum step_verdict step_writer_release(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_database *database = step_writer_database(engine, &run->moves[i]);
        if (database->hold) {
            database->hold = false;
            step_publish(engine, output);
        }
    }
    return STEP_DONE;
}
