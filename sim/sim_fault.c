/* SPDX-License-Identifier: Apache-2.0
 * Faults. */
#include "sim/sim_fault.h"

#include "base/assert.h"
#include "sim/sim_agent.h"
#include "sim/sim_control.h"
#include "sim/sim_net.h"
#include "sim/sim_pg.h"
#include "sim/sim_queue.h"
#include "sim/sim_say.h"

static const int64_t sim_fault_wall_us = 7200 * (int64_t)SIM_S;

const char *sim_fault_name(enum sim_fault_kind kind)
{
    static const char *const names[SIM_FAULT_COUNT] = {
        "region-dead",  "node-dead",  "server-dead", "agent-dead",    "agent-frozen",    "node-frozen",
        "control-dead", "site-dead",  "cut",         "cut-both",      "isolated",        "lossy",
        "store-full",   "store-slow", "disk-slow",   "replay-slow",   "promote-slow",    "promote-refused",
        "cache-down",   "app-down",   "errors",      "observer-lies", "wall-clock-jump", "readers-late"};
    ASSERT((unsigned)kind < SIM_FAULT_COUNT);
    return names[kind];
}

static void sim_fault_power(struct sim *sim, uint32_t node, bool on)
{
    struct sim_node *self = &sim->nodes[node];
    if (on && self->dead && sim_net_alive(sim, self->place)) {
        self->dead = false;
        self->stands_still = false;
        sim_agent_start(sim, node);
    } else if (!on && !self->dead) {
        sim_pg_kill(sim, node);
        sim_agent_killed(sim, node);
        self->agent.armed = false;
        self->dead = true;
    }
}

static void sim_fault_region(struct sim *sim, uint32_t region, bool on)
{
    if (!on && sim->regions[region].dead > 0) {
        sim->regions[region].dead--;
    }
    for (uint32_t i = 0; on && i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        if (sim->model.sites[sim->control->site].region == region) {
            sim_control_kill(sim);
        }
    }
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        if (sim->model.nodes[node].region == region) {
            sim_fault_power(sim, node, !on);
        }
    }
    sim->regions[region].dead += on;
    for (uint32_t i = 0; !on && i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        if (sim->model.sites[sim->control->site].region == region && sim->regions[region].dead == 0 &&
            !sim->sites[sim->control->site].dead) {
            sim_control_start(sim);
        }
    }
    sim->control = &sim->controls[sim->leader];
}

static void sim_fault_cut(struct sim *sim, uint32_t from, uint32_t to, bool on)
{
    if (from != to) {
        sim->net.cut[from][to] += on ? 1 : (uint32_t)(sim->net.cut[from][to] > 0 ? -1 : 0);
    }
}

static void sim_fault_link(struct sim *sim, const struct sim_fault *fault, bool on)
{
    for (uint32_t place = 0; place < sim->model.sites_count; place++) {
        const bool isolate = fault->kind == SIM_FAULT_ISOLATE;
        if (isolate || place == fault->b) {
            sim_fault_cut(sim, fault->a, place, on);
        }
        if (isolate || (fault->kind == SIM_FAULT_CUT_BOTH && place == fault->b)) {
            sim_fault_cut(sim, place, fault->a, on);
        }
    }
}

static void sim_fault_site(struct sim *sim, uint32_t site, bool on)
{
    sim->sites[site].dead = on;
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        if (site == sim->control->site && on) {
            sim_control_kill(sim);
        } else if (site == sim->control->site && sim_net_alive(sim, site)) {
            sim_control_start(sim);
        }
    }
    sim->control = &sim->controls[sim->leader];
}

static void sim_fault_node(struct sim *sim, const struct sim_fault *fault, bool on)
{
    struct sim_node *self = &sim->nodes[fault->a];
    switch (fault->kind) {
    case SIM_FAULT_NODE:
        sim_fault_power(sim, fault->a, !on);
        break;
    case SIM_FAULT_SERVER:
        self->broken = on;
        if (on) {
            sim_pg_kill(sim, fault->a);
        }
        break;
    case SIM_FAULT_AGENT:
        if (on && !self->dead) {
            sim_agent_killed(sim, fault->a);
        } else if (!on && !self->dead && !self->agent.up) {
            sim_agent_start(sim, fault->a);
        }
        break;
    case SIM_FAULT_FREEZE:
        self->agent.frozen = on && self->agent.up;
        break;
    case SIM_FAULT_FREEZE_NODE:
        self->stands_still = on && !self->dead;
        if (!on && !self->dead) {
            sim_agent_thaw(sim, fault->a);
        }
        break;
    case SIM_FAULT_DISK:
        self->slow_disk = on;
        break;
    case SIM_FAULT_REPLAY:
        self->slow_replay = on;
        break;
    case SIM_FAULT_PROMOTE:
        self->slow_promote = on;
        break;
    case SIM_FAULT_REFUSE:
        self->refuses = on;
        break;
    default:
        ASSERT(false);
    }
}

static void sim_fault_control(struct sim *sim, const struct sim_fault *fault, bool on)
{
    if (on) { /* of several most often the one that leads */
        sim->control = &sim->controls[fault->a % 2 == 0 ? sim->leader : fault->a % sim->controls_count];
        sim_control_kill(sim);
    }
    for (uint32_t i = 0; !on && i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        if (sim_net_alive(sim, sim->control->site) && !sim->sites[sim->control->site].dead) {
            sim_control_start(sim);
        }
    }
    sim->control = &sim->controls[sim->leader];
}

