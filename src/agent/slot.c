/* SPDX-License-Identifier: Apache-2.0
 * Replication slots for nodes that do not stream from this server just now. */
#include "agent/slot.h"

#include <string.h>

#include <libpq-fe.h>

#include "agent/pgconf.h"
#include "agent/pgquery.h"
#include "edge/clock.h"
#include "edge/log.h"

enum { SLOT_QUERY_MS = 3000 };

/* $1 the slot, $2 what its node has (NULL: not known). One that can serve nobody: what it held is gone, or it holds
 * nothing although its node is up to date. */
static const char slot_drop_sql[] =
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active AND "
    "(wal_status = 'lost' OR (restart_lsn IS NULL AND $2::pg_lsn >= (SELECT redo_lsn FROM pg_control_checkpoint())))";

/* It holds the log from the last checkpoint on when its node has all before that, else nothing until the node comes. */
static const char slot_make_sql[] =
    "SELECT pg_create_physical_replication_slot($1, coalesce($2::pg_lsn >= (SELECT redo_lsn FROM "
    "pg_control_checkpoint()), false)) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)";

static const char slot_move_sql[] =
    "SELECT pg_replication_slot_advance(slot_name, $2::pg_lsn) FROM pg_replication_slots WHERE slot_name = $1 AND NOT "
    "active AND restart_lsn < $2::pg_lsn AND wal_status <> 'lost'";

static const char slot_left_sql[] = "SELECT FROM pg_replication_slots WHERE slot_name LIKE 'holdfast\\_%'";

static enum err slot_serve(struct pgquery *query, const struct controller_slot *wanted)
{
    static const char *const statements[] = {slot_drop_sql, slot_make_sql, slot_move_sql};
    char slot[PGCONF_SLOT];
    char flushed[LSN_TEXT];
    pgconf_slot(wanted->node, slot);
    lsn_print(wanted->flushed, flushed);
    const char *const values[] = {slot, wanted->flushed.position > 0 ? flushed : NULL};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0] && err == ERR_OK; i++) {
        err = pgquery_command(query, statements[i], 2, values, time_add_ms(clock_mono(), SLOT_QUERY_MS));
    }
    return err;
}

/* False: one of them is in use. */
static bool slot_drop_all(struct pgquery *query)
{
    PGresult *result = NULL;
    enum err err = pgquery_slots(query, false, time_add_ms(clock_mono(), SLOT_QUERY_MS));
    err = err == ERR_OK ? pgquery_ask(query, slot_left_sql, 0, NULL, time_add_ms(clock_mono(), SLOT_QUERY_MS), &result)
                        : err;
    const bool none = err == ERR_OK && PQntuples(result) == 0;
    PQclear(result);
    return none;
}

/* They hold what they should, for this list. */
static void slot_made(struct node *node, const struct node_slots *slots)
{
    node_lock(node);
    if (node->slots.count == slots->count && !node->slots.made) {
        node->slots.made = true;
        node_change(node);
    }
    node_unlock(node);
}

void slot_turn(struct node *node)
{
    struct pgquery query;
    node_lock(node);
    const struct node_slots slots = node->slots;
    const bool running = node->state == NODE_RUNNING && node->status_known;
    const bool writer = running && !node->status.in_recovery;
    node_unlock(node);
    if (!running || (slots.count == 0 && (writer || !slots.made))) {
        return;
    }
    enum err err = ERR_OK;
    pgquery_init(&query, node->options);
    for (uint32_t i = 0; i < slots.count && err == ERR_OK; i++) {
        err = slot_serve(&query, &slots.wanted[i]);
    }
    if (err != ERR_OK) {
        LOG_W("replication slots for other nodes: %s", query.error);
    } else if (slots.count > 0) {
        slot_made(node, &slots);
    } else if (slot_drop_all(&query)) {
        node_lock(node);
        node->slots.made &= node->slots.count > 0;
        node_unlock(node);
    }
    pgquery_close(&query);
}
