/* SPDX-License-Identifier: Apache-2.0
 * Boiling the view down. */
#include "holdfast_plan.h"

#include <stdbool.h>
#include <string.h>

_Static_assert(sizeof(struct holdfast_plan) == 256, "handed over in words, found by a shift");
_Static_assert((int)LIMITS_NODES < (int)HOLDFAST_PLAN_REGION_ONLY, "a node's index fits into a byte");

/* The split's row of our own clients; that of everybody when ours says nothing. */
static uint32_t holdfast_plan_row(const struct view *view, uint32_t local)
{
    return local != LIMITS_NONE && view_split_region(view, local, 0) != LIMITS_NONE ? local
                                                                                    : (uint32_t)VIEW_HOME_DEFAULT;
}

static void holdfast_plan_shares(const struct view *view, struct holdfast_plan *plan)
{
    const uint32_t *row = view->split[holdfast_plan_row(view, plan->local)];
    uint32_t largest = 0;
    uint32_t sharing = 0;
    uint32_t end = 0;
    plan->preferred = plan->local != LIMITS_NONE ? plan->local : 0;
    if (plan->local != LIMITS_NONE) {
        largest = row[plan->local];
    }
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        const uint32_t share = i < plan->regions_count ? row[i] : 0;
        end += share;
        plan->bounds[i] = end;
        sharing += share > 0 ? 1 : 0;
        if (share > largest) {
            largest = share;
            plan->preferred = i;
        }
    }
    plan->weighted = sharing > 1 ? 1 : 0;
}

static void holdfast_plan_line_up(struct holdfast_plan *plan, uint32_t *ret_count, bool taken[LIMITS_REGIONS],
                                  uint32_t region)
{
    if (region < plan->regions_count && !taken[region]) {
        taken[region] = true;
        plan->order[(*ret_count)++] = (uint8_t)region;
    }
}

/* Our own region first, then as wished, then as in the view. */
static void holdfast_plan_order(const struct view *view, const struct holdfast_plan_wish *wish,
                                struct holdfast_plan *plan)
{
    bool taken[LIMITS_REGIONS] = {false};
    uint32_t count = 0;
    holdfast_plan_line_up(plan, &count, taken, plan->local);
    for (uint32_t i = 0; i < wish->backups_count; i++) {
        holdfast_plan_line_up(plan, &count, taken, view_region_find(view, wish->backups[i]));
    }
    for (uint32_t i = 0; i < plan->regions_count; i++) {
        holdfast_plan_line_up(plan, &count, taken, i);
    }
}

/* An unknown lag says nothing against a standby: controllers need not publish what moves all the time. */
static bool holdfast_plan_near(const struct view_node *node, uint32_t max_lag_ms)
{
    return max_lag_ms == 0 || node->lag_ms == LIMITS_NONE || node->lag_ms <= max_lag_ms;
}

/* The region's standbys that may be read; without any the writer, when it is there. */
static uint32_t holdfast_plan_readers(const struct view *view, const struct holdfast_plan_wish *wish, uint32_t database,
                                      uint32_t region, uint8_t *ret_nodes)
{
    const uint32_t writer = view->databases[database].writer;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (node->database == database && node->region == region && node->healthy != 0 && i != writer &&
            node->role == VIEW_NODE_STANDBY && node->postgres.port != 0 && holdfast_plan_near(node, wish->max_lag_ms)) {
            ret_nodes[count++] = (uint8_t)i;
        }
    }
    if (count == 0 && writer != LIMITS_NONE && view->nodes[writer].region == region &&
        view->nodes[writer].healthy != 0) {
        ret_nodes[count++] = (uint8_t)writer;
    }
    return count;
}

static uint8_t holdfast_plan_any(const struct view *view, uint32_t database, uint32_t region)
{
    uint8_t any = HOLDFAST_PLAN_NO_NODE;
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        const bool here = node->database == database && node->region == region;
        if (here && (any == HOLDFAST_PLAN_NO_NODE || i == view->databases[database].writer)) {
            any = (uint8_t)i;
        }
    }
    return any;
}

static void holdfast_plan_nodes(const struct view *view, const struct holdfast_plan_wish *wish, uint32_t database,
                                struct holdfast_plan *plan)
{
    uint32_t used = 0;
    for (uint32_t region = 0; region < plan->regions_count; region++) {
        plan->first[region] = (uint8_t)used;
        plan->count[region] = (uint8_t)holdfast_plan_readers(view, wish, database, region, plan->nodes + used);
        used += plan->count[region];
        plan->any[region] = holdfast_plan_any(view, database, region);
    }
    const struct view_database *from = &view->databases[database];
    plan->epoch = from->epoch;
    plan->hold = from->hold;
    plan->writer = from->writer;
    plan->writer_region = from->writer != LIMITS_NONE ? view->nodes[from->writer].region : LIMITS_NONE;
}

