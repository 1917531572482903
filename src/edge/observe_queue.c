/* SPDX-License-Identifier: Apache-2.0
 * The way of results from probe threads to one consumer. */
#include "edge/observe_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

struct observe_queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void (*wake)(void *context);
    void *context;
    uint64_t dropped;
    bool urged;
    uint32_t count;
    struct probe_result results[LIMITS_PROBES]; /* oldest first */
};

enum err observe_queue_new(void (*wake)(void *context), void *context, struct observe_queue **ret_queue)
{
    struct observe_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) {
        return ERR_NO_MEMORY;
    }
    pthread_condattr_t attributes;
    ASSERT(pthread_condattr_init(&attributes) == 0);
    ASSERT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&queue->filled, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    ASSERT(pthread_mutex_init(&queue->mutex, NULL) == 0);
    queue->wake = wake;
    queue->context = context;
    *ret_queue = queue;
    return ERR_OK;
}

static void observe_queue_remove(struct observe_queue *queue, uint32_t first, uint32_t count)
{
    ASSERT(first + count <= queue->count);
    memmove(&queue->results[first], &queue->results[first + count],
            (queue->count - first - count) * sizeof queue->results[0]);
    queue->count -= count;
}

static void observe_queue_put(struct observe_queue *queue, const struct probe_result *result)
{
    for (uint32_t i = 0; i < queue->count; i++) {
        const struct probe_result *other = &queue->results[i];
        if (strcmp(other->check, result->check) == 0 && strcmp(other->region, result->region) == 0) {
            observe_queue_remove(queue, i, 1);
            queue->dropped++;
            break;
        }
    }
    if (queue->count == LIMITS_PROBES) {
        observe_queue_remove(queue, 0, 1);
        queue->dropped++;
    }
    queue->results[queue->count++] = *result;
}

void observe_queue_push(void *context, const struct probe_result *result)
{
    struct observe_queue *queue = context;
    pthread_mutex_lock(&queue->mutex);
    const bool first = queue->count == 0;
    observe_queue_put(queue, result);
    if (first) {
        pthread_cond_signal(&queue->filled);
    }
    pthread_mutex_unlock(&queue->mutex);
    if (first && queue->wake != NULL) {
        queue->wake(queue->context);
    }
}

static struct timespec observe_queue_deadline(uint32_t wait_ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end); /* only for the condition: BOOTTIME is not possible there */
    end.tv_sec += wait_ms / 1000;
    end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    return end;
}

uint32_t observe_queue_take(struct observe_queue *queue, struct probe_result *ret_results, uint32_t capacity,
                            uint32_t wait_ms)
{
    const struct timespec end = observe_queue_deadline(wait_ms);
    pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && wait_ms > 0 && !queue->urged) {
        if (pthread_cond_timedwait(&queue->filled, &queue->mutex, &end) == ETIMEDOUT) {
            break;
        }
    }
    queue->urged = false;
    const uint32_t count = queue->count < capacity ? queue->count : capacity;
    memcpy(ret_results, queue->results, count * sizeof queue->results[0]);
    observe_queue_remove(queue, 0, count);
    pthread_mutex_unlock(&queue->mutex);
    return count;
}

void observe_queue_urge(struct observe_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    queue->urged = true;
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->mutex);
}

void observe_queue_rest(struct observe_queue *queue, uint32_t wait_ms)
{
    const struct timespec end = observe_queue_deadline(wait_ms);
    pthread_mutex_lock(&queue->mutex);
    while (!queue->urged && pthread_cond_timedwait(&queue->filled, &queue->mutex, &end) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&queue->mutex);
}

uint64_t observe_queue_dropped(struct observe_queue *queue)
{
    pthread_mutex_lock(&queue->mutex);
    const uint64_t dropped = queue->dropped;
    pthread_mutex_unlock(&queue->mutex);
    return dropped;
}

void observe_queue_free(struct observe_queue *queue)
{
    if (queue != NULL) {
        pthread_cond_destroy(&queue->filled);
        pthread_mutex_destroy(&queue->mutex);
        free(queue);
    }
}
