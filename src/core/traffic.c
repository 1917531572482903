/* SPDX-License-Identifier: Apache-2.0
 * How many requests each region serves. */
#include "core/traffic.h"

#include "base/assert.h"

enum {
    TRAFFIC_LEAST = 1000, /* one request a second: below that, a source proves nothing */
};

void traffic_count(struct traffic *traffic, uint32_t region, uint32_t site, uint64_t requests, struct mono now)
{
    ASSERT(region < LIMITS_REGIONS && site < LIMITS_SITES);
    struct traffic_region *entry = &traffic->regions[region];
    const struct mono before = entry->at[site];
    entry->at[site] = now;
    const int64_t elapsed_ms = time_since_ms(now, before);
    if (before.us == 0 || elapsed_ms <= 0 || requests > UINT32_MAX) {
        return;
    }
    entry->rate = requests * 1000 * 1000 / (uint64_t)elapsed_ms;
    entry->rate_at = now;
}

uint64_t traffic_rate(const struct traffic *traffic, uint32_t region)
{
    ASSERT(region < LIMITS_REGIONS);
    return traffic->regions[region].rate;
}

bool traffic_moved(const struct traffic *traffic, uint32_t target, uint64_t source_before, uint64_t target_before)
{
    return source_before < TRAFFIC_LEAST || traffic_rate(traffic, target) >= target_before + source_before / 2;
}
