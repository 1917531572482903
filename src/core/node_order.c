/* SPDX-License-Identifier: Apache-2.0
 * An operator's order about one standby: cloned anew, or started again. */
#include "core/node_order.h"

#include "base/assert.h"
#include "base/text.h"
#include "core/run.h"
#include "core/task.h"

enum {
    NODE_ORDER_GIVE_UP_MS = 30000,
    NODE_ORDER_TIMEOUT_MS = 15000, /* the agent may have to end a transition first */
};

static bool node_order_writer(const struct engine *engine, uint32_t database, uint32_t node)
{
    const struct durable_database *state = &engine->durable.databases[database];
    const struct engine_node *entry = &engine->nodes[node];
    const struct engine_lease *lease = &engine->leases[database];
    return state->writer == node || state->routed == node ||
           (lease->seen && lease->state == EVENT_LEASE_HELD && lease->holder == node) ||
           (lease->seen && lease->state == EVENT_LEASE_REVOKED && lease->candidate == node) ||
           (entry->alive && (entry->report.role == VIEW_NODE_WRITER || entry->report.lease_held));
}

/* A writer that is seen to write, under the epoch that the view has. */
static bool node_order_source(const struct engine *engine, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    if (state->writer >= engine->model.nodes_count || state->routed != state->writer) {
        return false;
    }
    const struct engine_node *writer = &engine->nodes[state->writer];
    return writer->alive && writer->report.running && writer->report.role == VIEW_NODE_WRITER &&
           writer->report.lease_held && writer->report.epoch == state->routed_epoch;
}

static bool node_order_streams(const struct engine *engine, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    return entry->alive && entry->report.running && entry->report.role == VIEW_NODE_STANDBY && entry->report.receiving;
}

/* It wrote once, and has neither said that others have all that it wrote nor set that aside. */
static bool node_order_homed(const struct engine *engine, uint32_t node)
{
    for (uint32_t i = 0; i < engine->durable.ends_count; i++) {
        const struct durable_end *end = &engine->durable.ends[i];
        const struct event_node *report = &engine->nodes[node].report;
        if (end->node == node && report->homed < end->epoch && report->owes < end->epoch) {
            return false;
        }
    }
    return true;
}

/* Whether as many others of the durability set stream as tier-1 commits wait for. */
static bool node_order_spared(const struct engine *engine, uint32_t database, uint32_t node)
{
    const struct durable_database *state = &engine->durable.databases[database];
    uint32_t others = 0;
    if (!engine->model.databases[database].tier1 || (state->members >> node & 1U) == 0) {
        return true;
    }
    for (uint32_t other = 0; other < engine->model.nodes_count; other++) {
        others += other != node && other != state->writer && (state->members >> other & 1U) != 0 &&
                  node_order_streams(engine, other);
    }
    return others >= state->required;
}

static bool node_order_another(const struct engine *engine, uint32_t database, uint32_t node)
{
    for (uint32_t other = 0; other < engine->model.nodes_count; other++) {
        if (other != node && engine->model.nodes[other].database == database && node_order_streams(engine, other)) {
            return true;
        }
    }
    return false;
}

uint32_t node_order_look(const struct engine *engine, uint32_t node, bool restart,
                         struct node_order_check ret_checks[NODE_ORDER_CHECKS])
{
    ASSERT(node < engine->model.nodes_count);
    const uint32_t database = engine->model.nodes[node].database;
    const struct {
        bool restart; /* also before a restart */
        struct node_order_check check;
    } rows[NODE_ORDER_CHECKS] = {
        {true,
         {"not the writer", !node_order_writer(engine, database, node), NODE_ORDER_NEVER,
          "it is the writer, or may be: move the writer first (holdfast switchover)"}},
        {false,
         {"a writer to clone from", node_order_source(engine, database), NODE_ORDER_NEVER,
          "no writer is seen to write: this node may hold the last copy; bring the writer back first"}},
        {true, {"no run", run_yields(engine), NODE_ORDER_NEVER, "a run is in progress: wait for its end"}},
        {true, {"its agent", engine->nodes[node].alive, NODE_ORDER_NEVER, "its agent does not report: start it first"}},
        {false,
         {"brought home", node_order_homed(engine, node), NODE_ORDER_FORCED,
          "it was a writer and has not brought home what it holds alone: let it, or use --force"}},
        {true,
         {"tier 1", node_order_spared(engine, database, node), NODE_ORDER_FORCED,
          "tier-1 commits wait for it: bring another member of the durability set up, or use --force"}},
        {true,
         {"another copy", node_order_another(engine, database, node), NODE_ORDER_TOLD,
          "no other standby streams: until it is back, only the writer has the data"}},
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODE_ORDER_CHECKS; i++) {
        if (!restart || rows[i].restart) {
            ret_checks[count++] = rows[i].check;
        }
    }
    return count;
}

