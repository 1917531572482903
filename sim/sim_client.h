/* SPDX-License-Identifier: Apache-2.0
 * Clients: writers of tier 1 and tier 2 in each region, through DNS and proxy; they know what was acknowledged. */
#pragma once

#include "sim/sim_world.h"

void sim_client_event(struct sim *sim, const struct sim_event *event);

/* Whether every client got an acknowledgement a moment ago. */
bool sim_client_content(const struct sim *sim);
