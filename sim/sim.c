/* SPDX-License-Identifier: Apache-2.0
 * One seed from its first event to its last. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/sim_act.h"
#include "sim/sim_agent.h"
#include "sim/sim_beat.h"
#include "sim/sim_cache.h"
#include "sim/sim_check.h"
#include "sim/sim_client.h"
#include "sim/sim_control.h"
#include "sim/sim_fault.h"
#include "sim/sim_net.h"
#include "sim/sim_people.h"
#include "sim/sim_pg.h"
#include "sim/sim_probe.h"
#include "sim/sim_queue.h"
#include "sim/sim_reader.h"
#include "sim/sim_say.h"
#include "sim/sim_swarm.h"

enum {
    SIM_BOOT_US = 1000 * (int64_t)SIM_S, /* a machine's clock does not begin at 0 */
    SIM_STILL_US = 5 * (int64_t)SIM_S,   /* converged for this long: stays so */
    SIM_SEVERAL = 5,                     /* one seed of so many has several controllers */
    SIM_SEVERAL_AT = 2,
    SIM_BEATS = 7, /* so many of so many seeds have heartbeats */
    SIM_BEATS_OF = 2,
    SIM_CASCADE = 3, /* and one of so many has regional leaders */
    SIM_CACHE = 8,   /* two of so many have a cache with one primary */
    SIM_CACHE_ONE = 3,
    SIM_CACHE_OTHER = 5,
    SIM_EVENTS_MOST = 3 * 1000 * 1000, /* ten times what a long seed takes */
};

const char *sim_sabotage_name(enum sim_sabotage sabotage)
{
    static const char *const names[SIM_SABOTAGE_COUNT] = {
        "none",      "no-fence",   "no-wait", "any-candidate", "old-view",   "stale-proxy", "no-compare",
        "run-order", "no-promote", "too-few", "no-term",       "same-epoch", "open-early",  "no-quiet"};
    ASSERT((unsigned)sabotage < SIM_SABOTAGE_COUNT);
    return names[sabotage];
}

const char *sim_problem(const struct model *model)
{
    uint32_t controls = 0;
    for (uint32_t region = 0; region < model->regions_count; region++) {
        bool site = false;
        for (uint32_t i = 0; i < model->sites_count; i++) {
            site |= model->sites[i].region == region;
        }
        if (!site) {
            return "every region needs a site";
        }
    }
    for (uint32_t i = 0; i < model->sites_count; i++) {
        controls += model->sites[i].controls;
    }
    return controls < 1 || controls > SIM_CONTROLS ? "one to three sites must have the role control"
           : model->databases_count == 0           ? "a database is needed: clients are measured by its commits"
                                                   : NULL;
}

uint32_t sim_incidents(const struct model *model)
{
    return sim_swarm_episodes(model);
}

static struct sim_clock sim_make_clock(struct prng *dice)
{
    return (struct sim_clock){.origin_us = SIM_BOOT_US + prng_between(dice, 0, 1000 * (int64_t)SIM_S),
                              .drift_ppm = prng_between(dice, -1000, 1000),
                              .wall_us = 1700000000 * (int64_t)SIM_S + prng_between(dice, -SIM_S, SIM_S)};
}

static void sim_make_net(struct sim *sim)
{
    struct prng *dice = &sim->dice[SIM_DICE_SWARM];
    for (uint32_t a = 0; a < SIM_PLACES; a++) {
        for (uint32_t b = 0; b <= a; b++) {
            const int64_t far = prng_chance(dice, 200000) ? 90 * SIM_MS : 25 * SIM_MS;
            sim->net.delay_us[a][b] = a == b ? 200 : prng_between(dice, 2 * SIM_MS, far);
            sim->net.delay_us[b][a] = sim->net.delay_us[a][b];
        }
    }
}

