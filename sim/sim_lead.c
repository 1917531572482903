/* SPDX-License-Identifier: Apache-2.0
 * Several controllers over one store. */
#include "sim/sim_lead.h"

#include "base/assert.h"
#include "base/text.h"
#include "sim/sim_clock.h"
#include "sim/sim_control.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"
#include "sim/sim_say.h"

enum {
    SIM_LEAD_LEASE_US = 2000 * SIM_MS,
    SIM_LEAD_MARGIN_US = 200 * SIM_MS,
    SIM_LEAD_TURN_US = 100 * SIM_MS,
    SIM_LEAD_AGAIN_US = 100 * SIM_MS, /* a supervisor starts the process anew */
    SIM_LEAD_LOST_PPM = 3000,         /* answers of the store that get lost */
};

enum { SIM_LEAD_READ, SIM_LEAD_TAKE, SIM_LEAD_RENEW, SIM_LEAD_GIVE, SIM_LEAD_RECORD };

bool sim_lead_several(const struct sim *sim)
{
    return sim->controls_count > 1;
}

static uint32_t sim_lead_who(const struct sim *sim)
{
    return (uint32_t)(sim->control - sim->controls);
}

static struct mono sim_lead_now(const struct sim *sim)
{
    return sim_clock_mono(&sim->sites[sim->control->site].clock, sim->now);
}

static bool sim_lead_deaf(const struct sim *sim)
{
    return sim->options.sabotage == SIM_SABOTAGE_NO_TERM && sim->control->engine.leading;
}

bool sim_lead_right(struct sim *sim)
{
    return sim_lead_deaf(sim) || !sim_lead_several(sim) ||
           leader_state(&sim->control->leader, sim_lead_now(sim)) == LEADER_LEADING;
}

bool sim_lead_open(const struct sim *sim, uint32_t who)
{
    const uint32_t from = sim->controls[who].site;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        const uint32_t member = sim->controls[i].site;
        reached += sim_net_open(sim, from, member) && sim_net_open(sim, member, from) && !sim->sites[member].dead;
    }
    return !sim_lead_several(sim) || 2 * reached > sim->controls_count;
}

int64_t sim_lead_latency(struct sim *sim)
{
    struct prng *dice = &sim->lead_dice;
    int64_t nearest = INT64_MAX; /* of the others: with it a majority of three is reached */
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        const int64_t delay = sim->net.delay_us[sim->control->site][sim->controls[i].site];
        if (&sim->controls[i] != sim->control && delay < nearest) {
            nearest = delay;
        }
    }
    const int64_t disk =
        sim->store.slow ? prng_between(dice, 100 * SIM_MS, 4000 * SIM_MS) : prng_between(dice, 500, 6 * SIM_MS);
    return disk + 2 * nearest + prng_between(dice, 0, nearest);
}

/* ---- questions to the store ---- */

static void sim_lead_ask(struct sim *sim, uint32_t errand, const struct leader_record *record)
{
    struct sim_event event = {.kind = SIM_LEAD_STORE,
                              .to = sim_lead_who(sim),
                              .a = errand,
                              .b = (uint32_t)(sim_lead_latency(sim) / 2),
                              .d = sim->control->life,
                              .t = sim_lead_now(sim).us};
    if (record != NULL) {
        event.lead = *record;
    }
    sim_queue_at(sim, sim->now + event.b, &event);
}

static void sim_lead_see(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        struct sim_event event = {
            .kind = SIM_LEAD_SEE, .to = i, .d = sim->controls[i].life, .y = sim->store.lead_revision};
        event.lead = sim->store.lead;
        if (sim->controls[i].up && sim_lead_open(sim, i)) {
            sim_queue_at(sim, sim->now + prng_between(&sim->lead_dice, 2 * SIM_MS, 80 * SIM_MS), &event);
        }
    }
}

