/* SPDX-License-Identifier: Apache-2.0
 * Server connections that are replaced although they work. */
#include "proxy/proxy_renew.h"

#include "proxy/proxy_batch.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_park.h"
#include "wire/pg_message.h"

enum {
    PROXY_RENEW_LOGINS = 4, /* under way, per worker: others put theirs off */
    PROXY_RENEW_PUT_OFF_MS = 20,
};

/* Which connections are meant. */
struct proxy_renew_choice {
    uint32_t route;          /* all of this entry; LIMITS_NONE: only those that are stale */
    const struct view *view; /* ... by this view */
};

static bool proxy_renew_meant(const struct proxy_session_context *context, const struct proxy_renew_choice *choice,
                              uint32_t route, const struct proxy_server *server)
{
    return choice->route == route ||
           (choice->route == LIMITS_NONE &&
            proxy_route_stale(&context->routes[route], &server->target, &context->targets[route], choice->view));
}

static void proxy_renew_idle(struct proxy_session_context *context, const struct proxy_renew_choice *choice,
                             const struct proxy_pool *pool)
{
    for (struct list *link = pool->idle.next, *next; link != &pool->idle; link = next) {
        next = link->next;
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        if (proxy_renew_meant(context, choice, pool->route, server)) {
            proxy_metrics_add(&context->metrics, PROXY_METRICS_RENEWED, 1);
            proxy_park_close(context, server, false);
        }
    }
    LIST_EACH(link, &pool->cleaning)
    {
        struct proxy_server *server = LIST_ENTRY(link, struct proxy_server, pooled);
        server->renew = server->renew || proxy_renew_meant(context, choice, pool->route, server);
    }
}

static void proxy_renew_mark(struct proxy_session_context *context, const struct proxy_renew_choice *choice)
{
    LIST_EACH(link, &context->pools)
    {
        proxy_renew_idle(context, choice, LIST_ENTRY(link, struct proxy_pool, link));
    }
    LIST_EACH(link, &context->sessions)
    {
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (session->server == NULL || session->cancelling || session->state >= PROXY_SESSION_DRAINING ||
            !proxy_renew_meant(context, choice, session->route, session->server)) {
            continue;
        }
        session->server->renew = true;
        if (session->state == PROXY_SESSION_ACTIVE) {
            list_remove(&session->ready);
            list_append(&context->ready, &session->ready);
        }
    }
}

void proxy_renew_route(struct proxy_session_context *context, uint32_t route)
{
    const struct proxy_renew_choice choice = {.route = route};
    proxy_renew_mark(context, &choice);
}

void proxy_renew_stale(struct proxy_session_context *context, const struct view *view)
{
    const struct proxy_renew_choice choice = {.route = LIMITS_NONE, .view = view};
    bool any = false;
    for (uint32_t i = 0; i < context->routes_count; i++) {
        any = any || (context->routes[i].kind == PROXY_ROUTE_READER);
    }
    if (any && view != NULL) {
        proxy_renew_mark(context, &choice);
    }
}

/* Whether it stands where a server may be left, and can be. */
static bool proxy_renew_may(const struct proxy_session_context *context, const struct proxy_session *session)
{
    const struct proxy_server *server = session->server;
    const char *why = NULL;
    return session->keep != NULL && proxy_session_idle(session) && !session->terminated && !session->doom.open &&
           !server->fatal && !server->alone && server->end.pending == NULL && !server->end.readable &&
           session->client.pending == NULL && pg_frame_boundary(&server->end.received) &&
           context->targets[session->route].open && proxy_keep_movable(session->keep, &why);
}

bool proxy_renew_session(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->server == NULL || !session->server->renew || !proxy_renew_may(context, session)) {
        return false;
    }
    if (context->logins >= PROXY_RENEW_LOGINS) {
        proxy_session_deadline(context, session, time_add_ms(context->now, PROXY_RENEW_PUT_OFF_MS));
        return false;
    }
    proxy_batch_settle_end(context, &session->server->end);
    static const uint8_t goodbye[] = {PG_MESSAGE_TERMINATE, 0, 0, 0, 4};
    (void)proxy_end_send(&session->server->end, goodbye, sizeof goodbye); /* if it does not fit, it is not needed */
    proxy_metrics_add(&context->metrics, PROXY_METRICS_RENEWED, 1);
    proxy_move_or_end(context, session);
    return true;
}
