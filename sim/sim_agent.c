/* SPDX-License-Identifier: Apache-2.0
 * The agent: reports, renewals, promises, the fence, orders. */
#include "sim/sim_agent.h"

#include <string.h>

#include "base/assert.h"
#include "sim/sim_agent_call.h"
#include "sim/sim_agent_role.h"
#include "sim/sim_beat.h"
#include "sim/sim_clock.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_net.h"
#include "sim/sim_pg.h"
#include "sim/sim_queue.h"
#include "sim/sim_right.h"
#include "sim/sim_store.h"

enum {
    SIM_AGENT_TICK_US = 50 * SIM_MS,
    SIM_AGENT_REPORT_MS = 250,
    SIM_AGENT_CHOICE_MS = 500,
};

static bool sim_agent_runs(const struct sim_node *node)
{
    return node->agent.up && !node->agent.frozen && !node->dead && !node->stands_still;
}

static const struct model_database *sim_agent_database(const struct sim *sim, uint32_t node)
{
    return &sim->model.databases[sim->model.nodes[node].database];
}

/* The fence process: a process of its own, so it needs neither agent nor controller. */
static void sim_agent_fence(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    if (self->dead || self->stands_still || !self->agent.armed || !sim_right_fences(sim) ||
        !time_reached(sim_right_now(sim, node), self->agent.fence_at)) {
        return;
    }
    sim_pg_kill(sim, node);
    self->agent.armed = false;
}

void sim_agent_thaw(struct sim *sim, uint32_t node)
{
    sim_agent_fence(sim, node);
    sim->nodes[node].agent.beat_us = sim->now;
}

void sim_agent_killed(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    agent->up = false;
    agent->frozen = false;
    agent->life++;
    agent->work = SIM_WORK_NONE;
    agent->work_id++;
    agent->calling = false;
    agent->round = false;
    if (agent->armed && sim_right_fences(sim)) {
        sim_pg_kill(sim, node); /* the pipe is closed: the fence process needs no deadline */
        agent->armed = false;
    }
}

void sim_agent_start(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const struct model_database *database = sim_agent_database(sim, node);
    const struct sim_record record = agent->record;
    const uint32_t life = agent->life + 1;
    const uint32_t work_id = agent->work_id + 1;
    const uint32_t call_id = agent->call_id + 1;
    *agent = (struct sim_agent){.up = true,
                                .life = life,
                                .work_id = work_id,
                                .call_id = call_id,
                                .record = record,
                                .writer = LIMITS_NONE,
                                .beat_us = sim->now,
                                .boot = (uint64_t)sim_clock_wall(&self->clock, sim->now).us};
    lease_holder_init(&agent->holder, (int64_t)database->lease_ms * TIME_US_PER_MS);
    lease_promise_init(&agent->promise, (int64_t)database->lease_ms * TIME_US_PER_MS,
                       (int64_t)database->margin_ms * TIME_US_PER_MS, sim_right_now(sim, node));
    lease_promise_restore(&agent->promise, record.epoch, record.ordered);
    const bool adopt = self->pg.state == SIM_RUNNING && self->pg.recovery && record.role == SIM_ROLE_STANDBY;
    if (!adopt) {
        sim_agent_call_kill(sim, node);
    }
}

/* ---- promises ---- */

/* One round of promises: everybody at once. */
static void sim_agent_round(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    const struct mono now = sim_right_now(sim, node);
    agent->round = true;
    agent->call_id++;
    agent->call_sent = now;
    agent->call_until = time_add_us(now, agent->holder.lease_us / SIM_AGENT_CALL_PARTS);
    agent->promised = 0;
    for (uint32_t peer = 0; peer < sim->model.nodes_count; peer++) {
        if (peer == node || sim->model.nodes[peer].database != sim->model.nodes[node].database) {
            continue;
        }
        const struct sim_event event = {
            .kind = SIM_AGENT_PROMISE, .a = peer, .b = node, .c = agent->call_id, .x = agent->holder.epoch};
        (void)sim_net_send(sim, sim->nodes[node].place, sim->nodes[peer].place, &event);
    }
}

