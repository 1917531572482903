/* SPDX-License-Identifier: Apache-2.0
 * The latest journal entries in memory: a ring with a condition variable. */
#include "edge/event_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

enum {
    EVENT_LOG_ENTRY = STORE_VALUE + 3 * STORE_KEY,
};

struct event_log_slot {
    struct store_entry entry;
    struct arena memory;
};

struct event_log {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    size_t capacity;
    size_t first; /* the oldest */
    size_t count;
    uint64_t floor;
    uint64_t newest;
    bool closed;
    struct event_log_slot slots[];
};

struct event_log *event_log_new(size_t capacity)
{
    ASSERT(capacity > 0 && capacity < 1000000);
    struct event_log *log = calloc(1, sizeof *log + capacity * sizeof log->slots[0]);
    if (log == NULL) {
        return NULL;
    }
    log->capacity = capacity;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&log->mutex, NULL);
    for (size_t i = 0; i < capacity; i++) {
        arena_init(&log->slots[i].memory, EVENT_LOG_ENTRY);
    }
    return log;
}

void event_log_free(struct event_log *log)
{
    if (log == NULL) {
        return;
    }
    for (size_t i = 0; i < log->capacity; i++) {
        arena_fini(&log->slots[i].memory);
    }
    pthread_cond_destroy(&log->condition);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

static bool event_log_copy(struct arena *memory, const struct store_entry *entry, struct store_entry *ret_copy)
{
    const struct store_entry copy = {
        .number = entry->number,
        .wall = entry->wall,
        .kind = arena_text(memory, entry->kind),
        .run = arena_text(memory, entry->run),
        .text = arena_text(memory, entry->text),
    };
    if (copy.kind == NULL || copy.run == NULL || copy.text == NULL) {
        return false;
    }
    *ret_copy = copy;
    return true;
}

static void event_log_forget(struct event_log *log, size_t count)
{
    ASSERT(count <= log->count);
    for (size_t i = 0; i < count; i++) {
        struct event_log_slot *slot = &log->slots[log->first];
        log->floor = slot->entry.number;
        arena_reset(&slot->memory);
        log->first = (log->first + 1) % log->capacity;
        log->count--;
    }
}

void event_log_add(struct event_log *log, const struct store_entry *entry)
{
    pthread_mutex_lock(&log->mutex);
    if (entry->number > log->newest) {
        /* A hole would look like an entry that never was. */
        if (entry->number != log->newest + 1) {
            event_log_forget(log, log->count);
            log->floor = entry->number - 1;
        }
        if (log->count == log->capacity) {
            event_log_forget(log, 1);
        }
        struct event_log_slot *slot = &log->slots[(log->first + log->count) % log->capacity];
        if (event_log_copy(&slot->memory, entry, &slot->entry)) {
            log->count++;
        } else {
            arena_reset(&slot->memory);
            event_log_forget(log, log->count);
            log->floor = entry->number;
        }
        log->newest = entry->number;
        pthread_cond_broadcast(&log->condition);
    }
    pthread_mutex_unlock(&log->mutex);
}

enum err event_log_load(struct event_log *log, struct store *store)
{
    const struct store_request request = {
        .ask = STORE_READ,
        .newest = true,
        .limit = log->capacity < STORE_ROWS ? log->capacity : STORE_ROWS,
    };
    struct store_answer answer;
    const enum err err = store_call(store, &request, &answer);
    for (size_t i = 0; err == ERR_OK && i < answer.entry_count; i++) {
        event_log_add(log, &answer.entries[i]);
    }
    store_answer_fini(&answer);
    return err;
}

static struct timespec event_log_until(uint32_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const long nanoseconds = until.tv_nsec + (long)(wait_ms % 1000) * 1000000;
    until.tv_sec += (time_t)(wait_ms / 1000) + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    return until;
}

/* With the mutex held. */
static enum err event_log_collect(struct event_log *log, uint64_t after, struct arena *memory,
                                  const struct store_entry **ret_entries, size_t *ret_count)
{
    const uint64_t above = log->newest > after ? log->newest - after : 0;
    const size_t wanted = above < STORE_ROWS ? (size_t)above : STORE_ROWS;
    struct store_entry *entries = arena_alloc(memory, (wanted + 1) * sizeof *entries);
    if (entries == NULL) {
        return ERR_TOO_LARGE;
    }
    size_t count = 0;
    while (count < wanted) {
        const size_t index = (size_t)(after - log->floor) + count;
        ASSERT(index < log->count);
        const struct store_entry *entry = &log->slots[(log->first + index) % log->capacity].entry;
        ASSERT(entry->number == after + 1 + count);
        if (!event_log_copy(memory, entry, &entries[count])) {
            break;
        }
        count++;
    }
    if (wanted > 0 && count == 0) {
        return ERR_TOO_LARGE;
    }
    *ret_entries = entries;
    *ret_count = count;
    return ERR_OK;
}

enum err event_log_read(struct event_log *log, uint64_t after, uint32_t wait_ms, struct arena *memory,
                        const struct store_entry **ret_entries, size_t *ret_count)
{
    const struct timespec until = event_log_until(wait_ms);
    pthread_mutex_lock(&log->mutex);
    int waited = 0;
    while (after >= log->newest && !log->closed && wait_ms > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&log->condition, &log->mutex, &until);
    }
    const enum err err = after < log->floor ? ERR_STALE : event_log_collect(log, after, memory, ret_entries, ret_count);
    pthread_mutex_unlock(&log->mutex);
    return err;
}

uint64_t event_log_floor(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    const uint64_t floor = log->floor;
    pthread_mutex_unlock(&log->mutex);
    return floor;
}

uint64_t event_log_newest(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    const uint64_t newest = log->newest;
    pthread_mutex_unlock(&log->mutex);
    return newest;
}

void event_log_close(struct event_log *log)
{
    pthread_mutex_lock(&log->mutex);
    log->closed = true;
    pthread_cond_broadcast(&log->condition);
    pthread_mutex_unlock(&log->mutex);
}
