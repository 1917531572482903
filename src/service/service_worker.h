/* SPDX-License-Identifier: Apache-2.0
 * One thread that relays: its own epoll set, its own listeners (SO_REUSEPORT), both ends of each of its sessions.
 *
 * View and set-up reach it through a box that others fill. Before each batch of events the worker looks whether the box
 * has something new, and carries it out first. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "edge/latency_seen.h"
#include "edge/sight.h"
#include "service/service_metrics.h"
#include "service/service_setup.h"

enum {
    SERVICE_WORKERS = 32,
};

/* Filled by the watcher (view) and by whoever reloads (set-up). */
struct service_worker_box {
    pthread_mutex_t lock;
    struct view view;
    bool filled; /* there is a view */
    struct service_setup setup;
    _Atomic uint64_t turn; /* grows with each change of what is inside; read without the lock */
};

/* What all workers share; outlives them. */
struct service_worker_shared {
    struct service_worker_box *box;
    _Atomic uint32_t *open; /* connections per slot of the set-up */
    uint32_t buffers;       /* for each worker */
    /* Called by a worker's thread when it has carried out another version. */
    void (*carried)(void *owner);
    void *owner;
};

struct service_worker;

/* Starts the thread; it listens as soon as it has looked at the box. */
ERR_CHECK enum err service_worker_start(const struct service_worker_shared *shared, struct service_worker **ret_worker);

/* Wakes it up to look at the box. Any thread. */
void service_worker_wake(struct service_worker *worker);

/* The version of the view that it has carried out, 0: none yet; UINT64_MAX: it has ended, and nobody of its
 * connections is anywhere. Any thread. */
uint64_t service_worker_version(const struct service_worker *worker);

/* Adds its counters of the service in this slot. Any thread. */
void service_worker_metrics(const struct service_worker *worker, uint32_t slot, struct service_metrics_sum *sum);

/* Adds what it has met with at servers. Any thread. */
void service_worker_sight(const struct service_worker *worker, struct sight_sum *sum, uint32_t *count);

/* Its notes on how far clients are; they live as long as the worker. */
struct latency_seen *service_worker_latency(struct service_worker *worker);

/* Tells it to stop: no new clients; whoever is left after `grace_ms` is cut. */
void service_worker_stop(struct service_worker *worker, int64_t grace_ms);

/* Waits for the thread's end; the other questions may still be asked. */
void service_worker_join(struct service_worker *worker);
void service_worker_free(struct service_worker *worker);
