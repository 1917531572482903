/* SPDX-License-Identifier: Apache-2.0
 * Parameters that were changed and count only after a restart of the server. */
#include "agent/pending.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "edge/clock.h"
#include "edge/log.h"

enum {
    PENDING_QUERY_MS = 2000,
    PENDING_LOOK_MS = 5000,
};

static bool pending_due(struct node *node)
{
    node_lock(node);
    const bool due = node->state == NODE_RUNNING && node->status_known &&
                     (node->pending_looks > 0 || time_since_ms(clock_mono(), node->pending_at) >= PENDING_LOOK_MS);
    if (due) {
        node->pending_at = clock_mono();
        node->pending_looks -= node->pending_looks > 0;
    }
    node_unlock(node);
    return due;
}

void pending_look(struct node *node, struct pgquery *query)
{
    struct pg_result *result = NULL;
    if (!pending_due(node) ||
        pgquery_ask(query,
                    "SELECT coalesce(string_agg(name, ', ' ORDER BY name), '') FROM pg_settings WHERE pending_restart",
                    0, NULL, time_add_ms(clock_mono(), PENDING_QUERY_MS), &result) != ERR_OK) {
        return;
    }
    const char *names = PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "";
    node_lock(node);
    if (strncmp(node->pending_restart, names, sizeof node->pending_restart - 1) != 0) {
        snprintf(node->pending_restart, sizeof node->pending_restart, "%s", names);
        if (names[0] != '\0') {
            LOG_N("a restart of PostgreSQL is needed for: %s (holdfast agent restart %s)", names, node->options->node);
        }
        node_change(node);
    }
    node_unlock(node);
    PQclear(result);
}
