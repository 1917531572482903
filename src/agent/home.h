/* SPDX-License-Identifier: Apache-2.0
 * An old writer comes home: salvage first, then rewind.
 *
 * Salvage is a process of its own (`holdfast salvage`, reconcile/salvage.h): it can be given up at any moment, and run
 * by hand. It starts the old server alone, on a socket that only it knows; the fence lets that server be, and an order
 * to fence ends it like any other. pg_rewind begins only when salvage says that the directory holds nothing any more
 * that is not on the new writer or in its ledger, durably; a rewind that was begun and not ended leaves the mark
 * DATA.holdfast/rewinding, and the directory is cloned then. The server that salvage starts writes records that are
 * nobody else's, also where the directory had only what the writer has: DATA.holdfast/salvaging says so until it is
 * rewound or cloned, and such a directory follows nobody. */
#pragma once

#include "agent/node.h"
#include "base/err.h"

enum home_outcome {
    HOME_AGAIN,   /* not now: the data directory holds all it held */
    HOME_KEEP,    /* the directory must be kept: it holds what nobody else has; clone beside it */
    HOME_REWOUND, /* it is part of the writer's past now: start it behind the writer */
    HOME_USELESS, /* nothing in it is needed any more, but it could not be rewound: clone */
};

/* With `work` held and no server running. Blocks until it is over, or an order comes in between. */
enum home_outcome home_come(struct node *node, const struct node_writer *writer);

/* Salvage began in this directory, and it was neither rewound nor replaced since. */
bool home_begun(const struct node *node);

/* The directory has begun to follow, or was replaced. */
void home_settled(struct node *node);
