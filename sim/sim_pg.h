/* SPDX-License-Identifier: Apache-2.0
 * A model of PostgreSQL: positions on branches of history, streaming to standbys, when a commit is acknowledged. */
#pragma once

#include "sim/sim_world.h"

/* All processes end at once. */
void sim_pg_kill(struct sim *sim, uint32_t node);

/* Clean end: standbys that stream get all of it, with the shutdown checkpoint. */
void sim_pg_shutdown(struct sim *sim, uint32_t node);

/* Becomes a writer: a new branch, or on in place. */
void sim_pg_promoted(struct sim *sim, uint32_t node, uint64_t epoch, bool in_place);

/* What the server requires of standbys; commits that wait are looked at again. */
void sim_pg_require(struct sim *sim, uint32_t node, uint32_t mask, uint32_t required);

/* A standby looks after its connection and its replay. */
void sim_pg_tick(struct sim *sim, uint32_t node);

void sim_pg_event(struct sim *sim, const struct sim_event *event);
