/* SPDX-License-Identifier: Apache-2.0
 * Acting: a pool of workers that carry out the engine's actions and tell what became of them.
 *
 * One attempt each; the engine asks again. Workers block on HTTP, SQL and sockets, always with the action's time-out.
 */
#pragma once

#include "base/err.h"
#include "control/control.h"
#include "control/setup.h"
#include "core/action.h"
#include "core/event.h"
#include "edge/store.h"

struct act;

/* What workers need of the control process; all functions are called from workers. */
struct act_world {
    struct setup *(*setup)(void *context); /* the caller drops it */
    void (*view)(void *context, struct view *ret_view);
    void (*tell)(void *context, const struct event *event); /* results, and leases that were changed */
    bool (*leads)(void *context); /* whether this process may act now; what is left when it may not is dropped */
    void *context;
    struct store *store;
    control_compare *compare;
};

ERR_CHECK enum err act_new(const struct act_world *world, struct act **ret_act);

/* Queues an action. When the queue is full it is dropped: the engine's time-out asks again. Any thread. */
void act_start(struct act *act, const struct action *action);

/* Waits for workers to end their present attempt. */
void act_free(struct act *act);

/* For the files act_*.c: one kind each. `ret_result` comes zeroed but for the action's id, which means: outcome
 * unknown. */
struct act_job {
    const struct act_world *world;
    const struct setup *setup;
    struct action action;
};
void act_agent_run(const struct act_job *job, struct event_result *ret_result);
void act_lease_revoke(const struct act_job *job, struct event_result *ret_result);
void act_balance_run(const struct act_job *job, struct event_result *ret_result);
void act_verify_run(const struct act_job *job, struct event_result *ret_result);
void act_cache_run(const struct act_job *job, struct event_result *ret_result);
void act_compare_run(const struct act_job *job, struct event_result *ret_result);
