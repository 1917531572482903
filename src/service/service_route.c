/* SPDX-License-Identifier: Apache-2.0
 * From a service and a client to the server that the view means. */
#include "service/service_route.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

enum {
    SERVICE_ROUTE_NETWORK_4 = 3, /* bytes of an address that make its network: /24 */
    SERVICE_ROUTE_NETWORK_6 = 7, /* /56 */
};

/* How good a region is for a client; lower is better. */
enum service_route_rank {
    SERVICE_ROUTE_MEANT,     /* the split's choice, and it works */
    SERVICE_ROUTE_SHARED,    /* the row names it, too */
    SERVICE_ROUTE_SERVING,   /* it carries other clients */
    SERVICE_ROUTE_STANDBY,   /* it could carry some */
    SERVICE_ROUTE_LAST,      /* the service works nowhere: the split's choice */
    SERVICE_ROUTE_ANY,       /* ... and the others that are up */
    SERVICE_ROUTE_DOWN,      /* ... and those that are not */
    SERVICE_ROUTE_FORBIDDEN, /* it does not work there, but elsewhere */
};

struct service_route_client service_route_client(const struct view *view, const char *region,
                                                 const struct view_address *address)
{
    struct service_route_client client = {.home = view_home(view, address)};
    if (client.home == VIEW_HOME_DEFAULT && region[0] != 0) {
        const uint32_t own = view_region_find(view, region);
        client.home = own != LIMITS_NONE ? own : client.home;
    }
    const size_t size = address->family == 6 ? SERVICE_ROUTE_NETWORK_6 : SERVICE_ROUTE_NETWORK_4;
    client.point = (uint32_t)(hash_bytes(address->bytes, size) % VIEW_SHARES_WHOLE);
    return client;
}

bool service_route_works(const struct view *view, uint32_t service, uint32_t region)
{
    if (view->regions[region].state == VIEW_REGION_DOWN) {
        return false;
    }
    for (uint32_t i = 0; i < view->targets_count; i++) {
        const struct view_target *target = &view->targets[i];
        if (target->service == service && target->region == region && target->healthy != 0) {
            return true;
        }
    }
    return false;
}

static bool service_route_anywhere(const struct view *view, uint32_t service)
{
    for (uint32_t region = 0; region < view->regions_count; region++) {
        if (service_route_works(view, service, region)) {
            return true;
        }
    }
    return false;
}

static enum service_route_rank service_route_rank(const struct view *view, uint32_t service,
                                                  const struct service_route_client *client, uint32_t region)
{
    const bool meant = view_split_region(view, client->home, client->point) == region;
    if (!service_route_works(view, service, region)) {
        const bool elsewhere = service_route_anywhere(view, service);
        const bool down = view->regions[region].state == VIEW_REGION_DOWN;
        return elsewhere ? SERVICE_ROUTE_FORBIDDEN
               : down    ? SERVICE_ROUTE_DOWN
               : meant   ? SERVICE_ROUTE_LAST
                         : SERVICE_ROUTE_ANY;
    }
    return meant                                                ? SERVICE_ROUTE_MEANT
           : view->split[client->home][region] > 0              ? SERVICE_ROUTE_SHARED
           : view->regions[region].state == VIEW_REGION_SERVING ? SERVICE_ROUTE_SERVING
                                                                : SERVICE_ROUTE_STANDBY;
}

/* Whether `a` is to be tried before `b`, which may be none. */
static bool service_route_before(const struct view *view, const uint32_t loads[LIMITS_TARGETS],
                                 const enum service_route_rank ranks[LIMITS_REGIONS], uint32_t a, uint32_t b)
{
    if (b == LIMITS_NONE) {
        return true;
    }
    const uint32_t here = view->targets[a].region;
    const uint32_t there = view->targets[b].region;
    return ranks[here] != ranks[there] ? ranks[here] < ranks[there] : here == there && loads[a] < loads[b];
}

uint32_t service_route_next(const struct view *view, uint32_t service, const struct service_route_client *client,
                            uint64_t tried, const uint32_t loads[LIMITS_TARGETS])
{
    ASSERT(service < view->services_count);
    const struct view_service *entry = &view->services[service];
    if (entry->single != 0) {
        const bool fresh = entry->primary != LIMITS_NONE && (tried >> entry->primary & 1U) == 0;
        return fresh ? entry->primary : LIMITS_NONE;
    }
    enum service_route_rank ranks[LIMITS_REGIONS];
    for (uint32_t region = 0; region < view->regions_count; region++) {
        ranks[region] = service_route_rank(view, service, client, region);
    }
    uint32_t best = LIMITS_NONE;
    for (uint32_t i = 0; i < view->targets_count; i++) {
        const struct view_target *target = &view->targets[i];
        if (target->service == service && (tried >> i & 1U) == 0 && ranks[target->region] != SERVICE_ROUTE_FORBIDDEN &&
            service_route_before(view, loads, ranks, i, best)) {
            best = i;
        }
    }
    return best;
}

static uint32_t service_route_find(const struct view *view, uint32_t service, const struct view_address *server)
{
    for (uint32_t i = 0; i < view->targets_count; i++) {
        const struct view_address *address = &view->targets[i].address;
        if (view->targets[i].service == service && address->family == server->family && address->port == server->port &&
            memcmp(address->bytes, server->bytes, sizeof address->bytes) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

enum service_route_fate service_route_fate(const struct view *view, uint32_t service,
                                           const struct service_route_client *client, const struct view_address *server,
                                           uint64_t epoch)
{
    ASSERT(service < view->services_count);
    const struct view_service *entry = &view->services[service];
    const uint32_t target = service_route_find(view, service, server);
    if (entry->single != 0) {
        return target != LIMITS_NONE && target == entry->primary && epoch == entry->epoch ? SERVICE_ROUTE_STAY
                                                                                          : SERVICE_ROUTE_FENCED;
    }
    if (target == LIMITS_NONE) {
        return SERVICE_ROUTE_DRAIN;
    }
    const uint32_t region = view->targets[target].region;
    switch (service_route_rank(view, service, client, region)) {
    case SERVICE_ROUTE_FORBIDDEN:
        return SERVICE_ROUTE_FAILED;
    case SERVICE_ROUTE_SERVING:
    case SERVICE_ROUTE_STANDBY: {
        /* Only because the row's own regions do not work? Then it has nowhere to go. */
        const uint32_t none[LIMITS_TARGETS] = {0};
        const uint32_t best = service_route_next(view, service, client, 0, none);
        ASSERT(best != LIMITS_NONE);
        return service_route_rank(view, service, client, view->targets[best].region) <= SERVICE_ROUTE_SHARED
                   ? SERVICE_ROUTE_DRAIN
                   : SERVICE_ROUTE_STAY;
    }
    case SERVICE_ROUTE_MEANT:
    case SERVICE_ROUTE_SHARED:
    case SERVICE_ROUTE_LAST:
    case SERVICE_ROUTE_ANY:
    case SERVICE_ROUTE_DOWN:
    default:
        return SERVICE_ROUTE_STAY;
    }
}
