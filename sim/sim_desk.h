/* SPDX-License-Identifier: Apache-2.0
 * What others need of the controller: whether it is there, its view, and where actions' answers go. */
#pragma once

#include "sim/sim_world.h"

bool sim_desk_up(const struct sim *sim); /* the current controller */

/* The view as the newest publication shows it. */
const struct view *sim_desk_view(const struct sim *sim);

/* An action's answer leaves `place` to the controller that asked. */
void sim_desk_answer(struct sim *sim, uint32_t place, uint32_t to, const struct event_result *result);

/* An action is under way; an answer, or the end of patience, arrived: true when somebody still waits for it. */
void sim_desk_wait(struct sim *sim, const struct action *action);
bool sim_desk_answered(struct sim *sim, uint64_t id);
