/* SPDX-License-Identifier: Apache-2.0
 * How many sessions of each entry are active, idle and waiting. */
#include "proxy/proxy_tally.h"

#include "proxy/proxy_session.h"

static enum proxy_tally_kind proxy_tally_kind(const struct proxy_session *session)
{
    if (session->held || session->state == PROXY_SESSION_CONNECTING) {
        return PROXY_TALLY_WAITING;
    }
    return proxy_session_idle(session) ? PROXY_TALLY_IDLE : PROXY_TALLY_ACTIVE;
}

static void proxy_tally_session(const struct proxy_session *session, struct mono now,
                                uint64_t values[PROXY_TALLY_KINDS])
{
    const int64_t us = session->clock.wait.us != 0 ? time_since_us(now, session->clock.wait) : 0;
    if (session->server != NULL && session->server->end.fd >= 0) {
        values[PROXY_TALLY_SERVERS_ACTIVE]++;
    }
    if (session->held || session->state == PROXY_SESSION_CONNECTING || session->state == PROXY_SESSION_ACTIVE) {
        values[proxy_tally_kind(session)]++;
    }
    if (us > 0 && (uint64_t)us > values[PROXY_TALLY_LONGEST_US]) {
        values[PROXY_TALLY_LONGEST_US] = (uint64_t)us;
    }
}

void proxy_tally_take(struct proxy_session_context *context)
{
    uint64_t values[PROXY_ROUTES][PROXY_TALLY_KINDS] = {{0}};
    LIST_EACH(link, &context->sessions)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (session->route != LIMITS_NONE && !session->cancelling && session->state < PROXY_SESSION_DRAINING) {
            proxy_tally_session(session, context->now, values[session->route]);
        }
    }
    LIST_EACH(link, &context->pools)
    {
        const struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        LIST_EACH(idle, &pool->idle)
        {
            values[pool->route][PROXY_TALLY_SERVERS_IDLE]++;
        }
    }
    for (uint32_t route = 0; route < context->routes_count; route++) {
        for (uint32_t kind = 0; kind < PROXY_TALLY_KINDS; kind++) {
            atomic_store_explicit(&context->tally.values[route][kind], values[route][kind], memory_order_relaxed);
        }
    }
}

void proxy_tally_collect(const struct proxy_tally *tally, struct proxy_tally_sum *sum)
{
    for (uint32_t route = 0; route < PROXY_ROUTES; route++) {
        for (uint32_t kind = 0; kind < PROXY_TALLY_KINDS; kind++) {
            const uint64_t value = atomic_load_explicit(&tally->values[route][kind], memory_order_relaxed);
            uint64_t *to = &sum->values[route][kind];
            *to = kind != PROXY_TALLY_LONGEST_US ? *to + value : value > *to ? value : *to;
        }
    }
}
