/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts. One block per service and worker, written by that worker only, read by anybody at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "edge/figure_table.h"

/* In the order of the table, which has the names and says what each is. */
enum service_metrics_kind {
#define SERVICE_METRICS_ENUM(symbol, name, type, help) SERVICE_METRICS_##symbol,
    FIGURE_TABLE_SERVICE(SERVICE_METRICS_ENUM)
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

/* The block is another service's from now on. By its owner. */
void service_metrics_clear(struct service_metrics *metrics);

/* Adds a worker's block to the sum. */
void service_metrics_collect(const struct service_metrics *metrics, struct service_metrics_sum *sum);

/* "connections", "cut_failed_total", ...: behind "holdfast_service_". */
const char *service_metrics_name(enum service_metrics_kind kind);
