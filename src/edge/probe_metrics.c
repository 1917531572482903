/* SPDX-License-Identifier: Apache-2.0
 * Reads a metrics page: one metric, summed over all its label sets. */
#include "edge/probe_metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"

static bool probe_metrics_number(struct span text, double *ret_number)
{
    char copy[64];
    char *end = NULL;
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, 0, text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    const double number = strtod(copy, &end);
    if (*end != 0 || end == copy) {
        return false;
    }
    *ret_number = number;
    return true;
}

static void probe_metrics_blank(struct cursor *cursor)
{
    while (cursor_left(cursor) > 0 && (cursor->data[cursor->at] == ' ' || cursor->data[cursor->at] == '\t')) {
        cursor_skip(cursor, 1);
    }
}

/* Up to one of these characters, which stays. */
static struct span probe_metrics_word(struct cursor *cursor, const char *stops)
{
    const size_t begin = cursor->at;
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] != 0 &&
           strchr(stops, cursor->data[cursor->at]) == NULL) {
        cursor_skip(cursor, 1);
    }
    return span_of(cursor->data + begin, cursor->at - begin);
}

static struct span probe_metrics_quoted(struct cursor *cursor)
{
    if (cursor_u8(cursor) != '"') {
        cursor_fail(cursor);
    }
    const size_t begin = cursor->at;
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] != '"') {
        cursor_skip(cursor, cursor->data[cursor->at] == '\\' ? 2 : 1);
    }
    const struct span value =
        cursor_ok(cursor) ? span_of(cursor->data + begin, cursor->at - begin) : (struct span){NULL, 0};
    cursor_skip(cursor, 1);
    return value;
}

/* {a="b",le="0.5",}: the value of le is what we want. */
static struct span probe_metrics_labels(struct cursor *cursor)
{
    struct span le = {NULL, 0};
    cursor_skip(cursor, 1);
    for (;;) {
        probe_metrics_blank(cursor);
        if (cursor_left(cursor) == 0 || cursor->data[cursor->at] == '}') {
            cursor_skip(cursor, 1);
            return le;
        }
        const struct span name = probe_metrics_word(cursor, "= \t");
        probe_metrics_blank(cursor);
        if (cursor_u8(cursor) != '=') {
            cursor_fail(cursor);
        }
        probe_metrics_blank(cursor);
        const struct span value = probe_metrics_quoted(cursor);
        le = span_is(name, "le") ? value : le;
        probe_metrics_blank(cursor);
        if (cursor_left(cursor) > 0 && cursor->data[cursor->at] == ',') {
            cursor_skip(cursor, 1);
        }
    }
}

static enum err probe_metrics_bucket(struct probe_metrics *metrics, double limit, double count)
{
    uint32_t at = 0;
    while (at < metrics->buckets_count && metrics->buckets[at].limit < limit) {
        at++;
    }
    if (at < metrics->buckets_count && metrics->buckets[at].limit <= limit) {
        metrics->buckets[at].count += count;
        return isfinite(metrics->buckets[at].count) ? ERR_OK : ERR_PROTOCOL;
    }
    if (metrics->buckets_count == PROBE_METRICS_BUCKETS) {
        return ERR_TOO_LARGE;
    }
    memmove(&metrics->buckets[at + 1], &metrics->buckets[at],
            (metrics->buckets_count - at) * sizeof metrics->buckets[0]);
    metrics->buckets[at] = (struct probe_metrics_bucket){limit, count};
    metrics->buckets_count++;
    return ERR_OK;
}

static void probe_metrics_comment(struct span line, const char *metric, struct probe_metrics *metrics)
{
    struct cursor cursor;
    cursor_init(&cursor, line.data, line.size);
    struct span words[4];
    for (size_t i = 0; i < 4; i++) {
        words[i] = probe_metrics_word(&cursor, " \t\r");
        probe_metrics_blank(&cursor);
    }
    if (span_is(words[0], "#") && span_is(words[1], "TYPE") && span_is(words[2], metric)) {
        metrics->counter = span_is(words[3], "counter");
    }
}

static bool probe_metrics_is_bucket(struct span name, const char *metric)
{
    static const char suffix[] = "_bucket";
    const size_t size = strlen(metric);
    return name.size == size + sizeof suffix - 1 && memcmp(name.data, metric, size) == 0 &&
           memcmp(name.data + size, suffix, sizeof suffix - 1) == 0;
}

