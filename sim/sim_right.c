/* SPDX-License-Identifier: Apache-2.0
 * Rights on machines' clocks. */
#include "sim/sim_right.h"

#include "sim/sim_clock.h"

struct mono sim_right_now(const struct sim *sim, uint32_t node)
{
    return sim_clock_mono(&sim->nodes[node].clock, sim->now);
}

bool sim_right_holds(const struct sim *sim, uint32_t node, uint64_t epoch)
{
    const struct lease_holder *holder = &sim->nodes[node].agent.holder;
    return holder->state == LEASE_HELD && holder->epoch == epoch &&
           lease_holder_left_us(holder, sim_right_now(sim, node)) > 0;
}

bool sim_right_fences(const struct sim *sim)
{
    return sim->options.sabotage != SIM_SABOTAGE_NO_FENCE && sim->options.sabotage != SIM_SABOTAGE_STALE_PROXY;
}
