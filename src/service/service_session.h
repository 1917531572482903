/* SPDX-License-Identifier: Apache-2.0
 * One client's connection through the relay: its two ends, its state, and the one funnel through which it ends.
 *
 *   CONNECTING  a server is wanted: an attempt is under way, or the view names none that was not tried
 *   ACTIVE      bytes are relayed
 *   CLOSED      waiting to be freed at the end of the worker's batch
 * Everything belongs to one worker's thread. Memory: the session, plus a buffer per direction whose bytes the other end
 * does not take (service_buffer.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "edge/latency_seen.h"
#include "edge/sight.h"
#include "service/service_buffer.h"
#include "service/service_metrics.h"
#include "service/service_route.h"
#include "service/service_setup.h"

enum service_session_state { SERVICE_SESSION_CONNECTING, SERVICE_SESSION_ACTIVE, SERVICE_SESSION_CLOSED };

struct service_session;

/* Edge-triggered: the flags remember what epoll said until a call says otherwise. */
struct service_session_end {
    struct service_session *session;
    int fd; /* -1: none */
    bool readable;
    bool writable;
    bool hangup; /* the peer has closed its side: read until the end, whatever a short read suggests */
    bool ended;  /* its last byte was read */
    bool shut;   /* we have closed our side: the other end's last byte was sent */
    struct service_buffer *buffer; /* what was read from it and not sent to the other end; NULL: nothing */
};

struct service_session {
    struct list link;    /* the worker's sessions */
    struct list ready;   /* linked while there is more to relay in the next round */
    struct list starved; /* linked while it waits for a buffer */
    struct list dead;    /* linked when CLOSED */
    enum service_session_state state;
    uint32_t slot;
    struct view_address address; /* of the client */
    struct service_session_end client;
    struct service_session_end server;
    struct view_address target; /* of the attempt, or of the server */
    uint32_t target_index;      /* in the present view; LIMITS_NONE: none, or not in it any more */
    uint64_t epoch;             /* of the view's service when it was connected */
    uint64_t tried;             /* targets, bit per index of the present view */
    struct mono due;            /* CONNECTING: the attempt is given up, or the next one begins */
    struct mono wait_until;     /* CONNECTING: the client is closed */
    struct mono drain_until;    /* ACTIVE: it is cut; TIME_NEVER: it does not drain */
    struct mono moved;          /* the last byte in either direction */
    struct latency_seen_mark latency;
};

/* What the sessions of a worker share with it. */
struct service_session_context {
    int epoll;
    struct mono now;
    struct service_metrics metrics[LIMITS_SERVICES]; /* per slot */
    struct sight sight;
    struct latency_seen latency;
    const struct service_setup *setup;
    _Atomic uint32_t *open;             /* per slot, in all workers */
    const struct view *view;            /* as carried out; NULL: none yet */
    uint32_t services[LIMITS_SERVICES]; /* per slot: the view's index; LIMITS_NONE: not in the view */
    uint32_t loads[LIMITS_TARGETS];     /* connections of this worker per target of the view */
    struct service_buffer_pool buffers;
    struct list sessions;
    struct list ready;
    struct list starved;
    struct list dead;
    struct mono next_due;
};

/* Takes over an accepted connection. NULL: out of memory or beyond the limit; the connection is closed. */
struct service_session *service_session_new(struct service_session_context *context, uint32_t slot, int fd,
                                            const struct view_address *address);

/* Only of a CLOSED session, when no event of this batch can name it any more. */
void service_session_free(struct service_session_context *context, struct service_session *session);

/* Watches the server's end from now on. False: it cannot be. */
bool service_session_watch(struct service_session_context *context, struct service_session *session);

/* Gives the server up; the session goes on. */
void service_session_drop_server(struct service_session_context *context, struct service_session *session);

/* The server of the session by the index of the view that is carried out. */
void service_session_load(struct service_session_context *context, struct service_session *session, uint32_t target);

/* When something is due of it by itself. */
struct mono service_session_due(const struct service_session_context *context, const struct service_session *session);

/* The due time has changed: the worker wakes up in time. */
void service_session_arm(struct service_session_context *context, const struct service_session *session);

void service_session_active(struct service_session_context *context, struct service_session *session);
void service_session_drain(struct service_session_context *context, struct service_session *session, struct mono until);

/* The funnel. `abort`: what is still under way to either end is dropped, and they are told by a reset; else both have
 * had all there was. `reason` is counted; SERVICE_METRICS_COUNT: nothing. */
void service_session_end(struct service_session_context *context, struct service_session *session,
                         enum service_metrics_kind reason, bool abort);
