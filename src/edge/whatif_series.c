/* SPDX-License-Identifier: Apache-2.0
 * kind = series: the decisions over time. */
#include <string.h>

#include "core/series.h"
#include "edge/whatif_kind.h"

enum { WHATIF_SERIES_WORD = 64 };

struct whatif_series {
    struct series series;
    struct whatif_read *reader;
    const json_t *now; /* as it was written; NULL: 0 */
    int64_t now_us;
    json_t *changes;
};

static void whatif_series_change(struct whatif_series *state)
{
    json_t *now = state->now_us == 0 ? json_integer(0) : json_deep_copy(state->now);
    json_array_append_new(state->changes, json_pack("{s:o,s:s,s:s}", "t", now, "decision",
                                                    decide_decision_name(state->series.answer.decision), "reason",
                                                    decide_reason_name(state->series.answer.reason)));
}

static void whatif_series_step(struct whatif_series *state, const struct whatif_read_at *at, struct series_event event)
{
    int64_t changed_us;
    if (state->reader->failed) {
        return;
    }
    if (series_event(&state->series, &event, &changed_us)) {
        whatif_series_change(state);
    }
    if (event.at_us > state->now_us || state->now == NULL) {
        state->now = whatif_read_member(at, "t").value;
        state->now_us = event.at_us;
    }
}

static uint32_t whatif_series_check(struct whatif_series *state, const struct whatif_read_at *at)
{
    char name[LIMITS_NAME] = "";
    whatif_read_text(state->reader, at, "check", name, sizeof name);
    for (uint32_t i = 0; i < state->series.snapshot.checks_count; i++) {
        if (strcmp(state->series.snapshot.checks[i].name, name) == 0) {
            return i;
        }
    }
    const struct whatif_read_at check = whatif_read_member(at, "check");
    whatif_read_fail(state->reader, &check, "is not one of the checks");
    return 0;
}

/* The entry of a service, made when it is new. */
static uint32_t whatif_series_pods(struct whatif_series *state, const struct whatif_read_at *at, const char *name)
{
    struct decide_metrics *metrics = &state->series.snapshot.metrics;
    for (uint32_t i = 0; i < metrics->pods_count; i++) {
        if (strcmp(metrics->pods[i].name, name) == 0) {
            return i;
        }
    }
    if (metrics->pods_count == LIMITS_CHECKS || strlen(name) >= LIMITS_NAME) {
        whatif_read_fail(state->reader, at, "is one service too many, or too long a name");
        return 0;
    }
    memcpy(metrics->pods[metrics->pods_count].name, name, strlen(name) + 1);
    return metrics->pods_count++;
}

/* As in a snapshot: {service: ratio}; services that it does not name stay as they are. */
static void whatif_series_ratios(struct whatif_series *state, const struct whatif_read_at *at, int64_t at_us)
{
    const struct whatif_read_at value = whatif_read_member(at, "value");
    if (!whatif_read_object(state->reader, &value, true)) {
        return;
    }
    json_t *object = (json_t *)(uintptr_t)value.value;
    for (void *entry = json_object_iter(object); entry != NULL; entry = json_object_iter_next(object, entry)) {
        const struct whatif_read_at ratio = {
            .parent = &value, .key = json_object_iter_key(entry), .value = json_object_iter_value(entry)};
        const struct series_event event = {
            .at_us = at_us,
            .kind = SERIES_PODS,
            .index = whatif_series_pods(state, &ratio, ratio.key),
            .value = whatif_read_value(state->reader, &ratio, (struct whatif_read_range){0, WHATIF_READ_ONE, true, 0})};
        whatif_series_step(state, at, event);
    }
}

static void whatif_series_metric(struct whatif_series *state, const struct whatif_read_at *at, int64_t at_us)
{
    static const char pods[] = "pods_down_ratio.";
    char name[WHATIF_SERIES_WORD] = "";
    struct series_event event = {.at_us = at_us, .kind = SERIES_ERROR_RATE};
    struct whatif_read_range range = {0, WHATIF_READ_ONE, true, 0};
    const struct whatif_read_at metric = whatif_read_member(at, "metric");
    whatif_read_text(state->reader, at, "metric", name, sizeof name);
    if (strcmp(name, "pods_down_ratio") == 0) {
        whatif_series_ratios(state, at, at_us);
        return;
    }
    if (strcmp(name, "p95_ms") == 0) {
        event.kind = SERIES_P95;
        range.high = WHATIF_READ_MAX;
    } else if (strncmp(name, pods, sizeof pods - 1) == 0) {
        event.kind = SERIES_PODS;
        event.index = whatif_series_pods(state, &metric, name + sizeof pods - 1);
    } else if (strcmp(name, "error_rate") != 0) {
        whatif_read_fail(state->reader, &metric, "is none of error_rate p95_ms pods_down_ratio pods_down_ratio.NAME");
    }
    event.value = whatif_read_decimal(state->reader, at, "value", range);
    whatif_series_step(state, at, event);
}

static void whatif_series_event(struct whatif_series *state, const struct whatif_read_at *at)
{
    const struct whatif_read_range time = {0, WHATIF_READ_MAX, true, 0};
    if (!whatif_read_object(state->reader, at, true)) {
        return;
    }
    const struct whatif_read_at t = whatif_read_member(at, "t");
    const int64_t at_us = whatif_read_decimal(state->reader, at, "t", time);
    if (at_us < state->now_us) {
        whatif_read_fail(state->reader, &t, "is before the event before it");
    } else if (whatif_read_member(at, "metric").value != NULL) {
        whatif_series_metric(state, at, at_us);
    } else {
        struct series_event event = {.at_us = at_us, .kind = SERIES_CHECK};
        event.index = whatif_series_check(state, at);
        event.ok = whatif_read_bool(state->reader, at, "ok", true, false);
        whatif_series_step(state, at, event);
    }
}

json_t *whatif_series_answer(const struct whatif_options *options, struct whatif_read *reader,
                             const struct whatif_read_at *input, json_t **ret_explain)
{
    (void)ret_explain;
    struct decide_snapshot snapshot;
    struct whatif_series state = {.reader = reader};
    int64_t changed_us;
    const struct whatif_read_at events = whatif_read_member(input, "events");
    whatif_snapshot_read(options, reader, input, true, &snapshot);
    if (!whatif_read_array(reader, &events, true)) {
        return NULL;
    }
    state.changes = json_array();
    series_init(&state.series, &snapshot, &options->thresholds, options->profile);
    for (size_t i = 0; i < json_array_size(events.value) && !reader->failed; i++) {
        const struct whatif_read_at event = whatif_read_element(&events, i);
        whatif_series_event(&state, &event);
    }
    if (reader->failed) {
        json_decref(state.changes);
        return NULL;
    }
    if (series_finish(&state.series, &changed_us)) {
        whatif_series_change(&state);
    }
    return json_pack("{s:o}", "changes", state.changes);
}
