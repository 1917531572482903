/* SPDX-License-Identifier: Apache-2.0
 * The server connections of one user to one entry of the proxy's configuration. */
#include "proxy/proxy_pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct proxy_pool *proxy_pool_find(struct list *all, uint32_t route, struct span user)
{
    LIST_EACH(link, all)
    {
        struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        if (pool->route == route && span_is(user, pool->user)) {
            return pool;
        }
    }
    return NULL;
}

struct proxy_pool *proxy_pool_new(struct list *all, uint32_t route, struct span user,
                                  const struct proxy_route_pool *limits, uint32_t *used)
{
    ASSERT(user.size > 0 && user.size < PROXY_ROUTE_NAME && limits->mode != PROXY_ROUTE_UNPOOLED);
    struct proxy_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    pool->route = route;
    pool->limits = limits;
    pool->used = used;
    pool->all = all;
    memcpy(pool->user, user.data, user.size);
    list_init(&pool->link);
    list_init(&pool->stirred);
    list_init(&pool->idle);
    list_init(&pool->cleaning);
    list_init(&pool->waiting);
    list_init(&pool->lingering);
    list_append(all, &pool->link);
    proxy_pool_share(pool, 0, 1);
    return pool;
}

void proxy_pool_share(struct proxy_pool *pool, uint32_t index, uint32_t workers)
{
    ASSERT(index < workers);
    const struct proxy_route_pool *limits = pool->limits;
    const uint32_t size = limits->size / workers + (index < limits->size % workers ? 1 : 0);
    const uint32_t all = limits->connections / workers + (index < limits->connections % workers ? 1 : 0);
    pool->size = size > 0 ? size : 1;
    pool->reserve = limits->reserve / workers + (index < limits->reserve % workers ? 1 : 0);
    pool->minimum = limits->minimum / workers + (index < limits->minimum % workers ? 1 : 0);
    pool->connections = limits->connections == 0 ? UINT32_MAX : all > 0 ? all : 1;
}

bool proxy_pool_free(struct proxy_pool *pool)
{
    if (pool->clients > 0 || pool->count > 0) {
        return false;
    }
    ASSERT(list_empty(&pool->idle) && list_empty(&pool->cleaning) && list_empty(&pool->waiting));
    list_remove(&pool->link);
    list_remove(&pool->stirred);
    free(pool->welcome_startup.data);
    free(pool->welcome_parameters.data);
    free(pool);
    return true;
}

/* ---- taking ---- */

static bool proxy_pool_same(const struct proxy_server_text *text, struct span bytes)
{
    return span_equal(span_of(text->data, text->size), bytes);
}

/* The most recently used idle one that was opened with this packet and, if given, has these settings. */
static struct proxy_server *proxy_pool_idle(const struct proxy_pool *pool, const struct proxy_pool_want *want,
                                            bool exactly)
{
    for (struct list *link = pool->idle.prev; link != &pool->idle; link = link->prev) {
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        const bool good = pg_frame_boundary(&server->end.received) && !(server->standby && server->target.writer);
        if (good && proxy_pool_same(&server->startup, want->startup) &&
            (!exactly || proxy_pool_same(&server->settings, want->settings))) {
            return server;
        }
    }
    return NULL;
}

/* The one of this route that has been idle for longest, of our pool if it has one. */
static struct proxy_server *proxy_pool_victim(const struct proxy_pool *pool)
{
    if (!list_empty(&pool->idle)) {
        return LIST_ENTRY(pool->idle.next, struct proxy_server, pooled);
    }
    struct proxy_server *oldest = NULL;
    LIST_EACH(link, pool->all)
    {
        const struct proxy_pool *other = LIST_ENTRY(link, struct proxy_pool, link);
        if (other->route != pool->route || list_empty(&other->idle)) {
            continue;
        }
        struct proxy_server *server = LIST_ENTRY(other->idle.next, struct proxy_server, pooled);
        if (oldest == NULL || server->idle_since.us < oldest->idle_since.us) {
            oldest = server;
        }
    }
    return oldest;
}

static enum proxy_pool_offer proxy_pool_out(struct proxy_server *server, enum proxy_pool_offer offer,
                                            struct proxy_server **ret_server)
{
    list_remove(&server->pooled);
    *ret_server = server;
    return offer;
}

