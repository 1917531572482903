/* SPDX-License-Identifier: Apache-2.0
 * Links between places. */
#include "sim/sim_net.h"

#include "base/assert.h"
#include "sim/sim_queue.h"

enum {
    SIM_NET_RETRANSMIT_US = 200 * SIM_MS, /* TCP's least */
    SIM_NET_LOSS_PPM = 150000,
};

uint32_t sim_net_region(const struct sim *sim, uint32_t region)
{
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        if (sim->model.sites[site].region == region) {
            return site;
        }
    }
    ASSERT(false);
    return 0;
}

bool sim_net_alive(const struct sim *sim, uint32_t place)
{
    const uint32_t region = sim->model.sites[place].region;
    return region == LIMITS_NONE || sim->regions[region].dead == 0;
}

bool sim_net_open(const struct sim *sim, uint32_t from, uint32_t to)
{
    ASSERT(from < SIM_PLACES && to < SIM_PLACES);
    return sim_net_alive(sim, from) && sim_net_alive(sim, to) && (from == to || sim->net.cut[from][to] == 0);
}

bool sim_net_client(const struct sim *sim, uint32_t client, uint32_t place)
{
    return sim_net_alive(sim, place) &&
           (client == place || (sim->net.cut[client][place] == 0 && sim->net.cut[place][client] == 0));
}

int64_t sim_net_delay(struct sim *sim, uint32_t from, uint32_t to)
{
    struct prng *dice = &sim->dice[SIM_DICE_NET];
    int64_t delay = sim->net.delay_us[from][to];
    delay += prng_between(dice, 0, delay / 4 + 50);
    if (sim->net.lossy[from] + sim->net.lossy[to] > 0) {
        int64_t again = SIM_NET_RETRANSMIT_US;
        for (int i = 0; i < 4 && prng_chance(dice, SIM_NET_LOSS_PPM); i++) {
            delay += again;
            again *= 2;
        }
    }
    return delay;
}

bool sim_net_send(struct sim *sim, uint32_t from, uint32_t to, const struct sim_event *event)
{
    if (!sim_net_open(sim, from, to)) {
        return false;
    }
    sim_queue_at(sim, sim->now + sim_net_delay(sim, from, to), event);
    return true;
}
