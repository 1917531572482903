/* SPDX-License-Identifier: Apache-2.0
 * Metrics pages: sums over label sets, quantiles of what was added. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/probe_metrics.h"

static enum err parse(const char *text, struct probe_metrics *metrics)
{
    return probe_metrics_parse(span_text(text), "m", metrics);
}

static void plain_samples_add_up(void **state)
{
    (void)state;
    struct probe_metrics metrics;
    assert_int_equal(
        parse("# TYPE m gauge\nother 5\nm{a=\"x y, }\\\"\",b=\"c\"} 1.5\nm 2 1700000000\nm_more 9\n", &metrics),
        ERR_OK);
    assert_int_equal(metrics.series, 2);
    assert_true(fabs(metrics.sum - 3.5) < 1e-9);
    assert_false(metrics.counter);
    assert_int_equal(parse("# TYPE m counter\nm 1", &metrics), ERR_OK);
    assert_true(metrics.counter);
    assert_int_equal(probe_metrics_parse(span_text("x_total 3\n"), "x_total", &metrics), ERR_OK);
    assert_true(metrics.counter);
}

static void bad_lines_are_refused(void **state)
{
    (void)state;
    struct probe_metrics metrics;
    assert_int_equal(parse("", &metrics), ERR_NOT_FOUND);
    assert_int_equal(parse("<html>\n", &metrics), ERR_NOT_FOUND);
    assert_int_equal(parse("m\n", &metrics), ERR_PROTOCOL);
    assert_int_equal(parse("m one\n", &metrics), ERR_PROTOCOL);
    assert_int_equal(parse("m{a=\"b\n", &metrics), ERR_PROTOCOL);
    assert_int_equal(parse("m_bucket 3\n", &metrics), ERR_PROTOCOL);
    assert_int_equal(parse("m_bucket{le=\"x\"} 3\n", &metrics), ERR_PROTOCOL);
    assert_int_equal(parse("m_bucket{le=\"1\"} -3\n", &metrics), ERR_PROTOCOL);
}

/* 60 observations up to 0.1 s, 30 up to 0.5 s, 10 up to 1 s: the 95th of 100 is half-way in the third bucket. */
static void quantile_of_what_was_added(void **state)
{
    (void)state;
    struct probe_metrics before;
    struct probe_metrics now;
    assert_int_equal(parse("m_bucket{le=\"0.1\"} 1000\nm_bucket{le=\"0.5\"} 1000\nm_bucket{le=\"1\"} 1000\n"
                           "m_bucket{le=\"+Inf\"} 1000\nm_sum 3\nm_count 1000\n",
                           &before),
                     ERR_OK);
    assert_int_equal(
        parse("m_bucket{le=\"+Inf\"} 600\nm_bucket{le=\"1\"} 600\nm_bucket{le=\"0.1\"} 560\n"
              "m_bucket{le=\"0.5\"} 590\nm_bucket{p=\"2\",le=\"0.1\"} 500\nm_bucket{p=\"2\",le=\"0.5\"} 500\n"
              "m_bucket{p=\"2\",le=\"1\"} 500\nm_bucket{p=\"2\",le=\"+Inf\"} 500\n",
              &now),
        ERR_OK);
    assert_int_equal(now.buckets_count, 4);
    assert_true(fabs(probe_metrics_added(&before, &now) - 100) < 1e-9);
    assert_true(fabs(probe_metrics_quantile(&before, &now, 0.95) - 0.75) < 1e-9);
    assert_true(fabs(probe_metrics_quantile(&before, &now, 0.30) - 0.05) < 1e-9);
    assert_true(probe_metrics_added(&now, &before) < 0); /* a restart */
    now.buckets_count--;
    assert_true(probe_metrics_added(&before, &now) < 0); /* other buckets */
}

static void beyond_the_last_limit_counts_as_the_last_limit(void **state)
{
    (void)state;
    struct probe_metrics before;
    struct probe_metrics now;
    assert_int_equal(parse("m_bucket{le=\"2\"} 0\nm_bucket{le=\"+Inf\"} 0\n", &before), ERR_OK);
    assert_int_equal(parse("m_bucket{le=\"2\"} 0\nm_bucket{le=\"+Inf\"} 7\n", &now), ERR_OK);
    assert_true(fabs(probe_metrics_quantile(&before, &now, 0.95) - 2) < 1e-9);
}

static void too_many_buckets(void **state)
{
    (void)state;
    char *text = malloc(65536);
    assert_non_null(text);
    size_t size = 0;
    for (int i = 0; i <= PROBE_METRICS_BUCKETS; i++) {
        size += (size_t)snprintf(text + size, 65536 - size, "m_bucket{le=\"%d\"} 1\n", i);
    }
    struct probe_metrics metrics;
    assert_int_equal(parse(text, &metrics), ERR_TOO_LARGE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_samples_add_up),       cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(quantile_of_what_was_added), cmocka_unit_test(beyond_the_last_limit_counts_as_the_last_limit),
        cmocka_unit_test(too_many_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
