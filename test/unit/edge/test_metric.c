/* SPDX-License-Identifier: Apache-2.0
 * Metrics: values, limits, and a strict reader of the text format that also checks the naming rules. */
#include <ctype.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/metric.h"

static char memory[4 * 1024 * 1024];
static struct buf text;

static void render(void)
{
    buf_init(&text, memory, sizeof memory);
    metric_render(&text);
    assert_false(text.overflow);
}

static int setup(void **state)
{
    (void)state;
    metric_reset();
    return 0;
}

static void expect_line(const char *line)
{
    const char *found = strstr(buf_string(&text), line);
    assert_non_null(found);
    assert_int_equal(found[strlen(line)], '\n');
    assert_true(found == buf_string(&text) || found[-1] == '\n');
}

static void test_values(void **state)
{
    (void)state;
    metric_add(METRIC_NOTIFICATIONS, 2, METRIC_WITH("incidents"));
    metric_add(METRIC_NOTIFICATIONS, 3, METRIC_WITH("incidents"));
    metric_add(METRIC_NOTIFICATIONS, 1, METRIC_WITH("a \"b\"\\\n"));
    metric_set(METRIC_FAILOVER_RTO, 2.5, METRIC_WITH());
    metric_set(METRIC_ACTIVE_REGION, 1, METRIC_WITH("shop", "tokyo"));
    metric_raise(METRIC_DECISION_EVALUATIONS, 7, METRIC_WITH("NONE", "none"));
    metric_raise(METRIC_DECISION_EVALUATIONS, 5, METRIC_WITH("NONE", "none"));
    render();
    expect_line("holdfast_notifications_total{receiver=\"incidents\"} 5");
    expect_line("holdfast_notifications_total{receiver=\"a \\\"b\\\"\\\\\\n\"} 1");
    expect_line("# TYPE holdfast_notifications_total counter");
    expect_line("holdfast_failover_rto_seconds 2.5");
    expect_line("holdfast_active_region{database=\"shop\",region=\"tokyo\"} 1");
    expect_line("holdfast_decision_evaluations_total{decision=\"NONE\",gate=\"none\"} 7");
    metric_clear(METRIC_ACTIVE_REGION);
    render();
    assert_null(strstr(buf_string(&text), "active_region"));
    metric_set(METRIC_ACTIVE_REGION, 0, METRIC_WITH("shop", "taiwan"));
    render();
    expect_line("holdfast_active_region{database=\"shop\",region=\"taiwan\"} 0");
}

static void test_histogram(void **state)
{
    (void)state;
    metric_observe(METRIC_FAILOVER_DURATION, 0.1, METRIC_WITH("fence"));
    metric_observe(METRIC_FAILOVER_DURATION, 0.2, METRIC_WITH("fence"));
    metric_observe(METRIC_FAILOVER_DURATION, 1000, METRIC_WITH("fence"));
    render();
    expect_line("holdfast_failover_duration_seconds_bucket{phase=\"fence\",le=\"0.1\"} 1");
    expect_line("holdfast_failover_duration_seconds_bucket{phase=\"fence\",le=\"0.25\"} 2");
    expect_line("holdfast_failover_duration_seconds_bucket{phase=\"fence\",le=\"300\"} 2");
    expect_line("holdfast_failover_duration_seconds_bucket{phase=\"fence\",le=\"+Inf\"} 3");
    expect_line("holdfast_failover_duration_seconds_sum{phase=\"fence\"} 1000.3");
    expect_line("holdfast_failover_duration_seconds_count{phase=\"fence\"} 3");
}

static void test_series_are_limited_and_labels_cut(void **state)
{
    (void)state;
    char name[200];
    for (int i = 0; i < METRIC_SERIES + 5; i++) {
        snprintf(name, sizeof name, "r%d", i);
        metric_add(METRIC_NOTIFICATIONS, 1, METRIC_WITH(name));
    }
    render();
    expect_line("holdfast_metric_series_dropped_total 5");
    metric_reset();
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memcpy(name + METRIC_LABEL - 2, "\xc3\xa4", 2);
    metric_add(METRIC_NOTIFICATIONS, 1, METRIC_WITH(name));
    metric_add(METRIC_NOTIFICATIONS, 1, METRIC_WITH(name));
    render();
    char line[256];
    name[METRIC_LABEL - 2] = '\0';
    snprintf(line, sizeof line, "holdfast_notifications_total{receiver=\"%s\"} 2", name);
    expect_line(line);
}

static void test_overflow_is_told(void **state)
{
    (void)state;
    metric_set(METRIC_FAILOVER_RTO, 2.5, METRIC_WITH());
    buf_init(&text, memory, 64);
    metric_render(&text);
    assert_true(text.overflow);
}

