/* SPDX-License-Identifier: Apache-2.0
 * Servers of caches with one primary. */
#include "sim/sim_cache.h"

#include "base/assert.h"
#include "sim/sim_check_cache.h"
#include "sim/sim_clock.h"
#include "sim/sim_desk.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"

enum {
    SIM_CACHE_TICK_US = 50 * SIM_MS,
    SIM_CACHE_ASKS = 5,               /* ticks between two questions: control_cache.c */
    SIM_CACHE_STEP_US = 300 * SIM_MS, /* an answer that takes longer is not waited for */
    SIM_CACHE_CONNECT_US = 500 * SIM_MS,
    SIM_CACHE_BEHIND_US = 2000 * SIM_MS, /* writes are held so much longer than the order may last: act_cache.c */
    SIM_CACHE_STREAM_PPM = 800000,       /* per tick: what is on the way arrives */
    SIM_CACHE_LOST_PPM = 5000,           /* answers to orders */
};

static uint32_t sim_cache_place(const struct sim *sim, uint32_t target)
{
    return sim_net_region(sim, sim->model.targets[target].region);
}

static bool sim_cache_path(const struct sim *sim, uint32_t from, uint32_t to)
{
    return sim_net_open(sim, from, to) && sim_net_open(sim, to, from);
}

static bool sim_cache_single(const struct sim *sim, uint32_t target)
{
    return sim->model.services[sim->model.targets[target].service].single;
}

/* Empty, and sure of being a primary. */
static void sim_cache_begin(struct sim *sim, uint32_t target)
{
    const uint64_t obeyed = sim->caches[target].obeyed;
    sim->caches[target] = (struct sim_cache_server){
        .up = true, .primary = true, .upstream = LIMITS_NONE, .history = ++sim->histories, .obeyed = obeyed};
}

/* Its region, or the fault that is for caches, may have ended it since the last look, and started it again. */
static struct sim_cache_server *sim_cache_at(struct sim *sim, uint32_t target)
{
    struct sim_cache_server *server = &sim->caches[target];
    const uint32_t region = sim->model.targets[target].region;
    const bool lives = sim_net_alive(sim, sim_cache_place(sim, target)) && sim->regions[region].cache == 0;
    if (lives && !server->up) {
        sim_cache_begin(sim, target);
    }
    server->up = lives;
    return server;
}

void sim_cache_start(struct sim *sim)
{
    bool any = false;
    for (uint32_t target = 0; target < sim->model.targets_count; target++) {
        if (sim_cache_single(sim, target)) {
            any = true;
            sim_cache_begin(sim, target);
        }
    }
    if (!any) {
        return;
    }
    const struct sim_event tick = {.kind = SIM_CACHE_TICK};
    sim_queue_at(sim, SIM_CACHE_TICK_US, &tick);
    for (uint32_t service = 0; service < sim->model.services_count; service++) {
        sim->check.cache_primary[service] = LIMITS_NONE;
    }
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        const struct sim_event write = {.kind = SIM_CACHE_WRITE, .a = site};
        if (sim->model.sites[site].relays) {
            sim_queue_at(sim, SIM_CACHE_TICK_US + site, &write);
        }
    }
}

/* ---- streams ---- */

static void sim_cache_stream(struct sim *sim, uint32_t target)
{
    struct sim_cache_server *server = sim_cache_at(sim, target);
    if (!server->up || server->primary) {
        return;
    }
    const struct sim_cache_server *from = sim_cache_at(sim, server->upstream);
    server->linked = server->linked && from->up &&
                     sim_cache_path(sim, sim_cache_place(sim, target), sim_cache_place(sim, server->upstream));
    if (!from->up || !sim_cache_path(sim, sim_cache_place(sim, target), sim_cache_place(sim, server->upstream))) {
        server->synced_us = 0;
        return;
    }
    if (server->history == from->history) {
        server->offset = server->linked && server->sent > server->offset ? server->sent : server->offset;
        server->linked = true;
        server->sent = from->offset;
    } else if (server->synced_us == 0) {
        server->linked = false;
        server->synced_us = sim->now + prng_between(&sim->cache_dice, 100 * SIM_MS, 1500 * SIM_MS);
    } else if (sim->now >= server->synced_us) {
        server->synced_us = 0;
        server->history = from->history;
        server->offset = server->sent = from->offset;
    }
}

/* The leading controllers' questions: of several there may be two who think that they lead. */
static void sim_cache_ask(struct sim *sim)
{
    for (uint32_t to = 0; to < sim->controls_count; to++) {
        const struct sim_control *control = &sim->controls[to];
        if (!control->up || !control->engine.leading || sim->sites[control->site].dead ||
            !sim_net_alive(sim, control->site) || sim->now < control->frozen_until) {
            continue;
        }
        for (uint32_t target = 0; target < sim->model.targets_count; target++) {
            const struct sim_event ask = {
                .kind = SIM_CACHE_ASK, .to = to, .a = target, .d = control->life, .t = sim->now};
            if (sim_cache_single(sim, target)) {
                (void)sim_net_send(sim, control->site, sim_cache_place(sim, target), &ask);
            }
        }
    }
}

