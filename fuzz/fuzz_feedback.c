/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what applications tell. What is taken has no more entries than there may be, and says what the bytes
 * say. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "edge/feedback.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct feedback_entry entries[FEEDBACK_MESSAGE_ENTRIES];
    uint32_t count = 0;
    if (feedback_read(span_of(data, size), entries, &count) == ERR_OK) {
        ASSERT(count <= FEEDBACK_MESSAGE_ENTRIES);
        ASSERT(size == FEEDBACK_MESSAGE_HEAD + (size_t)count * FEEDBACK_MESSAGE_ENTRY);
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *entry = data + FEEDBACK_MESSAGE_HEAD + (size_t)i * FEEDBACK_MESSAGE_ENTRY;
            ASSERT(memcmp(entries[i].server.bytes, entry, sizeof entries[i].server.bytes) == 0);
            ASSERT(entries[i].answered >> 24 == entry[20] && (entries[i].took_us & 0xff) == entry[35]);
        }
    }
    return 0;
}
