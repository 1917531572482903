/* SPDX-License-Identifier: Apache-2.0
 * Replication slots for nodes that do not stream from this server just now, as the controllers tell (agent/source.h).
 *
 * A region's leader keeps one for each other node of its region: they find it when they come. A writer keeps one for
 * each node that streams from a leader: should the leader be lost, the log that the node needs is still there; and the
 * guard slots (agent/guard.h) stay behind what every node has. A slot in use moves by itself; one that is not is moved
 * up to what its node says that it has, so that nothing is held back for ever; beyond max_slot_wal_keep_size the server
 * drops what a slot holds, and the slot is made anew. */
#pragma once

#include "agent/node.h"

/* One turn, a second apart: makes, moves and repairs; drops those of a standby that leads no more. Blocks, for seconds
 * at the most. */
void slot_turn(struct node *node);
