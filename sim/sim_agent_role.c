/* SPDX-License-Identifier: Apache-2.0
 * Becoming the writer, following one, and the keeper. */
#include "sim/sim_agent_role.h"

#include "base/assert.h"
#include "sim/sim_agent_call.h"
#include "sim/sim_check.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_lead.h"
#include "sim/sim_net.h"
#include "sim/sim_pg.h"
#include "sim/sim_queue.h"
#include "sim/sim_right.h"
#include "sim/sim_say.h"
#include "sim/sim_store.h"

enum {
    SIM_ROLE_PROMOTE_MS = 30000,
    SIM_ROLE_DOUBT_MS = 3000, /* not streaming for this long: is it able to follow at all? */
    SIM_ROLE_ASK_MS = 500,
    SIM_ROLE_SPARE_US = 200 * SIM_MS,
    SIM_ROLE_REPLAY_US = 50, /* per byte that is not replayed yet */
};

static struct sim_agent *sim_agent_role_of(struct sim *sim, uint32_t node)
{
    return &sim->nodes[node].agent;
}

static void sim_agent_role_save(struct sim_agent *agent)
{
    agent->record.epoch = agent->promise.epoch;
    agent->record.ordered = agent->promise.ordered;
}

static void sim_agent_role_begin(struct sim *sim, uint32_t node, enum sim_work work, int64_t duration_us)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    agent->work = work;
    agent->work_id++;
    if (duration_us >= 0) {
        const struct sim_event event = {.kind = SIM_PG_DONE, .a = node, .b = agent->work_id};
        sim_queue_at(sim, sim->now + duration_us, &event);
    }
}

static void sim_agent_role_end(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    agent->work = SIM_WORK_NONE;
    agent->work_id++;
}

/* ---- promotion ---- */

/* As the agent does it: it says no for good only when it certainly never had the right, in no earlier life either,
 * which the store knows; else the outcome is unknown. Who founds the cluster was ordered by nobody: it begins again. */
static void sim_agent_role_refuse(struct sim *sim, uint32_t node, uint64_t epoch)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    const struct sim_lease *lease = &sim->store.leases[sim->model.nodes[node].database];
    const uint32_t place = sim->nodes[node].place;
    bool told = false;
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        const uint32_t site = sim->controls[i].site;
        told |= sim->controls[i].up && sim_lead_open(sim, i) && !sim->sites[site].dead && sim_net_alive(sim, site) &&
                sim_net_open(sim, place, site) && sim_net_open(sim, site, place);
    }
    const bool never = told && lease->epoch < epoch && !sim_right_holds(sim, node, epoch);
    const bool ordered = agent->asked[0] != 0;
    if (never && ordered && epoch > agent->record.refused) {
        agent->record.refused = epoch;
    }
    sim_agent_role_end(sim, node);
    sim_agent_call_answer(sim, node, 0, false, never, never ? ERR_CONFLICT : ERR_TIMEOUT);
}

/* The lease is held: the server becomes the writer. The fence is armed first. */
static void sim_agent_role_promote_server(struct sim *sim, uint32_t node, uint64_t epoch)
{
    struct sim_node *self = &sim->nodes[node];
    struct prng *dice = &sim->dice[SIM_DICE_DISK];
    self->agent.armed = true;
    sim_agent_call_arm(sim, node);
    int64_t took =
        self->slow_promote ? prng_between(dice, 5 * SIM_S, 25 * SIM_S) : prng_between(dice, 40 * SIM_MS, 400 * SIM_MS);
    took += self->pg.state == SIM_RUNNING ? 0 : prng_between(dice, 300 * SIM_MS, 2 * SIM_S);
    took += (int64_t)(self->pg.flushed - self->pg.replayed) * SIM_ROLE_REPLAY_US;
    self->agent.work_epoch = epoch;
    if (sim->options.sabotage == SIM_SABOTAGE_NO_PROMOTE) {
        took = INT64_MAX / 4;
    }
    sim_agent_role_begin(sim, node, SIM_WORK_PROMOTE, took);
}

