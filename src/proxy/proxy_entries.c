/* SPDX-License-Identifier: Apache-2.0
 * The configured entries, which may be replaced while sessions stand on them. */
#include "proxy/proxy_entries.h"

#include <string.h>

#include "base/assert.h"

static bool proxy_entries_same(const struct proxy_route *one, const struct proxy_route *other)
{
    return strcmp(one->name, other->name) == 0 && strcmp(one->database, other->database) == 0 &&
           strcmp(one->dbname, other->dbname) == 0 && one->kind == other->kind && one->pool.mode == other->pool.mode &&
           (one->pool.statements > 0) == (other->pool.statements > 0);
}

static struct proxy_route *proxy_entries_find(struct proxy_entries *entries, const struct proxy_route *wanted)
{
    for (uint32_t i = 0; i < entries->count; i++) {
        if (proxy_entries_same(&entries->routes[i], wanted)) {
            return &entries->routes[i];
        }
    }
    return NULL;
}

/* Nothing is opened for it ahead of need any more. */
static void proxy_entries_close(struct proxy_route *route)
{
    route->closed = true;
    route->pool.minimum = 0;
    route->spares = 0;
}

enum err proxy_entries_replace(struct proxy_entries *entries, const struct proxy_route *wanted, uint32_t count)
{
    ASSERT(count <= PROXY_ROUTES && entries->count <= PROXY_ROUTES);
    uint32_t more = 0;
    for (uint32_t i = 0; i < count; i++) {
        more += proxy_entries_find(entries, &wanted[i]) == NULL ? 1 : 0;
    }
    if (entries->count + more > PROXY_ROUTES) {
        return ERR_LIMIT;
    }
    for (uint32_t i = 0; i < entries->count; i++) {
        proxy_entries_close(&entries->routes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct proxy_route *route = proxy_entries_find(entries, &wanted[i]);
        route = route != NULL ? route : &entries->routes[entries->count++];
        *route = wanted[i];
    }
    return ERR_OK;
}
