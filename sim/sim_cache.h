/* SPDX-License-Identifier: Apache-2.0
 * Servers of caches with one primary, as Redis is: who takes writes and who follows is what the last order said,
 * whoever gave it; nothing there knows of epochs. A server that starts is empty and a primary. */
#pragma once

#include "sim/sim_world.h"

/* The servers of the model come up. Nothing where no service has one primary. */
void sim_cache_start(struct sim *sim);

/* An order of the current controller leaves for a server. */
void sim_cache_order(struct sim *sim, const struct action *action);

void sim_cache_event(struct sim *sim, const struct sim_event *event);
