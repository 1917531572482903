/* SPDX-License-Identifier: Apache-2.0
 * Finds a server for a session. */
#include "service/service_connect.h"

#include "base/assert.h"
#include "edge/tcp.h"
#include "service/service_relay.h"

enum {
    SERVICE_CONNECT_AGAIN_MS = 200, /* after every server was tried */
};

struct service_route_client service_connect_client(const struct service_session_context *context,
                                                   const struct service_session *session)
{
    return service_route_client(context->view, context->setup->region, &session->address);
}

/* False: this server cannot even be tried. */
static bool service_connect_attempt(struct service_session_context *context, struct service_session *session,
                                    uint32_t target)
{
    const struct view *view = context->view;
    session->target = view->targets[target].address;
    session->epoch = view->services[view->targets[target].service].epoch;
    int fd = -1;
    if (tcp_connect(&session->target, &fd) != ERR_OK) {
        return false;
    }
    session->server.fd = fd;
    tcp_tune_server(fd);
    service_session_load(context, session, target);
    if (!service_session_watch(context, session)) {
        service_session_drop_server(context, session);
        return false;
    }
    return true;
}

static void service_connect_due(struct service_session_context *context, struct service_session *session, int64_t ms)
{
    session->due = time_add_ms(context->now, ms);
    service_session_arm(context, session);
}

void service_connect_begin(struct service_session_context *context, struct service_session *session)
{
    ASSERT(session->state == SERVICE_SESSION_CONNECTING && session->server.fd < 0);
    session->due = TIME_NEVER;
    const uint32_t service = context->view != NULL ? context->services[session->slot] : LIMITS_NONE;
    if (service == LIMITS_NONE) {
        return; /* the next view may have it */
    }
    const struct service_route_client client = service_connect_client(context, session);
    for (;;) {
        const uint32_t target = service_route_next(context->view, service, &client, session->tried, context->loads);
        if (target == LIMITS_NONE) {
            session->tried = 0;
            service_connect_due(context, session, SERVICE_CONNECT_AGAIN_MS);
            return;
        }
        session->tried |= UINT64_C(1) << target;
        if (service_connect_attempt(context, session, target)) {
            service_connect_due(context, session, context->setup->services[session->slot].connect_timeout_ms);
            return;
        }
        service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_CONNECT_FAILURES, 1);
    }
}

static void service_connect_next(struct service_session_context *context, struct service_session *session)
{
    service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_CONNECT_FAILURES, 1);
    sight_note(&context->sight, &session->target, SIGHT_FAILED);
    service_session_drop_server(context, session);
    service_connect_begin(context, session);
}

static void service_connect_done(struct service_session_context *context, struct service_session *session)
{
    const struct service_route_client client = service_connect_client(context, session);
    const uint32_t meant = view_split_region(context->view, client.home, client.point);
    if (session->target_index != LIMITS_NONE && context->view->targets[session->target_index].region != meant) {
        service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_ELSEWHERE, 1);
    }
    sight_note(&context->sight, &session->target, SIGHT_CONNECTED);
    sight_measure(&context->sight, &session->target, session->server.fd);
    service_session_active(context, session);
    service_relay_pump(context, session);
}

void service_connect_step(struct service_session_context *context, struct service_session *session)
{
    /* A client that has only closed its side may still want an answer. */
    if (session->client.hangup && tcp_connected(session->client.fd) != ERR_OK) {
        service_session_end(context, session, SERVICE_METRICS_COUNT, true);
        return;
    }
    if (session->server.fd < 0 || !(session->server.writable || session->server.hangup)) {
        return;
    }
    const enum err err = tcp_connected(session->server.fd);
    if (err == ERR_OK) {
        service_connect_done(context, session);
    } else if (err != ERR_UNAVAILABLE) {
        service_connect_next(context, session);
    }
}

void service_connect_late(struct service_session_context *context, struct service_session *session)
{
    if (time_reached(context->now, session->wait_until)) {
        service_session_end(context, session, SERVICE_METRICS_WAIT_TIMEOUTS, true);
    } else if (session->server.fd >= 0) {
        service_connect_next(context, session);
    } else {
        service_connect_begin(context, session);
    }
}
