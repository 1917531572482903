/* SPDX-License-Identifier: Apache-2.0
 * Carries a view and a set-up out on the sessions of one worker. */
#include "service/service_switch.h"

#include <string.h>

#include "edge/log.h"
#include "service/service_connect.h"

static uint32_t service_switch_target(const struct view *view, uint32_t service, const struct view_address *address)
{
    for (uint32_t i = 0; i < view->targets_count; i++) {
        if (view->targets[i].service == service && service_setup_same(&view->targets[i].address, address)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* Targets are counted by their index, which another view may give to another server. */
static void service_switch_count(struct service_session_context *context)
{
    memset(context->loads, 0, sizeof context->loads);
    for (uint32_t slot = 0; slot < LIMITS_SERVICES; slot++) {
        const char *name = context->setup->services[slot].name;
        context->services[slot] =
            context->view != NULL && name[0] != 0 ? view_service_find(context->view, name) : LIMITS_NONE;
    }
    LIST_EACH(link, &context->sessions)
    {
        struct service_session *session = LIST_ENTRY(link, struct service_session, link);
        const uint32_t service = context->services[session->slot];
        session->tried = 0;
        session->target_index = LIMITS_NONE;
        if (session->server.fd >= 0 && service != LIMITS_NONE) {
            service_session_load(context, session, service_switch_target(context->view, service, &session->target));
        }
    }
}

static enum service_route_fate service_switch_fate(const struct service_session_context *context,
                                                   const struct service_session *session)
{
    const uint32_t service = context->services[session->slot];
    if (!context->setup->services[session->slot].present) {
        return SERVICE_ROUTE_DRAIN;
    }
    if (context->view == NULL || service == LIMITS_NONE) {
        return SERVICE_ROUTE_STAY; /* the controller does not know the service yet, or does not any more */
    }
    const struct service_route_client client = service_connect_client(context, session);
    return service_route_fate(context->view, service, &client, &session->target, session->epoch);
}

static void service_switch_waiting(struct service_session_context *context, struct service_session *session)
{
    if (!context->setup->services[session->slot].present) {
        service_session_end(context, session, SERVICE_METRICS_COUNT, true);
        return;
    }
    if (session->server.fd >= 0) {
        if (service_switch_fate(context, session) == SERVICE_ROUTE_STAY) {
            return;
        }
        service_session_drop_server(context, session);
    }
    service_connect_begin(context, session);
}

/* True: it was cut. */
static bool service_switch_active(struct service_session_context *context, struct service_session *session)
{
    const struct service_setup_service *service = &context->setup->services[session->slot];
    switch (service_switch_fate(context, session)) {
    case SERVICE_ROUTE_FENCED:
        service_session_end(context, session, SERVICE_METRICS_CUT_PRIMARY, true);
        return true;
    case SERVICE_ROUTE_FAILED:
        if (service->cut) {
            service_session_end(context, session, SERVICE_METRICS_CUT_FAILED, true);
            return true;
        }
        break;
    case SERVICE_ROUTE_DRAIN:
        service_session_drain(context, session, time_add_ms(context->now, service->drain_ms));
        break;
    case SERVICE_ROUTE_STAY:
    default:
        service_session_drain(context, session, TIME_NEVER);
        service_session_arm(context, session); /* the set-up may have another idle time-out */
        break;
    }
    return false;
}

void service_switch_apply(struct service_session_context *context, const struct service_setup *setup,
                          const struct view *view)
{
    context->setup = setup;
    context->view = view;
    service_switch_count(context);
    uint32_t cut = 0;
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct service_session *session = LIST_ENTRY(link, struct service_session, link);
        if (session->state == SERVICE_SESSION_CONNECTING) {
            service_switch_waiting(context, session);
        } else {
            cut += service_switch_active(context, session) ? 1 : 0;
        }
    }
    if (cut > 0) {
        LOG_N("view %llu: %u connections cut", view != NULL ? (unsigned long long)view->version : 0ULL, cut);
    }
}
