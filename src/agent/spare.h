/* SPDX-License-Identifier: Apache-2.0
 * One session with the local server that is kept open, so that an order on which clients wait does not wait for
 * PostgreSQL to make one (some 5 ms).
 *
 * Lent to one at a time; who finds it lent, or gone, opens a session of its own. Thread-safe. */
#pragma once

#include "agent/pgquery.h"

struct node;

/* A turn of the thread that looks at the server: opens it while the server runs, forgets one that the server ended. */
void spare_keep(struct node *node);

/* A session for the caller, open when the spare was there; else it opens itself with the first call, as any other. */
void spare_take(struct node *node, struct pgquery *ret_query);

/* Closes it ahead of a stop: a session less that the server has to end while clients wait. */
void spare_drop(struct node *node);

/* Ends the caller's use: keeps the session when it is good and there is no other, closes it otherwise. Nothing may be
 * set in it that the next user does not expect. */
void spare_give(struct node *node, struct pgquery *query);
