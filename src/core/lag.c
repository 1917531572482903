/* SPDX-License-Identifier: Apache-2.0
 * Replication lag over the last minutes. */
#include "core/lag.h"

#include <string.h>

#include "base/assert.h"

enum { LAG_PARTS_BITS = 2, LAG_PARTS = 1 << LAG_PARTS_BITS };

/* Values below LAG_PARTS have a bucket each; after that each doubling has LAG_PARTS of them. */
static uint32_t lag_bucket(uint64_t value)
{
    if (value < LAG_PARTS) {
        return (uint32_t)value;
    }
    const uint32_t top = 63U - (uint32_t)__builtin_clzll(value);
    const uint32_t part = (uint32_t)(value >> (top - LAG_PARTS_BITS)) & (LAG_PARTS - 1);
    const uint32_t bucket = (top - LAG_PARTS_BITS + 1) * LAG_PARTS + part;
    return bucket < LAG_BUCKETS ? bucket : LAG_BUCKETS - 1;
}

/* The largest value that falls into it. */
static uint64_t lag_bucket_end(uint32_t bucket)
{
    if (bucket < LAG_PARTS) {
        return bucket;
    }
    const uint32_t shift = bucket / LAG_PARTS - 1;
    return ((uint64_t)(LAG_PARTS + bucket % LAG_PARTS + 1) << shift) - 1;
}

static void lag_count(struct lag_window *window, enum lag_kind kind, uint64_t value)
{
    uint16_t *count = &window->counts[kind][lag_bucket(value)];
    *count = *count < UINT16_MAX ? (uint16_t)(*count + 1) : UINT16_MAX;
    window->most[kind] = value > window->most[kind] ? value : window->most[kind];
}

void lag_take(struct lag *lag, struct mono now, uint32_t ms, uint64_t bytes)
{
    if (ms == UINT32_MAX) {
        return;
    }
    if (lag->since.us == 0) {
        lag->since = now;
    } else if (time_since_ms(now, lag->since) >= LAG_WINDOW_MS) {
        const bool gap = time_since_ms(now, lag->since) >= 2 * (int64_t)LAG_WINDOW_MS;
        lag->windows[1] = lag->windows[0];
        if (gap) {
            memset(&lag->windows[1], 0, sizeof lag->windows[1]); /* too old to be told */
        }
        memset(&lag->windows[0], 0, sizeof lag->windows[0]);
        lag->since = now;
    }
    lag_count(&lag->windows[0], LAG_MS, ms);
    lag_count(&lag->windows[0], LAG_BYTES, bytes);
    lag->windows[0].samples++;
}

uint32_t lag_samples(const struct lag *lag)
{
    return lag->windows[0].samples + lag->windows[1].samples;
}

uint64_t lag_percentile(const struct lag *lag, enum lag_kind kind, uint32_t percent)
{
    ASSERT(percent >= 1 && percent <= 100 && kind < LAG_KINDS);
    const uint64_t a = lag->windows[0].most[kind];
    const uint64_t b = lag->windows[1].most[kind];
    const uint64_t most = a > b ? a : b;
    uint64_t total = 0;
    for (uint32_t bucket = 0; bucket < LAG_BUCKETS; bucket++) {
        total += (uint64_t)lag->windows[0].counts[kind][bucket] + lag->windows[1].counts[kind][bucket];
    }
    const uint64_t rank = (total * percent + 99) / 100;
    uint64_t seen = 0;
    for (uint32_t bucket = 0; percent < 100 && bucket + 1 < LAG_BUCKETS && total > 0; bucket++) {
        seen += (uint64_t)lag->windows[0].counts[kind][bucket] + lag->windows[1].counts[kind][bucket];
        if (seen >= rank) {
            const uint64_t end = lag_bucket_end(bucket);
            return end < most ? end : most;
        }
    }
    return most;
}

int lag_crossed(struct lag *lag, uint32_t ms, uint32_t limit_ms)
{
    const bool before = lag->high;
    if (limit_ms == 0 || ms == UINT32_MAX) {
        return 0;
    }
    lag->high = before ? ms > limit_ms / 2 : ms > limit_ms;
    return (int)lag->high - (int)before;
}

static uint32_t lag_step(uint32_t ms)
{
    for (uint32_t step = 1; step <= LAG_STEP_MOST; step *= 2) {
        if (ms <= step * LAG_STEP_MS) {
            return step * LAG_STEP_MS;
        }
    }
    return UINT32_MAX;
}

uint32_t lag_told(const struct lag *lag)
{
    return lag->told_ms != 0 ? lag->told_ms : UINT32_MAX;
}

void lag_untell(struct lag *lag)
{
    lag->told_ms = 0;
}

bool lag_tell(struct lag *lag, struct mono now, uint32_t ms)
{
    const uint32_t before = lag->told_ms;
    const uint32_t sure_ms = before == 0 || ms < lag->last_ms ? ms : lag->last_ms;
    const uint32_t step_ms = lag_step(sure_ms);
    lag->last_ms = ms;
    if (step_ms > before) {
        lag->told_ms = step_ms;
        lag->settling = now;
        lag->peak_ms = 0;
        return true;
    }
    lag->peak_ms = step_ms > lag->peak_ms ? step_ms : lag->peak_ms;
    if (time_since_ms(now, lag->settling) >= LAG_SETTLE_MS) {
        lag->told_ms = lag->peak_ms;
        lag->settling = now;
        lag->peak_ms = 0;
    }
    return lag->told_ms != before;
}
