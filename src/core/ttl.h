/* SPDX-License-Identifier: Apache-2.0
 * How long answers that lead to a region may live: the view's ttl_ceiling_s.
 *
 * Names have a TTL that spares resolvers and us (60 s by default), which is also how long clients go on to a region
 * that they should have left. So the TTL falls before they have to leave:
 *
 * - on the first failed probe of a check that could move clients, before any threshold: until the switch comes, some of
 *   the old answers have run out, and what was asked since lives as long as the floor;
 * - when a run moves clients. Planned ones lower it first, for both regions (a move may be undone), and wait until the
 *   answers from before have run out (step LOWER_TTL).
 *
 * It comes back with confidence: twice as long after each TTL_GROW_MS without a new doubt. An observer that has long
 * been alone with its opinion is no doubt. Names whose TTL is at the floor or below are never touched; where all are,
 * no ceiling is ever set. */
#pragma once

#include "core/engine.h"

enum { TTL_GROW_MS = 10000 };

/* A duty of the leader, behind the run and before the view is drawn. */
void ttl_step(struct engine *engine, struct output *output);

/* For the view; 0: no ceiling. */
uint32_t ttl_ceiling_s(const struct engine *engine, uint32_t region);

/* Whether any name's TTL would be lowered. */
bool ttl_matters(const struct model *model);

/* When the last answer that lived longer than the floor has run out, for both regions of the run; in the past when
 * there is none any more. */
struct mono ttl_old_until(const struct engine *engine);
