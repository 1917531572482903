/* SPDX-License-Identifier: Apache-2.0
 * Bytes taken eight at a time, where a call of memcmp or one byte after the other would take longer than what is done
 * with them.
 *
 * Up to 7 bytes behind the run are read, and mean nothing: the memory has to be there. Not backwards from the run's end
 * instead, for a word across two that were just written waits until both have left the processor's queue of stores. */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { WORD_BYTES = 8, WORD_SLACK = WORD_BYTES - 1 };

static inline uint64_t word_load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return le64toh(word);
}

/* The word at `at` of a run of 8 bytes or more, and nothing behind it: zeroes stand there. */
static inline uint64_t word_within(const uint8_t *bytes, size_t size, size_t at)
{
    const size_t last = size - WORD_BYTES;
    return at <= last ? word_load(bytes + at) : word_load(bytes + last) >> 8 * (at - last);
}

static inline void word_store(uint8_t *at, uint64_t word)
{
    word = htole64(word);
    memcpy(at, &word, sizeof word);
}

/* Of a word's bytes the first `size`, 1 to 8. */
static inline uint64_t word_head(uint64_t word, size_t size)
{
    return word & UINT64_MAX >> 8 * (WORD_BYTES - size);
}

/* Whether two runs of `size` bytes, one or more, are the same. */
static inline bool word_same(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t differs = 0;
    for (; size > WORD_BYTES; size -= WORD_BYTES, a += WORD_BYTES, b += WORD_BYTES) {
        differs |= word_load(a) ^ word_load(b);
    }
    return (differs | word_head(word_load(a) ^ word_load(b), size)) == 0;
}

static inline uint64_t word_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

/* A hash of one byte or more for tables. Not against attackers who choose what is put in. */
static inline uint64_t word_hash(const uint8_t *bytes, size_t size)
{
    uint64_t hash = size;
    for (; size > WORD_BYTES; size -= WORD_BYTES, bytes += WORD_BYTES) {
        hash = word_mix(hash, word_load(bytes));
    }
    return word_mix(hash, word_head(word_load(bytes), size));
}
