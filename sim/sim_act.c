/* SPDX-License-Identifier: Apache-2.0
 * Actions in the simulated world. */
#include "sim/sim_act.h"

#include "base/assert.h"
#include "sim/sim_cache.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_lead.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"
#include "sim/sim_store.h"

enum {
    SIM_ACT_CONNECT_US = 500 * SIM_MS,
    SIM_ACT_BALANCE_US = 20 * SIM_MS,
    SIM_ACT_VERIFY_US = 150 * SIM_MS,
    SIM_ACT_COMPARE_US = 2 * SIM_S,
};

static void sim_act_result(struct sim *sim, int64_t after_us, const struct event_result *result)
{
    struct sim_event event = {
        .kind = SIM_CONTROL_EVENT, .to = (uint32_t)(sim->control - sim->controls), .d = sim->control->life};
    event.event.kind = EVENT_RESULT;
    event.event.result = *result;
    sim_queue_at(sim, sim->now + after_us, &event);
}

/* To an agent: the order travels, the answer comes back, or patience ends. */
static void sim_act_agent(struct sim *sim, const struct action *action)
{
    const struct sim_node *node = &sim->nodes[action->node];
    const uint32_t from = sim->control->site;
    const bool path = sim_net_open(sim, from, node->place) && sim_net_open(sim, node->place, from);
    if (!path || node->dead || !node->agent.up) {
        const bool closed = path && !node->dead;
        const struct event_result result = {.action = action->id, .error = closed ? ERR_REFUSED : ERR_TIMEOUT};
        sim_desk_wait(sim, action);
        sim_act_result(sim, closed ? sim_net_delay(sim, from, node->place) * 2 : SIM_ACT_CONNECT_US, &result);
        return;
    }
    sim_desk_wait(sim, action);
    const struct sim_event order = {.kind = SIM_AGENT_ACTION,
                                    .to = (uint32_t)(sim->control - sim->controls),
                                    .a = action->node,
                                    .b = action->kind,
                                    .c = action->mask,
                                    .d = action->required,
                                    .x = action->id,
                                    .y = action->epoch,
                                    .z = action->order,
                                    .t = action->early ? 1 : (int64_t)action->lsn.position};
    (void)sim_net_send(sim, from, node->place, &order);
    const struct event_result late = {.action = action->id, .error = ERR_TIMEOUT};
    sim_act_result(sim, (int64_t)action->timeout_ms * SIM_MS, &late);
}

/* Synthetic probes through every site's data plane that can be reached. */
static bool sim_act_verified(const struct sim *sim)
{
    const struct view *view = sim_desk_view(sim);
    uint32_t right = 0;
    uint32_t silent = 0;
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        const uint32_t from = sim->control->site;
        if (!sim->model.sites[site].proxy || sim->sites[site].dead || !sim_net_open(sim, from, site) ||
            !sim_net_open(sim, site, from)) {
            silent += sim->model.sites[site].proxy;
            continue;
        }
        for (uint32_t database = 0; database < view->databases_count; database++) {
            const struct view_database *seen = &sim->sites[site].reader.databases[database];
            const bool same = seen->writer == view->databases[database].writer && seen->writer != LIMITS_NONE &&
                              seen->epoch == view->databases[database].epoch;
            if (!same || !sim_history_writable(&sim->nodes[seen->writer]) ||
                !sim_net_open(sim, site, sim->nodes[seen->writer].place)) {
                return false;
            }
        }
        right++;
    }
    return right > 0 || silent == 0;
}

static void sim_act_compare(struct sim *sim, const struct action *action)
{
    const uint32_t writer = sim->control->engine.durable.databases[action->database].writer;
    struct event_result result = {.action = action->id, .error = ERR_TIMEOUT};
    if (writer != LIMITS_NONE && sim_history_writable(&sim->nodes[writer]) && !sim->nodes[action->node].dead) {
        const struct sim_pg *own = &sim->nodes[action->node].pg;
        const struct sim_pg *other = &sim->nodes[writer].pg;
        result.ok = sim_history_within(sim, own->branch, own->flushed, other->branch, other->flushed);
        result.refused = !result.ok;
        result.error = result.ok ? ERR_OK : ERR_CONTENT;
        if (result.ok && sim->options.sabotage != SIM_SABOTAGE_NO_COMPARE) {
            sim->compared_run = action->run;
        }
    }
    sim_desk_wait(sim, action);
    sim_act_result(sim, SIM_ACT_COMPARE_US, &result);
}

void sim_act(struct sim *sim, const struct action *action)
{
    struct event_result result = {.action = action->id, .ok = true};
    switch (action->kind) {
    case ACTION_LEASE_REVOKE: {
        const struct sim_event event = {.kind = SIM_STORE_REVOKE,
                                        .to = (uint32_t)(sim->control - sim->controls),
                                        .a = action->node,
                                        .b = action->database,
                                        .d = sim->control->life,
                                        .x = action->id,
                                        .y = action->epoch};
        sim_desk_wait(sim, action);
        sim_queue_at(sim, sim->now + (sim_lead_several(sim) ? sim_lead_latency(sim) : sim_store_latency(sim)), &event);
        break;
    }
    case ACTION_CACHE_PROMOTE:
    case ACTION_CACHE_FOLLOW:
    case ACTION_CACHE_QUIET:
        sim_cache_order(sim, action);
        break;
    case ACTION_BALANCE:
        sim_desk_wait(sim, action);
        sim_act_result(sim, SIM_ACT_BALANCE_US, &result);
        break;
    case ACTION_VERIFY:
        result.ok = sim_act_verified(sim);
        result.error = result.ok ? ERR_OK : ERR_STALE;
        sim_desk_wait(sim, action);
        sim_act_result(sim, SIM_ACT_VERIFY_US, &result);
        break;
    case ACTION_COMPARE:
        sim_act_compare(sim, action);
        break;
    case ACTION_NOTIFY:
        break;
    default:
        sim_act_agent(sim, action);
        break;
    }
}

static void sim_act_revoke(struct sim *sim, const struct sim_event *event)
{
    const enum err error = sim_store_revoke(sim, event->b, event->a, event->y);
    const struct sim_lease *lease = &sim->store.leases[event->b];
    const struct event_result result = {.action = event->x,
                                        .ok = error == ERR_OK,
                                        .refused = error == ERR_CONFLICT,
                                        .error = error,
                                        .revision = lease->replaced,
                                        .holder = lease->epoch == 0 ? LIMITS_NONE : lease->holder};
    if (error == ERR_OK) {
        struct sim_event told = {
            .kind = SIM_CONTROL_EVENT, .to = (uint32_t)(sim->control - sim->controls), .d = sim->control->life};
        told.event.kind = EVENT_LEASE;
        told.event.lease = (struct event_lease){.database = event->b,
                                                .state = EVENT_LEASE_REVOKED,
                                                .holder = result.holder,
                                                .epoch = lease->epoch,
                                                .revision = lease->revision,
                                                .candidate = lease->candidate};
        sim_queue_at(sim, sim->now, &told);
        sim_lead_tell(sim, &told.event.lease);
    }
    sim_act_result(sim, 0, &result);
}

void sim_act_event(struct sim *sim, const struct sim_event *event)
{
    ASSERT(event->kind == SIM_STORE_REVOKE);
    sim->control = &sim->controls[event->to];
    /* The write may have left a controller that died since: it happens all the same. */
    if (sim_lead_open(sim, event->to)) {
        sim_act_revoke(sim, event);
    }
    sim->control = &sim->controls[sim->leader];
}
