/* SPDX-License-Identifier: Apache-2.0
 * The runner: walks the present run. Starting one: core/run_decide.c, core/run_command.c. */
#include "core/run.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/plan.h"
#include "core/step.h"
#include "core/task.h"

enum {
    RUN_UNDO_MS = 60000,
};

const char *run_state_name(enum durable_run_state state)
{
    static const char *const names[] = {"none",     "running",     "waiting", "undoing", "succeeded",
                                        "unproven", "compensated", "refused", "failed"};
    ASSERT((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

const char *run_step_state_name(enum durable_step_state state)
{
    static const char *const names[] = {"pending", "running", "done", "skipped", "unproven", "failed", "undone"};
    ASSERT((size_t)state < sizeof names / sizeof names[0]);
    return names[state];
}

static void run_notify(struct engine *engine, struct output *output, enum action_phase phase)
{
    const struct durable_run *run = &engine->durable.run;
    task_tell(engine, output,
              &(struct action){
                  .kind = ACTION_NOTIFY, .run = run->id, .step = run->at, .region = run->source, .phase = phase});
}

static struct trace *run_trace(struct engine *engine, struct output *output, enum trace_kind kind)
{
    const struct durable_run *run = &engine->durable.run;
    struct trace *trace = engine_trace(engine, output, kind);
    trace->run = run->id;
    trace->region = run->source;
    trace->to = run->target;
    if (run->at < run->steps_count) {
        const struct durable_step *step = &run->steps[run->at];
        trace->step = plan_step_of(step->step)->name;
        trace->err = step->error;
        text_copy(trace->text, sizeof trace->text, step->detail);
    }
    return trace;
}

static void run_problem(struct durable_run *run, const char *text)
{
    text_copy(run->problem, sizeof run->problem, text);
}

/* Nothing that only a run may do outlives it: no session stays held, and the route does not name a server that this run
 * has stopped. Who proves to be the writer gets the route back (engine.c). */
static void run_let_go(struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        struct durable_database *database = &engine->durable.databases[move->database];
        const bool stopped = (move->promote_sent || run->stuck) && !move->promoted && !move->restored;
        if (stopped && database->routed == move->source) {
            database->routed = LIMITS_NONE;
        }
        database->hold = false;
    }
    engine->view_dirty = true;
}

static void run_end(struct engine *engine, struct output *output, enum durable_run_state state)
{
    struct durable *durable = &engine->durable;
    struct durable_run *run = &durable->run;
    run->state = state;
    run->ended_wall_us = engine->wall.us;
    run->duration_ms = (engine->now.us - run->began_us) / TIME_US_PER_MS;
    const bool good = state == DURABLE_RUN_SUCCEEDED;
    run_let_go(engine);
    if (state == DURABLE_RUN_FAILED) {
        step_gate_account(engine, output);
    }
    struct trace *trace = run_trace(engine, output, TRACE_RUN_ENDED);
    struct buf buf;
    trace->n = (uint64_t)run->duration_ms;
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_text(&buf, run_state_name(state));
    run_notify(engine, output, good || state == DURABLE_RUN_UNPROVEN ? ACTION_SUCCESS : ACTION_FAILED);
    if (run->automatic && state != DURABLE_RUN_SUCCEEDED && state != DURABLE_RUN_UNPROVEN) {
        engine->decisions[run->source].tried = true;
        engine->decisions[run->source].tried_at = engine->now;
    }
    durable_remember(durable, run);
    memset(run, 0, sizeof *run);
    memset(&engine->run, 0, sizeof engine->run);
    task_clear_run(engine);
    engine_persist(engine, output);
}

static void run_enter(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    struct durable_step *step = &run->steps[run->at];
    step->state = DURABLE_STEP_RUNNING;
    step->again++;
    step->error = ERR_OK;
    step->started_us = engine->now.us;
    step->started_wall_us = engine->wall.us;
    engine->run.step_began = engine->now;
    engine->run.step_entered = true;
    engine->run.version = 0;
    engine->run.holding = false;
    memset(engine->run.fenced_at, 0, sizeof engine->run.fenced_at);
    for (uint32_t slot = 0; slot < TASK_SLOT_RUN_END; slot++) {
        task_clear(engine, slot);
    }
    engine_persist(engine, output);
    (void)run_trace(engine, output, TRACE_STEP_STARTED);
}

static void run_leave(struct engine *engine, struct output *output, enum durable_step_state state, enum trace_kind kind)
{
    struct durable_run *run = &engine->durable.run;
    struct durable_step *step = &run->steps[run->at];
    step->state = state;
    step->ended_us = engine->now.us;
    struct trace *trace = run_trace(engine, output, kind);
    trace->n = (uint64_t)((step->ended_us - step->started_us) / TIME_US_PER_MS);
    engine_persist(engine, output);
    engine->run.step_entered = false;
}

static void run_go_back(struct engine *engine, struct output *output, enum plan_step to)
{
    struct durable_run *run = &engine->durable.run;
    run_leave(engine, output, DURABLE_STEP_PENDING, TRACE_STEP_UNDONE);
    while (run->steps[run->at].step != to) {
        ASSERT(run->at > 0);
        run->steps[run->at].state = DURABLE_STEP_PENDING;
        run->at--;
    }
    engine_persist(engine, output);
}

/* Whether everything that was done so far can still be undone. */
static bool run_reversible(const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->moves[i].promote_sent || run->moves[i].promoted) {
            return false;
        }
    }
    return true;
}

