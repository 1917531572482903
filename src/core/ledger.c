/* SPDX-License-Identifier: Apache-2.0
 * Whether what former writers left behind is settled. */
#include "core/ledger.h"

#include "base/text.h"

enum {
    LEDGER_FRESH_MS = 30000, /* agents count each few seconds */
};

/* When the writer's agent counted last. False: there is no count to rely on. */
static bool ledger_counted(const struct engine *engine, uint32_t database, struct mono *ret_at)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    if (writer >= engine->model.nodes_count) {
        return false;
    }
    const struct engine_node *node = &engine->nodes[writer];
    const struct event_node *report = &node->report;
    if (!node->alive || !report->running || report->role != VIEW_NODE_WRITER || report->ledger_age_ms == UINT32_MAX) {
        return false;
    }
    *ret_at = time_add_ms(node->at, -(int64_t)report->ledger_age_ms);
    return time_since_ms(engine->now, *ret_at) < LEDGER_FRESH_MS;
}

struct ledger_state ledger_look(const struct engine *engine, uint32_t database)
{
    struct ledger_state state = {.known = false};
    struct mono at;
    state.known = ledger_counted(engine, database, &at);
    state.open = state.known ? engine->nodes[engine->durable.databases[database].writer].report.ledger_open : 0;
    for (uint32_t i = 0; i < engine->durable.ends_count; i++) {
        const struct durable_end *end = &engine->durable.ends[i];
        state.away += end->tier1_at_risk && end->database == database;
    }
    return state;
}

static bool ledger_settled(const struct engine *engine, const struct durable_end *end)
{
    struct mono counted;
    if (end->node >= engine->model.nodes_count || !ledger_counted(engine, end->database, &counted)) {
        return false;
    }
    const struct engine_node *node = &engine->nodes[end->node];
    return node->alive && node->report.homed >= end->epoch && node->report.owes < end->epoch &&
           time_since_us(counted, node->homed) > 0 && ledger_look(engine, end->database).open == 0;
}

void ledger_step(struct engine *engine, struct output *output)
{
    for (uint32_t i = 0; i < engine->durable.ends_count; i++) {
        struct durable_end *end = &engine->durable.ends[i];
        if (!end->tier1_at_risk || !ledger_settled(engine, end)) {
            continue;
        }
        end->tier1_at_risk = false;
        engine_persist(engine, output);
        struct trace *trace = engine_trace(engine, output, TRACE_LEDGER);
        trace->run = end->run;
        trace->database = end->database;
        trace->node = end->node;
        trace->lsn = end->last_known.position;
        text_copy(trace->text, sizeof trace->text, "what it left behind is settled");
    }
}
