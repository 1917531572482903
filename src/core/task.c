/* SPDX-License-Identifier: Apache-2.0
 * Tasks: actions asked again until answered. */
#include "core/task.h"

#include <string.h>

#include "base/assert.h"

enum {
    TASK_TIMEOUT_DEFAULT_MS = 2000,
    TASK_GRACE_MS = 500,      /* an answer may come this much after the edge's own time-out */
    TASK_RETRY_FIRST_MS = 50, /* a failover counts milliseconds: start small, double */
    TASK_RETRY_LAST_MS = 1000,
};

static uint64_t task_id(struct engine *engine)
{
    /* Unique in one life. A start draws a new view, so that another life's numbers differ from its first step on; an
     * answer to the former life ends with that process. */
    return engine->durable.runs_started << 40 | (engine->durable.view_version & 0xffff) << 24 |
           (++engine->actions_made & 0xffffff);
}

static void task_send(struct engine *engine, struct output *output, struct engine_task *task)
{
    if (output->actions_count == ENGINE_ACTIONS) {
        task->state = ENGINE_TASK_WAIT;
        task->until = engine->now;
        return;
    }
    task->action.id = task_id(engine);
    if (task->action.timeout_ms == 0) {
        task->action.timeout_ms = TASK_TIMEOUT_DEFAULT_MS;
    }
    task->attempts++;
    task->state = ENGINE_TASK_SENT;
    task->until = time_add_ms(engine->now, (int64_t)task->action.timeout_ms + TASK_GRACE_MS);
    output->actions[output->actions_count++] = task->action;
}

static bool task_same(const struct action *a, const struct action *b)
{
    return a->kind == b->kind && a->run == b->run && a->step == b->step && a->database == b->database &&
           a->node == b->node && a->region == b->region && a->epoch == b->epoch && a->mask == b->mask &&
           a->required == b->required && a->service == b->service && a->target == b->target && a->other == b->other &&
           a->lsn.position == b->lsn.position;
}

const struct engine_task *task_want(struct engine *engine, struct output *output, uint32_t slot,
                                    const struct action *wanted)
{
    ASSERT(slot < ENGINE_TASKS);
    struct engine_task *task = &engine->tasks[slot];
    if (task->state == ENGINE_TASK_FREE || !task_same(&task->action, wanted)) {
        *task = (struct engine_task){.action = *wanted};
        task_send(engine, output, task);
        return task;
    }
    if ((task->state == ENGINE_TASK_SENT || task->state == ENGINE_TASK_WAIT) &&
        time_reached(engine->now, task->until)) {
        task_send(engine, output, task);
    }
    return task;
}

void task_answer(struct engine *engine, const struct event_result *result)
{
    for (uint32_t slot = 0; slot < ENGINE_TASKS; slot++) {
        struct engine_task *task = &engine->tasks[slot];
        if (task->state != ENGINE_TASK_SENT || task->action.id != result->action) {
            continue;
        }
        task->error = result->error;
        task->lsn = result->lsn;
        task->revision = result->revision;
        task->holder = result->holder;
        memcpy(task->detail, result->detail, sizeof task->detail);
        task->detail[sizeof task->detail - 1] = 0;
        if (result->ok) {
            task->state = ENGINE_TASK_OK;
        } else if (result->refused) {
            task->state = ENGINE_TASK_REFUSED;
            task->until = time_add_ms(engine->now, TASK_RETRY_LAST_MS);
        } else {
            const uint32_t doublings = task->attempts < 5 ? task->attempts - 1 : 5;
            const int64_t pause = (int64_t)TASK_RETRY_FIRST_MS << doublings;
            task->state = ENGINE_TASK_WAIT;
            task->until = time_add_ms(engine->now, pause < TASK_RETRY_LAST_MS ? pause : TASK_RETRY_LAST_MS);
        }
        return;
    }
}

const struct engine_task *task_at(const struct engine *engine, uint32_t slot)
{
    ASSERT(slot < ENGINE_TASKS);
    return &engine->tasks[slot];
}

void task_clear(struct engine *engine, uint32_t slot)
{
    ASSERT(slot < ENGINE_TASKS);
    memset(&engine->tasks[slot], 0, sizeof engine->tasks[slot]);
}

void task_clear_run(struct engine *engine)
{
    for (uint32_t slot = 0; slot < TASK_SLOT_RUN_END; slot++) {
        task_clear(engine, slot);
    }
}

void task_tell(struct engine *engine, struct output *output, const struct action *wanted)
{
    if (output->actions_count < ENGINE_ACTIONS) {
        struct action *action = &output->actions[output->actions_count++];
        *action = *wanted;
        action->id = task_id(engine);
    }
}

struct mono task_deadline(const struct engine *engine)
{
    struct mono deadline = TIME_NEVER;
    for (uint32_t slot = 0; slot < ENGINE_TASKS; slot++) {
        const struct engine_task *task = &engine->tasks[slot];
        /* After a step whatever is wanted was looked at: what is overdue now is wanted by nobody, and must not keep the
         * loop awake. */
        const bool asked = task->state == ENGINE_TASK_SENT || task->state == ENGINE_TASK_WAIT;
        if (asked && !time_reached(engine->now, task->until)) {
            deadline = time_min(deadline, task->until);
        }
    }
    return deadline;
}
