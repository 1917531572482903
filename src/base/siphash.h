/* SPDX-License-Identifier: Apache-2.0
 * SipHash-2-4 (Aumasson, Bernstein): a keyed hash for short input that holds against whoever chooses the input but does
 * not know the key. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/word.h"

enum { SIPHASH_KEY = 16 };

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t size);

/* The same from words of eight bytes, the first byte the lowest, where the input does not lie together: siphash_end's
 * has the bytes that are left over, and in its highest byte the size of all. */
struct siphash {
    uint64_t v[4];
};

static inline uint64_t siphash_turn(uint64_t value, uint32_t bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void siphash_round(struct siphash *hash)
{
    uint64_t *v = hash->v;
    v[0] += v[1];
    v[1] = siphash_turn(v[1], 13) ^ v[0];
    v[0] = siphash_turn(v[0], 32);
    v[2] += v[3];
    v[3] = siphash_turn(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = siphash_turn(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = siphash_turn(v[1], 17) ^ v[2];
    v[2] = siphash_turn(v[2], 32);
}

static inline struct siphash siphash_begin(const uint8_t key[SIPHASH_KEY])
{
    const uint64_t low = word_load(key);
    const uint64_t high = word_load(key + WORD_BYTES);
    return (struct siphash){{low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d),
                             low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)}};
}

static inline void siphash_add(struct siphash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    siphash_round(hash);
    siphash_round(hash);
    hash->v[0] ^= word;
}

static inline uint64_t siphash_end(struct siphash *hash, uint64_t last)
{
    siphash_add(hash, last);
    hash->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++) {
        siphash_round(hash);
    }
    return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}
