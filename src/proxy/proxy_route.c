/* SPDX-License-Identifier: Apache-2.0
 * From the database name of a start-up packet to the server that the view names for it. */
#include "proxy/proxy_route.h"

#include <stdio.h>
#include <string.h>

uint32_t proxy_route_find(const struct proxy_route *routes, uint32_t count, struct span name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (span_is(name, routes[i].name)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* A standby is better when it is in the own region, then when it lags less. */
static bool proxy_route_better(const struct view *view, const char *region, const struct view_node *a,
                               const struct view_node *b)
{
    const bool a_here = strcmp(view->regions[a->region].name, region) == 0;
    const bool b_here = strcmp(view->regions[b->region].name, region) == 0;
    return a_here != b_here ? a_here : a->lag_ms < b->lag_ms;
}

static const struct view_node *proxy_route_standby(const struct view *view, uint32_t database, const char *region,
                                                   const char *but)
{
    const struct view_node *best = NULL;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (node->database != database || node->role != VIEW_NODE_STANDBY || node->healthy == 0 ||
            node->postgres.port == 0 || strcmp(node->name, but) == 0) {
            continue;
        }
        if (best == NULL || proxy_route_better(view, region, node, best)) {
            best = node;
        }
    }
    return best;
}

/* Without the node `but`; empty: with all. */
static void proxy_route_choose(const struct proxy_route *route, const struct view *view, const char *region,
                               const char *but, struct proxy_route_target *ret_target)
{
    *ret_target = (struct proxy_route_target){.open = false};
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE) {
        return;
    }
    const struct view_database *database = &view->databases[index];
    const struct view_node *writer = database->writer != LIMITS_NONE ? &view->nodes[database->writer] : NULL;
    const struct view_node *node =
        route->kind == PROXY_ROUTE_READER ? proxy_route_standby(view, index, region, but) : NULL;
    const bool to_writer = node == NULL;
    node = to_writer ? writer : node;
    ret_target->epoch = database->epoch;
    ret_target->writer = to_writer;
    ret_target->hold = database->hold != 0 && to_writer;
    ret_target->locked = database->locked_commit != 0;
    if (node != NULL && node->postgres.port != 0 && strcmp(node->name, but) != 0) {
        ret_target->open = true;
        ret_target->address = node->postgres;
        snprintf(ret_target->node, sizeof ret_target->node, "%s", node->name);
    }
}

void proxy_route_resolve(const struct proxy_route *route, const struct view *view, const char *region,
                         struct proxy_route_target *ret_target)
{
    proxy_route_choose(route, view, region, "", ret_target);
}

void proxy_route_resolve_other(const struct proxy_route *route, const struct view *view, const char *region,
                               const struct proxy_route_target *first, struct proxy_route_target *ret_target)
{
    *ret_target = (struct proxy_route_target){.open = false};
    if (route->kind == PROXY_ROUTE_READER && first->open) {
        proxy_route_choose(route, view, region, first->node, ret_target);
    }
}

static bool proxy_route_address_equal(const struct view_address *a, const struct view_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool proxy_route_keeps(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct view *view)
{
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE) {
        return false;
    }
    const struct view_database *database = &view->databases[index];
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (node->database != index || strcmp(node->name, opened->node) != 0 ||
            !proxy_route_address_equal(&node->postgres, &opened->address)) {
            continue;
        }
        return opened->writer ? database->writer == i && database->epoch == opened->epoch
                              : node->role == VIEW_NODE_STANDBY;
    }
    return false;
}
