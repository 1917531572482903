/* SPDX-License-Identifier: Apache-2.0
 * Connections that are opened ahead of need: how many, when, and until when. */
#include "proxy/proxy_ahead.h"

#include <string.h>

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_login.h"
#include "proxy/proxy_park.h"

enum {
    PROXY_AHEAD_PACE_MS = 20,   /* between two of a way */
    PROXY_AHEAD_LOOK_MS = 1000, /* for what becomes possible without telling us */
    PROXY_AHEAD_RETRY_FIRST_MS = 500,
    PROXY_AHEAD_RETRY_LAST_MS = 60 * 1000,
    PROXY_AHEAD_LATE_FACTOR = 5,     /* of connect_timeout: a fork, and a log-in */
    PROXY_AHEAD_LOGINS = 4,          /* of sessions, under way: we wait */
    PROXY_AHEAD_LEFT_MS = 60 * 1000, /* for a way without sessions, and for a spare that a new writer's clients left */
    PROXY_AHEAD_LIFETIME_MS = 3600 * 1000, /* of a spare, where the entry has no pool.lifetime */
};

static void proxy_ahead_look_at(struct proxy_session_context *context, struct mono at)
{
    context->ahead_deadline = time_min(context->ahead_deadline, at);
}

void proxy_ahead_note(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_route *route = &context->routes[session->route];
    const bool wanted = route->spares > 0 || (session->pool != NULL && route->pool.minimum > 0);
    const char *why = NULL;
    if (!wanted || session->way != NULL || session->startup == NULL || session->keep->user[0] == '\0' ||
        !proxy_learn_complete(&session->keep->learn, &why)) {
        return;
    }
    session->way = proxy_spare_join(&context->spares, session->route, span_text(session->keep->user),
                                    span_of(session->startup, session->startup_have), &session->keep->learn);
    proxy_ahead_look_at(context, context->now);
}

/* ---- the end of a log-in ---- */

static void proxy_ahead_over(struct proxy_session_context *context)
{
    struct proxy_spare_login *login = &context->ahead;
    proxy_learn_free(&login->learn);
    *login = (struct proxy_spare_login){.server = NULL};
    proxy_ahead_look_at(context, context->now);
}

static void proxy_ahead_drop(struct proxy_session_context *context)
{
    struct proxy_server *server = context->ahead.server;
    server->ahead = false;
    proxy_server_drop(context, server, true);
    proxy_ahead_over(context);
}

static void proxy_ahead_pause(struct proxy_session_context *context, struct proxy_spare_way *way, bool long_one)
{
    const uint32_t doubled = way->retry_ms == 0 ? PROXY_AHEAD_RETRY_FIRST_MS : way->retry_ms * 2;
    way->retry_ms = long_one || doubled > PROXY_AHEAD_RETRY_LAST_MS ? PROXY_AHEAD_RETRY_LAST_MS : doubled;
    way->retry_at = time_add_ms(context->now, way->retry_ms);
}

/* `refused`: the server does not let this way in. */
static void proxy_ahead_failed(struct proxy_session_context *context, struct span why, bool refused)
{
    struct proxy_spare_way *way = context->ahead.way;
    LOG_I("entry %s: no connection ahead of need to %s: %.*s", context->routes[way->route].name,
          context->ahead.server->target.node, why.size < 200 ? (int)why.size : 200, (const char *)why.data);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_AHEAD_FAILURES, 1);
    if (refused) {
        way->refused = true;
        proxy_learn_free(&way->learn);
    }
    proxy_ahead_pause(context, way, refused);
    proxy_ahead_drop(context);
}

/* What the view says of a spare. False: it is closed. */
static bool proxy_ahead_sort(struct proxy_session_context *context, struct proxy_server *server)
{
    const uint32_t route = server->spare->route;
    const struct proxy_route_target *target = &context->targets[route];
    const bool promoted = !server->target.writer && target->open && target->writer &&
                          strcmp(server->target.node, target->node) == 0 &&
                          memcmp(&server->target.address, &target->address, sizeof target->address) == 0;
    if (promoted) {
        server->target = *target;
        server->idle_since = context->now;
        proxy_ahead_look_at(context, time_add_ms(context->now, PROXY_AHEAD_LEFT_MS));
        return true;
    }
    if (!proxy_route_keeps(&context->routes[route], &server->target, context->view)) {
        proxy_park_close(context, server, true);
        return false;
    }
    return true;
}

static void proxy_ahead_done(struct proxy_session_context *context)
{
    struct proxy_spare_way *way = context->ahead.way;
    struct proxy_server *server = context->ahead.server;
    LOG_D("a connection to %s stands ahead of need", server->target.node);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_AHEAD, 1);
    server->ahead = false;
    way->retry_ms = 0;
    way->retry_at = time_add_ms(context->now, PROXY_AHEAD_PACE_MS);
    proxy_ahead_over(context);
    if (server->pool != NULL) {
        const uint32_t route = server->pool->route;
        if (proxy_route_keeps(&context->routes[route], &server->target, context->view)) {
            proxy_park_put(context, server);
            proxy_line_stir(context, route);
        } else {
            proxy_park_close(context, server, true);
        }
        return;
    }
    server->opened = context->now;
    proxy_spare_put(way, server);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SPARES, 1);
    (void)proxy_ahead_sort(context, server);
}