static void sim_agent_promise(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *self = &sim->nodes[event->a];
    struct sim_agent *agent = &self->agent;
    if (!sim_agent_runs(self)) {
        return;
    }
    const bool writer = lease_holder_state(&agent->holder, sim_right_now(sim, event->a)) == LEASE_HELD;
    const bool promised =
        !writer && lease_promise_make(&agent->promise, event->x, agent->promise.lease_us, sim_right_now(sim, event->a));
    agent->record.epoch = agent->promise.epoch;
    const struct sim_event answer = {
        .kind = SIM_AGENT_PROMISED, .a = event->b, .b = event->a, .c = event->c, .d = promised, .x = event->x};
    (void)sim_net_send(sim, self->place, sim->nodes[event->b].place, &answer);
}

static void sim_agent_promised(struct sim *sim, const struct sim_event *event)
{
    struct sim_agent *agent = &sim->nodes[event->a].agent;
    if (!sim_agent_runs(&sim->nodes[event->a]) || !agent->round || agent->call_id != event->c || event->d == 0) {
        return;
    }
    agent->promised |= 1U << event->b;
    for (uint32_t peer = 0; peer < sim->model.nodes_count; peer++) {
        const bool other = peer != event->a && sim->model.nodes[peer].database == sim->model.nodes[event->a].database;
        if (other && (agent->promised >> peer & 1U) == 0) {
            return;
        }
    }
    agent->round = false;
    if (lease_holder_promised(&agent->holder, event->x, agent->call_sent, sim_right_now(sim, event->a))) {
        sim_agent_call_arm(sim, event->a);
    }
}

static void sim_agent_lease_answer(struct sim *sim, const struct sim_event *event)
{
    struct sim_agent *agent = &sim->nodes[event->a].agent;
    const struct mono now = sim_right_now(sim, event->a);
    if (!sim_agent_runs(&sim->nodes[event->a]) || !agent->calling || agent->call_id != event->c ||
        agent->life != event->d || time_reached(now, agent->call_until)) {
        return;
    }
    agent->calling = false;
    const enum err error = (enum err)event->z;
    const bool renewal = event->b == SIM_STORE_RENEW && lease_holder_state(&agent->holder, now) == LEASE_HELD;
    if (!renewal) {
        sim_agent_role_answer(sim, event);
    } else if (error == ERR_OK) {
        if (lease_holder_renewed(&agent->holder, event->x, event->y, agent->call_sent, now)) {
            sim_agent_call_arm(sim, event->a);
        }
    } else if (error == ERR_CONFLICT) {
        if (agent->holder.epoch == event->x && sim_right_fences(sim)) {
            sim_agent_call_kill(sim, event->a);
        }
    } else {
        sim_agent_round(sim, event->a);
    }
}

static void sim_agent_renew(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    const struct mono now = sim_right_now(sim, node);
    if (agent->round && time_reached(now, agent->call_until)) {
        agent->round = false;
        lease_holder_failed(&agent->holder);
    }
    const bool held = lease_holder_state(&agent->holder, now) == LEASE_HELD;
    if (agent->calling && time_reached(now, agent->call_until)) {
        agent->calling = false;
        if (held) {
            sim_agent_round(sim, node);
        }
    }
    if (held && !agent->calling && !agent->round && time_reached(now, lease_holder_due(&agent->holder))) {
        lease_holder_attempt(&agent->holder, now);
        sim_agent_call_store(sim, node, SIM_STORE_RENEW, agent->holder.epoch);
    }
}

/* ---- reports and orders ---- */

