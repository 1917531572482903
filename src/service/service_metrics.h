/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts. One block per worker, written by that worker only, read by anybody at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* X(name, text): the text is the Prometheus name behind "holdfast_service_". The first three are gauges. */
#define SERVICE_METRICS_TABLE(X)                                                                                       \
    X(CONNECTIONS, "connections")                 /* of clients now, those that wait included */                       \
    X(WAITING, "connections_waiting")             /* for a server that answers */                                      \
    X(DRAINING, "connections_draining")           /* to a region that gets no clients from there any more */           \
    X(RELAYED_TOTAL, "connections_total")         /* reached a server */                                               \
    X(REFUSED_LIMIT, "refused_limit_total")       /* beyond max_connections, or without descriptors */                 \
    X(WAIT_TIMEOUTS, "wait_timeouts_total")       /* no server within connect_wait */                                  \
    X(CONNECT_FAILURES, "connect_failures_total") /* attempts to reach a server */                                     \
    X(ELSEWHERE, "elsewhere_total")               /* reached a server of another region than the split's */            \
    X(CUT_FAILED, "cut_failed_total")             /* because the service failed in their region */                     \
    X(CUT_PRIMARY, "cut_primary_total")           /* because their server is not the primary any more */               \
    X(CUT_DRAINED, "cut_drained_total")           /* after `drain` */                                                  \
    X(CUT_IDLE, "cut_idle_total")                 /* after `idle_timeout` */                                           \
    X(BROKEN, "broken_total")                     /* an end was reset or lost */                                       \
    X(STALLED, "stalled_total")                   /* times that nothing was read because the other end took nothing */ \
    X(STARVED, "starved_total")                   /* times that nothing was read because all buffers were in use */    \
    X(BYTES_TO_SERVER, "bytes_to_server_total")                                                                        \
    X(BYTES_TO_CLIENT, "bytes_to_client_total")

enum service_metrics_kind {
#define SERVICE_METRICS_ENUM(name, text) SERVICE_METRICS_##name,
    SERVICE_METRICS_TABLE(SERVICE_METRICS_ENUM)
#undef SERVICE_METRICS_ENUM
        SERVICE_METRICS_COUNT
};

struct service_metrics {
    _Atomic uint64_t values[SERVICE_METRICS_COUNT];
};

/* A plain copy. */
struct service_metrics_sum {
    uint64_t values[SERVICE_METRICS_COUNT];
};

/* Only the owner calls these: no locked instruction is needed. */
static inline void service_metrics_add(struct service_metrics *metrics, enum service_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value + count, memory_order_relaxed);
}

static inline void service_metrics_take(struct service_metrics *metrics, enum service_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value - count, memory_order_relaxed);
}

/* Adds a worker's block to the sum. */
void service_metrics_collect(const struct service_metrics *metrics, struct service_metrics_sum *sum);

/* "connections", "cut_failed_total", ... */
const char *service_metrics_name(enum service_metrics_kind kind);
