/* SPDX-License-Identifier: Apache-2.0
 * Counts and times of the shop's requests, as Prometheus text. Any thread. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

enum { SHOP_METRIC_ROUTES = 8 };

/* Counts one answer. `route` is a literal and one of at most SHOP_METRIC_ROUTES. */
void shop_metric_count(const char *route, unsigned status, int64_t duration_us);

/* shop_requests_total{route,code} and the histogram shop_request_duration_seconds (all routes). */
void shop_metric_print(struct buf *buf);
