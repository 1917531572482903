/* SPDX-License-Identifier: Apache-2.0
 * kind = routing: the application layer's choice. */
#include "core/route.h"
#include "edge/whatif_kind.h"

static struct route_health whatif_routing_health(struct whatif_read *reader, const struct whatif_read_at *input,
                                                 const char *key)
{
    const struct whatif_read_at at = whatif_read_member(input, key);
    const struct whatif_read_range time = {0, WHATIF_READ_MAX, true, 0};
    struct route_health health = {.known = whatif_read_object(reader, &at, false)};
    if (health.known) {
        health.healthy = whatif_read_bool(reader, &at, "healthy", true, false);
        health.age_us = whatif_read_decimal(reader, &at, "age_s", time);
        health.latency_ns = whatif_read_decimal(reader, &at, "latency_ms", time);
    }
    return health;
}

json_t *whatif_routing_answer(const struct whatif_options *options, struct whatif_read *reader,
                              const struct whatif_read_at *input, json_t **ret_explain)
{
    (void)ret_explain;
    const struct whatif_read_range uptime = {0, WHATIF_READ_MAX, false, WHATIF_READ_MAX};
    const struct route_health local = whatif_routing_health(reader, input, "local");
    const struct route_health backup = whatif_routing_health(reader, input, "backup");
    const int64_t uptime_us = whatif_read_decimal(reader, input, "uptime_s", uptime);
    if (reader->failed) {
        return NULL;
    }
    const struct route_answer answer = route_choose(&local, &backup, uptime_us, options->profile);
    const char *alert = route_alert_name(answer.alert);
    return json_pack("{s:s,s:s?}", "route", route_region_name(answer.region), "alert", alert);
}
