/* SPDX-License-Identifier: Apache-2.0
 * Several controllers over one store: which of them leads (core/leader.h), whether the store can be reached. A seed
 * with one controller never comes here but for the first two. */
#pragma once

#include "sim/sim_world.h"

bool sim_lead_several(const struct sim *sim);

/* The right to act, by the current controller's own clock. */
bool sim_lead_right(struct sim *sim);

/* Whether the controller reaches a majority of the store's members, which stand at the controllers' sites. */
bool sim_lead_open(const struct sim *sim, uint32_t who);

/* A way to the store's majority and back, with what the store itself takes. */
int64_t sim_lead_latency(struct sim *sim);

/* The current controller begins as a follower. */
void sim_lead_start(struct sim *sim);

/* A database's lease record was written: every controller that reaches the store hears of it. */
void sim_lead_tell(struct sim *sim, const struct event_lease *lease);

/* The current controller's life is over; it begins anew in a moment. */
void sim_lead_end(struct sim *sim);

/* Makes the present leader current. False: there is none. */
bool sim_lead_find(struct sim *sim);

void sim_lead_event(struct sim *sim, const struct sim_event *event);
