/* SPDX-License-Identifier: Apache-2.0
 * What both halves of the agent use: killing, arming the fence, calls to the store, answers to orders. */
#pragma once

#include "base/err.h"
#include "sim/sim_world.h"

enum { SIM_AGENT_CALL_PARTS = 6 }; /* a call may take lease / 6 */

/* Ends the server and any right; with the proof. */
void sim_agent_call_kill(struct sim *sim, uint32_t node);
void sim_agent_call_arm(struct sim *sim, uint32_t node);
void sim_agent_call_store(struct sim *sim, uint32_t node, uint32_t ask, uint64_t epoch);
void sim_agent_call_answer(struct sim *sim, uint32_t node, uint32_t slot, bool ok, bool refused, enum err error);
