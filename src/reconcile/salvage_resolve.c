/* SPDX-License-Identifier: Apache-2.0
 * A person's word about a quarantined transaction. */
#include "reconcile/salvage_resolve.h"

#include <stddef.h>
#include <stdio.h>

#include "reconcile/salvage_sql.h"

static const char salvage_resolve_session[] =
    "SET synchronous_commit = on; SET session_replication_role = replica; SET search_path = pg_catalog, pg_temp; "
    "SET lock_timeout = '5s'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; "
    "SET bytea_output = 'hex'; SET xmloption = 'content'; SET lc_monetary = 'C'; "
    "SET default_transaction_isolation = 'read committed'; SET client_min_messages = 'error'";

enum err salvage_resolve(struct sql *sql, const struct salvage_resolve *resolve, struct mono deadline)
{
    static const char discard[] =
        "WITH done AS (UPDATE holdfast.ledger_entry SET state = 'discarded', resolved_reason = $2, resolved_by = $3, "
        "resolved_at = clock_timestamp() WHERE id = $1::bigint AND state = 'quarantined' RETURNING 1) "
        "SELECT CASE WHEN EXISTS (SELECT FROM done) THEN '' ELSE 'there is no quarantined entry of this number' END";
    static const char apply[] = "SELECT pg_temp.salvage_resolve($1::bigint, $2::text, $3::text)";
    const char *const values[] = {resolve->id, resolve->reason, resolve->who, NULL};
    PGresult *result = NULL;
    enum err err = sql_run(sql, salvage_resolve_session, deadline);
    for (size_t i = 0; resolve->apply && salvage_sql_session[i] != NULL && err == ERR_OK; i++) {
        err = sql_run(sql, salvage_sql_session[i], deadline);
    }
    err = err == ERR_OK ? sql_query(sql, resolve->apply ? apply : discard, values, deadline, &result) : err;
    if (err != ERR_OK) {
        return err == ERR_STATUS ? ERR_REFUSED : err; /* rolled back: a conflict, a constraint */
    }
    if (PQgetvalue(result, 0, 0)[0] != '\0') {
        snprintf(sql->message, sizeof sql->message, "%s", PQgetvalue(result, 0, 0));
        err = ERR_REFUSED;
    }
    PQclear(result);
    return err;
}