/* A database whose writer lost its right, and nobody was ordered to take it, or who was has refused for certain: its
 * source may have it back whatever became of the others. */
static bool run_owes(const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        const bool revoked = move->target != LIMITS_NONE || move->refused != 0 || move->epoch != 0;
        if (revoked && !move->promote_sent && !move->promoted && !move->restored) {
            return true;
        }
    }
    return false;
}

/* Nothing that a client could notice was done yet. */
static bool run_untouched(const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const struct durable_step *step = &run->steps[i];
        if (plan_step_of(step->step)->undo && step->state != DURABLE_STEP_PENDING &&
            step->state != DURABLE_STEP_SKIPPED) {
            return false;
        }
    }
    return true;
}

static void run_wait(struct engine *engine, struct output *output, const char *why)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_WAITING) {
        return; /* said already */
    }
    run->state = DURABLE_RUN_WAITING;
    run_problem(run, why);
    engine_persist(engine, output);
    struct trace *trace = run_trace(engine, output, TRACE_RUN_WAITING);
    text_copy(trace->text, sizeof trace->text, why);
    run_notify(engine, output, ACTION_PROGRESS);
}

static void run_undo(struct engine *engine, struct output *output, const char *why)
{
    struct durable_run *run = &engine->durable.run;
    ASSERT(run_reversible(run) || run_owes(run));
    run->state = DURABLE_RUN_UNDOING;
    run->abort_wanted = false;
    run_problem(run, why);
    task_clear_run(engine);
    engine->run.step_began = engine->now;
    engine_persist(engine, output);
    struct trace *trace = run_trace(engine, output, TRACE_RUN_UNDOING);
    text_copy(trace->text, sizeof trace->text, why);
    run_notify(engine, output, ACTION_PROGRESS);
}

static void run_failed(struct engine *engine, struct output *output, enum err late)
{
    struct durable_run *run = &engine->durable.run;
    struct durable_step *step = &run->steps[run->at];
    if (late != ERR_OK) {
        step->error = late;
    } else if (step->error == ERR_OK) {
        step->error = ERR_UNAVAILABLE;
    }
    char why[96];
    memcpy(why, step->detail, sizeof why);
    if (!run_reversible(run) && !run_owes(run)) {
        /* Outcome unknown, or done: no way back. It goes on trying while a person looks. */
        run_wait(engine, output, why[0] != 0 ? why : "past the point of no return");
        return;
    }
    run_leave(engine, output, DURABLE_STEP_FAILED, TRACE_STEP_FAILED);
    if (run_untouched(run)) {
        run_problem(run, why);
        run_end(engine, output, DURABLE_RUN_REFUSED);
        return;
    }
    run_undo(engine, output, why);
}

