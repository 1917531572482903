/* SPDX-License-Identifier: Apache-2.0
 * The controller around the real engine. */
#include "sim/sim_control.h"

#include <string.h>

#include "base/assert.h"
#include "sim/sim_act.h"
#include "sim/sim_check.h"
#include "sim/sim_check_cache.h"
#include "sim/sim_clock.h"
#include "sim/sim_desk.h"
#include "sim/sim_fault.h"
#include "sim/sim_lead.h"
#include "sim/sim_net.h"
#include "sim/sim_probe.h"
#include "sim/sim_queue.h"
#include "sim/sim_reader.h"
#include "sim/sim_say.h"
#include "sim/sim_store.h"

enum {
    SIM_CONTROL_RETRY_US = 500 * SIM_MS,
    SIM_CONTROL_CRASH_PPM = 3000,  /* between two actions, while faults are on */
    SIM_CONTROL_FREEZE_PPM = 2000, /* of several, likewise: the process stands still */
    SIM_CONTROL_LATE_PPM = 10000,  /* of several: a worker is held up after it asked whether it may act */
    SIM_CONTROL_LOST_PPM = 5000,   /* of several: answers of the store that get lost */
    SIM_PROBE_ERRORS_PPM = 250000,
    SIM_PROBE_CALM_PPM = 500,
};

static uint32_t sim_control_who(const struct sim *sim)
{
    return (uint32_t)(sim->control - sim->controls);
}

static void sim_control_alarm(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const int64_t at = sim_clock_true(&sim->sites[control->site].clock, engine_deadline(&control->engine));
    if (control->tick_at > sim->now && control->tick_at <= at) {
        return; /* an earlier look is planned already */
    }
    control->tick_at = at > sim->now ? at : sim->now + 1;
    const struct sim_event event = {.kind = SIM_CONTROL_TICK, .to = sim_control_who(sim), .d = control->life};
    sim_queue_at(sim, control->tick_at, &event);
}

void sim_control_start(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const struct sim_clock *clock = &sim->sites[control->site].clock;
    if (control->up ||
        (sim_lead_several(sim) && (sim->sites[control->site].dead || !sim_net_alive(sim, control->site)))) {
        return;
    }
    if (sim->options.sabotage == SIM_SABOTAGE_OLD_VIEW && sim->store.has_record) {
        sim->store.record.view_version = 0;
        durable_seal(&sim->store.record);
    }
    ASSERT(!sim->store.has_record || durable_valid(&sim->store.record, sizeof sim->store.record));
    control->up = true;
    control->life++;
    control->busy = false;
    control->batches_first = 0;
    control->batches_count = 0;
    control->committing = 0;
    control->tick_at = 0;
    memset(control->pending, 0, sizeof control->pending);
    const bool alone = !sim_lead_several(sim);
    engine_init(&control->engine, &sim->model, alone && sim->store.has_record ? &sim->store.record : NULL,
                sim_clock_mono(clock, sim->now), sim_clock_wall(clock, sim->now));
    /* Data planes may have seen a higher number than the store knows. */
    if (sim->options.sabotage != SIM_SABOTAGE_OLD_VIEW &&
        control->view.version > control->engine.durable.view_version) {
        control->engine.durable.view_version = control->view.version;
    }
    sim_say(sim, alone ? "the controller starts" : "a controller starts");
    if (!alone) {
        sim_lead_start(sim);
    }
    sim_control_alarm(sim);
}

void sim_control_kill(struct sim *sim)
{
    if (sim->control->up) {
        sim_say(sim, "the controller dies");
        sim->control->up = false;
        sim->control->life++;
    }
}

/* ---- the journal ---- */

static struct sim_batch *sim_control_batch(struct sim_control *control, uint32_t i)
{
    return &control->batches[(control->batches_first + i) % SIM_BATCHES];
}

static void sim_control_commit(struct sim *sim)
{
    struct sim_control *control = sim->control;
    if (control->busy || control->batches_count == 0) {
        return;
    }
    control->busy = true;
    control->committing = control->batches_count;
    control->writing_any = false;
    for (uint32_t i = 0; i < control->committing; i++) {
        control->writing_any |= sim_control_batch(control, i)->persist;
    }
    if (control->writing_any) {
        control->writing = control->newest;
    }
    struct sim_event event = {.kind = SIM_CONTROL_COMMIT, .to = sim_control_who(sim), .d = control->life};
    if (sim_lead_several(sim)) {
        event.b = (uint32_t)(sim_lead_latency(sim) / 2);
        sim_queue_at(sim, sim->now + event.b, &event);
        return;
    }
    sim_queue_at(sim, sim->now + sim_store_latency(sim), &event);
}