static void sim_agent_report(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    const struct sim_pg *pg = &self->pg;
    struct sim_agent *agent = &self->agent;
    const bool running = pg->state == SIM_RUNNING && !self->stands_still;
    struct sim_event event = {.kind = SIM_CONTROL_REPORT, .a = node, .d = agent->life};
    event.event.kind = EVENT_NODE;
    event.event.node = (struct event_node){
        .node = node,
        .boot = agent->boot,
        .sequence = ++agent->sequence,
        .running = running,
        .role = !running       ? VIEW_NODE_UNKNOWN
                : pg->recovery ? VIEW_NODE_STANDBY
                               : VIEW_NODE_WRITER,
        .system_id = 1,
        .timeline = pg->timeline,
        .receiving = running && pg->recovery && pg->receiving &&
                     (pg->upstream == agent->writer || agent->record.data_epoch == agent->writer_epoch),
        .upstream = pg->recovery && pg->upstream != LIMITS_NONE ? pg->upstream + 1 : 0,
        .order = agent->record.order,
        .leads = agent->leads,
        .epoch = agent->promise.epoch,
        .lease_held = lease_holder_state(&agent->holder, sim_right_now(sim, node)) == LEASE_HELD,
        .fenced = agent->fenced,
        .died = !running && !time_reached(sim_right_now(sim, node), agent->choice_to),
        .checksums = true,
        .sync_mask = pg->sync_mask,
        .sync_required = pg->sync_required,
        .lowers = running && !pg->recovery ? 0 : UINT32_MAX,
        .lag_ms = self->slow_replay ? 8000 : 100,
    };
    if (running && pg->recovery) {
        event.event.node.received.position = pg->flushed;
        event.event.node.replayed.position = pg->replayed;
    } else if (running) {
        event.event.node.written.position = pg->flushed;
    }
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        event.to = i;
        (void)sim_net_send(sim, self->place, sim->controls[i].site, &event);
    }
    agent->report_at = time_add_ms(sim_right_now(sim, node), SIM_AGENT_REPORT_MS);
}

static void sim_agent_order_fence(struct sim *sim, uint32_t node, uint64_t epoch)
{
    struct sim_agent *agent = &sim->nodes[node].agent;
    const uint64_t held = agent->holder.state != LEASE_NONE ? agent->holder.epoch : 0;
    const bool writer = agent->record.role == SIM_ROLE_WRITER || agent->holder.state != LEASE_NONE;
    uint64_t end = agent->record.data_epoch > held ? agent->record.data_epoch : held;
    /* As role_halt: a late order that ends an older writer must not keep this node from following the new one. */
    end = !writer && epoch != 0 && end >= epoch ? epoch - 1 : end;
    agent->record.halted = end > agent->record.halted ? end : agent->record.halted;
    if (epoch != 0) {
        lease_promise_learn(&agent->promise, epoch);
        agent->record.epoch = agent->promise.epoch;
    }
}

/* Answers that need no work: refusals, fence, proof, settings. */
static void sim_agent_order(struct sim *sim, const struct sim_event *event)
{
    const uint32_t node = event->a;
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    struct event_result result = {.action = event->x, .ok = true};
    const bool writer = sim_history_writable(self) && agent->record.data_epoch == event->y;
    switch ((enum action_kind)event->b) {
    case ACTION_AGENT_FENCE:
        sim_agent_order_fence(sim, node, event->y);
        sim_agent_call_kill(sim, node);
        break;
    case ACTION_AGENT_PROVE:
        result.ok = writer && sim_right_holds(sim, node, event->y);
        result.refused = !sim_right_holds(sim, node, event->y);
        result.error = result.ok ? ERR_OK : ERR_ROLE;
        self->pg.flushed += result.ok;
        result.lsn.position = self->pg.flushed;
        break;
    case ACTION_AGENT_CHECKPOINT:
        result.ok = self->pg.state == SIM_RUNNING;
        result.error = result.ok ? ERR_OK : ERR_UNAVAILABLE;
        break;
    case ACTION_AGENT_REPLAYED:
        result.ok = self->pg.state == SIM_RUNNING && self->pg.recovery && self->pg.replayed >= (uint64_t)event->t;
        result.error = result.ok ? ERR_OK : ERR_TIMEOUT;
        break;
    case ACTION_AGENT_DURABILITY:
        if (!sim_agent_role_require(&agent->record, event)) {
            result.ok = false;
            result.refused = true;
            result.error = ERR_STALE;
            break;
        }
        sim_pg_require(sim, node, event->c, event->d);
        result.lsn.position = writer ? self->pg.flushed : 0;
        break;
    default:
        ASSERT(false);
    }
    sim_desk_answer(sim, self->place, event->to, &result);
}