void proxy_ahead_event(struct proxy_session_context *context, struct proxy_server *server)
{
    ASSERT(context->ahead.server == server);
    struct proxy_login_failure failure;
    switch (proxy_login_step(context, server, &context->ahead.learn, &failure)) {
    case PROXY_LOGIN_COMING:
        break;
    case PROXY_LOGIN_DONE:
        proxy_ahead_done(context);
        break;
    case PROXY_LOGIN_FAILED:
        proxy_ahead_failed(context, failure.why, failure.refused);
        break;
    }
}

/* ---- what is wanted ---- */

/* `pool` NULL: a spare; else its place is ours. */
static void proxy_ahead_open(struct proxy_session_context *context, struct proxy_spare_way *way,
                             const struct proxy_route_target *target, struct proxy_pool *pool)
{
    struct proxy_spare_login *login = &context->ahead;
    struct proxy_server *server = NULL;
    enum err err = proxy_server_open(context, target, &server);
    if (err == ERR_OK && (!proxy_server_text_set(&server->startup, span_of(way->startup.data, way->startup.size)) ||
                          !proxy_learn_copy(&way->learn, &login->learn))) {
        proxy_server_drop(context, server, false);
        err = ERR_NO_MEMORY;
    }
    if (err != ERR_OK) {
        if (pool != NULL) {
            proxy_pool_give_up(pool);
            proxy_line_stir(context, way->route);
        }
        proxy_metrics_add(&context->metrics, PROXY_METRICS_AHEAD_FAILURES, 1);
        proxy_ahead_pause(context, way, false);
        proxy_ahead_look_at(context, way->retry_at);
        return;
    }
    if (pool != NULL) {
        proxy_pool_enter(pool, server, context->now);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVERS, 1);
    }
    server->ahead = true;
    server->login = &context->logins;
    context->logins++;
    login->server = server;
    login->way = way;
    login->late = time_add_ms(context->now, context->connect_timeout_ms * PROXY_AHEAD_LATE_FACTOR);
    proxy_ahead_look_at(context, login->late);
}

static bool proxy_ahead_minimum(struct proxy_session_context *context, struct proxy_spare_way *way)
{
    const struct proxy_route_target *choice =
        proxy_load_choose(&context->load, &context->choices[way->route], context->worker, 0);
    const struct proxy_route_target *target = choice != NULL ? choice : &context->targets[way->route];
    if (context->routes[way->route].pool.mode == PROXY_ROUTE_UNPOOLED || !target->open ||
        context->holding[way->route]) {
        return false;
    }
    struct proxy_pool *pool = proxy_pool_find(&context->pools, way->route, span_text(way->user));
    if (pool == NULL || !proxy_pool_ahead(pool)) {
        return false;
    }
    proxy_ahead_open(context, way, target, pool);
    return true;
}

/* A worker's part of a number, one at least. */
static uint32_t proxy_ahead_share(const struct proxy_session_context *context, uint32_t number)
{
    const uint32_t share = number / context->workers + (context->worker < number % context->workers ? 1 : 0);
    return share > 0 ? share : 1;
}

static bool proxy_ahead_spare(struct proxy_session_context *context, struct proxy_spare_way *way)
{
    const struct proxy_route *route = &context->routes[way->route];
    const struct view *view = context->view;
    const uint32_t database = view != NULL ? view_database_find(view, route->database) : LIMITS_NONE;
    if (route->spares == 0 || route->kind != PROXY_ROUTE_WRITER || database == LIMITS_NONE) {
        return false;
    }
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const uint32_t index = (way->turn + i) % view->nodes_count;
        const struct view_node *node = &view->nodes[index];
        if (node->database != database || node->role != VIEW_NODE_STANDBY || node->healthy == 0 ||
            node->postgres.port == 0 ||
            proxy_spare_count(way, node->name) >= proxy_ahead_share(context, route->spares) ||
            proxy_spare_count_all(&context->spares, way->route, node->name) >=
                proxy_ahead_share(context, route->spares_limit)) {
            continue;
        }
        struct proxy_route_target target = {
            .open = true, .epoch = view->databases[database].epoch, .address = node->postgres};
        memcpy(target.node, node->name, sizeof target.node);
        way->turn = index + 1; /* one that cannot be reached does not keep the others from theirs */
        proxy_ahead_open(context, way, &target, NULL);
        return true;
    }
    return false;
}

