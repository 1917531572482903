/* SPDX-License-Identifier: Apache-2.0
 * One client's connection through the relay. */
#include "service/service_session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/tcp.h"

static bool service_session_add(struct service_session_context *context, struct service_session_end *end)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    return epoll_ctl(context->epoll, EPOLL_CTL_ADD, end->fd, &event) == 0;
}

/* Counts it among the service's connections; false: there are too many. */
static bool service_session_admit(struct service_session_context *context, uint32_t slot)
{
    const uint32_t before = atomic_fetch_add(&context->open[slot], 1);
    if (before < context->setup->services[slot].max_connections) {
        return true;
    }
    atomic_fetch_sub(&context->open[slot], 1);
    service_metrics_add(&context->metrics[slot], SERVICE_METRICS_REFUSED_LIMIT, 1);
    return false;
}

struct service_session *service_session_new(struct service_session_context *context, uint32_t slot, int fd,
                                            const struct view_address *address)
{
    if (!service_session_admit(context, slot)) {
        close(fd);
        return NULL;
    }
    struct service_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        atomic_fetch_sub(&context->open[slot], 1);
        close(fd);
        return NULL;
    }
    session->state = SERVICE_SESSION_CONNECTING;
    session->slot = slot;
    session->address = *address;
    session->client = (struct service_session_end){.session = session, .fd = fd};
    session->server = (struct service_session_end){.session = session, .fd = -1};
    session->target_index = LIMITS_NONE;
    session->due = TIME_NEVER;
    session->drain_until = TIME_NEVER;
    session->moved = context->now;
    session->wait_until = time_add_ms(context->now, context->setup->services[slot].connect_wait_ms);
    list_init(&session->link);
    list_init(&session->ready);
    list_init(&session->starved);
    list_init(&session->dead);
    list_append(&context->sessions, &session->link);
    service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_CONNECTIONS, 1);
    service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_WAITING, 1);
    tcp_tune_client(fd);
    if (!service_session_add(context, &session->client)) {
        service_session_end(context, session, SERVICE_METRICS_BROKEN, true);
        return session;
    }
    service_session_arm(context, session);
    return session;
}

void service_session_free(struct service_session_context *context, struct service_session *session)
{
    ASSERT(session->state == SERVICE_SESSION_CLOSED && session->client.fd < 0 && session->server.fd < 0);
    ASSERT(session->client.buffer == NULL && session->server.buffer == NULL);
    ASSERT(list_empty(&session->link) && list_empty(&session->ready) && list_empty(&session->starved));
    list_remove(&session->dead);
    atomic_fetch_sub(&context->open[session->slot], 1);
    free(session);
}

bool service_session_watch(struct service_session_context *context, struct service_session *session)
{
    return service_session_add(context, &session->server);
}

void service_session_load(struct service_session_context *context, struct service_session *session, uint32_t target)
{
    if (session->target_index != LIMITS_NONE) {
        ASSERT(context->loads[session->target_index] > 0);
        context->loads[session->target_index]--;
    }
    session->target_index = target;
    if (target != LIMITS_NONE) {
        context->loads[target]++;
    }
}

static void service_session_close_end(struct service_session_context *context, struct service_session_end *end,
                                      bool abort)
{
    service_buffer_give(&context->buffers, end->buffer);
    end->buffer = NULL;
    if (end->fd >= 0 && abort) {
        tcp_abort(end->fd);
    } else if (end->fd >= 0) {
        close(end->fd);
    }
    end->fd = -1;
}

void service_session_drop_server(struct service_session_context *context, struct service_session *session)
{
    ASSERT(session->state == SERVICE_SESSION_CONNECTING);
    service_session_close_end(context, &session->server, true);
    session->server = (struct service_session_end){.session = session, .fd = -1};
    service_session_load(context, session, LIMITS_NONE);
}

struct mono service_session_due(const struct service_session_context *context, const struct service_session *session)
{
    if (session->state == SERVICE_SESSION_CONNECTING) {
        return time_min(session->due, session->wait_until);
    }
    const int64_t idle_ms = context->setup->services[session->slot].idle_timeout_ms;
    const struct mono idle = idle_ms > 0 ? time_add_ms(session->moved, idle_ms) : TIME_NEVER;
    return time_min(session->drain_until, idle);
}

void service_session_arm(struct service_session_context *context, const struct service_session *session)
{
    context->next_due = time_min(context->next_due, service_session_due(context, session));
}

void service_session_active(struct service_session_context *context, struct service_session *session)
{
    ASSERT(session->state == SERVICE_SESSION_CONNECTING && session->server.fd >= 0);
    session->state = SERVICE_SESSION_ACTIVE;
    session->moved = context->now;
    session->due = TIME_NEVER;
    service_metrics_take(&context->metrics[session->slot], SERVICE_METRICS_WAITING, 1);
    service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_RELAYED_TOTAL, 1);
    service_session_arm(context, session);
}

void service_session_drain(struct service_session_context *context, struct service_session *session, struct mono until)
{
    const bool before = session->drain_until.us != TIME_NEVER.us;
    const bool after = until.us != TIME_NEVER.us;
    if (before == after) {
        return; /* the time that it was given first holds */
    }
    session->drain_until = until;
    if (after) {
        service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_DRAINING, 1);
        service_session_arm(context, session);
    } else {
        service_metrics_take(&context->metrics[session->slot], SERVICE_METRICS_DRAINING, 1);
    }
}

void service_session_end(struct service_session_context *context, struct service_session *session,
                         enum service_metrics_kind reason, bool abort)
{
    if (session->state == SERVICE_SESSION_CLOSED) {
        return;
    }
    if (session->state == SERVICE_SESSION_CONNECTING) {
        service_metrics_take(&context->metrics[session->slot], SERVICE_METRICS_WAITING, 1);
    }
    latency_seen_measure(&context->latency, &session->latency, session->client.fd);
    service_session_drain(context, session, TIME_NEVER);
    service_metrics_take(&context->metrics[session->slot], SERVICE_METRICS_CONNECTIONS, 1);
    if (reason != SERVICE_METRICS_COUNT) {
        service_metrics_add(&context->metrics[session->slot], reason, 1);
    }
    service_session_load(context, session, LIMITS_NONE);
    service_session_close_end(context, &session->client, abort);
    service_session_close_end(context, &session->server, abort);
    session->state = SERVICE_SESSION_CLOSED;
    list_remove(&session->link);
    list_remove(&session->ready);
    list_remove(&session->starved);
    list_append(&context->dead, &session->dead);
}
