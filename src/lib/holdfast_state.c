/* SPDX-License-Identifier: Apache-2.0
 * What is known of each region, and the word that says it. */
#include "holdfast_state.h"

#include <time.h>

#include "base/assert.h"

enum { HOLDFAST_STATE_NS_PER_MS = 1000000, HOLDFAST_STATE_DOUBLINGS = 20 };

/* A tick of the kernel's timer is fine enough for waits of seconds, and costs a quarter of the exact clock. */
static int64_t holdfast_state_clock(void *context)
{
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t holdfast_state_now_ms(struct holdfast_state *state)
{
    const int64_t now_ms = state->clock_us(state->clock_context) / 1000;
    if (now_ms > atomic_load_explicit(&state->tick_ms, memory_order_relaxed)) {
        atomic_store_explicit(&state->tick_ms, now_ms, memory_order_relaxed);
    }
    return now_ms;
}

void holdfast_state_init(struct holdfast_state *state, const struct holdfast_options *options)
{
    state->clock_us = options->clock_us != NULL ? options->clock_us : holdfast_state_clock;
    state->clock_context = options->clock_context;
    state->max_age_ms = options->max_age_ms;
    state->max_latency_ns = options->max_latency_ms * HOLDFAST_STATE_NS_PER_MS;
    state->shun_ms = options->shun_ms;
    state->shun_max_ms = options->shun_max_ms;
    state->publish = options->publish;
    state->publish_context = options->publish_context;
    pthread_mutex_init(&state->lock, NULL);
    atomic_store(&state->words[LIMITS_REGIONS], HOLDFAST_STATE_VIEW);
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        state->regions[i] = (struct holdfast_state_region){
            .view_down = true, .told_down = true, .checked_until_ms = HOLDFAST_STATE_FAR_MS};
        atomic_store(&state->words[i], HOLDFAST_STATE_VIEW);
    }
    (void)holdfast_state_now_ms(state);
}

void holdfast_state_fini(struct holdfast_state *state)
{
    pthread_mutex_destroy(&state->lock);
}

static bool holdfast_state_waiting(uint64_t word)
{
    return (word & (HOLDFAST_STATE_SHUNNED | HOLDFAST_STATE_OPEN)) != 0;
}

static bool holdfast_state_may(uint64_t word, int64_t now_ms)
{
    const int64_t until_ms = (int64_t)(word >> 8);
    if ((word & (HOLDFAST_STATE_VIEW | HOLDFAST_STATE_CHECK)) != 0) {
        return false;
    }
    return holdfast_state_waiting(word) ? now_ms >= until_ms : now_ms < until_ms;
}

bool holdfast_state_peek(const struct holdfast_state *state, uint32_t region, int64_t now_ms)
{
    return holdfast_state_may(holdfast_state_word(state, region), now_ms);
}

bool holdfast_state_take(struct holdfast_state *state, uint32_t region, int64_t now_ms)
{
    uint64_t word = holdfast_state_word(state, region);
    if (!holdfast_state_may(word, now_ms)) {
        return false;
    }
    if (!holdfast_state_waiting(word)) {
        return true;
    }
    const uint64_t later = (uint64_t)(now_ms + state->shun_ms) << 8 | (word & HOLDFAST_STATE_FLAGS);
    if (!atomic_compare_exchange_strong(&state->words[region % LIMITS_REGIONS], &word, later)) {
        return false;
    }
    atomic_fetch_add_explicit(&state->trials, 1, memory_order_relaxed);
    return true;
}

static void holdfast_state_tell(struct holdfast_state *state, uint32_t region, bool down, int64_t now_ms)
{
    state->regions[region].told_down = down;
    if (state->publish != NULL) {
        const struct holdfast_news news = {
            .kind = down ? HOLDFAST_NEWS_REGION_DOWN : HOLDFAST_NEWS_REGION_UP,
            .region = region,
            .node = HOLDFAST_NONE,
            .at_us = now_ms * 1000,
        };
        state->publish(state->publish_context, &news);
    }
}

