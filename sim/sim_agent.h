/* SPDX-License-Identifier: Apache-2.0
 * The agent beside each PostgreSQL, with the core's own lease arithmetic: what src/agent does, in virtual time. */
#pragma once

#include "sim/sim_world.h"

/* Power on, or the agent's start after its death: a standby that runs is adopted, a writer is killed. */
void sim_agent_start(struct sim *sim, uint32_t node);

/* The agent's process dies; its fence process does its work. */
void sim_agent_killed(struct sim *sim, uint32_t node);

/* The machine goes on after it stood still: the fence looks at the clock before anything else runs. */
void sim_agent_thaw(struct sim *sim, uint32_t node);

void sim_agent_event(struct sim *sim, const struct sim_event *event);
