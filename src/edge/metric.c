/* SPDX-License-Identifier: Apache-2.0
 * What Prometheus reads from this process: the registry and the text format. */
#include "edge/metric.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_HISTOGRAM };
enum metric_bounds { METRIC_BOUNDS_NONE, METRIC_BOUNDS_PROBE, METRIC_BOUNDS_FAILOVER, METRIC_BOUNDS_FAILBACK };

/* Upper bounds in seconds; a row ends with 0. */
static const double metric_bounds[][METRIC_BUCKETS + 1] = {
    [METRIC_BOUNDS_NONE] = {0},
    [METRIC_BOUNDS_PROBE] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
    [METRIC_BOUNDS_FAILOVER] = {0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300},
    [METRIC_BOUNDS_FAILBACK] = {10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400},
};

struct metric_row {
    const char *name;
    enum metric_type type;
    enum metric_bounds bounds;
    const char *labels;
    const char *help;
};

static const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC_ROW(symbol, name, type, buckets, labels, help)                                                          \
    {"holdfast_" name, METRIC_TYPE_##type, METRIC_BOUNDS_##buckets, labels, help},
    METRIC_TABLE(METRIC_ROW)
#undef METRIC_ROW
};

struct metric_series {
    struct metric_series *next;
    uint64_t hash;
    char *labels[METRIC_LABELS];
    uint64_t count; /* counters; histograms: observations */
    double value;   /* gauges; histograms: sum */
    uint64_t buckets[METRIC_BUCKETS];
};

struct metric_family {
    struct metric_series *first;
    struct metric_series **last; /* where the next one is linked; NULL: none yet */
    size_t count;
};

static pthread_mutex_t metric_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct metric_family metric_families[METRIC_COUNT];

static size_t metric_label_count(const struct metric_row *row)
{
    size_t count = row->labels[0] != '\0' ? 1 : 0;
    for (const char *at = row->labels; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    ASSERT(count <= METRIC_LABELS);
    return count;
}

static void metric_free_series(struct metric_series *series)
{
    for (size_t i = 0; i < METRIC_LABELS; i++) {
        free(series->labels[i]);
    }
    free(series);
}

static void metric_clear_family(struct metric_family *family)
{
    while (family->first != NULL) {
        struct metric_series *series = family->first;
        family->first = series->next;
        metric_free_series(series);
    }
    *family = (struct metric_family){.first = NULL};
}

/* How much of a label's value is kept: never half a UTF-8 character. */
static size_t metric_label_size(const char *text)
{
    size_t size = strlen(text);
    if (size >= METRIC_LABEL) {
        size = METRIC_LABEL - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    return size;
}

static uint64_t metric_hash(const char *const *labels, size_t count)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash = hash_more(hash, labels[i], metric_label_size(labels[i]));
        hash = hash_more(hash, "", 1);
    }
    return hash;
}

static bool metric_same(const struct metric_series *series, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = metric_label_size(labels[i]);
        if (strlen(series->labels[i]) != size || memcmp(series->labels[i], labels[i], size) != 0) {
            return false;
        }
    }
    return true;
}

static struct metric_series *metric_new_series(const char *const *labels, size_t count, uint64_t hash)
{
    struct metric_series *series = calloc(1, sizeof *series);
    if (series == NULL) {
        return NULL;
    }
    series->hash = hash;
    for (size_t i = 0; i < count; i++) {
        series->labels[i] = strndup(labels[i], metric_label_size(labels[i]));
        if (series->labels[i] == NULL) {
            metric_free_series(series);
            return NULL;
        }
    }
    return series;
}

/* With the mutex held. NULL: beyond the limit. */
static struct metric_series *metric_find(enum metric metric, const char *const *labels)
{
    const struct metric_row *row = &metric_rows[metric];
    struct metric_family *family = &metric_families[metric];
    const size_t count = metric_label_count(row);
    for (size_t i = 0; i < count; i++) {
        ASSERT(labels[i] != NULL);
    }
    ASSERT(labels[count] == NULL);
    const uint64_t hash = metric_hash(labels, count);
    for (struct metric_series *series = family->first; series != NULL; series = series->next) {
        if (series->hash == hash && metric_same(series, labels, count)) {
            return series;
        }
    }
    struct metric_series *series = family->count < METRIC_SERIES ? metric_new_series(labels, count, hash) : NULL;
    if (series == NULL) {
        if (metric != METRIC_METRIC_SERIES_DROPPED) {
            struct metric_series *dropped = metric_find(METRIC_METRIC_SERIES_DROPPED, METRIC_WITH());
            if (dropped != NULL) {
                dropped->count++;
            }
        }
        return NULL;
    }
    *(family->last != NULL ? family->last : &family->first) = series;
    family->last = &series->next;
    family->count++;
    return series;
}

static struct metric_series *metric_enter(enum metric metric, enum metric_type type, const char *const *labels)
{
    ASSERT((size_t)metric < METRIC_COUNT);
    ASSERT(metric_rows[metric].type == type);
    pthread_mutex_lock(&metric_mutex);
    return metric_find(metric, labels);
}

