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

/* LIMITS_NONE: none. */
static uint32_t proxy_entries_find(const struct proxy_entries *entries, const struct proxy_route *wanted)
{
    uint32_t i = 0;
    while (i < entries->count && !proxy_entries_same(&entries->routes[i], wanted)) {
        i++;
    }
    return i < entries->count ? i : LIMITS_NONE;
}

/* Nothing is opened for it ahead of need any more. */
static void proxy_entries_close(struct proxy_route *route)
{
    route->closed = true;
    route->pool.minimum = 0;
    route->spares = 0;
}

uint64_t proxy_entries_closed(const struct proxy_entries *entries)
{
    uint64_t closed = 0;
    for (uint32_t i = 0; i < entries->count; i++) {
        closed |= entries->routes[i].closed ? UINT64_C(1) << i : 0;
    }
    return closed;
}

/* An index for one that is new: one that was never used, as long as there are any. */
static uint32_t proxy_entries_place(struct proxy_entries *entries, uint64_t *free)
{
    if (entries->count < PROXY_ROUTES) {
        return entries->count++;
    }
    ASSERT(*free != 0);
    const uint32_t i = (uint32_t)__builtin_ctzll(*free);
    *free &= *free - 1;
    return i;
}

enum err proxy_entries_replace(struct proxy_entries *entries, const struct proxy_route *wanted, uint32_t count,
                               uint64_t left, uint64_t *ret_reused)
{
    ASSERT(count <= PROXY_ROUTES && entries->count <= PROXY_ROUTES);
    uint64_t free = left & proxy_entries_closed(entries);
    uint32_t places[PROXY_ROUTES];
    uint32_t more = 0;
    for (uint32_t i = 0; i < count; i++) {
        places[i] = proxy_entries_find(entries, &wanted[i]);
        free &= places[i] != LIMITS_NONE ? ~(UINT64_C(1) << places[i]) : UINT64_MAX; /* it comes back */
        more += places[i] == LIMITS_NONE ? 1 : 0;
    }
    if (more > PROXY_ROUTES - entries->count + (uint32_t)__builtin_popcountll(free)) {
        return ERR_LIMIT;
    }
    const uint64_t before = free;
    for (uint32_t i = 0; i < entries->count; i++) {
        proxy_entries_close(&entries->routes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = places[i] != LIMITS_NONE ? places[i] : proxy_entries_place(entries, &free);
        entries->routes[place] = wanted[i];
    }
    *ret_reused = before & ~free;
    return ERR_OK;
}
