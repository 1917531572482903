/* SPDX-License-Identifier: Apache-2.0
 * A node as a standby: start behind a writer, change to another without a restart, clone when it cannot follow.
 *
 * What decides (agent/pgparse.h): the writer's timeline history must hold the point where this node stands, and the
 * timelines' own past must be the same. A writer that did not stop cleanly has a tail nobody knows: it is kept aside
 * and cloned anew. All with `work` held. */
#pragma once

#include "agent/node.h"

/* Nothing runs: begins to follow. */
void role_standby_begin(struct node *node, const struct node_writer *writer);

/* A standby runs: follows the present writer, notices that it cannot. */
void role_standby_keep(struct node *node);
