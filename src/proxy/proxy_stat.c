/* SPDX-License-Identifier: Apache-2.0
 * Transactions, queries, bytes and times of each entry. */
#include "proxy/proxy_stat.h"

#include "base/assert.h"

void proxy_stat_add(struct proxy_stat *stat, uint32_t route, enum proxy_stat_kind kind, uint64_t count)
{
    ASSERT(route < PROXY_ROUTES);
    _Atomic uint64_t *value = &stat->values[route][kind];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + count, memory_order_relaxed);
}

/* The time since `since`, which is over. */
static void proxy_stat_over(struct proxy_stat *stat, uint32_t route, enum proxy_stat_kind kind, struct mono *since,
                            struct mono now)
{
    if (since->us != 0) {
        const int64_t us = time_since_us(now, *since);
        proxy_stat_add(stat, route, kind, us > 0 ? (uint64_t)us : 0);
        *since = (struct mono){0};
    }
}

void proxy_stat_begin(struct proxy_stat_clock *clock, struct mono now, bool idle)
{
    clock->query = now;
    clock->transaction = idle ? now : clock->transaction;
}

void proxy_stat_ready(struct proxy_stat *stat, uint32_t route, struct proxy_stat_clock *clock, struct mono now,
                      bool idle, bool more)
{
    if (clock->query.us == 0) {
        return; /* the end of a log-in */
    }
    proxy_stat_add(stat, route, PROXY_STAT_QUERIES, 1);
    proxy_stat_over(stat, route, PROXY_STAT_QUERY_US, &clock->query, now);
    if (idle) {
        proxy_stat_add(stat, route, PROXY_STAT_TRANSACTIONS, 1);
        proxy_stat_over(stat, route, PROXY_STAT_TRANSACTION_US, &clock->transaction, now);
    }
    if (more) {
        proxy_stat_begin(clock, now, idle);
    }
}

void proxy_stat_waited(struct proxy_stat *stat, uint32_t route, struct proxy_stat_clock *clock, struct mono now)
{
    proxy_stat_over(stat, route, PROXY_STAT_WAIT_US, &clock->wait, now);
}

void proxy_stat_forget(struct proxy_stat *stat, uint32_t route)
{
    ASSERT(route < PROXY_ROUTES);
    for (uint32_t kind = 0; kind < PROXY_STAT_KINDS; kind++) {
        atomic_store_explicit(&stat->values[route][kind], 0, memory_order_relaxed);
    }
}

void proxy_stat_collect(const struct proxy_stat *stat, struct proxy_stat_sum *sum)
{
    for (uint32_t route = 0; route < PROXY_ROUTES; route++) {
        for (uint32_t kind = 0; kind < PROXY_STAT_KINDS; kind++) {
            sum->values[route][kind] += atomic_load_explicit(&stat->values[route][kind], memory_order_relaxed);
        }
    }
}

void proxy_stat_history_init(struct proxy_stat_history *history, struct mono now)
{
    *history = (struct proxy_stat_history){.at = {now, now}};
    pthread_mutex_init(&history->lock, NULL);
}

void proxy_stat_history_fini(struct proxy_stat_history *history)
{
    pthread_mutex_destroy(&history->lock);
}

bool proxy_stat_history_due(struct proxy_stat_history *history, struct mono now)
{
    pthread_mutex_lock(&history->lock);
    const bool due = time_since_ms(now, history->at[1]) >= PROXY_STAT_PERIOD_MS;
    pthread_mutex_unlock(&history->lock);
    return due;
}

void proxy_stat_history_take(struct proxy_stat_history *history, struct mono now, const struct proxy_stat_sum *sum)
{
    pthread_mutex_lock(&history->lock);
    history->at[0] = history->at[1];
    history->sums[0] = history->sums[1];
    history->at[1] = now;
    history->sums[1] = *sum;
    pthread_mutex_unlock(&history->lock);
}

int64_t proxy_stat_history_read(struct proxy_stat_history *history, struct mono now, struct proxy_stat_sum *ret_sum)
{
    pthread_mutex_lock(&history->lock);
    *ret_sum = history->sums[0];
    const int64_t us = time_since_us(now, history->at[0]);
    pthread_mutex_unlock(&history->lock);
    return us > 0 ? us : 1;
}
