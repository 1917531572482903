/* SPDX-License-Identifier: Apache-2.0
 * From the database name of a start-up packet to the server that the view names for it.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "core/limits.h"
#include "core/view.h"

enum {
    PROXY_ROUTE_NAME = 64, /* PostgreSQL's own limit of a name, terminator included */
    PROXY_ROUTES = 64,     /* configured entries */
};

enum proxy_route_kind {
    PROXY_ROUTE_WRITER,
    PROXY_ROUTE_READER, /* the nearest healthy standby that is fresh enough, else the writer */
};

enum proxy_route_pooling {
    PROXY_ROUTE_UNPOOLED,    /* each session has a server connection of its own, and takes it along */
    PROXY_ROUTE_SESSION,     /* has one for its life, and leaves it to the next client of the same user */
    PROXY_ROUTE_TRANSACTION, /* has one for each transaction */
};

/* Server connections, of all workers together. */
struct proxy_route_pool {
    enum proxy_route_pooling mode;
    uint32_t size;    /* per user */
    uint32_t reserve; /* per user, on top, for who has waited for reserve_after_ms */
    uint32_t reserve_after_ms;
    uint32_t minimum;         /* per user: opened ahead of need, and not closed for being idle */
    uint32_t connections;     /* of all users; 0: no limit but theirs */
    uint32_t clients;         /* sessions of all users; 0: no limit but the proxy's */
    uint32_t wait_timeout_ms; /* 0: for ever; likewise the following */
    uint32_t idle_timeout_ms;
    uint32_t lifetime_ms;
    uint32_t statements; /* TRANSACTION: prepared on one connection, under names of ours; 0: under the clients' */
};

/* One configured entry. */
struct proxy_route {
    char name[PROXY_ROUTE_NAME];   /* in the start-up packet */
    char database[LIMITS_NAME];    /* the cluster in the view */
    char dbname[PROXY_ROUTE_NAME]; /* on the server; empty: the same name */
    enum proxy_route_kind kind;
    uint32_t max_lag_ms; /* of a reader's standby; 0: any */
    struct proxy_route_pool pool;
    bool closed;           /* taken out of the configuration (proxy_entries.h) */
    uint32_t spares;       /* WRITER: per way to log in, at each healthy standby; of all workers together; 0: none */
    uint32_t spares_limit; /* ... of all ways */
};

/* Where the proxy stands: its own region's name and those of the others, the nearest ones first. Regions that are not
 * named are as far away as each other, and further than those that are. */
struct proxy_route_place {
    char regions[LIMITS_REGIONS][LIMITS_NAME];
    uint32_t count;
};

/* Where sessions of an entry go now, or where one session went. */
struct proxy_route_target {
    bool open;   /* false: the view names no server, new sessions wait */
    bool hold;   /* a planned move is under way */
    bool locked; /* nobody may lower synchronous_commit */
    bool writer;
    uint64_t epoch;
    char node[LIMITS_NAME];
    struct view_address address;
};

/* Standbys that are equally good for a reader. */
enum { PROXY_ROUTE_CHOICES = 8 };

struct proxy_route_choices {
    uint32_t count; /* 0: it goes where proxy_route_resolve says */
    struct proxy_route_target list[PROXY_ROUTE_CHOICES];
};

/* The open entry of this name; LIMITS_NONE: no such database. */
uint32_t proxy_route_find(const struct proxy_route *routes, uint32_t count, struct span name);

/* Where the view sends new sessions of an entry. `view` NULL: nothing is known yet. */
void proxy_route_resolve(const struct proxy_route *route, const struct view *view,
                         const struct proxy_route_place *place, struct proxy_route_target *ret_target);

/* Of a reader: the standbys that are as near as the nearest one that is fit. They are within max_lag; without a bound
 * those that lag less than 10 s count as equal, and when none does the one that lags least is alone. None: its entry is
 * no reader's, or there is no such standby. */
void proxy_route_choose_standbys(const struct proxy_route *route, const struct view *view,
                                 const struct proxy_route_place *place, struct proxy_route_choices *ret_choices);

/* A reader's second choice, for when the first cannot be reached and the view does not know that yet: another standby,
 * else the writer. Not open: there is none. */
void proxy_route_resolve_other(const struct proxy_route *route, const struct view *view,
                               const struct proxy_route_place *place, const struct proxy_route_target *first,
                               struct proxy_route_target *ret_target);

/* Whether a session that was opened to this target may go on under this view. To a writer: only to the same node, at
 * the same address, under the same epoch. To a standby: as long as the node is a standby of the cluster at that
 * address. */
bool proxy_route_keeps(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct view *view);

/* Whether a reader's session may go on where it is but had better not: its standby is further behind than its entry
 * allows, or it went to the writer and `now`, where new sessions go, is a standby again. */
bool proxy_route_stale(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct proxy_route_target *now, const struct view *view);