static void sim_control_publish(struct sim *sim, const struct view *view)
{
    sim_check_view(sim, view);
    sim->control->view = *view;
    sim->view = *view;
    sim_reader_publish(sim, view);
}

static bool sim_control_struck(struct sim *sim)
{
    if (sim->healing || sim->options.script != NULL || sim->options.realistic ||
        !prng_chance(&sim->dice[SIM_DICE_FAULT], SIM_CONTROL_CRASH_PPM)) {
        return false;
    }
    sim_control_kill(sim);
    const struct sim_event event = {.kind = SIM_FAULT_END, .to = sim_control_who(sim), .a = LIMITS_NONE};
    sim_queue_at(sim, sim->now + prng_between(&sim->dice[SIM_DICE_FAULT], SIM_S / 2, 15 * SIM_S), &event);
    return true;
}

/* Of several: the whole process stands still for a while, perhaps for longer than its right. */
static bool sim_control_stood(struct sim *sim)
{
    if (!sim_lead_several(sim) || sim->healing || sim->options.script != NULL || sim->options.realistic ||
        !prng_chance(&sim->lead_dice, SIM_CONTROL_FREEZE_PPM)) {
        return false;
    }
    sim->control->frozen_until = sim->now + prng_between(&sim->lead_dice, 100 * SIM_MS, 10 * SIM_S);
    sim_say(sim, "the controller of %s stands still", sim->model.sites[sim->control->site].name);
    return true;
}

/* Of several: a worker that was held up between its question and its deed does it late, whoever leads by then. */
static bool sim_control_late(struct sim *sim, const struct action *action)
{
    if (!sim_lead_several(sim) || sim->healing || sim->options.script != NULL || sim->options.realistic ||
        !prng_chance(&sim->lead_dice, SIM_CONTROL_LATE_PPM)) {
        return false;
    }
    struct sim_event event = {.kind = SIM_CONTROL_ACT, .to = sim_control_who(sim), .d = sim->control->life};
    event.action = *action;
    sim_queue_at(sim, sim->now + prng_between(&sim->lead_dice, SIM_S / 2, 10 * SIM_S), &event);
    return true;
}

/* Released in order: publish, then act. The controller may die between any two. */
static void sim_control_release(struct sim *sim)
{
    struct sim_control *control = sim->control;
    while (control->committing > 0 && sim_lead_right(sim)) {
        struct sim_batch *batch = sim_control_batch(control, 0);
        if (batch->publish) {
            sim_control_publish(sim, &batch->view);
        }
        for (uint32_t i = 0; i < batch->actions_count; i++) {
            if (sim_control_struck(sim)) {
                return;
            }
            if (!sim_control_late(sim, &batch->actions[i])) {
                sim_act(sim, &batch->actions[i]);
            }
        }
        control->batches_first = (control->batches_first + 1) % SIM_BATCHES;
        control->batches_count--;
        control->committing--;
    }
}

static void sim_control_retry(struct sim *sim)
{
    const struct sim_event event = {.kind = SIM_CONTROL_RETRY, .to = sim_control_who(sim), .d = sim->control->life};
    sim_queue_at(sim, sim->now + SIM_CONTROL_RETRY_US, &event);
}

/* Of several: the store works on the commit. It checks the term and the record that it replaces. */
static void sim_control_commit_among(struct sim *sim, const struct sim_event *event)
{
    struct sim_control *control = sim->control;
    struct sim_store *store = &sim->store;
    struct sim_event answer = *event;
    if (!sim_lead_open(sim, event->to) || (store->full && control->writing_any)) {
        sim_control_retry(sim);
        return;
    }
    const bool checked = sim->options.sabotage != SIM_SABOTAGE_NO_TERM;
    if (checked &&
        (control->term != store->lead.term || (store->has_record ? store->record.sequence : 0) != control->sequence)) {
        sim_say(sim, "the store refuses a commit of %s", sim->model.sites[control->site].name);
        sim_lead_end(sim);
        return;
    }
    if (control->writing_any) {
        store->record = control->writing;
        store->has_record = true;
        store->revision++;
    }
    answer.kind = SIM_CONTROL_ANSWER;
    sim_queue_at(sim, sim->now + event->b, &answer);
}

