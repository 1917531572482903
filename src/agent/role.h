/* SPDX-License-Identifier: Apache-2.0
 * Who the node is: becoming the writer, choosing one to follow.
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

/* What an order to promote says about the durability set. */
struct role_opening {
    uint64_t order;         /* how new it is; 0: nothing is said, what the node was told last holds */
    const char *durability; /* synchronous_standby_names */
    bool early;             /* the old writer acknowledges nothing without this node: no promise to it binds */
};

/* Becomes the writer of `epoch`: waits out own promises, acquires the lease, promotes, waits for the end of recovery.
 * The server opens with what `opening` requires of its standbys. May be repeated. */
enum role_result role_promote(struct node *node, uint64_t epoch, const struct role_opening *opening,
                              struct mono deadline);

/* From now on `writer` is the one to follow; the keeper does it. ERR_FENCED: an older epoch. ERR_CONFLICT: this node
 * holds the lease. */
ERR_CHECK enum err role_follow(struct node *node, const struct node_writer *writer);

/* The word of a controller about who writes, and whom to stream from: as role_follow, but never against a stop or a
 * fence of that epoch. */
void role_hear(struct node *node, const struct controller_word *word);

/* With `lock` held: whether this node was the writer of that epoch, so that it may have acknowledged commits under it.
 */
bool role_wrote(const struct node *node, uint64_t epoch);

/* A stop or a fence by command: what this node wrote or followed so far does not start again by itself. `learn`: the
 * command's epoch is another node's. ERR_FENCED: the command is older than what this node knows; nothing changes. */
ERR_CHECK enum err role_halt(struct node *node, uint64_t epoch, bool learn);

/* ---- for the keeper (agent/keep.h), with `work` held where a server is moved ---- */

/* With `lock` held: this node writes under `epoch`, as far as was seen. */
bool role_is_writer(struct node *node, uint64_t epoch);

/* With `lock` held: makes the node of this name the one to follow. False: no such node. */
bool role_set_writer(struct node *node, const char *name, uint64_t epoch);

/* A server in recovery that answers: what a promotion needs. Starts one when none runs. */
ERR_CHECK enum err role_ready(struct node *node, struct mono deadline);

/* Until every promise of this node has ended. False: the deadline came first. */
bool role_await_promises(struct node *node, struct mono deadline);

/* With the lease held and a server in recovery: promotes. The fence is armed first. ERR_STALE: not over yet. */
ERR_CHECK enum err role_promote_server(struct node *node, uint64_t epoch, struct mono deadline);

/* The server is a writer: remembered first, told next; what can wait is the keeper's. */
ERR_CHECK enum err role_became_writer(struct node *node, uint64_t epoch, struct pgquery *query);
