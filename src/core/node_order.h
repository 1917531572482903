/* SPDX-License-Identifier: Apache-2.0
 * An operator's order about one standby: cloned anew from its writer (`holdfast agent reinit`), or its server started
 * again, for parameters that want it (`holdfast agent restart`).
 *
 * What it needs is a table of checks. Some never give way: a writer, or the only copy, is not taken down. Others a
 * person may force, with a reason. The order goes to the node's agent; a clone keeps the old directory; the agent's
 * report tells how far it is. One order at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"

enum { NODE_ORDER_CHECKS = 7 };

enum node_order_weight { NODE_ORDER_TOLD, NODE_ORDER_FORCED, NODE_ORDER_NEVER };

struct node_order_check {
    const char *name;
    bool good;
    enum node_order_weight weight; /* of a check that is not good: only told; a person may force it; never */
    const char *detail;            /* what is seen, and what to do about it; constant text */
};

/* All checks of a restart, or of a reinit, in order of weight; their number. */
uint32_t node_order_look(const struct engine *engine, uint32_t node, bool restart,
                         struct node_order_check ret_checks[NODE_ORDER_CHECKS]);

/* The first check that refuses it; NULL: none. */
const struct node_order_check *node_order_refusal(const struct node_order_check *checks, uint32_t count, bool force);

/* An operator's order. Gives one reply. */
void node_order_command(struct engine *engine, struct output *output, const struct event_command *command);

/* A duty of the leader: the order is given until it is answered or a while has passed. */
void node_order_step(struct engine *engine, struct output *output);
