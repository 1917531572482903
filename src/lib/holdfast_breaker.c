/* SPDX-License-Identifier: Apache-2.0
 * The public circuit breaker: core/breaker.h under a lock, and a healthy path without one.
 *
 * A full window without failures and slow calls, plus a fast success, is the same window. So `flags` says what the
 * breaker would answer: while HOLDFAST_BREAKER_QUIET is set, a fast success only counts in a cell of its own thread.
 * Everything else takes the lock, steps the core's breaker and publishes the flags anew. A success on the healthy path
 * takes effect at its load of the flags. */
#include "holdfast_breaker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/breaker.h"
#include "holdfast_thread.h"

enum {
    HOLDFAST_BREAKER_ADMITS = 1, /* every call is admitted */
    HOLDFAST_BREAKER_QUIET = 2,  /* a fast success changes nothing */
    HOLDFAST_BREAKER_TELLS = 4,  /* ... but is published */
    HOLDFAST_BREAKER_STATE = 8,  /* the state is shifted by this */
    HOLDFAST_BREAKER_STATE_MASK = 0xff,
    HOLDFAST_BREAKER_PERIOD = 16, /* the number of the period likewise: one load tells all three */
    HOLDFAST_BREAKER_LINE = 128,  /* bytes that threads must not share: lines are fetched in pairs */
};

struct holdfast_breaker_cell {
    _Alignas(HOLDFAST_BREAKER_LINE) atomic_int_fast64_t count;
};

struct holdfast_breaker {
    _Alignas(HOLDFAST_BREAKER_LINE) _Atomic uint64_t flags;
    int64_t slow_ns;
    struct holdfast_breaker_config config;
    _Alignas(HOLDFAST_BREAKER_LINE) pthread_mutex_t lock;
    struct breaker *core; /* behind this struct */
    int64_t stale;
    struct holdfast_breaker_cell cells[HOLDFAST_THREADS + 1]; /* by thread; the last one is shared */
};

/* What is left of a period's number beside the flags; it takes ages to come round. */
#define HOLDFAST_BREAKER_PERIOD_MASK (UINT64_MAX >> HOLDFAST_BREAKER_PERIOD)