static enum err probe_metrics_line(struct span line, const char *metric, struct probe_metrics *metrics)
{
    struct cursor cursor;
    cursor_init(&cursor, line.data, line.size);
    const struct span name = probe_metrics_word(&cursor, "{ \t");
    const bool bucket = probe_metrics_is_bucket(name, metric);
    if (!bucket && !span_is(name, metric)) {
        return ERR_OK;
    }
    probe_metrics_blank(&cursor);
    const bool labels = cursor_left(&cursor) > 0 && cursor.data[cursor.at] == '{';
    const struct span le = labels ? probe_metrics_labels(&cursor) : (struct span){NULL, 0};
    probe_metrics_blank(&cursor);
    const struct span text = probe_metrics_word(&cursor, " \t\r");
    double value = 0;
    double limit = 0;
    if (!cursor_ok(&cursor) || !probe_metrics_number(text, &value)) {
        return ERR_PROTOCOL;
    }
    if (!bucket) {
        metrics->series++;
        metrics->sum += isfinite(value) ? value : 0;
        return isfinite(metrics->sum) ? ERR_OK : ERR_PROTOCOL;
    }
    if (!probe_metrics_number(le, &limit) || isnan(limit) || !isfinite(value) || value < 0) {
        return ERR_PROTOCOL;
    }
    if (isinf(limit) && limit < 0) {
        return ERR_PROTOCOL; /* only the last bucket has no bound */
    }
    return probe_metrics_bucket(metrics, limit, value);
}

enum err probe_metrics_parse(struct span page, const char *metric, struct probe_metrics *ret_metrics)
{
    struct probe_metrics metrics;
    memset(&metrics, 0, sizeof metrics);
    const size_t name_size = strlen(metric);
    metrics.counter = name_size > 6 && strcmp(metric + name_size - 6, "_total") == 0;
    struct cursor cursor;
    cursor_init(&cursor, page.data, page.size);
    while (cursor_left(&cursor) > 0) {
        const struct span line = probe_metrics_word(&cursor, "\n");
        cursor_skip(&cursor, 1); /* at the end of the page this fails, and ends the loop */
        if (line.size > 0 && line.data[0] == '#') {
            probe_metrics_comment(line, metric, &metrics);
            continue;
        }
        const enum err err = probe_metrics_line(line, metric, &metrics);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (metrics.series == 0 && metrics.buckets_count == 0) {
        return ERR_NOT_FOUND;
    }
    *ret_metrics = metrics;
    return ERR_OK;
}

static bool probe_metrics_same(const struct probe_metrics *before, const struct probe_metrics *now)
{
    if (before->buckets_count != now->buckets_count || now->buckets_count == 0) {
        return false;
    }
    for (uint32_t i = 0; i < now->buckets_count; i++) {
        const double difference = before->buckets[i].limit - now->buckets[i].limit;
        const bool same = isinf(now->buckets[i].limit) ? isinf(before->buckets[i].limit) : fabs(difference) <= 0;
        if (!same || now->buckets[i].count < before->buckets[i].count) {
            return false;
        }
    }
    return true;
}

double probe_metrics_added(const struct probe_metrics *before, const struct probe_metrics *now)
{
    if (!probe_metrics_same(before, now)) {
        return -1;
    }
    const uint32_t last = now->buckets_count - 1;
    return now->buckets[last].count - before->buckets[last].count;
}

double probe_metrics_quantile(const struct probe_metrics *before, const struct probe_metrics *now, double quantile)
{
    const double added = probe_metrics_added(before, now);
    ASSERT(added > 0);
    const double rank = quantile * added;
    double lower = 0;
    double below = 0;
    for (uint32_t i = 0; i < now->buckets_count; i++) {
        const double limit = now->buckets[i].limit;
        const double count = now->buckets[i].count - before->buckets[i].count;
        if (count >= rank && count > 0) {
            /* In the last, unbounded bucket nothing is known but its beginning. */
            const double inside = count > below ? (rank - below) / (count - below) : 1;
            return isinf(limit) ? lower : lower * (1 - inside) + limit * inside;
        }
        below = count > below ? count : below;
        lower = limit;
    }
    return lower;
}
