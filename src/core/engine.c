/* SPDX-License-Identifier: Apache-2.0
 * The engine: takes an event, lets every duty look, and leaves persist, view and actions in the output. */
#include "core/engine.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/cache.h"
#include "core/cache_move.h"
#include "core/candidate.h"
#include "core/cap.h"
#include "core/durability.h"
#include "core/engine_adopt.h"
#include "core/engine_view.h"
#include "core/judge.h"
#include "core/ledger.h"
#include "core/node_order.h"
#include "core/run.h"
#include "core/silence.h"
#include "core/task.h"
#include "core/ttl.h"
#include "core/upstream.h"

enum {
    ENGINE_NODE_SILENT_MS = 1500, /* agents report each 250 ms: six in a row are missing */
    ENGINE_TICK_MS = 100,
    ENGINE_BALANCE_MS = 5000, /* load balancers are told their weights again: one may have been restarted */
};

const struct view *engine_view(const struct engine *engine)
{
    return &engine->view;
}

static void engine_lease_init(struct engine *engine)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct model_database *model = &engine->model.databases[database];
        lease_taker_init(&engine->leases[database].taker, (int64_t)model->lease_ms * TIME_US_PER_MS,
                         (int64_t)model->margin_ms * TIME_US_PER_MS);
        engine->leases[database].holder = LIMITS_NONE;
        engine->leases[database].candidate = LIMITS_NONE;
    }
}

void engine_init(struct engine *engine, const struct model *model, const struct durable *durable, struct mono now,
                 struct wall wall)
{
    memset(engine, 0, sizeof *engine);
    engine->model = *model;
    engine->now = now;
    engine->wall = wall;
    engine->started = now;
    engine->leading = true;
    engine->view_dirty = true;
    silence_init(engine);
    health_init(&engine->health);
    judge_init(engine);
    engine_lease_init(engine);
    if (durable != NULL) {
        engine_adopt_durable(engine, durable);
    } else {
        engine_adopt_first(engine);
    }
}

bool engine_configure(struct engine *engine, const struct model *model)
{
    if (engine_busy(engine)) {
        return false;
    }
    static const struct engine_node silent;
    const struct durable before = engine->durable;
    engine->model = *model;
    health_init(&engine->health);
    for (uint32_t node = 0; node < LIMITS_NODES; node++) {
        engine->nodes[node] = silent;
    }
    silence_init(engine);
    memset(engine->lags, 0, sizeof engine->lags);
    judge_init(engine);
    memset(engine->readers, 0, sizeof engine->readers);
    memset(engine->durability, 0, sizeof engine->durability);
    memset(engine->caps, 0, sizeof engine->caps);
    memset(engine->ttls, 0, sizeof engine->ttls);
    memset(engine->caches, 0, sizeof engine->caches);
    memset(engine->cache_servers, 0, sizeof engine->cache_servers);
    memset(engine->leases, 0, sizeof engine->leases);
    memset(&engine->node_order, 0, sizeof engine->node_order);
    upstream_forget(engine);
    memset(engine->tasks, 0, sizeof engine->tasks); /* their answers are about nodes by their old numbers */
    engine_lease_init(engine);
    engine_adopt_durable(engine, &before);
    engine->view_dirty = true;
    return true;
}

/* An epoch that a node knows was given out, also when this controller's own record was lost or restored from an older
 * copy. What is further off than any number of failovers is not believed. */
static void engine_learn_epoch(struct engine *engine, struct output *output, const struct event_node *report)
{
    struct durable_database *state = &engine->durable.databases[engine->model.nodes[report->node].database];
    if (report->epoch > state->epoch && report->epoch - state->epoch < ENGINE_EPOCH_LEAP) {
        state->epoch = report->epoch;
        engine_persist(engine, output);
    }
    /* Likewise the number of an order to stream from somebody: the next one must be newer. */
    uint64_t *version = &engine->durable.view_version;
    if (report->order > *version && report->order - *version < ENGINE_EPOCH_LEAP) {
        *version = report->order;
        engine_persist(engine, output);
    }
}

