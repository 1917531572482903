/* SPDX-License-Identifier: Apache-2.0
 * The inbox of the decision loop. */
#include "control/inbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "edge/clock.h"

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    bool woken;
    uint32_t capacity;
    uint32_t first;
    uint32_t count;
    uint64_t dropped;
    struct event events[];
};

enum err inbox_new(uint32_t capacity, struct inbox **ret_inbox)
{
    ASSERT(capacity > 0);
    struct inbox *inbox = calloc(1, sizeof *inbox + capacity * sizeof inbox->events[0]);
    if (inbox == NULL) {
        return ERR_NO_MEMORY;
    }
    inbox->capacity = capacity;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&inbox->lock, NULL);
    pthread_cond_init(&inbox->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    *ret_inbox = inbox;
    return ERR_OK;
}

void inbox_free(struct inbox *inbox)
{
    if (inbox != NULL) {
        pthread_cond_destroy(&inbox->filled);
        pthread_mutex_destroy(&inbox->lock);
        free(inbox);
    }
}

bool inbox_push(struct inbox *inbox, const struct event *event)
{
    pthread_mutex_lock(&inbox->lock);
    const bool room = inbox->count < inbox->capacity;
    if (room) {
        struct event *slot = &inbox->events[(inbox->first + inbox->count) % inbox->capacity];
        *slot = *event;
        slot->at = clock_mono();
        slot->wall = clock_wall();
        inbox->count++;
        pthread_cond_signal(&inbox->filled);
    } else {
        inbox->dropped++;
    }
    pthread_mutex_unlock(&inbox->lock);
    return room;
}

void inbox_wake(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->woken = true;
    pthread_cond_signal(&inbox->filled);
    pthread_mutex_unlock(&inbox->lock);
}

/* pthread_cond_timedwait knows CLOCK_MONOTONIC only: the rest of the way is the same on both clocks while the machine
 * is awake. */
static struct timespec inbox_until(struct mono deadline)
{
    const int64_t left_us = time_since_us(deadline, clock_mono());
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + (left_us > 0 ? left_us : 0) % TIME_US_PER_S * 1000;
    until.tv_sec += (left_us > 0 ? left_us : 0) / TIME_US_PER_S + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

bool inbox_take(struct inbox *inbox, struct mono deadline, struct event *ret_event)
{
    const struct timespec until = inbox_until(deadline);
    pthread_mutex_lock(&inbox->lock);
    int waited = 0;
    while (inbox->count == 0 && !inbox->woken && waited == 0) {
        waited = pthread_cond_timedwait(&inbox->filled, &inbox->lock, &until);
    }
    const bool taken = inbox->count > 0;
    if (taken) {
        *ret_event = inbox->events[inbox->first];
        inbox->first = (inbox->first + 1) % inbox->capacity;
        inbox->count--;
    } else {
        inbox->woken = false;
    }
    pthread_mutex_unlock(&inbox->lock);
    return taken;
}

uint64_t inbox_dropped(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    const uint64_t dropped = inbox->dropped;
    pthread_mutex_unlock(&inbox->lock);
    return dropped;
}
