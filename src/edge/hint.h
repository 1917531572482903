/* SPDX-License-Identifier: Apache-2.0
 * Which checks are worth making now, by what proxies and relays of this host meet with.
 *
 * And by what applications tell of it (edge/feedback.h). When failures or wrong servers at a database's node have grown
 * since the last look, the check of that database in that region is made at once (probe_pool_soon). It is the check
 * that then says what is true, for every site by itself; what proxies say makes no verdict (doc/decisions/026).
 * Bounded: one look per HINT_MS, and a check that has failed already is not hurried.
 *
 * Belongs to the thread that calls hint_look, or to the lock that it holds. */
#pragma once

#include "base/time.h"
#include "core/view.h"
#include "edge/feedback.h"
#include "edge/probe.h"
#include "edge/publish.h"

enum { HINT_MS = 100 };

struct hint_node {
    struct view_address server;
    uint64_t bad; /* failures and wrong servers, at the last look */
};

struct hint {
    struct mono at;
    struct hint_node nodes[LIMITS_NODES]; /* by the view's index; another address begins anew */
};

/* `soon` is probe_pool_soon, but for tests. How many hints were given. */
uint32_t hint_look(struct hint *hint, const struct publish_writer *publisher, const struct feedback *feedback,
                   struct mono now, void (*soon)(struct probe_pool *pool, const char *database, const char *region),
                   struct probe_pool *pool);
