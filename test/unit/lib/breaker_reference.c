/* SPDX-License-Identifier: Apache-2.0
 * The plain breaker: one rule of the specification after the other. */
#include "breaker_reference.h"

#include <stddef.h>
#include <string.h>

#include "base/assert.h"

enum { REFERENCE_NO_TIMER = -1 };

static void tell(struct breaker_reference *reference, enum holdfast_breaker_event_kind kind, int from)
{
    const bool silent =
        reference->state == HOLDFAST_BREAKER_DISABLED || reference->state == HOLDFAST_BREAKER_FORCED_OPEN;
    if (!silent || kind == HOLDFAST_EVENT_STATE_TRANSITION || kind == HOLDFAST_EVENT_RESET) {
        ASSERT(reference->events_count < REFERENCE_EVENTS);
        reference->events[reference->events_count++] = (int)kind * 256 + from * 16 + (int)reference->state;
    }
}

static void tell_here(struct breaker_reference *reference, enum holdfast_breaker_event_kind kind)
{
    tell(reference, kind, (int)reference->state);
}

/* Growing waits: as often times the multiplier as there were OPEN periods before, whole milliseconds each time. */
static int64_t wait_us(const struct breaker_reference *reference)
{
    const struct holdfast_breaker_config *config = reference->config;
    if (config->wait_initial_ms == HOLDFAST_NOT_GIVEN) {
        return (config->wait_open_ms == HOLDFAST_NOT_GIVEN ? 60000 : config->wait_open_ms) * 1000;
    }
    int64_t wait_ms = config->wait_initial_ms;
    for (int64_t i = 1; i < reference->attempts; i++) {
        wait_ms = (int64_t)((double)wait_ms * reference->multiplier);
        if (wait_ms > config->wait_max_ms) {
            break;
        }
    }
    return (wait_ms < config->wait_max_ms ? wait_ms : config->wait_max_ms) * 1000;
}

static void fresh_list(struct breaker_reference *reference)
{
    const bool half_open = reference->state == HOLDFAST_BREAKER_HALF_OPEN;
    reference->list.seconds = !half_open && reference->config->window_type == HOLDFAST_BREAKER_TIME;
    reference->list.size = half_open ? reference->config->permitted_half_open : reference->config->window_size;
    reference->list.count = 0;
    reference->refused = 0;
    reference->told_failing = false;
    reference->told_slow = false;
    reference->taken = 0;
}

static void open_period(struct breaker_reference *reference, int64_t for_us)
{
    reference->retry_after_us = reference->now_us + for_us;
    reference->timer_us = reference->config->automatic ? reference->retry_after_us : REFERENCE_NO_TIMER;
}

/* OPEN keeps the list that it is entered with: the results that opened it stay visible. */
static void go(struct breaker_reference *reference, enum holdfast_breaker_state state)
{
    const enum holdfast_breaker_state from = reference->state;
    reference->state = state;
    reference->timer_us = REFERENCE_NO_TIMER;
    if (state == HOLDFAST_BREAKER_OPEN) {
        reference->attempts++;
        open_period(reference, wait_us(reference));
    } else {
        fresh_list(reference);
    }
    if (state == HOLDFAST_BREAKER_FORCED_OPEN) {
        reference->attempts++;
    } else if (state != HOLDFAST_BREAKER_OPEN && state != HOLDFAST_BREAKER_HALF_OPEN) {
        reference->attempts = 0;
    }
    if (state == HOLDFAST_BREAKER_HALF_OPEN && reference->config->max_wait_half_open_ms > 0) {
        reference->timer_us = reference->now_us + reference->config->max_wait_half_open_ms * 1000;
    }
    if (from != state) {
        tell(reference, HOLDFAST_EVENT_STATE_TRANSITION, (int)from);
    }
}

void breaker_reference_init(struct breaker_reference *reference, const struct holdfast_breaker_config *config,
                            double multiplier, int64_t now_us)
{
    *reference = (struct breaker_reference){
        .config = config, .multiplier = multiplier, .now_us = now_us, .timer_us = REFERENCE_NO_TIMER};
    fresh_list(reference);
    if (config->initial_state != HOLDFAST_BREAKER_CLOSED) {
        go(reference, config->initial_state);
    }
    reference->events_count = 0;
}

void breaker_reference_advance(struct breaker_reference *reference, int64_t now_us)
{
    while (reference->timer_us != REFERENCE_NO_TIMER && reference->timer_us <= now_us) {
        reference->now_us = reference->timer_us;
        go(reference, reference->state == HOLDFAST_BREAKER_OPEN ? HOLDFAST_BREAKER_HALF_OPEN
                                                                : reference->config->after_half_open_wait);
    }
    reference->now_us = now_us;
}

bool breaker_reference_acquire(struct breaker_reference *reference)
{
    if (reference->state == HOLDFAST_BREAKER_OPEN && reference->now_us > reference->retry_after_us) {
        go(reference, HOLDFAST_BREAKER_HALF_OPEN);
    }
    bool refused = reference->state == HOLDFAST_BREAKER_OPEN || reference->state == HOLDFAST_BREAKER_FORCED_OPEN;
    if (reference->state == HOLDFAST_BREAKER_HALF_OPEN) {
        refused = reference->taken == reference->config->permitted_half_open;
        reference->taken += refused ? 0 : 1;
    }
    if (refused) {
        reference->refused++;
        tell_here(reference, HOLDFAST_EVENT_NOT_PERMITTED);
    }
    return !refused;
}

