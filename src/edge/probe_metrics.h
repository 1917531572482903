/* SPDX-License-Identifier: Apache-2.0
 * Reads a metrics page (Prometheus text format 0.0.4, and OpenMetrics as far as they agree): one metric, summed over
 * all its label sets. Pure, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    PROBE_METRICS_BUCKETS = 256,
};

struct probe_metrics_bucket {
    double limit; /* upper bound, inclusive; INFINITY for the last */
    double count; /* cumulative */
};

struct probe_metrics {
    bool counter;    /* its TYPE, or the name's end "_total", says that it only grows */
    uint32_t series; /* plain samples seen: 0 for a histogram */
    double sum;      /* of the plain samples */
    uint32_t buckets_count;
    struct probe_metrics_bucket buckets[PROBE_METRICS_BUCKETS]; /* by limit */
};

/* ERR_PROTOCOL: a line of the metric that cannot be read; ERR_NOT_FOUND: no such metric on the page; ERR_TOO_LARGE:
 * more than PROBE_METRICS_BUCKETS different limits. */
enum err probe_metrics_parse(struct span page, const char *metric, struct probe_metrics *ret_metrics) ERR_CHECK;

/* How many observations came between two pages of the same process; negative: the process was restarted, or the buckets
 * are not the same. */
double probe_metrics_added(const struct probe_metrics *before, const struct probe_metrics *now);

/* The quantile of what was added (linear inside a bucket, as Prometheus' histogram_quantile). Only when something was
 * added. */
double probe_metrics_quantile(const struct probe_metrics *before, const struct probe_metrics *now, double quantile);
