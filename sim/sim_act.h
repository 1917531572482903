/* SPDX-License-Identifier: Apache-2.0
 * What an action does to the world, and its answer. */
#pragma once

#include "sim/sim_world.h"

void sim_act(struct sim *sim, const struct action *action);

/* An agent's answer or the end of patience arrived: true when somebody still waits for it. */
bool sim_act_answered(struct sim *sim, uint64_t id);

void sim_act_event(struct sim *sim, const struct sim_event *event);
