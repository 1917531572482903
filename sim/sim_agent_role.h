/* SPDX-License-Identifier: Apache-2.0
 * What an agent makes its server be: src/agent/role.c and role_standby.c in virtual time. */
#pragma once

#include "sim/sim_world.h"

/* Ordered to become the writer: answers at once, or when it is over. It opens with what the order requires. */
void sim_agent_role_promote(struct sim *sim, const struct sim_event *order);

/* What an order requires of the server's standbys, into the record. False: it says nothing, or is overtaken. */
bool sim_agent_role_require(struct sim_record *record, const struct sim_event *order);
void sim_agent_role_stop(struct sim *sim, uint32_t node, uint64_t action);

/* The store's answer to acquire, get or resume. */
void sim_agent_role_answer(struct sim *sim, const struct sim_event *event);

/* What the server was busy with is over. */
void sim_agent_role_done(struct sim *sim, const struct sim_event *event);

void sim_agent_role_tick(struct sim *sim, uint32_t node);

/* A controller's word: who writes, and whom to stream from. */
void sim_agent_role_hear(struct sim *sim, const struct sim_event *word);