void metric_add(enum metric metric, uint64_t amount, const char *const *labels)
{
    struct metric_series *series = metric_enter(metric, METRIC_TYPE_COUNTER, labels);
    if (series != NULL) {
        series->count += amount;
    }
    pthread_mutex_unlock(&metric_mutex);
}

void metric_raise(enum metric metric, uint64_t value, const char *const *labels)
{
    struct metric_series *series = metric_enter(metric, METRIC_TYPE_COUNTER, labels);
    if (series != NULL && series->count < value) {
        series->count = value;
    }
    pthread_mutex_unlock(&metric_mutex);
}

void metric_set(enum metric metric, double value, const char *const *labels)
{
    struct metric_series *series = metric_enter(metric, METRIC_TYPE_GAUGE, labels);
    if (series != NULL) {
        series->value = value;
    }
    pthread_mutex_unlock(&metric_mutex);
}

void metric_observe(enum metric metric, double value, const char *const *labels)
{
    struct metric_series *series = metric_enter(metric, METRIC_TYPE_HISTOGRAM, labels);
    if (series != NULL) {
        const double *bounds = metric_bounds[metric_rows[metric].bounds];
        size_t bucket = 0;
        while (bounds[bucket] > 0 && value > bounds[bucket]) {
            bucket++;
        }
        if (bounds[bucket] > 0) {
            series->buckets[bucket]++;
        }
        series->count++;
        series->value += value;
    }
    pthread_mutex_unlock(&metric_mutex);
}

void metric_clear(enum metric metric)
{
    ASSERT((size_t)metric < METRIC_COUNT);
    ASSERT(metric_rows[metric].type == METRIC_TYPE_GAUGE);
    pthread_mutex_lock(&metric_mutex);
    metric_clear_family(&metric_families[metric]);
    pthread_mutex_unlock(&metric_mutex);
}

void metric_reset(void)
{
    pthread_mutex_lock(&metric_mutex);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        metric_clear_family(&metric_families[i]);
    }
    pthread_mutex_unlock(&metric_mutex);
}

/* -- the text -- */

static void metric_print_escaped(struct buf *buf, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '\\':
            buf_text(buf, "\\\\");
            break;
        case '"':
            buf_text(buf, "\\\"");
            break;
        case '\n':
            buf_text(buf, "\\n");
            break;
        default:
            buf_bytes(buf, at, 1);
            break;
        }
    }
}

/* {region="taiwan",le="0.5"}, or nothing at all. */
static void metric_print_labels(struct buf *buf, const struct metric_row *row, const struct metric_series *series,
                                const char *bound)
{
    const char *name = row->labels;
    const char *separator = "{";
    for (size_t i = 0; *name != '\0'; i++) {
        const size_t size = strcspn(name, ",");
        buf_text(buf, separator);
        buf_bytes(buf, name, size);
        buf_text(buf, "=\"");
        metric_print_escaped(buf, series->labels[i]);
        buf_text(buf, "\"");
        separator = ",";
        name += size;
        name += *name == ',' ? 1 : 0;
    }
    if (bound != NULL) {
        buf_printf(buf, "%sle=\"%s\"", separator, bound);
        separator = ",";
    }
    buf_text(buf, separator[0] == ',' ? "} " : " ");
}

static void metric_print_histogram(struct buf *buf, const struct metric_row *row, const struct metric_series *series)
{
    const double *bounds = metric_bounds[row->bounds];
    uint64_t cumulated = 0;
    for (size_t i = 0; bounds[i] > 0; i++) {
        char bound[32];
        snprintf(bound, sizeof bound, "%.15g", bounds[i]);
        cumulated += series->buckets[i];
        buf_printf(buf, "%s_bucket", row->name);
        metric_print_labels(buf, row, series, bound);
        buf_printf(buf, "%llu\n", (unsigned long long)cumulated);
    }
    buf_printf(buf, "%s_bucket", row->name);
    metric_print_labels(buf, row, series, "+Inf");
    buf_printf(buf, "%llu\n%s_sum", (unsigned long long)series->count, row->name);
    metric_print_labels(buf, row, series, NULL);
    buf_printf(buf, "%.15g\n%s_count", series->value, row->name);
    metric_print_labels(buf, row, series, NULL);
    buf_printf(buf, "%llu\n", (unsigned long long)series->count);
}

static void metric_print_series(struct buf *buf, const struct metric_row *row, const struct metric_series *series)
{
    if (row->type == METRIC_TYPE_HISTOGRAM) {
        metric_print_histogram(buf, row, series);
        return;
    }
    buf_text(buf, row->name);
    metric_print_labels(buf, row, series, NULL);
    if (row->type == METRIC_TYPE_COUNTER) {
        buf_printf(buf, "%llu\n", (unsigned long long)series->count);
    } else {
        buf_printf(buf, "%.15g\n", series->value);
    }
}

void metric_render(struct buf *buf)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    pthread_mutex_lock(&metric_mutex);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &metric_rows[i];
        if (metric_families[i].first == NULL) {
            continue;
        }
        buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name, types[row->type]);
        for (const struct metric_series *series = metric_families[i].first; series != NULL; series = series->next) {
            metric_print_series(buf, row, series);
        }
    }
    pthread_mutex_unlock(&metric_mutex);
}
