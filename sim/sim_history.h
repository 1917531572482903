/* SPDX-License-Identifier: Apache-2.0
 * Servers as seen from outside: who writes, and whose history holds what. */
#pragma once

#include "sim/sim_world.h"

/* Accepts writes at this moment. */
bool sim_history_writable(const struct sim_node *node);

/* Whether history up to `position` of `branch` is part of what the other has. */
bool sim_history_within(const struct sim *sim, uint32_t branch, uint64_t position, uint32_t other,
                        uint64_t other_position);
bool sim_history_holds(const struct sim *sim, const struct sim_pg *pg, const struct sim_commit *commit);
