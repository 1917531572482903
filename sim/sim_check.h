/* SPDX-License-Identifier: Apache-2.0
 * The promises, looked at after every event: safety always, runs when they move, liveness after healing. */
#pragma once

#include "sim/sim_world.h"

/* After every event: at most one server per database that accepts writes, only with a right, and none that requires
 * less than the record of its durability set trusts. */
/* Whom this standby is set to stream from was changed: the log comes from a writer, never round in a ring. */
void sim_check_ring(struct sim *sim, uint32_t node);

void sim_check_writers(struct sim *sim);

/* A server became writable under this epoch: epochs grow, nothing that was acknowledged is missing. */
void sim_check_promoted(struct sim *sim, uint32_t node, uint64_t epoch);

/* A server acknowledges. */
void sim_check_ack(struct sim *sim, uint32_t node, const struct sim_commit *commit);

/* A view is about to be published. */
void sim_check_view(struct sim *sim, const struct view *view);

/* After a step of the engine: runs move in the plan's order and end properly. */
void sim_check_engine(struct sim *sim);

/* What has not converged yet; NULL: everything has. */
const char *sim_check_converged(const struct sim *sim);
