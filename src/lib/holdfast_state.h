/* SPDX-License-Identifier: Apache-2.0
 * The health of each region in one word, where the view, failed calls, breakers and the application's own checks meet.
 * Private to libholdfast.
 *
 * A word is until_ms << 8 | flags. Without flags the region is usable before until_ms (the last check's age; far away
 * without checks). SHUNNED and OPEN keep it from being chosen before until_ms; then one call at a time is let through
 * to see. VIEW and CHECK keep it from being chosen at all. Whoever changes a word holds the lock; who chooses only
 * loads. */
#pragma once

#include <holdfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"

enum {
    HOLDFAST_STATE_VIEW = 1,    /* the view says no */
    HOLDFAST_STATE_CHECK = 2,   /* the application's own check failed or was slow */
    HOLDFAST_STATE_SHUNNED = 4, /* a call failed */
    HOLDFAST_STATE_OPEN = 8,    /* its breaker is open */
    HOLDFAST_STATE_FLAGS = 0xff,
};

#define HOLDFAST_STATE_FAR_MS (INT64_MAX >> 8)

struct holdfast_state_region {
    bool view_down;
    bool check_failed;
    bool open;
    bool told_down;
    uint32_t shuns; /* in a row */
    int64_t checked_until_ms;
    int64_t shun_until_ms;
    int64_t open_until_ms;
};

struct holdfast_state {
    _Alignas(64) _Atomic uint64_t words[LIMITS_REGIONS + 1]; /* the last one is that of no region: never usable */
    _Atomic int64_t tick_ms; /* the clock as it was read last: the quick path reads none */
    _Atomic uint64_t trials;
    int64_t (*clock_us)(void *context);
    void *clock_context;
    int64_t max_age_ms;
    int64_t max_latency_ns;
    int64_t shun_ms;
    int64_t shun_max_ms;
    void (*publish)(void *context, const struct holdfast_news *news);
    void *publish_context;

    pthread_mutex_t lock; /* around all below, and every change of a word */
    uint64_t shunned;
    struct holdfast_state_region regions[LIMITS_REGIONS];
};

void holdfast_state_init(struct holdfast_state *state, const struct holdfast_options *options);
void holdfast_state_fini(struct holdfast_state *state);

/* Reads the clock, for the quick path as well. */
int64_t holdfast_state_now_ms(struct holdfast_state *state);

static inline uint64_t holdfast_state_word(const struct holdfast_state *state, uint32_t region)
{
    return atomic_load_explicit(&state->words[region % LIMITS_REGIONS], memory_order_acquire);
}

/* Whether a region with this word is usable without any doubt, by the clock as it was read last. */
static inline bool holdfast_state_clear(const struct holdfast_state *state, uint64_t word)
{
    return (word & HOLDFAST_STATE_FLAGS) == 0 &&
           (int64_t)(word >> 8) > atomic_load_explicit(&state->tick_ms, memory_order_relaxed);
}

/* Whether the region is usable without any doubt, by the clock as it was read last. */
static inline bool holdfast_state_plain(const struct holdfast_state *state, uint32_t region)
{
    return holdfast_state_clear(state, holdfast_state_word(state, region));
}

/* Whether it may be chosen, or tried. */
bool holdfast_state_peek(const struct holdfast_state *state, uint32_t region, int64_t now_ms);

/* Likewise, and takes the trial: true for one caller until the next trial is due. */
bool holdfast_state_take(struct holdfast_state *state, uint32_t region, int64_t now_ms);

/* A new view. `renamed`: the index stands for another region than before, so nothing is known of it. */
void holdfast_state_view(struct holdfast_state *state, uint32_t region, bool down, bool renamed);
void holdfast_state_check(struct holdfast_state *state, uint32_t region, bool healthy, int64_t latency_ns);
void holdfast_state_failed(struct holdfast_state *state, uint32_t region);
void holdfast_state_answered(struct holdfast_state *state, uint32_t region);
void holdfast_state_breaker(struct holdfast_state *state, uint32_t region, bool open, int64_t until_ms);

/* Tells what became old meanwhile. */
void holdfast_state_age(struct holdfast_state *state);
