/* SPDX-License-Identifier: Apache-2.0
 * The table of the kinds of probe. */
#include "edge/probe_driver.h"

#include "base/assert.h"

static const struct probe_driver *const probe_drivers[PROBE_KINDS] = {
    [PROBE_TCP] = &probe_tcp_driver,
    [PROBE_HTTP] = &probe_http_driver,
    [PROBE_HTTPS] = &probe_http_driver,
    [PROBE_POSTGRES] = &probe_postgres_driver,
    [PROBE_REDIS] = &probe_redis_driver,
    [PROBE_KAFKA] = &probe_kafka_driver,
    [PROBE_DNS] = &probe_dns_driver,
    [PROBE_PROMETHEUS] = &probe_prometheus_driver,
    [PROBE_HAPROXY] = &probe_haproxy_driver,
    [PROBE_EXEC] = &probe_exec_driver,
    [PROBE_HEARTBEAT] = &probe_heartbeat_driver,
};

const struct probe_driver *probe_driver_of(enum probe_kind kind)
{
    ASSERT((size_t)kind < PROBE_KINDS && probe_drivers[kind] != NULL);
    return probe_drivers[kind];
}
