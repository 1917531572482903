/* SPDX-License-Identifier: Apache-2.0
 * Server connections of pools that nobody has. */
#include "proxy/proxy_park.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_line.h"
#include "wire/pg_message.h"

enum {
    PROXY_PARK_RESET_MS = 10 * 1000, /* for a server to reset itself */
    PROXY_PARK_CANCEL_MS = 5,        /* between looks whether a cancel has been dealt with */
    PROXY_PARK_READ = 4096,
    PROXY_PARK_QUERY = 64,
};

static void proxy_park_look_at(struct proxy_session_context *context, int64_t in_ms)
{
    context->pools_deadline = time_min(context->pools_deadline, time_add_ms(context->now, in_ms));
}

void proxy_park_close(struct proxy_session_context *context, struct proxy_server *server, bool abort)
{
    ASSERT((server->pool != NULL || server->spare != NULL) && server->end.session == NULL);
    proxy_server_drop(context, server, abort);
}

void proxy_park_put(struct proxy_session_context *context, struct proxy_server *server)
{
    ASSERT(server->end.session == NULL && server->resetting == 0);
    const bool wrong = server->standby && server->target.writer;
    if (wrong || server->renew || server->end.hangup || proxy_pool_worn(server, context->now)) {
        proxy_park_close(context, server, false);
        return;
    }
    if (server->key != NULL && !proxy_cancel_server_quiet(server->key)) {
        proxy_pool_clean(server);
        proxy_park_look_at(context, PROXY_PARK_CANCEL_MS);
        return;
    }
    const struct proxy_route_pool *limits = server->pool->limits;
    proxy_pool_put(server, context->now);
    if (limits->idle_timeout_ms > 0) {
        proxy_park_look_at(context, limits->idle_timeout_ms);
    }
    if (limits->lifetime_ms > 0) {
        context->pools_deadline = time_min(context->pools_deadline, time_add_ms(server->opened, limits->lifetime_ms));
    }
    if (!list_empty(&server->pool->waiting)) {
        proxy_line_stir(context, server->pool->route);
    }
    if (server->end.readable) {
        proxy_park_event(context, server);
    }
}

void proxy_park_reset(struct proxy_session_context *context, struct proxy_server *server)
{
    uint8_t memory[PROXY_PARK_QUERY];
    struct buf query;
    buf_init(&query, memory, sizeof memory);
    pg_message_query_write(&query, span_text("DISCARD ALL"));
    ASSERT(!query.overflow && server->resetting == 0);
    proxy_pool_clean(server);
    proxy_shelf_clear(&server->prepared);
    server->resetting = 1;
    server->idle_since = context->now;
    proxy_park_look_at(context, PROXY_PARK_RESET_MS);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_RESETS, 1);
    if (!proxy_end_owe(context, &server->end, span_of(query.data, query.size)) ||
        !proxy_end_flush(context, &server->end)) {
        proxy_park_close(context, server, false);
    }
}

/* ---- what it says ---- */

/* False: it is closed. */
static bool proxy_park_ready(struct proxy_session_context *context, struct proxy_server *server, struct span body)
{
    uint8_t status = 0;
    const bool good = server->resetting == 1 && pg_message_ready_parse(body, &status) == ERR_OK &&
                      status == PG_MESSAGE_STATUS_IDLE && proxy_server_text_set(&server->settings, span_of(NULL, 0));
    if (!good) {
        proxy_park_close(context, server, false);
        return false;
    }
    server->resetting = 0;
    proxy_park_put(context, server);
    return server->pool != NULL;
}

/* False: it is closed. */
static bool proxy_park_message(struct proxy_session_context *context, struct proxy_server *server,
                               const struct pg_frame_message *message)
{
    switch (message->type) {
    case PG_MESSAGE_READY:
        return proxy_park_ready(context, server, message->peek);
    case PG_MESSAGE_ERROR:
        proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVER_SHUTDOWN, server->resetting == 0 ? 1 : 0);
        proxy_park_close(context, server, false);
        return false;
    case PG_MESSAGE_PARAMETER:
        proxy_server_report(server, message->peek);
        return true;
    default:
        return true; /* notices, the tag of the reset */
    }
}

static bool proxy_park_hear(struct proxy_session_context *context, struct proxy_server *server, struct span bytes)
{
    struct pg_frame_message message;
    while (pg_frame_step(&server->end.received, &bytes, &message)) {
        if (!proxy_park_message(context, server, &message)) {
            return false;
        }
    }
    if (server->end.received.failed) {
        proxy_park_close(context, server, false);
        return false;
    }
    return true;
}

