/* SPDX-License-Identifier: Apache-2.0
 * Who the node is: becoming the writer, following one, and the keeper that restores either after a restart.
 *
 * Each epoch is a timeline of its own: a node becomes writer of a new epoch only by a promotion, also when it was the
 * writer before; so that equal timeline numbers of different histories can be told apart by the epoch they were written
 * under. */
#pragma once

#include "agent/node.h"
#include "base/time.h"

enum role_result {
    ROLE_DONE,
    ROLE_REFUSED, /* certainly not done, and never will be under this epoch */
    ROLE_FENCED,  /* an older epoch than known here */
    ROLE_UNKNOWN, /* under way, or the outcome cannot be told: ask again */
};

/* Becomes the writer of `epoch`: waits out own promises, acquires the lease, promotes, waits for the end of recovery.
 * May be repeated. */
enum role_result role_promote(struct node *node, uint64_t epoch, struct mono deadline);

/* From now on `writer` is the one to follow; the keeper does it. ERR_FENCED: an older epoch. ERR_CONFLICT: this node
 * holds the lease. */
ERR_CHECK enum err role_follow(struct node *node, const struct node_writer *writer);

/* The word of a controller about who writes: as role_follow, but never against a stop or a fence of that epoch. */
void role_hear(struct node *node, const char *writer, uint64_t epoch);

/* A stop or a fence by command: what this node wrote or followed so far does not start again by itself. */
ERR_CHECK enum err role_halt(struct node *node);

/* One turn of the keeper: starts, restarts, follows, clones, resumes. Blocks for as long as that takes. */
void role_keep(struct node *node);
