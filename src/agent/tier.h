/* SPDX-License-Identifier: Apache-2.0
 * Whether a writer keeps the promise that every commit waits for the durability set (durability.every_commit).
 *
 * In stock PostgreSQL any role may lower synchronous_commit. What does it without being asked each time is in the
 * catalogs and files: settings of roles and of databases, SET clauses of functions, ALTER SYSTEM. That is looked at
 * every few seconds, and named. A session that does it by itself is the proxies' to refuse. */
#pragma once

#include <stdint.h>

#include "agent/agent_options.h"
#include "base/time.h"

enum { TIER_NAME = 96 };

struct tier_state {
    struct mono at;        /* of the last whole look; us 0: none yet */
    uint32_t lowers;       /* how many lowered it then */
    char first[TIER_NAME]; /* one of them: "role reports", "function public.load(text)" */
};

/* One look on a writer, when one is due: a session for each of its databases. A look that fails leaves the last one. */
void tier_turn(const struct agent_options *options, struct tier_state *state);

/* What the last look found, while it is not too old; UINT32_MAX: nothing is known. */
uint32_t tier_lowers(const struct tier_state *state, struct mono now);
