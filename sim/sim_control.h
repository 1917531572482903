/* SPDX-License-Identifier: Apache-2.0
 * The controller: the real engine, with persist -> publish -> act as src/control/journal.c keeps it. It can die between
 * any two actions; only the store's record is left then. */
#pragma once

#include "sim/sim_world.h"

void sim_control_start(struct sim *sim);
void sim_control_kill(struct sim *sim);

/* An event reaches the engine now. */
void sim_control_step(struct sim *sim, const struct event *event);

void sim_control_event(struct sim *sim, const struct sim_event *event);
