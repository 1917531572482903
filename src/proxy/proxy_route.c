/* SPDX-License-Identifier: Apache-2.0
 * From the database name of a start-up packet to the server that the view names for it. */
#include "proxy/proxy_route.h"

#include <stdio.h>
#include <string.h>

enum { PROXY_ROUTE_FRESH_MS = 10000 }; /* as libholdfast's max_lag_ms */

uint32_t proxy_route_find(const struct proxy_route *routes, uint32_t count, struct span name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!routes[i].closed && span_is(name, routes[i].name)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

static uint32_t proxy_route_distance(const struct view *view, const struct proxy_route_place *place, uint32_t region)
{
    uint32_t distance = 0;
    while (distance < place->count && strcmp(place->regions[distance], view->regions[region].name) != 0) {
        distance++;
    }
    return distance;
}

/* A standby is better when it is nearer, then when it lags less. */
static bool proxy_route_better(const struct view *view, const struct proxy_route_place *place,
                               const struct view_node *a, const struct view_node *b)
{
    const uint32_t a_distance = proxy_route_distance(view, place, a->region);
    const uint32_t b_distance = proxy_route_distance(view, place, b->region);
    return a_distance != b_distance ? a_distance < b_distance : a->lag_ms < b->lag_ms;
}

/* A lag that is unknown is within no bound. */
static bool proxy_route_fresh(const struct proxy_route *route, const struct view_node *node)
{
    return route->max_lag_ms == 0 || node->lag_ms <= route->max_lag_ms;
}

/* Whether a reader may go there. */
static bool proxy_route_fit(const struct proxy_route *route, const struct view_node *node, uint32_t database)
{
    return node->database == database && node->role == VIEW_NODE_STANDBY && node->healthy != 0 &&
           node->postgres.port != 0 && proxy_route_fresh(route, node);
}

static const struct view_node *proxy_route_standby(const struct proxy_route *route, const struct view *view,
                                                   uint32_t database, const struct proxy_route_place *place,
                                                   const char *but)
{
    const struct view_node *best = NULL;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (proxy_route_fit(route, node, database) && strcmp(node->name, but) != 0 &&
            (best == NULL || proxy_route_better(view, place, node, best))) {
            best = node;
        }
    }
    return best;
}

/* Without the node `but`; empty: with all. */
static void proxy_route_choose(const struct proxy_route *route, const struct view *view,
                               const struct proxy_route_place *place, const char *but,
                               struct proxy_route_target *ret_target)
{
    *ret_target = (struct proxy_route_target){.open = false};
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE) {
        return;
    }
    const struct view_database *database = &view->databases[index];
    const struct view_node *writer = database->writer != LIMITS_NONE ? &view->nodes[database->writer] : NULL;
    const struct view_node *node =
        route->kind == PROXY_ROUTE_READER ? proxy_route_standby(route, view, index, place, but) : NULL;
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

void proxy_route_resolve(const struct proxy_route *route, const struct view *view,
                         const struct proxy_route_place *place, struct proxy_route_target *ret_target)
{
    proxy_route_choose(route, view, place, "", ret_target);
}

void proxy_route_choose_standbys(const struct proxy_route *route, const struct view *view,
                                 const struct proxy_route_place *place, struct proxy_route_choices *ret_choices)
{
    *ret_choices = (struct proxy_route_choices){.count = 0};
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE || route->kind != PROXY_ROUTE_READER) {
        return;
    }
    const struct view_node *best = proxy_route_standby(route, view, index, place, "");
    for (uint32_t i = 0; i < view->nodes_count && best != NULL && ret_choices->count < PROXY_ROUTE_CHOICES; i++) {
        const struct view_node *node = &view->nodes[i];
        const bool as_near =
            proxy_route_distance(view, place, node->region) == proxy_route_distance(view, place, best->region);
        const bool as_fresh = node == best || route->max_lag_ms > 0 || node->lag_ms < PROXY_ROUTE_FRESH_MS;
        if (proxy_route_fit(route, node, index) && as_near && as_fresh) {
            struct proxy_route_target *target = &ret_choices->list[ret_choices->count++];
            target->open = true;
            target->locked = view->databases[index].locked_commit != 0;
            target->epoch = view->databases[index].epoch;
            target->address = node->postgres;
            snprintf(target->node, sizeof target->node, "%s", node->name);
        }
    }
}

void proxy_route_resolve_other(const struct proxy_route *route, const struct view *view,
                               const struct proxy_route_place *place, const struct proxy_route_target *first,
                               struct proxy_route_target *ret_target)
{
    *ret_target = (struct proxy_route_target){.open = false};
    if (route->kind == PROXY_ROUTE_READER && first->open) {
        proxy_route_choose(route, view, place, first->node, ret_target);
    }
}

static bool proxy_route_address_equal(const struct view_address *a, const struct view_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The node that a target was; NULL: it is not there any more, or elsewhere. */
static const struct view_node *proxy_route_node(const struct view *view, uint32_t database,
                                                const struct proxy_route_target *opened)
{
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (node->database == database && strcmp(node->name, opened->node) == 0 &&
            proxy_route_address_equal(&node->postgres, &opened->address)) {
            return node;
        }
    }
    return NULL;
}

bool proxy_route_keeps(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct view *view)
{
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE) {
        return false;
    }
    const struct view_database *database = &view->databases[index];
    const struct view_node *node = proxy_route_node(view, index, opened);
    if (node == NULL) {
        return false;
    }
    return opened->writer ? database->writer == (uint32_t)(node - view->nodes) && database->epoch == opened->epoch
                          : node->role == VIEW_NODE_STANDBY;
}

bool proxy_route_stale(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct proxy_route_target *now, const struct view *view)
{
    const uint32_t index = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (index == LIMITS_NONE || route->kind != PROXY_ROUTE_READER) {
        return false;
    }
    if (opened->writer) {
        return now->open && !now->writer;
    }
    const struct view_node *node = proxy_route_node(view, index, opened);
    return node != NULL && !proxy_route_fresh(route, node);
}
