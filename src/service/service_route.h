/* SPDX-License-Identifier: Apache-2.0
 * From a service and a client to the server that the view means, and what becomes of a connection when the view
 * changes.
 *
 * A client belongs to a row of the split: that of its own network, else that of the relay's region, else the one of
 * clients without a home. Its place in the row is fixed by its network, so that a canary's clients stay in the canary.
 * It goes to the region that the row gives it; where the service does not work there, to another one that the row
 * names, then to one that serves, then to one that stands by. When it works nowhere, the same order is tried all the
 * same: a check may be wrong, and an error is the worst that can come of it.
 *
 * Of a service with one primary only that primary is ever named.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"

/* Where a client stands. */
struct service_route_client {
    uint32_t home;  /* row of the split */
    uint32_t point; /* in it */
};

struct service_route_client service_route_client(const struct view *view, const char *region,
                                                 const struct view_address *address);

/* The next server to try: not one of `tried` (bit per target), the best region's first, in it the one with the lowest
 * load. LIMITS_NONE: there is none. `service` is the view's index. */
uint32_t service_route_next(const struct view *view, uint32_t service, const struct service_route_client *client,
                            uint64_t tried, const uint32_t loads[LIMITS_TARGETS]);

/* Whether the service has a server in this region that the view does not call failed. */
bool service_route_works(const struct view *view, uint32_t service, uint32_t region);

enum service_route_fate {
    SERVICE_ROUTE_STAY,
    SERVICE_ROUTE_DRAIN,  /* its region gets no such clients any more, or the server is not configured any more */
    SERVICE_ROUTE_FAILED, /* its region has failed, and another one works */
    SERVICE_ROUTE_FENCED, /* its server is not the primary, or of an older epoch */
};

/* Of a connection to this server that was made under `epoch`. */
enum service_route_fate service_route_fate(const struct view *view, uint32_t service,
                                           const struct service_route_client *client, const struct view_address *server,
                                           uint64_t epoch);
