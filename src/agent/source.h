/* SPDX-License-Identifier: Apache-2.0
 * Whom this node's server streams from as a standby: the writer, or the leader of its region.
 *
 * The controllers say so in their answers to reports (core/upstream.h decides, and argues why no ring of standbys can
 * come of it). An order is taken once, kept in the record, and never replaced by an older one that comes late. Whether
 * the data directory can follow at all is judged against the writer in either case (agent/role_standby.h). */
#pragma once

#include <stdbool.h>

#include "agent/controller.h"
#include "agent/node.h"

/* All with `lock` held. */

/* Takes a controller's word: whom to stream from, and for which nodes to keep slots. */
void source_take(struct node *node, const struct controller_word *word);

/* Whom to stream from while `writer` writes: its leader, unless that streams from us as was last seen, was given up, or
 * is the writer; with the writer's epoch. */
struct node_writer source_of(const struct node *node, const struct node_writer *writer);

/* The server streams, and from whom it should. */
bool source_streams(const struct node *node);

/* The leader cannot serve us: the writer, until there is a newer order. */
void source_give_up(struct node *node);
