/* SPDX-License-Identifier: Apache-2.0
 * The configured entries, which may be replaced while sessions stand on them.
 *
 * Sessions, pools and counters know an entry by its index. So an entry keeps its index as long as it is the same: its
 * name, its database on its cluster, writer or reader, its way of pooling. Its numbers may change. One that is gone, or
 * not the same any more, is closed where it stands: it takes no new sessions, and those that are there end at their
 * next transaction boundary. When nothing stands on it any more its index is another one's, should it be needed. Pure
 * functions, any thread. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "proxy/proxy_route.h"

struct proxy_entries {
    struct proxy_route routes[PROXY_ROUTES];
    uint32_t count; /* closed ones included */
};

_Static_assert(PROXY_ROUTES <= 64, "sets of entries are words, a bit for each index");

/* Those that are closed. */
uint64_t proxy_entries_closed(const struct proxy_entries *entries);

/* Makes `wanted` the entries that are open. `left`: closed ones on which nothing stands any more. `ret_reused`: those
 * of them that are others now. ERR_LIMIT: no place is left beside those that are closed, nothing was changed. */
ERR_CHECK enum err proxy_entries_replace(struct proxy_entries *entries, const struct proxy_route *wanted,
                                         uint32_t count, uint64_t left, uint64_t *ret_reused);
