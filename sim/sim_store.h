/* SPDX-License-Identifier: Apache-2.0
 * The record store beside the controller: leases by compare-and-swap, as src/control/leases.c does it, and the
 * controller's own record. Outlives crashes; can be slow or full. */
#pragma once

#include "base/err.h"
#include "sim/sim_world.h"

enum sim_store_ask { SIM_STORE_GET, SIM_STORE_RENEW, SIM_STORE_ACQUIRE };

int64_t sim_store_latency(struct sim *sim);

enum err sim_store_lease(struct sim *sim, enum sim_store_ask ask, uint32_t database, uint32_t node, uint64_t epoch);
enum err sim_store_revoke(struct sim *sim, uint32_t database, uint32_t candidate, uint64_t next);
