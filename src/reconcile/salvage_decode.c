/* SPDX-License-Identifier: Apache-2.0
 * A database's guard slot, decoded and sent to the new writer. */
#include "reconcile/salvage_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    SALVAGE_DECODE_PROGRESS = 64, /* transactions between two words about progress */
    SALVAGE_DECODE_TIME = 64,
    SALVAGE_DECODE_PREPARED = 64,
};

struct salvage_decode_prepared {
    uint32_t xid;
    char gid[256];
};

struct salvage_decode {
    struct salvage_job *job;
    struct salvage_target *target;
    const char *doubt;
    PGconn *connection;
    struct salvage_decode_prepared prepared[SALVAGE_DECODE_PREPARED]; /* on the new writer, from before the fork */
    uint32_t prepared_count;
    uint64_t changes; /* of the transaction at hand */
    uint64_t count;
    bool own; /* it wrote Holdfast's tables */
};

/* Prepared before the fork: the new writer has it too, under the same xid, and only has to be told how it ended. */
static enum err salvage_decode_find_prepared(struct salvage_decode *decode)
{
    PGresult *result = NULL;
    const enum err err = salvage_target_ask(
        decode->target,
        "SELECT transaction::text, gid FROM pg_prepared_xacts WHERE database = current_database() LIMIT 64", 0, NULL,
        &result);
    if (err != ERR_OK) {
        return err;
    }
    for (int row = 0; row < PQntuples(result); row++) {
        struct salvage_decode_prepared *prepared = &decode->prepared[decode->prepared_count++];
        prepared->xid = (uint32_t)strtoul(PQgetvalue(result, row, 0), NULL, 10);
        snprintf(prepared->gid, sizeof prepared->gid, "%s", PQgetvalue(result, row, 1));
    }
    PQclear(result);
    return ERR_OK;
}

/* Commits on the new writer what was prepared before the fork and committed behind it; its rows are then found as they
 * should be. */
static enum err salvage_decode_commit_prepared(struct salvage_decode *decode, uint32_t xid)
{
    for (uint32_t i = 0; i < decode->prepared_count; i++) {
        if (decode->prepared[i].xid != xid) {
            continue;
        }
        enum err err = salvage_target_drain(decode->target);
        char *gid = err == ERR_OK ? PQescapeLiteral(decode->target->connection, decode->prepared[i].gid,
                                                    strlen(decode->prepared[i].gid))
                                  : NULL;
        char sql[1024];
        if (gid == NULL || snprintf(sql, sizeof sql, "COMMIT PREPARED %s", gid) >= (int)sizeof sql) {
            err = err == ERR_OK ? ERR_NO_MEMORY : err;
        }
        PQfreemem(gid);
        err = err == ERR_OK ? salvage_target_do(decode->target, sql, 0, NULL) : err;
        if (err == ERR_OK) {
            salvage_job_note(decode->job, "prepared transaction %s (%u) committed on the new writer",
                             decode->prepared[i].gid, xid);
        }
        return err;
    }
    return ERR_OK;
}

static const char *salvage_decode_reason(const struct salvage_decode *decode, const struct salvage_wal_commit *commit)
{
    return (commit->did & SALVAGE_WAL_SCHEMA) != 0  ? "it changed the schema as well, which the log does not carry"
           : (commit->did & SALVAGE_WAL_LARGE) != 0 ? "it changed large objects as well, which are not decoded"
                                                    : decode->doubt;
}

static enum err salvage_decode_send(struct salvage_decode *decode, struct salvage_wal_commit *commit, const char *time)
{
    struct salvage_job *job = decode->job;
    commit->decoded = true;
    job->report->changes += decode->changes;
    if (decode->target == NULL) {
        return ERR_OK;
    }
    salvage_text_add(&job->json, "]", 1);
    if (job->json.overflow) {
        return salvage_job_fail(job, ERR_TOO_LARGE, "a transaction is too large", "");
    }
    const struct salvage_target_entry entry = {
        .lsn = commit->lsn,
        .xid = commit->xid,
        .time = time,
        .changes = job->json.data,
        .changes_count = decode->changes,
        .reason = decode->changes > 0 ? salvage_decode_reason(decode, commit) : NULL,
        .method = "decode",
    };
    if ((commit->did & SALVAGE_WAL_PREPARED) != 0 && entry.reason == NULL) {
        const enum err err = salvage_decode_commit_prepared(decode, commit->xid);
        if (err != ERR_OK) {
            return salvage_job_fail(job, err, "a prepared transaction cannot be committed", decode->target->message);
        }
    }
    const enum err err = salvage_target_send(decode->target, &entry);
    return err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the new writer", decode->target->message);
}

