/* SPDX-License-Identifier: Apache-2.0
 * The line before a pool: who belongs to it, who waits. */
#include "proxy/proxy_line.h"

#include <stdlib.h>

#include "base/assert.h"

enum {
    PROXY_LINE_EMPTY_MS = 1000, /* until a pool without anybody is forgotten */
};

void proxy_line_forget_later(struct proxy_session_context *context)
{
    context->pools_deadline = time_min(context->pools_deadline, time_add_ms(context->now, PROXY_LINE_EMPTY_MS));
}

void proxy_line_stir(struct proxy_session_context *context, uint32_t route)
{
    LIST_EACH(link, &context->pools)
    {
        struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        if (pool->route == route && !list_empty(&pool->waiting)) {
            list_remove(&pool->stirred);
            list_append(&context->stirred, &pool->stirred);
        }
    }
}

/* What renaming prepared statements needs, from the first session on that does. */
static enum err proxy_line_shelf(struct proxy_session_context *context)
{
    if (context->shelf == NULL) {
        context->shelf = proxy_shelf_new();
    }
    if (context->rewritten == NULL) {
        context->rewritten_size = context->buffer_size * PROXY_PREPARE_GROWTH + PROXY_PREPARE_MORE;
        context->rewritten = malloc(context->rewritten_size);
    }
    return context->shelf != NULL && context->rewritten != NULL ? ERR_OK : ERR_NO_MEMORY;
}

enum err proxy_line_join(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_route_pool *limits = &context->routes[session->route].pool;
    const struct span user = span_text(session->keep->user);
    _Atomic uint32_t *clients = &context->route_clients[session->route];
    ASSERT(session->pool == NULL);
    if (user.size == 0) {
        return ERR_OK; /* no role has such a name: the server says so */
    }
    struct proxy_pool *pool = proxy_pool_find(&context->pools, session->route, user);
    if (pool == NULL) {
        pool = proxy_pool_new(&context->pools, session->route, user, limits, &context->route_servers[session->route]);
        if (pool == NULL) {
            return ERR_NO_MEMORY;
        }
        proxy_pool_share(pool, context->worker, context->workers);
    }
    if (limits->mode == PROXY_ROUTE_TRANSACTION && limits->statements > 0) {
        const enum err err = proxy_line_shelf(context);
        session->prepare = err == ERR_OK ? proxy_prepare_new(context->shelf, limits->statements) : NULL;
        session->keep->renamed = session->prepare != NULL;
        if (session->prepare == NULL) {
            return ERR_NO_MEMORY;
        }
    }
    const uint32_t before = atomic_fetch_add_explicit(clients, 1, memory_order_relaxed);
    if (limits->clients > 0 && before >= limits->clients) {
        atomic_fetch_sub_explicit(clients, 1, memory_order_relaxed);
        return ERR_QUEUE_FULL;
    }
    session->pool = pool;
    pool->clients++;
    return ERR_OK;
}

void proxy_line_unpin(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->lent.pinned) {
        session->lent.pinned = false;
        proxy_metrics_take(&context->metrics, PROXY_METRICS_PINNED, 1);
    }
}

void proxy_line_out(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!list_empty(&session->lent.waiter.link)) {
        list_remove(&session->lent.waiter.link);
        proxy_metrics_take(&context->metrics, PROXY_METRICS_POOL_WAITING, 1);
    }
}

void proxy_line_give_up(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->lent.placed) {
        session->lent.placed = false;
        proxy_pool_give_up(session->pool);
        proxy_line_stir(context, session->route);
    }
}

void proxy_line_leave(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->pool == NULL) {
        return;
    }
    proxy_line_unpin(context, session);
    proxy_line_out(context, session);
    proxy_line_give_up(context, session);
    ASSERT(session->pool->clients > 0);
    list_remove(&session->lent.lingering);
    session->pool->clients--;
    session->pool = NULL;
    proxy_line_forget_later(context);
    atomic_fetch_sub_explicit(&context->route_clients[session->route], 1, memory_order_relaxed);
}

void proxy_line_stand(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_CONNECTING && session->server == NULL && !session->lent.placed);
    if (list_empty(&session->lent.waiter.link)) {
        session->lent.waiter.since = context->now;
        list_append(&session->pool->waiting, &session->lent.waiter.link);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_POOL_WAITING, 1);
    }
    proxy_line_stir(context, session->route);
}
