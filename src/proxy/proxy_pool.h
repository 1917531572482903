/* SPDX-License-Identifier: Apache-2.0
 * The server connections of one user to one entry of the proxy's configuration, and who waits for one.
 *
 * Bookkeeping only: nothing here opens, closes, sends or reads a clock. A worker has its own pools (no lock is on a
 * statement's way), so each has its share of the configured numbers, at least one connection. A connection has a place
 * in its pool from the moment it may be opened until it is closed. Clients wait in the order in which they came;
 * whoever waits is ahead of who does not yet.
 *
 * Connections of one pool differ: by the start-up packet that they were opened with, and by what was set on them since.
 * A client gets one that is exactly as its session is, or one that is reset first and then told the session's settings,
 * or it opens one: never one with another's settings. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/span.h"
#include "base/time.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_server.h"

struct proxy_pool {
    struct list link;    /* the worker's pools */
    struct list stirred; /* linked while those who wait have to be looked at */
    struct list *all;    /* where `link` is */
    uint32_t route;
    char user[PROXY_ROUTE_NAME];
    const struct proxy_route_pool *limits;
    uint32_t size; /* our share of the limits */
    uint32_t reserve;
    uint32_t minimum;
    uint32_t connections;  /* of the route */
    uint32_t *used;        /* places of the route in all its pools of this worker */
    uint32_t count;        /* places of this pool */
    uint32_t clients;      /* sessions that are its */
    struct list idle;      /* servers; the most recently used one is the last */
    struct list cleaning;  /* servers that are being reset, or that a cancel is on its way to */
    struct list waiting;   /* struct proxy_pool_waiter */
    struct list lingering; /* sessions that are idle and keep their server until somebody waits for it */
    /* What a client with this start-up packet is told when it comes in; empty before the first one. */
    struct proxy_server_text welcome_startup;
    struct proxy_server_text welcome_parameters;
    size_t welcome_secret; /* bytes of a cancel key */
};

/* In each session. */
struct proxy_pool_waiter {
    struct list link;
    struct mono since;
};

/* What a client needs. */
struct proxy_pool_want {
    bool fresh;           /* a new connection: its log-in has yet to pass, or something must be brought about there */
    bool plain;           /* it has nothing but settings, so a connection with the same settings fits */
    struct span startup;  /* its start-up packet */
    struct span settings; /* what it has set since */
};

enum proxy_pool_offer {
    PROXY_POOL_NOTHING,
    PROXY_POOL_FITS,  /* this server is as the session is; not idle any more */
    PROXY_POOL_RESET, /* this one must be reset and told the settings; not idle any more */
    PROXY_POOL_PLACE, /* a connection may be opened, its place is taken */
    PROXY_POOL_EVICT, /* close this one, then ask again */
};

/* The one of this route and user, made when there is none yet. NULL: out of memory. `used` counts for the route. The
 * shares are those of worker `index` of `workers`. */
struct proxy_pool *proxy_pool_find(struct list *all, uint32_t route, struct span user);
struct proxy_pool *proxy_pool_new(struct list *all, uint32_t route, struct span user,
                                  const struct proxy_route_pool *limits, uint32_t *used);
void proxy_pool_share(struct proxy_pool *pool, uint32_t index, uint32_t workers);

/* Nobody is in it and nothing waits: frees it. True: it is gone. */
bool proxy_pool_free(struct proxy_pool *pool);

/* What there is for a client. `waited_ms`: since when it stands in line. */
enum proxy_pool_offer proxy_pool_take(struct proxy_pool *pool, const struct proxy_pool_want *want, int64_t waited_ms,
                                      struct proxy_server **ret_server);

/* Only PROXY_POOL_FITS, for one who does not stand in line; NULL: none, or others wait. */
struct proxy_server *proxy_pool_take_fitting(struct proxy_pool *pool, const struct proxy_pool_want *want);

/* Takes a place for a connection that nobody waits for, while there are fewer than the minimum. */
bool proxy_pool_ahead(struct proxy_pool *pool);

/* A place that was taken belongs to this server from now on. */
void proxy_pool_enter(struct proxy_pool *pool, struct proxy_server *server, struct mono now);

/* A place is given up: of a server, or one that none was opened for. */
void proxy_pool_leave(struct proxy_server *server);
void proxy_pool_give_up(struct proxy_pool *pool);

/* A server has nobody now. */
void proxy_pool_put(struct proxy_server *server, struct mono now);
void proxy_pool_clean(struct proxy_server *server);

/* Whether this server, used or not, is too old or one too many to be lent once more. */
bool proxy_pool_worn(const struct proxy_server *server, struct mono now);

/* The next idle server to be closed now, for its age, because it was idle for too long or is one too many; NULL: none.
 * `ret_next`: when to look again. */
struct proxy_server *proxy_pool_expired(const struct proxy_pool *pool, struct mono now, struct mono *ret_next);

/* When somebody in line may use the reserve; TIME_NEVER: nobody. */
struct mono proxy_pool_reserve_at(const struct proxy_pool *pool, struct mono now);
