/* SPDX-License-Identifier: Apache-2.0
 * One thread that serves clients: its own epoll set, its own listeners (SO_REUSEPORT), both ends of each of its
 * sessions.
 *
 * The view reaches it through a box that the watcher fills. Before each batch of events the worker compares versions;
 * a new view is carried out first: sessions of an older epoch are cut off, waiting ones are tried again. Then the
 * worker says which version it has carried out. A version that puts a database on hold counts as carried out only when
 * every session of it that is on the writer stands at a transaction boundary (or the hold was given up), so that the
 * acknowledgement also proves that the server is quiet. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "edge/latency_seen.h"
#include "edge/sight.h"
#include "proxy/proxy_cancel.h"
#include "proxy/proxy_census.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_stat.h"
#include "proxy/proxy_switch.h"
#include "proxy/proxy_tally.h"

enum {
    PROXY_WORKER_LISTENERS = 16,
    PROXY_WORKERS = 32,
};

/* What all workers share; outlives them. */
struct proxy_worker_shared {
    struct proxy_switch_box *box;
    struct proxy_cancel *cancel;
    _Atomic uint32_t *clients;
    _Atomic uint32_t *route_clients; /* PROXY_ROUTES */
    uint32_t workers;
    bool single; /* each send at once, by itself, whatever the kernel can */
    bool login;
    bool challenge;
    struct proxy_rules *rules;   /* NULL: none */
    struct proxy_roster *roster; /* NULL: no auth file */
    const uint8_t *mock_secret;
    struct proxy_tls_context *tls; /* NULL: clients are not encrypted */
    enum proxy_tls_mode tls_mode;
    struct proxy_tls_context *server_tls; /* NULL: servers are not */
    struct proxy_vault *vault;
    struct proxy_outcome *outcome;
    const struct proxy_door *door; /* NULL: no console */
    const struct view_address *listen;
    uint32_t listen_count;
    uint32_t max_clients;
    uint32_t buffer_bytes;
    int64_t connect_wait_ms;
    int64_t connect_timeout_ms;
    int64_t startup_timeout_ms;
    int64_t auth_timeout_ms;
    int64_t hold_timeout_ms;
    /* Called by a worker's thread when it has carried out another version. */
    void (*acknowledged)(void *owner);
    void *owner;
};

struct proxy_worker;

/* Listens and starts the thread; it is worker `index` of shared->workers. Errors: those of the listeners and of the
 * thread. */
ERR_CHECK enum err proxy_worker_start(const struct proxy_worker_shared *shared, uint32_t index,
                                      struct proxy_worker **ret_worker);

/* Wakes it up to look at the box. Any thread. */
void proxy_worker_wake(struct proxy_worker *worker);

/* The version it has carried out. Any thread. */
uint64_t proxy_worker_version(const struct proxy_worker *worker);

/* Adds its counters. Any thread. */
void proxy_worker_metrics(const struct proxy_worker *worker, struct proxy_metrics_sum *sum);

/* Likewise what it has met with at servers. */
void proxy_worker_sight(const struct proxy_worker *worker, struct sight_sum *sum, uint32_t *count);

/* Its notes on how far clients are; they live as long as the worker. */
struct latency_seen *proxy_worker_latency(struct proxy_worker *worker);
/* Likewise what its entries have done. */
void proxy_worker_stat(const struct proxy_worker *worker, struct proxy_stat_sum *sum);

/* Likewise what it counted last when it was asked to count; and asks it to count anew. */
void proxy_worker_tally(const struct proxy_worker *worker, struct proxy_tally_sum *sum);
void proxy_worker_tally_ask(struct proxy_worker *worker);

/* Asks for a census, which stays the worker's until it is `done`; one at a time. Any thread but a worker's. */
void proxy_worker_ask(struct proxy_worker *worker, struct proxy_census *census);

/* Takes it back. False: the worker is filling it, and will be done with it in a moment. */
bool proxy_worker_unask(struct proxy_worker *worker);

/* The change of the console's pauses that it has carried out, with all that is paused standing still. Any thread. */
uint32_t proxy_worker_paused(const struct proxy_worker *worker);

/* Closed entries on which nothing of it stands (proxy_entries.h). With the box's lock. */
uint64_t proxy_worker_left(const struct proxy_worker *worker);

/* Tells it to stop: no new clients, sessions end at their next transaction boundary, all after `grace_ms`. */
void proxy_worker_stop(struct proxy_worker *worker, int64_t grace_ms);

/* Waits for the thread's end; the other questions may still be asked. */
void proxy_worker_join(struct proxy_worker *worker);
void proxy_worker_free(struct proxy_worker *worker);
