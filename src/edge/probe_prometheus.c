/* SPDX-License-Identifier: Apache-2.0
 * The prometheus probe: a figure from a Prometheus server (url + query, HTTP API v1) or from a plain metrics page
 * (url + metric).
 *
 * Of a page: a histogram gives the quantile of what was added since the last sample, a counter its rate per second, a
 * gauge its value. Without a second sample, or when nothing was added, there is no value, and the probe is good. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "edge/probe_driver.h"
#include "edge/probe_fetch.h"
#include "edge/probe_metrics.h"

enum {
    PROBE_PROMETHEUS_PAGE_BYTES = 4 << 20,
    PROBE_PROMETHEUS_QUANTILE_PPM = 950000,
};

struct probe_prometheus {
    struct probe_fetch *fetch;
    bool sampled;
    struct mono sampled_at;
    struct probe_metrics before;
    struct probe_metrics now;
};

static bool probe_prometheus_heavy(const struct probe_slot *slot)
{
    return strncmp(slot->spec.url, "https:", 6) == 0;
}

static void probe_prometheus_value(struct probe_slot *slot, double value)
{
    const double ppm = value * 1e6;
    if (!isfinite(ppm) || fabs(ppm) > 9e15) {
        /* 0/0 while nothing happens is how a rate says "no value". */
        probe_loop_finish(slot, isnan(ppm) ? ERR_OK : ERR_CONTENT, "value %g", value);
        return;
    }
    slot->result.value_ppm = (int64_t)llround(ppm);
    probe_loop_finish(slot, ERR_OK, "value %g", value);
}

/* {"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1435781430.781,"1"]}]}}
 * Several series: the largest value counts, as for a limit. */
static void probe_prometheus_answer(struct probe_slot *slot, const json_t *root)
{
    const char *status = json_string_value(json_object_get(root, "status"));
    if (status == NULL || strcmp(status, "success") != 0) {
        const char *words = json_string_value(json_object_get(root, "error"));
        probe_loop_finish(slot, ERR_CONTENT, "the query failed: %.90s", words != NULL ? words : "no reason given");
        return;
    }
    const json_t *data = json_object_get(root, "data");
    const char *type = json_string_value(json_object_get(data, "resultType"));
    const json_t *result = json_object_get(data, "result");
    const bool scalar = type != NULL && strcmp(type, "scalar") == 0;
    const size_t count = scalar ? 1 : json_array_size(result);
    double value = -HUGE_VAL;
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = scalar ? result : json_object_get(json_array_get(result, i), "value");
        const char *text = json_string_value(json_array_get(pair, 1));
        char *end = NULL;
        const double one = text != NULL ? strtod(text, &end) : 0;
        if (text == NULL || end == text || *end != 0) {
            probe_loop_finish(slot, ERR_PROTOCOL, "the query gave no number but %.60s",
                              text != NULL ? text : "nothing");
            return;
        }
        value = isnan(one) && isinf(value) ? one : fmax(value, one);
    }
    if (count == 0) {
        probe_loop_finish(slot, ERR_OK, "the query gave no series");
        return;
    }
    probe_prometheus_value(slot, value);
}

static void probe_prometheus_json(struct probe_slot *slot, const struct probe_fetch *fetch)
{
    json_t *root = json_loadb(fetch->body != NULL ? fetch->body : "", fetch->body_size, 0, NULL);
    if (!json_is_object(root)) {
        probe_loop_finish(slot, ERR_PROTOCOL, "status %ld, not an answer of Prometheus", fetch->status);
    } else {
        probe_prometheus_answer(slot, root);
    }
    json_decref(root);
}

static void probe_prometheus_histogram(struct probe_slot *slot, const struct probe_prometheus *prometheus)
{
    const uint32_t ppm = slot->spec.quantile_ppm != 0 ? slot->spec.quantile_ppm : PROBE_PROMETHEUS_QUANTILE_PPM;
    const double added = prometheus->sampled ? probe_metrics_added(&prometheus->before, &prometheus->now) : -1;
    if (added < 0) {
        probe_loop_finish(slot, ERR_OK, "first sample of %.80s", slot->spec.metric);
        return;
    }
    slot->result.requests = (int64_t)fmin(added, 9e15);
    if (added <= 0) {
        probe_loop_finish(slot, ERR_OK, "nothing was added to %.80s", slot->spec.metric);
        return;
    }
    probe_prometheus_value(slot, probe_metrics_quantile(&prometheus->before, &prometheus->now, (double)ppm / 1e6));
}

static void probe_prometheus_counter(struct probe_slot *slot, const struct probe_prometheus *prometheus,
                                     struct mono now)
{
    const double added = prometheus->now.sum - prometheus->before.sum;
    const double seconds = (double)time_since_us(now, prometheus->sampled_at) / TIME_US_PER_S;
    if (!prometheus->sampled || added < 0 || seconds <= 0) {
        probe_loop_finish(slot, ERR_OK, "first sample of %.80s", slot->spec.metric);
        return;
    }
    probe_prometheus_value(slot, added / seconds);
}

