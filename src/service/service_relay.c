/* SPDX-License-Identifier: Apache-2.0
 * Moves the bytes of an active session. */
#include "service/service_relay.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/assert.h"

enum {
    SERVICE_RELAY_TURN = 16, /* steps of one direction before others get their turn: eight buffers */
};

enum service_relay_result {
    SERVICE_RELAY_WAITS,   /* for the kernel, or nothing more will come */
    SERVICE_RELAY_MORE,    /* there is more to do at once */
    SERVICE_RELAY_STARVES, /* for a buffer */
    SERVICE_RELAY_BROKEN,
};

/* Sends what the buffer of `from` holds; gives it back when it is empty. False: the connection is broken. */
static bool service_relay_send(struct service_session_context *context, struct service_session_end *from,
                               struct service_session_end *to)
{
    struct service_buffer *buffer = from->buffer;
    while (buffer->at < buffer->size) {
        const ssize_t sent =
            send(to->fd, buffer->bytes + buffer->at, buffer->size - buffer->at, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN) {
            to->writable = false;
            service_metrics_add(&context->metrics[from->session->slot], SERVICE_METRICS_STALLED, 1);
            return true;
        }
        if (sent < 0) {
            return false;
        }
        buffer->at += (size_t)sent;
        from->session->moved = context->now;
    }
    service_buffer_give(&context->buffers, buffer);
    from->buffer = NULL;
    return true;
}

/* Reads into the buffer of `from`, once. False: the connection is broken. */
static bool service_relay_receive(struct service_session_context *context, struct service_session_end *from,
                                  enum service_metrics_kind count)
{
    struct service_buffer *buffer = from->buffer;
    const ssize_t got = recv(from->fd, buffer->bytes, sizeof buffer->bytes, MSG_DONTWAIT);
    if (got > 0) {
        buffer->size = (size_t)got;
        from->session->moved = context->now;
        /* A short read has emptied the socket, unless the peer's end of it comes behind. */
        from->readable = (size_t)got == sizeof buffer->bytes || from->hangup;
        service_metrics_add(&context->metrics[from->session->slot], count, (uint64_t)got);
        return true;
    }
    const int number = errno;
    service_buffer_give(&context->buffers, buffer);
    from->buffer = NULL;
    from->ended = got == 0;
    from->readable = false;
    return got == 0 || number == EAGAIN;
}

/* One step of a direction. WAITS also when nothing is left to do. */
static enum service_relay_result service_relay_step(struct service_session_context *context,
                                                    struct service_session_end *from, struct service_session_end *to,
                                                    enum service_metrics_kind count)
{
    if (from->buffer != NULL) {
        if (!to->writable) {
            return SERVICE_RELAY_WAITS;
        }
        if (!service_relay_send(context, from, to)) {
            return SERVICE_RELAY_BROKEN;
        }
        return from->buffer != NULL ? SERVICE_RELAY_WAITS : SERVICE_RELAY_MORE;
    }
    if (from->ended) {
        const bool passed = to->shut || shutdown(to->fd, SHUT_WR) == 0;
        to->shut = true;
        return passed ? SERVICE_RELAY_WAITS : SERVICE_RELAY_BROKEN;
    }
    if (!from->readable) {
        return SERVICE_RELAY_WAITS;
    }
    from->buffer = service_buffer_take(&context->buffers);
    if (from->buffer == NULL) {
        return SERVICE_RELAY_STARVES;
    }
    return service_relay_receive(context, from, count) ? SERVICE_RELAY_MORE : SERVICE_RELAY_BROKEN;
}

static enum service_relay_result service_relay_direction(struct service_session_context *context,
                                                         struct service_session_end *from,
                                                         struct service_session_end *to,
                                                         enum service_metrics_kind count)
{
    enum service_relay_result result = SERVICE_RELAY_MORE;
    for (int i = 0; i < SERVICE_RELAY_TURN && result == SERVICE_RELAY_MORE; i++) {
        result = service_relay_step(context, from, to, count);
    }
    return result;
}

void service_relay_pump(struct service_session_context *context, struct service_session *session)
{
    ASSERT(session->state == SERVICE_SESSION_ACTIVE);
    struct service_session_end *client = &session->client;
    struct service_session_end *server = &session->server;
    /* What a server still said before it went reaches the client first. */
    const enum service_relay_result down =
        service_relay_direction(context, server, client, SERVICE_METRICS_BYTES_TO_CLIENT);
    const enum service_relay_result up =
        down == SERVICE_RELAY_BROKEN
            ? SERVICE_RELAY_BROKEN
            : service_relay_direction(context, client, server, SERVICE_METRICS_BYTES_TO_SERVER);
    if (up == SERVICE_RELAY_BROKEN) {
        service_session_end(context, session, SERVICE_METRICS_BROKEN, true);
        return;
    }
    if (client->shut && server->shut) {
        service_session_end(context, session, SERVICE_METRICS_COUNT, false);
        return;
    }
    if (up == SERVICE_RELAY_STARVES || down == SERVICE_RELAY_STARVES) {
        if (list_empty(&session->starved)) {
            service_metrics_add(&context->metrics[session->slot], SERVICE_METRICS_STARVED, 1);
            list_append(&context->starved, &session->starved);
        }
    }
    if ((up == SERVICE_RELAY_MORE || down == SERVICE_RELAY_MORE) && list_empty(&session->ready)) {
        list_append(&context->ready, &session->ready);
    }
}