static uint32_t holdfast_plan_read_node(const struct holdfast_plan *plan, uint32_t region)
{
    if (plan->nodes_needed == 0) {
        return HOLDFAST_PLAN_REGION_ONLY;
    }
    if (plan->count[region] == 0) {
        return HOLDFAST_PLAN_NO_NODE;
    }
    return plan->count[region] == 1 ? plan->nodes[plan->first[region]] : (uint32_t)HOLDFAST_PLAN_SEVERAL;
}

static void holdfast_plan_pack(struct holdfast_plan *plan)
{
    uint32_t shift = 0;
    plan->read_nodes = UINT64_MAX;
    for (uint32_t i = 0; i <= plan->regions_count && plan->error == 0; i++) {
        const uint32_t region = i == 0 ? plan->preferred : plan->order[i - 1];
        if (i == 0 || region != plan->preferred) {
            plan->read_regions |= (uint64_t)region << shift;
            plan->read_nodes ^= (uint64_t)(holdfast_plan_read_node(plan, region) ^ HOLDFAST_PLAN_NO_NODE) << shift;
            shift += 8;
        }
    }
}

static uint64_t holdfast_plan_quick(uint32_t region, uint32_t node)
{
    return (uint64_t)(node == HOLDFAST_PLAN_REGION_ONLY ? LIMITS_NONE : node) << 32 | region;
}

static void holdfast_plan_not_quick(struct holdfast_plan *plan)
{
    for (size_t i = 0; i < sizeof plan->quick / sizeof plan->quick[0]; i++) {
        plan->quick[i] = HOLDFAST_PLAN_NOT_QUICK;
    }
}

/* Where one look at one region's word decides. */
static void holdfast_plan_shortcuts(struct holdfast_plan *plan)
{
    holdfast_plan_not_quick(plan);
    if (plan->error != 0) {
        return;
    }
    const uint32_t there = holdfast_plan_read_node(plan, plan->preferred);
    const uint32_t here =
        plan->local != LIMITS_NONE ? holdfast_plan_read_node(plan, plan->local) : (uint32_t)HOLDFAST_PLAN_NO_NODE;
    if (there < HOLDFAST_PLAN_SEVERAL) {
        plan->quick[HOLDFAST_READ] = holdfast_plan_quick(plan->preferred, there);
    }
    if (here < HOLDFAST_PLAN_SEVERAL) {
        plan->quick[HOLDFAST_LOCAL] = holdfast_plan_quick(plan->local, here);
    }
    if (plan->hold == 0 && plan->writer != LIMITS_NONE) {
        plan->quick[HOLDFAST_WRITE] = holdfast_plan_quick(plan->writer_region, plan->writer);
    }
}

void holdfast_plan_none(struct holdfast_plan *ret_plan)
{
    *ret_plan = (struct holdfast_plan){
        .read_nodes = UINT64_MAX,
        .error = HOLDFAST_NO_VIEW,
        .local = LIMITS_NONE,
        .writer = LIMITS_NONE,
        .writer_region = LIMITS_NONE,
    };
    holdfast_plan_not_quick(ret_plan);
}

void holdfast_plan_make(const struct view *view, const struct holdfast_plan_wish *wish, struct holdfast_plan *ret_plan)
{
    struct holdfast_plan plan = {.version = view->version, .regions_count = view->regions_count};
    memset(plan.any, HOLDFAST_PLAN_NO_NODE, sizeof plan.any);
    plan.local = wish->region[0] != '\0' ? view_region_find(view, wish->region) : LIMITS_NONE;
    plan.writer = LIMITS_NONE;
    plan.writer_region = LIMITS_NONE;
    plan.nodes_needed = wish->database[0] != '\0' ? 1 : 0;
    const uint32_t database = plan.nodes_needed != 0 ? view_database_find(view, wish->database) : LIMITS_NONE;
    if (plan.regions_count == 0 || (plan.nodes_needed != 0 && database == LIMITS_NONE)) {
        plan.error = HOLDFAST_NOT_FOUND;
    }
    holdfast_plan_shares(view, &plan);
    holdfast_plan_order(view, wish, &plan);
    if (database != LIMITS_NONE) {
        holdfast_plan_nodes(view, wish, database, &plan);
    }
    holdfast_plan_pack(&plan);
    holdfast_plan_shortcuts(&plan);
    *ret_plan = plan;
}
