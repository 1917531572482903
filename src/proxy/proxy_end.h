/* SPDX-License-Identifier: Apache-2.0
 * One connection, a client's or a server's: its socket, what is still owed to it, and where its streams stand.
 *
 * Edge-triggered: the flags remember what epoll said until a call says otherwise. Memory beyond the struct is taken
 * only while bytes are pending. Belongs to its worker's thread; epoll events name the end, so whoever contains one is
 * freed only when no event of the present batch can name it any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/span.h"
#include "proxy/proxy_tls.h"
#include "wire/pg_frame.h"

struct proxy_server;
struct proxy_session;
struct proxy_session_context;

struct proxy_end {
    struct proxy_session *session; /* whose step an event is; NULL: a server that nobody has */
    struct proxy_server *server;   /* NULL: a client's end */
    int fd;                        /* -1: none */
    struct proxy_tls *tls;         /* NULL: in clear */
    bool readable;
    bool writable;
    bool hangup;      /* the peer has closed its side: read until the end, whatever a short read suggests */
    bool shut;        /* we have closed our side */
    bool queued;      /* a send to it has not been carried out yet (proxy_batch.h) */
    bool secret;      /* what is pending may be an answer to a question for a password: wiped when it was sent */
    uint8_t *pending; /* bytes owed to this end, malloc'ed */
    size_t pending_at;
    size_t pending_size;
    struct pg_frame received; /* the stream that comes from this end */
    struct pg_frame
        sent; /* the stream to this end, as far as the kernel took it; valid while bytes are pending or queued */
};

void proxy_end_init(struct proxy_end *end, int fd);

/* Its events are the worker's from now on. */
ERR_CHECK enum err proxy_end_watch(struct proxy_session_context *context, struct proxy_end *end);

/* Owes it these bytes. False: out of memory or too much. */
bool proxy_end_owe(struct proxy_session_context *context, struct proxy_end *end, struct span bytes);

/* Sends what is owed. False: the connection is broken. */
bool proxy_end_flush(struct proxy_session_context *context, struct proxy_end *end);

/* Owes it nothing any more. */
void proxy_end_forget(struct proxy_end *end);

/* recv(2), MSG_PEEK or 0, and send(2). */
static inline ssize_t proxy_end_recv(struct proxy_end *end, void *memory, size_t size, int flags)
{
    return end->tls == NULL ? recv(end->fd, memory, size, flags)
                            : proxy_tls_recv(end->tls, memory, size, flags == MSG_PEEK);
}

static inline ssize_t proxy_end_send(struct proxy_end *end, const void *data, size_t size)
{
    ASSERT(!end->queued);
    return end->tls == NULL ? send(end->fd, data, size, MSG_NOSIGNAL) : proxy_tls_send(end->tls, data, size);
}

/* Closes it, fine when it is closed; `abort`: nothing that is still in the kernel's buffer reaches the peer. */
void proxy_end_hang_up(struct proxy_end *end, bool abort);