static void sim_agent_role_promote_begin(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const uint64_t epoch = agent->promise.ordered;
    agent->work_epoch = epoch;
    if (sim_right_holds(sim, node, epoch)) {
        sim_agent_role_promote_server(sim, node, epoch);
    } else if (self->refuses || self->broken || !self->pg.has_data) {
        sim_agent_role_refuse(sim, node, epoch);
    } else {
        sim_agent_role_begin(sim, node, SIM_WORK_PROMISES, -1);
    }
}

bool sim_agent_role_require(struct sim_record *record, const struct sim_event *order)
{
    if (order->z == 0 || order->y < record->sync_epoch ||
        (order->y == record->sync_epoch && order->z < record->sync_order)) {
        return false;
    }
    record->sync_epoch = order->y;
    record->sync_order = order->z;
    record->sync_mask = order->c;
    record->sync_required = order->d;
    return true;
}

void sim_agent_role_promote(struct sim *sim, const struct sim_event *order)
{
    const uint32_t node = order->a;
    const uint64_t epoch = order->y;
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    agent->asked[0] = order->x;
    if (epoch <= agent->record.refused || epoch <= agent->record.halted ||
        !lease_promise_order(&agent->promise, epoch)) {
        sim_agent_call_answer(sim, node, 0, false, true, ERR_FENCED);
        return;
    }
    if (sim_right_holds(sim, node, epoch) && sim_history_writable(&sim->nodes[node]) &&
        agent->record.data_epoch == epoch) {
        sim_agent_call_answer(sim, node, 0, true, false, ERR_OK);
        return;
    }
    (void)sim_agent_role_require(&agent->record, order);
    agent->early = order->t != 0;
    sim_agent_role_save(agent);
    agent->work_until = time_add_ms(sim_right_now(sim, node), SIM_ROLE_PROMOTE_MS);
    if (agent->work == SIM_WORK_NONE) {
        sim_agent_role_promote_begin(sim, node);
    }
}

static void sim_agent_role_take(struct sim *sim, uint32_t node, uint64_t epoch, uint64_t revision)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    const struct mono now = sim_right_now(sim, node);
    if (lease_holder_state(&agent->holder, now) != LEASE_LOST && epoch == agent->promise.epoch) {
        (void)lease_holder_acquired(&agent->holder, epoch, revision, agent->call_sent, now);
    }
}

void sim_agent_role_answer(struct sim *sim, const struct sim_event *event)
{
    const uint32_t node = event->a;
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    const enum err error = (enum err)event->z;
    const struct event_lease *lease = &event->event.lease;
    if (event->b == SIM_STORE_GET && error == ERR_OK && agent->work == SIM_WORK_NONE) {
        const bool first = lease->state == EVENT_LEASE_NONE && agent->promise.epoch <= 1 && agent->record.halted == 0 &&
                           agent->record.role != SIM_ROLE_STANDBY &&
                           sim->model.databases[sim->model.nodes[node].database].initial_writer == node;
        const bool ours = lease->state == EVENT_LEASE_HELD && lease->holder == node &&
                          lease->epoch > agent->record.halted && lease->epoch > agent->record.refused &&
                          lease->epoch == agent->promise.ordered && lease->epoch == agent->promise.epoch;
        if (ours) {
            sim_agent_call_store(sim, node, SIM_STORE_RENEW, lease->epoch);
        } else if (first && lease_promise_order(&agent->promise, 1)) {
            sim_agent_role_save(agent);
            agent->work_epoch = 1;
            agent->early = false;
            agent->work_until = time_add_ms(sim_right_now(sim, node), SIM_ROLE_PROMOTE_MS);
            sim_agent_role_begin(sim, node, SIM_WORK_PROMISES, -1);
        }
    } else if (event->b == SIM_STORE_RENEW && error == ERR_OK) {
        sim_agent_role_take(sim, node, event->x, event->y);
    } else if (event->b == SIM_STORE_ACQUIRE && agent->work == SIM_WORK_ACQUIRE) {
        if (error == ERR_OK) {
            sim_agent_role_take(sim, node, event->x, event->y);
        }
        if (sim_right_holds(sim, node, agent->work_epoch)) {
            sim_agent_role_end(sim, node);
            if (agent->record.role != SIM_ROLE_NONE) {
                sim_agent_role_promote_server(sim, node, agent->work_epoch);
            }
        } else if (error == ERR_CONFLICT) {
            sim_agent_role_refuse(sim, node, agent->work_epoch);
        }
    }
}

