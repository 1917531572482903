/* SPDX-License-Identifier: Apache-2.0
 * What the proxy consists of; for the files that are it: proxy.c and the rooms beside it. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "edge/publish.h"
#include "proxy/proxy.h"
#include "proxy/proxy_figure.h"
#include "proxy/proxy_stat.h"
#include "proxy/proxy_switch.h"
#include "wire/pg_scram_serve.h"

struct proxy {
    struct proxy_options options;
    struct proxy_worker_shared shared;
    struct proxy_switch_box box;
    struct proxy_door door;
    struct proxy_console *console;
    struct proxy_console_setting *settings; /* with the box's lock */
    uint32_t settings_count;
    struct proxy_worker *workers[PROXY_WORKERS];
    uint32_t workers_count;
    _Atomic uint32_t clients;
    _Atomic uint32_t route_clients[PROXY_ROUTES];
    uint8_t mock_secret[PG_SCRAM_SERVE_SECRET];
    struct proxy_stat_history history;
    struct proxy_figure figure;
    struct latency_watch *latency; /* NULL: not measured */
    pthread_t watcher;
    bool watching;
    _Atomic bool stop;
    /* The reader that looks, and the one that announces: entering a view must not announce it. */
    struct publish_reader scout;
    pthread_mutex_t announce_lock; /* also guards `workers` while they are started */
    struct publish_reader announcer;
};
