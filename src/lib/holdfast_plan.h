/* SPDX-License-Identifier: Apache-2.0
 * What a route is chosen from: the view boiled down to the few figures that a choice needs. Private to libholdfast.
 *
 * Pure: values in, values out. A multiple of eight bytes, because it is handed over word by word. */
#pragma once

#include <holdfast.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/view.h"

/* What the application asked for when it attached. */
struct holdfast_plan_wish {
    char region[LIMITS_NAME];   /* empty: nothing is local */
    char database[LIMITS_NAME]; /* empty: regions only */
    char backups[LIMITS_REGIONS][LIMITS_NAME];
    uint32_t backups_count;
    uint32_t max_lag_ms; /* 0: any */
};

struct holdfast_plan {
    uint64_t version;
    uint64_t epoch;
    uint64_t quick[4];     /* by intent, without a key: node << 32 | region; HOLDFAST_PLAN_NOT_QUICK: ask further */
    uint64_t read_regions; /* a byte for each: `preferred` first, then those that stand in for it */
    uint64_t read_nodes;   /* likewise the node for reads there, or one of the words below */
    uint32_t error;        /* enum holdfast_error: the wish is not in the view */
    uint32_t preferred;    /* region of calls without a key */
    uint32_t local;        /* LIMITS_NONE: none */
    uint32_t nodes_needed;
    uint32_t writer; /* node */
    uint32_t writer_region;
    uint32_t hold;
    uint32_t regions_count;
    uint32_t weighted; /* several regions have a share */
    uint32_t reserved;
    uint32_t bounds[LIMITS_REGIONS]; /* region i has the points from bounds[i - 1] on */
    uint8_t order[LIMITS_REGIONS];   /* who stands in */
    uint8_t first[LIMITS_REGIONS];   /* of the region's nodes for reads, in `nodes` */
    uint8_t count[LIMITS_REGIONS];
    uint8_t any[LIMITS_REGIONS]; /* node of last resort; HOLDFAST_PLAN_NO_NODE */
    uint8_t nodes[LIMITS_NODES];
    uint8_t padding[56]; /* to a power of two, so that a plan is found by a shift */
};

/* A region that is never usable: it has a word of its own (holdfast_state.h). */
enum { HOLDFAST_PLAN_NOT_QUICK = LIMITS_REGIONS };

enum {
    HOLDFAST_PLAN_REGION_ONLY = 0xfd, /* no node is wanted */
    HOLDFAST_PLAN_SEVERAL = 0xfe,     /* look into `nodes` */
    HOLDFAST_PLAN_NO_NODE = 0xff,     /* or no region */
};

/* What there is to choose from before the first view: nothing. */
void holdfast_plan_none(struct holdfast_plan *ret_plan);

void holdfast_plan_make(const struct view *view, const struct holdfast_plan_wish *wish, struct holdfast_plan *ret_plan);