static void sim_cache_tick(struct sim *sim, const struct sim_event *event)
{
    struct sim_event again = *event;
    again.c++;
    sim_queue_at(sim, sim->now + SIM_CACHE_TICK_US, &again);
    for (uint32_t target = 0; target < sim->model.targets_count; target++) {
        if (sim_cache_single(sim, target) && prng_chance(&sim->cache_dice, SIM_CACHE_STREAM_PPM)) {
            sim_cache_stream(sim, target);
        }
    }
    if (again.c % SIM_CACHE_ASKS == 0) {
        sim_cache_ask(sim);
    }
}

/* ---- what a server is asked and told ---- */

static void sim_cache_say(struct sim *sim, const struct sim_event *event)
{
    const struct sim_cache_server *server = sim_cache_at(sim, event->a);
    const uint32_t place = sim_cache_place(sim, event->a);
    const uint32_t back = sim->controls[event->to].site;
    if (!server->up || !sim_net_open(sim, place, back)) {
        return;
    }
    const int64_t delay = sim_net_delay(sim, place, back);
    if (sim->now + delay - event->t > SIM_CACHE_STEP_US || sim->controls[event->to].life != event->d) {
        return;
    }
    struct sim_event said = {.kind = SIM_CONTROL_EVENT, .to = event->to, .d = event->d};
    said.event.kind = EVENT_CACHE;
    said.event.cache = (struct event_cache){.target = event->a,
                                            .primary = server->primary,
                                            .linked = !server->primary && server->linked,
                                            .loading = !server->primary && server->synced_us != 0,
                                            .upstream = server->upstream,
                                            .offset = server->offset};
    sim_queue_at(sim, sim->now + delay, &said);
}

static void sim_cache_answer(struct sim *sim, const struct sim_event *event, enum err error)
{
    const struct event_result result = {.action = event->x, .ok = error == ERR_OK, .error = error};
    if (sim->healing || !prng_chance(&sim->cache_dice, SIM_CACHE_LOST_PPM)) {
        sim_desk_answer(sim, sim_cache_place(sim, event->a), event->to, &result);
    }
}

void sim_cache_order(struct sim *sim, const struct action *action)
{
    const uint32_t from = sim->control->site;
    const uint32_t to = (uint32_t)(sim->control - sim->controls);
    const uint32_t place = sim_cache_place(sim, action->target);
    const struct sim_event order = {.kind = SIM_CACHE_ORDER,
                                    .to = to,
                                    .a = action->target,
                                    .b = action->kind,
                                    .c = action->other,
                                    .d = sim->control->life,
                                    .x = action->id,
                                    .y = action->epoch,
                                    .t = (int64_t)action->timeout_ms * SIM_MS};
    struct sim_event late = {.kind = SIM_CONTROL_EVENT, .to = to, .d = sim->control->life};
    late.event.kind = EVENT_RESULT;
    late.event.result = (struct event_result){.action = action->id, .error = ERR_TIMEOUT};
    const struct mono now = sim_clock_mono(&sim->sites[from].clock, sim->now);
    const bool due = action->until.us == 0 || !time_reached(now, action->until);
    const int64_t delay = sim_cache_path(sim, from, place) ? sim_net_delay(sim, from, place) : INT64_MAX;
    const bool sent = due && delay < SIM_CACHE_CONNECT_US;
    sim_desk_wait(sim, action);
    if (sent) {
        sim_queue_at(sim, sim->now + delay, &order);
    }
    sim_queue_at(sim, sim->now + (sent ? order.t : SIM_CACHE_CONNECT_US), &late);
}

/* Whether it has what the primary before has. */
static bool sim_cache_has(struct sim *sim, const struct sim_event *event)
{
    const struct sim_cache_server *server = sim_cache_at(sim, event->a);
    const struct sim_cache_server *other = sim_cache_at(sim, event->c);
    if (sim->options.sabotage == SIM_SABOTAGE_NO_QUIET) {
        return true;
    }
    return other->up && sim_cache_path(sim, sim->controls[event->to].site, sim_cache_place(sim, event->c)) &&
           (server->primary || server->linked) && server->offset >= other->offset;
}

