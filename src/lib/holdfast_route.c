/* SPDX-License-Identifier: Apache-2.0
 * The public route choice: core/route.h with the standard profile. */
#include <holdfast.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/route.h"

static struct route_health holdfast_route_health(const struct holdfast_health *health)
{
    if (health == NULL) {
        return (struct route_health){.known = false};
    }
    return (struct route_health){true, health->healthy != 0, health->age_us, health->latency_ns};
}

enum holdfast_route holdfast_route_choose(const struct holdfast_health *local, const struct holdfast_health *backup,
                                          int64_t uptime_us, enum holdfast_alert *ret_alert)
{
    const struct route_health here = holdfast_route_health(local);
    const struct route_health there = holdfast_route_health(backup);
    const struct route_answer answer = route_choose(&here, &there, uptime_us, MODEL_STANDARD);
    if (ret_alert != NULL) {
        *ret_alert = (enum holdfast_alert)answer.alert;
    }
    return (enum holdfast_route)answer.region;
}
