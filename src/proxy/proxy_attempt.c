/* SPDX-License-Identifier: Apache-2.0
 * Attempts to reach a server for a session. */
#include "proxy/proxy_attempt.h"

#include "base/assert.h"
#include "edge/log.h"
#include "proxy/proxy_line.h"

enum {
    PROXY_ATTEMPT_RETRY_FIRST_MS = 10,
    PROXY_ATTEMPT_RETRY_LAST_MS = 200,
    PROXY_ATTEMPT_QUEUE_MS = 5,
    PROXY_ATTEMPT_LOGINS = 8, /* under way at once, per worker */
};

/* The attempt has failed, or there is nothing to try: pause, then again. */
void proxy_attempt_pause(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_drop_server(context, session, false);
    proxy_line_give_up(context, session);
    if (session->cancelling) {
        proxy_session_end(context, session, PROXY_SESSION_CANCEL_DONE, NULL);
        return;
    }
    proxy_session_wait_begin(context, session);
    const uint32_t doubled = session->retry_ms * 2;
    session->retry_ms = session->retry_ms == 0                  ? PROXY_ATTEMPT_RETRY_FIRST_MS
                        : doubled > PROXY_ATTEMPT_RETRY_LAST_MS ? PROXY_ATTEMPT_RETRY_LAST_MS
                                                                : doubled;
    const struct mono next = time_add_ms(context->now, session->retry_ms);
    proxy_session_deadline(context, session, time_min(next, session->wait_deadline));
}

void proxy_attempt_failed(struct proxy_session_context *context, struct proxy_session *session, enum err err)
{
    if (session->state == PROXY_SESSION_LOGIN) {
        proxy_session_move(session, PROXY_SESSION_CONNECTING);
    }
    session->failures++;
    proxy_metrics_add(&context->metrics, PROXY_METRICS_CONNECT_FAILURES, 1);
    if (session->server != NULL) {
        sight_note(&context->sight, &session->server->target.address, SIGHT_FAILED);
    }
    LOG_D("%s does not accept a session: %s", session->server != NULL ? session->server->target.node : "a server",
          err_text(err));
    proxy_attempt_pause(context, session);
}

/* A server that was just promoted gets everybody's login at once, each costs it a fork, and it serves them in order:
 * those whose clients have given up as well. With more arriving than it can fork it would work for the dead only, for
 * ever. So few are under way at a time, one whose client left counts until the server has dealt with it, and the others
 * wait here, where leaving is noticed. */
static bool proxy_attempt_queue(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->cancelling || context->logins < PROXY_ATTEMPT_LOGINS) {
        return false;
    }
    proxy_session_wait_begin(context, session);
    const struct mono next = time_add_ms(context->now, PROXY_ATTEMPT_QUEUE_MS);
    proxy_session_deadline(context, session, time_min(next, session->wait_deadline));
    return true;
}

/* The place that the session got in its pool is this server's from now on. */
static enum err proxy_attempt_enter(struct proxy_session_context *context, struct proxy_session *session,
                                    struct proxy_server *server)
{
    if (!proxy_server_text_set(&server->startup, span_of(session->startup, session->startup_have))) {
        return ERR_NO_MEMORY;
    }
    ASSERT(session->lent.placed);
    session->lent.placed = false;
    proxy_pool_enter(session->pool, server, context->now);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SERVERS, 1);
    return ERR_OK;
}