static void sim_start(struct sim *sim, enum sim_kind kind, uint32_t a, int64_t at_us)
{
    const struct sim_event event = {.kind = kind, .a = a};
    sim_queue_at(sim, at_us, &event);
}

static void sim_make_clients(struct sim *sim)
{
    for (uint32_t home = 0; home < sim->model.regions_count; home++) {
        for (uint32_t database = 0; database < sim->model.databases_count; database++) {
            sim->clients[sim->clients_count] = (struct sim_client){.home = home, .database = database, .number = 0};
            sim_start(sim, SIM_CLIENT_TICK, sim->clients_count++, 3 * SIM_S);
        }
    }
}

static void sim_make_world(struct sim *sim)
{
    struct prng *dice = &sim->dice[SIM_DICE_SWARM];
    sim_make_net(sim);
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        sim->sites[site] = (struct sim_site){.clock = sim_make_clock(dice), .liar = LIMITS_NONE};
        if (sim->model.sites[site].controls) {
            ASSERT(sim->controls_count < SIM_CONTROLS);
            sim->controls[sim->controls_count++].site = site;
        }
        if (sim->model.sites[site].observes) {
            sim_start(sim, SIM_PROBE, site, SIM_S + prng_between(dice, 0, SIM_S));
            if (sim_beat_any(sim)) {
                sim_start(sim, SIM_BEAT, site, prng_between(&sim->beat_dice, 0, 100 * SIM_MS));
            }
        }
        sim_start(sim, SIM_READER_TICK, site, prng_between(dice, 0, SIM_S / 2));
    }
    sim->branches_count = 1;
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        sim->nodes[node].clock = sim_make_clock(dice);
        sim->nodes[node].place = sim_net_region(sim, sim->model.nodes[node].region);
        sim->nodes[node].pg.upstream = LIMITS_NONE;
        sim->nodes[node].pg.timeline = 1;
        sim->nodes[node].agent.writer = LIMITS_NONE;
        sim_agent_start(sim, node);
        sim_start(sim, SIM_AGENT_TICK, node, prng_between(dice, 0, 50 * SIM_MS));
    }
    sim_make_clients(sim);
    sim_cache_start(sim);
    sim_start(sim, SIM_PEOPLE_TICK, 0, SIM_S);
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        sim_control_start(sim);
    }
    sim->control = &sim->controls[0];
}

static void sim_make_script(struct sim *sim)
{
    sim->judged = sim->options.script == NULL || sim->options.script->judged;
    if (sim->options.script != NULL) {
        sim->script = *sim->options.script;
    } else if (sim->options.realistic) {
        sim_swarm_episode(sim, &sim->script);
    } else {
        sim_swarm_storm(sim, &sim->script);
    }
    for (uint32_t i = 0; i < sim->script.faults_count; i++) {
        const struct sim_fault *fault = &sim->script.faults[i];
        if (fault->step == 0) {
            sim_fault_start(sim, i, fault->at_us, fault->end_us);
        }
    }
}

static void sim_dispatch(struct sim *sim, const struct sim_event *event)
{
    if (event->kind <= SIM_STORE_LEASE) { /* the controllers' own */
        sim_control_event(sim, event);
    } else if (event->kind == SIM_STORE_REVOKE) {
        sim_act_event(sim, event);
    } else if (event->kind <= SIM_PG_DONE) {
        sim_agent_event(sim, event);
    } else if (event->kind <= SIM_PG_WRITE) {
        sim_pg_event(sim, event);
    } else if (event->kind == SIM_PROBE) {
        sim_probe(sim, event);
    } else if (event->kind == SIM_BEAT) {
        sim_beat(sim, event);
    } else if (event->kind <= SIM_READER_VIEW) {
        sim_reader_event(sim, event);
    } else if (event->kind <= SIM_CLIENT_ACK) {
        sim_client_event(sim, event);
    } else if (event->kind <= SIM_FAULT_END) {
        sim_fault_event(sim, event);
    } else if (event->kind == SIM_PEOPLE_TICK) {
        sim_people_event(sim, event);
    } else {
        sim_cache_event(sim, event);
    }
}