static void probe_prometheus_page(struct probe_slot *slot, struct probe_prometheus *prometheus)
{
    const struct probe_fetch *fetch = prometheus->fetch;
    const struct mono now = slot->result.started;
    const enum err err =
        probe_metrics_parse(span_of(fetch->body, fetch->body_size), slot->spec.metric, &prometheus->now);
    if (err != ERR_OK || fetch->cut) {
        prometheus->sampled = false;
        probe_loop_finish(slot, fetch->cut ? ERR_TOO_LARGE : err, "%s: %.60s: %s", slot->spec.url, slot->spec.metric,
                          fetch->cut ? "the page is longer than 4 MiB" : err_text(err));
        return;
    }
    if (prometheus->now.buckets_count > 0) {
        probe_prometheus_histogram(slot, prometheus);
    } else if (prometheus->now.counter) {
        probe_prometheus_counter(slot, prometheus, now);
    } else {
        probe_prometheus_value(slot, prometheus->now.sum);
    }
    prometheus->before = prometheus->now;
    prometheus->sampled = true;
    prometheus->sampled_at = now;
}

static void probe_prometheus_done(struct probe_slot *slot, struct probe_fetch *fetch)
{
    if (!probe_fetch_arrived(fetch, slot->spec.url)) {
        return;
    }
    if (slot->spec.query[0] != 0) {
        probe_prometheus_json(slot, fetch);
    } else if (fetch->status != 200) {
        probe_loop_finish(slot, ERR_STATUS, "status %ld, expected 200: %s", fetch->status, slot->spec.url);
    } else {
        probe_prometheus_page(slot, slot->state);
    }
}

static bool probe_prometheus_url(const struct probe_spec *spec, char *url, size_t size)
{
    if (spec->query[0] == 0) {
        return snprintf(url, size, "%s", spec->url) < (int)size;
    }
    char *query = curl_easy_escape(NULL, spec->query, 0);
    const size_t end = strlen(spec->url);
    const char *slash = end > 0 && spec->url[end - 1] == '/' ? "" : "/";
    const int written = query == NULL ? -1 : snprintf(url, size, "%s%sapi/v1/query?query=%s", spec->url, slash, query);
    curl_free(query);
    return written >= 0 && written < (int)size;
}

static enum err probe_prometheus_open(struct probe_slot *slot)
{
    char url[PROBE_TEXT + 3 * PROBE_QUERY + 64];
    struct probe_prometheus *prometheus = calloc(1, sizeof *prometheus);
    if (prometheus == NULL || !probe_prometheus_url(&slot->spec, url, sizeof url)) {
        free(prometheus);
        return ERR_NO_MEMORY;
    }
    const struct probe_fetch_options options = {.url = url,
                                                .address = slot->spec.address[0] != 0 ? slot->spec.address : NULL,
                                                .ca_file = slot->spec.ca_file[0] != 0 ? slot->spec.ca_file : NULL,
                                                .certificate_min_valid_s = slot->spec.certificate_min_valid_s,
                                                .body_limit = PROBE_PROMETHEUS_PAGE_BYTES};
    const enum err err = probe_fetch_new(slot, &options, &prometheus->fetch);
    if (err != ERR_OK) {
        free(prometheus);
        return err;
    }
    slot->state = prometheus;
    return ERR_OK;
}

static void probe_prometheus_start(struct probe_slot *slot)
{
    if (slot->state == NULL) {
        const enum err err = probe_prometheus_open(slot);
        if (err != ERR_OK) {
            probe_loop_finish(slot, err, "cannot fetch %s: %s", slot->spec.url,
                              err == ERR_INVALID ? "its host is not a literal address" : err_text(err));
            return;
        }
    }
    struct probe_prometheus *prometheus = slot->state;
    probe_fetch_start(prometheus->fetch, probe_prometheus_done);
}

static void probe_prometheus_cancel(struct probe_slot *slot)
{
    struct probe_prometheus *prometheus = slot->state;
    probe_fetch_cancel(prometheus->fetch);
}

static void probe_prometheus_close(struct probe_slot *slot)
{
    struct probe_prometheus *prometheus = slot->state;
    if (prometheus != NULL) {
        probe_fetch_free(prometheus->fetch);
        free(prometheus);
        slot->state = NULL;
    }
}

const struct probe_driver probe_prometheus_driver = {.heavy = probe_prometheus_heavy,
                                                     .start = probe_prometheus_start,
                                                     .cancel = probe_prometheus_cancel,
                                                     .close = probe_prometheus_close};
