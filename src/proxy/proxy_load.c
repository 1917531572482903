/* SPDX-License-Identifier: Apache-2.0
 * Connections of a worker by server. */
#include "proxy/proxy_load.h"

#include <string.h>

#include "base/assert.h"

/* Its row; PROXY_LOAD_SERVERS: it has none. */
static uint32_t proxy_load_find(const struct proxy_load *load, const struct view_address *server)
{
    uint32_t i = 0;
    while (i < PROXY_LOAD_SERVERS &&
           (load->rows[i].connections == 0 || memcmp(&load->rows[i].server, server, sizeof *server) != 0)) {
        i++;
    }
    return i;
}

uint32_t proxy_load_add(struct proxy_load *load, const struct view_address *server)
{
    uint32_t i = proxy_load_find(load, server);
    if (i == PROXY_LOAD_SERVERS) {
        i = 0;
        while (i < PROXY_LOAD_SERVERS && load->rows[i].connections > 0) {
            i++;
        }
    }
    if (i < PROXY_LOAD_SERVERS) {
        load->rows[i].server = *server;
        load->rows[i].connections++;
    }
    return i;
}

void proxy_load_take(struct proxy_load *load, uint32_t row)
{
    if (row < PROXY_LOAD_SERVERS) {
        ASSERT(load->rows[row].connections > 0);
        load->rows[row].connections--;
    }
}

uint32_t proxy_load_of(const struct proxy_load *load, const struct view_address *server)
{
    const uint32_t i = proxy_load_find(load, server);
    return i < PROXY_LOAD_SERVERS ? load->rows[i].connections : 0;
}

const struct proxy_route_target *proxy_load_choose(const struct proxy_load *load,
                                                   const struct proxy_route_choices *choices, uint32_t offset,
                                                   uint32_t turn)
{
    uint32_t best = 0;
    uint32_t fewest = UINT32_MAX;
    for (uint32_t i = 0; i < choices->count; i++) {
        const uint32_t at = (offset + i) % choices->count;
        const uint32_t connections = proxy_load_of(load, &choices->list[at].address);
        if (connections < fewest) {
            fewest = connections;
            best = at;
        }
    }
    return choices->count > 0 ? &choices->list[(best + turn) % choices->count] : NULL;
}
