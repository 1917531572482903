/* SPDX-License-Identifier: Apache-2.0
 * Operators: a script's orders, random ones in the storm, and the patient one who approves and aborts what waits once
 * everything is repaired. */
#pragma once

#include "sim/sim_world.h"

void sim_people_event(struct sim *sim, const struct sim_event *event);
