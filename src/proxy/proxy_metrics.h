/* SPDX-License-Identifier: Apache-2.0
 * What a proxy counts. One block per worker, written by that worker only, read by anybody at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "edge/figure_table.h"

/* In the order of the table, which has the names and says what each is. HELD_US is in microseconds. */
enum proxy_metrics_kind {
#define PROXY_METRICS_ENUM(symbol, name, type, help) PROXY_METRICS_##symbol,
    FIGURE_TABLE_PROXY(PROXY_METRICS_ENUM)
#undef PROXY_METRICS_ENUM
        PROXY_METRICS_COUNT
};

struct proxy_metrics {
    _Atomic uint64_t values[PROXY_METRICS_COUNT];
};

/* A plain copy. */
struct proxy_metrics_sum {
    uint64_t values[PROXY_METRICS_COUNT];
};

/* Only the owner calls this: no locked instruction is needed. */
static inline void proxy_metrics_add(struct proxy_metrics *metrics, enum proxy_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value + count, memory_order_relaxed);
}

static inline void proxy_metrics_take(struct proxy_metrics *metrics, enum proxy_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value - count, memory_order_relaxed);
}

/* Adds a worker's block to the sum. */
void proxy_metrics_collect(const struct proxy_metrics *metrics, struct proxy_metrics_sum *sum);

/* "sessions", "fenced_total", ...: behind "holdfast_proxy_". */
const char *proxy_metrics_name(enum proxy_metrics_kind kind);