/* After healing: converged for a while is the end, not converged in time a broken promise. */
static void sim_converge(struct sim *sim)
{
    const char *problem = sim_check_converged(sim);
    if (problem != NULL) {
        sim->check.still_us = sim->now;
    } else if (sim->now - sim->check.still_us > SIM_STILL_US && !sim->result->converged) {
        sim->result->converged = true;
        sim->result->converge_us = sim->check.still_us - sim->healed_us;
        sim->over = sim->judged;
    }
    if (sim->now - sim->healed_us > sim->script.heal_us) {
        sim->over = true;
        if (!sim->result->converged && sim->judged) {
            sim_say_violation(sim, "not converged %lld s after healing: %s", (long long)(sim->script.heal_us / SIM_S),
                              problem != NULL ? problem : "not still");
        }
    }
}

static void sim_loop(struct sim *sim)
{
    struct sim_event event;
    while (!sim->over && sim_queue_take(sim, &event)) {
        sim_dispatch(sim, &event);
        sim_check_writers(sim);
        if (++sim->result->events > SIM_EVENTS_MOST) {
            sim_say_violation(sim, "the world does not come to rest: too many events");
        }
        if (sim->now >= sim->script.chaos_us && sim->script.heal_us == 0) {
            sim->over = true; /* a script that ends here */
        } else if (!sim->healing && sim->now >= sim->script.chaos_us) {
            sim->healing = true;
            sim->healed_us = sim->now;
            sim->check.still_us = sim->now;
            sim_say(sim, "everything is repaired");
            sim_fault_heal(sim);
        } else if (sim->healing && event.kind == SIM_PEOPLE_TICK) {
            sim_converge(sim);
        }
    }
    sim->result->virtual_us = sim->now;
}

void sim_run(const struct sim_options *options, struct sim_result *ret_result)
{
    struct sim *sim = calloc(1, sizeof *sim);
    ASSERT(sim != NULL);
    memset(ret_result, 0, sizeof *ret_result);
    sim->options = *options;
    sim->result = ret_result;
    for (uint32_t i = 0; i < SIM_DICE; i++) {
        prng_init(&sim->dice[i], options->seed * SIM_DICE + i);
    }
    prng_init(&sim->lead_dice, options->seed ^ 0x6c656164);
    prng_init(&sim->beat_dice, options->seed ^ 0x62656174);
    prng_init(&sim->cache_dice, options->seed ^ 0x63616368);
    sim->control = &sim->controls[0];
    sim_queue_init(&sim->queue);
    if (options->model != NULL) {
        sim->model = *options->model;
    } else {
        sim_swarm_model(&sim->dice[SIM_DICE_SWARM], &sim->model);
        /* Where nothing returns without the set, an old epoch that goes on acknowledges nothing. */
        sim_swarm_tiers(options->seed, options->sabotage != SIM_SABOTAGE_STALE_PROXY, &sim->model);
        sim_swarm_ttl(options->seed, &sim->model);
        if (options->seed % SIM_SEVERAL == SIM_SEVERAL_AT) {
            sim_swarm_several(&sim->model);
        }
        if (options->seed % SIM_BEATS < SIM_BEATS_OF) {
            sim_swarm_beats(&sim->beat_dice, &sim->model);
        }
        if (options->seed % SIM_CASCADE == 0) {
            sim_swarm_cascade(&sim->model);
        }
        if (options->seed % SIM_CACHE == SIM_CACHE_ONE || options->seed % SIM_CACHE == SIM_CACHE_OTHER) {
            sim_swarm_cache(options->seed, &sim->model);
        }
    }
    sim_make_world(sim);
    sim_make_script(sim);
    sim_loop(sim);
    sim_queue_fini(&sim->queue);
    free(sim->commits);
    free(sim);
}