/* -- the text format, read strictly -- */

static bool ends_with(const char *name, const char *ending)
{
    const size_t size = strlen(name);
    return size >= strlen(ending) && strcmp(name + size - strlen(ending), ending) == 0;
}

static const char *read_name(const char *at, char *name, size_t size)
{
    size_t length = 0;
    assert_true(isalpha((unsigned char)*at) || *at == '_');
    while (isalnum((unsigned char)at[length]) || at[length] == '_') {
        assert_true(length + 1 < size);
        name[length] = at[length];
        length++;
    }
    name[length] = '\0';
    return at + length;
}

static const char *read_labels(const char *at)
{
    char name[128];
    do {
        at = read_name(at + 1, name, sizeof name);
        assert_true(at[0] == '=' && at[1] == '"');
        at += 2;
        while (*at != '"') {
            assert_true(*at != '\n' && *at != '\0');
            assert_true(*at != '\\' || strchr("\\\"n", at[1]) != NULL);
            at += *at == '\\' ? 2 : 1;
        }
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

/* Name, help and type of one family, then its samples; returns where the next one begins. */
static const char *read_family(const char *at)
{
    char name[128];
    char again[128];
    char type[16] = "";
    assert_memory_equal(at, "# HELP ", 7);
    at = read_name(at + 7, name, sizeof name);
    assert_int_equal(*at, ' ');
    at = strchr(at, '\n') + 1;
    assert_memory_equal(at, "# TYPE ", 7);
    at = read_name(at + 7, again, sizeof again);
    assert_string_equal(name, again);
    at = read_name(at + 1, type, sizeof type);
    assert_int_equal(*at, '\n');
    assert_memory_equal(name, "holdfast_", 9);
    assert_int_equal(ends_with(name, "_total"), strcmp(type, "counter") == 0);
    assert_false(ends_with(name, "_count") || ends_with(name, "_sum") || ends_with(name, "_bucket"));
    assert_null(strstr(name, "millisecond"));
    const size_t length = strlen(name);
    at++;
    while (*at != '\0' && *at != '#') {
        char sample[128];
        at = read_name(at, sample, sizeof sample);
        assert_memory_equal(sample, name, length);
        assert_true(sample[length] == '\0' || strcmp(type, "histogram") == 0);
        at = *at == '{' ? read_labels(at) : at;
        assert_int_equal(*at, ' ');
        char *end = NULL;
        (void)strtod(at + 1, &end);
        assert_int_equal(*end, '\n');
        at = end + 1;
    }
    return at;
}

/* What each kind of metric can say, with as many labels as it has. */
static void touch(enum metric metric, const char *type, const char *labels)
{
    const char *values[METRIC_LABELS + 1] = {NULL};
    size_t count = labels[0] != '\0' ? 1 : 0;
    for (const char *at = labels; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = "v";
    }
    if (strcmp(type, "COUNTER") == 0) {
        metric_add(metric, 1, values);
    } else if (strcmp(type, "GAUGE") == 0) {
        metric_set(metric, 1, values);
    } else {
        metric_observe(metric, 1, values);
    }
}

static void test_every_metric_follows_the_rules(void **state)
{
    (void)state;
#define TOUCH(symbol, name, type, buckets, labels, help) touch(METRIC_##symbol, #type, labels);
    METRIC_TABLE(TOUCH)
#undef TOUCH
    render();
    size_t families = 0;
    for (const char *at = buf_string(&text); *at != '\0'; families++) {
        at = read_family(at);
    }
    assert_int_equal(families, METRIC_COUNT);
#define ONCE(symbol, name, type, buckets, labels, help)                                                                \
    assert_null(strstr(strstr(buf_string(&text), "# TYPE holdfast_" name " ") + 1, "# TYPE holdfast_" name " "));
    METRIC_TABLE(ONCE)
#undef ONCE
}

static void *count_many(void *context)
{
    for (int i = 0; i < 2000; i++) {
        metric_add(METRIC_HTTP_REQUESTS, 1, METRIC_WITH("GET", i % 2 == 0 ? "200" : "404"));
    }
    return context;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    render();
    expect_line("holdfast_http_requests_total{method=\"GET\",status=\"200\"} 4000");
    expect_line("holdfast_http_requests_total{method=\"GET\",status=\"404\"} 4000");
    metric_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_values, setup),
        cmocka_unit_test_setup(test_histogram, setup),
        cmocka_unit_test_setup(test_series_are_limited_and_labels_cut, setup),
        cmocka_unit_test_setup(test_overflow_is_told, setup),
        cmocka_unit_test_setup(test_every_metric_follows_the_rules, setup),
        cmocka_unit_test_setup(test_threads, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
