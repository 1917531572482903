/* SPDX-License-Identifier: Apache-2.0
 * A copy of what a worker's sessions are doing, and its server connections that no session has, for the console.
 *
 * Whoever wants it hands an empty census to the worker (proxy_worker_ask) and waits for `done`; the worker fills it
 * between two batches of events. No lock is on the workers' path. */
#pragma once

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"
#include "proxy/proxy_keep.h"

struct proxy_session_context;

enum proxy_census_kind {
    PROXY_CENSUS_SESSION,
    PROXY_CENSUS_POOLED, /* a server connection of a pool that nobody has */
    PROXY_CENSUS_SPARE,  /* one that is opened ahead of need */
};

struct proxy_census_row {
    enum proxy_census_kind kind;
    char user[PROXY_KEEP_USER]; /* empty: not known, the server's log-in has passed */
    uint32_t route;
    const char *state; /* active, idle, waiting, held, login; of the others idle, reset, spare */
    struct view_address client;
    bool client_tls;
    bool server_tls;
    char node[LIMITS_NAME]; /* empty: none */
    struct view_address server;
    uint64_t epoch;
};

struct proxy_census {
    sem_t done;
    bool whole; /* there was memory for all */
    uint32_t count;
    struct proxy_census_row *rows; /* malloc'ed, the asker's */
};

/* Fills it and posts `done`: from then on it is the asker's again. */
void proxy_census_take(struct proxy_session_context *context, struct proxy_census *census);
