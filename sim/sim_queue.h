/* SPDX-License-Identifier: Apache-2.0
 * What will happen, in order of time; equal times in order of being scheduled. */
#pragma once

#include "sim/sim_world.h"

void sim_queue_init(struct sim_queue *queue);
void sim_queue_fini(struct sim_queue *queue);

/* At this time (not before now). The event is copied. */
void sim_queue_at(struct sim *sim, int64_t at_us, const struct sim_event *event);

/* The earliest; false when there is none. Moves the time. */
bool sim_queue_take(struct sim *sim, struct sim_event *ret_event);