/* Lag of a standby: for the percentiles, the view, and the word that it passed the database's limit. */
static void engine_take_lag(struct engine *engine, struct output *output, const struct event_node *report)
{
    const uint32_t database = engine->model.nodes[report->node].database;
    const uint32_t writer = engine->durable.databases[database].writer;
    struct lag *lag = &engine->lags[report->node];
    if (!report->running || report->role != VIEW_NODE_STANDBY) {
        lag_untell(lag);
        return;
    }
    if (writer == LIMITS_NONE || writer == report->node) {
        return;
    }
    const uint64_t written = engine->nodes[writer].report.written.position;
    const uint64_t received = report->received.position;
    const uint32_t limit_ms = engine->model.databases[database].max_lag_ms;
    const uint32_t lag_ms = upstream_lag_ms(engine, report->node);
    lag_take(lag, engine->now, lag_ms, written > received ? written - received : 0);
    engine->view_dirty = lag_tell(lag, engine->now, lag_ms) || engine->view_dirty;
    const int crossed = lag_crossed(lag, lag_ms, limit_ms);
    if (crossed != 0) {
        struct trace *trace = engine_trace(engine, output, crossed > 0 ? TRACE_LAG_HIGH : TRACE_LAG_BACK);
        trace->database = database;
        trace->node = report->node;
        trace->n = lag_ms;
        trace->m = limit_ms;
    }
}

static void engine_take_node(struct engine *engine, struct output *output, const struct event_node *report)
{
    ASSERT(report->node < engine->model.nodes_count);
    struct engine_node *node = &engine->nodes[report->node];
    if (node->any && node->report.boot == report->boot && report->sequence <= node->report.sequence) {
        return; /* overtaken on the way */
    }
    const bool changed = !node->any || node->report.role != report->role || node->report.epoch != report->epoch ||
                         node->report.running != report->running;
    if (report->homed > node->report.homed) {
        node->homed = engine->now;
    }
    struct lsn written = report->written;
    if (node->any && written.position == 0) {
        written = node->report.written; /* the last known position of a writer outlives its server */
    }
    node->report = *report;
    node->report.written = written;
    node->any = true;
    node->alive = true;
    node->at = engine->now;
    engine_learn_epoch(engine, output, report);
    engine_take_lag(engine, output, report);
    /* Until the checks had the time to see it. */
    const bool back =
        report->running && !changed && time_since_ms(engine->now, node->since) >= model_patience_ms(&engine->model);
    node->returning = report->fenced || (node->returning && !back);
    if (changed) {
        node->since = engine->now;
        engine->view_dirty = true;
        struct trace *trace = engine_trace(engine, output, TRACE_NODE_ROLE);
        trace->node = report->node;
        trace->n = report->epoch;
        struct buf buf;
        buf_init(&buf, trace->text, sizeof trace->text);
        buf_text(&buf, !report->running                    ? "stopped"
                       : report->role == VIEW_NODE_WRITER  ? "writer"
                       : report->role == VIEW_NODE_STANDBY ? "standby"
                                                           : "starting");
    }
}

static void engine_take_lease(struct engine *engine, struct output *output, const struct event_lease *event)
{
    ASSERT(event->database < engine->model.databases_count);
    struct engine_lease *lease = &engine->leases[event->database];
    struct durable_database *state = &engine->durable.databases[event->database];
    if (lease->seen && event->revision < lease->revision) {
        return; /* read before what is known, delivered after it */
    }
    const bool changed =
        !lease->seen || lease->state != event->state || lease->epoch != event->epoch || lease->holder != event->holder;
    if (event->state == EVENT_LEASE_HELD && lease->taker.revoked && event->epoch > lease->taker.epoch) {
        /* A new holder: what was known of the old one's right is over. */
        lease_taker_init(&lease->taker, lease->taker.lease_us, lease->taker.margin_us);
    }
    if (event->state == EVENT_LEASE_HELD) {
        lease_taker_saw(&lease->taker, event->epoch, event->revision, engine->now);
    }
    lease->seen = true;
    lease->state = event->state;
    lease->holder = event->holder;
    lease->epoch = event->epoch;
    lease->revision = event->revision;
    lease->candidate = event->candidate;
    if (event->epoch > state->epoch) {
        state->epoch = event->epoch; /* never give out one that was seen */
        engine_persist(engine, output);
    }
    if (changed) {
        struct trace *trace = engine_trace(engine, output, TRACE_LEASE);
        trace->database = event->database;
        trace->node = event->state == EVENT_LEASE_REVOKED ? event->candidate : event->holder;
        trace->n = event->epoch;
        text_copy(trace->text, sizeof trace->text,
                  event->state == EVENT_LEASE_HELD      ? "held"
                  : event->state == EVENT_LEASE_REVOKED ? "revoked in favour of"
                                                        : "free");
    }
}

