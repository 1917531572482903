/* SPDX-License-Identifier: Apache-2.0
 * The event queue: a binary heap of numbers over a pool of events. */
#include "sim/sim_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SIM_QUEUE_FIRST = 4096 };

void sim_queue_init(struct sim_queue *queue)
{
    memset(queue, 0, sizeof *queue);
}

void sim_queue_fini(struct sim_queue *queue)
{
    free(queue->heap);
    free(queue->pool);
    free(queue->free);
    memset(queue, 0, sizeof *queue);
}

static void sim_queue_grow(struct sim_queue *queue)
{
    const uint32_t before = queue->capacity;
    queue->capacity = before == 0 ? SIM_QUEUE_FIRST : before * 2;
    queue->heap = realloc(queue->heap, queue->capacity * sizeof queue->heap[0]);
    queue->pool = realloc(queue->pool, queue->capacity * sizeof queue->pool[0]);
    queue->free = realloc(queue->free, queue->capacity * sizeof queue->free[0]);
    ASSERT(queue->heap != NULL && queue->pool != NULL && queue->free != NULL);
    for (uint32_t i = queue->capacity; i > before; i--) {
        queue->free[queue->free_count++] = i - 1;
    }
}

static bool sim_queue_before(const struct sim_slot *a, const struct sim_slot *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_queue_at(struct sim *sim, int64_t at_us, const struct sim_event *event)
{
    struct sim_queue *queue = &sim->queue;
    if (queue->free_count == 0) {
        sim_queue_grow(queue);
    }
    const uint32_t index = queue->free[--queue->free_count];
    queue->pool[index] = *event;
    const struct sim_slot slot = {at_us > sim->now ? at_us : sim->now, queue->order++, index};
    uint32_t at = queue->heap_count++;
    while (at > 0 && sim_queue_before(&slot, &queue->heap[(at - 1) / 2])) {
        queue->heap[at] = queue->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    queue->heap[at] = slot;
}

bool sim_queue_take(struct sim *sim, struct sim_event *ret_event)
{
    struct sim_queue *queue = &sim->queue;
    if (queue->heap_count == 0) {
        return false;
    }
    const struct sim_slot first = queue->heap[0];
    const struct sim_slot last = queue->heap[--queue->heap_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= queue->heap_count) {
            break;
        }
        if (child + 1 < queue->heap_count && sim_queue_before(&queue->heap[child + 1], &queue->heap[child])) {
            child++;
        }
        if (!sim_queue_before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[at] = queue->heap[child];
        at = child;
    }
    if (queue->heap_count > 0) {
        queue->heap[at] = last;
    }
    *ret_event = queue->pool[first.index];
    queue->free[queue->free_count++] = first.index;
    ASSERT(first.at >= sim->now);
    sim->now = first.at;
    return true;
}
