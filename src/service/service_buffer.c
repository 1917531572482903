/* SPDX-License-Identifier: Apache-2.0
 * The buffers of one worker. */
#include "service/service_buffer.h"

#include <stdlib.h>

#include "base/assert.h"

void service_buffer_open(struct service_buffer_pool *pool, uint32_t limit)
{
    ASSERT(limit > 0);
    *pool = (struct service_buffer_pool){.limit = limit};
}

void service_buffer_close(struct service_buffer_pool *pool)
{
    ASSERT(pool->used == 0);
    while (pool->free != NULL) {
        struct service_buffer *buffer = pool->free;
        pool->free = buffer->next;
        free(buffer);
    }
    pool->kept = 0;
}

struct service_buffer *service_buffer_take(struct service_buffer_pool *pool)
{
    if (pool->used == pool->limit) {
        return NULL;
    }
    struct service_buffer *buffer = pool->free;
    if (buffer != NULL) {
        pool->free = buffer->next;
        pool->kept--;
    } else {
        buffer = malloc(sizeof *buffer);
        if (buffer == NULL) {
            return NULL;
        }
    }
    buffer->next = NULL;
    buffer->at = 0;
    buffer->size = 0;
    pool->used++;
    return buffer;
}

void service_buffer_give(struct service_buffer_pool *pool, struct service_buffer *buffer)
{
    if (buffer == NULL) {
        return;
    }
    ASSERT(pool->used > 0);
    pool->used--;
    if (pool->kept == SERVICE_BUFFER_KEEP) {
        free(buffer);
        return;
    }
    buffer->next = pool->free;
    pool->free = buffer;
    pool->kept++;
}
