/* SPDX-License-Identifier: Apache-2.0
 * The two kinds of window of a circuit breaker: the last N results, or the last N whole seconds.
 *
 * Part of core/breaker.c; the cells are memory of the caller. */
#pragma once

#include "core/breaker.h"

struct breaker_window_totals {
    int64_t calls;
    int64_t failed;
    int64_t slow;
    int64_t slow_failed;
};

struct breaker_window_ring {
    enum breaker_window kind;
    uint32_t size;
    uint32_t at;    /* the next cell to write (count), or the cell of `second` (time) */
    int64_t second; /* of the newest cell of a time window */
    struct breaker_window_totals totals;
    void *cells;
};

/* Bytes of the cells. */
size_t breaker_window_bytes(enum breaker_window kind, int64_t size);

/* Empties it. */
void breaker_window_reset(struct breaker_window_ring *ring, int64_t now_us);

/* Lets the seconds pass. Nothing for a count window. */
void breaker_window_move(struct breaker_window_ring *ring, int64_t now_us);

void breaker_window_record(struct breaker_window_ring *ring, int64_t now_us, bool failed, bool slow);

/* Whether it holds `size` results. Never for a time window. */
bool breaker_window_full(const struct breaker_window_ring *ring);
