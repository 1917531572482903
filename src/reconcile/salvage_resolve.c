/* SPDX-License-Identifier: Apache-2.0
 * A person's word about a quarantined transaction. */
#include "reconcile/salvage_resolve.h"

#include <stddef.h>
#include <stdio.h>

#include "reconcile/salvage_sql.h"

enum err salvage_resolve(struct salvage_target *target, const struct salvage_resolve *resolve)
{
    static const char discard[] =
        "WITH done AS (UPDATE holdfast.ledger_entry SET state = 'discarded', resolved_reason = $2, resolved_by = $3, "
        "resolved_at = clock_timestamp() WHERE id = $1::bigint AND state = 'quarantined' RETURNING 1) "
        "SELECT CASE WHEN EXISTS (SELECT FROM done) THEN '' ELSE 'there is no quarantined entry of this number' END";
    static const char apply[] = "SELECT pg_temp.salvage_resolve($1::bigint, $2::text, $3::text)";
    const char *const values[] = {resolve->id, resolve->reason, resolve->who};
    PGresult *result = NULL;
    enum err err = salvage_target_do(target, "SET synchronous_commit = on", 0, NULL);
    for (size_t i = 0; resolve->apply && salvage_sql_session[i] != NULL && err == ERR_OK; i++) {
        err = salvage_target_do(target, salvage_sql_session[i], 0, NULL);
    }
    err = err == ERR_OK ? salvage_target_ask(target, resolve->apply ? apply : discard, 3, values, &result) : err;
    if (err != ERR_OK) {
        return err == ERR_STATUS ? ERR_REFUSED : err; /* rolled back: a conflict, a constraint */
    }
    if (PQgetvalue(result, 0, 0)[0] != '\0') {
        snprintf(target->message, sizeof target->message, "%s", PQgetvalue(result, 0, 0));
        err = ERR_REFUSED;
    }
    PQclear(result);
    return err;
}
