/* SPDX-License-Identifier: Apache-2.0
 * The configured entries, which may be replaced while sessions stand on them.
 *
 * Sessions, pools and counters know an entry by its index. So an entry keeps its index as long as it is the same: its
 * name, its database on its cluster, writer or reader, its way of pooling. Its numbers may change. One that is gone, or
 * not the same any more, is closed where it stands: it takes no new sessions, and those that are there end at their
 * next transaction boundary. Pure functions, any thread. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "proxy/proxy_route.h"

struct proxy_entries {
    struct proxy_route routes[PROXY_ROUTES];
    uint32_t count; /* closed ones included */
};

/* Makes `wanted` the entries that are open. ERR_LIMIT: no place is left beside those that are closed, nothing was
 * changed; only a restart forgets these. */
ERR_CHECK enum err proxy_entries_replace(struct proxy_entries *entries, const struct proxy_route *wanted,
                                         uint32_t count);
