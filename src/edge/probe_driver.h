/* SPDX-License-Identifier: Apache-2.0
 * The table of the kinds of probe. */
#pragma once

#include "edge/probe_loop.h"

/* Never NULL. */
const struct probe_driver *probe_driver_of(enum probe_kind kind);

extern const struct probe_driver probe_tcp_driver;
extern const struct probe_driver probe_http_driver;
extern const struct probe_driver probe_postgres_driver;
extern const struct probe_driver probe_redis_driver;
extern const struct probe_driver probe_kafka_driver;
extern const struct probe_driver probe_dns_driver;
extern const struct probe_driver probe_prometheus_driver;
extern const struct probe_driver probe_haproxy_driver;
extern const struct probe_driver probe_exec_driver;
extern const struct probe_driver probe_heartbeat_driver;
