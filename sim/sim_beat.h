/* SPDX-License-Identifier: Apache-2.0
 * Heartbeats: what each observing site hears of each node's agent, and its word to the controllers.
 *
 * Datagrams are lost where links are lossy and never sent again; links may be cut one way; an agent that stands still
 * sends none. A site stands still itself now and then (its windows begin anew), and its words travel as reports do: by
 * TCP, late on a bad link. Only in worlds whose databases have a window (model_database.silence_ms); their dice are
 * their own, so that the other worlds stay what they were. */
#pragma once

#include "sim/sim_world.h"

/* A round of a site's ears. */
void sim_beat(struct sim *sim, const struct sim_event *event);

/* An agent tells the certain death of its server, thrice. */
void sim_beat_death(struct sim *sim, uint32_t node);

/* Whether anything of this happens. */
bool sim_beat_any(const struct sim *sim);
