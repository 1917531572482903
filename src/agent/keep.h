/* SPDX-License-Identifier: Apache-2.0
 * The keeper: restores what the node is to be, after a restart, a death, or a change of the writer.
 *
 * Each turn looks at three things: is the lease held, does a server run, who writes. From them follows one move:
 * restart the writer in place, finish a promotion, follow, clone, ask the store whether this node is (or founds) the
 * writer, end a server that writes without a right. Commands (agent/command.h) make the same moves; `work` keeps them
 * apart. */
#pragma once

#include "agent/node.h"

/* One turn. Blocks for as long as its move takes; does nothing while a command is at work. */
void keep_turn(struct node *node);
