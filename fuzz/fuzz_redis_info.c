/* SPDX-License-Identifier: Apache-2.0
 * INFO of Redis: terminated names, the same answer twice, nothing outside the bytes. */
#include <string.h>

#include "base/assert.h"
#include "wire/redis_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_info first;
    struct redis_info second;
    const enum err err = redis_info_parse(span_of(data, size), &first);
    ASSERT(redis_info_parse(span_of(data, size), &second) == err);
    if (err == ERR_OK) {
        ASSERT(memchr(first.host, 0, sizeof first.host) != NULL);
        ASSERT(first.offset == second.offset && first.primary == second.primary && !(first.primary && first.linked));
    }
    return 0;
}
