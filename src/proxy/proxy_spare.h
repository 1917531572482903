/* SPDX-License-Identifier: Apache-2.0
 * Ways to log in that the proxy may use of its own accord, and the spare connections that were made by them.
 *
 * A way is an entry of the configuration, a start-up packet, and what logs in with it; a session that has logged in
 * leaves it here, for entries that want connections opened ahead of need (proxy_ahead.h). A spare is a connection that
 * nobody has used yet, to a standby. When that is promoted, sessions that look for a server take it, and ask it for its
 * role first (proxy_move_adopt). Spares have no place in a pool before they are taken: they are counted by themselves,
 * at each standby.
 *
 * Bookkeeping only: nothing here opens, closes, sends or reads a clock. Belongs to the worker's thread. Keys are wiped
 * with their way. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/span.h"
#include "base/time.h"
#include "proxy/proxy_learn.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_server.h"

enum {
    PROXY_SPARE_WAYS = 64, /* per worker; who comes after them has no spares */
};

struct proxy_spare_way {
    struct list link; /* the worker's; the one that was used last is the last */
    uint32_t route;
    char user[PROXY_ROUTE_NAME];
    uint32_t sessions; /* that have logged in so */
    struct mono left;  /* when the last of them went */
    struct proxy_server_text startup;
    struct proxy_learn learn;
    bool refused;         /* it was: nothing is tried before another session comes with it */
    struct list ready;    /* its spares */
    struct mono retry_at; /* nothing is opened before */
    uint32_t retry_ms;    /* pause after the last failure; 0: none */
    uint32_t turn;        /* node that is looked at first */
};

/* The log-in that a worker makes ahead of need: one at a time. */
struct proxy_spare_login {
    struct proxy_server *server; /* NULL: none */
    struct proxy_spare_way *way;
    struct proxy_learn learn; /* a copy: a log-in has a state */
    struct mono late;
};

/* A session logs in this way: what it knows replaces what was known. Give it back with proxy_spare_leave. NULL: too
 * many ways, or out of memory. */
struct proxy_spare_way *proxy_spare_join(struct list *all, uint32_t route, struct span user, struct span startup,
                                         const struct proxy_learn *learn);
void proxy_spare_leave(struct proxy_spare_way *way, struct mono now);

/* Without sessions and spares: wipes and frees it. */
void proxy_spare_free(struct proxy_spare_way *way);

/* A server is a spare of this way from now on; and no longer. */
void proxy_spare_put(struct proxy_spare_way *way, struct proxy_server *server);
void proxy_spare_remove(struct proxy_server *server);

/* How many there are to a node, of a way; and of all ways of an entry. */
uint32_t proxy_spare_count(const struct proxy_spare_way *way, const char *node);
uint32_t proxy_spare_count_all(const struct list *all, uint32_t route, const char *node);

/* One that was opened with this packet and is the target's. It is no spare any more, and `warm`. NULL: none. */
struct proxy_server *proxy_spare_take(const struct list *all, uint32_t route, struct span startup,
                                      const struct proxy_route_target *target);
