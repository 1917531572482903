/* SPDX-License-Identifier: Apache-2.0
 * SipHash-2-4. */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t siphash_little(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, bytes, size);
    return le64toh(value);
}

static uint64_t siphash_turn(uint64_t value, uint32_t bits)
{
    return value << bits | value >> (64 - bits);
}

static inline void siphash_round(uint64_t v[4])
{
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

static inline void siphash_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    siphash_round(v);
    siphash_round(v);
    v[0] ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t size)
{
    const uint8_t *bytes = data;
    const uint64_t low = siphash_little(key, 8);
    const uint64_t high = siphash_little(key + 8, 8);
    uint64_t v[4] = {low ^ UINT64_C(0x736f6d6570736575), high ^ UINT64_C(0x646f72616e646f6d),
                     low ^ UINT64_C(0x6c7967656e657261), high ^ UINT64_C(0x7465646279746573)};
    size_t at = 0;
    for (; at + 8 <= size; at += 8) {
        siphash_word(v, siphash_little(bytes + at, 8));
    }
    siphash_word(v, siphash_little(bytes + at, size - at) | (uint64_t)size << 56);
    v[2] ^= 0xff;
    siphash_round(v);
    siphash_round(v);
    siphash_round(v);
    siphash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
