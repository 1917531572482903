/* SPDX-License-Identifier: Apache-2.0
 * Keeping the durability set right. */
#include "core/durability.h"

#include "base/assert.h"
#include "core/task.h"
#include "core/upstream.h"

enum {
    DURABILITY_SILENT_MS = 2000,              /* a member that has not been receiving for this long leaves the set */
    DURABILITY_HEARD_MS = 500,                /* agents report each 250 ms: who was heard this recently lives */
    DURABILITY_SETTLE_MS = 1000,              /* a server's processes learn of a new setting one by one */
    DURABILITY_NEAR_BYTES = 16 * 1024 * 1024, /* further behind, a standby would hold up every commit */
};

static uint32_t durability_bit(uint32_t node)
{
    ASSERT(node < LIMITS_NODES);
    return 1U << node;
}

static uint32_t durability_count(uint32_t mask)
{
    return (uint32_t)__builtin_popcount(mask);
}

/* A standby that streams from the present writer: what it told before it knew of this one was about another, and one
 * that streams from a regional leader acknowledges nothing. */
static bool durability_streams(const struct engine *engine, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    const struct durable_database *state = &engine->durable.databases[engine->model.nodes[node].database];
    return entry->alive && entry->report.running && entry->report.role == VIEW_NODE_STANDBY &&
           entry->report.receiving && upstream_direct(engine, node) && entry->report.epoch >= state->routed_epoch;
}

/* Nodes that may be members while `writer` writes: configured, and not in the writer's own region unless more are
 * required than it has (losing that region must not lose every acknowledgement with it) or nothing else is configured.
 * With enough required, a neighbour of the writer has every acknowledged commit as well, and may take over. */
static uint32_t durability_eligible(const struct engine *engine, uint32_t database, uint32_t writer)
{
    const uint32_t configured = engine->model.databases[database].durability_members & ~durability_bit(writer);
    uint32_t elsewhere = 0;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((configured & durability_bit(node)) != 0 &&
            engine->model.nodes[node].region != engine->model.nodes[writer].region) {
            elsewhere |= durability_bit(node);
        }
    }
    const bool enough =
        engine->model.databases[database].durability_required > durability_count(configured & ~elsewhere);
    return elsewhere == 0 || enough ? configured : elsewhere;
}

static uint32_t durability_required(const struct engine *engine, uint32_t database, uint32_t members)
{
    const uint32_t wanted = engine->model.databases[database].durability_required;
    const uint32_t have = durability_count(members);
    return have < wanted ? have : wanted;
}

static void durability_say(struct engine *engine, struct output *output, enum trace_kind kind, uint32_t database,
                           uint32_t node)
{
    struct trace *trace = engine_trace(engine, output, kind);
    trace->database = database;
    trace->node = node;
    trace->lsn = engine->nodes[node].report.received.position;
}

static void durability_record(struct engine *engine, struct output *output, uint32_t database, uint32_t members,
                              uint32_t required)
{
    struct durable_database *state = &engine->durable.databases[database];
    ASSERT(required <= durability_count(members));
    if (state->members != members || state->required != required) {
        state->members = members;
        state->required = required;
        engine_persist(engine, output);
    }
}

/* Near enough behind the writer to be waited for. */
static bool durability_near(const struct engine *engine, uint32_t database, uint32_t node)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    return engine->nodes[node].report.received.position + DURABILITY_NEAR_BYTES >=
           engine->nodes[writer].report.written.position;
}

/* With nobody left: those whose acknowledgement is waited for, whenever it comes. */
static uint32_t durability_awaited(const struct engine *engine, uint32_t database, uint32_t writer, uint32_t members)
{
    const uint32_t eligible = durability_eligible(engine, database, writer);
    return (members & eligible) != 0 ? members & eligible : eligible;
}

/* The set has emptied, or somebody is in it again: said once. */
static void durability_empty(struct engine *engine, struct output *output, uint32_t database, bool nobody)
{
    struct engine_durability *set = &engine->durability[database];
    if (!nobody) {
        set->filled = engine->now;
    }
    const bool empty = nobody && (set->empty || time_since_ms(engine->now, set->filled) >= DURABILITY_SILENT_MS);
    if (set->empty == empty) {
        return;
    }
    set->empty = empty;
    const bool block = engine->model.databases[database].durability_block;
    const enum trace_kind kind = !empty  ? TRACE_DURABILITY_BACK
                                 : block ? TRACE_DURABILITY_BLOCKED
                                         : TRACE_DURABILITY_DEGRADED;
    engine_trace(engine, output, kind)->database = database;
    task_tell(engine, output,
              &(struct action){.kind = ACTION_NOTIFY,
                               .database = database,
                               .node = LIMITS_NONE,
                               .region = LIMITS_NONE,
                               .phase = empty ? ACTION_INITIATED : ACTION_SUCCESS});
}

