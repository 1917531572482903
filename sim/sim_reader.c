/* SPDX-License-Identifier: Apache-2.0
 * Proxies and DNS servers as readers of the view. */
#include "sim/sim_reader.h"

#include <string.h>

#include "base/assert.h"
#include "sim/sim_desk.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"

enum {
    SIM_READER_TICK_US = 500 * SIM_MS,
    SIM_READER_LATE_US = 4 * SIM_S,
};

static void sim_reader_offer(struct sim *sim, uint32_t site, const struct sim_control *control)
{
    const struct sim_event event = {.kind = SIM_READER_VIEW, .a = site, .x = control->view.version};
    const uint32_t from = control->site;
    if (!sim->model.sites[site].proxy || !sim_net_open(sim, from, site)) {
        return;
    }
    int64_t delay = sim_net_delay(sim, from, site);
    if (sim->sites[site].late) {
        delay += prng_between(&sim->dice[SIM_DICE_NET], SIM_S, SIM_READER_LATE_US);
    }
    sim_queue_at(sim, sim->now + delay, &event);
}

void sim_reader_publish(struct sim *sim, const struct view *view)
{
    struct sim_reader *slot = &sim->published[view->version % SIM_PUBLISHED];
    slot->version = view->version;
    memcpy(slot->databases, view->databases, sizeof slot->databases);
    memcpy(slot->split, view->split, sizeof slot->split);
    memcpy(slot->services, view->services, sizeof slot->services);
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        sim_reader_offer(sim, site, sim->control);
    }
}

static void sim_reader_announce(struct sim *sim, uint32_t site)
{
    for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
        if (kind == EVENT_READER_SERVICE && !sim->model.sites[site].relays) {
            continue;
        }
        struct sim_event event = {.kind = SIM_CONTROL_EVENT};
        event.event.kind = EVENT_READER;
        event.event.reader = (struct event_reader){
            .site = site, .kind = (enum event_reader_kind)kind, .version = sim->sites[site].reader.version};
        for (uint32_t i = 0; i < sim->controls_count; i++) {
            event.to = i;
            (void)sim_net_send(sim, site, sim->controls[i].site, &event);
        }
    }
}

static void sim_reader_take(struct sim *sim, const struct sim_event *event)
{
    struct sim_reader *reader = &sim->sites[event->a].reader;
    const struct sim_reader *slot = &sim->published[event->x % SIM_PUBLISHED];
    if (sim->sites[event->a].dead || !sim_net_alive(sim, event->a) || slot->version != event->x ||
        event->x <= reader->version) {
        return;
    }
    *reader = *slot;
    sim_reader_announce(sim, event->a);
}

void sim_reader_event(struct sim *sim, const struct sim_event *event)
{
    const uint32_t site = event->a;
    if (event->kind == SIM_READER_VIEW) {
        sim_reader_take(sim, event);
        return;
    }
    ASSERT(event->kind == SIM_READER_TICK);
    sim_queue_at(sim, sim->now + SIM_READER_TICK_US, event);
    if (sim->sites[site].dead || !sim_net_alive(sim, site)) {
        return;
    }
    sim_reader_announce(sim, site);
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        const struct sim_control *control = &sim->controls[i];
        if (control->up && !sim->sites[control->site].dead && sim_net_alive(sim, control->site) &&
            sim_net_open(sim, site, control->site) && control->view.version > sim->sites[site].reader.version) {
            sim_reader_offer(sim, site, control);
        }
    }
}