/* A step that ended: to the next one, or the end. */
static void run_next(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    run->at++;
    if (run->at < run->steps_count) {
        engine_persist(engine, output);
        run_notify(engine, output, ACTION_PROGRESS);
        return;
    }
    bool unproven = false;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        unproven |= run->steps[i].state == DURABLE_STEP_UNPROVEN;
    }
    run_end(engine, output, unproven ? DURABLE_RUN_UNPROVEN : DURABLE_RUN_SUCCEEDED);
}

static void run_verdict(struct engine *engine, struct output *output, enum step_verdict verdict, enum err late)
{
    struct durable_run *run = &engine->durable.run;
    if (verdict != STEP_FAILED && verdict != STEP_RUNNING && run->state == DURABLE_RUN_WAITING) {
        run->state = DURABLE_RUN_RUNNING;
        run_problem(run, "");
    }
    switch (verdict) {
    case STEP_RUNNING:
        if (run->steps[run->at].step == PLAN_APPROVAL) {
            run_wait(engine, output, run->steps[run->at].detail);
        }
        break;
    case STEP_DONE:
        run_leave(engine, output, DURABLE_STEP_DONE, TRACE_STEP_DONE);
        run_next(engine, output);
        break;
    case STEP_SKIP:
        run_leave(engine, output, DURABLE_STEP_SKIPPED, TRACE_STEP_SKIPPED);
        run_next(engine, output);
        break;
    case STEP_UNPROVEN:
        run_leave(engine, output, DURABLE_STEP_UNPROVEN, TRACE_STEP_UNPROVEN);
        run_next(engine, output);
        break;
    case STEP_FAILED:
        run_failed(engine, output, late);
        break;
    case STEP_BACK_TO_FENCE:
        run_go_back(engine, output, plan_graceful(run->plan) ? PLAN_STOP : PLAN_FENCE);
        break;
    case STEP_BACK_TO_COMPARE:
        run_go_back(engine, output, PLAN_COMPARE);
        break;
    }
}

/* What cannot be undone for now is tried for as long as it takes, and said. It does not hold anything up: a decision or
 * a person may start another run over it, which is the better help when the source is lost as well. */
static void run_stuck(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    const struct durable_step *step = &run->steps[run->at];
    if (run->stuck) {
        return; /* said already */
    }
    run->stuck = true;
    run_problem(run, step->detail[0] != 0 ? step->detail : "could not be undone in time");
    if (run->automatic) {
        engine->decisions[run->source].tried = true;
        engine->decisions[run->source].tried_at = engine->now;
    }
    engine_persist(engine, output);
    struct trace *trace = run_trace(engine, output, TRACE_RUN_WAITING);
    text_copy(trace->text, sizeof trace->text, run->problem);
    run_notify(engine, output, ACTION_PROGRESS);
}

/* Whether this step is undone on the way back. Once a promotion was ordered the clients stay where they are, and only
 * databases that were not ordered go back. */
static bool run_undoes(const struct durable_run *run, const struct durable_step *step)
{
    const struct plan_step_row *row = plan_step_of(step->step);
    const bool touched = step->state != DURABLE_STEP_PENDING && step->state != DURABLE_STEP_SKIPPED &&
                         step->state != DURABLE_STEP_UNDONE;
    return touched && row->undo && (row->database || run_reversible(run));
}

/* One step of the way back. True when there is more to undo at once. */
static bool run_undo_one(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    struct durable_step *step = &run->steps[run->at];
    if (run_undoes(run, step)) {
        const enum step_verdict verdict = step_undo(engine, output, step->step);
        const bool late = time_since_ms(engine->now, engine->run.step_began) > RUN_UNDO_MS;
        if (verdict == STEP_FAILED || (verdict == STEP_RUNNING && late)) {
            run_stuck(engine, output);
        }
        if (verdict != STEP_DONE) {
            return false;
        }
        run->stuck = false;
        run_leave(engine, output, DURABLE_STEP_UNDONE, TRACE_STEP_UNDONE);
        task_clear_run(engine);
        engine->run.step_began = engine->now;
    }
    if (run->at == 0) {
        run_end(engine, output, run_reversible(run) ? DURABLE_RUN_COMPENSATED : DURABLE_RUN_FAILED);
        return false;
    }
    run->at--;
    return true;
}

