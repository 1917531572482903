/* SPDX-License-Identifier: Apache-2.0
 * The circuit breaker's states, permits, verdicts and timers. */
#include "core/breaker.h"

#include <stdalign.h>
#include <string.h>

#include "base/assert.h"
#include "base/time.h"
#include "core/breaker_window.h"

enum {
    BREAKER_PPM = 1000000,
    BREAKER_DEFAULT_WAIT_MS = 60000,
    /* After an idle age a breaker whose trial period times out may owe millions of turns OPEN - HALF_OPEN - OPEN: this
     * many are played in full, the rest are skipped as whole turns. */
    BREAKER_TURNS = 100000,
};

#define BREAKER_NO_TIMER INT64_MAX

struct breaker {
    struct breaker_config config;
    struct breaker_listener listener;
    enum breaker_state state;
    int64_t now_us;
    int64_t timer_us;       /* to HALF_OPEN while OPEN, out of it while HALF_OPEN */
    int64_t retry_after_us; /* OPEN: a call strictly later moves to HALF_OPEN */
    int64_t wait_us;        /* the length of this OPEN period */
    int64_t attempts;
    uint64_t period;
    int64_t permits; /* HALF_OPEN: trial calls that may still be admitted */
    int64_t not_permitted;
    bool failure_announced; /* METRICS_ONLY: once per threshold */
    bool slow_announced;
    struct breaker_window_ring main;  /* CLOSED and METRICS_ONLY; empty while DISABLED or FORCED_OPEN */
    struct breaker_window_ring trial; /* HALF_OPEN */
    struct breaker_window_ring *ring; /* the one that shows: OPEN keeps the one that opened it */
};

struct breaker_config breaker_config_default(void)
{
    return (struct breaker_config){
        .failure_rate_threshold_ppm = 500000,
        .slow_call_rate_threshold_ppm = BREAKER_PPM,
        .slow_call_duration_ns = INT64_C(60000000000),
        .window_type = BREAKER_WINDOW_COUNT,
        .window_size = 100,
        .minimum_calls = 100,
        .permitted_half_open = 10,
        .wait_open_ms = BREAKER_NOT_GIVEN,
        .wait_initial_ms = BREAKER_NOT_GIVEN,
        .wait_multiplier_ppm = BREAKER_PPM,
        .wait_max_ms = 1,
        .after_half_open_wait = BREAKER_OPEN,
        .initial_state = BREAKER_CLOSED,
    };
}

struct breaker_config breaker_config_regional(void)
{
    struct breaker_config config = breaker_config_default();
    config.wait_open_ms = 30000;
    config.window_size = 10;
    config.minimum_calls = 5;
    config.permitted_half_open = 3;
    config.automatic = true;
    return config;
}

static bool breaker_within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static bool breaker_waits_valid(const struct breaker_config *config)
{
    if (config->wait_initial_ms == BREAKER_NOT_GIVEN) {
        return config->wait_open_ms == BREAKER_NOT_GIVEN ||
               breaker_within(config->wait_open_ms, 1, BREAKER_WAIT_MAX_MS);
    }
    return config->wait_open_ms == BREAKER_NOT_GIVEN &&
           breaker_within(config->wait_initial_ms, 1, BREAKER_WAIT_MAX_MS) &&
           breaker_within(config->wait_multiplier_ppm, BREAKER_PPM, INT64_C(1000000) * BREAKER_PPM) &&
           breaker_within(config->wait_max_ms, 1, BREAKER_WAIT_MAX_MS);
}

bool breaker_config_valid(const struct breaker_config *config)
{
    return breaker_within(config->failure_rate_threshold_ppm, 1, BREAKER_PPM) &&
           breaker_within(config->slow_call_rate_threshold_ppm, 1, BREAKER_PPM) && config->slow_call_duration_ns >= 1 &&
           (config->window_type == BREAKER_WINDOW_COUNT || config->window_type == BREAKER_WINDOW_TIME) &&
           breaker_within(config->window_size, 1, BREAKER_WINDOW_MAX) &&
           breaker_within(config->minimum_calls, 1, BREAKER_CALLS_MAX) &&
           breaker_within(config->permitted_half_open, 1, BREAKER_WINDOW_MAX) && breaker_waits_valid(config) &&
           breaker_within(config->max_wait_half_open_ms, 0, BREAKER_WAIT_MAX_MS) &&
           (config->after_half_open_wait == BREAKER_OPEN || config->after_half_open_wait == BREAKER_CLOSED) &&
           breaker_within((int64_t)config->initial_state, 0, BREAKER_STATES - 1);
}

