/* SPDX-License-Identifier: Apache-2.0
 * Tarjan's components without recursion, and breadth-first searches. */
#include "check_graph.h"

#include <stdlib.h>

#include "base/assert.h"

enum { CHECK_GRAPH_UNSEEN = UINT32_MAX >> 1 };

/* Tarjan's bookkeeping of one run. */
struct check_graph_walk {
    uint32_t *index; /* order of the first visit; CHECK_GRAPH_UNSEEN: none yet */
    uint32_t *low;
    uint32_t *stack; /* of nodes without a component */
    uint32_t *trail; /* of nodes being visited */
    size_t *next;    /* edge to look at next, per node */
    size_t stack_count;
    size_t trail_count;
    uint32_t visited;
    uint32_t components;
};

enum err check_graph_init(struct check_graph *graph, uint32_t nodes, uint64_t budget)
{
    *graph = (struct check_graph){.nodes = nodes, .budget = budget};
    graph->first = calloc((size_t)nodes + 2, sizeof(*graph->first));
    graph->component = calloc((size_t)nodes + 1, sizeof(*graph->component));
    graph->size = calloc((size_t)nodes + 1, sizeof(*graph->size));
    graph->seen = calloc((size_t)nodes + 1, sizeof(*graph->seen));
    graph->queue = calloc((size_t)nodes + 1, sizeof(*graph->queue));
    graph->cause = calloc((size_t)nodes + 1, sizeof(*graph->cause));
    const bool enough = graph->first != NULL && graph->component != NULL && graph->size != NULL &&
                        graph->seen != NULL && graph->queue != NULL && graph->cause != NULL;
    return enough ? ERR_OK : ERR_NO_MEMORY;
}

void check_graph_fini(struct check_graph *graph)
{
    free(graph->edges);
    free(graph->first);
    free(graph->component);
    free(graph->size);
    free(graph->seen);
    free(graph->queue);
    free(graph->cause);
    *graph = (struct check_graph){0};
}

enum err check_graph_add(struct check_graph *graph, uint32_t from, uint32_t to, uint8_t kind, int64_t key)
{
    ASSERT(from < graph->nodes && to < graph->nodes);
    if (from == to) {
        return ERR_OK;
    }
    if (graph->edges_count == graph->edges_capacity) {
        const size_t wanted = graph->edges_capacity * 2 + 1024;
        struct check_graph_edge *grown = reallocarray(graph->edges, wanted, sizeof(*grown));
        if (grown == NULL || wanted > CHECK_GRAPH_UNSEEN) {
            graph->edges = grown != NULL ? grown : graph->edges;
            return ERR_NO_MEMORY;
        }
        graph->edges = grown;
        graph->edges_capacity = wanted;
    }
    graph->edges[graph->edges_count++] = (struct check_graph_edge){.from = from, .to = to, .kind = kind, .key = key};
    return ERR_OK;
}

/* Counting sort by `from`; the order of a node's edges stays. */
enum err check_graph_seal(struct check_graph *graph)
{
    struct check_graph_edge *sorted = reallocarray(NULL, graph->edges_count + 1, sizeof(*sorted));
    if (sorted == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < graph->edges_count; i++) {
        graph->first[graph->edges[i].from + 2]++;
    }
    for (size_t i = 2; i < (size_t)graph->nodes + 2; i++) {
        graph->first[i] += graph->first[i - 1];
    }
    for (size_t i = 0; i < graph->edges_count; i++) {
        sorted[graph->first[graph->edges[i].from + 1]++] = graph->edges[i];
    }
    free(graph->edges);
    graph->edges = sorted;
    graph->edges_capacity = graph->edges_count + 1;
    return ERR_OK;
}

/* ---- components -------------------------------------------------------------------------------------------------- */

static void check_graph_enter(struct check_graph *graph, struct check_graph_walk *walk, uint32_t node)
{
    walk->index[node] = walk->visited;
    walk->low[node] = walk->visited++;
    walk->next[node] = graph->first[node];
    walk->stack[walk->stack_count++] = node;
    walk->trail[walk->trail_count++] = node;
    graph->component[node] = CHECK_GRAPH_UNSEEN;
}

