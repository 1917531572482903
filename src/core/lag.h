/* SPDX-License-Identifier: Apache-2.0
 * How far a standby is behind its writer, over the last minutes: percentiles in time and in write-ahead log.
 *
 * One struct lag per link (a standby and whoever is the writer). Samples fall into buckets, four for each doubling, so
 * a percentile is less than a quarter too high and never too low. Two windows take turns: what is told covers between
 * one and two windows before the last sample; who shows it looks whether the standby still reports.
 *
 * What the view tells is coarser, because every change of it is a version that is stored and that all readers carry
 * out: one of a few steps (1, 2, 4, ... seconds), never less than the lag. A larger one is told when two samples in a
 * row say so (a standby that replays the first record after a quiet time looks old for a moment), a smaller one when
 * the lag was that small for LAG_SETTLE_MS.
 *
 * One owner; nothing allocates. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum {
    LAG_WINDOW_MS = 300000,
    LAG_BUCKETS = 160,       /* up to 2^40: a terabyte, 34 years */
    LAG_STEP_MS = 1000,      /* the smallest that the view tells */
    LAG_STEP_MOST = 1 << 12, /* the largest, of the smallest: more than an hour; beyond it is unknown */
    LAG_SETTLE_MS = 5000,
};

enum lag_kind { LAG_MS, LAG_BYTES, LAG_KINDS };

struct lag_window {
    uint32_t samples;
    uint64_t most[LAG_KINDS];
    uint16_t counts[LAG_KINDS][LAG_BUCKETS];
};

struct lag {
    struct mono since; /* of the present window; us 0: no sample yet */
    bool high;         /* above the limit, said once */
    struct lag_window windows[2];
    /* What the view tells. */
    uint32_t told_ms; /* 0: nothing yet */
    uint32_t last_ms; /* the sample before */
    uint32_t peak_ms; /* the largest step since `settling` */
    struct mono settling;
};

/* Takes one sample. `ms` UINT32_MAX: unknown, and the sample counts for nothing. */
void lag_take(struct lag *lag, struct mono now, uint32_t ms, uint64_t bytes);

/* The value below or at which `percent` (1 to 100) of the samples were; 100: the largest, exactly. 0 without samples.
 */
uint64_t lag_percentile(const struct lag *lag, enum lag_kind kind, uint32_t percent);

/* How many samples that rests on. */
uint32_t lag_samples(const struct lag *lag);

/* Whether the lag has just crossed the limit: 1 upward, -1 back below half of it, 0 neither. `limit_ms` 0: no limit. */
int lag_crossed(struct lag *lag, uint32_t ms, uint32_t limit_ms);

/* What the view tells of it: a step, or UINT32_MAX, which is unknown. And: takes a sample (UINT32_MAX: unknown) for
 * that; true: it tells something else now. And: the node is no standby, the next one begins anew. */
uint32_t lag_told(const struct lag *lag);
bool lag_tell(struct lag *lag, struct mono now, uint32_t ms);
void lag_untell(struct lag *lag);
