/* SPDX-License-Identifier: Apache-2.0
 * How sessions of a pooled entry come to a server connection, and give it back. */
#include "proxy/proxy_lend.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_park.h"
#include "proxy/proxy_rest.h"
#include "wire/pg_message.h"

/* ---- taking ---- */

static struct proxy_pool_want proxy_lend_want(const struct proxy_session *session)
{
    const struct proxy_keep *keep = session->keep;
    const bool connecting = session->state == PROXY_SESSION_CONNECTING;
    const bool burdened =
        session->next.again || session->next.failed || session->next.skipping || session->inquiry.answered;
    return (struct proxy_pool_want){
        .fresh = connecting && (burdened || !session->move.under_way),
        .plain = !proxy_keep_pinned(keep),
        .startup = span_of(session->startup, session->startup_have),
        .settings = proxy_keep_settings(keep),
    };
}

/* What the connection reports and the client has not heard. False: out of memory. */
static bool proxy_lend_tell(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_server_text *parameters = &session->server->parameters;
    const struct proxy_keep *keep = session->keep;
    if (span_equal(span_of(parameters->data, parameters->size), span_of(keep->known.data, keep->known.size))) {
        return true;
    }
    return proxy_move_fresh(session) && proxy_move_parameters(context, session);
}

static void proxy_lend_attach(struct proxy_session *session, struct proxy_server *server)
{
    proxy_session_take_server(session, server);
    session->lent.unnamed = false;
}

/* Whether the client has really said something: 1, 0 not, -1 it has left. */
static int proxy_lend_heard(struct proxy_session *session)
{
    uint8_t first = 0;
    const ssize_t size = proxy_end_recv(&session->client, &first, 1, MSG_PEEK);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        session->client.readable = errno == EINTR;
        return 0;
    }
    return size <= 0 || first == PG_MESSAGE_TERMINATE ? -1 : 1;
}

bool proxy_lend_take(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_ACTIVE && session->server == NULL && session->pool != NULL);
    session->next = (struct proxy_session_next){.again = false}; /* what was so on its way to the last server */
    session->inquiry.answered = false;
    session->inquiry.took = false;
    if (!session->client.readable) {
        return false;
    }
    const struct proxy_pool_want want = proxy_lend_want(session);
    struct proxy_server *server = proxy_pool_take_fitting(session->pool, &want);
    if (server != NULL) {
        proxy_lend_attach(session, server);
        if (!proxy_lend_tell(context, session)) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return false;
        }
        return true;
    }
    const int heard = proxy_lend_heard(session);
    if (heard < 0) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
    } else if (heard > 0) {
        session->move.under_way = true;
        session->move.borrowing = true;
        proxy_attempt_begin(context, session);
    }
    return false;
}

/* ---- the line ---- */

bool proxy_lend_welcome(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_pool *pool = session->pool;
    ASSERT(session->move.under_way && session->move.entering);
    if (pool == NULL || pool->limits->mode != PROXY_ROUTE_TRANSACTION || pool->welcome_secret == 0 ||
        !span_equal(span_of(pool->welcome_startup.data, pool->welcome_startup.size),
                    span_of(session->startup, session->startup_have))) {
        return false;
    }
    const struct proxy_server_text *parameters = &pool->welcome_parameters;
    if (!proxy_keep_parameters_set(&session->keep->known, span_of(parameters->data, parameters->size))) {
        return false;
    }
    proxy_session_move(session, PROXY_SESSION_CONNECTING);
    if (!proxy_move_client_key(context, session, pool->welcome_secret)) {
        return true;
    }
    proxy_session_move(session, PROXY_SESSION_LOGIN);
    if (proxy_move_welcome(context, session)) {
        list_remove(&session->ready);
        list_append(&context->ready, &session->ready);
    }
    return true;
}

static void proxy_lend_serve_one(struct proxy_session_context *context, struct proxy_session *session,
                                 enum proxy_pool_offer offer, struct proxy_server *server)
{
    proxy_line_out(context, session);
    if (offer == PROXY_POOL_PLACE) {
        session->lent.placed = true;
        proxy_attempt_next(context, session);
        return;
    }
    proxy_lend_attach(session, server);
    if (offer == PROXY_POOL_FITS) {
        proxy_move_take(context, session);
    } else {
        proxy_metrics_add(&context->metrics, PROXY_METRICS_RESETS, 1);
        proxy_move_reset(context, session);
    }
    if (session->state == PROXY_SESSION_ACTIVE) {
        list_remove(&session->ready);
        list_append(&context->ready, &session->ready);
    }
}

static void proxy_lend_serve_pool(struct proxy_session_context *context, struct proxy_pool *pool)
{
    while (!list_empty(&pool->waiting) && context->targets[pool->route].open && !context->holding[pool->route] &&
           !context->paused[pool->route]) {
        struct proxy_session *session = LIST_ENTRY(pool->waiting.next, struct proxy_session, lent.waiter.link);
        const struct proxy_pool_want want = proxy_lend_want(session);
        const int64_t waited_ms = time_since_ms(context->now, session->lent.waiter.since);
        struct proxy_server *server = NULL;
        const enum proxy_pool_offer offer = proxy_pool_take(pool, &want, waited_ms, &server);
        if (offer == PROXY_POOL_NOTHING && proxy_rest_recall(context, pool)) {
            continue;
        }
        if (offer == PROXY_POOL_NOTHING) {
            context->pools_deadline = time_min(context->pools_deadline, proxy_pool_reserve_at(pool, context->now));
            return;
        }
        if (offer == PROXY_POOL_EVICT) {
            proxy_park_close(context, server, false);
            continue;
        }
        proxy_lend_serve_one(context, session, offer, server);
    }
}

void proxy_lend_serve(struct proxy_session_context *context)
{
    struct list turn;
    list_init(&turn);
    while (!list_empty(&context->stirred)) {
        struct list *link = context->stirred.next;
        list_remove(link);
        list_append(&turn, link);
    }
    while (!list_empty(&turn)) {
        struct proxy_pool *pool = LIST_ENTRY(turn.next, struct proxy_pool, stirred);
        list_remove(&pool->stirred);
        proxy_lend_serve_pool(context, pool);
    }
}
