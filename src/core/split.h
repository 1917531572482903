/* SPDX-License-Identifier: Apache-2.0
 * The split: where each home region's clients go, as a pure function of what share of its own clients each region
 * carries.
 *
 * In steady state a region carries all clients of its own and its weight of the others. A region's factor
 * (0..DURABLE_WHOLE) scales that; what it does not carry goes to its first backup that carries everything. Failover,
 * canary and drain are changes of a factor. */
#pragma once

#include "core/durable.h"
#include "core/model.h"
#include "core/view.h"

/* The row of one home (a region index or VIEW_HOME_DEFAULT); adds up to VIEW_SHARES_WHOLE. */
void split_row(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t home,
               uint32_t ret_row[LIMITS_REGIONS]);

/* Whether a region carries any traffic. */
bool split_carries(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t region);

/* The first backup of `region` that carries everything; LIMITS_NONE when there is none. */
uint32_t split_substitute(const struct model *model, const uint32_t factor[LIMITS_REGIONS], uint32_t region);
