/* SPDX-License-Identifier: Apache-2.0
 * Keeping the durability set right: which standbys a tier-1 commit waits for.
 *
 * The record (engine->durable, in the store) is what a promotion trusts; the server's synchronous_standby_names is what
 * a commit waits for. So a member leaves the record before the server is told, and enters it only after the server
 * requires it and it has flushed everything that was acknowledged before. Shrinking is told loudly; it is not done
 * while another move is under way. */
#pragma once

#include "core/engine.h"

/* The duty of every step: compares what is with what should be and moves one notch. */
void durability_step(struct engine *engine, struct output *output);

/* The set a new writer opens with: the record without the writer and without nodes that are not heard. Sets the record.
 */
void durability_reset(struct engine *engine, struct output *output, uint32_t database, uint32_t writer);
