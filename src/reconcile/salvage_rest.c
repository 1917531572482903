/* SPDX-License-Identifier: Apache-2.0
 * What logical decoding does not show: the rest of the tail, named in the ledger; and sequences. */
#include "reconcile/salvage_rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SALVAGE_REST_REASON = 512,
    SALVAGE_REST_ROWS = 100000, /* of one salvage, found by xmin */
};

struct salvage_rest {
    struct salvage_job *job;
    const struct salvage_job_database *database;
    struct salvage_target *target;
    PGconn *connection;
    char *xids;      /* "{733,734}": whose rows are looked for */
    PGresult *names; /* (xid, what) of changed schema objects */
    PGresult *rows;  /* (xid, JSON of a change), ordered by xid */
};

/* Every xid of the tail, subtransactions too, as an array's text. */
static enum err salvage_rest_xids(struct salvage_rest *rest, uint32_t did)
{
    struct salvage_text_buf text = {.limit = SIZE_MAX / 2};
    salvage_text_reset(&text, "{");
    for (size_t i = 0; i < rest->job->wal.count; i++) {
        const struct salvage_wal_commit *commit = &rest->job->wal.commits[i];
        char number[16];
        if (commit->xid != 0 && !commit->decoded && (commit->did & did) != 0) {
            snprintf(number, sizeof number, text.size > 1 ? ",%u" : "%u", commit->xid);
            salvage_text_add(&text, number, strlen(number));
        }
    }
    salvage_text_add(&text, "}", 1);
    free(rest->xids);
    rest->xids = text.data;
    return text.overflow ? ERR_NO_MEMORY : ERR_OK;
}

static enum err salvage_rest_query(struct salvage_rest *rest, const char *sql, int count, PGresult **ret_result)
{
    const char *const values[] = {rest->xids};
    PGresult *result = PQexecParams(rest->connection, sql, count, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        const enum err err = salvage_job_fail(rest->job, ERR_STATUS, "the old server", PQresultErrorMessage(result));
        PQclear(result);
        return err;
    }
    *ret_result = result;
    return ERR_OK;
}

/* Which objects a change of the schema made or altered. Dropped ones have left no trace. */
static enum err salvage_rest_names(struct salvage_rest *rest)
{
    const enum err err = salvage_rest_xids(rest, SALVAGE_WAL_SCHEMA | SALVAGE_WAL_LARGE);
    return err != ERR_OK
               ? err
               : salvage_rest_query(
                     rest,
                     "SELECT x, string_agg(DISTINCT what, ', ') FROM ("
                     "SELECT xmin::text::bigint AS x, oid::regclass::text AS what FROM pg_class UNION ALL "
                     "SELECT xmin::text::bigint, attrelid::regclass || '.' || attname FROM pg_attribute WHERE attnum > "
                     "0 "
                     "UNION ALL SELECT xmin::text::bigint, oid::regprocedure::text FROM pg_proc UNION ALL "
                     "SELECT xmin::text::bigint, 'constraint ' || conname FROM pg_constraint UNION ALL "
                     "SELECT xmin::text::bigint, 'schema ' || nspname FROM pg_namespace UNION ALL "
                     "SELECT xmin::text::bigint, 'large object ' || oid FROM pg_largeobject_metadata UNION ALL "
                     "SELECT DISTINCT xmin::text::bigint, 'large object ' || loid FROM pg_largeobject) n "
                     "WHERE x = ANY ($1::bigint[]) GROUP BY x ORDER BY x",
                     1, &rest->names);
}

