/* SPDX-License-Identifier: Apache-2.0
 * What PgBouncer's SHOW STATS tells: transactions, queries, bytes and times of each entry of the configuration.
 *
 * One block per worker, written by that worker only, read by anybody at any time. Times are taken from the clock that
 * the worker reads once per batch of events: no further call of the kernel. A query is what one ReadyForQuery ends. The
 * averages are those of the last one to two periods. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "proxy/proxy_route.h"

enum { PROXY_STAT_PERIOD_MS = 60000 };

enum proxy_stat_kind {
    PROXY_STAT_TRANSACTIONS,
    PROXY_STAT_QUERIES,
    PROXY_STAT_RECEIVED, /* bytes of clients, as they are passed on */
    PROXY_STAT_SENT,     /* bytes to clients */
    PROXY_STAT_TRANSACTION_US,
    PROXY_STAT_QUERY_US,
    PROXY_STAT_WAIT_US, /* of clients for a server connection */
    PROXY_STAT_KINDS
};

struct proxy_stat {
    _Atomic uint64_t values[PROXY_ROUTES][PROXY_STAT_KINDS];
};

/* A plain copy, of all workers together. */
struct proxy_stat_sum {
    uint64_t values[PROXY_ROUTES][PROXY_STAT_KINDS];
};

/* In each session: what began when; 0: nothing did. */
struct proxy_stat_clock {
    struct mono transaction;
    struct mono query;
    struct mono wait;
};

/* Only the owner calls these. `idle`: the session is outside of a transaction, before what its client sends now, or
 * after this ReadyForQuery. `more`: another ReadyForQuery is still to come. */
void proxy_stat_add(struct proxy_stat *stat, uint32_t route, enum proxy_stat_kind kind, uint64_t count);
void proxy_stat_begin(struct proxy_stat_clock *clock, struct mono now, bool idle);
void proxy_stat_ready(struct proxy_stat *stat, uint32_t route, struct proxy_stat_clock *clock, struct mono now,
                      bool idle, bool more);
void proxy_stat_waited(struct proxy_stat *stat, uint32_t route, struct proxy_stat_clock *clock, struct mono now);

/* The entry is gone, and its index may be another's: begins at zero. */
void proxy_stat_forget(struct proxy_stat *stat, uint32_t route);

/* Adds a worker's block to the sum. Any thread. */
void proxy_stat_collect(const struct proxy_stat *stat, struct proxy_stat_sum *sum);

/* The sums as they were, for averages. Any thread. */
struct proxy_stat_history {
    pthread_mutex_t lock;
    struct mono at[2]; /* the older one first */
    struct proxy_stat_sum sums[2];
};

void proxy_stat_history_init(struct proxy_stat_history *history, struct mono now);
void proxy_stat_history_fini(struct proxy_stat_history *history);

/* Whether a period has passed; and then: the sums now. */
bool proxy_stat_history_due(struct proxy_stat_history *history, struct mono now);
void proxy_stat_history_take(struct proxy_stat_history *history, struct mono now, const struct proxy_stat_sum *sum);

/* The older ones, and how long ago that was: at least a microsecond. */
int64_t proxy_stat_history_read(struct proxy_stat_history *history, struct mono now, struct proxy_stat_sum *ret_sum);
