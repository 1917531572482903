/* SPDX-License-Identifier: Apache-2.0
 * Clients. */
#include "sim/sim_client.h"

#include <string.h>

#include "base/assert.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"
#include "sim/sim_say.h"

enum {
    SIM_CLIENT_LEAST_US = 80 * SIM_MS,
    SIM_CLIENT_MOST_US = 160 * SIM_MS,
    SIM_CLIENT_TTL_US = 2 * SIM_S,
    SIM_CLIENT_OUT_US = 2 * SIM_S, /* without an acknowledgement for this long: an outage */
};

static bool sim_client_serves(const struct sim *sim, uint32_t from, uint32_t site)
{
    return sim->model.sites[site].proxy && !sim->sites[site].dead && sim_net_client(sim, from, site) &&
           sim->sites[site].reader.version > 0;
}

static uint32_t sim_client_split(const uint32_t *row, uint32_t count, uint32_t point)
{
    uint32_t sum = 0;
    for (uint32_t region = 0; region < count; region++) {
        sum += row[region];
        if (point < sum) {
            return region;
        }
    }
    return LIMITS_NONE;
}

/* Asks the nearest DNS server that answers. */
static void sim_client_resolve(struct sim *sim, struct sim_client *client)
{
    const uint32_t home = sim_net_region(sim, client->home);
    for (uint32_t i = 0; i < sim->model.sites_count; i++) {
        const uint32_t site = (home + i) % sim->model.sites_count;
        if (sim_client_serves(sim, home, site)) {
            memcpy(client->row, sim->sites[site].reader.split[client->home], sizeof client->row);
            client->resolved_us = sim->now;
            return;
        }
    }
}

/* Through the proxy of the region that DNS named to the writer that the proxy's view names. */
static void sim_client_write(struct sim *sim, uint32_t index)
{
    struct sim_client *client = &sim->clients[index];
    const uint32_t home = sim_net_region(sim, client->home);
    if (client->resolved_us == 0 || sim->now - client->resolved_us > SIM_CLIENT_TTL_US) {
        sim_client_resolve(sim, client);
    }
    const uint32_t point = (uint32_t)prng_below(&sim->dice[SIM_DICE_PEOPLE], VIEW_SHARES_WHOLE);
    const uint32_t region = sim_client_split(client->row, sim->model.regions_count, point);
    if (region == LIMITS_NONE) {
        return;
    }
    const uint32_t proxy = sim_net_region(sim, region);
    if (!sim_client_serves(sim, home, proxy) || sim->regions[region].app > 0) {
        return;
    }
    sim->regions[region].served++;
    const struct view_database *view = &sim->sites[proxy].reader.databases[client->database];
    if (view->writer == LIMITS_NONE || view->hold != 0 || !sim_net_open(sim, proxy, sim->nodes[view->writer].place)) {
        return; /* the proxy holds it */
    }
    const int64_t delay = sim_net_delay(sim, home, proxy) + sim_net_delay(sim, proxy, sim->nodes[view->writer].place);
    const struct sim_event write = {
        .kind = SIM_PG_WRITE, .a = view->writer, .b = index, .c = ++client->number & 1, .x = view->epoch};
    sim_queue_at(sim, sim->now + delay, &write);
}

static void sim_client_tick(struct sim *sim, const struct sim_event *event)
{
    struct sim_client *client = &sim->clients[event->a];
    const int64_t pause = prng_between(&sim->dice[SIM_DICE_PEOPLE], SIM_CLIENT_LEAST_US, SIM_CLIENT_MOST_US);
    sim_queue_at(sim, sim->now + pause, event);
    if (!client->out && client->acked_us > 0 && sim->now - client->acked_us > SIM_CLIENT_OUT_US) {
        client->out = true;
        if (!sim->options.brief) {
            sim_say(sim, "    clients of %s in %s get no acknowledgement", sim->model.databases[client->database].name,
                    sim->model.regions[client->home].name);
        }
    }
    sim_client_write(sim, event->a);
}

void sim_client_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_client *client = &sim->clients[event->a];
    if (event->kind == SIM_CLIENT_TICK) {
        sim_client_tick(sim, event);
        return;
    }
    ASSERT(event->kind == SIM_CLIENT_ACK);
    if (client->out) {
        client->out = false;
        if (!sim->options.brief) {
            sim_say(sim, "    clients of %s in %s are served again after %lld ms",
                    sim->model.databases[client->database].name, sim->model.regions[client->home].name,
                    (long long)((sim->now - client->acked_us) / SIM_MS));
        }
    }
    client->acked_us = sim->now;
}

bool sim_client_content(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->clients_count; i++) {
        if (sim->now - sim->clients[i].acked_us > SIM_S) {
            return false;
        }
    }
    return true;
}
