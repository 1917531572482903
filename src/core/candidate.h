/* SPDX-License-Identifier: Apache-2.0
 * Who may become the writer: the most advanced reachable node of the target region that the rules of durability allow.
 *
 * A cluster with tier-1 data promotes only members of its durability set, and only when enough of the set (N - W + 1)
 * have been heard, so that the most advanced of them holds every acknowledged tier-1 commit; anything else needs a
 * person's accept_loss. A node that is configured `nofailover` is never chosen, not by an operator's order either; what
 * it has acknowledged counts. */
#pragma once

#include <stdint.h>

#include "core/engine.h"

struct candidate {
    uint32_t node;   /* LIMITS_NONE: none */
    const char *why; /* constant text: why this one, or why none */
    bool outside;    /* outside the durability set of a tier-1 cluster: only with accept_loss */
};

/* `region` LIMITS_NONE: any. `excluded`: bit per node that will not do (the old writer, those that refused). */
struct candidate candidate_choose(const struct engine *engine, uint32_t database, uint32_t region, uint32_t excluded,
                                  bool accept_loss);

/* Asked again once the old writer is fenced: whether this node certainly holds every acknowledged tier-1 commit, by
 * reports heard after `since`. What was true when it was chosen need not be: the old writer went on acknowledging. */
bool candidate_holds(const struct engine *engine, uint32_t database, uint32_t node, struct mono since);

/* Whether no commit of the cluster returns without this node, so that it may take over while the old writer still has
 * its right. So it is when every commit waits for the set (promised, and seen to be kept), the record requires all of
 * its members and this is one of them: N - W + 1 is 1. A promotion ends the node's receiving before the server opens;
 * from then on nobody else together is enough, and what was acknowledged before is on it. The old writer goes on
 * answering reads until its right ends (doc/decisions/012-a-writer-replaced-before-its-lease-ends.md). */
bool candidate_indispensable(const struct engine *engine, uint32_t database, uint32_t node);

/* The lag of a node behind the last known position of its writer, frozen while the writer is silent. False: unknown. */
bool candidate_lag_ms(const struct engine *engine, uint32_t node, uint32_t *ret_lag_ms);

/* Whether a member of the durability set that may take over stands in the writer's own region. */
bool candidate_neighbour(const struct engine *engine, uint32_t database);

/* Whether every database whose writer this region holds, and there is one, has such a neighbour. */
bool candidate_neighbours(const struct engine *engine, uint32_t region);
