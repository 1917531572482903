/* SPDX-License-Identifier: Apache-2.0
 * The application layer's choice between its own region and the backup. Used by `holdfast decide` and libholdfast.
 *
 * Usable is: healthy, younger than 10 s and faster than 1000 ms. When neither region is usable the local one is taken
 * and the circuit breaker decides per call. Values in, values out; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/model.h"

enum route_region { ROUTE_LOCAL, ROUTE_BACKUP };

enum route_alert { ROUTE_ALERT_NONE, ROUTE_ALERT_FAILOVER, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY };

/* The last result of a region's health check. */
struct route_health {
    bool known; /* false: no result yet */
    bool healthy;
    int64_t age_us;
    int64_t latency_ns;
};

struct route_answer {
    enum route_region region;
    enum route_alert alert;
};

bool route_usable(const struct route_health *health);

/* `uptime_us` is the time since this process started: the standard profile stays local without an alert during the
 * first 10 s as long as there is no local result. */
struct route_answer route_choose(const struct route_health *local, const struct route_health *backup, int64_t uptime_us,
                                 enum model_profile profile);

const char *route_region_name(enum route_region region);

/* NULL for no alert. */
const char *route_alert_name(enum route_alert alert);