/* Its word arrives, or does not: then the record is looked up (journal_settled). */
static void sim_control_answered_among(struct sim *sim, const struct sim_event *event)
{
    struct sim_control *control = sim->control;
    const bool lost = !control->settling && prng_chance(&sim->lead_dice, SIM_CONTROL_LOST_PPM);
    if (lost || !sim_lead_open(sim, event->to)) {
        control->settling = true;
        const struct sim_event again = {.kind = SIM_CONTROL_ANSWER, .to = event->to, .d = control->life};
        sim_queue_at(sim, sim->now + SIM_CONTROL_RETRY_US, &again);
        return;
    }
    if (control->settling && control->writing_any &&
        (sim->store.record.sequence != control->writing.sequence ||
         sim->store.record.checksum != control->writing.checksum)) {
        sim_lead_end(sim);
        return;
    }
    control->settling = false;
    if (control->writing_any) {
        control->sequence = control->writing.sequence;
    }
    if (!sim_lead_right(sim) || sim_control_struck(sim)) {
        return;
    }
    if (sim_control_stood(sim)) {
        const struct sim_event later = {.kind = SIM_CONTROL_ANSWER, .to = event->to, .d = control->life};
        sim_queue_at(sim, control->frozen_until, &later);
        return;
    }
    control->busy = false;
    sim_control_release(sim);
    if (control->up) {
        sim_control_commit(sim);
    }
}

static void sim_control_committed(struct sim *sim)
{
    struct sim_control *control = sim->control;
    if (sim->store.full && control->writing_any) {
        sim_control_retry(sim);
        return;
    }
    if (control->writing_any) {
        sim->store.record = control->writing;
        sim->store.has_record = true;
        sim->store.revision++;
    }
    if (sim_control_struck(sim)) {
        return;
    }
    control->busy = false;
    sim_control_release(sim);
    if (control->up) {
        sim_control_commit(sim);
    }
}

/* Nobody here reads what people are told. */
static bool sim_control_acts(const struct output *output)
{
    for (uint32_t i = 0; i < output->actions_count; i++) {
        if (output->actions[i].kind != ACTION_NOTIFY) {
            return true;
        }
    }
    return false;
}

/* The epochs of caches, kept back from everybody, for the test of their checker. */
static void sim_control_flatten(const struct sim *sim, struct view *view)
{
    for (uint32_t i = 0; i < view->services_count && sim->options.sabotage == SIM_SABOTAGE_SAME_EPOCH; i++) {
        view->services[i].epoch = view->services[i].epoch > 0;
    }
}

static void sim_control_take(struct sim *sim)
{
    struct sim_control *control = sim->control;
    const struct output *output = &control->output;
    if ((!output->persist && !output->publish && !sim_control_acts(output)) || !sim_lead_right(sim)) {
        return;
    }
    if (output->persist) {
        control->newest = control->engine.durable;
    }
    if (control->batches_count == SIM_BATCHES) {
        struct sim_batch *last = sim_control_batch(control, SIM_BATCHES - 1); /* a full queue: actions are dropped */
        last->persist |= output->persist;
        last->publish |= output->publish;
        last->view = control->engine.view;
        return;
    }
    struct sim_batch *batch = sim_control_batch(control, control->batches_count++);
    batch->persist = output->persist;
    batch->publish = output->publish;
    batch->actions_count = output->actions_count;
    memcpy(batch->actions, output->actions, output->actions_count * sizeof batch->actions[0]);
    if (output->publish) {
        batch->view = control->engine.view;
        sim_control_flatten(sim, &batch->view);
    }
    sim_control_commit(sim);
}

/* The faults that wait for a step of a run: once the store knows that it has begun. */
static void sim_control_meet(struct sim *sim)
{
    const struct durable_run *run = &sim->control->engine.durable.run;
    if (sim->control->engine.leading && run->state == DURABLE_RUN_RUNNING && run->at < run->steps_count &&
        run->steps[run->at].state == DURABLE_STEP_RUNNING && sim->store.record.run.at == run->at) {
        sim->result->begun |= 1U << run->steps[run->at].step;
        sim_fault_meet(sim, run->steps[run->at].step);
    }
}

