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
    PROXY_ROUTE_READER, /* a healthy standby, the own region's first, else the writer */
};

/* One configured entry. */
struct proxy_route {
    char name[PROXY_ROUTE_NAME];   /* in the start-up packet */
    char database[LIMITS_NAME];    /* the cluster in the view */
    char dbname[PROXY_ROUTE_NAME]; /* on the server; empty: the same name */
    enum proxy_route_kind kind;
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

/* The entry of this name; LIMITS_NONE: no such database. */
uint32_t proxy_route_find(const struct proxy_route *routes, uint32_t count, struct span name);

/* Where the view sends new sessions of an entry. `view` NULL: nothing is known yet. `region` may be empty. */
void proxy_route_resolve(const struct proxy_route *route, const struct view *view, const char *region,
                         struct proxy_route_target *ret_target);

/* Whether a session that was opened to this target may go on under this view. To a writer: only to the same node, at
 * the same address, under the same epoch. To a standby: as long as the node is a standby of the cluster at that
 * address. */
bool proxy_route_keeps(const struct proxy_route *route, const struct proxy_route_target *opened,
                       const struct view *view);
