/* SPDX-License-Identifier: Apache-2.0
 * Keeping the durability set right. */
#include "core/durability.h"

#include "base/assert.h"
#include "core/task.h"

enum {
    DURABILITY_SILENT_MS = 2000, /* a member that has not been receiving for this long leaves the set */
};

static uint32_t durability_bit(uint32_t node)
{
    ASSERT(node < LIMITS_NODES);
    return 1U << node;
}

/* A standby that streams from the present writer. */
static bool durability_streams(const struct engine *engine, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    return entry->alive && entry->report.running && entry->report.role == VIEW_NODE_STANDBY && entry->report.receiving;
}

/* Nodes that may be members while `writer` writes: configured, and not in the writer's own region (losing that region
 * must not lose the acknowledgement with it), unless nothing else is configured. */
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
    return elsewhere != 0 ? elsewhere : configured;
}

static uint32_t durability_required(const struct engine *engine, uint32_t database, uint32_t members)
{
    const uint32_t wanted = engine->model.databases[database].durability_required;
    const uint32_t have = (uint32_t)__builtin_popcount(members);
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

/* Members that have been away too long leave the record; the next step tells the server. */
static void durability_shrink(struct engine *engine, struct output *output, uint32_t database)
{
    struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((state->members & durability_bit(node)) == 0 || durability_streams(engine, node)) {
            set->silent[node] = engine->now;
            continue;
        }
        if (time_since_ms(engine->now, set->silent[node]) >= DURABILITY_SILENT_MS) {
            state->members &= ~durability_bit(node);
            state->required = durability_required(engine, database, state->members);
            engine_persist(engine, output);
            durability_say(engine, output, TRACE_DURABILITY_SHRUNK, database, node);
        }
    }
}

static void durability_grow(struct engine *engine, struct output *output, uint32_t database)
{
    struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    if (set->growing == LIMITS_NONE) {
        const uint32_t missing = durability_eligible(engine, database, state->writer) & ~state->members;
        for (uint32_t node = 0; node < engine->model.nodes_count && set->growing == LIMITS_NONE; node++) {
            if ((missing & durability_bit(node)) != 0 && durability_streams(engine, node)) {
                set->growing = node;
                set->growing_from = (struct lsn){0};
            }
        }
        return;
    }
    const uint32_t node = set->growing;
    if (!durability_streams(engine, node)) {
        set->growing = LIMITS_NONE;
        return;
    }
    if (!set->told_any || (set->told & durability_bit(node)) == 0) {
        return; /* the server does not require it yet */
    }
    if (set->growing_from.position == 0) {
        set->growing_from = engine->nodes[state->writer].report.written;
        return;
    }
    if (engine->nodes[node].report.received.position >= set->growing_from.position) {
        state->members |= durability_bit(node);
        state->required = durability_required(engine, database, state->members);
        set->growing = LIMITS_NONE;
        engine_persist(engine, output);
        durability_say(engine, output, TRACE_DURABILITY_GROWN, database, node);
    }
}

/* Tells the writer's server what to require: the record, and the node that is being added. */
static void durability_tell(struct engine *engine, struct output *output, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    uint32_t members = state->members;
    if (set->growing != LIMITS_NONE) {
        members |= durability_bit(set->growing);
    }
    const uint32_t required = durability_required(engine, database, members);
    if (set->told_any && set->told == members && set->told_required == required && set->told_epoch == state->epoch) {
        return;
    }
    const struct action wanted = {.kind = ACTION_AGENT_DURABILITY,
                                  .database = database,
                                  .node = state->writer,
                                  .epoch = state->epoch,
                                  .mask = members,
                                  .required = required};
    const uint32_t slot = TASK_SLOT_DURABILITY + database;
    const struct engine_task *task = task_want(engine, output, slot, &wanted);
    if (task->state == ENGINE_TASK_OK) {
        set->told_any = true;
        set->told = members;
        set->told_required = required;
        set->told_epoch = state->epoch;
        set->growing_from = (struct lsn){0};
        task_clear(engine, slot);
    } else if (task->state == ENGINE_TASK_REFUSED) {
        task_clear(engine, slot);
    }
}

void durability_step(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const bool moving = state->routed != state->writer || state->routed_epoch != state->epoch || state->hold;
        if (!engine->model.databases[database].tier1 || state->writer == LIMITS_NONE || moving) {
            continue;
        }
        const struct engine_node *writer = &engine->nodes[state->writer];
        if (!writer->alive || writer->report.role != VIEW_NODE_WRITER || writer->report.epoch != state->epoch) {
            /* Nobody can acknowledge, or nobody is known to: the set stays as it is, a promotion may depend on it. */
            for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
                engine->durability[database].silent[node] = engine->now;
            }
            continue;
        }
        durability_shrink(engine, output, database);
        durability_grow(engine, output, database);
        durability_tell(engine, output, database);
    }
}

void durability_reset(struct engine *engine, struct output *output, uint32_t database, uint32_t writer)
{
    struct durable_database *state = &engine->durable.databases[database];
    struct engine_durability *set = &engine->durability[database];
    const uint32_t before = state->members;
    state->members = 0;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        set->silent[node] = engine->now;
        if ((before & durability_bit(node)) != 0 && node != writer) {
            durability_say(engine, output, TRACE_DURABILITY_SHRUNK, database, node);
        }
    }
    state->required = 0;
    set->told_any = false;
    set->growing = LIMITS_NONE;
    engine_persist(engine, output);
}
