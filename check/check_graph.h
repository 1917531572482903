/* SPDX-License-Identifier: Apache-2.0
 * Who must come before whom: a directed graph of operations with three kinds of edges; its strongly connected
 * components (Tarjan 1972), and shortest cycles in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    CHECK_GRAPH_WW = 1, /* to overwrote (appended directly behind) what from wrote */
    CHECK_GRAPH_WR = 2, /* to read what from wrote last */
    CHECK_GRAPH_RW = 4, /* to wrote directly behind what from read last: from did not see it */
    CHECK_GRAPH_ALL = 7,
};

struct check_graph_edge {
    uint32_t from;
    uint32_t to;
    int64_t key; /* of the list that it is about */
    uint8_t kind;
};

struct check_graph {
    uint32_t nodes;
    struct check_graph_edge *edges; /* sorted by `from` once sealed */
    size_t edges_count;
    size_t edges_capacity;
    size_t *first;       /* of each node, and one more */
    uint32_t *component; /* of each node; of the last check_graph_components() */
    uint32_t *size;      /* of each component */
    uint32_t *seen;      /* scratch of the searches: the round that met the node */
    uint32_t *queue;     /* scratch */
    uint32_t *cause;     /* scratch: the edge by which the node was met */
    uint32_t round;
    uint64_t budget; /* edges that searches may still look at; 0: searches give up */
};

/* ERR_NO_MEMORY. Finish it in any case. */
ERR_CHECK enum err check_graph_init(struct check_graph *graph, uint32_t nodes, uint64_t budget);
void check_graph_fini(struct check_graph *graph);

/* Before it is sealed. An edge to itself is left out. */
ERR_CHECK enum err check_graph_add(struct check_graph *graph, uint32_t from, uint32_t to, uint8_t kind, int64_t key);
ERR_CHECK enum err check_graph_seal(struct check_graph *graph);

/* Fills `component` and `size`, looking at edges of `kinds` only. Gives the number of components. */
ERR_CHECK enum err check_graph_components(struct check_graph *graph, uint8_t kinds, uint32_t *ret_count);

/* How long the shortest way from `from` to `to` inside their component is, over edges of `kinds`; 0: there is none, or
 * the budget is used up. `ret_path` gets the indices of its edges, unless there are more than `limit`. */
size_t check_graph_path(struct check_graph *graph, uint32_t from, uint32_t to, uint8_t kinds, uint32_t *ret_path,
                        size_t limit);