void proxy_park_event(struct proxy_session_context *context, struct proxy_server *server)
{
    struct proxy_end *end = &server->end;
    if (!proxy_end_flush(context, end)) {
        proxy_park_close(context, server, false);
        return;
    }
    while (end->readable) {
        uint8_t memory[PROXY_PARK_READ];
        const ssize_t size = proxy_end_recv(end, memory, sizeof memory, 0);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            end->readable = errno == EINTR;
            continue;
        }
        if (size <= 0) {
            proxy_park_close(context, server, false);
            return;
        }
        if (!proxy_park_hear(context, server, span_of(memory, (size_t)size))) {
            return;
        }
    }
}

/* ---- views, time, the end ---- */

static void proxy_park_fence_list(struct proxy_session_context *context, struct list *list, const struct view *view)
{
    for (struct list *link = list->next, *next; link != list; link = next) {
        next = link->next;
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        if (!proxy_route_keeps(&context->routes[server->pool->route], &server->target, view)) {
            proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVERS_FENCED, 1);
            proxy_park_close(context, server, true);
        }
    }
}

void proxy_park_fence(struct proxy_session_context *context, const struct view *view)
{
    LIST_EACH(link, &context->pools)
    {
        struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        proxy_park_fence_list(context, &pool->idle, view);
        proxy_park_fence_list(context, &pool->cleaning, view);
        proxy_line_stir(context, pool->route);
    }
}

bool proxy_park_quiet(const struct proxy_session_context *context, uint32_t route)
{
    LIST_EACH(link, &context->pools)
    {
        const struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        if (pool->route != route) {
            continue;
        }
        LIST_EACH(at, &pool->cleaning)
        {
            if (LIST_ENTRY(at, struct proxy_server, pooled)->resetting > 0) {
                return false;
            }
        }
    }
    return true;
}

/* Those that only waited for a cancel to be dealt with. */
static void proxy_park_cancels(struct proxy_session_context *context, struct proxy_pool *pool)
{
    struct list turn;
    list_init(&turn);
    while (!list_empty(&pool->cleaning)) {
        struct list *link = pool->cleaning.next;
        list_remove(link);
        list_append(&turn, link);
    }
    while (!list_empty(&turn)) {
        struct proxy_server *server = LIST_ENTRY(turn.next, struct proxy_server, pooled);
        const struct mono late = time_add_ms(server->idle_since, PROXY_PARK_RESET_MS);
        if (server->resetting > 0 && time_reached(context->now, late)) {
            proxy_park_close(context, server, true);
        } else if (server->resetting > 0) {
            proxy_pool_clean(server);
            context->pools_deadline = time_min(context->pools_deadline, late);
        } else {
            proxy_park_put(context, server); /* here again, or idle, or closed */
        }
    }
}

static void proxy_park_tend_pool(struct proxy_session_context *context, struct proxy_pool *pool)
{
    struct mono next = TIME_NEVER;
    struct proxy_server *old;
    while ((old = proxy_pool_expired(pool, context->now, &next)) != NULL) {
        proxy_park_close(context, old, false);
    }
    proxy_park_cancels(context, pool);
    if (!list_empty(&pool->waiting)) {
        proxy_line_stir(context, pool->route);
    }
    context->pools_deadline = time_min(context->pools_deadline, next);
}

void proxy_park_tend(struct proxy_session_context *context)
{
    if (!time_reached(context->now, context->pools_deadline)) {
        return;
    }
    context->pools_deadline = TIME_NEVER;
    for (struct list *link = context->pools.next, *next; link != &context->pools; link = next) {
        next = link->next;
        struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        if (!proxy_pool_free(pool)) {
            proxy_park_tend_pool(context, pool);
        }
    }
}

void proxy_park_end(struct proxy_session_context *context)
{
    while (!list_empty(&context->pools)) {
        struct proxy_pool *pool = LIST_ENTRY(context->pools.next, struct proxy_pool, link);
        while (!list_empty(&pool->idle)) {
            proxy_park_close(context, LIST_ENTRY(pool->idle.next, struct proxy_server, pooled), false);
        }
        while (!list_empty(&pool->cleaning)) {
            proxy_park_close(context, LIST_ENTRY(pool->cleaning.next, struct proxy_server, pooled), false);
        }
        const bool gone = proxy_pool_free(pool);
        ASSERT(gone);
    }
}
