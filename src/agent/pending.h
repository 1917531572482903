/* SPDX-License-Identifier: Apache-2.0
 * Parameters that were changed and count only after a restart of the server (pg_settings.pending_restart).
 *
 * Called by the thread that looks at the server, with its session. */
#pragma once

#include "agent/node.h"
#include "agent/pgquery.h"

/* A look every few seconds, and soon after parameters were read anew. */
void pending_look(struct node *node, struct pgquery *query);