/* Rules broken inside the engine, for the tests of the checkers. */
static void sim_control_sabotage(struct sim *sim)
{
    struct engine *engine = &sim->control->engine;
    struct durable_run *run = &engine->durable.run;
    if (sim->options.sabotage == SIM_SABOTAGE_NO_WAIT) {
        for (uint32_t database = 0; database < sim->model.databases_count; database++) {
            engine->leases[database].taker.sight.us = 0;
        }
    } else if (sim->options.sabotage == SIM_SABOTAGE_RUN_ORDER && run->state == DURABLE_RUN_RUNNING && run->at == 2) {
        run->steps[run->at + 2].state = DURABLE_STEP_DONE;
    } else if (sim->options.sabotage == SIM_SABOTAGE_OPEN_EARLY) {
        for (uint32_t service = 0; service < sim->model.services_count; service++) {
            engine->durable.caches[service].open = engine->durable.caches[service].known;
        }
    } else if (sim->options.sabotage == SIM_SABOTAGE_TOO_FEW) {
        for (uint32_t database = 0; database < sim->model.databases_count; database++) {
            struct durable_database *state = &engine->durable.databases[database];
            state->required = state->required > 0 ? (uint32_t)__builtin_popcount(state->members) : 0;
        }
    }
}

void sim_control_step(struct sim *sim, const struct event *event)
{
    struct sim_control *control = sim->control;
    const struct sim_clock *clock = &sim->sites[control->site].clock;
    if (!sim_desk_up(sim)) {
        return;
    }
    struct event timed = *event;
    timed.at = sim_clock_mono(clock, sim->now);
    timed.wall = sim_clock_wall(clock, sim->now);
    sim_control_sabotage(sim);
    engine_step(&control->engine, &timed, &control->output);
    sim->result->steps++;
    for (uint32_t i = 0; i < control->output.traces_count; i++) {
        sim_say_trace(sim, &control->output.traces[i]);
        sim_check_cache_trace(sim, &control->output.traces[i]);
    }
    if (control->engine.leading && sim_lead_right(sim)) {
        sim_check_engine(sim);
    }
    sim_control_take(sim);
    sim_control_meet(sim);
    if (control->up) {
        sim_control_alarm(sim);
    }
}

/* ---- what arrives ---- */

static void sim_control_report(struct sim *sim, const struct sim_event *event)
{
    const struct view *view = &sim->control->view;
    const uint32_t database = sim->model.nodes[event->a].database;
    struct sim_event word = {.kind = SIM_AGENT_WORD, .a = event->a, .b = LIMITS_NONE, .d = event->d};
    if (database < view->databases_count) {
        word.b = view->databases[database].writer;
        word.x = view->databases[database].epoch;
        word.c = view->nodes[event->a].upstream;
        word.y = view->nodes[event->a].order;
        word.z = view->nodes[event->a].leads;
    }
    sim_control_step(sim, &event->event);
    (void)sim_net_send(sim, sim->control->site, sim->nodes[event->a].place, &word);
}

static void sim_control_lease(struct sim *sim, const struct sim_event *event)
{
    const uint32_t database = sim->model.nodes[event->a].database;
    const enum err error = sim_store_lease(sim, (enum sim_store_ask)event->b, database, event->a, event->x);
    const struct sim_lease *lease = &sim->store.leases[database];
    struct sim_event answer = {.kind = SIM_AGENT_LEASE,
                               .a = event->a,
                               .b = event->b,
                               .c = event->c,
                               .d = event->d,
                               .x = event->x,
                               .y = lease->revision,
                               .z = error};
    answer.event.kind = EVENT_LEASE;
    answer.event.lease = (struct event_lease){.database = database,
                                              .state = lease->state,
                                              .holder = lease->state == EVENT_LEASE_NONE ? LIMITS_NONE : lease->holder,
                                              .epoch = lease->epoch,
                                              .revision = lease->revision,
                                              .candidate = lease->candidate};
    (void)sim_net_send(sim, sim->control->site, sim->nodes[event->a].place, &answer);
    if (error == ERR_OK) {
        sim_lead_tell(sim, &answer.event.lease);
        sim_control_step(sim, &answer.event);
    }
}