static void engine_take_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    if (engine->leading && (command->kind == EVENT_COMMAND_REINIT || command->kind == EVENT_COMMAND_RESTART)) {
        node_order_command(engine, output, command);
        return;
    }
    if (engine->leading && command->kind == EVENT_COMMAND_CACHE) {
        cache_move_command(engine, output, command);
        return;
    }
    if (engine->leading) {
        run_command(engine, output, command);
        return;
    }
    struct engine_reply *reply = &output->replies[output->replies_count++];
    *reply = (struct engine_reply){.token = command->token, .error = ERR_UNAVAILABLE};
    text_copy(reply->text, sizeof reply->text, "this controller does not lead");
}

static void engine_take_observation(struct engine *engine, const struct event_observation *observation)
{
    health_observe(&engine->health, &engine->model, observation, engine->now);
    health_site_alive(&engine->health, observation->site, engine->now);
    const struct durable_run *run = &engine->durable.run;
    const struct model_probe *probe = &engine->model.probes[observation->probe];
    if (!observation->has_requests || observation->probe != model_counter(&engine->model, probe->region)) {
        return;
    }
    /* When it was counted, not when it came: what was held up on the way arrives in a bunch. */
    traffic_count(&engine->traffic, probe->region, observation->site, observation->requests,
                  time_add_ms(engine->now, -(int64_t)observation->age_ms));
    if (engine->run.holding && probe->region == run->target) {
        const bool errors =
            observation->has_value && engine->model.checks[probe->check].figure == MODEL_FIGURE_ERROR_RATE;
        engine->run.requests[observation->site] += observation->requests;
        engine->run.errors[observation->site] += errors ? observation->value * observation->requests : 0;
    }
}

static void engine_take(struct engine *engine, struct output *output, const struct event *event)
{
    switch (event->kind) {
    case EVENT_TICK:
        break;
    case EVENT_OBSERVATION:
        engine_take_observation(engine, &event->observation);
        break;
    case EVENT_SITE:
        health_site_alive(&engine->health, event->site.index, engine->now);
        break;
    case EVENT_NODE:
        engine_take_node(engine, output, &event->node);
        break;
    case EVENT_BEATS:
        silence_take(engine, &event->beats);
        break;
    case EVENT_DEATH:
        silence_take_death(engine, &event->death);
        break;
    case EVENT_LEASE:
        engine_take_lease(engine, output, &event->lease);
        break;
    case EVENT_CACHE:
        cache_take(engine, &event->cache);
        break;
    case EVENT_READER: {
        ASSERT(event->reader.site < LIMITS_SITES && (unsigned)event->reader.kind < ENGINE_READER_KINDS);
        struct engine_reader *reader = &engine->readers[event->reader.site][event->reader.kind];
        *reader = (struct engine_reader){.any = true, .at = engine->now, .version = event->reader.version};
        break;
    }
    case EVENT_RESULT:
        task_answer(engine, &event->result);
        break;
    case EVENT_COMMAND:
        engine_take_command(engine, output, &event->command);
        break;
    }
}

/* A run has the say over who writes; on its way back no longer over a database whose target was ordered. */
static bool engine_adopts(const struct engine *engine, uint32_t database)
{
    const struct durable_run *run = &engine->durable.run;
    for (uint32_t i = 0; i < run->moves_count && run->state == DURABLE_RUN_UNDOING; i++) {
        if (run->moves[i].database == database) {
            return run->moves[i].promote_sent || run->moves[i].promoted;
        }
    }
    return !engine_busy(engine);
}

