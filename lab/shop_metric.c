/* SPDX-License-Identifier: Apache-2.0
 * Counts and times of the shop's requests, as Prometheus text. */
#include "shop_metric.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/assert.h"

static const int64_t shop_metric_bounds_us[] = {1000,   2500,   5000,   10000,   25000,   50000,
                                                100000, 250000, 500000, 1000000, 2500000, 5000000};
static const unsigned shop_metric_codes[] = {200, 201, 400, 404, 405, 409, 413, 503, 504};

enum {
    SHOP_METRIC_BOUNDS = sizeof(shop_metric_bounds_us) / sizeof(shop_metric_bounds_us[0]),
    SHOP_METRIC_CODES = sizeof(shop_metric_codes) / sizeof(shop_metric_codes[0]),
};

static struct {
    pthread_mutex_t lock;
    const char *route[SHOP_METRIC_ROUTES];
    uint64_t requests[SHOP_METRIC_ROUTES][SHOP_METRIC_CODES];
    uint64_t bucket[SHOP_METRIC_BOUNDS + 1];
    uint64_t sum_us;
} shop_metric = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t shop_metric_route(const char *route)
{
    for (size_t i = 0; i < SHOP_METRIC_ROUTES; i++) {
        if (shop_metric.route[i] == NULL) {
            shop_metric.route[i] = route;
        }
        if (strcmp(shop_metric.route[i], route) == 0) {
            return i;
        }
    }
    assert_fail("a shop with more routes than SHOP_METRIC_ROUTES", __FILE__, __LINE__, __func__);
}

void shop_metric_count(const char *route, unsigned status, int64_t duration_us)
{
    size_t code = 0;
    while (code < SHOP_METRIC_CODES && shop_metric_codes[code] != status) {
        code++;
    }
    ASSERT(code < SHOP_METRIC_CODES);
    size_t bucket = 0;
    while (bucket < SHOP_METRIC_BOUNDS && duration_us > shop_metric_bounds_us[bucket]) {
        bucket++;
    }
    (void)pthread_mutex_lock(&shop_metric.lock);
    shop_metric.requests[shop_metric_route(route)][code]++;
    shop_metric.bucket[bucket]++;
    shop_metric.sum_us += (uint64_t)duration_us;
    (void)pthread_mutex_unlock(&shop_metric.lock);
}

void shop_metric_print(struct buf *buf)
{
    (void)pthread_mutex_lock(&shop_metric.lock);
    buf_text(buf, "# HELP shop_requests_total Requests answered.\n# TYPE shop_requests_total counter\n");
    for (size_t i = 0; i < SHOP_METRIC_ROUTES && shop_metric.route[i] != NULL; i++) {
        for (size_t j = 0; j < SHOP_METRIC_CODES; j++) {
            if (shop_metric.requests[i][j] > 0) {
                buf_printf(buf, "shop_requests_total{route=\"%s\",code=\"%u\"} %" PRIu64 "\n", shop_metric.route[i],
                           shop_metric_codes[j], shop_metric.requests[i][j]);
            }
        }
    }
    buf_text(buf, "# HELP shop_request_duration_seconds Time to answer.\n"
                  "# TYPE shop_request_duration_seconds histogram\n");
    uint64_t total = 0;
    for (size_t i = 0; i < SHOP_METRIC_BOUNDS; i++) {
        total += shop_metric.bucket[i];
        buf_printf(buf, "shop_request_duration_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                   (double)shop_metric_bounds_us[i] / 1e6, total);
    }
    total += shop_metric.bucket[SHOP_METRIC_BOUNDS];
    buf_printf(buf, "shop_request_duration_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", total);
    buf_printf(buf, "shop_request_duration_seconds_sum %.6f\n", (double)shop_metric.sum_us / 1e6);
    buf_printf(buf, "shop_request_duration_seconds_count %" PRIu64 "\n", total);
    (void)pthread_mutex_unlock(&shop_metric.lock);
}
