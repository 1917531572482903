/* SPDX-License-Identifier: Apache-2.0
 * The ledger of one database, asked for the API. */
#include "reconcile/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "reconcile/salvage_resolve.h"

/* $1: entries behind this id; $2: how many; $3: those that wait for a person only. Rows are left out: they may be long.
 */
static const char ledger_page_sql[] =
    "WITH page AS (SELECT e.id, e.run, e.system_id, e.timeline, e.epoch, e.commit_lsn, e.xid, e.commit_time, e.method, "
    "e.state, e.reason, e.changes_count, e.resolved_reason, e.resolved_by, e.resolved_at FROM holdfast.ledger_entry e "
    "WHERE e.id > $1::bigint AND (NOT $3::boolean OR e.state = 'quarantined') ORDER BY e.id LIMIT $2::bigint + 1), "
    "kept AS (SELECT * FROM page ORDER BY id LIMIT $2::bigint) "
    "SELECT json_build_object('open', (SELECT count(*) FROM holdfast.ledger_entry WHERE state = 'quarantined'), "
    "'entries', coalesce((SELECT json_agg(to_json(kept) ORDER BY kept.id) FROM kept), '[]'::json), "
    "'next', CASE WHEN (SELECT count(*) FROM page) > $2::bigint THEN (SELECT max(id) FROM kept) END)";

/* The rows of a large transaction do not fit an answer: the command line shows them. */
static const char ledger_entry_sql[] =
    "SELECT to_jsonb(e) - 'changes' || jsonb_build_object('changes', CASE WHEN octet_length(e.changes::text) <= "
    "1048576 "
    "THEN e.changes END, 'changes_left_out', coalesce(octet_length(e.changes::text) > 1048576, false), 'run', "
    "to_jsonb(r)) FROM holdfast.ledger_entry e JOIN holdfast.ledger_run r ON r.id = e.run WHERE e.id = $1::bigint";

static enum err ledger_text(const char *text, char **ret_json)
{
    *ret_json = strdup(text);
    return *ret_json != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* Nothing was ever salvaged: the tables do not exist. */
static bool ledger_none(const struct sql *sql)
{
    return strcmp(sql->sqlstate, "42P01") == 0 || strcmp(sql->sqlstate, "3F000") == 0;
}

static enum err ledger_page(struct sql *sql, const struct desk_ledger *ask, struct mono deadline, char **ret_json)
{
    char after[24];
    char limit[16];
    PGresult *result = NULL;
    snprintf(after, sizeof after, "%llu", (unsigned long long)ask->id);
    snprintf(limit, sizeof limit, "%u", ask->limit);
    const char *const values[] = {after, limit, ask->open ? "t" : "f", NULL};
    const enum err err = sql_query(sql, ledger_page_sql, values, deadline, &result);
    if (err != ERR_OK) {
        return ledger_none(sql) ? ledger_text("{\"open\": 0, \"entries\": [], \"next\": null}", ret_json) : err;
    }
    const enum err copied = ledger_text(PQgetvalue(result, 0, 0), ret_json);
    PQclear(result);
    return copied;
}

static enum err ledger_entry(struct sql *sql, const struct desk_ledger *ask, struct mono deadline, char **ret_json)
{
    char id[24];
    PGresult *result = NULL;
    snprintf(id, sizeof id, "%llu", (unsigned long long)ask->id);
    const char *const values[] = {id, NULL};
    enum err err = sql_query(sql, ledger_entry_sql, values, deadline, &result);
    if (err != ERR_OK && !ledger_none(sql)) {
        return err;
    }
    if (err != ERR_OK || PQntuples(result) == 0) {
        snprintf(sql->message, sizeof sql->message, "the ledger has no entry %s", id);
        err = ERR_NOT_FOUND;
    } else {
        err = ledger_text(PQgetvalue(result, 0, 0), ret_json);
    }
    PQclear(result);
    return err;
}

static enum err ledger_resolve(struct sql *sql, const struct desk_ledger *ask, struct mono deadline, char **ret_json)
{
    char id[24];
    char json[96];
    const bool apply = ask->what == DESK_LEDGER_APPLY;
    snprintf(id, sizeof id, "%llu", (unsigned long long)ask->id);
    const struct salvage_resolve resolve = {.id = id, .reason = ask->reason, .who = ask->who, .apply = apply};
    const enum err err = salvage_resolve(sql, &resolve, deadline);
    if (err != ERR_OK) {
        return ledger_none(sql) ? ERR_NOT_FOUND : err;
    }
    snprintf(json, sizeof json, "{\"id\": %s, \"state\": \"%s\"}", id, apply ? "applied" : "discarded");
    return ledger_text(json, ret_json);
}

enum err ledger_ask(const struct sql_login *login, const struct desk_ledger *ask, struct mono deadline, char **ret_json,
                    char *message, size_t size)
{
    struct sql sql = {.connection = NULL};
    PGresult *result = NULL;
    enum err err = sql_open(&sql, login, deadline);
    err = err == ERR_OK ? sql_query(&sql, "SELECT pg_is_in_recovery()", NULL, deadline, &result) : err;
    if (err == ERR_OK && PQgetvalue(result, 0, 0)[0] != 'f') {
        snprintf(sql.message, sizeof sql.message, "the server is not the writer now");
        err = ERR_ROLE;
    }
    PQclear(result);
    if (err == ERR_OK) {
        err = ask->what == DESK_LEDGER_PAGE    ? ledger_page(&sql, ask, deadline, ret_json)
              : ask->what == DESK_LEDGER_ENTRY ? ledger_entry(&sql, ask, deadline, ret_json)
                                               : ledger_resolve(&sql, ask, deadline, ret_json);
    }
    snprintf(message, size, "%s", err == ERR_OK ? "" : sql.message);
    sql_close(&sql);
    return err;
}
