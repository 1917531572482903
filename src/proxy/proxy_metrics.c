/* SPDX-License-Identifier: Apache-2.0
 * What a proxy counts. */
#include "proxy/proxy_metrics.h"

#include <string.h>

#include "base/assert.h"

void proxy_metrics_collect(const struct proxy_metrics *metrics, struct proxy_metrics_sum *sum)
{
    for (int i = 0; i < PROXY_METRICS_COUNT; i++) {
        sum->values[i] += atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
    }
}

const char *proxy_metrics_name(enum proxy_metrics_kind kind)
{
    static const char *const names[] = {
#define PROXY_METRICS_TEXT(symbol, name, type, help) name,
        FIGURE_TABLE_PROXY(PROXY_METRICS_TEXT)
#undef PROXY_METRICS_TEXT
    };
    ASSERT(kind < PROXY_METRICS_COUNT);
    /* Whole microseconds in the log and at the console, seconds in /metrics. */
    return kind == PROXY_METRICS_HELD_US ? "held_us_total" : names[kind] + strlen("proxy_");
}
