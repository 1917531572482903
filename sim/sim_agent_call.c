/* SPDX-License-Identifier: Apache-2.0
 * What both halves of the agent use. */
#include "sim/sim_agent_call.h"

#include "sim/sim_clock.h"
#include "sim/sim_desk.h"
#include "sim/sim_net.h"
#include "sim/sim_pg.h"
#include "sim/sim_queue.h"
#include "sim/sim_right.h"

void sim_agent_call_kill(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    sim_pg_kill(sim, node);
    agent->armed = false;
    lease_holder_lose(&agent->holder);
    lease_holder_release(&agent->holder);
    agent->fenced = true;
    agent->work = SIM_WORK_NONE;
    agent->work_id++;
    agent->calling = false;
    agent->round = false;
}

void sim_agent_call_arm(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    if (!agent->armed || lease_holder_state(&agent->holder, sim_right_now(sim, node)) != LEASE_HELD) {
        return;
    }
    agent->fence_at = lease_holder_fence_at(&agent->holder);
    const struct sim_event event = {.kind = SIM_AGENT_FENCE, .a = node};
    sim_queue_at(sim, sim_clock_true(&self->clock, agent->fence_at), &event);
}

void sim_agent_call_store(struct sim *sim, uint32_t node, uint32_t ask, uint64_t epoch)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    const struct mono now = sim_right_now(sim, node);
    const int64_t patience_us = agent->holder.lease_us / SIM_AGENT_CALL_PARTS;
    agent->calling = true;
    agent->call_id++;
    agent->call_sent = now;
    agent->call_until = time_add_us(now, patience_us);
    struct sim_event event = {
        .kind = SIM_CONTROL_LEASE, .a = node, .b = ask, .c = agent->call_id, .d = agent->life, .x = epoch};
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        event.to = (agent->call_id + i) % sim->controls_count;
        if (sim_net_send(sim, sim->nodes[node].place, sim->controls[event.to].site, &event)) {
            break; /* a controller that cannot be reached is known at once; one that hangs costs the call */
        }
    }
}

void sim_agent_call_answer(struct sim *sim, uint32_t node, uint32_t slot, bool ok, bool refused, enum err error)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    const uint64_t action = agent->asked[slot];
    agent->asked[slot] = 0;
    if (action != 0) {
        struct event_result result = {.action = action, .ok = ok, .refused = refused, .error = error};
        result.lsn.position = ok ? sim->nodes[node].pg.flushed : 0;
        sim_desk_answer(sim, sim->nodes[node].place, agent->asked_by[slot], &result);
    }
}
