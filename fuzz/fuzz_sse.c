/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events: the same events in one piece and byte by byte; nothing outside the buffers. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "edge/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_note(void *context, const struct sse_event *event)
{
    uint64_t *hash = context;
    ASSERT(event->data[event->size] == '\0');
    *hash = hash_more(*hash, event->data, event->size);
    *hash = hash_more(*hash, event->name, strlen(event->name) + 1);
    *hash = hash_more(*hash, &event->id, sizeof event->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char memory[512];
    struct sse sse;
    uint64_t whole = 1;
    uint64_t parts = 1;
    sse_init(&sse, memory, sizeof memory, fuzz_note, &whole);
    const enum err err = sse_feed(&sse, data, size);
    sse_init(&sse, memory, sizeof memory, fuzz_note, &parts);
    enum err part_err = ERR_OK;
    for (size_t i = 0; i < size && part_err == ERR_OK; i++) {
        part_err = sse_feed(&sse, data + i, 1);
    }
    ASSERT(err == part_err);
    ASSERT(whole == parts);
    return 0;
}
