/* SPDX-License-Identifier: Apache-2.0
 * Whom each standby streams from. */
#include "core/upstream.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

enum {
    UPSTREAM_LOST_MS = 2000,      /* a leader that has not been good for this long is replaced */
    UPSTREAM_CONFIRM_MS = 10000,  /* ... and one that does not become good */
    UPSTREAM_ALONE_MS = 3000,     /* without a leader its followers go to the writer */
    UPSTREAM_STRANDED_MS = 10000, /* a follower that its leader cannot serve goes to the writer */
    UPSTREAM_SHUN_MS = 60000,     /* for this long neither is tried again where there is a choice */
    UPSTREAM_SETTLE_MS = 3000,    /* after a start: until all nodes had the time to say whom they stream from */
    UPSTREAM_WAIT_MS = 20000,     /* for a better one that is on its way up */
    UPSTREAM_BEHIND_MS = 10000,   /* a leader that was far behind for this long is replaced ... */
    UPSTREAM_TENURE_MS = 120000,  /* ... but not before: where the link is slow the next one is no better */
    UPSTREAM_BEHIND_BYTES = 64 * 1024 * 1024,
};

static bool upstream_fit(const struct engine *engine, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    return entry->alive && entry->report.running && entry->report.role == VIEW_NODE_STANDBY;
}

/* Whoever may have to acknowledge a commit, now or after the next change of the set. */
static bool upstream_member(const struct engine *engine, uint32_t database, uint32_t node)
{
    const uint32_t members = engine->model.databases[database].durability_members |
                             engine->durable.databases[database].members | engine->durability[database].told;
    return (members >> node & 1U) != 0;
}

static void upstream_tell(struct engine *engine, uint32_t node, uint32_t from)
{
    struct engine_upstream *state = &engine->upstreams[node];
    ASSERT(from != node);
    if (!state->said || state->from != from) {
        state->said = true;
        state->from = from;
        state->streams = engine->now;
        engine->view_dirty = true;
    }
}

bool upstream_of(const struct engine *engine, uint32_t node, uint32_t *ret_from)
{
    ASSERT(node < engine->model.nodes_count);
    *ret_from = engine->upstreams[node].from;
    return engine->upstreams[node].said;
}

bool upstream_leads(const struct engine *engine, uint32_t node)
{
    ASSERT(node < engine->model.nodes_count);
    const struct engine_leader *leader =
        &engine->leaders[engine->model.nodes[node].database][engine->model.nodes[node].region];
    return leader->any && leader->node == node;
}

bool upstream_direct(const struct engine *engine, uint32_t node)
{
    const uint32_t writer = engine->durable.databases[engine->model.nodes[node].database].writer;
    const uint32_t told = engine->nodes[node].report.upstream;
    return told == 0 || told - 1 == writer;
}

uint32_t upstream_told(const struct engine *engine, uint32_t node)
{
    const uint32_t told = engine->nodes[node].report.upstream;
    return upstream_fit(engine, node) && told != 0 && told - 1 < engine->model.nodes_count ? told - 1 : LIMITS_NONE;
}

enum upstream_part upstream_part(const struct engine *engine, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    const uint32_t database = engine->model.nodes[node].database;
    const struct durable_database *state = &engine->durable.databases[database];
    if (!entry->alive || !entry->report.running || entry->report.role == VIEW_NODE_UNKNOWN) {
        return UPSTREAM_NONE;
    }
    if (entry->report.role == VIEW_NODE_WRITER) {
        return UPSTREAM_WRITER;
    }
    const bool waited = state->required > 0 && (state->members >> node & 1U) != 0;
    const bool leads =
        upstream_leads(engine, node) && engine->leaders[database][engine->model.nodes[node].region].confirmed;
    return leads                            ? UPSTREAM_LEADER
           : !upstream_direct(engine, node) ? UPSTREAM_CASCADED
           : waited                         ? UPSTREAM_SYNC
                                            : UPSTREAM_ASYNC;
}

const char *upstream_part_name(enum upstream_part part)
{
    static const char *const names[] = {"none",          "writer",          "sync replica",
                                        "async replica", "regional leader", "cascaded replica"};
    ASSERT((unsigned)part < sizeof names / sizeof names[0]);
    return names[part];
}

uint32_t upstream_lag_ms(const struct engine *engine, uint32_t node)
{
    const struct event_node *report = &engine->nodes[node].report;
    const uint32_t from = report->upstream - 1;
    if (upstream_direct(engine, node) || from >= engine->model.nodes_count || !engine->nodes[from].any) {
        return report->lag_ms;
    }
    const uint32_t other = engine->nodes[from].report.lag_ms;
    return report->lag_ms > other ? report->lag_ms : other;
}

void upstream_forget(struct engine *engine)
{
    memset(engine->upstreams, 0, sizeof engine->upstreams);
    memset(engine->leaders, 0, sizeof engine->leaders);
    for (uint32_t node = 0; node < LIMITS_NODES; node++) {
        engine->view.nodes[node].order = 0;
    }
}