/* A round of probes arrived. */
static void sim_control_probes(struct sim *sim, const struct sim_event *event)
{
    const uint32_t site = event->a;
    const uint32_t first = event->b;
    for (uint32_t probe = first; probe < sim->model.probes_count && probe < first + SIM_PROBE_LIMIT; probe++) {
        if ((event->y >> (probe - first) & 1) == 0) {
            continue;
        }
        const struct model_check *check = &sim->model.checks[sim->model.probes[probe].check];
        const uint32_t region = sim->model.probes[probe].region;
        const bool good = (event->x >> (probe - first) & 1) != 0;
        const bool silent = event->z != 0;
        const bool figure = check->figure == MODEL_FIGURE_ERROR_RATE;
        struct event observation = {.kind = EVENT_OBSERVATION};
        observation.observation = (struct event_observation){
            .site = site,
            .probe = probe,
            .ok = good,
            .error = good                                      ? ERR_OK
                     : silent                                  ? ERR_TIMEOUT
                     : check->component == MODEL_COMPONENT_APP ? ERR_STATUS
                                                               : ERR_REFUSED,
            .latency_us = 2000,
            .age_ms = (uint32_t)((sim->now - event->t) / SIM_MS),
            .has_value = figure && !silent,
            .value = sim->regions[region].errors > 0 ? SIM_PROBE_ERRORS_PPM : SIM_PROBE_CALM_PPM,
            .has_requests = figure && !silent,
            .requests = event->counts[region],
        };
        sim_control_step(sim, &observation);
    }
}

static void sim_control_ours(struct sim *sim, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_CONTROL_TICK: {
        const struct event tick = {.kind = EVENT_TICK};
        if (event->d == sim->control->life && sim->now == sim->control->tick_at) {
            sim_control_step(sim, &tick);
        }
        break;
    }
    case SIM_CONTROL_EVENT:
        if (sim_lead_several(sim) && event->event.kind == EVENT_LEASE && event->d != sim->control->life) {
            break;
        }
        if (event->event.kind == EVENT_RESULT &&
            (event->d != sim->control->life || !sim_desk_answered(sim, event->event.result.action))) {
            break;
        }
        sim_control_step(sim, &event->event);
        break;
    case SIM_CONTROL_COMMIT:
    case SIM_CONTROL_RETRY:
        if (event->d != sim->control->life) {
            break;
        }
        if (sim_lead_several(sim)) {
            sim_control_commit_among(sim, event);
        } else {
            sim_control_committed(sim);
        }
        break;
    case SIM_CONTROL_ANSWER:
        if (event->d == sim->control->life) {
            sim_control_answered_among(sim, event);
        }
        break;
    case SIM_CONTROL_ACT:
        if (event->d == sim->control->life) {
            sim_act(sim, &event->action);
        }
        break;
    default:
        ASSERT(false);
    }
}

/* What arrives at a process that stands still waits in its sockets. */
static bool sim_control_waits(struct sim *sim, const struct sim_event *event)
{
    struct sim_control *control = sim->control;
    if (sim->now >= control->frozen_until) {
        return false;
    }
    if (event->kind == SIM_CONTROL_TICK) {
        control->tick_at = control->frozen_until;
    }
    sim_queue_at(sim, control->frozen_until, event);
    return true;
}

static void sim_control_one(struct sim *sim, const struct sim_event *event)
{
    struct sim_event later = *event;
    switch (event->kind) {
    case SIM_CONTROL_REPORT:
        sim_control_report(sim, event);
        break;
    case SIM_CONTROL_PROBES:
        sim_control_probes(sim, event);
        break;
    case SIM_CONTROL_LEASE:
        later.kind = SIM_STORE_LEASE;
        sim_queue_at(sim, sim->now + (sim_lead_several(sim) ? sim_lead_latency(sim) : sim_store_latency(sim)), &later);
        break;
    case SIM_STORE_LEASE:
        if (sim_lead_open(sim, event->to)) {
            sim_control_lease(sim, event);
        }
        break;
    case SIM_LEAD_TICK:
    case SIM_LEAD_STORE:
    case SIM_LEAD_ANSWER:
    case SIM_LEAD_SEE:
        sim_lead_event(sim, event);
        break;
    default:
        sim_control_ours(sim, event);
        break;
    }
}

void sim_control_event(struct sim *sim, const struct sim_event *event)
{
    sim->control = &sim->controls[event->to];
    const bool store = event->kind == SIM_LEAD_STORE; /* has left the process already */
    if (store || (sim_desk_up(sim) && !sim_control_waits(sim, event))) {
        sim_control_one(sim, event);
    }
    sim->control = &sim->controls[sim->leader];
}