static void sim_cache_promote(struct sim *sim, const struct sim_event *event)
{
    struct sim_cache_server *server = &sim->caches[event->a];
    if (event->c != LIMITS_NONE && !sim_cache_has(sim, event)) {
        sim_cache_answer(sim, event, ERR_LAG);
        return;
    }
    const uint32_t service = sim->model.targets[event->a].service;
    if (sim->controls[event->to].engine.durable.caches[service].before != 0) {
        sim_check_cache_promoted(sim, event->a, event->y);
    }
    if (!server->primary) {
        server->history = ++sim->histories;
    }
    server->primary = true;
    server->linked = false;
    server->upstream = LIMITS_NONE;
    server->synced_us = 0;
    server->quiet_until = 0;
    server->obeyed = event->y > server->obeyed ? event->y : server->obeyed;
    sim_cache_answer(sim, event, ERR_OK);
}

static void sim_cache_follow(struct sim *sim, const struct sim_event *event)
{
    struct sim_cache_server *server = &sim->caches[event->a];
    if (server->primary || server->upstream != event->c) {
        server->primary = false;
        server->upstream = event->c;
        server->linked = false;
        server->synced_us = 0;
    }
    server->quiet_until = 0;
    sim_cache_answer(sim, event, ERR_OK);
}

/* The one that gave the order looks at the other one, until that has everything or patience ends. */
static void sim_cache_catch(struct sim *sim, const struct sim_event *event)
{
    struct sim_cache_server *server = sim_cache_at(sim, event->a);
    const struct sim_cache_server *other = sim_cache_at(sim, event->c);
    const struct sim_control *control = &sim->controls[event->to];
    const bool seen = other->up && sim_cache_path(sim, control->site, sim_cache_place(sim, event->c));
    if (control->life != event->d || !control->up) {
        return; /* what is held is held until its time is up */
    }
    if (seen && !other->primary && other->linked && other->upstream == event->a && other->offset >= event->z) {
        sim_cache_answer(sim, event, ERR_OK);
    } else if (!seen || sim->now >= event->t) {
        server->quiet_until = 0;
        sim_cache_answer(sim, event, ERR_LAG);
    } else {
        sim_queue_at(sim, sim->now + SIM_CACHE_TICK_US, event);
    }
}

static void sim_cache_quiet(struct sim *sim, const struct sim_event *event)
{
    struct sim_cache_server *server = &sim->caches[event->a];
    struct sim_event look = *event;
    if (sim->options.sabotage == SIM_SABOTAGE_NO_QUIET) {
        sim_cache_answer(sim, event, ERR_OK);
        return;
    }
    server->quiet_until = sim->now + event->t + SIM_CACHE_BEHIND_US;
    look.kind = SIM_CACHE_CATCH;
    look.z = server->offset;
    look.t = sim->now + event->t / 2;
    sim_cache_catch(sim, &look);
}

static void sim_cache_obey(struct sim *sim, const struct sim_event *event)
{
    if (!sim_cache_at(sim, event->a)->up) {
        sim_cache_answer(sim, event, ERR_REFUSED);
    } else if (event->b == ACTION_CACHE_PROMOTE) {
        sim_cache_promote(sim, event);
    } else if (event->b == ACTION_CACHE_FOLLOW) {
        sim_cache_follow(sim, event);
    } else {
        sim_cache_quiet(sim, event);
    }
}

/* ---- clients ---- */

/* Through the relay of a site to the primary that its view names. */
static void sim_cache_write(struct sim *sim, const struct sim_event *event)
{
    const struct sim_reader *reader = &sim->sites[event->a].reader;
    sim_queue_at(sim, sim->now + prng_between(&sim->cache_dice, 50 * SIM_MS, 150 * SIM_MS), event);
    if (sim->sites[event->a].dead || !sim_net_alive(sim, event->a) || reader->version == 0) {
        return;
    }
    for (uint32_t service = 0; service < sim->model.services_count; service++) {
        const uint32_t primary = reader->services[service].primary;
        if (!sim->model.services[service].single || primary == LIMITS_NONE) {
            continue;
        }
        struct sim_cache_server *server = sim_cache_at(sim, primary);
        if (server->up && server->primary && sim->now >= server->quiet_until &&
            sim_cache_path(sim, event->a, sim_cache_place(sim, primary))) {
            server->offset++;
            sim_check_cache_acked(sim, primary, reader->services[service].epoch);
        }
    }
}

void sim_cache_event(struct sim *sim, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_CACHE_TICK:
        sim_cache_tick(sim, event);
        break;
    case SIM_CACHE_ASK:
        sim_cache_say(sim, event);
        break;
    case SIM_CACHE_ORDER:
        sim_cache_obey(sim, event);
        break;
    case SIM_CACHE_CATCH:
        sim_cache_catch(sim, event);
        break;
    case SIM_CACHE_WRITE:
        sim_cache_write(sim, event);
        break;
    default:
        ASSERT(false);
    }
}
