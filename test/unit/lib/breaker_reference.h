/* SPDX-License-Identifier: Apache-2.0
 * A slow and plain circuit breaker, written from the specification alone: every result is kept in a list and counted
 * again for each question. What the library's breaker is compared with. */
#pragma once

#include <holdfast.h>
#include <stdbool.h>
#include <stdint.h>

enum { REFERENCE_RESULTS = 8192, REFERENCE_EVENTS = 256 };

struct breaker_reference_result {
    int64_t second;
    bool failed;
    bool slow;
};

/* The results of one period and how they are looked at. */
struct breaker_reference_list {
    bool seconds; /* the last `size` seconds, or the last `size` results */
    int64_t size;
    int count;
    struct breaker_reference_result results[REFERENCE_RESULTS];
};

struct breaker_reference {
    const struct holdfast_breaker_config *config; /* thresholds in whole percent */
    double multiplier;
    enum holdfast_breaker_state state;
    int64_t now_us;
    int64_t timer_us; /* -1: none */
    int64_t retry_after_us;
    int64_t attempts;
    int64_t taken; /* HALF_OPEN: permits that are out */
    int64_t refused;
    bool told_failing;
    bool told_slow;
    struct breaker_reference_list list;
    int events[REFERENCE_EVENTS]; /* kind, and the states of a transition: kind * 256 + from * 16 + to */
    int events_count;
};

void breaker_reference_init(struct breaker_reference *reference, const struct holdfast_breaker_config *config,
                            double multiplier, int64_t now_us);
void breaker_reference_advance(struct breaker_reference *reference, int64_t now_us);
bool breaker_reference_acquire(struct breaker_reference *reference);
void breaker_reference_record(struct breaker_reference *reference, enum holdfast_breaker_outcome outcome,
                              int64_t duration_ns);
void breaker_reference_trip(struct breaker_reference *reference, int64_t duration_ns, int64_t open_for_ms);
void breaker_reference_release(struct breaker_reference *reference);
bool breaker_reference_move(struct breaker_reference *reference, enum holdfast_breaker_state state);
bool breaker_reference_open_for(struct breaker_reference *reference, int64_t open_for_ms);
void breaker_reference_reset(struct breaker_reference *reference);
void breaker_reference_read(const struct breaker_reference *reference, struct holdfast_breaker_metrics *ret_metrics);