const struct node_order_check *node_order_refusal(const struct node_order_check *checks, uint32_t count, bool force)
{
    for (uint32_t i = 0; i < count; i++) {
        const bool refuses = checks[i].weight == NODE_ORDER_NEVER || (checks[i].weight == NODE_ORDER_FORCED && !force);
        if (!checks[i].good && refuses) {
            return &checks[i];
        }
    }
    return NULL;
}

static void node_order_say(struct engine *engine, struct output *output, const char *what, const char *more)
{
    const struct engine_node_order *order = &engine->node_order;
    struct trace *trace = engine_trace(engine, output, order->restart ? TRACE_RESTART : TRACE_REINIT);
    trace->node = order->node;
    struct buf buf;
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_text(&buf, what);
    buf_text(&buf, more);
}

void node_order_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct node_order_check checks[NODE_ORDER_CHECKS];
    struct engine_node_order *order = &engine->node_order;
    if (command->node >= engine->model.nodes_count) {
        run_command_reply(output, command, ERR_NOT_FOUND, 0, "no such node");
        return;
    }
    if (command->reason[0] == 0) {
        run_command_reply(output, command, ERR_INVALID, 0, "a reason is required");
        return;
    }
    const bool restart = command->kind == EVENT_COMMAND_RESTART;
    const uint32_t count = node_order_look(engine, command->node, restart, checks);
    const struct node_order_check *refusal = node_order_refusal(checks, count, command->force);
    if (refusal != NULL) {
        run_command_reply(output, command, ERR_UNAVAILABLE, 0, refusal->detail);
        return;
    }
    if (order->wanted) {
        run_command_reply(output, command, ERR_CONFLICT, 0, "another order about a node is on its way: ask again");
        return;
    }
    char who[25];
    char reason[61];
    text_copy(who, sizeof who, command->who);
    text_copy(reason, sizeof reason, command->reason);
    engine_persist(engine, output); /* uses a number up, over restarts too */
    *order = (struct engine_node_order){
        .wanted = true,
        .restart = restart,
        .node = command->node,
        .order = engine->durable.sequence + 1,
        .epoch = engine->durable.databases[engine->model.nodes[command->node].database].routed_epoch,
        .since = engine->now};
    struct trace *trace = engine_trace(engine, output, restart ? TRACE_RESTART : TRACE_REINIT);
    trace->node = command->node;
    struct buf buf;
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_printf(&buf, "ordered by %s%s: %s", who, command->force ? " with force" : "", reason);
    run_command_reply(output, command, ERR_OK, order->order, "ordered");
}

void node_order_step(struct engine *engine, struct output *output)
{
    struct engine_node_order *order = &engine->node_order;
    if (!order->wanted) {
        return;
    }
    const struct action wanted = {.kind = order->restart ? ACTION_AGENT_RESTART : ACTION_AGENT_REINIT,
                                  .database = engine->model.nodes[order->node].database,
                                  .node = order->node,
                                  .epoch = order->epoch,
                                  .order = order->order,
                                  .timeout_ms = NODE_ORDER_TIMEOUT_MS};
    const struct engine_task *task = task_want(engine, output, TASK_SLOT_NODE_ORDER, &wanted);
    const bool late = time_since_ms(engine->now, order->since) > NODE_ORDER_GIVE_UP_MS;
    if (task->state == ENGINE_TASK_OK) {
        engine->nodes[order->node].returning = true; /* its agent takes its server down: that is no loss */
        engine->nodes[order->node].since = engine->now;
        node_order_say(engine, output, "its agent has taken the order", "");
    } else if (task->state == ENGINE_TASK_REFUSED) {
        node_order_say(engine, output, "its agent refuses: ", task->detail);
    } else if (late) {
        node_order_say(engine, output, "its agent has not answered; whether it obeys is unknown. ", task->detail);
    }
    if (late || task->state == ENGINE_TASK_OK || task->state == ENGINE_TASK_REFUSED) {
        *order = (struct engine_node_order){.wanted = false};
        task_clear(engine, TASK_SLOT_NODE_ORDER);
    }
}
