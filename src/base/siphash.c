/* SPDX-License-Identifier: Apache-2.0
 * SipHash-2-4. */
#include "base/siphash.h"

uint64_t siphash(const uint8_t key[SIPHASH_KEY], const void *data, size_t size)
{
    const uint8_t *bytes = data;
    struct siphash hash = siphash_begin(key);
    uint64_t last = (uint64_t)size << 56;
    size_t at = 0;
    for (; at + WORD_BYTES <= size; at += WORD_BYTES) {
        siphash_add(&hash, word_load(bytes + at));
    }
    for (size_t i = at; i < size; i++) {
        last |= (uint64_t)bytes[i] << 8 * (i - at);
    }
    return siphash_end(&hash, last);
}
