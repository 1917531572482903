/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as observations: what is accepted can be written, and reads back the same. */
#include <stdlib.h>

#include "base/assert.h"
#include "edge/observe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct observe_batch first;
    static struct observe_batch second;
    static uint8_t memory[OBSERVE_BATCH_BYTES];
    const struct mono now = {1000000000000};
    if (observe_read_batch((const char *)data, size, now, &first) != ERR_OK) {
        return 0;
    }
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    observe_write_batch(&buf, &first, now);
    ASSERT(!buf.overflow);
    ASSERT(observe_read_batch(buf_string(&buf), buf.size, now, &second) == ERR_OK);
    ASSERT(second.count == first.count && second.sequence == first.sequence);
    return 0;
}
