/* SPDX-License-Identifier: Apache-2.0
 * How many connections a worker has to each server, and with that which of equally good standbys a reader goes to.
 *
 * Of equally good ones the one with the fewest connections of this worker is taken. Nobody is moved for the sake of
 * balance: a session stays where it is as long as it may (proxy_route_keeps), so a new view moves nobody, and a standby
 * that comes back fills with new sessions. Belongs to the worker's thread. */
#pragma once

#include <stdint.h>

#include "core/limits.h"
#include "proxy/proxy_route.h"

enum { PROXY_LOAD_SERVERS = 2 * LIMITS_NODES };

struct proxy_load {
    struct {
        struct view_address server;
        uint32_t connections;
    } rows[PROXY_LOAD_SERVERS];
};

/* One more; and one less, by what the former has returned. PROXY_LOAD_SERVERS: there is no room for one more server,
 * and it is not counted. */
uint32_t proxy_load_add(struct proxy_load *load, const struct view_address *server);
void proxy_load_take(struct proxy_load *load, uint32_t row);

uint32_t proxy_load_of(const struct proxy_load *load, const struct view_address *server);

/* The one with the fewest connections; among several of these the first from `offset` on (so that workers do not all
 * begin with the same). `turn`: attempts that have failed, each goes on to the next one. NULL: there are no choices. */
const struct proxy_route_target *proxy_load_choose(const struct proxy_load *load,
                                                   const struct proxy_route_choices *choices, uint32_t offset,
                                                   uint32_t turn);
