/* SPDX-License-Identifier: Apache-2.0
 * Caches with one writer: which server of a service is the primary, and who follows it.
 *
 * One record per such service in the durable state: primary, epoch, and whether clients are sent there ("open"). The
 * order of a change never varies: the record names the new primary under the next epoch, closed; that is stored, then
 * published, and relays cut whoever is on the old one; then the new one is ordered to take writes; when it does, the
 * record is opened and published. So nobody is sent to two primaries, and a controller that dies in between goes on.
 *
 * A change is made
 *   - when the service's check FAILED in the primary's region, by the majority of the observers, unless automation is
 *     paused or most observers do not report; or the primary's server is not configured any more;
 *   - after a run that moved a region, when the primary is still in the run's source, or when an operator orders it
 *     (core/cache_move.h): writes pause, the target catches up, then as above. Nothing is lost.
 * A planned change remembers the one before until the new one is open. Behind the published view that one is asked once
 * more to hold its writes, and the new one is only opened while it does: neither a slow store nor a controller that
 * dies in between lets something be written that nobody will have. When the new one does not take over, the one before
 * is named again, under the next epoch: nobody was sent elsewhere meanwhile.
 * The candidate is a server that answered lately and follows the primary, of a region where the check has not failed:
 * a fit region first, then the one that has received most. Without a candidate nothing changes.
 *
 * Every other server that answers and does not follow the open primary is told to. A former primary that comes back is
 * so turned before it can matter: no view names it.
 *
 * A cache has no lease: who writes past the relays to a primary that is cut off is acknowledged by it, and loses that
 * when it is turned. */
#pragma once

#include "core/engine.h"

/* A server has told how it is. */
void cache_take(struct engine *engine, const struct event_cache *event);

/* What only the leader does. */
void cache_step(struct engine *engine, struct output *output);

/* The service's server at the recorded address; LIMITS_NONE: there is none, or it is not configured any more. */
uint32_t cache_recorded(const struct engine *engine, uint32_t service);

/* What the server said, if that was lately; NULL: it does not answer. */
const struct event_cache *cache_said(const struct engine *engine, uint32_t target);

/* Whether the service's check FAILED in the server's region. */
bool cache_failed(const struct engine *engine, uint32_t target);

/* The server that clients of this service are sent to; LIMITS_NONE: none now. */
uint32_t cache_primary(const struct engine *engine, uint32_t service);
