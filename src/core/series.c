/* SPDX-License-Identifier: Apache-2.0
 * A snapshot that events move. */
#include "core/series.h"

#include "base/assert.h"

void series_init(struct series *series, const struct decide_snapshot *snapshot,
                 const struct decide_thresholds *thresholds, enum model_profile profile)
{
    *series = (struct series){.snapshot = *snapshot, .thresholds = *thresholds, .profile = profile};
    if (profile == MODEL_ADR_039) { /* the ADR's numbers are fixed: the run above 10 % as well */
        series->thresholds = decide_thresholds_default();
    }
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        series->snapshot.checks[i].status = DECIDE_PASSED;
        series->snapshot.checks[i].consecutive_failures = 0;
    }
    series->high = snapshot->metrics.error_rate_ppm > series->thresholds.error_rate_automatic_ppm;
    series->high_since_us = -snapshot->metrics.error_rate_duration_us;
}

static bool series_evaluate(struct series *series, int64_t *ret_at_us)
{
    struct decide_answer answer;
    series->snapshot.metrics.error_rate_duration_us = series->high ? series->at_us - series->high_since_us : 0;
    decide_evaluate(&series->snapshot, &series->thresholds, series->profile, &answer);
    const bool changed =
        !series->answered || answer.decision != series->answer.decision || answer.reason != series->answer.reason;
    series->answer = answer;
    series->answered = true;
    if (changed) {
        *ret_at_us = series->at_us;
    }
    return changed;
}

static void series_check(struct decide_check *check, bool ok)
{
    check->consecutive_failures = ok ? 0 : check->consecutive_failures + 1;
    if (ok) {
        check->status = DECIDE_PASSED;
    } else if (check->consecutive_failures >= check->failure_threshold) {
        check->status = DECIDE_FAILED;
    }
}

static void series_error_rate(struct series *series, int64_t value)
{
    const bool high = value > series->thresholds.error_rate_automatic_ppm;
    if (high && !series->high) {
        series->high_since_us = series->at_us;
    }
    series->high = high;
    series->snapshot.metrics.error_rate_ppm = value;
}

bool series_event(struct series *series, const struct series_event *event, int64_t *ret_at_us)
{
    ASSERT(event->at_us >= series->at_us);
    bool changed = false;
    if (event->at_us > series->at_us) {
        changed = series_evaluate(series, ret_at_us);
        series->at_us = event->at_us;
    }
    switch (event->kind) {
    case SERIES_CHECK:
        ASSERT(event->index < series->snapshot.checks_count);
        series_check(&series->snapshot.checks[event->index], event->ok);
        break;
    case SERIES_ERROR_RATE:
        series_error_rate(series, event->value);
        break;
    case SERIES_P95:
        series->snapshot.metrics.p95_ns = event->value;
        break;
    case SERIES_PODS:
        ASSERT(event->index < series->snapshot.metrics.pods_count);
        series->snapshot.metrics.pods[event->index].down_ppm = event->value;
        break;
    }
    return changed;
}

bool series_finish(struct series *series, int64_t *ret_at_us)
{
    return series_evaluate(series, ret_at_us);
}
