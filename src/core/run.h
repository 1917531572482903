/* SPDX-License-Identifier: Apache-2.0
 * The runner: one small walker for all plans (core/run.c), and what starts a run (core/run_decide.c,
 * core/run_command.c).
 *
 * At most one run at a time. It journals before and after each step (engine->durable is persisted with every change of
 * state), resumes where a former life stopped, keeps the deadlines, and undoes only what was completed, last first.
 * Once a promotion was ordered its outcome is unknown until proven: from then on nothing is undone, the run goes on or
 * waits for a person. */
#pragma once

#include "core/engine.h"

/* Starts a run when a decision calls for one. */
void run_decide(struct engine *engine, struct output *output);

/* An operator's command; the reply is in the output. */
void run_command(struct engine *engine, struct output *output, const struct event_command *command);

/* The reply to a command, for other commands too (core/node_order.c). */
void run_command_reply(struct output *output, const struct event_command *command, enum err error, uint64_t run,
                       const char *text);

/* Whether another run may begin: there is none, or one that is stuck on its way back. */
bool run_yields(const struct engine *engine);

/* Ends the run that yields, if there is one; or sets it aside, when databases that it has to give back are none that
 * `next` moves: its way back goes on once `next` has ended. */
void run_give_way(struct engine *engine, struct output *output, const struct durable_run *next);

/* Moves the present run as far as it goes now. */
void run_walk(struct engine *engine, struct output *output);

/* When it wants to be looked at again. */
struct mono run_deadline(const struct engine *engine);

/* The words for a state, e.g. "running". */
const char *run_state_name(enum durable_run_state state);
const char *run_step_state_name(enum durable_step_state state);
