/* SPDX-License-Identifier: Apache-2.0
 * How many requests each region serves. */
#include "core/traffic.h"

#include "base/assert.h"

enum {
    TRAFFIC_LEAST = 1000,     /* one request a second: below that, a source proves nothing */
    TRAFFIC_SPAN_MS = 500,    /* over less than that, a rate is noise */
    TRAFFIC_USUAL_MS = 10000, /* what "usual" is averaged over */
};

/* Each rate counts for the time since the one before it. */
static uint64_t traffic_average(const struct traffic_region *entry, uint64_t rate, struct mono ended)
{
    const int64_t since_ms = time_since_ms(ended, entry->rate_at);
    if (entry->rate_at.us == 0 || since_ms >= TRAFFIC_USUAL_MS) {
        return rate;
    }
    const uint64_t weight = since_ms > 0 ? (uint64_t)since_ms : 0;
    return (entry->usual * (TRAFFIC_USUAL_MS - weight) + rate * weight) / TRAFFIC_USUAL_MS;
}

void traffic_count(struct traffic *traffic, uint32_t region, uint32_t site, uint64_t requests, struct mono ended)
{
    ASSERT(region < LIMITS_REGIONS && site < LIMITS_SITES);
    struct traffic_region *entry = &traffic->regions[region];
    if (entry->at[site].us == 0) {
        entry->at[site] = ended;
        return;
    }
    if (requests > UINT32_MAX || entry->requests[site] > UINT32_MAX) {
        return;
    }
    entry->requests[site] += requests;
    const int64_t elapsed_ms = time_since_ms(ended, entry->at[site]);
    if (elapsed_ms < TRAFFIC_SPAN_MS) {
        return;
    }
    const uint64_t rate = entry->requests[site] * 1000 * 1000 / (uint64_t)elapsed_ms;
    entry->at[site] = ended;
    entry->requests[site] = 0;
    entry->usual = traffic_average(entry, rate, ended);
    entry->rate = rate;
    entry->rate_at = time_max(entry->rate_at, ended);
}

uint64_t traffic_rate(const struct traffic *traffic, uint32_t region)
{
    ASSERT(region < LIMITS_REGIONS);
    return traffic->regions[region].rate;
}

uint64_t traffic_carried(const struct traffic *traffic, uint32_t region)
{
    ASSERT(region < LIMITS_REGIONS);
    const struct traffic_region *entry = &traffic->regions[region];
    return entry->rate < entry->usual ? entry->rate : entry->usual;
}

bool traffic_moved(const struct traffic *traffic, uint32_t target, uint64_t source_before, uint64_t target_before)
{
    return source_before < TRAFFIC_LEAST || traffic_rate(traffic, target) >= target_before + source_before / 2;
}
