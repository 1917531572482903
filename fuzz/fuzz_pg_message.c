/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a message stream, whole and byte by byte (both must see the same), and the bodies a proxy looks into. */
#include <stdint.h>

#include "base/assert.h"
#include "wire/pg_frame.h"
#include "wire/pg_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_body(struct span body)
{
    struct pg_message_error error;
    uint8_t status;
    uint32_t pid;
    struct span first;
    struct span second;
    (void)!pg_message_error_parse(body, &error);
    (void)!pg_message_ready_parse(body, &status);
    (void)!pg_message_parameter_parse(body, &first, &second);
    (void)!pg_message_key_parse(body, &pid, &first);
}

static unsigned fuzz_walk(const uint8_t *data, size_t size, size_t piece, bool *ret_failed)
{
    struct pg_frame frame;
    pg_frame_init(&frame);
    unsigned count = 0;
    for (size_t at = 0; at < size; at += piece) {
        struct span bytes = span_of(data + at, size - at < piece ? size - at : piece);
        struct pg_frame_message message;
        while (pg_frame_step(&frame, &bytes, &message)) {
            count++;
            fuzz_body(message.peek);
        }
        ASSERT(frame.failed || bytes.size == 0);
    }
    *ret_failed = frame.failed;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_body(span_of(data, size));
    bool failed_whole;
    bool failed_bytes;
    const unsigned whole = fuzz_walk(data, size, size > 0 ? size : 1, &failed_whole);
    const unsigned bytes = fuzz_walk(data, size, 1, &failed_bytes);
    ASSERT(whole == bytes && failed_whole == failed_bytes);
    return 0;
}
