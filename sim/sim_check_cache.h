/* SPDX-License-Identifier: Apache-2.0
 * The promises about caches with one primary (core/cache.h): no view names two primaries under one epoch, epochs only
 * grow, nobody is named before that is stored and it takes writes, a planned move loses nothing that was acknowledged
 * before, and once everything is repaired there is a primary that the others follow. */
#pragma once

#include "sim/sim_world.h"

/* Of each view, in the order of publication. */
void sim_check_cache_view(struct sim *sim, const struct view *view);

/* What the engine says: which moves are planned. */
void sim_check_cache_trace(struct sim *sim, const struct trace *trace);

/* A server takes writes by an order of this epoch, from one that still counts on what its predecessor has. */
void sim_check_cache_promoted(struct sim *sim, uint32_t target, uint64_t epoch);

/* It has acknowledged a write of a client who came by a view of this epoch. */
void sim_check_cache_acked(struct sim *sim, uint32_t target, uint64_t epoch);

/* NULL, or what is not as it must be in the end. */
const char *sim_check_cache_converged(const struct sim *sim);
