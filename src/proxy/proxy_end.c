/* SPDX-License-Identifier: Apache-2.0
 * One connection, a client's or a server's. */
#include "proxy/proxy_end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "edge/tcp.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_session.h"

void proxy_end_init(struct proxy_end *end, int fd)
{
    *end = (struct proxy_end){.fd = fd};
    pg_frame_init(&end->received);
    pg_frame_init(&end->sent);
}

enum err proxy_end_watch(struct proxy_session_context *context, struct proxy_end *end)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end};
    return epoll_ctl(context->epoll, EPOLL_CTL_ADD, end->fd, &event) == 0 ? ERR_OK : err_from_errno(errno);
}

static void proxy_end_free(struct proxy_end *end)
{
    if (end->secret && end->pending != NULL) {
        explicit_bzero(end->pending, end->pending_size);
    }
    free(end->pending);
}

void proxy_end_forget(struct proxy_end *end)
{
    proxy_end_free(end);
    end->secret = false;
    end->pending = NULL;
    end->pending_at = 0;
    end->pending_size = 0;
}

void proxy_end_hang_up(struct proxy_end *end, bool abort)
{
    ASSERT(!end->queued);
    if (end->fd >= 0 && abort) {
        tcp_abort(end->fd);
    } else if (end->fd >= 0) {
        close(end->fd); /* leaves the epoll set by itself: no descriptor is ever duplicated */
    }
    end->fd = -1;
    proxy_tls_free(end->tls);
    end->tls = NULL;
    proxy_end_forget(end);
}

bool proxy_end_owe(struct proxy_session_context *context, struct proxy_end *end, struct span bytes)
{
    proxy_batch_settle_end(context, end);
    const size_t left = end->pending_size - end->pending_at;
    if (left + bytes.size >
        context->buffer_size + context->rewritten_size + PROXY_SESSION_EARLY + PROXY_SESSION_ERROR) {
        return false;
    }
    uint8_t *memory = malloc(left + bytes.size + 1);
    if (memory == NULL) {
        return false;
    }
    if (left > 0) {
        memcpy(memory, end->pending + end->pending_at, left);
    }
    if (bytes.size > 0) {
        memcpy(memory + left, bytes.data, bytes.size);
    }
    proxy_end_free(end);
    end->pending = memory;
    end->pending_at = 0;
    end->pending_size = left + bytes.size;
    return true;
}

/* Follows the stream that the kernel has taken, so that a fence knows whether it stops between two messages. */
static void proxy_end_follow(struct proxy_end *end, struct span bytes)
{
    struct pg_frame_message message;
    while (pg_frame_step(&end->sent, &bytes, &message)) {
    }
}

bool proxy_end_flush(struct proxy_session_context *context, struct proxy_end *end)
{
    const enum proxy_metrics_kind bytes =
        end->server == NULL ? PROXY_METRICS_BYTES_TO_CLIENT : PROXY_METRICS_BYTES_TO_SERVER;
    proxy_batch_settle_end(context, end);
    while (end->pending_size > end->pending_at && end->writable) {
        const struct span rest = span_of(end->pending + end->pending_at, end->pending_size - end->pending_at);
        const ssize_t sent = proxy_end_send(end, rest.data, rest.size);
        if (sent < 0) {
            if (errno == EAGAIN) {
                end->writable = false;
                return true;
            }
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        proxy_end_follow(end, span_of(rest.data, (size_t)sent));
        end->pending_at += (size_t)sent;
        proxy_metrics_add(&context->metrics, bytes, (uint64_t)sent);
    }
    if (end->pending_size == end->pending_at) {
        proxy_end_forget(end);
    }
    return true;
}
