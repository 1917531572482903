/* SPDX-License-Identifier: Apache-2.0
 * A 64-bit hash: FNV-1a over the bytes, mixed at the end so that all bits depend on all input. */
#include "base/hash.h"

#include <string.h>

static uint64_t hash_mix(uint64_t hash)
{
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93U;
    hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93U;
    return hash ^ hash >> 32;
}

uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3U;
    }
    return hash_mix(hash);
}

uint64_t hash_bytes(const void *data, size_t size)
{
    return hash_more(0xcbf29ce484222325U, data, size);
}

uint64_t hash_text(const char *text)
{
    return hash_bytes(text, strlen(text));
}
