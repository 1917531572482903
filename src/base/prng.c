/* SPDX-License-Identifier: Apache-2.0
 * A small seeded generator: xoshiro256** seeded by splitmix64. */
#include "base/prng.h"

#include "base/assert.h"

static uint64_t prng_rotate(uint64_t value, int bits)
{
    return value << bits | value >> (64 - bits);
}

void prng_init(struct prng *prng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15U;
        uint64_t mixed = seed;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
        prng->state[i] = mixed ^ mixed >> 31;
    }
}

uint64_t prng_next(struct prng *prng)
{
    uint64_t *state = prng->state;
    const uint64_t result = prng_rotate(state[1] * 5, 7) * 9;
    const uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = prng_rotate(state[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    ASSERT(bound > 0);
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
    for (;;) {
        const uint64_t value = prng_next(prng);
        if (value < limit) {
            return value % bound;
        }
    }
}

int64_t prng_between(struct prng *prng, int64_t low, int64_t high)
{
    ASSERT(low <= high && high - low < INT64_MAX);
    return low + (int64_t)prng_below(prng, (uint64_t)(high - low) + 1);
}

bool prng_chance(struct prng *prng, uint32_t ppm)
{
    return prng_below(prng, 1000000) < ppm;
}
