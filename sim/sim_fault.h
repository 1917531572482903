/* SPDX-License-Identifier: Apache-2.0
 * Faults: begin, end, and the repair of everything. */
#pragma once

#include "sim/sim_world.h"

void sim_fault_event(struct sim *sim, const struct sim_event *event);

/* Ends all that is on. */
void sim_fault_heal(struct sim *sim);
