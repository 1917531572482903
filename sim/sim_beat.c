/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats and who hears them. */
#include "sim/sim_beat.h"

#include <string.h>

#include "sim/sim_net.h"
#include "sim/sim_queue.h"

enum {
    SIM_BEAT_US = 100 * SIM_MS,
    SIM_BEAT_WORD_US = 500 * SIM_MS,   /* said again */
    SIM_BEAT_FRESH_US = 2000 * SIM_MS, /* each round after a change */
    SIM_BEAT_LOSS_PPM = 300000,        /* of a link that TCP makes late */
    SIM_BEAT_STANDS_PPM = 500,         /* per round: the site stands still */
    SIM_BEAT_TIMES = 3,                /* a death is said so often */
};

bool sim_beat_any(const struct sim *sim)
{
    for (uint32_t database = 0; database < sim->model.databases_count; database++) {
        if (sim->model.databases[database].silence_ms > 0) {
            return true;
        }
    }
    return false;
}

static bool sim_beat_arrives(struct sim *sim, uint32_t from, uint32_t to)
{
    const bool lossy = sim->net.lossy[from] + sim->net.lossy[to] > 0;
    return sim_net_open(sim, from, to) && !(lossy && prng_chance(&sim->beat_dice, SIM_BEAT_LOSS_PPM));
}

static int64_t sim_beat_window_us(const struct sim *sim, uint32_t node)
{
    return (int64_t)sim->model.databases[sim->model.nodes[node].database].silence_ms * SIM_MS;
}

/* What came since the last round. After a pause of its own everything that the site does not hear is young again. */
static void sim_beat_listen(struct sim *sim, uint32_t site)
{
    struct sim_ears *ears = &sim->ears[site];
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        const struct sim_node *self = &sim->nodes[node];
        const bool beats = self->agent.up && !self->agent.frozen && !self->dead && !self->stands_still;
        const bool lies = sim->sites[site].liar == sim->model.nodes[node].region;
        if (beats && !lies && sim_beat_arrives(sim, self->place, site)) {
            ears->any[node] = true;
            ears->heard_us[node] = sim->now - sim->net.delay_us[self->place][site];
            ears->gone[node] = self->agent.fenced ? self->agent.promise.epoch : 0;
        } else if (sim->now - ears->round_us > sim_beat_window_us(sim, node) / 3) {
            ears->heard_us[node] = sim->now;
        }
    }
    ears->round_us = sim->now;
}

static void sim_beat_word(struct sim *sim, uint32_t site)
{
    struct sim_ears *ears = &sim->ears[site];
    struct sim_event word = {.kind = SIM_CONTROL_EVENT};
    uint32_t gone = 0;
    word.event.kind = EVENT_BEATS;
    word.event.beats.site = site;
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        const int64_t window_us = sim_beat_window_us(sim, node);
        if (!ears->any[node] || window_us == 0) {
            continue;
        }
        const int64_t age_us = sim->now - ears->heard_us[node];
        word.event.beats.age_ms[node] = (uint32_t)(age_us / SIM_MS);
        word.event.beats.silent |= (uint32_t)(age_us >= window_us) << node;
        word.event.beats.heard |= (uint32_t)(age_us < window_us) << node;
        word.event.beats.gone[node] = age_us < window_us ? ears->gone[node] : 0;
        gone |= (uint32_t)(word.event.beats.gone[node] != 0) << node;
    }
    const bool changed = word.event.beats.silent != ears->silent || gone != ears->gone_said;
    ears->changed_us = changed ? sim->now : ears->changed_us;
    const bool fresh = ears->changed_us != 0 && sim->now - ears->changed_us < SIM_BEAT_FRESH_US;
    if (!changed && !fresh && sim->now - ears->said_us < SIM_BEAT_WORD_US) {
        return;
    }
    ears->gone_said = gone;
    ears->silent = word.event.beats.silent;
    ears->said_us = sim->now;
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        word.to = i;
        (void)sim_net_send(sim, site, sim->controls[i].site, &word);
    }
}

void sim_beat(struct sim *sim, const struct sim_event *event)
{
    const uint32_t site = event->a;
    int64_t next_us = SIM_BEAT_US;
    if (!sim->healing && prng_chance(&sim->beat_dice, SIM_BEAT_STANDS_PPM)) {
        next_us = prng_between(&sim->beat_dice, 200 * SIM_MS, 8 * (int64_t)SIM_S);
    }
    sim_queue_at(sim, sim->now + next_us, event);
    if (sim->sites[site].dead || !sim_net_alive(sim, site)) {
        memset(&sim->ears[site], 0, sizeof sim->ears[site]); /* who starts has heard nobody */
        return;
    }
    sim_beat_listen(sim, site);
    sim_beat_word(sim, site);
}

void sim_beat_death(struct sim *sim, uint32_t node)
{
    const struct sim_node *self = &sim->nodes[node];
    struct sim_event death = {.kind = SIM_CONTROL_EVENT};
    death.event.kind = EVENT_DEATH;
    death.event.death =
        (struct event_death){.node = node, .boot = self->agent.boot, .epoch = self->agent.promise.epoch};
    for (uint32_t i = 0; i < sim->controls_count * SIM_BEAT_TIMES; i++) {
        const uint32_t site = sim->controls[i / SIM_BEAT_TIMES].site;
        death.to = i / SIM_BEAT_TIMES;
        if (sim_beat_arrives(sim, self->place, site)) {
            sim_queue_at(sim, sim->now + sim->net.delay_us[self->place][site] + i % SIM_BEAT_TIMES, &death);
        }
    }
}
