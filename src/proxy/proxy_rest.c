/* SPDX-License-Identifier: Apache-2.0
 * Sessions give their server connection back to the pool. */
#include "proxy/proxy_rest.h"

#include "base/assert.h"
#include "proxy/proxy_await.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_park.h"

/* Nothing is in flight in either direction, and the client has not said goodbye to this server. */
static bool proxy_rest_still(const struct proxy_session *session)
{
    const struct proxy_server *server = session->server;
    return session->pool != NULL && server != NULL && server->pool != NULL && proxy_session_idle(session) &&
           (session->prepare == NULL || proxy_await_still(session->prepare)) && !session->terminated &&
           !session->doom.open && !server->fatal && !server->alone && server->end.pending == NULL &&
           !server->end.readable && pg_frame_boundary(&server->end.received);
}

static struct proxy_server *proxy_rest_detach(struct proxy_session *session)
{
    struct proxy_server *server = session->server;
    session->server = NULL;
    server->end.session = NULL;
    if (session->key != NULL) {
        proxy_cancel_serve(session->key, NULL);
    }
    return server;
}

/* What the connection is like when nobody has it. */
static bool proxy_rest_note(struct proxy_server *server, const struct proxy_keep *keep)
{
    return proxy_server_text_set(&server->settings, proxy_keep_settings(keep)) &&
           proxy_server_text_set(&server->parameters, span_of(keep->known.data, keep->known.size));
}

/* For those who come in later, while no server is at hand. */
static void proxy_rest_note_welcome(struct proxy_pool *pool, const struct proxy_server *server)
{
    if (server->settings.size > 0 || server->key == NULL) {
        return;
    }
    pool->welcome_secret = 0;
    if (proxy_server_text_set(&pool->welcome_startup, span_of(server->startup.data, server->startup.size)) &&
        proxy_server_text_set(&pool->welcome_parameters, span_of(server->parameters.data, server->parameters.size))) {
        pool->welcome_secret = server->key->key.secret_size;
    }
}

bool proxy_rest_may(const struct proxy_session *session)
{
    return session->pool != NULL && session->pool->limits->mode == PROXY_ROUTE_TRANSACTION && !session->next.again &&
           !session->next.failed && !session->next.skipping && !session->inquiry.answered &&
           !proxy_keep_pinned(session->keep);
}

/* Whether it could give its server back now; counts what keeps it from that. */
static bool proxy_rest_free(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!proxy_rest_still(session) || session->pool->limits->mode != PROXY_ROUTE_TRANSACTION ||
        session->client.pending != NULL) {
        return false;
    }
    const char *why = NULL;
    if (!proxy_keep_pinned(session->keep) && proxy_learn_complete(&session->keep->learn, &why)) {
        proxy_line_unpin(context, session);
        return true;
    }
    if (!session->lent.pinned) {
        session->lent.pinned = true;
        proxy_metrics_add(&context->metrics, PROXY_METRICS_PINNED, 1);
        proxy_metrics_add(&context->metrics, PROXY_METRICS_PINNED_TOTAL, 1);
    }
    return false;
}

static bool proxy_rest_give(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!proxy_rest_note(session->server, session->keep)) {
        return false;
    }
    list_remove(&session->lent.lingering);
    proxy_rest_note_welcome(session->pool, session->server);
    proxy_park_put(context, proxy_rest_detach(session));
    return true;
}

bool proxy_rest_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    list_remove(&session->lent.lingering);
    if (!proxy_rest_free(context, session)) {
        return false;
    }
    if (proxy_keep_laden(session->keep) && list_empty(&session->pool->waiting)) {
        list_append(&session->pool->lingering, &session->lent.lingering);
        return false;
    }
    return proxy_rest_give(context, session);
}

/* The one of this pool that has lingered for longest. */
static bool proxy_rest_recall_from(struct proxy_session_context *context, struct proxy_pool *pool)
{
    while (!list_empty(&pool->lingering)) {
        struct proxy_session *session = LIST_ENTRY(pool->lingering.next, struct proxy_session, lent.lingering);
        list_remove(&session->lent.lingering); /* one that is busy comes back when it is idle */
        if (proxy_rest_free(context, session) && proxy_rest_give(context, session)) {
            return true;
        }
    }
    return false;
}

bool proxy_rest_recall(struct proxy_session_context *context, struct proxy_pool *pool)
{
    if (proxy_rest_recall_from(context, pool)) {
        return true;
    }
    const bool crowded = *pool->used >= pool->connections && pool->count < pool->size;
    for (struct list *link = pool->all->next; crowded && link != pool->all; link = link->next) {
        struct proxy_pool *other = LIST_ENTRY(link, struct proxy_pool, link);
        if (other->route == pool->route && proxy_rest_recall_from(context, other)) {
            return true;
        }
    }
    return false;
}

bool proxy_rest_yield(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->pool == NULL || list_empty(&session->pool->waiting) || !proxy_rest_begin(context, session)) {
        return false;
    }
    if (session->client.readable) {
        list_remove(&session->ready);
        list_append(&context->ready, &session->ready);
    }
    return true;
}

void proxy_rest_return(struct proxy_session_context *context, struct proxy_session *session)
{
    if (!proxy_rest_still(session)) {
        return;
    }
    const struct proxy_keep *keep = session->keep;
    if ((keep->lost & PG_STATEMENT_LOADED) != 0 || !proxy_rest_note(session->server, keep)) {
        return; /* what a library does, no reset undoes */
    }
    const bool reset = proxy_keep_pinned(keep);
    struct proxy_server *server = proxy_rest_detach(session);
    if (reset) {
        proxy_park_reset(context, server);
    } else {
        proxy_park_put(context, server);
    }
}