/* A connection that is logged in there already, which the session's next step goes on with. */
static bool proxy_attempt_spare(struct proxy_session_context *context, struct proxy_session *session,
                                const struct proxy_route_target *target)
{
    if (session->cancelling || !session->move.under_way) {
        return false; /* a client's own log-in has yet to pass */
    }
    struct proxy_server *server =
        proxy_spare_take(&context->spares, session->route, span_of(session->startup, session->startup_have), target);
    if (server == NULL) {
        return false;
    }
    proxy_metrics_take(&context->metrics, PROXY_METRICS_SPARES, 1);
    proxy_metrics_add(&context->metrics, PROXY_METRICS_SPARES_TAKEN, 1);
    if (session->pool != NULL && proxy_attempt_enter(context, session, server) != ERR_OK) {
        proxy_server_drop(context, server, false);
        return false;
    }
    proxy_session_take_server(session, server);
    proxy_session_deadline(context, session,
                           time_min(time_add_ms(context->now, context->connect_timeout_ms), session->wait_deadline));
    list_remove(&session->ready);
    list_append(&context->ready, &session->ready);
    return true;
}

/* Readers are spread over what is equally good, and try their choices in turn. */
static const struct proxy_route_target *proxy_attempt_target(const struct proxy_session_context *context,
                                                             const struct proxy_session *session)
{
    const struct proxy_route_choices *choices = &context->choices[session->route];
    if (choices->count > 1) {
        return proxy_load_choose(&context->load, choices, context->worker, session->failures);
    }
    const bool other = session->failures % 2 == 1 && context->others[session->route].open;
    return other ? &context->others[session->route] : &context->targets[session->route];
}

/* Begins an attempt where the view, or the cancel request, says. */
void proxy_attempt_next(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->server == NULL);
    if (session->pool != NULL && !session->lent.placed) {
        proxy_line_stand(context, session);
        proxy_session_deadline(context, session, session->wait_deadline);
        return;
    }
    struct proxy_route_target cancel = {.open = true};
    const struct proxy_route_target *target = &cancel;
    if (session->cancelling) {
        cancel.address = session->cancel.server->address;
    } else {
        target = proxy_attempt_target(context, session);
        if (!target->open || context->holding[session->route] || context->paused[session->route]) {
            proxy_attempt_pause(context, session);
            return;
        }
        if (proxy_attempt_spare(context, session, target) || proxy_attempt_queue(context, session)) {
            return;
        }
    }
    struct proxy_server *server = NULL;
    enum err err = proxy_server_open(context, target, &server);
    if (err == ERR_OK && session->pool != NULL) {
        err = proxy_attempt_enter(context, session, server);
        if (err != ERR_OK) {
            proxy_server_drop(context, server, false);
        }
    }
    if (err != ERR_OK) {
        proxy_attempt_failed(context, session, err);
        return;
    }
    proxy_session_take_server(session, server);
    if (!session->cancelling) {
        server->login = &context->logins;
        context->logins++;
    }
    const struct mono late = time_add_ms(context->now, context->connect_timeout_ms);
    proxy_session_deadline(context, session, time_min(late, session->wait_deadline));
}

void proxy_attempt_begin(struct proxy_session_context *context, struct proxy_session *session)
{
    proxy_session_move(session, PROXY_SESSION_CONNECTING);
    const struct proxy_route_pool *limits = session->pool != NULL ? session->pool->limits : NULL;
    session->wait_deadline = limits == NULL                ? time_add_ms(context->now, context->connect_wait_ms)
                             : limits->wait_timeout_ms > 0 ? time_add_ms(context->now, limits->wait_timeout_ms)
                                                           : TIME_NEVER;
    session->retry_ms = 0;
    session->failures = 0;
    session->clock.wait = session->cancelling ? (struct mono){0} : context->now;
    proxy_attempt_next(context, session);
}

void proxy_attempt_again(struct proxy_session_context *context, struct proxy_session *session)
{
    ASSERT(session->state == PROXY_SESSION_CONNECTING || session->state == PROXY_SESSION_LOGIN);
    if (session->state == PROXY_SESSION_LOGIN) {
        proxy_session_move(session, PROXY_SESSION_CONNECTING);
    }
    if (session->cancelling) {
        return;
    }
    proxy_session_drop_server(context, session, true);
    proxy_line_give_up(context, session);
    session->retry_ms = 0;
    session->failures = 0;
    proxy_attempt_next(context, session);
}