/* The way that was used last comes first: the others of a user may be of programs that are gone. */
static void proxy_ahead_next(struct proxy_session_context *context)
{
    for (struct list *link = context->spares.prev; link != &context->spares; link = link->prev) {
        struct proxy_spare_way *way = LIST_ENTRY(link, struct proxy_spare_way, link);
        if (way->refused || way->sessions == 0 || context->paused[way->route]) {
            continue;
        }
        if (!time_reached(context->now, way->retry_at)) {
            proxy_ahead_look_at(context, way->retry_at);
            continue;
        }
        if (proxy_ahead_minimum(context, way) || proxy_ahead_spare(context, way)) {
            return;
        }
    }
}

/* ---- what is old or for nobody ---- */

static struct mono proxy_ahead_end_of(const struct proxy_session_context *context, const struct proxy_server *server)
{
    const uint32_t lifetime_ms = context->routes[server->spare->route].pool.lifetime_ms;
    struct mono end = time_add_ms(server->opened, lifetime_ms > 0 ? lifetime_ms : PROXY_AHEAD_LIFETIME_MS);
    if (server->target.writer) {
        end = time_min(end, time_add_ms(server->idle_since, PROXY_AHEAD_LEFT_MS));
    }
    return end;
}

static void proxy_ahead_tend_way(struct proxy_session_context *context, struct proxy_spare_way *way)
{
    const struct mono over = time_add_ms(way->left, PROXY_AHEAD_LEFT_MS);
    const bool gone = way->sessions == 0 && time_reached(context->now, over);
    for (struct list *link = way->ready.next, *next; link != &way->ready; link = next) {
        next = link->next;
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        const struct mono end = proxy_ahead_end_of(context, server);
        if (gone || time_reached(context->now, end)) {
            proxy_park_close(context, server, false);
        } else {
            proxy_ahead_look_at(context, end);
        }
    }
    if (gone && context->ahead.way != way) {
        proxy_spare_free(way);
    } else if (way->sessions == 0 && !gone) {
        proxy_ahead_look_at(context, over);
    }
}

void proxy_ahead_tend(struct proxy_session_context *context)
{
    if (!time_reached(context->now, context->ahead_deadline)) {
        return;
    }
    context->ahead_deadline = TIME_NEVER;
    if (context->ahead.server != NULL && time_reached(context->now, context->ahead.late)) {
        proxy_ahead_failed(context, span_text("it does not answer"), false);
        context->ahead_deadline = TIME_NEVER;
    }
    for (struct list *link = context->spares.next, *next; link != &context->spares; link = next) {
        next = link->next;
        proxy_ahead_tend_way(context, LIST_ENTRY(link, struct proxy_spare_way, link));
    }
    if (context->ahead.server != NULL) {
        proxy_ahead_look_at(context, context->ahead.late);
    } else if (context->logins >= PROXY_AHEAD_LOGINS) {
        proxy_ahead_look_at(context, time_add_ms(context->now, PROXY_AHEAD_PACE_MS));
    } else if (!context->stopping) {
        proxy_ahead_next(context);
    }
    if (!list_empty(&context->spares)) {
        proxy_ahead_look_at(context, time_add_ms(context->now, PROXY_AHEAD_LOOK_MS));
    }
}

void proxy_ahead_view(struct proxy_session_context *context)
{
    const struct proxy_server *coming = context->ahead.server;
    if (coming != NULL &&
        !proxy_route_keeps(&context->routes[context->ahead.way->route], &coming->target, context->view) &&
        strcmp(coming->target.node, context->targets[context->ahead.way->route].node) != 0) {
        proxy_ahead_drop(context);
    }
    LIST_EACH(at, &context->spares)
    {
        struct proxy_spare_way *way = LIST_ENTRY(at, struct proxy_spare_way, link);
        for (struct list *link = way->ready.next, *next; link != &way->ready; link = next) {
            next = link->next;
            (void)proxy_ahead_sort(context, LIST_ENTRY(link, struct proxy_server, pooled));
        }
    }
    if (!list_empty(&context->spares)) {
        proxy_ahead_look_at(context, context->now);
    }
}

static void proxy_ahead_close(struct proxy_session_context *context, struct proxy_spare_way *way)
{
    while (!list_empty(&way->ready)) {
        proxy_park_close(context, LIST_ENTRY(way->ready.next, struct proxy_server, pooled), false);
    }
}

void proxy_ahead_renew(struct proxy_session_context *context, uint32_t route)
{
    LIST_EACH(link, &context->spares)
    {
        struct proxy_spare_way *way = LIST_ENTRY(link, struct proxy_spare_way, link);
        if (way->route == route) {
            proxy_ahead_close(context, way);
            proxy_ahead_look_at(context, context->now);
        }
    }
}

void proxy_ahead_end(struct proxy_session_context *context)
{
    if (context->ahead.server != NULL) {
        proxy_ahead_drop(context);
    }
    while (!list_empty(&context->spares)) {
        struct proxy_spare_way *way = LIST_ENTRY(context->spares.next, struct proxy_spare_way, link);
        proxy_ahead_close(context, way);
        proxy_spare_free(way);
    }
}
