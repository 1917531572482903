/* SPDX-License-Identifier: Apache-2.0
 * Decisions over time: a snapshot whose checks and figures are moved by a series of events.
 *
 * All checks start PASSED with no failures. A failure adds one and is FAILED at the check's failure_threshold; one
 * success resets. The duration of the error rate counts from the first sample of an unbroken run above the automatic
 * limit. Evaluated at time 0 and once at each distinct time, after all events of that time.
 *
 * Streaming, so no memory for the series: for each event series_event, at the end series_finish. One owner. */
#pragma once

#include "core/decide.h"

enum series_kind { SERIES_CHECK, SERIES_ERROR_RATE, SERIES_P95, SERIES_PODS };

struct series_event {
    int64_t at_us; /* never before the event before it */
    enum series_kind kind;
    uint32_t index; /* of the check, or of the entry in metrics.pods */
    bool ok;        /* of a check */
    int64_t value;  /* of a figure: ppm, or nanoseconds */
};

struct series {
    struct decide_snapshot snapshot;
    struct decide_thresholds thresholds;
    enum model_profile profile;
    int64_t at_us;
    bool high; /* the error rate is above its limit... */
    int64_t high_since_us;
    bool answered;
    struct decide_answer answer; /* the one that holds */
};

/* Copies what it is given. The snapshot's own error_rate_duration_us counts on from time 0. */
void series_init(struct series *series, const struct decide_snapshot *snapshot,
                 const struct decide_thresholds *thresholds, enum model_profile profile);

/* Takes one event. True: the time before it was evaluated, and (decision, reason) changed at *ret_at_us to
 * series->answer. */
bool series_event(struct series *series, const struct series_event *event, int64_t *ret_at_us);

/* Evaluates the last time. True: it brought a change. */
bool series_finish(struct series *series, int64_t *ret_at_us);