/* It took the order to stream from the writer, does so, and has its slots: others may stream from it. */
static bool upstream_confirmed(const struct engine *engine, uint32_t database, uint32_t node)
{
    const struct event_node *report = &engine->nodes[node].report;
    const struct view_node *shown = &engine->view.nodes[node];
    return upstream_fit(engine, node) && report->receiving && report->leads &&
           report->upstream == engine->durable.databases[database].writer + 1 &&
           report->epoch >= engine->durable.databases[database].routed_epoch && engine->upstreams[node].said &&
           engine->upstreams[node].from == LIMITS_NONE && shown->order != 0 && shown->upstream == LIMITS_NONE &&
           report->order >= shown->order;
}

/* A writer that writes: without it nobody is judged by its silence. */
static bool upstream_written(const struct engine *engine, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    if (state->writer == LIMITS_NONE || state->routed != state->writer || state->hold) {
        return false;
    }
    const struct engine_node *writer = &engine->nodes[state->writer];
    return writer->alive && writer->report.running && writer->report.role == VIEW_NODE_WRITER &&
           writer->report.epoch == state->routed_epoch;
}

static bool upstream_here(const struct engine *engine, uint32_t database, uint32_t region, uint32_t node)
{
    return engine->model.nodes[node].database == database && engine->model.nodes[node].region == region;
}

/* Whether another node of the region streams from this one as it is. */
static bool upstream_serves(const struct engine *engine, uint32_t node)
{
    for (uint32_t other = 0; other < engine->model.nodes_count; other++) {
        if (engine->nodes[other].any && engine->nodes[other].report.upstream == node + 1 &&
            engine->model.nodes[other].region == engine->model.nodes[node].region) {
            return true;
        }
    }
    return false;
}

static bool upstream_better(const struct engine *engine, uint32_t database, uint32_t node, uint32_t than)
{
    const bool shunned[] = {!time_reached(engine->now, engine->upstreams[node].shun_until),
                            !time_reached(engine->now, engine->upstreams[than].shun_until)};
    const bool serves[] = {upstream_serves(engine, node), upstream_serves(engine, than)};
    const bool member[] = {upstream_member(engine, database, node), upstream_member(engine, database, than)};
    const struct model_node *models[] = {&engine->model.nodes[node], &engine->model.nodes[than]};
    const struct event_node *reports[] = {&engine->nodes[node].report, &engine->nodes[than].report};
    return shunned[0] != shunned[1]                     ? shunned[1]
           : serves[0] != serves[1]                     ? serves[0]
           : member[0] != member[1]                     ? member[0]
           : models[0]->priority != models[1]->priority ? models[0]->priority > models[1]->priority
           : reports[0]->timeline != reports[1]->timeline
               ? reports[0]->timeline > reports[1]->timeline
               : engine_position(engine, node) > engine_position(engine, than);
}

static void upstream_say(struct engine *engine, struct output *output, enum trace_kind kind, uint32_t node,
                         const char *text)
{
    struct trace *trace = engine_trace(engine, output, kind);
    trace->database = engine->model.nodes[node].database;
    trace->region = engine->model.nodes[node].region;
    trace->node = node;
    text_copy(trace->text, sizeof trace->text, text);
}

static void upstream_choose(struct engine *engine, uint32_t database, uint32_t region)
{
    struct engine_leader *leader = &engine->leaders[database][region];
    uint32_t best = LIMITS_NONE;
    uint32_t coming = LIMITS_NONE; /* its agent lives, its server clones or starts */
    bool all = true;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if (!upstream_here(engine, database, region, node)) {
            continue;
        }
        all &= engine->nodes[node].any;
        uint32_t *which = upstream_fit(engine, node) ? &best : &coming;
        if (engine->nodes[node].alive && (*which == LIMITS_NONE || upstream_better(engine, database, node, *which))) {
            *which = node;
        }
    }
    if (best != LIMITS_NONE && coming != LIMITS_NONE && upstream_better(engine, database, coming, best) &&
        time_since_ms(engine->now, leader->alone) < UPSTREAM_WAIT_MS) {
        return;
    }
    if (best == LIMITS_NONE || (!all && time_since_ms(engine->now, engine->started) < UPSTREAM_SETTLE_MS)) {
        return;
    }
    *leader = (struct engine_leader){.any = true,
                                     .node = best,
                                     .since = engine->now,
                                     .good = engine->now,
                                     .near = engine->now,
                                     .alone = leader->alone};
    engine->view_dirty = true;
}

static void upstream_dismiss(struct engine *engine, struct output *output, struct engine_leader *leader,
                             const char *why)
{
    upstream_say(engine, output, TRACE_LEADER_LOST, leader->node, why);
    engine->upstreams[leader->node].shun_until = time_add_ms(engine->now, UPSTREAM_SHUN_MS);
    leader->alone = leader->confirmed ? engine->now : leader->alone;
    leader->any = false;
    leader->confirmed = false;
    engine->view_dirty = true;
}

