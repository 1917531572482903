/* SPDX-License-Identifier: Apache-2.0
 * Observers: each site probes every region from where it stands, and sends what it saw to the controller. */
#pragma once

#include "sim/sim_world.h"

/* A round of all probes of a site. */
void sim_probe(struct sim *sim, const struct sim_event *event);

/* The round arrived at the controller. */
void sim_probe_arrive(struct sim *sim, const struct sim_event *event);