/* One look at the present step. True when the run moved and should be looked at again. */
static bool run_walk_one(struct engine *engine, struct output *output)
{
    struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE) {
        return false;
    }
    if (run->state == DURABLE_RUN_UNDOING) {
        if (!engine->run.step_entered) { /* also after a restart: its time counts anew */
            engine->run.step_entered = true;
            engine->run.step_began = engine->now;
        }
        if (run->stuck && run->abort_wanted) {
            run_end(engine, output, DURABLE_RUN_FAILED);
            return false;
        }
        return run_undo_one(engine, output);
    }
    if (run->abort_wanted) {
        if (run_reversible(run) || run_owes(run)) {
            run_undo(engine, output, "aborted by a person");
        } else {
            run_end(engine, output, DURABLE_RUN_FAILED);
        }
        return true;
    }
    const uint32_t at = run->at;
    const uint64_t id = run->id;
    const enum plan_step step = run->steps[at].step;
    if (!engine->run.step_entered) {
        run_enter(engine, output);
    }
    enum err late = ERR_OK;
    enum step_verdict verdict = step_poll(engine, output, step);
    if (verdict == STEP_RUNNING &&
        time_since_ms(engine->now, engine->run.step_began) > plan_step_of(step)->deadline_ms) {
        late = ERR_TIMEOUT;
        verdict = step_late(step);
    }
    run_verdict(engine, output, verdict, late);
    return run->id == id && run->state == DURABLE_RUN_RUNNING && run->at != at;
}

bool run_yields(const struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    return run->state == DURABLE_RUN_NONE || (run->state == DURABLE_RUN_UNDOING && run->stuck);
}

static bool run_moves(const struct durable_run *run, uint32_t database)
{
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->moves[i].database == database) {
            return true;
        }
    }
    return false;
}

/* Whether it is on the way back of databases, and the other run moves none of these. */
static bool run_waits_for(const struct durable_run *run, const struct durable_run *next)
{
    bool owes = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        if (run_moves(next, move->database)) {
            return false;
        }
        owes |= !move->promoted && !move->restored;
    }
    return owes && plan_step_of(run->steps[run->at].step)->database;
}

void run_give_way(struct engine *engine, struct output *output, const struct durable_run *next)
{
    struct durable *durable = &engine->durable;
    ASSERT(run_yields(engine));
    if (durable->run.state != DURABLE_RUN_NONE && durable->aside.state == DURABLE_RUN_NONE &&
        run_waits_for(&durable->run, next)) {
        run_let_go(engine);
        (void)run_trace(engine, output, TRACE_RUN_ASIDE);
        durable->aside = durable->run;
    } else if (durable->run.state != DURABLE_RUN_NONE) {
        run_end(engine, output, DURABLE_RUN_FAILED);
    }
    if (durable->aside.state != DURABLE_RUN_NONE && !run_waits_for(&durable->aside, next)) {
        durable->run = durable->aside;
        memset(&durable->aside, 0, sizeof durable->aside);
        run_end(engine, output, DURABLE_RUN_FAILED);
    }
}

/* The run that had to give way goes on with its way back. */
static void run_take_up(struct engine *engine, struct output *output)
{
    struct durable *durable = &engine->durable;
    durable->run = durable->aside;
    memset(&durable->aside, 0, sizeof durable->aside);
    engine_persist(engine, output);
    (void)run_trace(engine, output, TRACE_RUN_TAKEN_UP);
}

void run_walk(struct engine *engine, struct output *output)
{
    if (engine->durable.run.state == DURABLE_RUN_NONE && engine->durable.aside.state != DURABLE_RUN_NONE) {
        run_take_up(engine, output);
    }
    /* Each turn moves the run by a step, forward or back: bounded, so that no plan can hold the loop. */
    for (uint32_t turns = 0; turns < 2 * PLAN_STEPS_MAX && run_walk_one(engine, output); turns++) {
        ASSERT(engine->durable.run.at < PLAN_STEPS_MAX);
    }
}

struct mono run_deadline(const struct engine *engine)
{
    enum {
        RUN_LOOK_MS = 20, /* reports, leases and readers are looked at this often while a run is under way */
    };
    return engine->durable.run.state == DURABLE_RUN_NONE ? TIME_NEVER : time_add_ms(engine->now, RUN_LOOK_MS);
}