static enum err salvage_decode_end(struct salvage_decode *decode, const struct salvage_text *text)
{
    struct salvage_job *job = decode->job;
    char time[SALVAGE_DECODE_TIME];
    struct salvage_wal_commit *commit = salvage_wal_find(&job->wal, text->xid);
    if (commit == NULL || commit->xid != text->xid || (commit->did & SALVAGE_WAL_UNDECIDED) != 0) {
        return ERR_OK; /* committed before the fork */
    }
    snprintf(time, sizeof time, "%.*s", (int)text->time.size, (const char *)text->time.data);
    /* A change of the schema that wrote no row is told by the log (salvage_rest). */
    const bool silent = decode->changes == 0 && (commit->did & (SALVAGE_WAL_SCHEMA | SALVAGE_WAL_LARGE)) != 0;
    enum err err = silent ? ERR_OK : salvage_decode_send(decode, commit, time);
    if (err == ERR_OK && ++decode->count % SALVAGE_DECODE_PROGRESS == 0) {
        err = salvage_job_progress(job, "salvaging", decode->count, job->wal.count);
    }
    return err;
}

static enum err salvage_decode_line(struct salvage_decode *decode, struct span line)
{
    struct salvage_job *job = decode->job;
    struct salvage_text text;
    enum err err = salvage_text_read(line, &job->json, &text);
    if (err == ERR_TOO_LARGE) {
        return salvage_job_fail(job, err, "a transaction is too large", "");
    }
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "what the slot says cannot be read", "");
    }
    if (text.kind == SALVAGE_TEXT_BEGIN) {
        salvage_text_reset(&job->json, "[");
        decode->changes = 0;
    } else if (text.kind == SALVAGE_TEXT_CHANGE) {
        decode->changes += text.changes;
    } else if (text.kind == SALVAGE_TEXT_COMMIT) {
        err = salvage_decode_end(decode, &text);
    }
    return err;
}

/* Results row by row: the tail may be larger than the memory. */
static enum err salvage_decode_read(struct salvage_decode *decode)
{
    enum err err = ERR_OK;
    PGresult *result = NULL;
    while ((result = PQgetResult(decode->connection)) != NULL) {
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_SINGLE_TUPLE && err == ERR_OK) {
            err = salvage_decode_line(decode, span_of(PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)));
        } else if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && err == ERR_OK) {
            err = salvage_job_fail(decode->job, ERR_STATUS, "decoding", PQresultErrorMessage(result));
        }
        PQclear(result);
        if (err != ERR_OK) {
            break; /* the session is closed by the caller */
        }
    }
    return err;
}

enum err salvage_decode_run(struct salvage_job *job, const struct salvage_job_database *database,
                            struct salvage_target *target, const char *doubt)
{
    struct salvage_decode decode = {.job = job, .target = target, .doubt = doubt};
    ASSERT(database->slot);
    decode.connection = salvage_source_connect(&job->source, database->name);
    if (decode.connection == NULL) {
        return salvage_job_fail(job, ERR_UNAVAILABLE, "the old server", job->source.message);
    }
    /* Who only looks wants to see commits without a change as well. */
    const char *const values[] = {database->slot_name, target != NULL ? "1" : "0"};
    enum err err = target != NULL ? salvage_decode_find_prepared(&decode) : ERR_OK;
    if (err == ERR_OK && (PQsendQueryParams(decode.connection,
                                            "SELECT data FROM pg_logical_slot_peek_changes($1, NULL, NULL, "
                                            "'include-timestamp', '1', 'skip-empty-xacts', $2)",
                                            2, NULL, values, NULL, NULL, 0) != 1 ||
                          PQsetSingleRowMode(decode.connection) != 1)) {
        err = salvage_job_fail(job, ERR_CLOSED, "the old server", PQerrorMessage(decode.connection));
    }
    err = err == ERR_OK ? salvage_decode_read(&decode) : err;
    PQfinish(decode.connection);
    if (err == ERR_OK && target != NULL) {
        err = salvage_target_drain(target);
        err = err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the new writer", target->message);
    }
    return err;
}
