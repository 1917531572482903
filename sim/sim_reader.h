/* SPDX-License-Identifier: Apache-2.0
 * The data planes of each site, proxy and DNS: they take up views, sometimes late, and say from which one they answer.
 */
#pragma once

#include "sim/sim_world.h"

void sim_reader_publish(struct sim *sim, const struct view *view);
void sim_reader_event(struct sim *sim, const struct sim_event *event);