static void sim_agent_action(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *self = &sim->nodes[event->a];
    struct sim_agent *agent = &self->agent;
    if (self->dead) {
        return;
    }
    if (!sim_agent_runs(self)) {
        if (agent->frozen || self->stands_still) {
            sim_queue_at(sim, sim->now + SIM_AGENT_TICK_US, event); /* it waits in the socket */
        }
        return;
    }
    if (event->y < agent->promise.epoch) {
        const struct event_result result = {.action = event->x, .refused = true, .error = ERR_FENCED};
        sim_desk_answer(sim, self->place, event->to, &result);
    } else if (event->b == ACTION_AGENT_PROMOTE) {
        agent->asked_by[0] = event->to;
        sim_agent_role_promote(sim, event);
    } else if (event->b == ACTION_AGENT_STOP) {
        sim_agent_order_fence(sim, event->a, 0);
        agent->asked_by[1] = event->to;
        sim_agent_role_stop(sim, event->a, event->x);
    } else {
        sim_agent_order(sim, event);
    }
}

/* A writer's server that ended by itself is news. */
static void sim_agent_look(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const struct mono now = sim_right_now(sim, node);
    if (agent->wrote && self->pg.state == SIM_STOPPED && lease_holder_state(&agent->holder, now) == LEASE_HELD) {
        agent->choice_to = time_add_ms(now, SIM_AGENT_CHOICE_MS);
        agent->report_at = now;
        if (sim_beat_any(sim)) {
            sim_beat_death(sim, node);
        }
    }
    agent->wrote = sim_history_writable(self);
}

static void sim_agent_tick(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const struct sim_event again = {.kind = SIM_AGENT_TICK, .a = node};
    sim_queue_at(sim, sim->now + SIM_AGENT_TICK_US, &again);
    if (self->dead || self->stands_still) {
        return;
    }
    sim_pg_tick(sim, node);
    if (!sim_agent_runs(self)) {
        if (agent->armed && sim->now - agent->beat_us > agent->holder.lease_us && sim_right_fences(sim)) {
            sim_pg_kill(sim, node); /* no sign of life from the agent */
            agent->armed = false;
        }
        return;
    }
    agent->beat_us = sim->now;
    sim_agent_look(sim, node);
    if (lease_holder_state(&agent->holder, sim_right_now(sim, node)) == LEASE_LOST && sim_right_fences(sim)) {
        sim_agent_call_kill(sim, node);
    }
    sim_agent_renew(sim, node);
    if (time_reached(sim_right_now(sim, node), agent->report_at)) {
        sim_agent_report(sim, node);
    }
    sim_agent_role_tick(sim, node);
}

void sim_agent_event(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *self = &sim->nodes[event->a];
    switch (event->kind) {
    case SIM_AGENT_TICK:
        sim_agent_tick(sim, event->a);
        break;
    case SIM_AGENT_ACTION:
        sim_agent_action(sim, event);
        break;
    case SIM_AGENT_LEASE:
        sim_agent_lease_answer(sim, event);
        break;
    case SIM_AGENT_WORD:
        if (sim_agent_runs(self) && self->agent.life == event->d) {
            sim_agent_role_hear(sim, event);
        }
        break;
    case SIM_AGENT_PROMISE:
        sim_agent_promise(sim, event);
        break;
    case SIM_AGENT_PROMISED:
        sim_agent_promised(sim, event);
        break;
    case SIM_AGENT_FENCE:
        sim_agent_fence(sim, event->a);
        break;
    case SIM_PG_DONE:
        if (!self->dead && self->agent.work_id == event->b) {
            if (self->stands_still || self->agent.frozen) {
                sim_queue_at(sim, sim->now + SIM_AGENT_TICK_US, event);
            } else {
                sim_agent_role_done(sim, event);
            }
        }
        break;
    default:
        ASSERT(false);
    }
}
