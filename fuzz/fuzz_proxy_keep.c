/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: what a session keeps of a stream of client messages, whole and byte by byte: both must keep the same. */
#include <stdint.h>

#include "base/assert.h"
#include "proxy/proxy_keep.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct proxy_keep *fuzz_feed(const uint8_t *data, size_t size, size_t piece)
{
    struct proxy_keep *keep = proxy_keep_new(span_text("ann"));
    ASSERT(keep != NULL);
    struct pg_frame frame;
    pg_frame_init(&frame);
    keep->learn.method = size % 2 == 0 ? PROXY_LEARN_SCRAM : PROXY_LEARN_PLAIN;
    for (size_t at = 0; at < size; at += piece) {
        struct span bytes = span_of(data + at, size - at < piece ? size - at : piece);
        struct pg_frame_message message;
        while (proxy_keep_step(keep, &frame, &bytes, &message)) {
            if (message.type == 'S') {
                const struct pg_frame_message ready = {.type = 'Z', .peek = span_of("I", 1), .body_size = 1};
                proxy_keep_server(keep, &ready, true);
            } else {
                proxy_keep_server(keep, &message, false); /* the same bytes as if the server had said them */
            }
        }
    }
    return keep;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_keep *whole = fuzz_feed(data, size, size > 0 ? size : 1);
    struct proxy_keep *bytes = fuzz_feed(data, size, 1);
    const char *why = NULL;
    ASSERT(whole->lost == bytes->lost && whole->learn.method == bytes->learn.method);
    ASSERT(whole->journal.size == bytes->journal.size && whole->journal.pending == bytes->journal.pending);
    ASSERT(whole->journal.size == 0 || memcmp(whole->journal.data, bytes->journal.data, whole->journal.size) == 0);
    ASSERT(whole->known.size == bytes->known.size);
    ASSERT(whole->flight_units == bytes->flight_units && whole->flight_first == bytes->flight_first);
    ASSERT(whole->flight_marks == bytes->flight_marks && whole->lost_open == bytes->lost_open);
    ASSERT(whole->names_count == bytes->names_count && whole->xid == bytes->xid);
    ASSERT(proxy_keep_flight_commits(whole) == proxy_keep_flight_commits(bytes));
    ASSERT(proxy_keep_movable(whole, &why) == proxy_keep_movable(bytes, &why));
    proxy_keep_free(whole);
    proxy_keep_free(bytes);
    return 0;
}
