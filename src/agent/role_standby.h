/* SPDX-License-Identifier: Apache-2.0
 * A node as a standby: start behind a writer, change to another without a restart, clone when it cannot follow.
 *
 * What decides (agent/pgparse.h): the writer's timeline history must hold the point where this node stands, and the
 * timelines' own past must be the same. A writer that did not stop cleanly has a tail nobody knows: it is kept aside
 * and cloned anew. */
#pragma once

#include "agent/node.h"

/* Nothing runs, `work` is held: begins to follow. */
void role_standby_begin(struct node *node, const struct node_writer *writer);

/* A standby runs: follows the present writer, notices that it cannot. Takes `work` only for the move itself: asking a
 * writer that does not answer takes seconds, and an order to promote must not wait for that. */
void role_standby_keep(struct node *node);

/* With `work` held: carries out an order to start the server again, when there is one: stops it, the keeper starts what
 * is stopped. False: nothing was done. */
bool role_standby_restart(struct node *node);

/* With `work` held: carries out an order to be cloned anew, when there is one. The old directory is kept; a failure
 * leaves it where it is, and the node follows with it. False: nothing was done. */
bool role_standby_reinit(struct node *node);
