/* SPDX-License-Identifier: Apache-2.0
 * Tasks: actions of the present step, asked again until answered. The engine's only way to the world. */
#pragma once

#include <stdint.h>

#include "core/engine.h"

/* Starts `wanted` under this slot, or keeps it going: sends it if the slot is free, again when the answer did not come
 * in time or failed. Call it from each poll of the step. Returns the task, whose state tells. */
const struct engine_task *task_want(struct engine *engine, struct output *output, uint32_t slot,
                                    const struct action *wanted);

/* Gives the answer to its task, if that still waits for it. */
void task_answer(struct engine *engine, const struct event_result *result);

/* The slot's task, for reading. */
const struct engine_task *task_at(const struct engine *engine, uint32_t slot);

/* Frees one slot, or all those of runs: answers under way will be ignored. */
void task_clear(struct engine *engine, uint32_t slot);
void task_clear_run(struct engine *engine);

/* Sends an action that nobody waits for (NOTIFY). */
void task_tell(struct engine *engine, struct output *output, const struct action *wanted);

/* When the earliest task wants to be looked at. */
struct mono task_deadline(const struct engine *engine);

_Static_assert((int)LIMITS_SERVICES <= 16, "slots for all services");

enum {
    TASK_SLOT_STEP = 0,                 /* one per database of the run */
    TASK_SLOT_FENCE = LIMITS_DATABASES, /* the second action of FENCE, one per database */
    TASK_SLOT_RUN_END = 2 * LIMITS_DATABASES,
    TASK_SLOT_DURABILITY = TASK_SLOT_RUN_END,                    /* one per database, not of the run */
    TASK_SLOT_BALANCE = TASK_SLOT_DURABILITY + LIMITS_DATABASES, /* the standing one */
    TASK_SLOT_NODE_ORDER = TASK_SLOT_BALANCE + 1,
    TASK_SLOT_CACHE = TASK_SLOT_NODE_ORDER + 1, /* one per service */
};
