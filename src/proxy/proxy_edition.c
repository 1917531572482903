/* SPDX-License-Identifier: Apache-2.0
 * What of the configuration may change while the proxy runs, and how a worker carries it out. */
#include "proxy/proxy_edition.h"

#include "proxy/proxy_ahead.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_pool.h"
#include "proxy/proxy_renew.h"
#include "proxy/proxy_session.h"

static void proxy_edition_pools(struct proxy_session_context *context)
{
    LIST_EACH(link, &context->pools)
    {
        proxy_pool_share(LIST_ENTRY(link, struct proxy_pool, link), context->worker, context->workers);
    }
    for (uint32_t i = 0; i < context->routes_count; i++) {
        proxy_line_stir(context, i);
    }
    context->pools_deadline = context->now;
    context->ahead_deadline = context->now;
}

bool proxy_edition_leave(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!context->routes[session->route].closed || !proxy_session_idle(session)) {
        return false;
    }
    proxy_session_end(context, session, PROXY_SESSION_REMOVED, NULL);
    return true;
}

/* Those in a transaction leave when it has ended (proxy_relay.c). */
static void proxy_edition_close(struct proxy_session_context *context, uint32_t route)
{
    proxy_renew_route(context, route);
    proxy_ahead_renew(context, route);
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (session->route != route || session->cancelling || session->state >= PROXY_SESSION_DRAINING) {
            continue;
        }
        if (session->state != PROXY_SESSION_ACTIVE) {
            proxy_session_end(context, session, PROXY_SESSION_REMOVED, NULL);
        } else {
            (void)proxy_edition_leave(context, session);
        }
    }
}

uint64_t proxy_edition_stand(struct proxy_session_context *context, uint64_t closed)
{
    uint64_t here = 0;
    LIST_EACH(link, &context->sessions)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        here |= session->route != LIMITS_NONE ? UINT64_C(1) << session->route : 0;
    }
    LIST_EACH(link, &context->spares)
    {
        here |= UINT64_C(1) << LIST_ENTRY(link, struct proxy_spare_way, link)->route;
    }
    for (struct list *link = context->pools.next, *next; link != &context->pools; link = next) {
        next = link->next;
        struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        const uint64_t bit = UINT64_C(1) << pool->route;
        here |= (closed & bit) != 0 && !proxy_pool_free(pool) ? bit : 0;
    }
    return here & closed;
}

void proxy_edition_carry_out(struct proxy_session_context *context)
{
    proxy_edition_pools(context);
    for (uint32_t i = 0; i < context->routes_count; i++) {
        if (context->routes[i].closed) {
            proxy_edition_close(context, i);
        }
    }
}
