/* SPDX-License-Identifier: Apache-2.0
 * Whether what former writers left behind is settled: the ledger of each cluster as its writer's agent counts it
 * (doc/salvage.md), and the ends of writers that a person gave up (core/durable.h).
 *
 * The failback guard asks it: a cluster with tier-1 data is not brought home while commits wait for a person. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"

struct ledger_state {
    bool known;    /* the writer's agent has counted a short while ago */
    uint32_t open; /* entries that wait for a person */
    uint32_t away; /* former writers outside the durability set that have not brought home what they hold alone */
};

struct ledger_state ledger_look(const struct engine *engine, uint32_t database);

/* A duty of the leader: the end of a former writer is settled once that node has brought home what it held alone, and
 * the ledger, counted after that, has no open entry. */
void ledger_step(struct engine *engine, struct output *output);
