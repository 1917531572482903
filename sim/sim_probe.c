/* SPDX-License-Identifier: Apache-2.0
 * Observers. */
#include "sim/sim_probe.h"

#include "base/assert.h"
#include "sim/sim_clock.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"

/* The database checks test the role that the view gives the region. */
bool sim_probe_database(const struct sim *sim, uint32_t site, uint32_t region)
{
    const struct view *view = sim_desk_view(sim);
    for (uint32_t database = 0; database < sim->model.databases_count; database++) {
        bool good = false;
        bool any = false;
        const uint32_t writer = database < view->databases_count ? view->databases[database].writer : LIMITS_NONE;
        for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
            const struct sim_node *self = &sim->nodes[node];
            if (sim->model.nodes[node].database != database || sim->model.nodes[node].region != region) {
                continue;
            }
            any = true;
            const bool reached = sim_net_open(sim, site, self->place) && sim_net_open(sim, self->place, site);
            if (writer != LIMITS_NONE && sim->model.nodes[writer].region == region) {
                good |= node == writer && reached && sim_history_writable(self);
            } else {
                good |= reached && self->pg.state == SIM_RUNNING && !self->dead && !self->stands_still;
            }
        }
        if (any && !good) {
            return false;
        }
    }
    return true;
}

/* An application that is ready only while it reaches every database's writer. */
static bool sim_probe_writers(const struct sim *sim, uint32_t place)
{
    for (uint32_t database = 0; database < sim->model.databases_count; database++) {
        bool found = false;
        for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
            const struct sim_node *self = &sim->nodes[node];
            found |= sim->model.nodes[node].database == database && sim_history_writable(self) &&
                     sim_net_open(sim, place, self->place) && sim_net_open(sim, self->place, place);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool sim_probe_good(const struct sim *sim, uint32_t site, const struct model_check *check, uint32_t region)
{
    const uint32_t place = sim_net_region(sim, region);
    const struct sim_region *state = &sim->regions[region];
    if (!sim_net_open(sim, site, place) || !sim_net_open(sim, place, site)) {
        return false;
    }
    switch (check->component) {
    case MODEL_COMPONENT_DB:
        return sim_probe_database(sim, site, region);
    case MODEL_COMPONENT_CACHE:
        return state->cache == 0;
    case MODEL_COMPONENT_APP:
        return state->app == 0 && (!sim->script.readiness || sim_probe_writers(sim, place));
    case MODEL_COMPONENT_NONE:
    case MODEL_COMPONENT_QUEUE:
        break;
    }
    return check->figure != MODEL_FIGURE_ERROR_RATE || state->errors == 0;
}

/* One round: what was refused or good is known after a round trip, what got no answer only after the time-out. */
static void sim_probe_round(struct sim *sim, const struct sim_event *event, uint32_t first)
{
    const uint32_t site = event->a;
    struct sim_event quick = {.kind = SIM_CONTROL_PROBES, .a = site, .b = first, .t = sim->now};
    struct sim_event slow = quick;
    int64_t timeout_us = 0;
    for (uint32_t probe = first; probe < sim->model.probes_count && probe < first + SIM_PROBE_LIMIT; probe++) {
        const struct model_check *check = &sim->model.checks[sim->model.probes[probe].check];
        const uint32_t region = sim->model.probes[probe].region;
        const uint32_t place = sim_net_region(sim, region);
        const uint32_t every = check->interval_ms / 1000 > 0 ? check->interval_ms / 1000 : 1;
        if ((event->c + probe) % every != 0) {
            continue;
        }
        const bool silent = !sim_net_open(sim, site, place) || !sim_net_open(sim, place, site);
        const bool good = sim_probe_good(sim, site, check, region) != (sim->sites[site].liar == region);
        struct sim_event *round = silent ? &slow : &quick;
        if (check->figure == MODEL_FIGURE_ERROR_RATE && !silent) {
            round->counts[region] = sim->regions[region].served - sim->sites[site].counted[region];
            sim->sites[site].counted[region] = sim->regions[region].served;
        }
        round->y |= 1ULL << (probe - first);
        round->x |= (uint64_t)good << (probe - first);
        timeout_us = (int64_t)check->timeout_ms * SIM_MS;
    }
    slow.z = 1;
    slow.t += timeout_us;
    for (int i = 0; i < 2; i++) {
        const struct sim_event *round = i == 0 ? &quick : &slow;
        const int64_t took_us = i == 0 ? sim_net_delay(sim, site, site) : timeout_us;
        for (uint32_t to = 0; to < sim->controls_count; to++) {
            const uint32_t there = sim->controls[to].site;
            struct sim_event sent = *round;
            sent.to = to;
            if (round->y != 0 && sim_net_open(sim, site, there)) {
                sim_queue_at(sim, sim->now + took_us + sim_net_delay(sim, site, there), &sent);
            }
        }
    }
}

void sim_probe(struct sim *sim, const struct sim_event *event)
{
    struct sim_event again = *event;
    again.c++;
    sim_queue_at(sim, sim->now + prng_between(&sim->dice[SIM_DICE_PROBE], 950 * SIM_MS, 1050 * SIM_MS), &again);
    if (!sim->sites[event->a].dead && sim_net_alive(sim, event->a)) {
        for (uint32_t first = 0; first < sim->model.probes_count; first += SIM_PROBE_LIMIT) {
            sim_probe_round(sim, event, first);
        }
    }
}
