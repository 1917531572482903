/* SPDX-License-Identifier: Apache-2.0
 * The buffers of one worker: bytes are read into one and sent out of the same one, and only a direction whose other end
 * does not take its bytes keeps it.
 *
 * So an idle connection holds none, and memory is bounded by `limit`, whatever the connections do: who finds none left
 * does not read, which the peer sees as back-pressure. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    SERVICE_BUFFER_BYTES = 32 * 1024,
    SERVICE_BUFFER_KEEP = 32, /* free ones that are not given back to the system */
};

struct service_buffer {
    struct service_buffer *next; /* while it is free */
    size_t at;                   /* of the first byte that was not sent */
    size_t size;                 /* of what was read, from 0 */
    uint8_t bytes[SERVICE_BUFFER_BYTES];
};

struct service_buffer_pool {
    struct service_buffer *free;
    uint32_t kept;
    uint32_t used;
    uint32_t limit;
};

void service_buffer_open(struct service_buffer_pool *pool, uint32_t limit);

/* All buffers must have been given back. */
void service_buffer_close(struct service_buffer_pool *pool);

/* An empty buffer; NULL: all are in use, or no memory. */
struct service_buffer *service_buffer_take(struct service_buffer_pool *pool);

/* NULL is fine. */
void service_buffer_give(struct service_buffer_pool *pool, struct service_buffer *buffer);
