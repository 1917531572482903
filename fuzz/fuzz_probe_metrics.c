/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a metrics page; the quantile of what two halves of it add. */
#include <math.h>

#include "base/assert.h"
#include "edge/probe_metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct probe_metrics whole;
    static struct probe_metrics half;
    if (probe_metrics_parse(span_of(data, size), "m", &whole) != ERR_OK) {
        return 0;
    }
    ASSERT(whole.series > 0 || whole.buckets_count > 0);
    for (uint32_t i = 1; i < whole.buckets_count; i++) {
        ASSERT(whole.buckets[i - 1].limit < whole.buckets[i].limit);
    }
    if (probe_metrics_parse(span_of(data, size / 2), "m", &half) == ERR_OK && probe_metrics_added(&half, &whole) > 0) {
        ASSERT(!isnan(probe_metrics_quantile(&half, &whole, 0.95)));
    }
    return 0;
}