/* The store works on it: what was sent happens also when its sender has died since. */
static void sim_lead_store(struct sim *sim, const struct sim_event *event)
{
    struct sim_store *store = &sim->store;
    struct sim_event answer = *event;
    answer.kind = SIM_LEAD_ANSWER;
    answer.z = ERR_OK;
    if (!sim_lead_open(sim, event->to)) {
        return;
    }
    if (event->a == SIM_LEAD_READ) {
        answer.lead = store->lead;
        answer.lead.revision = store->lead_revision;
    } else if (event->a != SIM_LEAD_RECORD && store->full) {
        answer.z = ERR_DISK_FULL;
    } else if (event->a != SIM_LEAD_RECORD && event->lead.revision != store->lead_revision) {
        answer.z = ERR_CONFLICT;
    } else if (event->a != SIM_LEAD_RECORD) {
        store->lead = event->lead;
        store->lead_revision = ++store->revision;
        answer.y = store->lead_revision;
        sim_lead_see(sim);
    }
    if (!prng_chance(&sim->lead_dice, SIM_LEAD_LOST_PPM)) {
        sim_queue_at(sim, sim->now + event->b, &answer);
    }
}

/* ---- taking over, giving up ---- */

static void sim_lead_over(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const struct sim_clock *clock = &sim->sites[control->site].clock;
    ASSERT(!sim->store.has_record || durable_valid(&sim->store.record, sizeof sim->store.record));
    engine_lead(&control->engine, sim->store.has_record ? &sim->store.record : NULL, false,
                sim_clock_mono(clock, sim->now), sim_clock_wall(clock, sim->now));
    if (control->view.version > control->engine.durable.view_version) {
        control->engine.durable.view_version = control->view.version;
    }
    control->sequence = sim->store.has_record ? sim->store.record.sequence : 0;
    control->term = control->leader.term;
    sim->leader = sim_lead_who(sim);
    sim_say(sim, "the controller of %s leads, term %llu", sim->model.sites[control->site].name,
            (unsigned long long)control->term);
    const struct event tick = {.kind = EVENT_TICK};
    sim_control_step(sim, &tick);
}

void sim_lead_end(struct sim *sim)
{
    const struct sim_event again = {.kind = SIM_FAULT_END, .to = sim_lead_who(sim), .a = LIMITS_NONE};
    sim_say(sim, "the controller of %s begins anew", sim->model.sites[sim->control->site].name);
    sim->control->up = false;
    sim->control->life++;
    sim_queue_at(sim, sim->now + SIM_LEAD_AGAIN_US, &again);
}

static void sim_lead_yield(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const uint32_t rank = engine_rank(&control->engine, control->site);
    if (rank == 0 || engine_busy(&control->engine) || control->batches_count > 0) {
        return;
    }
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        if (engine_rank(&control->engine, sim->controls[i].site) < rank &&
            leader_peer_steady(&control->peers[i], sim_lead_now(sim))) {
            struct leader_record record;
            engine_follow(&control->engine);
            leader_yield(&control->leader, sim->model.sites[sim->controls[i].site].name, &record);
            sim_lead_ask(sim, SIM_LEAD_GIVE, &record);
            sim_lead_end(sim);
            return;
        }
    }
}

/* ---- the thread ---- */

/* Signs of life, and the long poll of a follower: from whoever can be reached. */
static void sim_lead_peers(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const uint32_t who = sim_lead_who(sim);
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        const struct sim_control *other = &sim->controls[i];
        if (i == who || !other->up || sim->now < other->frozen_until) {
            continue;
        }
        if (sim_lead_open(sim, i) && sim_lead_open(sim, who)) {
            leader_peer_heard(&control->peers[i], other->boots, sim_lead_now(sim));
        }
        if (!control->engine.leading && other->view.version > control->view.version &&
            sim_net_open(sim, other->site, control->site) && sim_net_open(sim, control->site, other->site)) {
            control->view = other->view;
        }
    }
}

static void sim_lead_do(struct sim *sim)
{
    struct sim_control *control = sim->control;
    struct leader_record record;
    const enum leader_state state = leader_state(&control->leader, sim_lead_now(sim));
    leader_rank(&control->leader, engine_rank(&control->engine, control->site));
    if (sim_lead_deaf(sim)) {
        return;
    }
    if (state == LEADER_ENDED) {
        sim_lead_end(sim);
        return;
    }
    if (state == LEADER_LAPSED && control->engine.leading) {
        sim_say(sim, "the controller of %s does not lead any more", sim->model.sites[control->site].name);
        engine_follow(&control->engine);
    }
    if (!control->leader.seen || state == LEADER_LAPSED) {
        sim_lead_ask(sim, SIM_LEAD_READ, NULL);
    }
    const enum leader_want want = leader_want(&control->leader, sim_lead_now(sim), &record);
    if (want != LEADER_WAIT) {
        sim_lead_ask(sim, want == LEADER_TAKE ? SIM_LEAD_TAKE : SIM_LEAD_RENEW, &record);
    }
    if (state == LEADER_LEADING && !control->engine.leading && sim->now >= control->reading_until) {
        control->reading_until = sim->now + SIM_S;
        sim_lead_ask(sim, SIM_LEAD_RECORD, NULL);
    } else if (state == LEADER_LEADING && control->engine.leading) {
        sim_lead_yield(sim);
    }
}