enum durability_state durability_look(const struct engine *engine, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    if (!engine->model.databases[database].tier1 || state->writer == LIMITS_NONE || state->routed != state->writer ||
        !engine->durability[database].empty) {
        return DURABILITY_KEPT;
    }
    return engine->model.databases[database].durability_block ? DURABILITY_BLOCKED : DURABILITY_DEGRADED;
}

bool durability_promised(const struct engine *engine, uint32_t database)
{
    const struct model_database *model = &engine->model.databases[database];
    const struct durable_database *state = &engine->durable.databases[database];
    if (!model->tier1 || !model->every_commit || state->writer == LIMITS_NONE) {
        return false;
    }
    const struct engine_node *writer = &engine->nodes[state->writer];
    return writer->any && writer->report.epoch == state->routed_epoch && writer->report.lowers == 0;
}

/* What the server should require: the members that have not been away for too long, and who streams and may be one.
 * Nobody left: nobody, or, where the operator wants it so, still the same. */
static uint32_t durability_wanted(struct engine *engine, struct output *output, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    const uint32_t eligible = durability_eligible(engine, database, state->writer);
    uint32_t wanted = 0;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        const uint32_t bit = durability_bit(node);
        const bool streams = durability_streams(engine, node);
        if (streams || (state->members & bit) == 0) {
            set->silent[node] = engine->now;
        }
        const bool silent = time_since_ms(engine->now, set->silent[node]) >= DURABILITY_SILENT_MS;
        /* Who is no longer configured for it may have to cascade, and so must leave first. */
        const bool meant = !engine->model.databases[database].cascade ||
                           (engine->model.databases[database].durability_members & bit) != 0;
        const bool stays = (state->members & bit) != 0 && node != state->writer && !silent && meant;
        const bool comes = (eligible & bit) != 0 && streams && durability_near(engine, database, node);
        wanted |= stays || comes ? bit : 0;
    }
    durability_empty(engine, output, database, wanted == 0 && eligible != 0);
    if (wanted == 0 && engine->model.databases[database].durability_block) {
        wanted = durability_awaited(engine, database, state->writer, state->members);
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((set->settled & ~wanted & durability_bit(node)) != 0) {
            durability_say(engine, output, TRACE_DURABILITY_SHRUNK, database, node);
        }
    }
    set->settled &= wanted;
    return wanted;
}

/* Tells the writer's server what to require. While it changes, the record covers what the server required before and
 * what it will require: every member of either, and as many to be heard as either needs. */
static bool durability_tell(struct engine *engine, struct output *output, uint32_t database, uint32_t wanted)
{
    const struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    const uint32_t required = durability_required(engine, database, wanted);
    if (set->told_any && set->told == wanted && set->told_required == required &&
        set->told_epoch == state->routed_epoch) {
        return true;
    }
    durability_record(engine, output, database, state->members | wanted,
                      state->required < required ? state->required : required);
    const struct action asked = {.kind = ACTION_AGENT_DURABILITY,
                                 .database = database,
                                 .node = state->writer,
                                 .epoch =
                                     state->routed_epoch, /* the writer's: a higher one may be given out and not used */
                                 .mask = wanted,
                                 .required = required,
                                 .order = engine->durable.sequence + 1};
    const uint32_t slot = TASK_SLOT_DURABILITY + database;
    const struct engine_task *task = task_want(engine, output, slot, &asked);
    const bool told = task->state == ENGINE_TASK_OK;
    set->told_any = false; /* once asked, the server may have changed, whatever becomes of the answer */
    if (task->action.order == asked.order) {
        engine_persist(engine, output); /* a new question uses its number up, over restarts too */
    }
    if (told) {
        set->told_any = true;
        set->told = wanted;
        set->told_required = required;
        set->told_epoch = state->routed_epoch;
        set->told_at = engine->now;
        set->mark = (struct lsn){0};
    }
    if (told || (task->state == ENGINE_TASK_REFUSED && time_reached(engine->now, task->until))) {
        task_clear(engine, slot);
    }
    return told;
}

/* Everything that was acknowledged under an older setting lies before the mark: who has flushed that much has it. */
static bool durability_caught_up(struct engine *engine, uint32_t database)
{
    const struct engine_node *writer = &engine->nodes[engine->durable.databases[database].writer];
    struct engine_durability *set = &engine->durability[database];
    if (set->mark.position == 0) {
        if (time_since_ms(writer->at, set->told_at) < DURABILITY_SETTLE_MS) {
            return false;
        }
        set->mark = writer->report.written;
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((set->told & durability_bit(node)) != 0 &&
            (!durability_streams(engine, node) || engine->nodes[node].report.received.position < set->mark.position)) {
            return false;
        }
    }
    return true;
}

