/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts. */
#include "service/service_metrics.h"

#include <string.h>

#include "base/assert.h"

void service_metrics_clear(struct service_metrics *metrics)
{
    for (int i = 0; i < SERVICE_METRICS_COUNT; i++) {
        atomic_store_explicit(&metrics->values[i], 0, memory_order_relaxed);
    }
}

void service_metrics_collect(const struct service_metrics *metrics, struct service_metrics_sum *sum)
{
    for (int i = 0; i < SERVICE_METRICS_COUNT; i++) {
        sum->values[i] += atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
    }
}

const char *service_metrics_name(enum service_metrics_kind kind)
{
    static const char *const names[] = {
#define SERVICE_METRICS_TEXT(symbol, name, type, help) name,
        FIGURE_TABLE_SERVICE(SERVICE_METRICS_TEXT)
#undef SERVICE_METRICS_TEXT
    };
    ASSERT(kind < SERVICE_METRICS_COUNT);
    return names[kind] + strlen("service_");
}
