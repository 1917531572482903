/* SPDX-License-Identifier: Apache-2.0
 * Windows: a ring of results, or a ring of seconds. */
#include "core/breaker_window.h"

#include <string.h>

#include "base/assert.h"
#include "base/time.h"

enum { BREAKER_WINDOW_FAILED = 1, BREAKER_WINDOW_SLOW = 2 };

size_t breaker_window_bytes(enum breaker_window kind, int64_t size)
{
    ASSERT(size >= 1 && size <= BREAKER_WINDOW_MAX);
    return (size_t)size * (kind == BREAKER_WINDOW_TIME ? sizeof(struct breaker_window_totals) : sizeof(uint8_t));
}

static void breaker_window_add(struct breaker_window_totals *totals, bool failed, bool slow, int64_t step)
{
    totals->calls += step;
    totals->failed += failed ? step : 0;
    totals->slow += slow ? step : 0;
    totals->slow_failed += failed && slow ? step : 0;
}

void breaker_window_reset(struct breaker_window_ring *ring, int64_t now_us)
{
    ring->at = 0;
    ring->second = now_us / TIME_US_PER_S;
    ring->totals = (struct breaker_window_totals){0};
    if (ring->kind == BREAKER_WINDOW_TIME) {
        memset(ring->cells, 0, breaker_window_bytes(ring->kind, ring->size));
    }
}

void breaker_window_move(struct breaker_window_ring *ring, int64_t now_us)
{
    if (ring->kind != BREAKER_WINDOW_TIME) {
        return;
    }
    const int64_t second = now_us / TIME_US_PER_S;
    const int64_t passed = second - ring->second;
    ASSERT(passed >= 0);
    const uint32_t steps = passed < ring->size ? (uint32_t)passed : ring->size;
    struct breaker_window_totals *buckets = (struct breaker_window_totals *)ring->cells;
    for (uint32_t i = 0; i < steps; i++) {
        ring->at = (ring->at + 1) % ring->size;
        struct breaker_window_totals *oldest = &buckets[ring->at];
        ring->totals.calls -= oldest->calls;
        ring->totals.failed -= oldest->failed;
        ring->totals.slow -= oldest->slow;
        ring->totals.slow_failed -= oldest->slow_failed;
        *oldest = (struct breaker_window_totals){0};
    }
    ring->second = second;
    ASSERT(ring->totals.calls >= 0);
}

static void breaker_window_push(struct breaker_window_ring *ring, bool failed, bool slow)
{
    uint8_t *results = (uint8_t *)ring->cells;
    if (ring->totals.calls == ring->size) {
        const uint8_t oldest = results[ring->at];
        breaker_window_add(&ring->totals, (oldest & BREAKER_WINDOW_FAILED) != 0, (oldest & BREAKER_WINDOW_SLOW) != 0,
                           -1);
    }
    results[ring->at] = (uint8_t)((failed ? BREAKER_WINDOW_FAILED : 0) | (slow ? BREAKER_WINDOW_SLOW : 0));
    ring->at = (ring->at + 1) % ring->size;
    breaker_window_add(&ring->totals, failed, slow, 1);
}

void breaker_window_record(struct breaker_window_ring *ring, int64_t now_us, bool failed, bool slow)
{
    if (ring->kind == BREAKER_WINDOW_TIME) {
        breaker_window_move(ring, now_us);
        struct breaker_window_totals *buckets = (struct breaker_window_totals *)ring->cells;
        breaker_window_add(&buckets[ring->at], failed, slow, 1);
        breaker_window_add(&ring->totals, failed, slow, 1);
    } else {
        breaker_window_push(ring, failed, slow);
    }
    ASSERT(ring->totals.failed <= ring->totals.calls && ring->totals.slow <= ring->totals.calls);
}

bool breaker_window_full(const struct breaker_window_ring *ring)
{
    return ring->kind == BREAKER_WINDOW_COUNT && ring->totals.calls == ring->size;
}