/* Outside of runs: who holds the lease and says so is the writer; that is how the first writer becomes known. */
static void engine_adopt_writers(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        struct durable_database *state = &engine->durable.databases[database];
        const struct engine_lease *lease = &engine->leases[database];
        if (!engine_adopts(engine, database) || !lease->seen || lease->state != EVENT_LEASE_HELD ||
            lease->holder == LIMITS_NONE) {
            continue;
        }
        const struct engine_node *node = &engine->nodes[lease->holder];
        if (!node->alive || node->report.role != VIEW_NODE_WRITER || !node->report.lease_held ||
            node->report.epoch != lease->epoch ||
            (state->routed == lease->holder && state->routed_epoch == lease->epoch)) {
            continue;
        }
        state->writer = lease->holder;
        state->routed = lease->holder;
        state->routed_epoch = lease->epoch;
        engine_persist(engine, output);
        engine->view_dirty = true;
        struct trace *trace = engine_trace(engine, output, TRACE_ADOPTED);
        trace->database = database;
        trace->node = lease->holder;
        trace->n = lease->epoch;
    }
}

static void engine_expire_nodes(struct engine *engine, struct output *output)
{
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        struct engine_node *entry = &engine->nodes[node];
        if (entry->alive && time_since_ms(engine->now, entry->at) > ENGINE_NODE_SILENT_MS) {
            entry->alive = false;
            lag_untell(&engine->lags[node]);
            engine->view_dirty = true;
            engine_trace(engine, output, TRACE_NODE_SILENT)->node = node;
        }
    }
}

/* The standing order to the load balancers, so that one that was restarted gets its weights. Runs have their own step
 * for it. */
static void engine_balance(struct engine *engine, struct output *output)
{
    bool any = false;
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        any |= engine->model.regions[region].has_load_balancer;
    }
    if (!any || engine->view.version == 0) {
        return;
    }
    const int64_t period = time_since_ms(engine->now, engine->started) / ENGINE_BALANCE_MS;
    const struct action wanted = {.kind = ACTION_BALANCE,
                                  .region = LIMITS_NONE,
                                  .node = LIMITS_NONE,
                                  .epoch = (uint64_t)period + 1,
                                  .timeout_ms = 2000};
    (void)task_want(engine, output, TASK_SLOT_BALANCE, &wanted);
}

/* What only the leader does. */
static void engine_step_lead(struct engine *engine, struct output *output)
{
    engine_adopt_writers(engine, output);
    judge_step(engine, output);
    silence_say(engine, output);
    run_decide(engine, output);
    run_walk(engine, output);
    durability_step(engine, output);
    cap_step(engine, output);
    upstream_step(engine, output);
    ledger_step(engine, output);
    node_order_step(engine, output);
    cache_step(engine, output);
    engine_balance(engine, output);
    ttl_step(engine, output);
    if (engine->view_dirty) {
        engine_view_build(engine, output);
        engine->view_dirty = false;
    }
    if (engine->run.publishing) {
        engine->run.publishing = false;
        engine->run.version = engine->durable.view_version;
    }
    if (output->persist) {
        engine->durable.sequence++;
        durable_seal(&engine->durable);
    }
}

/* What was learned meanwhile is learned again from the nodes and leases when it leads (engine_lead). */
static void engine_step_follow(struct engine *engine, struct output *output)
{
    judge_step(engine, output);
    silence_say(engine, output);
    ASSERT(output->actions_count == 0 && !output->publish);
    output->persist = false;
}

void engine_step(struct engine *engine, const struct event *event, struct output *ret_output)
{
    ret_output->persist = false;
    ret_output->publish = false;
    ret_output->actions_count = 0;
    ret_output->traces_count = 0;
    ret_output->traces_lost = 0;
    ret_output->replies_count = 0;
    const struct mono before = engine->now;
    engine->now = time_max(engine->now, event->at); /* events of several threads may arrive a little out of order */
    engine->wall = event->wall;
    silence_pause(engine, before);
    engine_take(engine, ret_output, event);
    engine_expire_nodes(engine, ret_output);
    if (engine->leading) {
        engine_step_lead(engine, ret_output);
    } else {
        engine_step_follow(engine, ret_output);
    }
}

struct mono engine_deadline(const struct engine *engine)
{
    struct mono deadline = time_add_ms(engine->now, ENGINE_TICK_MS);
    if (!engine->leading) {
        return deadline;
    }
    deadline = time_min(deadline, silence_deadline(engine));
    deadline = time_min(deadline, run_deadline(engine));
    return time_min(deadline, task_deadline(engine));
}