static void sim_lead_tick(struct sim *sim, const struct sim_event *event)
{
    sim_lead_peers(sim);
    sim_lead_do(sim);
    if (sim->control->up) {
        sim_queue_at(sim, sim->now + SIM_LEAD_TURN_US, event);
    }
}

static void sim_lead_answer(struct sim *sim, const struct sim_event *event)
{
    struct sim_control *control = sim->control;
    const struct mono now = sim_lead_now(sim);
    const struct mono sent = {event->t};
    if (event->a == SIM_LEAD_READ) {
        leader_saw(&control->leader, &event->lead, now);
    } else if (event->a == SIM_LEAD_RECORD) {
        if (sim_lead_right(sim) && !control->engine.leading) {
            sim_lead_over(sim);
        }
    } else if (event->z == ERR_CONFLICT && event->a != SIM_LEAD_GIVE) {
        leader_refused(&control->leader);
    } else if (event->z == ERR_OK && event->a == SIM_LEAD_TAKE) {
        (void)leader_taken(&control->leader, &event->lead, event->y, sent, now);
    } else if (event->z == ERR_OK && event->a == SIM_LEAD_RENEW) {
        (void)leader_renewed(&control->leader, &event->lead, event->y, sent, now);
    }
}

void sim_lead_event(struct sim *sim, const struct sim_event *event)
{
    if (event->kind == SIM_LEAD_STORE) {
        sim_lead_store(sim, event);
        return;
    }
    if (event->d != sim->control->life) {
        return;
    }
    if (event->kind == SIM_LEAD_TICK) {
        sim_lead_tick(sim, event);
    } else if (event->kind == SIM_LEAD_ANSWER) {
        sim_lead_answer(sim, event);
    } else {
        struct leader_record record = event->lead;
        ASSERT(event->kind == SIM_LEAD_SEE);
        record.revision = event->y;
        leader_saw(&sim->control->leader, &record, sim_lead_now(sim));
    }
}

/* ---- for the others ---- */

void sim_lead_start(struct sim *sim)
{
    struct sim_control *control = sim->control;
    struct leader_id self = {.boot = ++control->boots, .machine = control->site + 1};
    text_copy(self.site, sizeof self.site, sim->model.sites[control->site].name);
    leader_init(&control->leader, &self, SIM_LEAD_LEASE_US, SIM_LEAD_MARGIN_US);
    engine_follow(&control->engine);
    control->reading_until = 0;
    control->settling = false;
    control->frozen_until = 0;
    for (uint32_t i = 0; i < SIM_CONTROLS; i++) {
        control->peers[i] = (struct leader_peer){.any = false};
    }
    const struct sim_event event = {.kind = SIM_LEAD_TICK, .to = sim_lead_who(sim), .d = control->life};
    sim_queue_at(sim, sim->now + SIM_MS, &event);
}

void sim_lead_tell(struct sim *sim, const struct event_lease *lease)
{
    for (uint32_t i = 0; i < sim->controls_count && sim_lead_several(sim); i++) {
        struct sim_event event = {.kind = SIM_CONTROL_EVENT, .to = i, .d = sim->controls[i].life};
        event.event.kind = EVENT_LEASE;
        event.event.lease = *lease;
        if (&sim->controls[i] != sim->control && sim->controls[i].up && sim_lead_open(sim, i)) {
            sim_queue_at(sim, sim->now + prng_between(&sim->lead_dice, 2 * SIM_MS, 80 * SIM_MS), &event);
        }
    }
}

bool sim_lead_find(struct sim *sim)
{
    for (uint32_t i = 0; i < sim->controls_count; i++) {
        sim->control = &sim->controls[i];
        if (sim->control->up && sim->control->engine.leading && sim->now >= sim->control->frozen_until &&
            sim_lead_right(sim)) {
            return true;
        }
    }
    sim->control = &sim->controls[sim->leader];
    return false;
}
