/* SPDX-License-Identifier: Apache-2.0
 * Keeping the durability set right: which standbys a tier-1 commit waits for.
 *
 * The record (engine->durable, in the store) is what a promotion trusts: of its N members N - W + 1 must be heard, and
 * the most advanced of these holds every acknowledged commit. The server's synchronous_standby_names (any K of S) is
 * what a commit waits for. The two agree as long as no K servers of S fit beside N - W + 1 of the members, that is:
 *
 *     K >= W + (number of S that are not members)
 *
 * No order of two single changes keeps that true: with any one of {a, b}, dropping b from the record first loses what
 * b alone acknowledged, and adding b to the server first loses the same. So a change takes three moves: the record
 * takes in the members of both settings and the smaller W (never less safe, perhaps nobody may be promoted for a
 * moment), then the server is told, then, once every standby it requires has flushed what was acknowledged before, the
 * record says the same as the server. Shrinking is told loudly; nothing changes while the writer moves.
 *
 * A member that has not been receiving for two seconds leaves the set. When it was the last one, the operator's choice
 * holds: `degrade`, the server requires nobody and the record has no members, so that nobody may be promoted without a
 * person's accept_loss until a standby has caught up and the set has grown again; or `block`, server and record stay
 * as they are, commits wait, and who has acknowledged all of them may still take over. Without a controller that leads
 * nobody changes anything: commits wait.
 *
 * A new writer opens with its set already in force: whoever is gone with the old writer must not hold up its first
 * commits, whoever is left must go on acknowledging. The record takes that set in before the order to promote goes out,
 * but requires nobody: what was acknowledged under the old epoch is on the new writer and perhaps nowhere else, so
 * nobody may be promoted until, by the same third move, the standbys have caught up with it. A server that opens with
 * any other set (an agent that does not know the order's set) is therefore as safe, only slower. */
#pragma once

#include "core/engine.h"

/* Whether the writer's commits are acknowledged by another node as well. */
enum durability_state {
    DURABILITY_KEPT,     /* or nothing is promised, or the writer moves just now */
    DURABILITY_DEGRADED, /* no member is left that can acknowledge: tier-1 commits go on alone (on_empty: degrade) */
    DURABILITY_BLOCKED,  /* ... they wait (on_empty: block) */
};
enum durability_state durability_look(const struct engine *engine, uint32_t database);

/* Whether every commit of the present writer waits for the set: promised by the configuration, and nothing on its
 * server was seen to lower it when it was last looked. */
bool durability_promised(const struct engine *engine, uint32_t database);

/* The duty of every step: compares what is with what should be and moves one notch. */
void durability_step(struct engine *engine, struct output *output);

/* The set that `writer` will open with: the record's members without it, without the old writer and without those that
 * are not heard. Sets the record: these members, none required. Once, before the order to promote is given. */
void durability_open(struct engine *engine, struct output *output, uint32_t database, uint32_t writer);

/* What the order to promote carries: the set of durability_open, the same after a restart; nothing (`order` 0) for a
 * database without tier 1. */
void durability_order(const struct engine *engine, struct action *promote);
