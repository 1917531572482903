/* SPDX-License-Identifier: Apache-2.0
 * From strongly connected components to named anomalies. */
#include "check_cycle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* A component is searched through this many of its edges: the witness is then a short cycle, if not the shortest. */
enum { CHECK_CYCLE_TRIES = 2000 };

/* One search: a cycle through one edge of kind `through`, closed by edges of `back`. */
struct check_cycle_rule {
    enum check_report_code code;
    enum history_level from; /* the first level on which it is forbidden */
    uint8_t component;       /* kinds of edges whose components are looked at */
    uint8_t through;
    uint8_t back;
};

/* From the worst to the least: a component is reported once. */
static const struct check_cycle_rule check_cycle_rules[] = {
    {CHECK_REPORT_G0, HISTORY_COMMITTED, CHECK_GRAPH_WW, CHECK_GRAPH_WW, CHECK_GRAPH_WW},
    {CHECK_REPORT_G1C, HISTORY_COMMITTED, CHECK_GRAPH_WW | CHECK_GRAPH_WR, CHECK_GRAPH_WR,
     CHECK_GRAPH_WW | CHECK_GRAPH_WR},
    {CHECK_REPORT_G_SINGLE, HISTORY_REPEATABLE, CHECK_GRAPH_ALL, CHECK_GRAPH_RW, CHECK_GRAPH_WW | CHECK_GRAPH_WR},
    {CHECK_REPORT_G2_ITEM, HISTORY_SERIALIZABLE, CHECK_GRAPH_ALL, CHECK_GRAPH_RW, CHECK_GRAPH_ALL},
};

/* The best cycle of each component so far. */
struct check_cycle_best {
    uint32_t length; /* edges, the one it goes through included; 0: none */
    uint32_t tries;
    uint32_t edges[CHECK_CYCLE_LENGTH];
};

struct check_cycle {
    struct check_graph *graph;
    struct check_report *report;
    bool *reported;                /* nodes of components with a worse name */
    uint32_t *slot;                /* of each component with more than one node */
    struct check_cycle_best *best; /* by slot */
    uint32_t slots;
};

static const char *check_cycle_kind(uint8_t kind)
{
    return kind == CHECK_GRAPH_WW ? "ww" : kind == CHECK_GRAPH_WR ? "wr" : "rw";
}

static void check_cycle_tell(struct check_cycle *cycle, const struct check_cycle_rule *rule, uint32_t size,
                             const struct check_cycle_best *best)
{
    if (!check_report_begin(cycle->report, rule->code)) {
        return;
    }
    check_report_add(cycle->report, "a cycle of %u in a component of %u transactions", best->length, size);
    for (uint32_t i = 0; best->length <= CHECK_CYCLE_LENGTH && i < best->length; i++) {
        const struct check_graph_edge *edge = &cycle->graph->edges[best->edges[i]];
        char label[64];
        (void)snprintf(label, sizeof(label), "T%u ", i + 1);
        check_report_op(cycle->report, label, edge->from);
        check_report_add(cycle->report, "\n   --%s on list %" PRId64 "--> T%u", check_cycle_kind(edge->kind), edge->key,
                         (i + 1) % best->length + 1);
    }
    check_report_end(cycle->report, rule->code);
}

/* A cycle through this edge, if it is shorter than the component's best. */
static void check_cycle_try(struct check_cycle *cycle, const struct check_cycle_rule *rule, uint32_t index)
{
    struct check_graph *graph = cycle->graph;
    const struct check_graph_edge *edge = &graph->edges[index];
    const uint32_t component = graph->component[edge->from];
    if ((edge->kind & rule->through) == 0 || component != graph->component[edge->to] || graph->size[component] < 2 ||
        cycle->reported[edge->from]) {
        return;
    }
    struct check_cycle_best *best = &cycle->best[cycle->slot[component]];
    if (best->length == 2 || best->tries >= CHECK_CYCLE_TRIES) {
        return;
    }
    best->tries++;
    uint32_t path[CHECK_CYCLE_LENGTH];
    const size_t length = check_graph_path(graph, edge->to, edge->from, rule->back, path, CHECK_CYCLE_LENGTH - 1);
    if (length > 0 && (best->length == 0 || length + 1 < best->length)) {
        best->length = (uint32_t)length + 1;
        best->edges[0] = index;
        if (length < CHECK_CYCLE_LENGTH) {
            memcpy(best->edges + 1, path, length * sizeof(*path));
        }
    }
}

ERR_CHECK static enum err check_cycle_slots(struct check_cycle *cycle, uint32_t components)
{
    const struct check_graph *graph = cycle->graph;
    cycle->slots = 0;
    for (uint32_t i = 0; i < components; i++) {
        cycle->slot[i] = cycle->slots;
        cycle->slots += graph->size[i] > 1 ? 1 : 0;
    }
    free(cycle->best);
    cycle->best = calloc((size_t)cycle->slots + 1, sizeof(*cycle->best));
    return cycle->best != NULL ? ERR_OK : ERR_NO_MEMORY;
}

ERR_CHECK static enum err check_cycle_rule_apply(struct check_cycle *cycle, const struct check_cycle_rule *rule)
{
    struct check_graph *graph = cycle->graph;
    uint32_t components = 0;
    enum err err = check_graph_components(graph, rule->component, &components);
    err = err == ERR_OK ? check_cycle_slots(cycle, components) : err;
    if (err != ERR_OK || cycle->slots == 0) {
        return err;
    }
    for (size_t i = 0; i < graph->edges_count; i++) {
        check_cycle_try(cycle, rule, (uint32_t)i);
    }
    for (uint32_t i = 0; i < components; i++) {
        if (graph->size[i] > 1 && cycle->best[cycle->slot[i]].length > 0) {
            check_cycle_tell(cycle, rule, graph->size[i], &cycle->best[cycle->slot[i]]);
        }
    }
    for (uint32_t node = 0; node < graph->nodes; node++) {
        const uint32_t component = graph->component[node];
        cycle->reported[node] =
            cycle->reported[node] || (graph->size[component] > 1 && cycle->best[cycle->slot[component]].length > 0);
    }
    return ERR_OK;
}

enum err check_cycle_judge(struct check_graph *graph, enum history_level level, struct check_report *report)
{
    struct check_cycle cycle = {.graph = graph, .report = report};
    cycle.reported = calloc((size_t)graph->nodes + 1, sizeof(*cycle.reported));
    cycle.slot = calloc((size_t)graph->nodes + 1, sizeof(*cycle.slot));
    enum err err = cycle.reported != NULL && cycle.slot != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof(check_cycle_rules) / sizeof(check_cycle_rules[0]) && err == ERR_OK; i++) {
        if (level >= check_cycle_rules[i].from) {
            err = check_cycle_rule_apply(&cycle, &check_cycle_rules[i]);
        }
    }
    static const char *const groups[] = {"cycles committed", "cycles repeatable", "cycles serializable"};
    check_report_figure(report, groups[level], "edges", (int64_t)graph->edges_count);
    check_report_figure(report, groups[level], "given up", graph->budget == 0 ? 1 : 0);
    free(cycle.reported);
    free(cycle.slot);
    free(cycle.best);
    return err;
}