/* ---- what is over ---- */

static void sim_agent_role_writes(struct sim *sim, uint32_t node, bool in_place)
{
    struct sim_node *self = &sim->nodes[node];
    const uint64_t epoch = self->agent.holder.epoch;
    self->agent.record.role = SIM_ROLE_WRITER;
    self->agent.record.data_epoch = epoch;
    self->agent.fenced = false;
    self->pg.has_data = true;
    self->pg.sync_mask = self->agent.record.sync_mask;
    self->pg.sync_required = self->agent.record.sync_required;
    sim_say(sim, "    %s accepts writes under epoch %llu", sim->model.nodes[node].name, (unsigned long long)epoch);
    sim_pg_promoted(sim, node, epoch, in_place);
}

/* Whom its server is to stream from. */
static uint32_t sim_agent_role_source(const struct sim_agent *agent)
{
    return agent->record.order != 0 && agent->record.from != LIMITS_NONE ? agent->record.from : agent->writer;
}

static void sim_agent_role_follows(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    self->agent.record.role = SIM_ROLE_STANDBY;
    self->pg.state = SIM_RUNNING;
    self->pg.recovery = true;
    self->pg.receiving = false;
    self->pg.replayed = self->pg.flushed;
    self->pg.upstream = sim_agent_role_source(&self->agent);
    sim_check_ring(sim, node);
    self->agent.fenced = false;
    self->agent.doubt_at = sim_right_now(sim, node);
}

/* Copies the writer as it is now. */
static void sim_agent_role_cloned(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    const uint32_t writer = self->agent.writer;
    if (writer == LIMITS_NONE || !sim_history_writable(&sim->nodes[writer]) ||
        !sim_net_open(sim, self->place, sim->nodes[writer].place) ||
        !sim_net_open(sim, sim->nodes[writer].place, self->place)) {
        return;
    }
    self->pg.branch = sim->nodes[writer].pg.branch;
    self->pg.timeline = sim->nodes[writer].pg.timeline;
    self->pg.flushed = sim->nodes[writer].pg.flushed;
    self->pg.has_data = true;
    self->pg.clean = true;
    self->agent.record.role = SIM_ROLE_STANDBY;
    self->agent.record.data_epoch = self->agent.writer_epoch;
    sim_say(sim, "    %s is a fresh copy of %s", sim->model.nodes[node].name, sim->model.nodes[writer].name);
    sim_agent_role_follows(sim, node);
}

static void sim_agent_role_stopped(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    const bool running = sim->nodes[node].pg.state == SIM_RUNNING;
    if (running) {
        sim_pg_shutdown(sim, node);
    }
    agent->armed = false;
    lease_holder_lose(&agent->holder);
    lease_holder_release(&agent->holder);
    agent->calling = false;
    agent->round = false;
    const bool clean = sim->nodes[node].pg.clean;
    sim_agent_call_answer(sim, node, 1, clean, false, clean ? ERR_OK : ERR_CONTENT);
}

void sim_agent_role_done(struct sim *sim, const struct sim_event *event)
{
    const uint32_t node = event->a;
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const enum sim_work work = agent->work;
    sim_agent_role_end(sim, node);
    if (work == SIM_WORK_STOP) {
        sim_agent_role_stopped(sim, node);
        return;
    }
    if (work == SIM_WORK_CLONE) {
        sim_agent_role_cloned(sim, node);
        return;
    }
    if (self->broken) {
        agent->armed = false;
        sim_agent_call_answer(sim, node, 0, false, false, ERR_EXIT_STATUS);
    } else if (work == SIM_WORK_START_STANDBY) {
        sim_agent_role_follows(sim, node);
    } else if (work == SIM_WORK_PROMOTE || work == SIM_WORK_START_WRITER) {
        if (sim_right_holds(sim, node, agent->work_epoch) && agent->armed) {
            sim_agent_role_writes(sim, node, work == SIM_WORK_START_WRITER);
            sim_agent_call_answer(sim, node, 0, true, false, ERR_OK);
        } else {
            sim_agent_call_answer(sim, node, 0, false, false, ERR_CANCELLED);
        }
    }
}

