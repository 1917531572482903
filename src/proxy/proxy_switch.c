/* SPDX-License-Identifier: Apache-2.0
 * Carries a view out on the sessions of one worker. */
#include "proxy/proxy_switch.h"

#include <stdio.h>

#include "edge/log.h"
#include "proxy/proxy_ahead.h"
#include "proxy/proxy_attempt.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_park.h"
#include "proxy/proxy_renew.h"

enum { PROXY_SWITCH_LEAVING_MS = 200 };

static bool proxy_switch_attached(const struct proxy_session *session)
{
    return session->route != LIMITS_NONE && !session->cancelling && session->server != NULL &&
           session->server->end.fd >= 0;
}

static void proxy_switch_fence(struct proxy_session_context *context, struct proxy_session *session)
{
    if (session->state == PROXY_SESSION_CONNECTING || session->state == PROXY_SESSION_LOGIN) {
        proxy_attempt_again(context, session);
        return;
    }
    /* What the old server has said and the client has not got yet must not reach it any more, so such a session ends.
     */
    const bool may = session->keep != NULL && session->client.pending == NULL;
    if (may && proxy_session_idle(session)) {
        proxy_move_or_end(context, session);
        return;
    }
    char text[160];
    if (may && proxy_move_lives(session)) {
        snprintf(text, sizeof text, "epoch %llu was fenced", (unsigned long long)session->server->target.epoch);
        /* A reader's node is perhaps the writer now: what it did meanwhile may have taken effect. */
        proxy_move_in_flight(context, session, PROXY_LOST_NOTHING, text);
        return;
    }
    snprintf(text, sizeof text, "terminating connection: epoch %llu was fenced, reconnect",
             (unsigned long long)session->server->target.epoch);
    proxy_session_end(context, session, PROXY_SESSION_FENCED, text);
}

/* Sees to one session after the targets have changed. True: it was cut off. */
static bool proxy_switch_apply_session(struct proxy_switch *change, struct proxy_session_context *context,
                                       struct proxy_session *session)
{
    if (session->route == LIMITS_NONE || session->cancelling || session->state == PROXY_SESSION_CLOSED) {
        return false;
    }
    if (session->lowers && context->targets[session->route].locked && session->state < PROXY_SESSION_DRAINING) {
        proxy_session_end(context, session, PROXY_SESSION_LOCKED_COMMIT, NULL);
        return true;
    }
    const bool attached = proxy_switch_attached(session);
    const struct view *view = change->known ? &change->view : NULL;
    if (attached && !proxy_route_keeps(&context->routes[session->route], &session->server->target, view)) {
        proxy_switch_fence(context, session);
        return session->state >= PROXY_SESSION_DRAINING;
    }
    if (session->state == PROXY_SESSION_CONNECTING && !attached && context->targets[session->route].open) {
        proxy_attempt_again(context, session);
    }
    return false;
}

/* Lets held sessions go on. */
static void proxy_switch_release(struct proxy_session_context *context, uint32_t route)
{
    proxy_line_stir(context, route);
    LIST_EACH(link, &context->sessions)
    {
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (session->held && session->route == route) {
            proxy_session_release(context, session);
            list_remove(&session->ready);
            list_append(&context->ready, &session->ready);
        }
    }
}

static void proxy_switch_hold(struct proxy_switch *change, struct proxy_session_context *context, uint32_t route)
{
    const bool wanted = context->targets[route].hold;
    struct mono *end = &change->hold_end[route];
    if (!wanted) {
        *end = (struct mono){0};
    } else if (end->us == 0) {
        *end = time_add_ms(context->now, change->hold_timeout_ms);
    }
    const bool before = context->holding[route];
    context->holding[route] = wanted && !time_reached(context->now, *end);
    if (before && !context->holding[route]) {
        if (wanted) {
            LOG_W("database %s: the hold is given up after %lld ms", context->routes[route].name,
                  (long long)change->hold_timeout_ms);
            proxy_metrics_add(&context->metrics, PROXY_METRICS_HOLD_TIMEOUTS, 1);
        }
        proxy_switch_release(context, route);
    }
}

static void proxy_switch_apply(struct proxy_switch *change, struct proxy_session_context *context,
                               struct proxy_switch_box *box)
{
    pthread_mutex_lock(&box->lock);
    change->known = box->filled;
    change->view = box->view;
    change->applied = atomic_load_explicit(&box->version, memory_order_relaxed);
    pthread_mutex_unlock(&box->lock);
    for (uint32_t i = 0; i < context->routes_count; i++) {
        proxy_route_resolve(&context->routes[i], change->known ? &change->view : NULL, &change->edition.place,
                            &context->targets[i]);
        proxy_route_resolve_other(&context->routes[i], change->known ? &change->view : NULL, &change->edition.place,
                                  &context->targets[i], &context->others[i]);
        proxy_route_choose_standbys(&context->routes[i], change->known ? &change->view : NULL, &change->edition.place,
                                    &context->choices[i]);
        proxy_switch_hold(change, context, i);
    }
    context->view = change->known ? &change->view : NULL;
    proxy_park_fence(context, context->view);
    proxy_ahead_view(context);
    proxy_renew_stale(context, context->view);
    uint32_t cut = 0;
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        cut += proxy_switch_apply_session(change, context, LIST_ENTRY(link, struct proxy_session, link)) ? 1 : 0;
    }
    if (cut > 0) {
        LOG_N("view %llu: %u sessions of older epochs or other servers cut off", (unsigned long long)change->applied,
              cut);
    }
}

