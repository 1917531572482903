/* SPDX-License-Identifier: Apache-2.0
 * A connection to a server: what belongs to it, whoever uses it.
 *
 * A session has one or none (proxy_session.h); what the client still waits for is the session's, because it outlives a
 * server. Made for an attempt to connect (proxy_attempt.h), dropped when it is over; the memory is freed at the end of
 * the worker's batch, because events may still name its end. Belongs to the worker's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "proxy/proxy_cancel.h"
#include "proxy/proxy_end.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_shelf.h"

/* Before anything else is said to it (proxy_encrypt.h). */
enum proxy_server_encrypting {
    PROXY_SERVER_CLEAR, /* it has not been asked for encryption */
    PROXY_SERVER_ASKED,
    PROXY_SERVER_HANDSHAKE,
    PROXY_SERVER_OPEN, /* encrypted, or it does not have to be */
};

struct proxy_pool;
struct proxy_spare_way;

/* A copy of some bytes, malloc'ed. */
struct proxy_server_text {
    uint8_t *data;
    size_t size;
};

struct proxy_server {
    struct list dead; /* linked when dropped */
    struct proxy_end end;
    struct proxy_route_target target; /* what the connection was opened under */
    uint32_t load;                    /* its row among its worker's connections by server (proxy_load.h) */
    bool attempting;                  /* the connection does not stand yet, or is not encrypted as it must be */
    enum proxy_server_encrypting encrypting;
    uint32_t *login; /* the counter of logins that this one is part of, until the server has said a word; or NULL */
    uint8_t *early;  /* bytes from it that are not yet a whole message; malloc'ed until the log-in has ended */
    size_t early_have;
    struct proxy_cancel_server *key; /* NULL: it has not told one */
    bool fatal;                      /* it has said FATAL */
    bool standby;                    /* it has said that it is one: in_hot_standby */
    bool copying;                    /* it reads a COPY from the client */
    bool renew;                      /* it is closed at the next opportunity (proxy_renew.h) */
    /* Opened ahead of need. */
    bool ahead;                    /* it is being logged in, for nobody yet (proxy_ahead.h) */
    struct proxy_spare_way *spare; /* NULL: it is none (proxy_spare.h) */
    bool warm;                     /* it was one, and has not been asked for its role yet */
    /* With a place in a pool. */
    struct proxy_pool *pool; /* NULL: it ends with its session */
    struct list pooled;      /* linked while nobody has it */
    struct mono opened;
    struct mono idle_since;
    uint32_t resetting;                  /* ReadyForQuery still to come for what we have said */
    struct proxy_server_text startup;    /* the packet that it was opened with */
    struct proxy_server_text settings;   /* what was set since, as a session's journal has it; while nobody has it */
    struct proxy_server_text parameters; /* what it has reported; likewise */
    struct proxy_shelf_copies prepared;  /* statements under names of ours (proxy_prepare.h) */
    bool alone; /* it has said that a commit was not waited for: the next ReadyForQuery is none */
};

/* With a socket that begins to connect. Errors: those of the socket, ERR_NO_MEMORY. */
ERR_CHECK enum err proxy_server_open(struct proxy_session_context *context, const struct proxy_route_target *target,
                                     struct proxy_server **ret_server);

/* The object alone, its socket is the caller's to fill in. NULL: out of memory. */
struct proxy_server *proxy_server_new(const struct proxy_route_target *target);

/* ParameterStatus: what it says of its role. True: it is a standby. */
bool proxy_server_parameter(struct proxy_server *server, struct span body);

/* Likewise of a server that nobody has; and its list of what it has reported. */
void proxy_server_report(struct proxy_server *server, struct span body);

/* False: out of memory, the text is as before. */
bool proxy_server_text_set(struct proxy_server_text *text, struct span bytes);

/* It has answered, or is let go of: its login no longer counts. */
void proxy_server_login_end(struct proxy_server *server);

/* The log-in has ended. */
void proxy_server_early_free(struct proxy_server *server);

/* Closes it and lets go of it; `abort`: what is still in the kernel's buffer does not reach it. */
void proxy_server_drop(struct proxy_session_context *context, struct proxy_server *server, bool abort);

/* Frees those that were dropped, when no event of this batch can name them any more. */
void proxy_server_bury(struct proxy_session_context *context);