void sim_agent_role_stop(struct sim *sim, uint32_t node, uint64_t action)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    agent->asked[1] = action;
    if (agent->work != SIM_WORK_STOP) {
        sim_agent_role_begin(sim, node, SIM_WORK_STOP,
                             prng_between(&sim->dice[SIM_DICE_DISK], 50 * SIM_MS, 800 * SIM_MS));
    }
}

/* ---- the keeper ---- */

static void sim_agent_role_keep_held(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const uint64_t epoch = agent->holder.epoch;
    const bool stopped = self->pg.state == SIM_STOPPED;
    const bool own = (agent->record.role == SIM_ROLE_WRITER && agent->record.data_epoch == epoch) ||
                     (agent->record.role == SIM_ROLE_NONE && epoch == 1);
    agent->work_epoch = epoch;
    if (stopped && own) {
        if (!time_reached(sim_right_now(sim, node), agent->choice_to)) {
            return;
        }
        const struct mono fence_at = lease_holder_fence_at(&agent->holder);
        if (time_since_us(fence_at, sim_right_now(sim, node)) < SIM_ROLE_SPARE_US) {
            return;
        }
        agent->armed = true;
        sim_agent_call_arm(sim, node);
        sim_agent_role_begin(sim, node, SIM_WORK_START_WRITER,
                             prng_between(&sim->dice[SIM_DICE_DISK], 300 * SIM_MS, 3 * SIM_S));
    } else if (stopped || self->pg.recovery) {
        sim_agent_role_promote_server(sim, node, epoch);
    }
}

static void sim_agent_role_clone(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    if (agent->writer == LIMITS_NONE || !sim_history_writable(&sim->nodes[agent->writer]) ||
        !sim_net_open(sim, sim->nodes[node].place, sim->nodes[agent->writer].place)) {
        return;
    }
    sim_pg_kill(sim, node);
    sim_agent_role_begin(sim, node, SIM_WORK_CLONE, prng_between(&sim->dice[SIM_DICE_DISK], 2 * SIM_S, 12 * SIM_S));
}

static bool sim_agent_role_able(const struct sim *sim, uint32_t node, uint32_t writer)
{
    const struct sim_pg *own = &sim->nodes[node].pg;
    const struct sim_pg *other = &sim->nodes[writer].pg;
    return sim_history_within(sim, own->branch, own->flushed, other->branch, other->flushed);
}

static void sim_agent_role_keep_stopped(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const struct mono now = sim_right_now(sim, node);
    const bool follow = agent->writer != LIMITS_NONE && agent->writer_epoch >= agent->promise.epoch &&
                        agent->writer_epoch > agent->record.halted;
    if (!follow) {
        if (!agent->calling && time_reached(now, agent->ask_at)) {
            agent->ask_at = time_add_ms(now, SIM_ROLE_ASK_MS);
            sim_agent_call_store(sim, node, SIM_STORE_GET, 0);
        }
        return;
    }
    const bool standby = agent->record.role == SIM_ROLE_STANDBY;
    const struct sim_node *writer = &sim->nodes[agent->writer];
    const bool asked = sim_history_writable(writer) && sim_net_open(sim, self->place, writer->place) &&
                       sim_net_open(sim, writer->place, self->place);
    const bool unclean = !standby && !self->pg.clean;
    if (!self->pg.has_data || unclean || (asked && !sim_agent_role_able(sim, node, agent->writer))) {
        sim_agent_role_clone(sim, node);
    } else if (asked || standby) {
        sim_agent_role_begin(sim, node, SIM_WORK_START_STANDBY,
                             prng_between(&sim->dice[SIM_DICE_DISK], 200 * SIM_MS, 2 * SIM_S));
    }
}