static void proxy_switch_kill(struct proxy_session_context *context, uint32_t route)
{
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (session->route == route && !session->cancelling && session->state < PROXY_SESSION_DRAINING) {
            proxy_session_end(context, session, PROXY_SESSION_KILLED, NULL);
        }
    }
}

static void proxy_switch_pause(struct proxy_switch *change, struct proxy_session_context *context,
                               const struct proxy_switch_box *box, uint32_t pauses)
{
    for (uint32_t i = 0; i < context->routes_count; i++) {
        const bool before = context->paused[i];
        context->paused[i] = atomic_load(&box->paused[i]);
        if (before && !context->paused[i]) {
            proxy_switch_release(context, i);
        }
        const uint32_t kills = atomic_load(&box->kills[i]);
        if (kills != change->kills[i]) {
            change->kills[i] = kills;
            proxy_switch_kill(context, i);
        }
        const uint32_t renewals = atomic_load(&box->renewals[i]);
        if (renewals != change->renewals[i]) {
            change->renewals[i] = renewals;
            proxy_renew_route(context, i);
            proxy_ahead_renew(context, i);
        }
    }
    change->pauses = pauses;
}

void proxy_switch_entries(struct proxy_switch_box *box, struct proxy_entries *ret_entries)
{
    pthread_mutex_lock(&box->lock);
    *ret_entries = box->edition.entries;
    pthread_mutex_unlock(&box->lock);
}

bool proxy_switch_edition(struct proxy_switch *change, struct proxy_session_context *context,
                          struct proxy_switch_box *box)
{
    if (atomic_load_explicit(&box->editions, memory_order_acquire) == change->editions) {
        return false;
    }
    pthread_mutex_lock(&box->lock);
    change->edition = box->edition;
    const uint64_t closed = proxy_entries_closed(&change->edition.entries);
    const uint64_t left = atomic_load_explicit(&change->left, memory_order_relaxed) & closed;
    atomic_store_explicit(&change->left, left, memory_order_relaxed);
    change->leaving = closed & ~left;
    change->leaving_look = context->now;
    change->editions = atomic_load_explicit(&box->editions, memory_order_relaxed);
    pthread_mutex_unlock(&box->lock);
    context->routes = change->edition.entries.routes;
    context->routes_count = change->edition.entries.count;
    context->operators = change->edition.operators;
    context->operators_count = change->edition.operators_count;
    return true;
}

/* Closed entries on which nothing stands any more may be given to others. */
static void proxy_switch_leave(struct proxy_switch *change, struct proxy_session_context *context)
{
    const uint64_t here = proxy_edition_stand(context, change->leaving);
    for (uint64_t gone = change->leaving & ~here; gone != 0; gone &= gone - 1) {
        proxy_stat_forget(&context->stat, (uint32_t)__builtin_ctzll(gone));
    }
    atomic_fetch_or_explicit(&change->left, change->leaving & ~here, memory_order_release);
    change->leaving = here;
    change->leaving_look = time_add_ms(context->now, PROXY_SWITCH_LEAVING_MS);
}

void proxy_switch_look(struct proxy_switch *change, struct proxy_session_context *context, struct proxy_switch_box *box)
{
    const bool edition = proxy_switch_edition(change, context, box);
    if (edition || atomic_load_explicit(&box->version, memory_order_acquire) != change->applied) {
        proxy_switch_apply(change, context, box);
    }
    if (edition) {
        proxy_edition_carry_out(context);
    }
    const uint32_t pauses = atomic_load_explicit(&box->pauses, memory_order_acquire);
    if (pauses != change->pauses) {
        proxy_switch_pause(change, context, box, pauses);
    }
    for (uint32_t i = 0; i < context->routes_count; i++) {
        if (context->holding[i] && time_reached(context->now, change->hold_end[i])) {
            proxy_switch_hold(change, context, i);
        }
    }
    if (change->leaving != 0 && time_reached(context->now, change->leaving_look)) {
        proxy_switch_leave(change, context);
    }
}

bool proxy_switch_quiet(struct proxy_session_context *context)
{
    bool any = false;
    for (uint32_t i = 0; i < context->routes_count; i++) {
        any = any || context->holding[i];
    }
    if (!any) {
        return true;
    }
    for (uint32_t i = 0; i < context->routes_count; i++) {
        if (context->holding[i] && !proxy_park_quiet(context, i)) {
            return false;
        }
    }
    LIST_EACH(link, &context->sessions)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        const bool concerned = proxy_switch_attached(session) && context->holding[session->route] &&
                               session->server->target.writer && session->state != PROXY_SESSION_DRAINING;
        if (concerned && !proxy_session_idle(session)) {
            return false;
        }
    }
    return true;
}

bool proxy_switch_still(const struct proxy_session_context *context)
{
    for (uint32_t i = 0; i < context->routes_count; i++) {
        if (context->paused[i] && !proxy_park_quiet(context, i)) {
            return false;
        }
    }
    LIST_EACH(link, &context->sessions)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (proxy_switch_attached(session) && context->paused[session->route] &&
            session->state != PROXY_SESSION_DRAINING && !proxy_session_idle(session)) {
            return false;
        }
    }
    return true;
}

struct mono proxy_switch_deadline(const struct proxy_switch *change, const struct proxy_session_context *context)
{
    struct mono next = change->leaving != 0 ? change->leaving_look : TIME_NEVER;
    for (uint32_t i = 0; i < context->routes_count; i++) {
        next = context->holding[i] ? time_min(next, change->hold_end[i]) : next;
    }
    return next;
}