static int64_t holdfast_breaker_clock(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t holdfast_breaker_now(const struct holdfast_breaker *breaker)
{
    return breaker->config.clock_us(breaker->config.clock_context);
}

static void holdfast_breaker_tell(void *context, const struct breaker_event *event)
{
    const struct holdfast_breaker *breaker = (const struct holdfast_breaker *)context;
    const struct holdfast_breaker_event public_event = {
        .kind = (enum holdfast_breaker_event_kind)event->kind,
        .from = (enum holdfast_breaker_state)event->from,
        .to = (enum holdfast_breaker_state)event->to,
        .at_us = event->at_us,
    };
    breaker->config.publish(breaker->config.publish_context, &public_event);
}

static void holdfast_breaker_config_public(const struct breaker_config *config,
                                           struct holdfast_breaker_config *ret_config)
{
    *ret_config = (struct holdfast_breaker_config){
        .failure_rate_threshold_ppm = config->failure_rate_threshold_ppm,
        .slow_call_rate_threshold_ppm = config->slow_call_rate_threshold_ppm,
        .slow_call_duration_ns = config->slow_call_duration_ns,
        .window_type = (enum holdfast_breaker_window)config->window_type,
        .window_size = config->window_size,
        .minimum_calls = config->minimum_calls,
        .permitted_half_open = config->permitted_half_open,
        .wait_open_ms = config->wait_open_ms,
        .wait_initial_ms = config->wait_initial_ms,
        .wait_multiplier_ppm = config->wait_multiplier_ppm,
        .wait_max_ms = config->wait_max_ms,
        .automatic = config->automatic,
        .max_wait_half_open_ms = config->max_wait_half_open_ms,
        .after_half_open_wait = (enum holdfast_breaker_state)config->after_half_open_wait,
        .initial_state = (enum holdfast_breaker_state)config->initial_state,
    };
}

static struct breaker_config holdfast_breaker_config_core(const struct holdfast_breaker_config *config)
{
    return (struct breaker_config){
        .failure_rate_threshold_ppm = config->failure_rate_threshold_ppm,
        .slow_call_rate_threshold_ppm = config->slow_call_rate_threshold_ppm,
        .slow_call_duration_ns = config->slow_call_duration_ns,
        .window_type = (enum breaker_window)config->window_type,
        .window_size = config->window_size,
        .minimum_calls = config->minimum_calls,
        .permitted_half_open = config->permitted_half_open,
        .wait_open_ms = config->wait_open_ms,
        .wait_initial_ms = config->wait_initial_ms,
        .wait_multiplier_ppm = config->wait_multiplier_ppm,
        .wait_max_ms = config->wait_max_ms,
        .automatic = config->automatic != 0,
        .max_wait_half_open_ms = config->max_wait_half_open_ms,
        .after_half_open_wait = (enum breaker_state)config->after_half_open_wait,
        .initial_state = (enum breaker_state)config->initial_state,
    };
}

void holdfast_breaker_config_default(struct holdfast_breaker_config *ret_config)
{
    const struct breaker_config config = breaker_config_default();
    holdfast_breaker_config_public(&config, ret_config);
}

void holdfast_breaker_config_regional(struct holdfast_breaker_config *ret_config)
{
    const struct breaker_config config = breaker_config_regional();
    holdfast_breaker_config_public(&config, ret_config);
}

/* Under the lock (or before anybody else has the breaker): what the healthy path may do from now on. */
static void holdfast_breaker_show(struct holdfast_breaker *breaker)
{
    uint64_t flags = breaker_period(breaker->core) << HOLDFAST_BREAKER_PERIOD | (uint64_t)breaker_state(breaker->core)
                                                                                    << HOLDFAST_BREAKER_STATE;
    if (breaker_admits_all(breaker->core)) {
        flags |= HOLDFAST_BREAKER_ADMITS;
    }
    if (breaker_success_changes_nothing(breaker->core)) {
        flags |= HOLDFAST_BREAKER_QUIET;
    }
    if (breaker->config.publish != NULL && breaker->config.publish_transitions_only == 0 &&
        !breaker_silent(breaker->core)) {
        flags |= HOLDFAST_BREAKER_TELLS;
    }
    if (atomic_load_explicit(&breaker->flags, memory_order_relaxed) != flags) {
        atomic_store_explicit(&breaker->flags, flags, memory_order_release);
    }
}

static int64_t holdfast_breaker_enter(struct holdfast_breaker *breaker)
{
    pthread_mutex_lock(&breaker->lock);
    return holdfast_breaker_now(breaker);
}

static void holdfast_breaker_leave(struct holdfast_breaker *breaker)
{
    holdfast_breaker_show(breaker);
    pthread_mutex_unlock(&breaker->lock);
}

enum holdfast_error holdfast_breaker_new(const struct holdfast_breaker_config *config,
                                         struct holdfast_breaker **ret_breaker)
{
    const struct breaker_config core = holdfast_breaker_config_core(config);
    if (!breaker_config_valid(&core)) {
        return HOLDFAST_INVALID_CONFIG;
    }
    const size_t size = sizeof(struct holdfast_breaker) + breaker_size(&core);
    const size_t whole = (size + HOLDFAST_BREAKER_LINE - 1) / HOLDFAST_BREAKER_LINE * HOLDFAST_BREAKER_LINE;
    struct holdfast_breaker *breaker = (struct holdfast_breaker *)aligned_alloc(HOLDFAST_BREAKER_LINE, whole);
    if (breaker == NULL) {
        return HOLDFAST_NO_MEMORY;
    }
    memset(breaker, 0, sizeof *breaker);
    breaker->config = *config;
    breaker->config.clock_us = config->clock_us != NULL ? config->clock_us : holdfast_breaker_clock;
    breaker->slow_ns = config->slow_call_duration_ns;
    const struct breaker_listener listener = {config->publish != NULL ? holdfast_breaker_tell : NULL, breaker,
                                              config->publish_transitions_only != 0};
    pthread_mutex_init(&breaker->lock, NULL);
    breaker->core = breaker_init(breaker + 1, &core, listener, holdfast_breaker_now(breaker));
    holdfast_breaker_show(breaker);
    *ret_breaker = breaker;
    return HOLDFAST_OK;
}

void holdfast_breaker_free(struct holdfast_breaker *breaker)
{
    if (breaker != NULL) {
        pthread_mutex_destroy(&breaker->lock);
        free(breaker);
    }
}

int64_t holdfast_breaker_retry_us(const struct holdfast_breaker *breaker)
{
    return breaker_retry_us(breaker->core);
}

int holdfast_breaker_acquire(struct holdfast_breaker *breaker)
{
    if ((atomic_load_explicit(&breaker->flags, memory_order_acquire) & HOLDFAST_BREAKER_ADMITS) != 0) {
        return 1;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    const bool permitted = breaker_acquire(breaker->core, now_us);
    holdfast_breaker_leave(breaker);
    return permitted ? 1 : 0;
}

/* One more in this thread's cell. A cell has one writer, so load and store need not be one operation; the shared cell
 * has many. */
static void holdfast_breaker_count(struct holdfast_breaker *breaker)
{
    const unsigned thread = holdfast_thread();
    if (thread < HOLDFAST_THREADS) {
        atomic_int_fast64_t *count = &breaker->cells[thread].count;
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&breaker->cells[HOLDFAST_THREADS].count, 1, memory_order_relaxed);
    }
}

static void holdfast_breaker_healthy(struct holdfast_breaker *breaker, uint64_t flags)
{
    holdfast_breaker_count(breaker);
    if ((flags & HOLDFAST_BREAKER_TELLS) != 0) {
        const enum holdfast_breaker_state state =
            (enum holdfast_breaker_state)(flags >> HOLDFAST_BREAKER_STATE & HOLDFAST_BREAKER_STATE_MASK);
        const struct holdfast_breaker_event event = {
            .kind = HOLDFAST_EVENT_SUCCESS, .from = state, .to = state, .at_us = holdfast_breaker_now(breaker)};
        breaker->config.publish(breaker->config.publish_context, &event);
    }
}

/* Under the lock. */
static void holdfast_breaker_put(struct holdfast_breaker *breaker, int64_t now_us,
                                 enum holdfast_breaker_outcome outcome, int64_t duration_ns)
{
    const bool failed = outcome == HOLDFAST_ERROR || outcome == HOLDFAST_FAILED_RESULT;
    if (outcome == HOLDFAST_IGNORED_ERROR) {
        breaker_ignore(breaker->core, now_us);
    } else {
        breaker_record(breaker->core, now_us, failed, duration_ns);
    }
}

static void holdfast_breaker_slow(struct holdfast_breaker *breaker, enum holdfast_breaker_outcome outcome,
                                  int64_t duration_ns)
{
    pthread_mutex_lock(&breaker->lock);
    const int64_t now_us = breaker_record_needs_no_time(breaker->core) ? 0 : holdfast_breaker_now(breaker);
    holdfast_breaker_put(breaker, now_us, outcome, duration_ns);
    holdfast_breaker_leave(breaker);
}

void holdfast_breaker_record(struct holdfast_breaker *breaker, enum holdfast_breaker_outcome outcome,
                             int64_t duration_ns)
{
    const bool success = outcome == HOLDFAST_SUCCESS || outcome == HOLDFAST_UNRECORDED_ERROR;
    if (success && duration_ns <= breaker->slow_ns) {
        const uint64_t flags = atomic_load_explicit(&breaker->flags, memory_order_acquire);
        if ((flags & HOLDFAST_BREAKER_QUIET) != 0) {
            holdfast_breaker_healthy(breaker, flags);
            return;
        }
    }
    holdfast_breaker_slow(breaker, outcome, duration_ns);
}

int holdfast_breaker_acquire_period(struct holdfast_breaker *breaker, uint64_t *ret_period)
{
    const uint64_t flags = atomic_load_explicit(&breaker->flags, memory_order_acquire);
    if ((flags & HOLDFAST_BREAKER_ADMITS) != 0) {
        *ret_period = flags >> HOLDFAST_BREAKER_PERIOD;
        return 1;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    const bool permitted = breaker_acquire(breaker->core, now_us);
    const uint64_t period = breaker_period(breaker->core) & HOLDFAST_BREAKER_PERIOD_MASK;
    holdfast_breaker_leave(breaker);
    if (permitted) {
        *ret_period = period;
    }
    return permitted ? 1 : 0;
}

/* Under the lock: whether the call's period is over. */
static bool holdfast_breaker_late(struct holdfast_breaker *breaker, uint64_t period, int64_t now_us)
{
    breaker_advance(breaker->core, now_us);
    const bool late = (breaker_period(breaker->core) & HOLDFAST_BREAKER_PERIOD_MASK) != period;
    breaker->stale += late ? 1 : 0;
    return late;
}

void holdfast_breaker_record_period(struct holdfast_breaker *breaker, uint64_t period,
                                    enum holdfast_breaker_outcome outcome, int64_t duration_ns)
{
    const bool success = outcome == HOLDFAST_SUCCESS || outcome == HOLDFAST_UNRECORDED_ERROR;
    const uint64_t flags = atomic_load_explicit(&breaker->flags, memory_order_acquire);
    if (success && duration_ns <= breaker->slow_ns && (flags & HOLDFAST_BREAKER_QUIET) != 0 &&
        flags >> HOLDFAST_BREAKER_PERIOD == period) {
        holdfast_breaker_healthy(breaker, flags);
        return;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    if (!holdfast_breaker_late(breaker, period, now_us)) {
        holdfast_breaker_put(breaker, now_us, outcome, duration_ns);
    }
    holdfast_breaker_leave(breaker);
}

void holdfast_breaker_release_period(struct holdfast_breaker *breaker, uint64_t period)
{
    const int64_t now_us = holdfast_breaker_enter(breaker);
    if (!holdfast_breaker_late(breaker, period, now_us)) {
        breaker_release(breaker->core, now_us);
    }
    holdfast_breaker_leave(breaker);
}

enum holdfast_error holdfast_breaker_error_open_for(struct holdfast_breaker *breaker, int64_t duration_ns,
                                                    int64_t open_for_ms)
{
    if (open_for_ms < 0 || open_for_ms > BREAKER_WAIT_MAX_MS) {
        return HOLDFAST_INVALID_ARGUMENT;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    breaker_trip(breaker->core, now_us, duration_ns, open_for_ms);
    holdfast_breaker_leave(breaker);
    return HOLDFAST_OK;
}

void holdfast_breaker_release(struct holdfast_breaker *breaker)
{
    const int64_t now_us = holdfast_breaker_enter(breaker);
    breaker_release(breaker->core, now_us);
    holdfast_breaker_leave(breaker);
}

enum holdfast_error holdfast_breaker_move(struct holdfast_breaker *breaker, enum holdfast_breaker_state state)
{
    if ((unsigned)state >= BREAKER_STATES) {
        return HOLDFAST_INVALID_ARGUMENT;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    const bool moved = breaker_move(breaker->core, now_us, (enum breaker_state)state);
    holdfast_breaker_leave(breaker);
    return moved ? HOLDFAST_OK : HOLDFAST_ILLEGAL_TRANSITION;
}

enum holdfast_error holdfast_breaker_open_for(struct holdfast_breaker *breaker, int64_t open_for_ms)
{
    if (open_for_ms < 0 || open_for_ms > BREAKER_WAIT_MAX_MS) {
        return HOLDFAST_INVALID_ARGUMENT;
    }
    const int64_t now_us = holdfast_breaker_enter(breaker);
    const bool moved = breaker_open_for(breaker->core, now_us, open_for_ms);
    holdfast_breaker_leave(breaker);
    return moved ? HOLDFAST_OK : HOLDFAST_ILLEGAL_TRANSITION;
}

void holdfast_breaker_reset(struct holdfast_breaker *breaker)
{
    const int64_t now_us = holdfast_breaker_enter(breaker);
    breaker_reset(breaker->core, now_us);
    holdfast_breaker_leave(breaker);
}

void holdfast_breaker_advance(struct holdfast_breaker *breaker)
{
    const int64_t now_us = holdfast_breaker_enter(breaker);
    breaker_advance(breaker->core, now_us);
    holdfast_breaker_leave(breaker);
}

void holdfast_breaker_read(struct holdfast_breaker *breaker, struct holdfast_breaker_metrics *ret_metrics)
{
    struct breaker_metrics metrics;
    const int64_t now_us = holdfast_breaker_enter(breaker);
    breaker_read(breaker->core, now_us, &metrics);
    const int64_t stale = breaker->stale;
    holdfast_breaker_leave(breaker);
    *ret_metrics = (struct holdfast_breaker_metrics){
        .state = (enum holdfast_breaker_state)metrics.state,
        .failure_rate_ppm = metrics.failure_rate_ppm,
        .slow_rate_ppm = metrics.slow_rate_ppm,
        .buffered = metrics.buffered,
        .failed = metrics.failed,
        .slow = metrics.slow,
        .slow_failed = metrics.slow_failed,
        .not_permitted = metrics.not_permitted,
        .stale = stale,
    };
    for (size_t i = 0; i <= HOLDFAST_THREADS; i++) {
        ret_metrics->healthy += atomic_load_explicit(&breaker->cells[i].count, memory_order_relaxed);
    }
}

const char *holdfast_breaker_state_name(enum holdfast_breaker_state state)
{
    return (unsigned)state < BREAKER_STATES ? breaker_state_name((enum breaker_state)state) : "UNKNOWN";
}

const char *holdfast_breaker_event_name(enum holdfast_breaker_event_kind kind)
{
    return (unsigned)kind <= BREAKER_EVENT_RESET ? breaker_event_name((enum breaker_event_kind)kind) : "UNKNOWN";
}
