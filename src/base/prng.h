/* SPDX-License-Identifier: Apache-2.0
 * A small seeded generator (xoshiro256**, Blackman and Vigna 2018), so that one seed decides everything. Not for
 * secrets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t state[4];
};

void prng_init(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);

/* Uniform in [0, bound), without bias. bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

/* Uniform in [low, high], both included. low <= high. */
int64_t prng_between(struct prng *prng, int64_t low, int64_t high);

/* True with probability ppm / 1,000,000. */
bool prng_chance(struct prng *prng, uint32_t ppm);
