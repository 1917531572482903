/* SPDX-License-Identifier: Apache-2.0
 * Observers: each site probes every region from where it stands, and sends what it saw to the controller. */
#pragma once

#include "sim/sim_world.h"

enum { SIM_PROBE_LIMIT = 64 }; /* a round is one word of bits */

/* A round of all probes of a site. */
void sim_probe(struct sim *sim, const struct sim_event *event);

/* Whether the region's databases play the role that the view gives them, as seen from a place. */
bool sim_probe_database(const struct sim *sim, uint32_t site, uint32_t region);