static void sim_agent_role_keep_standby(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const struct mono now = sim_right_now(sim, node);
    const bool wanted = agent->writer != LIMITS_NONE && agent->writer_epoch >= agent->promise.epoch;
    const uint32_t source = sim_agent_role_source(agent);
    if (wanted && self->pg.upstream != source) {
        const uint32_t before = self->pg.upstream;
        if (self->pg.receiving && sim->nodes[before].pg.links[node] == self->pg.link) {
            sim->nodes[before].pg.links[node] = 0;
        }
        self->pg.receiving = false;
        self->pg.upstream = source;
        sim_check_ring(sim, node);
        agent->doubt_at = now;
    } else if (wanted && self->pg.receiving && source != agent->writer &&
               !sim_agent_role_able(sim, node, agent->writer)) {
        sim_agent_role_clone(sim, node); /* it streams what the writer never had */
    } else if (wanted && self->pg.receiving) {
        agent->record.data_epoch = agent->writer_epoch;
        agent->doubt_at = now;
    } else if (wanted && time_since_ms(now, agent->doubt_at) > SIM_ROLE_DOUBT_MS &&
               !sim_agent_role_able(sim, node, agent->writer)) {
        sim_agent_role_clone(sim, node);
    }
}

static void sim_agent_role_work(struct sim *sim, uint32_t node)
{
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    const struct mono now = sim_right_now(sim, node);
    const bool late = time_reached(now, agent->work_until);
    if (agent->work == SIM_WORK_PROMISES) {
        if (lease_promise_free(&agent->promise, now) || agent->early || sim->options.sabotage == SIM_SABOTAGE_NO_WAIT) {
            sim_agent_role_begin(sim, node, SIM_WORK_ACQUIRE, -1);
        } else if (late) {
            sim_agent_role_refuse(sim, node, agent->work_epoch);
        }
    }
    if (agent->work == SIM_WORK_ACQUIRE && !agent->calling) {
        if (late) {
            sim_agent_role_refuse(sim, node, agent->work_epoch);
        } else {
            sim_agent_call_store(sim, node, SIM_STORE_ACQUIRE, agent->work_epoch);
        }
    }
}

void sim_agent_role_tick(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_agent *agent = &self->agent;
    const bool held = lease_holder_state(&agent->holder, sim_right_now(sim, node)) == LEASE_HELD;
    if (agent->work != SIM_WORK_NONE) {
        sim_agent_role_work(sim, node);
    } else if (agent->asked[0] != 0) {
        sim_agent_role_promote_begin(sim, node);
    } else if (held) {
        sim_agent_role_keep_held(sim, node);
    } else if (sim_history_writable(self) && sim_right_fences(sim)) {
        sim_agent_call_kill(sim, node); /* it accepts writes without a lease */
    } else if (self->pg.state == SIM_STOPPED && !self->broken) {
        sim_agent_role_keep_stopped(sim, node);
    } else if (self->pg.state == SIM_RUNNING && self->pg.recovery) {
        sim_agent_role_keep_standby(sim, node);
    }
}

void sim_agent_role_hear(struct sim *sim, const struct sim_event *word)
{
    const uint32_t node = word->a;
    const uint32_t writer = word->b;
    const uint64_t epoch = word->x;
    struct sim_agent *agent = sim_agent_role_of(sim, node);
    if (writer == LIMITS_NONE || epoch == 0 || epoch < agent->promise.epoch) {
        return;
    }
    agent->leads = word->z != 0;
    if (word->y > agent->record.order) {
        agent->record.order = word->y;
        agent->record.from = word->c;
    }
    if (writer == node) {
        agent->writer = LIMITS_NONE;
        return;
    }
    agent->writer = writer;
    agent->writer_epoch = epoch;
    lease_promise_learn(&agent->promise, epoch);
    sim_agent_role_save(agent);
}
