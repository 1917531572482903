/* SPDX-License-Identifier: Apache-2.0
 * An operator's order to move the primary of a cache to another region (`holdfast service move`).
 *
 * It is refused unless a replica there answers, follows the primary and has its stream up now. Once taken it waits some
 * seconds for that to be so at a quiet moment; then writes pause, the replica gets the rest, and the change goes as any
 * (core/cache.h). When the replica does not catch up, the primary stays, and that is told. The order is not stored:
 * when the controller is lost before the change was stored, the primary stays where it is. */
#pragma once

#include "core/engine.h"

/* Gives one reply. Its run is the epoch that the primary will have; 0: it is there already, or nothing was to be done.
 */
void cache_move_command(struct engine *engine, struct output *output, const struct event_command *command);
