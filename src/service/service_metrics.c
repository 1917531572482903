/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts. */
#include "service/service_metrics.h"

#include "base/assert.h"

void service_metrics_collect(const struct service_metrics *metrics, struct service_metrics_sum *sum)
{
    for (int i = 0; i < SERVICE_METRICS_COUNT; i++) {
        sum->values[i] += atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
    }
}

const char *service_metrics_name(enum service_metrics_kind kind)
{
    static const char *const names[] = {
#define SERVICE_METRICS_TEXT(name, text) text,
        SERVICE_METRICS_TABLE(SERVICE_METRICS_TEXT)
#undef SERVICE_METRICS_TEXT
    };
    ASSERT(kind < SERVICE_METRICS_COUNT);
    return names[kind];
}