/* All edges of the node at the end of the trail were looked at. */
static void check_graph_leave(struct check_graph *graph, struct check_graph_walk *walk)
{
    const uint32_t node = walk->trail[--walk->trail_count];
    if (walk->low[node] == walk->index[node]) {
        uint32_t member;
        graph->size[walk->components] = 0;
        do {
            member = walk->stack[--walk->stack_count];
            graph->component[member] = walk->components;
            graph->size[walk->components]++;
        } while (member != node);
        walk->components++;
    }
    if (walk->trail_count > 0) {
        const uint32_t before = walk->trail[walk->trail_count - 1];
        walk->low[before] = walk->low[node] < walk->low[before] ? walk->low[node] : walk->low[before];
    }
}

static void check_graph_visit(struct check_graph *graph, struct check_graph_walk *walk, uint32_t root, uint8_t kinds)
{
    check_graph_enter(graph, walk, root);
    while (walk->trail_count > 0) {
        const uint32_t node = walk->trail[walk->trail_count - 1];
        if (walk->next[node] == graph->first[node + 1]) {
            check_graph_leave(graph, walk);
            continue;
        }
        const struct check_graph_edge *edge = &graph->edges[walk->next[node]++];
        if ((edge->kind & kinds) == 0) {
            continue;
        }
        if (walk->index[edge->to] == CHECK_GRAPH_UNSEEN) {
            check_graph_enter(graph, walk, edge->to);
        } else if (graph->component[edge->to] == CHECK_GRAPH_UNSEEN && walk->index[edge->to] < walk->low[node]) {
            walk->low[node] = walk->index[edge->to];
        }
    }
    ASSERT(walk->stack_count == 0);
}

enum err check_graph_components(struct check_graph *graph, uint8_t kinds, uint32_t *ret_count)
{
    const size_t room = (size_t)graph->nodes + 1;
    struct check_graph_walk walk = {
        .index = reallocarray(NULL, room, sizeof(uint32_t)),
        .low = reallocarray(NULL, room, sizeof(uint32_t)),
        .stack = reallocarray(NULL, room, sizeof(uint32_t)),
        .trail = reallocarray(NULL, room, sizeof(uint32_t)),
        .next = reallocarray(NULL, room, sizeof(size_t)),
    };
    enum err err = ERR_NO_MEMORY;
    if (walk.index != NULL && walk.low != NULL && walk.stack != NULL && walk.trail != NULL && walk.next != NULL) {
        for (uint32_t node = 0; node < graph->nodes; node++) {
            walk.index[node] = CHECK_GRAPH_UNSEEN;
        }
        for (uint32_t node = 0; node < graph->nodes; node++) {
            if (walk.index[node] == CHECK_GRAPH_UNSEEN) {
                check_graph_visit(graph, &walk, node, kinds);
            }
        }
        *ret_count = walk.components;
        err = ERR_OK;
    }
    free(walk.index);
    free(walk.low);
    free(walk.stack);
    free(walk.trail);
    free(walk.next);
    return err;
}

/* ---- searches ---------------------------------------------------------------------------------------------------- */

/* Follows the causes back from `to`; gives how many there are. */
static size_t check_graph_trace(const struct check_graph *graph, uint32_t from, uint32_t to, uint32_t *ret_path,
                                size_t limit)
{
    size_t length = 0;
    for (uint32_t node = to; node != from; node = graph->edges[graph->cause[node]].from) {
        length++;
    }
    if (length <= limit) {
        size_t at = length;
        for (uint32_t node = to; node != from; node = graph->edges[graph->cause[node]].from) {
            ret_path[--at] = graph->cause[node];
        }
    }
    return length;
}

size_t check_graph_path(struct check_graph *graph, uint32_t from, uint32_t to, uint8_t kinds, uint32_t *ret_path,
                        size_t limit)
{
    size_t head = 0;
    size_t tail = 0;
    ASSERT(from < graph->nodes && to < graph->nodes && from != to);
    graph->round++;
    graph->seen[from] = graph->round;
    graph->queue[tail++] = from;
    while (head < tail) {
        const uint32_t node = graph->queue[head++];
        for (size_t i = graph->first[node]; i < graph->first[node + 1]; i++) {
            const struct check_graph_edge *edge = &graph->edges[i];
            if (graph->budget == 0) {
                return 0;
            }
            graph->budget--;
            if ((edge->kind & kinds) == 0 || graph->component[edge->to] != graph->component[from] ||
                graph->seen[edge->to] == graph->round) {
                continue;
            }
            graph->seen[edge->to] = graph->round;
            graph->cause[edge->to] = (uint32_t)i;
            if (edge->to == to) {
                return check_graph_trace(graph, from, to, ret_path, limit);
            }
            graph->queue[tail++] = edge->to;
        }
    }
    return 0;
}