/* The rows that are left of the undecoded transactions, all tables in one list. */
static enum err salvage_rest_rows(struct salvage_rest *rest)
{
    PGresult *tables = NULL;
    struct salvage_text_buf sql = {.limit = 16 * 1024 * 1024};
    enum err err = salvage_rest_xids(rest, SALVAGE_WAL_ROWS);
    err = err == ERR_OK ? salvage_rest_query(
                              rest,
                              "SELECT format('SELECT t.xmin::text::bigint AS x, jsonb_build_object(''s'', %L, ''n'', "
                              "%L, ''o'', ''R'', ''v'', to_jsonb(t))::text AS row FROM ONLY %I.%I t WHERE "
                              "t.xmin::text::bigint = ANY ($1::bigint[])', n.nspname, c.relname, n.nspname, "
                              "c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
                              "c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', "
                              "'information_schema', 'holdfast') AND n.nspname !~ '^pg_'",
                              0, &tables)
                        : err;
    if (err != ERR_OK) {
        return err;
    }
    salvage_text_reset(&sql,
                       "SELECT x, row FROM (SELECT NULL::bigint AS x, NULL::text AS row WHERE $1::bigint[] IS NULL");
    for (int row = 0; row < PQntuples(tables); row++) {
        salvage_text_add(&sql, " UNION ALL ", 11);
        salvage_text_add(&sql, PQgetvalue(tables, row, 0), (size_t)PQgetlength(tables, row, 0));
    }
    static const char end[] = ") r ORDER BY x LIMIT 100001";
    salvage_text_add(&sql, end, sizeof end - 1);
    err = PQntuples(tables) == 0 ? ERR_OK
          : sql.overflow         ? ERR_NO_MEMORY
                                 : salvage_rest_query(rest, sql.data, 1, &rest->rows);
    PQclear(tables);
    salvage_text_free(&sql);
    if (err == ERR_OK && rest->rows != NULL && PQntuples(rest->rows) > SALVAGE_REST_ROWS) {
        salvage_job_note(rest->job, "more than %d rows are left of undecoded transactions: the rest is not listed",
                         SALVAGE_REST_ROWS);
    }
    return err;
}

