/* SPDX-License-Identifier: Apache-2.0
 * A copy of what a worker's sessions are doing. */
#include "proxy/proxy_census.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/proxy_session.h"

/* In words that PgBouncer has for it, where it has them. */
static const char *proxy_census_state(const struct proxy_session *session)
{
    if (session->held) {
        return "held";
    }
    switch (session->state) {
    case PROXY_SESSION_ACTIVE:
        return proxy_session_idle(session) ? "idle" : "active";
    case PROXY_SESSION_CONNECTING:
        return "waiting";
    case PROXY_SESSION_STARTUP:
    case PROXY_SESSION_CHALLENGE:
    case PROXY_SESSION_LOGIN:
    case PROXY_SESSION_AUTH:
    case PROXY_SESSION_DRAINING:
    case PROXY_SESSION_CLOSED:
    case PROXY_SESSION_STATES:
        break;
    }
    return "login";
}

static void proxy_census_peer(int fd, struct view_address *ret_address)
{
    struct sockaddr_storage storage;
    socklen_t size = sizeof storage;
    if (fd < 0 || getpeername(fd, (struct sockaddr *)&storage, &size) != 0) {
        return;
    }
    if (storage.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &storage, sizeof in);
        memcpy(ret_address->bytes, &in.sin_addr, sizeof in.sin_addr);
        ret_address->port = ntohs(in.sin_port);
        ret_address->family = 4;
    } else if (storage.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &storage, sizeof in6);
        memcpy(ret_address->bytes, &in6.sin6_addr, sizeof in6.sin6_addr);
        ret_address->port = ntohs(in6.sin6_port);
        ret_address->family = 6;
    }
}

static bool proxy_census_counts(const struct proxy_session *session)
{
    return session->route != LIMITS_NONE && !session->cancelling && session->state < PROXY_SESSION_DRAINING;
}

static void proxy_census_server(const struct proxy_server *server, struct proxy_census_row *row)
{
    const struct proxy_route_target *target = &server->target;
    memcpy(row->node, target->node, sizeof row->node);
    row->server = target->address;
    row->epoch = target->epoch;
    row->server_tls = server->end.tls != NULL;
}

static void proxy_census_row(const struct proxy_session *session, struct proxy_census_row *row)
{
    *row = (struct proxy_census_row){
        .route = session->route, .state = proxy_census_state(session), .client_tls = session->client.tls != NULL};
    if (session->keep != NULL) {
        memcpy(row->user, session->keep->user, sizeof row->user);
    }
    proxy_census_peer(session->client.fd, &row->client);
    if (session->server != NULL) {
        proxy_census_server(session->server, row);
    }
}

static void proxy_census_unused(const struct proxy_census_row *like, const struct proxy_server *server,
                                struct proxy_census *census)
{
    struct proxy_census_row *row = &census->rows[census->count++];
    *row = *like;
    proxy_census_server(server, row);
}

static void proxy_census_user(const char *user, struct proxy_census_row *row)
{
    snprintf(row->user, sizeof row->user, "%s", user);
}

/* Connections that nobody has: of pools, being reset for the next one, and spares. */
static void proxy_census_servers(const struct proxy_session_context *context, struct proxy_census *census)
{
    LIST_EACH(link, &context->pools)
    {
        const struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        struct proxy_census_row row = {.kind = PROXY_CENSUS_POOLED, .route = pool->route, .state = "idle"};
        proxy_census_user(pool->user, &row);
        LIST_EACH(at, &pool->idle)
        {
            proxy_census_unused(&row, LIST_ENTRY(at, struct proxy_server, pooled), census);
        }
        row.state = "reset";
        LIST_EACH(at, &pool->cleaning)
        {
            proxy_census_unused(&row, LIST_ENTRY(at, struct proxy_server, pooled), census);
        }
    }
    LIST_EACH(link, &context->spares)
    {
        const struct proxy_spare_way *way = LIST_ENTRY(link, struct proxy_spare_way, link);
        struct proxy_census_row row = {.kind = PROXY_CENSUS_SPARE, .route = way->route, .state = "spare"};
        proxy_census_user(way->user, &row);
        LIST_EACH(at, &way->ready)
        {
            proxy_census_unused(&row, LIST_ENTRY(at, struct proxy_server, pooled), census);
        }
    }
}

static uint32_t proxy_census_length(const struct list *list)
{
    uint32_t length = 0;
    LIST_EACH(link, list)
    {
        length++;
    }
    return length;
}

static uint32_t proxy_census_wanted(const struct proxy_session_context *context)
{
    uint32_t wanted = proxy_census_length(&context->sessions);
    LIST_EACH(link, &context->pools)
    {
        const struct proxy_pool *pool = LIST_ENTRY(link, struct proxy_pool, link);
        wanted += proxy_census_length(&pool->idle) + proxy_census_length(&pool->cleaning);
    }
    LIST_EACH(link, &context->spares)
    {
        wanted += proxy_census_length(&LIST_ENTRY(link, struct proxy_spare_way, link)->ready);
    }
    return wanted;
}

void proxy_census_take(struct proxy_session_context *context, struct proxy_census *census)
{
    census->count = 0;
    census->rows = calloc(proxy_census_wanted(context) + 1, sizeof census->rows[0]);
    census->whole = census->rows != NULL;
    LIST_EACH(link, &context->sessions)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (census->whole && proxy_census_counts(session)) {
            proxy_census_row(session, &census->rows[census->count++]);
        }
    }
    if (census->whole) {
        proxy_census_servers(context, census);
    }
    sem_post(&census->done);
}