static void count(const struct breaker_reference *reference, struct holdfast_breaker_metrics *ret_metrics)
{
    const struct breaker_reference_list *list = &reference->list;
    const int64_t second = reference->now_us / 1000000;
    *ret_metrics = (struct holdfast_breaker_metrics){.state = reference->state};
    for (int i = 0; i < list->count; i++) {
        const struct breaker_reference_result *result = &list->results[i];
        if (list->seconds ? result->second > second - list->size : i >= list->count - list->size) {
            ret_metrics->buffered++;
            ret_metrics->failed += result->failed;
            ret_metrics->slow += result->slow;
            ret_metrics->slow_failed += result->failed && result->slow;
        }
    }
}

static bool enough(const struct breaker_reference *reference, const struct holdfast_breaker_metrics *metrics)
{
    const int64_t minimum = reference->config->minimum_calls;
    const bool clamped = !reference->list.seconds && minimum > reference->list.size;
    return metrics->buffered >= (clamped ? reference->list.size : minimum);
}

static void judge(struct breaker_reference *reference)
{
    struct holdfast_breaker_metrics metrics;
    count(reference, &metrics);
    if (!enough(reference, &metrics)) {
        return;
    }
    const int64_t failure_percent = reference->config->failure_rate_threshold_ppm / 10000;
    const int64_t slow_percent = reference->config->slow_call_rate_threshold_ppm / 10000;
    const bool failing = metrics.failed * 100 >= failure_percent * metrics.buffered;
    const bool slow = metrics.slow * 100 >= slow_percent * metrics.buffered;
    const bool once = reference->state == HOLDFAST_BREAKER_METRICS_ONLY;
    if (reference->state == HOLDFAST_BREAKER_HALF_OPEN) {
        go(reference, failing || slow ? HOLDFAST_BREAKER_OPEN : HOLDFAST_BREAKER_CLOSED);
        return;
    }
    if (reference->state == HOLDFAST_BREAKER_OPEN) {
        return;
    }
    if (failing && !(once && reference->told_failing)) {
        tell_here(reference, HOLDFAST_EVENT_FAILURE_RATE_EXCEEDED);
        reference->told_failing = true;
    }
    if (slow && !(once && reference->told_slow)) {
        tell_here(reference, HOLDFAST_EVENT_SLOW_CALL_RATE_EXCEEDED);
        reference->told_slow = true;
    }
    if (reference->state == HOLDFAST_BREAKER_CLOSED && (failing || slow)) {
        go(reference, HOLDFAST_BREAKER_OPEN);
    }
}

void breaker_reference_record(struct breaker_reference *reference, enum holdfast_breaker_outcome outcome,
                              int64_t duration_ns)
{
    if (outcome == HOLDFAST_IGNORED_ERROR) {
        breaker_reference_release(reference);
        tell_here(reference, HOLDFAST_EVENT_IGNORED_ERROR);
        return;
    }
    const bool failed = outcome == HOLDFAST_ERROR || outcome == HOLDFAST_FAILED_RESULT;
    tell_here(reference, failed ? HOLDFAST_EVENT_ERROR : HOLDFAST_EVENT_SUCCESS);
    if (reference->state == HOLDFAST_BREAKER_DISABLED || reference->state == HOLDFAST_BREAKER_FORCED_OPEN) {
        return;
    }
    ASSERT(reference->list.count < REFERENCE_RESULTS);
    reference->list.results[reference->list.count++] = (struct breaker_reference_result){
        reference->now_us / 1000000, failed, duration_ns > reference->config->slow_call_duration_ns};
    judge(reference);
}

void breaker_reference_trip(struct breaker_reference *reference, int64_t duration_ns, int64_t open_for_ms)
{
    breaker_reference_record(reference, HOLDFAST_ERROR, duration_ns);
    if (reference->state == HOLDFAST_BREAKER_CLOSED) {
        ASSERT(breaker_reference_open_for(reference, open_for_ms));
    }
}

void breaker_reference_release(struct breaker_reference *reference)
{
    reference->taken -= reference->taken > 0 ? 1 : 0;
}

/* Rows: from; columns: to. CLOSED, OPEN, HALF_OPEN, DISABLED, FORCED_OPEN, METRICS_ONLY. */
static const char allowed[6][7] = {"110111", "111111", "111111", "111111", "111111", "100111"};

bool breaker_reference_move(struct breaker_reference *reference, enum holdfast_breaker_state state)
{
    if (allowed[reference->state][state] == '0') {
        return false;
    }
    go(reference, state);
    return true;
}

bool breaker_reference_open_for(struct breaker_reference *reference, int64_t open_for_ms)
{
    const int64_t attempts = reference->attempts;
    if (!breaker_reference_move(reference, HOLDFAST_BREAKER_OPEN)) {
        return false;
    }
    reference->attempts = attempts;
    open_period(reference, open_for_ms * 1000);
    return true;
}

void breaker_reference_reset(struct breaker_reference *reference)
{
    go(reference, HOLDFAST_BREAKER_CLOSED);
    tell_here(reference, HOLDFAST_EVENT_RESET);
}

void breaker_reference_read(const struct breaker_reference *reference, struct holdfast_breaker_metrics *ret_metrics)
{
    count(reference, ret_metrics);
    const bool known = enough(reference, ret_metrics);
    ret_metrics->failure_rate_ppm = known ? ret_metrics->failed * 1000000 / ret_metrics->buffered : -1;
    ret_metrics->slow_rate_ppm = known ? ret_metrics->slow * 1000000 / ret_metrics->buffered : -1;
    ret_metrics->not_permitted = reference->refused;
}