/* The first row of a result ordered by its xid in column 0; -1: none. */
static int salvage_rest_find(const PGresult *result, uint32_t xid)
{
    int low = 0;
    int high = result != NULL ? PQntuples(result) : 0;
    while (low < high) {
        const int middle = low + (high - low) / 2;
        if (strtoull(PQgetvalue(result, middle, 0), NULL, 10) < xid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return result != NULL && low < PQntuples(result) && strtoull(PQgetvalue(result, low, 0), NULL, 10) == xid ? low
                                                                                                              : -1;
}

/* The rows of one transaction into job->json; how many. */
static uint64_t salvage_rest_image(struct salvage_rest *rest, uint32_t xid)
{
    struct salvage_text_buf *json = &rest->job->json;
    uint64_t count = 0;
    salvage_text_reset(json, "[");
    for (int row = salvage_rest_find(rest->rows, xid);
         row >= 0 && row < PQntuples(rest->rows) && strtoull(PQgetvalue(rest->rows, row, 0), NULL, 10) == xid; row++) {
        if (count++ > 0) {
            salvage_text_add(json, ",", 1);
        }
        salvage_text_add(json, PQgetvalue(rest->rows, row, 1), (size_t)PQgetlength(rest->rows, row, 1));
    }
    salvage_text_add(json, "]", 1);
    return count;
}

/* Why an undecoded commit is not applied; NULL: it wrote nothing. */
static const char *salvage_rest_reason(struct salvage_rest *rest, const struct salvage_wal_commit *commit,
                                       char text[SALVAGE_REST_REASON])
{
    const int named = salvage_rest_find(rest->names, commit->xid);
    const char *names = named >= 0 ? PQgetvalue(rest->names, named, 1) : "nothing that is left";
    if ((commit->did & SALVAGE_WAL_UNDECIDED) != 0) {
        snprintf(text, SALVAGE_REST_REASON, "prepared, neither committed nor rolled back: its coordinator must decide");
    } else if ((commit->did & SALVAGE_WAL_LARGE) != 0) {
        snprintf(text, SALVAGE_REST_REASON, "it changed large objects, which are not decoded: %s", names);
    } else if ((commit->did & SALVAGE_WAL_SCHEMA) != 0) {
        snprintf(text, SALVAGE_REST_REASON, "it changed the schema: %s", names);
    } else if ((commit->did & SALVAGE_WAL_ROWS) != 0 && !rest->database->slot) {
        snprintf(text, SALVAGE_REST_REASON, "no guard slot to decode from%s%s: its rows as they were in the end%s",
                 rest->database->why[0] != '\0' ? ", and " : "", rest->database->why,
                 (commit->did & SALVAGE_WAL_DELETED) != 0 ? "; it deleted rows, which are unknown" : "");
    } else {
        return NULL;
    }
    return text;
}

static enum err salvage_rest_entry(struct salvage_rest *rest, struct salvage_wal_commit *commit)
{
    char reason[SALVAGE_REST_REASON];
    struct salvage_target_entry entry = {.lsn = commit->lsn, .xid = commit->xid, .time = commit->time};
    entry.reason = salvage_rest_reason(rest, commit, reason);
    entry.changes_count = salvage_rest_image(rest, commit->xid);
    entry.changes = rest->job->json.data;
    entry.method = rest->database->slot ? "log" : "rows";
    if (rest->job->json.overflow) {
        return salvage_job_fail(rest->job, ERR_TOO_LARGE, "a transaction is too large", "");
    }
    const enum err err = salvage_target_send(rest->target, &entry);
    return err == ERR_OK ? ERR_OK : salvage_job_fail(rest->job, err, "the new writer", rest->target->message);
}

static enum err salvage_rest_prepare(struct salvage_rest *rest)
{
    rest->connection = salvage_source_connect(&rest->job->source, rest->database->name);
    if (rest->connection == NULL) {
        return salvage_job_fail(rest->job, ERR_UNAVAILABLE, "the old server", rest->job->source.message);
    }
    const enum err err = salvage_rest_names(rest);
    return err == ERR_OK && !rest->database->slot ? salvage_rest_rows(rest) : err;
}

enum err salvage_rest_run(struct salvage_job *job, const struct salvage_job_database *database,
                          struct salvage_target *target)
{
    struct salvage_rest rest = {.job = job, .database = database, .target = target};
    enum err err = ERR_OK;
    for (size_t i = 0; i < job->wal.count && err == ERR_OK; i++) {
        struct salvage_wal_commit *commit = &job->wal.commits[i];
        if (commit->xid == 0 || commit->decoded || !salvage_job_within(job, database, commit)) {
            continue;
        }
        err = rest.connection == NULL ? salvage_rest_prepare(&rest) : ERR_OK;
        err = err == ERR_OK ? salvage_rest_entry(&rest, commit) : err;
    }
    if (err == ERR_OK) {
        err = salvage_target_drain(target);
        err = err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the new writer", target->message);
    }
    /* Unless another node has brought the same commits home whole, deletes and overwritten values are in no ledger. */
    job->incomplete |= !database->slot && target->counts.partly + target->counts.quarantined > 0;
    PQclear(rest.names);
    PQclear(rest.rows);
    PQfinish(rest.connection);
    free(rest.xids);
    return err;
}

/* ---- sequences ---- */

/* One statement looks and sets: nobody else's nextval comes between but in the microseconds within. */
static enum err salvage_rest_sequence(struct salvage_job *job, struct salvage_target *target, const PGresult *list,
                                      int row)
{
    PGresult *result = NULL;
    const char *const values[] = {PQgetvalue(list, row, 0), PQgetvalue(list, row, 1)};
    enum err err =
        salvage_target_ask(target,
                           "SELECT setval($1::text::regclass, $2::bigint) FROM pg_sequences s WHERE format('%I.%I', "
                           "s.schemaname, s.sequencename) = $1::text AND CASE WHEN s.increment_by > 0 THEN "
                           "coalesce(s.last_value, s.min_value - 1) < $2::bigint ELSE coalesce(s.last_value, "
                           "s.max_value + 1) > $2::bigint END",
                           2, values, &result);
    if (err != ERR_OK) {
        salvage_job_note(job, "sequence %s could not be set to %s: %s", values[0], values[1], target->message);
        return err == ERR_CLOSED ? salvage_job_fail(job, err, "the new writer", target->message) : ERR_OK;
    }
    if (PQntuples(result) > 0) {
        salvage_job_note(job, "sequence %s raised to %s", values[0], values[1]);
    }
    PQclear(result);
    return ERR_OK;
}

enum err salvage_rest_sequences(struct salvage_job *job, const struct salvage_job_database *database,
                                struct salvage_target *target)
{
    struct salvage_rest rest = {.job = job, .database = database};
    PGresult *list = NULL;
    rest.connection = salvage_source_connect(&job->source, database->name);
    if (rest.connection == NULL) {
        return salvage_job_fail(job, ERR_UNAVAILABLE, "the old server", job->source.message);
    }
    enum err err = salvage_rest_query(&rest,
                                      "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences "
                                      "WHERE last_value IS NOT NULL AND schemaname <> 'holdfast'",
                                      0, &list);
    for (int row = 0; err == ERR_OK && row < PQntuples(list); row++) {
        err = salvage_rest_sequence(job, target, list, row);
    }
    PQclear(list);
    PQfinish(rest.connection);
    return err;
}
