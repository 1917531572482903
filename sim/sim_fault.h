/* SPDX-License-Identifier: Apache-2.0
 * Faults: begin, end, and the repair of everything. */
#pragma once

#include "sim/sim_world.h"

void sim_fault_event(struct sim *sim, const struct sim_event *event);

/* The script's fault with this number, from one time to another (INT64_MAX: until healing). */
void sim_fault_start(struct sim *sim, uint32_t index, int64_t at_us, int64_t end_us);

/* A run has begun this step: the faults that waited for it begin. */
void sim_fault_meet(struct sim *sim, enum plan_step step);

/* Ends all that is on. */
void sim_fault_heal(struct sim *sim);
