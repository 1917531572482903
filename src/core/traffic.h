/* SPDX-License-Identifier: Apache-2.0
 * How many requests each region serves, as its observers count them: what "traffic has moved" is measured against.
 *
 * Rates are in requests per 1,000 seconds, so that a few per minute still count. Part of the engine's state.
 *
 * A machine under load delivers counts late, and several at once: a rate is taken over the time between the probes, not
 * between their arrivals. What a region carried before it was left is the lower of its last rate and its average: the
 * one knows nothing of bursts, the other nothing of a shift a moment ago. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/limits.h"

struct traffic_region {
    struct mono at[LIMITS_SITES];    /* until when each observer's requests are part of a rate; us 0: none yet */
    uint64_t requests[LIMITS_SITES]; /* counted since then */
    uint64_t rate;                   /* by the latest count of any observer; stays when the region falls silent */
    uint64_t usual;                  /* averaged over some seconds */
    struct mono rate_at;             /* us 0: nobody counted yet */
};

struct traffic {
    struct traffic_region regions[LIMITS_REGIONS];
};

/* An observer counted so many requests since its last count, with a probe that ended at `ended`. The first count only
 * starts the clock. */
void traffic_count(struct traffic *traffic, uint32_t region, uint32_t site, uint64_t requests, struct mono ended);

/* The last known rate; 0 when nobody counts. */
uint64_t traffic_rate(const struct traffic *traffic, uint32_t region);

/* What the region certainly carries: its last rate or the average of the last seconds, whichever is lower. */
uint64_t traffic_carried(const struct traffic *traffic, uint32_t region);

/* Whether what the source carried has arrived at the target: at least half of it on top of what the target had before.
 * A source that carried next to nothing proves nothing and asks for nothing. */
bool traffic_moved(const struct traffic *traffic, uint32_t target, uint64_t source_before, uint64_t target_before);
