/* SPDX-License-Identifier: Apache-2.0
 * Who has a right to write, on the machine's own clock. */
#pragma once

#include "sim/sim_world.h"

struct mono sim_right_now(const struct sim *sim, uint32_t node);
bool sim_right_holds(const struct sim *sim, uint32_t node, uint64_t epoch);

/* False while a sabotage switches fencing off. */
bool sim_right_fences(const struct sim *sim);