static void sim_fault_place(struct sim *sim, const struct sim_fault *fault, bool on)
{
    switch (fault->kind) {
    case SIM_FAULT_CONTROL:
        sim_fault_control(sim, fault, on);
        break;
    case SIM_FAULT_SITE:
        sim_fault_site(sim, fault->a, on);
        break;
    case SIM_FAULT_LOSS:
        sim->net.lossy[fault->a] = on;
        break;
    case SIM_FAULT_STORE_FULL:
        sim->store.full = on;
        break;
    case SIM_FAULT_STORE_SLOW:
        sim->store.slow = on;
        break;
    case SIM_FAULT_LIAR:
        sim->sites[fault->a].liar = on ? fault->b : LIMITS_NONE;
        break;
    case SIM_FAULT_WALL:
        sim->sites[fault->a].clock.wall_us += (on == (fault->b % 2 == 0)) ? sim_fault_wall_us : -sim_fault_wall_us;
        break;
    case SIM_FAULT_READERS:
        sim->sites[fault->a].late = on;
        break;
    case SIM_FAULT_CACHE:
        sim->regions[fault->a].cache = on;
        break;
    case SIM_FAULT_APP:
        sim->regions[fault->a].app = on;
        break;
    case SIM_FAULT_ERRORS:
        sim->regions[fault->a].errors = on;
        break;
    default:
        sim_fault_node(sim, fault, on);
        break;
    }
}

static const char *sim_fault_where(const struct sim *sim, const struct sim_fault *fault)
{
    switch (fault->kind) {
    case SIM_FAULT_REGION:
    case SIM_FAULT_CACHE:
    case SIM_FAULT_APP:
    case SIM_FAULT_ERRORS:
        return sim->model.regions[fault->a].name;
    case SIM_FAULT_SITE:
    case SIM_FAULT_CUT:
    case SIM_FAULT_CUT_BOTH:
    case SIM_FAULT_ISOLATE:
    case SIM_FAULT_LOSS:
    case SIM_FAULT_LIAR:
    case SIM_FAULT_WALL:
    case SIM_FAULT_READERS:
        return sim->model.sites[fault->a].name;
    case SIM_FAULT_CONTROL:
    case SIM_FAULT_STORE_FULL:
    case SIM_FAULT_STORE_SLOW:
        return "";
    default:
        return sim->model.nodes[fault->a].name;
    }
}

static void sim_fault_set(struct sim *sim, struct sim_fault *fault, bool on)
{
    const bool pair = fault->kind == SIM_FAULT_CUT || fault->kind == SIM_FAULT_CUT_BOTH;
    if (fault->on == on) {
        return;
    }
    fault->on = on;
    sim_say(sim, "%s %s %s%s%s", on ? "FAULT" : "END  ", sim_fault_name(fault->kind), sim_fault_where(sim, fault),
            pair                            ? " -> "
            : fault->kind == SIM_FAULT_LIAR ? " about "
                                            : "",
            pair                            ? sim->model.sites[fault->b].name
            : fault->kind == SIM_FAULT_LIAR ? sim->model.regions[fault->b].name
                                            : "");
    if (fault->kind == SIM_FAULT_REGION) {
        sim_fault_region(sim, fault->a, on);
    } else if (pair || fault->kind == SIM_FAULT_ISOLATE) {
        sim_fault_link(sim, fault, on);
    } else {
        sim_fault_place(sim, fault, on);
    }
}

void sim_fault_start(struct sim *sim, uint32_t index, int64_t at_us, int64_t end_us)
{
    const struct sim_event begin = {.kind = SIM_FAULT_BEGIN, .a = index};
    const struct sim_event end = {.kind = SIM_FAULT_END, .a = index};
    sim_queue_at(sim, at_us, &begin);
    if (end_us < INT64_MAX) {
        sim_queue_at(sim, end_us, &end);
    }
}

void sim_fault_meet(struct sim *sim, enum plan_step step)
{
    for (uint32_t i = 0; i < sim->script.faults_count; i++) {
        struct sim_fault *fault = &sim->script.faults[i];
        if (fault->step == (uint32_t)step + 1 && !fault->met) {
            const int64_t at_us = sim->now + fault->at_us;
            fault->met = true;
            sim_fault_start(sim, i, at_us, fault->end_us < INT64_MAX ? at_us + fault->end_us : INT64_MAX);
        }
    }
}

void sim_fault_event(struct sim *sim, const struct sim_event *event)
{
    if (event->a == LIMITS_NONE) {
        sim->control = &sim->controls[event->to];
        if (sim_net_alive(sim, sim->control->site) && !sim->sites[sim->control->site].dead) {
            sim_control_start(sim);
        }
    } else if (!sim->healing) {
        sim->result->faults += event->kind == SIM_FAULT_BEGIN;
        sim_fault_set(sim, &sim->script.faults[event->a], event->kind == SIM_FAULT_BEGIN);
    }
    sim->control = &sim->controls[sim->leader];
}

void sim_fault_heal(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->script.faults_count; i++) {
        sim_fault_set(sim, &sim->script.faults[i], false);
    }
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        if (sim->nodes[node].dead) {
            sim_fault_power(sim, node, true);
        } else if (!sim->nodes[node].agent.up) {
            sim_agent_start(sim, node);
        }
    }
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        sim_control_start(sim);
    }
    sim->control = &sim->controls[sim->leader];
}
