/* SPDX-License-Identifier: Apache-2.0
 * The budget of retries: tokens in parts per million of a retry, and a jitter that a seed decides. */
#include <holdfast.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { HOLDFAST_RETRY_LINE = 64, HOLDFAST_RETRY_PPM = 1000000, HOLDFAST_RETRY_WAIT_MAX_MS = 3600000 };

struct holdfast_retry {
    _Alignas(HOLDFAST_RETRY_LINE) _Atomic int64_t saved_ppm;
    int64_t full_ppm;
    struct holdfast_retry_config config;
    _Alignas(HOLDFAST_RETRY_LINE) _Atomic uint64_t drawn;
    _Atomic int64_t allowed;
    _Atomic int64_t refused_budget;
    _Atomic int64_t refused_attempts;
};

void holdfast_retry_config_default(struct holdfast_retry_config *ret_config)
{
    *ret_config = (struct holdfast_retry_config){
        .ratio_ppm = 100000,
        .burst = 10,
        .attempts = 3,
        .wait_ms = 20,
        .wait_max_ms = 1000,
    };
}

static bool holdfast_retry_within(int64_t value, int64_t low, int64_t high)
{
    return value >= low && value <= high;
}

static bool holdfast_retry_valid(const struct holdfast_retry_config *config)
{
    return holdfast_retry_within(config->ratio_ppm, 0, HOLDFAST_RETRY_PPM) &&
           holdfast_retry_within(config->burst, 1, 1000000) && holdfast_retry_within(config->attempts, 1, 1000) &&
           holdfast_retry_within(config->wait_ms, 1, HOLDFAST_RETRY_WAIT_MAX_MS) &&
           holdfast_retry_within(config->wait_max_ms, config->wait_ms, HOLDFAST_RETRY_WAIT_MAX_MS) &&
           config->reserved[0] == 0 && config->reserved[1] == 0 && config->reserved[2] == 0 && config->reserved[3] == 0;
}

/* SplitMix64 (Steele, Lea and Flood 2014): the n-th number of a seed without a state that must be locked. */
static uint64_t holdfast_retry_random(uint64_t seed, uint64_t number)
{
    uint64_t mixed = seed + number * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31;
}

static uint64_t holdfast_retry_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return holdfast_retry_random((uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec, (uint64_t)getpid()) | 1;
}

enum holdfast_error holdfast_retry_new(const struct holdfast_retry_config *config, struct holdfast_retry **ret_retry)
{
    if (!holdfast_retry_valid(config)) {
        return HOLDFAST_INVALID_CONFIG;
    }
    struct holdfast_retry *retry = (struct holdfast_retry *)aligned_alloc(HOLDFAST_RETRY_LINE, sizeof *retry);
    if (retry == NULL) {
        return HOLDFAST_NO_MEMORY;
    }
    *retry = (struct holdfast_retry){.config = *config};
    retry->config.seed = config->seed != 0 ? config->seed : holdfast_retry_seed();
    retry->full_ppm = config->burst * HOLDFAST_RETRY_PPM;
    atomic_init(&retry->saved_ppm, retry->full_ppm);
    *ret_retry = retry;
    return HOLDFAST_OK;
}

void holdfast_retry_free(struct holdfast_retry *retry)
{
    free(retry);
}

void holdfast_retry_call(struct holdfast_retry *retry)
{
    int64_t saved_ppm = atomic_load_explicit(&retry->saved_ppm, memory_order_relaxed);
    while (saved_ppm < retry->full_ppm) {
        const int64_t more_ppm = saved_ppm + retry->config.ratio_ppm;
        const int64_t next_ppm = more_ppm < retry->full_ppm ? more_ppm : retry->full_ppm;
        if (atomic_compare_exchange_weak_explicit(&retry->saved_ppm, &saved_ppm, next_ppm, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return;
        }
    }
}

static bool holdfast_retry_pay(struct holdfast_retry *retry)
{
    int64_t saved_ppm = atomic_load_explicit(&retry->saved_ppm, memory_order_relaxed);
    while (saved_ppm >= HOLDFAST_RETRY_PPM) {
        if (atomic_compare_exchange_weak_explicit(&retry->saved_ppm, &saved_ppm, saved_ppm - HOLDFAST_RETRY_PPM,
                                                  memory_order_relaxed, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static int64_t holdfast_retry_wait_ms(struct holdfast_retry *retry, int64_t attempts)
{
    int64_t step_ms = retry->config.wait_ms;
    for (int64_t i = 1; i < attempts && step_ms < retry->config.wait_max_ms; i++) {
        step_ms *= 2;
    }
    step_ms = step_ms < retry->config.wait_max_ms ? step_ms : retry->config.wait_max_ms;
    const uint64_t number = atomic_fetch_add_explicit(&retry->drawn, 1, memory_order_relaxed);
    const uint64_t random = holdfast_retry_random(retry->config.seed, number + 1);
    return step_ms - (int64_t)(random % ((uint64_t)step_ms / 2 + 1));
}

int holdfast_retry_ask(struct holdfast_retry *retry, int64_t attempts, int64_t *ret_wait_ms)
{
    if (attempts < 1 || attempts >= retry->config.attempts) {
        atomic_fetch_add_explicit(&retry->refused_attempts, 1, memory_order_relaxed);
        return 0;
    }
    if (!holdfast_retry_pay(retry)) {
        atomic_fetch_add_explicit(&retry->refused_budget, 1, memory_order_relaxed);
        return 0;
    }
    atomic_fetch_add_explicit(&retry->allowed, 1, memory_order_relaxed);
    *ret_wait_ms = holdfast_retry_wait_ms(retry, attempts);
    return 1;
}

void holdfast_retry_read(struct holdfast_retry *retry, struct holdfast_retry_metrics *ret_metrics)
{
    *ret_metrics = (struct holdfast_retry_metrics){
        .allowed = atomic_load_explicit(&retry->allowed, memory_order_relaxed),
        .refused_budget = atomic_load_explicit(&retry->refused_budget, memory_order_relaxed),
        .refused_attempts = atomic_load_explicit(&retry->refused_attempts, memory_order_relaxed),
        .saved_ppm = atomic_load_explicit(&retry->saved_ppm, memory_order_relaxed),
    };
}
