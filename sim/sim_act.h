/* SPDX-License-Identifier: Apache-2.0
 * What an action does to the world, and its answer. */
#pragma once

#include "sim/sim_world.h"

void sim_act(struct sim *sim, const struct action *action);

void sim_act_event(struct sim *sim, const struct sim_event *event);
