/* SPDX-License-Identifier: Apache-2.0
 * Local, backup, or local with a breaker. */
#include "core/route.h"

#include <stddef.h>

#include "base/time.h"

enum { ROUTE_AGE_S = 10, ROUTE_LATENCY_MS = 1000, ROUTE_GRACE_S = 10, ROUTE_NS_PER_MS = 1000000 };

bool route_usable(const struct route_health *health)
{
    return health->known && health->healthy && health->age_us < (int64_t)ROUTE_AGE_S * TIME_US_PER_S &&
           health->latency_ns < (int64_t)ROUTE_LATENCY_MS * ROUTE_NS_PER_MS;
}

struct route_answer route_choose(const struct route_health *local, const struct route_health *backup, int64_t uptime_us,
                                 enum model_profile profile)
{
    const bool starting = uptime_us < (int64_t)ROUTE_GRACE_S * TIME_US_PER_S;
    if (profile == MODEL_STANDARD && starting && !local->known) {
        return (struct route_answer){ROUTE_LOCAL, ROUTE_ALERT_NONE};
    }
    if (route_usable(local)) {
        return (struct route_answer){ROUTE_LOCAL, ROUTE_ALERT_NONE};
    }
    if (route_usable(backup)) {
        return (struct route_answer){ROUTE_BACKUP, ROUTE_ALERT_FAILOVER};
    }
    return (struct route_answer){ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY};
}

const char *route_region_name(enum route_region region)
{
    return region == ROUTE_BACKUP ? "backup" : "local";
}

const char *route_alert_name(enum route_alert alert)
{
    if (alert == ROUTE_ALERT_NONE) {
        return NULL;
    }
    return alert == ROUTE_ALERT_FAILOVER ? "FAILOVER" : "ALL_REGIONS_UNHEALTHY";
}