/* Whether the leader may stay. */
static void upstream_judge(struct engine *engine, struct output *output, uint32_t database,
                           struct engine_leader *leader)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    const uint64_t written = engine->nodes[writer].report.written.position;
    if (upstream_confirmed(engine, database, leader->node)) {
        if (!leader->confirmed) {
            upstream_say(engine, output, TRACE_LEADER, leader->node, "");
        }
        leader->confirmed = true;
        leader->good = engine->now;
    }
    if (engine_position(engine, leader->node) + UPSTREAM_BEHIND_BYTES >= written) {
        leader->near = engine->now;
    }
    const bool behind = time_since_ms(engine->now, leader->near) > UPSTREAM_BEHIND_MS &&
                        time_since_ms(engine->now, leader->since) > UPSTREAM_TENURE_MS;
    const int64_t patience_ms = leader->confirmed ? UPSTREAM_LOST_MS : UPSTREAM_CONFIRM_MS;
    if (!upstream_fit(engine, leader->node) && !leader->confirmed) {
        upstream_dismiss(engine, output, leader, "it is gone before it began");
    } else if (time_since_ms(engine->now, leader->good) > patience_ms) {
        upstream_dismiss(engine, output, leader,
                         upstream_fit(engine, leader->node) ? "it does not stream from the writer" : "it is gone");
    } else if (behind) {
        upstream_dismiss(engine, output, leader, "it is far behind the writer");
    }
}

/* A follower whose leader cannot serve it, perhaps because the log it needs is gone there, streams from the writer for
 * a while. */
static void upstream_follower(struct engine *engine, struct output *output, const struct engine_leader *leader,
                              uint32_t node)
{
    struct engine_upstream *state = &engine->upstreams[node];
    const bool alone = time_since_ms(engine->now, leader->alone) > UPSTREAM_ALONE_MS;
    if (!leader->confirmed) {
        if (alone || (state->said && state->from == LIMITS_NONE)) {
            upstream_tell(engine, node, LIMITS_NONE);
        }
        return;
    }
    if (!upstream_fit(engine, node) || engine->nodes[node].report.receiving) {
        state->streams = engine->now;
    }
    if (state->said && state->from == leader->node &&
        time_since_ms(engine->now, state->streams) > UPSTREAM_STRANDED_MS) {
        state->direct_until = time_add_ms(engine->now, UPSTREAM_SHUN_MS);
        upstream_say(engine, output, TRACE_STRANDED, node, "");
    }
    const bool direct = !time_reached(engine->now, state->direct_until);
    upstream_tell(engine, node, direct ? LIMITS_NONE : leader->node);
}

static void upstream_region(struct engine *engine, struct output *output, uint32_t database, uint32_t region)
{
    struct engine_leader *leader = &engine->leaders[database][region];
    if (leader->any) {
        upstream_judge(engine, output, database, leader);
    }
    if (!leader->any) {
        upstream_choose(engine, database, region);
    }
    if (leader->confirmed || leader->alone.us == 0) {
        leader->alone = engine->now;
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if (!upstream_here(engine, database, region, node)) {
            continue;
        }
        if ((leader->any && leader->node == node) || upstream_member(engine, database, node)) {
            upstream_tell(engine, node, LIMITS_NONE);
        } else {
            upstream_follower(engine, output, leader, node);
        }
    }
}

static uint32_t upstream_count(const struct engine *engine, uint32_t database, uint32_t region)
{
    uint32_t count = 0;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        count += upstream_here(engine, database, region, node);
    }
    return count;
}

/* All of them stream from the writer, and nobody leads. */
static void upstream_flat(struct engine *engine, uint32_t database, uint32_t region)
{
    engine->view_dirty |= engine->leaders[database][region].any;
    engine->leaders[database][region] = (struct engine_leader){.any = false};
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if (upstream_here(engine, database, region, node)) {
            upstream_tell(engine, node, LIMITS_NONE);
        }
    }
}

/* Nobody can stream, and nobody is to blame. */
static void upstream_rest(struct engine *engine, uint32_t database)
{
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        struct engine_leader *leader = &engine->leaders[database][region];
        leader->good = engine->now;
        leader->near = engine->now;
        leader->alone = engine->now;
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if (engine->model.nodes[node].database == database) {
            engine->upstreams[node].streams = engine->now;
        }
    }
}

void upstream_step(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const bool cascade = engine->model.databases[database].cascade;
        if (cascade && !upstream_written(engine, database)) {
            upstream_rest(engine, database);
            continue;
        }
        for (uint32_t region = 0; region < engine->model.regions_count; region++) {
            const uint32_t writer = engine->durable.databases[database].writer;
            if (!cascade || engine->model.nodes[writer].region == region ||
                upstream_count(engine, database, region) < 2) {
                upstream_flat(engine, database, region);
            } else {
                upstream_region(engine, output, database, region);
            }
        }
    }
}