enum proxy_pool_offer proxy_pool_take(struct proxy_pool *pool, const struct proxy_pool_want *want, int64_t waited_ms,
                                      struct proxy_server **ret_server)
{
    struct proxy_server *server = !want->fresh && want->plain ? proxy_pool_idle(pool, want, true) : NULL;
    if (server != NULL) {
        return proxy_pool_out(server, PROXY_POOL_FITS, ret_server);
    }
    server = !want->fresh ? proxy_pool_idle(pool, want, false) : NULL;
    if (server != NULL) {
        return proxy_pool_out(server, PROXY_POOL_RESET, ret_server);
    }
    const bool late = pool->reserve > 0 && waited_ms >= pool->limits->reserve_after_ms;
    const bool full = pool->count >= pool->size + (late ? pool->reserve : 0);
    if (!full && *pool->used < pool->connections) {
        pool->count++;
        (*pool->used)++;
        return PROXY_POOL_PLACE;
    }
    server = full ? list_empty(&pool->idle) ? NULL : proxy_pool_victim(pool) : proxy_pool_victim(pool);
    if (server == NULL) {
        return PROXY_POOL_NOTHING;
    }
    *ret_server = server;
    return PROXY_POOL_EVICT;
}

struct proxy_server *proxy_pool_take_fitting(struct proxy_pool *pool, const struct proxy_pool_want *want)
{
    struct proxy_server *server = list_empty(&pool->waiting) && want->plain ? proxy_pool_idle(pool, want, true) : NULL;
    if (server != NULL) {
        list_remove(&server->pooled);
    }
    return server;
}

/* ---- places ---- */

bool proxy_pool_ahead(struct proxy_pool *pool)
{
    const uint32_t wanted = pool->minimum < pool->size ? pool->minimum : pool->size;
    if (pool->clients == 0 || !list_empty(&pool->waiting) || pool->count >= wanted ||
        *pool->used >= pool->connections) {
        return false;
    }
    pool->count++;
    (*pool->used)++;
    return true;
}

void proxy_pool_enter(struct proxy_pool *pool, struct proxy_server *server, struct mono now)
{
    ASSERT(server->pool == NULL && pool->count > 0);
    server->pool = pool;
    server->opened = now;
}

void proxy_pool_give_up(struct proxy_pool *pool)
{
    ASSERT(pool->count > 0 && *pool->used >= pool->count);
    pool->count--;
    (*pool->used)--;
}

void proxy_pool_leave(struct proxy_server *server)
{
    list_remove(&server->pooled);
    proxy_pool_give_up(server->pool);
    server->pool = NULL;
}

void proxy_pool_put(struct proxy_server *server, struct mono now)
{
    server->idle_since = now;
    list_remove(&server->pooled);
    list_append(&server->pool->idle, &server->pooled);
}

void proxy_pool_clean(struct proxy_server *server)
{
    list_remove(&server->pooled);
    list_append(&server->pool->cleaning, &server->pooled);
}

/* ---- age ---- */

static struct mono proxy_pool_old_at(const struct proxy_server *server)
{
    const uint32_t lifetime_ms = server->pool->limits->lifetime_ms;
    return lifetime_ms == 0 ? TIME_NEVER : time_add_ms(server->opened, lifetime_ms);
}

/* The limits were lowered. */
static bool proxy_pool_crowded(const struct proxy_pool *pool)
{
    return pool->count > pool->size + pool->reserve || *pool->used > pool->connections;
}

bool proxy_pool_worn(const struct proxy_server *server, struct mono now)
{
    return proxy_pool_crowded(server->pool) || time_reached(now, proxy_pool_old_at(server));
}

struct proxy_server *proxy_pool_expired(const struct proxy_pool *pool, struct mono now, struct mono *ret_next)
{
    const uint32_t idle_ms = pool->limits->idle_timeout_ms;
    struct mono next = TIME_NEVER;
    LIST_EACH(link, &pool->idle)
    {
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        struct mono end = proxy_pool_old_at(server);
        if (idle_ms > 0 && pool->count > pool->minimum) {
            end = time_min(end, time_add_ms(server->idle_since, idle_ms));
        }
        if (proxy_pool_crowded(pool) || time_reached(now, end)) {
            return server;
        }
        next = time_min(next, end);
    }
    *ret_next = next;
    return NULL;
}

struct mono proxy_pool_reserve_at(const struct proxy_pool *pool, struct mono now)
{
    LIST_EACH(link, &pool->waiting)
    {
        const struct proxy_pool_waiter *waiter = LIST_ENTRY(link, struct proxy_pool_waiter, link);
        const struct mono at = time_add_ms(waiter->since, pool->limits->reserve_after_ms);
        if (pool->reserve > 0 && !time_reached(now, at)) {
            return at;
        }
    }
    return TIME_NEVER;
}
