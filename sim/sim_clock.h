/* SPDX-License-Identifier: Apache-2.0
 * Machines' clocks: each has its own origin and drifts; wall clocks jump. */
#pragma once

#include "sim/sim_world.h"

static inline struct mono sim_clock_mono(const struct sim_clock *clock, int64_t now_us)
{
    return (struct mono){clock->origin_us + now_us + now_us * clock->drift_ppm / 1000000};
}

static inline struct wall sim_clock_wall(const struct sim_clock *clock, int64_t now_us)
{
    return (struct wall){clock->wall_us + now_us};
}

/* The first true time at which the machine's clock has reached `local`. */
static inline int64_t sim_clock_true(const struct sim_clock *clock, struct mono local)
{
    const int64_t since = local.us - clock->origin_us;
    int64_t at = since - since * clock->drift_ppm / (1000000 + clock->drift_ppm) - 2;
    while (sim_clock_mono(clock, at).us < local.us) {
        at++;
    }
    return at;
}
