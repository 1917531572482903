/* SPDX-License-Identifier: Apache-2.0
 * The relay of TCP services: takes clients of anything that speaks TCP (Redis, MQTT, ...) to a server that works.
 *
 * - Where a client goes is decided by the view (service_route.h): by the split, home first, the next region when the
 *   service fails there; of a service with one primary, to that primary and nowhere else.
 * - A connection stays where it is while its region gets such clients. When it gets them no more (a drain, a canary
 *   taken back, a move home), it may go on for `drain` and is then cut; when the service failed there it is cut at
 *   once, unless its service says otherwise; when its server is not the primary any more, always.
 * - A client that comes while no server answers waits for one, up to `connect_wait`.
 * - Bytes are not looked at. What one end does not take is at most one buffer; the rest stays with the sender.
 *
 * A view is carried out when it comes, without any timer. When the controller is away, the relay goes on from the last
 * good view; after a cold start from the view's file.
 *
 * Threads: one watcher and some workers. The functions may be called from any one thread at a time. Start it after
 * fork(2). */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "service/service_metrics.h"
#include "service/service_setup.h"

enum {
    SERVICE_PATH = 512,
};

/* Numbers that are 0 get their defaults. */
struct service_options {
    char name[LIMITS_NAME];          /* of the reader: "taiwan/service" */
    char view_memory[SERVICE_PATH];  /* the view's shared memory */
    char view_file[SERVICE_PATH];    /* the view's file for a cold start; empty: none */
    char latency_file[SERVICE_PATH]; /* how far clients are (edge/latency_watch.h); empty: it is not measured */
    char figures[SERVICE_PATH];      /* where what it counts is told; empty: nowhere */
    struct service_setup setup;
    uint32_t workers; /* one per CPU, at most 8 */
    uint32_t buffers; /* 1024 of SERVICE_BUFFER_BYTES, for each worker */
    int64_t grace_ms; /* 3,000; for connections to end when we stop */
};

struct service;

/* Listens and serves. ERR_IN_USE and others: an address cannot be listened on, the log says which. */
ERR_CHECK enum err service_start(const struct service_options *options, struct service **ret_service);

/* Takes another set-up; connections of services that are still there go on. On an error nothing has changed: an address
 * cannot be listened on (the log says which), or ERR_QUEUE_FULL (service_setup_align). */
ERR_CHECK enum err service_reload(struct service *service, const struct service_setup *setup);

/* Stops listening, lets connections end for `grace_ms`, closes everything, frees it. NULL is fine. */
void service_stop(struct service *service);

void service_metrics_read(struct service *service, struct service_metrics_sum *ret_sum);

/* One line with all counters that are not zero, into the log. */
void service_log_status(struct service *service);
