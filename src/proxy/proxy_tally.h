/* SPDX-License-Identifier: Apache-2.0
 * How many sessions of each entry are active, idle and waiting, and its server connections.
 *
 * A worker counts them by a walk when it is asked, between two batches of events: nothing of it is kept on a
 * statement's way. Written by the worker only, read by anybody at any time. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/proxy_route.h"

enum proxy_tally_kind {
    PROXY_TALLY_ACTIVE,         /* sessions in a query or in a transaction */
    PROXY_TALLY_IDLE,           /* ... that want nothing now */
    PROXY_TALLY_WAITING,        /* ... that wait for a server connection, or are held */
    PROXY_TALLY_SERVERS_ACTIVE, /* a session has them */
    PROXY_TALLY_SERVERS_IDLE,   /* in pools, nobody has them */
    PROXY_TALLY_LONGEST_US,     /* since the session that waits for longest has waited for a server connection */
    PROXY_TALLY_KINDS
};

struct proxy_tally {
    _Atomic bool wanted;
    _Atomic uint64_t values[PROXY_ROUTES][PROXY_TALLY_KINDS];
};

/* A plain copy, of all workers together. */
struct proxy_tally_sum {
    uint64_t values[PROXY_ROUTES][PROXY_TALLY_KINDS];
};

struct proxy_session_context;

/* Counts anew. By the worker. */
void proxy_tally_take(struct proxy_session_context *context);

/* Adds what a worker counted last; the longest wait is that of all. Any thread. */
void proxy_tally_collect(const struct proxy_tally *tally, struct proxy_tally_sum *sum);
