/* SPDX-License-Identifier: Apache-2.0
 * How many requests each region serves, as its observers count them: what "traffic has moved" is measured against.
 *
 * Rates are in requests per 1,000 seconds, so that a few per minute still count. Part of the engine's state. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/limits.h"

struct traffic_region {
    struct mono at[LIMITS_SITES]; /* last count of each observer; us 0: none */
    uint64_t rate;                /* by the latest count of any observer; stays when the region falls silent */
    struct mono rate_at;
};

struct traffic {
    struct traffic_region regions[LIMITS_REGIONS];
};

/* An observer counted so many requests since its last count. The first count only starts the clock. */
void traffic_count(struct traffic *traffic, uint32_t region, uint32_t site, uint64_t requests, struct mono now);

/* The last known rate; 0 when nobody counts. */
uint64_t traffic_rate(const struct traffic *traffic, uint32_t region);

/* Whether what the source carried has arrived at the target: at least half of it on top of what the target had before.
 * A source that carried next to nothing proves nothing and asks for nothing. */
bool traffic_moved(const struct traffic *traffic, uint32_t target, uint64_t source_before, uint64_t target_before);