/* The server requires what it should: once its standbys have caught up the record says the same. */
static void durability_settle(struct engine *engine, struct output *output, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    if ((state->members == set->told && state->required == set->told_required) ||
        (set->told != 0 && !durability_caught_up(engine, database))) {
        return;
    }
    durability_record(engine, output, database, set->told, set->told_required);
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((set->told & ~set->settled & durability_bit(node)) != 0) {
            durability_say(engine, output, TRACE_DURABILITY_GROWN, database, node);
        }
    }
    set->settled = set->told;
}

/* Nobody is judged by its silence: it had no writer to follow. */
static void durability_rest(struct engine *engine, uint32_t database)
{
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        engine->durability[database].silent[node] = engine->now;
    }
    engine->durability[database].filled = engine->now;
}

/* A promise that is not kept is told, once. */
static void durability_watch(struct engine *engine, struct output *output, uint32_t database)
{
    struct engine_durability *set = &engine->durability[database];
    const uint32_t writer = engine->durable.databases[database].writer;
    if (!engine->model.databases[database].every_commit || writer == LIMITS_NONE || !engine->nodes[writer].alive ||
        engine->nodes[writer].report.lowers == UINT32_MAX) {
        return;
    }
    const bool lowered = engine->nodes[writer].report.lowers > 0;
    if (set->lowered != lowered) {
        set->lowered = lowered;
        struct trace *trace = engine_trace(engine, output, lowered ? TRACE_COMMIT_LOWERED : TRACE_COMMIT_KEPT);
        trace->database = database;
        trace->node = writer;
        trace->n = engine->nodes[writer].report.lowers;
    }
}

void durability_step(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const bool moving = state->routed != state->writer || state->hold;
        if (!engine->model.databases[database].tier1) {
            continue;
        }
        durability_watch(engine, output, database);
        if (moving || state->writer == LIMITS_NONE) {
            durability_rest(engine, database);
            continue;
        }
        const struct engine_node *writer = &engine->nodes[state->writer];
        if (!writer->alive || writer->report.role != VIEW_NODE_WRITER || writer->report.epoch != state->routed_epoch) {
            /* Nobody can acknowledge, or nobody is known to: the set stays as it is, a promotion may depend on it. */
            durability_rest(engine, database);
            continue;
        }
        const uint32_t wanted = durability_wanted(engine, output, database);
        if (durability_tell(engine, output, database, wanted)) {
            durability_settle(engine, output, database);
        }
    }
}

/* A member that will follow the new writer in a moment, as far as can be known: it lives, and is no worse a standby
 * than the one that takes over. */
static bool durability_remains(const struct engine *engine, uint32_t node, uint32_t writer)
{
    const struct engine_node *entry = &engine->nodes[node];
    return entry->alive && entry->report.running && entry->report.role == VIEW_NODE_STANDBY &&
           time_since_ms(engine->now, entry->at) <= DURABILITY_HEARD_MS &&
           engine_position(engine, node) + DURABILITY_NEAR_BYTES >= engine_position(engine, writer);
}

void durability_open(struct engine *engine, struct output *output, uint32_t database, uint32_t writer)
{
    struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    uint32_t eligible = state->members & durability_eligible(engine, database, writer);
    if (state->writer != LIMITS_NONE) {
        eligible &= ~durability_bit(state->writer);
    }
    uint32_t remain = 0;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((eligible & durability_bit(node)) != 0 && durability_remains(engine, node, writer)) {
            remain |= durability_bit(node);
        } else if ((state->members & durability_bit(node)) != 0 && node != writer) {
            durability_say(engine, output, TRACE_DURABILITY_SHRUNK, database, node);
        }
    }
    ASSERT((remain & durability_bit(writer)) == 0);
    if (remain == 0 && engine->model.databases[database].durability_block) {
        /* Whoever comes first; the proof of the new epoch waits for nobody. */
        remain = durability_awaited(engine, database, writer, 0);
    }
    durability_rest(engine, database);
    set->told_any = false;
    set->told = 0;
    set->settled &= remain;
    state->members = engine->model.databases[database].tier1 ? remain : 0;
    state->required = 0;
    engine_persist(engine, output);
}

void durability_order(const struct engine *engine, struct action *promote)
{
    const struct durable_database *state = &engine->durable.databases[promote->database];
    if (!engine->model.databases[promote->database].tier1) {
        return;
    }
    ASSERT(state->required == 0);
    promote->mask = state->members;
    promote->required = durability_required(engine, promote->database, state->members);
    promote->order = engine->durable.sequence + 1;
}
