/* SPDX-License-Identifier: Apache-2.0
 * Two kinds of time that must never be mixed. Values only: reading a clock is edge/clock.h.
 *
 * struct mono: microseconds of CLOCK_BOOTTIME of this machine. All deadlines, ages and leases use it. Never sent to
 * another machine. struct wall: microseconds since 1970 UTC. For display and logs only: it may jump. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct mono {
    int64_t us;
};

struct wall {
    int64_t us;
};

#define TIME_US_PER_MS 1000
#define TIME_US_PER_S  1000000

/* A deadline that never comes. */
#define TIME_NEVER ((struct mono){INT64_MAX})

static inline struct mono time_add_us(struct mono time, int64_t us)
{
    int64_t sum;
    return __builtin_add_overflow(time.us, us, &sum) ? TIME_NEVER : (struct mono){sum};
}

static inline struct mono time_add_ms(struct mono time, int64_t ms)
{
    return time_add_us(time, ms * TIME_US_PER_MS);
}

/* later - earlier in microseconds; negative when the order is reversed. */
static inline int64_t time_since_us(struct mono later, struct mono earlier)
{
    return later.us - earlier.us;
}

static inline int64_t time_since_ms(struct mono later, struct mono earlier)
{
    return (later.us - earlier.us) / TIME_US_PER_MS;
}

static inline bool time_reached(struct mono now, struct mono deadline)
{
    return now.us >= deadline.us;
}

static inline struct mono time_min(struct mono a, struct mono b)
{
    return a.us < b.us ? a : b;
}

static inline struct mono time_max(struct mono a, struct mono b)
{
    return a.us > b.us ? a : b;
}