/* Under the lock: the word anew from all that is known. */
static void holdfast_state_set(struct holdfast_state *state, uint32_t region)
{
    ASSERT(region < LIMITS_REGIONS);
    const struct holdfast_state_region *known = &state->regions[region];
    const int64_t now_ms = holdfast_state_now_ms(state);
    uint64_t flags = (known->view_down ? HOLDFAST_STATE_VIEW : 0U) | (known->check_failed ? HOLDFAST_STATE_CHECK : 0U) |
                     (known->shuns > 0 ? HOLDFAST_STATE_SHUNNED : 0U) | (known->open ? HOLDFAST_STATE_OPEN : 0U);
    int64_t until_ms = known->checked_until_ms;
    if (holdfast_state_waiting(flags)) {
        const int64_t open_ms = known->open ? known->open_until_ms : 0;
        const int64_t shun_ms = known->shuns > 0 ? known->shun_until_ms : 0;
        until_ms = open_ms > shun_ms ? open_ms : shun_ms;
    }
    atomic_store_explicit(&state->words[region], (uint64_t)until_ms << 8 | flags, memory_order_release);
    const bool down = flags != 0 || until_ms <= now_ms;
    if (down != known->told_down) {
        holdfast_state_tell(state, region, down, now_ms);
    }
}

void holdfast_state_view(struct holdfast_state *state, uint32_t region, bool down, bool renamed)
{
    pthread_mutex_lock(&state->lock);
    struct holdfast_state_region *known = &state->regions[region];
    if (renamed) {
        known->check_failed = false;
        known->shuns = 0;
        known->open = false;
        known->checked_until_ms = HOLDFAST_STATE_FAR_MS;
    }
    known->view_down = down;
    holdfast_state_set(state, region);
    pthread_mutex_unlock(&state->lock);
}

void holdfast_state_check(struct holdfast_state *state, uint32_t region, bool healthy, int64_t latency_ns)
{
    pthread_mutex_lock(&state->lock);
    struct holdfast_state_region *known = &state->regions[region];
    known->check_failed = !healthy || latency_ns >= state->max_latency_ns;
    known->checked_until_ms = holdfast_state_now_ms(state) + state->max_age_ms;
    known->shuns = known->check_failed ? known->shuns : 0;
    holdfast_state_set(state, region);
    pthread_mutex_unlock(&state->lock);
}

void holdfast_state_failed(struct holdfast_state *state, uint32_t region)
{
    pthread_mutex_lock(&state->lock);
    struct holdfast_state_region *known = &state->regions[region];
    const int64_t now_ms = holdfast_state_now_ms(state);
    /* Calls that were under way together are one failure. */
    if (known->shuns == 0 || now_ms >= known->shun_until_ms) {
        int64_t wait_ms = state->shun_ms;
        for (uint32_t i = 0; i < known->shuns && wait_ms < state->shun_max_ms; i++) {
            wait_ms *= 2;
        }
        known->shuns += known->shuns < HOLDFAST_STATE_DOUBLINGS ? 1 : 0;
        known->shun_until_ms = now_ms + (wait_ms < state->shun_max_ms ? wait_ms : state->shun_max_ms);
        state->shunned++;
    }
    holdfast_state_set(state, region);
    pthread_mutex_unlock(&state->lock);
}

void holdfast_state_answered(struct holdfast_state *state, uint32_t region)
{
    if ((holdfast_state_word(state, region) & HOLDFAST_STATE_SHUNNED) == 0) {
        return;
    }
    pthread_mutex_lock(&state->lock);
    state->regions[region].shuns = 0;
    holdfast_state_set(state, region);
    pthread_mutex_unlock(&state->lock);
}

void holdfast_state_breaker(struct holdfast_state *state, uint32_t region, bool open, int64_t until_ms)
{
    pthread_mutex_lock(&state->lock);
    state->regions[region].open = open;
    state->regions[region].open_until_ms = until_ms < HOLDFAST_STATE_FAR_MS ? until_ms : HOLDFAST_STATE_FAR_MS;
    holdfast_state_set(state, region);
    pthread_mutex_unlock(&state->lock);
}

void holdfast_state_age(struct holdfast_state *state)
{
    const int64_t now_ms = holdfast_state_now_ms(state);
    pthread_mutex_lock(&state->lock);
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        const uint64_t word = holdfast_state_word(state, i);
        const bool old = (word & HOLDFAST_STATE_FLAGS) == 0 && (int64_t)(word >> 8) <= now_ms;
        if (old && !state->regions[i].told_down) {
            holdfast_state_tell(state, i, true, now_ms);
        }
    }
    pthread_mutex_unlock(&state->lock);
}
