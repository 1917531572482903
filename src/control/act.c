/* SPDX-License-Identifier: Apache-2.0
 * Acting: the pool and its queue. */
#include "control/act.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "edge/log.h"

enum {
    ACT_THREADS = 12, /* two databases can each wait for two dead agents while everything else goes on */
    ACT_QUEUE = 128,
};

struct act {
    struct act_world world;
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool stopping;
    uint32_t first;
    uint32_t count;
    struct action queue[ACT_QUEUE];
    uint32_t threads_count;
    pthread_t threads[ACT_THREADS];
};

static void act_run(const struct act_job *job, struct event_result *ret_result)
{
    switch (job->action.kind) {
    case ACTION_LEASE_REVOKE:
        act_lease_revoke(job, ret_result);
        break;
    case ACTION_AGENT_FENCE:
    case ACTION_AGENT_PROMOTE:
    case ACTION_AGENT_PROVE:
    case ACTION_AGENT_CHECKPOINT:
    case ACTION_AGENT_STOP:
    case ACTION_AGENT_REPLAYED:
    case ACTION_AGENT_DURABILITY:
    case ACTION_AGENT_REINIT:
    case ACTION_AGENT_RESTART:
        act_agent_run(job, ret_result);
        break;
    case ACTION_CACHE_PROMOTE:
    case ACTION_CACHE_FOLLOW:
    case ACTION_CACHE_QUIET:
        act_cache_run(job, ret_result);
        break;
    case ACTION_BALANCE:
        act_balance_run(job, ret_result);
        break;
    case ACTION_VERIFY:
        act_verify_run(job, ret_result);
        break;
    case ACTION_COMPARE:
        act_compare_run(job, ret_result);
        break;
    case ACTION_NOTIFY: /* control.c tells people itself */
    case ACTION_COUNT:
        ASSERT(false);
    }
}

static bool act_take(struct act *act, struct action *ret_action)
{
    pthread_mutex_lock(&act->lock);
    while (act->count == 0 && !act->stopping) {
        pthread_cond_wait(&act->filled, &act->lock);
    }
    const bool taken = !act->stopping;
    if (taken) {
        *ret_action = act->queue[act->first];
        act->first = (act->first + 1) % ACT_QUEUE;
        act->count--;
    }
    pthread_mutex_unlock(&act->lock);
    return taken;
}

static void *act_work(void *context)
{
    struct act *act = context;
    struct act_job job = {.world = &act->world};
    while (act_take(act, &job.action)) {
        if (!act->world.leads(act->world.context)) {
            LOG_W("%s is not done: another controller may lead by now", action_name(job.action.kind));
            continue;
        }
        struct setup *setup = act->world.setup(act->world.context);
        struct event event = {.kind = EVENT_RESULT};
        event.result.action = job.action.id;
        event.result.error = ERR_INTERNAL;
        job.setup = setup;
        act_run(&job, &event.result);
        if (!event.result.ok && job.action.kind != ACTION_BALANCE) {
            LOG_I("%s: %s: %s", action_name(job.action.kind), err_text(event.result.error), event.result.detail);
        }
        act->world.tell(act->world.context, &event);
        setup_drop(setup);
    }
    return NULL;
}

enum err act_new(const struct act_world *world, struct act **ret_act)
{
    struct act *act = calloc(1, sizeof *act);
    if (act == NULL) {
        return ERR_NO_MEMORY;
    }
    act->world = *world;
    pthread_mutex_init(&act->lock, NULL);
    pthread_cond_init(&act->filled, NULL);
    for (uint32_t i = 0; i < ACT_THREADS; i++) {
        if (pthread_create(&act->threads[i], NULL, act_work, act) != 0) {
            act_free(act);
            return ERR_NO_MEMORY;
        }
        act->threads_count++;
    }
    *ret_act = act;
    return ERR_OK;
}

void act_start(struct act *act, const struct action *action)
{
    pthread_mutex_lock(&act->lock);
    if (act->count < ACT_QUEUE) {
        act->queue[(act->first + act->count) % ACT_QUEUE] = *action;
        act->count++;
        pthread_cond_signal(&act->filled);
    } else {
        LOG_W("too many actions at once: %s is dropped and will be asked for again", action_name(action->kind));
    }
    pthread_mutex_unlock(&act->lock);
}

void act_free(struct act *act)
{
    if (act == NULL) {
        return;
    }
    pthread_mutex_lock(&act->lock);
    act->stopping = true;
    pthread_cond_broadcast(&act->filled);
    pthread_mutex_unlock(&act->lock);
    for (uint32_t i = 0; i < act->threads_count; i++) {
        pthread_join(act->threads[i], NULL);
    }
    pthread_cond_destroy(&act->filled);
    pthread_mutex_destroy(&act->lock);
    free(act);
}
