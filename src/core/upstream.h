/* SPDX-License-Identifier: Apache-2.0
 * Whom each standby streams from: the writer, or the leader of its region.
 *
 * Of a database with `cascade` each region but the writer's that has two nodes or more has a leader. It streams from
 * the writer; the region's other nodes stream from it, so that a commit crosses the link between the regions once.
 * Members of the durability set always stream from the writer itself: who cascades cannot acknowledge a commit, and is
 * never counted (core/durability.c asks upstream_direct). The leader is a member where there is one, else the one of
 * the highest priority, else the most advanced; it stays until it is lost, so that none jumps back and forth.
 *
 * A designated leader is not followed before it has confirmed: it reports that it took the order to stream from the
 * writer, that it does, and that its slots are made. The view carries the orders, numbered by the version that said so
 * first, and an agent takes none that is older than the newest it knows. Hence no ring of standbys, however late orders
 * come: in a ring each edge X -> Y is an order of number g(X) that was given when Y had confirmed an order to stream
 * from the writer, so Y's present order to stream from somebody else is newer, g(Y) > g(X), all the way round.
 *
 * Nothing changes while there is no writer that writes: nobody is judged by what it cannot have. */
#pragma once

#include "core/engine.h"

/* The duty of every step: chooses leaders, says who streams from whom. */
void upstream_step(struct engine *engine, struct output *output);

/* Whom the node is told to stream from; LIMITS_NONE: the writer, whoever that is. False: nothing is said, what was said
 * in a former life holds. */
bool upstream_of(const struct engine *engine, uint32_t node, uint32_t *ret_from);

/* Whether it is, or is about to become, its region's leader: it keeps slots for the region's other nodes. */
bool upstream_leads(const struct engine *engine, uint32_t node);

/* Whether it is set to stream from its writer itself, by its own report. */
bool upstream_direct(const struct engine *engine, uint32_t node);

/* How far a standby is behind the writer in time, as far as can be told; UINT32_MAX: it cannot. What it reports is
 * about whom it streams from: with everything of its leader replayed it still is as far behind as its leader. */
uint32_t upstream_lag_ms(const struct engine *engine, uint32_t node);

/* What the node is in its cluster, in an operator's words. */
enum upstream_part {
    UPSTREAM_NONE, /* its server does not run, or nobody knows */
    UPSTREAM_WRITER,
    UPSTREAM_SYNC,    /* a replica that tier-1 commits wait for */
    UPSTREAM_ASYNC,   /* one that nobody waits for */
    UPSTREAM_LEADER,  /* of its region; it may be a synchronous replica as well */
    UPSTREAM_CASCADED /* it streams from another replica */
};
enum upstream_part upstream_part(const struct engine *engine, uint32_t node);
const char *upstream_part_name(enum upstream_part part);

/* Whom a running standby says that it streams from; LIMITS_NONE: nobody, or it does not say. */
uint32_t upstream_told(const struct engine *engine, uint32_t node);

/* All that was said is said anew: the nodes have other numbers now. */
void upstream_forget(struct engine *engine);
