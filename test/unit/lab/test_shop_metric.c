/* SPDX-License-Identifier: Apache-2.0
 * Counters and the histogram's cumulative buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "shop_metric.h"

static void test_print(void **state)
{
    (void)state;
    static uint8_t bytes[8192];
    struct buf buf;
    shop_metric_count("/orders", 201, 900);
    shop_metric_count("/orders", 201, 40000);
    shop_metric_count("/orders", 504, 9000000);
    shop_metric_count("/payments", 201, 1000);
    buf_init(&buf, bytes, sizeof(bytes));
    shop_metric_print(&buf);
    const char *text = buf_string(&buf);
    static const char *const lines[] = {
        "shop_requests_total{route=\"/orders\",code=\"201\"} 2\n",
        "shop_requests_total{route=\"/orders\",code=\"504\"} 1\n",
        "shop_requests_total{route=\"/payments\",code=\"201\"} 1\n",
        "shop_request_duration_seconds_bucket{le=\"0.001\"} 2\n",
        "shop_request_duration_seconds_bucket{le=\"0.05\"} 3\n",
        "shop_request_duration_seconds_bucket{le=\"5\"} 3\n",
        "shop_request_duration_seconds_bucket{le=\"+Inf\"} 4\n",
        "shop_request_duration_seconds_sum 9.041900\n",
        "shop_request_duration_seconds_count 4\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_non_null(strstr(text, lines[i]));
    }
    assert_null(strstr(text, "code=\"404\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_print)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