static size_t breaker_aligned(size_t size)
{
    return (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
}

size_t breaker_size(const struct breaker_config *config)
{
    ASSERT(breaker_config_valid(config));
    return breaker_aligned(sizeof(struct breaker)) +
           breaker_aligned(breaker_window_bytes(config->window_type, config->window_size)) +
           breaker_aligned(breaker_window_bytes(BREAKER_WINDOW_COUNT, config->permitted_half_open));
}

static void breaker_publish(struct breaker *breaker, enum breaker_event_kind kind, enum breaker_state from)
{
    const bool always = kind == BREAKER_EVENT_STATE_TRANSITION || kind == BREAKER_EVENT_RESET;
    const bool only = breaker_silent(breaker) || breaker->listener.transitions_only;
    if (breaker->listener.publish == NULL || (only && !always)) {
        return;
    }
    const struct breaker_event event = {.kind = kind, .from = from, .to = breaker->state, .at_us = breaker->now_us};
    breaker->listener.publish(breaker->listener.context, &event);
}

/* How long OPEN lasts at this attempt, in milliseconds. Each step is cut to whole milliseconds. */
static int64_t breaker_wait_ms(const struct breaker_config *config, int64_t attempt)
{
    ASSERT(attempt >= 1);
    if (config->wait_initial_ms == BREAKER_NOT_GIVEN) {
        return config->wait_open_ms == BREAKER_NOT_GIVEN ? BREAKER_DEFAULT_WAIT_MS : config->wait_open_ms;
    }
    int64_t wait_ms = config->wait_initial_ms;
    for (int64_t i = 1; i < attempt && wait_ms < config->wait_max_ms; i++) {
        int64_t product;
        if (__builtin_mul_overflow(wait_ms, config->wait_multiplier_ppm, &product)) {
            return config->wait_max_ms;
        }
        const int64_t next_ms = product / BREAKER_PPM;
        if (next_ms == wait_ms) {
            break;
        }
        wait_ms = next_ms;
    }
    return wait_ms < config->wait_max_ms ? wait_ms : config->wait_max_ms;
}

static int64_t breaker_after(const struct breaker *breaker, int64_t wait_us)
{
    return time_add_us((struct mono){breaker->now_us}, wait_us).us;
}

/* Shows an empty main window and forgets the refusals. */
static void breaker_clear(struct breaker *breaker)
{
    breaker->ring = &breaker->main;
    breaker_window_reset(breaker->ring, breaker->now_us);
    breaker->not_permitted = 0;
    breaker->failure_announced = false;
    breaker->slow_announced = false;
}

static void breaker_enter_open(struct breaker *breaker, int64_t wait_us)
{
    breaker->wait_us = wait_us;
    breaker->retry_after_us = breaker_after(breaker, wait_us);
    breaker->timer_us = breaker->config.automatic ? breaker->retry_after_us : BREAKER_NO_TIMER;
}

static void breaker_enter_half_open(struct breaker *breaker)
{
    breaker->ring = &breaker->trial;
    breaker_window_reset(breaker->ring, breaker->now_us);
    breaker->not_permitted = 0;
    breaker->permits = breaker->config.permitted_half_open;
    if (breaker->config.max_wait_half_open_ms > 0) {
        breaker->timer_us = breaker_after(breaker, breaker->config.max_wait_half_open_ms * TIME_US_PER_MS);
    }
}

/* The one place that changes the state. OPEN lasts `open_for_us`, or by its attempt when that is 0 or less. */
static void breaker_enter(struct breaker *breaker, enum breaker_state state, int64_t open_for_us, bool counted)
{
    const enum breaker_state from = breaker->state;
    breaker->state = state;
    breaker->period++;
    breaker->timer_us = BREAKER_NO_TIMER;
    switch (state) {
    case BREAKER_OPEN:
        breaker->attempts += counted;
        breaker_enter_open(breaker, counted ? breaker_wait_ms(&breaker->config, breaker->attempts) * TIME_US_PER_MS
                                            : open_for_us);
        break;
    case BREAKER_HALF_OPEN:
        breaker_enter_half_open(breaker);
        break;
    case BREAKER_FORCED_OPEN:
        breaker->attempts++;
        breaker_clear(breaker);
        break;
    case BREAKER_CLOSED:
    case BREAKER_DISABLED:
    case BREAKER_METRICS_ONLY:
    case BREAKER_STATES:
        breaker->attempts = 0;
        breaker_clear(breaker);
        break;
    }
    if (from != state) {
        breaker_publish(breaker, BREAKER_EVENT_STATE_TRANSITION, from);
    }
}

struct breaker *breaker_init(void *memory, const struct breaker_config *config, struct breaker_listener listener,
                             int64_t now_us)
{
    ASSERT(breaker_config_valid(config));
    ASSERT(now_us >= 0);
    struct breaker *breaker = (struct breaker *)memory;
    uint8_t *cells = (uint8_t *)memory + breaker_aligned(sizeof *breaker);
    memset(breaker, 0, sizeof *breaker);
    breaker->config = *config;
    breaker->now_us = now_us;
    breaker->timer_us = BREAKER_NO_TIMER;
    breaker->main = (struct breaker_window_ring){
        .kind = config->window_type, .size = (uint32_t)config->window_size, .cells = cells};
    cells += breaker_aligned(breaker_window_bytes(config->window_type, config->window_size));
    breaker->trial = (struct breaker_window_ring){
        .kind = BREAKER_WINDOW_COUNT, .size = (uint32_t)config->permitted_half_open, .cells = cells};
    breaker_clear(breaker);
    if (config->initial_state != BREAKER_CLOSED) {
        breaker_enter(breaker, config->initial_state, 0, true);
    }
    breaker->listener = listener;
    return breaker;
}

/* Skips whole turns OPEN - HALF_OPEN - OPEN once the wait grows no more. */
static void breaker_skip(struct breaker *breaker, int64_t now_us)
{
    const int64_t wait_ms = breaker_wait_ms(&breaker->config, breaker->attempts + 1);
    const int64_t turn_us = (wait_ms + breaker->config.max_wait_half_open_ms) * TIME_US_PER_MS;
    const int64_t turns = (now_us - breaker->timer_us) / turn_us;
    if (breaker->wait_us == wait_ms * TIME_US_PER_MS && turns > 0) {
        breaker->attempts += turns;
        breaker->period += 2 * (uint64_t)turns;
        breaker->timer_us += turns * turn_us;
        breaker->retry_after_us += turns * turn_us;
    }
}

/* The timer fell due: what it was set for, at its own due time. */
static void breaker_fire(struct breaker *breaker)
{
    ASSERT(breaker->state == BREAKER_OPEN || breaker->state == BREAKER_HALF_OPEN);
    const bool open = breaker->state == BREAKER_OPEN;
    breaker->now_us = breaker->timer_us;
    breaker_enter(breaker, open ? BREAKER_HALF_OPEN : breaker->config.after_half_open_wait, 0, true);
}

void breaker_advance(struct breaker *breaker, int64_t now_us)
{
    for (uint32_t fired = 0; breaker->timer_us <= now_us; fired++) {
        if (fired >= BREAKER_TURNS && breaker->state == BREAKER_OPEN) {
            breaker_skip(breaker, now_us);
        }
        breaker_fire(breaker);
    }
    breaker->now_us = now_us > breaker->now_us ? now_us : breaker->now_us;
}

static bool breaker_refuse(struct breaker *breaker)
{
    breaker->not_permitted++;
    breaker_publish(breaker, BREAKER_EVENT_NOT_PERMITTED, breaker->state);
    return false;
}

bool breaker_acquire(struct breaker *breaker, int64_t now_us)
{
    breaker_advance(breaker, now_us);
    if (breaker_admits_all(breaker)) {
        return true;
    }
    if (breaker->state == BREAKER_OPEN && breaker->now_us > breaker->retry_after_us) {
        breaker_enter(breaker, BREAKER_HALF_OPEN, 0, true);
    }
    if (breaker->state != BREAKER_HALF_OPEN || breaker->permits == 0) {
        return breaker_refuse(breaker);
    }
    breaker->permits--;
    return true;
}

/* The rate, or -1 below the minimum of calls. A time window asks for the whole minimum, a count window at most for what
 * fits into it. */
static int64_t breaker_rate_ppm(const struct breaker *breaker, int64_t part)
{
    const struct breaker_window_ring *ring = breaker->ring;
    const bool clamped = ring->kind == BREAKER_WINDOW_COUNT && breaker->config.minimum_calls > ring->size;
    const int64_t minimum = clamped ? ring->size : breaker->config.minimum_calls;
    return ring->totals.calls < minimum ? -1 : part * BREAKER_PPM / ring->totals.calls;
}

/* part / calls >= threshold, without the rounding of a division. */
static bool breaker_exceeds(const struct breaker *breaker, int64_t part, int64_t threshold_ppm)
{
    return breaker_rate_ppm(breaker, part) >= 0 && part * BREAKER_PPM >= threshold_ppm * breaker->ring->totals.calls;
}

static void breaker_judge_closed(struct breaker *breaker, bool failing, bool slow)
{
    if (failing) {
        breaker_publish(breaker, BREAKER_EVENT_FAILURE_RATE_EXCEEDED, breaker->state);
    }
    if (slow) {
        breaker_publish(breaker, BREAKER_EVENT_SLOW_CALL_RATE_EXCEEDED, breaker->state);
    }
    if (failing || slow) {
        breaker_enter(breaker, BREAKER_OPEN, 0, true);
    }
}

static void breaker_judge_metrics_only(struct breaker *breaker, bool failing, bool slow)
{
    if (failing && !breaker->failure_announced) {
        breaker->failure_announced = true;
        breaker_publish(breaker, BREAKER_EVENT_FAILURE_RATE_EXCEEDED, breaker->state);
    }
    if (slow && !breaker->slow_announced) {
        breaker->slow_announced = true;
        breaker_publish(breaker, BREAKER_EVENT_SLOW_CALL_RATE_EXCEEDED, breaker->state);
    }
}

static void breaker_judge(struct breaker *breaker)
{
    const bool failing =
        breaker_exceeds(breaker, breaker->ring->totals.failed, breaker->config.failure_rate_threshold_ppm);
    const bool slow =
        breaker_exceeds(breaker, breaker->ring->totals.slow, breaker->config.slow_call_rate_threshold_ppm);
    if (breaker->state == BREAKER_CLOSED) {
        breaker_judge_closed(breaker, failing, slow);
    } else if (breaker->state == BREAKER_METRICS_ONLY) {
        breaker_judge_metrics_only(breaker, failing, slow);
    } else if (breaker->state == BREAKER_HALF_OPEN && breaker_rate_ppm(breaker, 0) >= 0) {
        breaker_enter(breaker, failing || slow ? BREAKER_OPEN : BREAKER_CLOSED, 0, true);
    }
}

void breaker_record(struct breaker *breaker, int64_t now_us, bool failed, int64_t duration_ns)
{
    breaker_advance(breaker, now_us);
    breaker_publish(breaker, failed ? BREAKER_EVENT_ERROR : BREAKER_EVENT_SUCCESS, breaker->state);
    if (breaker_silent(breaker)) {
        return;
    }
    breaker_window_record(breaker->ring, breaker->now_us, failed, duration_ns > breaker->config.slow_call_duration_ns);
    breaker_judge(breaker);
}

void breaker_trip(struct breaker *breaker, int64_t now_us, int64_t duration_ns, int64_t open_for_ms)
{
    ASSERT(open_for_ms >= 0 && open_for_ms <= BREAKER_WAIT_MAX_MS);
    breaker_record(breaker, now_us, true, duration_ns);
    if (breaker->state == BREAKER_CLOSED) {
        breaker_enter(breaker, BREAKER_OPEN, open_for_ms * TIME_US_PER_MS, false);
    }
}

static void breaker_give_back(struct breaker *breaker)
{
    if (breaker->state == BREAKER_HALF_OPEN && breaker->permits < breaker->config.permitted_half_open) {
        breaker->permits++;
    }
}

void breaker_ignore(struct breaker *breaker, int64_t now_us)
{
    breaker_advance(breaker, now_us);
    breaker_give_back(breaker);
    breaker_publish(breaker, BREAKER_EVENT_IGNORED_ERROR, breaker->state);
}

void breaker_release(struct breaker *breaker, int64_t now_us)
{
    breaker_advance(breaker, now_us);
    breaker_give_back(breaker);
}

static bool breaker_allowed(enum breaker_state from, enum breaker_state to)
{
    if (from == to) {
        return true;
    }
    if (from == BREAKER_CLOSED) {
        return to != BREAKER_HALF_OPEN;
    }
    return from != BREAKER_METRICS_ONLY || (to != BREAKER_OPEN && to != BREAKER_HALF_OPEN);
}

bool breaker_move(struct breaker *breaker, int64_t now_us, enum breaker_state state)
{
    ASSERT((uint32_t)state < BREAKER_STATES);
    breaker_advance(breaker, now_us);
    if (!breaker_allowed(breaker->state, state)) {
        return false;
    }
    breaker_enter(breaker, state, 0, true);
    return true;
}

bool breaker_open_for(struct breaker *breaker, int64_t now_us, int64_t open_for_ms)
{
    ASSERT(open_for_ms >= 0 && open_for_ms <= BREAKER_WAIT_MAX_MS);
    breaker_advance(breaker, now_us);
    if (!breaker_allowed(breaker->state, BREAKER_OPEN)) {
        return false;
    }
    breaker_enter(breaker, BREAKER_OPEN, open_for_ms * TIME_US_PER_MS, false);
    return true;
}

void breaker_reset(struct breaker *breaker, int64_t now_us)
{
    breaker_advance(breaker, now_us);
    breaker_enter(breaker, BREAKER_CLOSED, 0, true);
    breaker_publish(breaker, BREAKER_EVENT_RESET, breaker->state);
}

void breaker_read(struct breaker *breaker, int64_t now_us, struct breaker_metrics *ret_metrics)
{
    breaker_advance(breaker, now_us);
    breaker_window_move(breaker->ring, breaker->now_us);
    const struct breaker_window_totals *totals = &breaker->ring->totals;
    *ret_metrics = (struct breaker_metrics){
        .state = breaker->state,
        .failure_rate_ppm = breaker_rate_ppm(breaker, totals->failed),
        .slow_rate_ppm = breaker_rate_ppm(breaker, totals->slow),
        .buffered = totals->calls,
        .failed = totals->failed,
        .slow = totals->slow,
        .slow_failed = totals->slow_failed,
        .not_permitted = breaker->not_permitted,
        .attempts = breaker->attempts,
    };
}

/* Whether the share stays below its threshold even if the next result adds to it and pushes a harmless one out. */
static bool breaker_holds(const struct breaker_window_totals *totals, int64_t part, int64_t threshold_ppm)
{
    return (part + 1) * BREAKER_PPM < threshold_ppm * totals->calls;
}

bool breaker_record_needs_no_time(const struct breaker *breaker)
{
    const struct breaker_window_totals *totals = &breaker->ring->totals;
    return breaker->state == BREAKER_CLOSED &&
           (breaker->listener.publish == NULL || breaker->listener.transitions_only) &&
           breaker_window_full(breaker->ring) &&
           breaker_holds(totals, totals->failed, breaker->config.failure_rate_threshold_ppm) &&
           breaker_holds(totals, totals->slow, breaker->config.slow_call_rate_threshold_ppm);
}

int64_t breaker_retry_us(const struct breaker *breaker)
{
    return breaker->state == BREAKER_OPEN ? breaker->retry_after_us : 0;
}

enum breaker_state breaker_state(const struct breaker *breaker)
{
    return breaker->state;
}

uint64_t breaker_period(const struct breaker *breaker)
{
    return breaker->period;
}

bool breaker_admits_all(const struct breaker *breaker)
{
    return breaker->state == BREAKER_CLOSED || breaker->state == BREAKER_DISABLED ||
           breaker->state == BREAKER_METRICS_ONLY;
}

bool breaker_silent(const struct breaker *breaker)
{
    return breaker->state == BREAKER_DISABLED || breaker->state == BREAKER_FORCED_OPEN;
}

bool breaker_success_changes_nothing(const struct breaker *breaker)
{
    if (breaker->state == BREAKER_DISABLED) {
        return true;
    }
    const bool recording = breaker->state == BREAKER_CLOSED || breaker->state == BREAKER_METRICS_ONLY;
    const struct breaker_window_totals *totals = &breaker->ring->totals;
    return recording && breaker_window_full(breaker->ring) && totals->failed == 0 && totals->slow == 0;
}

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[BREAKER_STATES] = {"CLOSED",   "OPEN",        "HALF_OPEN",
                                                      "DISABLED", "FORCED_OPEN", "METRICS_ONLY"};
    ASSERT((uint32_t)state < BREAKER_STATES);
    return names[state];
}

const char *breaker_event_name(enum breaker_event_kind kind)
{
    static const char *const names[] = {"SUCCESS",
                                        "ERROR",
                                        "IGNORED_ERROR",
                                        "NOT_PERMITTED",
                                        "FAILURE_RATE_EXCEEDED",
                                        "SLOW_CALL_RATE_EXCEEDED",
                                        "STATE_TRANSITION",
                                        "RESET"};
    ASSERT((uint32_t)kind < sizeof names / sizeof names[0]);
    return names[kind];
}
