/* SPDX-License-Identifier: Apache-2.0
 * Salvage: what a writer committed after the cluster went on without it is brought home. */
#include "reconcile/salvage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/clock.h"
#include "reconcile/salvage_decode.h"
#include "reconcile/salvage_fork.h"
#include "reconcile/salvage_job.h"
#include "reconcile/salvage_remake.h"
#include "reconcile/salvage_rest.h"

enum {
    SALVAGE_HISTORY = 64 * 1024,
    SALVAGE_LINES = 65536, /* of the log between two words about progress */
    SALVAGE_NOTES = 1024 * 1024,
};

static bool salvage_keep_on(void *context)
{
    struct salvage_job *job = context;
    return job->options->progress(job->options->context, "recovering", 0, 0);
}

/* ---- the fork ---- */

static enum err salvage_read_writer(struct salvage_job *job, struct salvage_target *target,
                                    struct salvage_fork_history *history, uint64_t *ret_system_id)
{
    PGresult *result = NULL;
    enum err err = salvage_target_ask(target,
                                      "SELECT s.system_identifier, t, CASE WHEN t > 1 THEN pg_read_file('pg_wal/' || "
                                      "upper(lpad(to_hex(t), 8, '0')) || "
                                      "'.history') ELSE '' END FROM pg_control_system() s, (SELECT ('x' || "
                                      "substr(pg_walfile_name(pg_current_wal_lsn()), "
                                      "1, 8))::bit(32)::bigint AS t) x",
                                      0, NULL, &result);
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "the new writer's history", target->message);
    }
    *ret_system_id = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    err = salvage_fork_read(span_text(PQgetvalue(result, 0, 2)), (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10),
                            history);
    PQclear(result);
    return err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the new writer's history cannot be read", "");
}

/* Under which epoch the writer's timeline of this number was written, and what its transactions begin with; 0 when it
 * was not recorded. */
static enum err salvage_promotion(struct salvage_job *job, struct salvage_target *target, uint32_t timeline,
                                  uint64_t *ret_epoch, uint64_t *ret_first_xid)
{
    char number[16];
    PGresult *result = NULL;
    const char *const values[] = {number};
    snprintf(number, sizeof number, "%u", timeline);
    *ret_epoch = 0;
    *ret_first_xid = 0;
    enum err err = salvage_target_ask(target, "SELECT to_regclass('holdfast.promotion') IS NOT NULL", 0, NULL, &result);
    const bool known = err == ERR_OK && PQgetvalue(result, 0, 0)[0] == 't';
    if (err == ERR_OK) {
        PQclear(result);
    }
    if (known) {
        err = salvage_target_ask(target, "SELECT epoch, first_xid FROM holdfast.promotion WHERE timeline = $1::bigint",
                                 1, values, &result);
        if (err == ERR_OK && PQntuples(result) == 1) {
            *ret_epoch = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
            *ret_first_xid = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
        }
        if (err == ERR_OK) {
            PQclear(result);
        }
    }
    return err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the new writer", target->message);
}

static enum err salvage_fork(struct salvage_job *job, struct salvage_target *target, struct salvage_fork_history *own)
{
    static struct salvage_fork_history writer;
    static char text[SALVAGE_HISTORY];
    struct salvage_target_run *run = &job->run;
    uint64_t system_id = 0;
    uint64_t epoch = 0;
    uint64_t unused = 0;
    uint32_t timeline = 0;
    enum err err = salvage_read_writer(job, target, &writer, &system_id);
    if (err != ERR_OK) {
        return err;
    }
    if (system_id != job->source.system_id) {
        return salvage_job_fail(job, ERR_UNSUPPORTED, "this data directory is of another cluster than the writer", "");
    }
    err = salvage_source_history(&job->source, text, sizeof text);
    err = err == ERR_OK ? salvage_fork_read(span_text(text), job->source.timeline, own) : err;
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "the old server's history cannot be read", "");
    }
    err = salvage_promotion(job, target, job->source.timeline, &epoch, &unused);
    const bool stranger = epoch != 0 && job->options->epoch != 0 && epoch != job->options->epoch;
    err = err == ERR_OK ? salvage_fork_find(own, &writer, stranger, &run->fork, &timeline) : err;
    if (err != ERR_OK) {
        return salvage_job_fail(job, ERR_UNSUPPORTED, "the two histories have nothing in common", "");
    }
    if (run->fork.position > job->source.end.position) {
        run->fork = job->source.end; /* all that it has is part of the writer's past */
    }
    *run = (struct salvage_target_run){
        .node = job->options->node,
        .system_id = system_id,
        .timeline = job->source.timeline,
        .epoch = job->options->epoch,
        .writer_timeline = timeline,
        .fork = run->fork,
        .tail_end = job->source.end,
    };
    job->report->fork = run->fork;
    job->report->tail_end = run->tail_end;
    job->report->timeline = run->timeline;
    job->report->writer_timeline = timeline;
    err = salvage_promotion(job, target, timeline, &epoch, &run->first_xid);
    if (err == ERR_OK && run->first_xid == 0) {
        salvage_job_note(
            job, "the promotion of timeline %u was not recorded: no row can be shown to be untouched since", timeline);
    }
    return err;
}

/* ---- the log ---- */

struct salvage_reading {
    struct salvage_job *job;
    uint64_t lines;
};

static enum err salvage_line(void *context, const char *text, size_t size)
{
    struct salvage_reading *reading = context;
    const enum err err = salvage_wal_read(&reading->job->wal, span_of(text, size));
    if (err != ERR_OK || ++reading->lines % SALVAGE_LINES != 0) {
        return err;
    }
    return salvage_job_progress(reading->job, "reading the log", reading->lines, 0);
}

/* The log from the fork to its end, timeline by timeline. */
static enum err salvage_read_log(struct salvage_job *job, const struct salvage_fork_history *own)
{
    struct salvage_reading reading = {.job = job};
    const enum err err = salvage_job_read_log(job, own, job->run.fork, salvage_line, &reading);
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "the log of the tail cannot be read", "");
    }
    for (size_t i = 0; i < job->wal.count; i++) {
        job->report->commits += job->wal.commits[i].xid != 0 ? 1 : 0;
    }
    if (job->wal.rolled_back > 0) {
        salvage_job_note(job,
                         "%u transactions prepared before the fork were rolled back on the old writer: on the new one "
                         "they are still open (pg_prepared_xacts)",
                         job->wal.rolled_back);
    }
    return ERR_OK;
}

/* ---- the databases ---- */

static enum err salvage_list(struct salvage_job *job)
{
    char fork[LSN_TEXT];
    lsn_print(job->run.fork, fork);
    PGconn *connection = salvage_source_connect(&job->source, "postgres");
    if (connection == NULL) {
        return salvage_job_fail(job, ERR_UNAVAILABLE, "the old server", job->source.message);
    }
    const char *const values[] = {fork};
    PGresult *result =
        PQexecParams(connection,
                     "SELECT d.oid, d.datname, coalesce(s.plugin = 'test_decoding' AND s.wal_status <> "
                     "'lost' AND s.confirmed_flush_lsn <= $1::pg_lsn, false) FROM pg_database d LEFT JOIN "
                     "pg_replication_slots s ON s.slot_name = 'holdfast_guard_' || d.oid WHERE "
                     "d.datallowconn AND NOT d.datistemplate ORDER BY d.oid LIMIT 65",
                     1, NULL, values, NULL, NULL, 0);
    const int rows = PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : -1;
    enum err err = rows >= 0 ? ERR_OK : salvage_job_fail(job, ERR_STATUS, "the old server", PQerrorMessage(connection));
    if (rows > SALVAGE_JOB_DATABASES) {
        err = salvage_job_fail(job, ERR_TOO_LARGE, "more than 64 databases", "");
    }
    for (int row = 0; row < rows && err == ERR_OK; row++) {
        struct salvage_job_database *database = &job->databases[job->databases_count++];
        database->oid = (uint32_t)strtoul(PQgetvalue(result, row, 0), NULL, 10);
        snprintf(database->name, sizeof database->name, "%s", PQgetvalue(result, row, 1));
        database->slot = PQgetvalue(result, row, 2)[0] == 't';
        snprintf(database->slot_name, sizeof database->slot_name, "holdfast_guard_%u", database->oid);
    }
    PQclear(result);
    PQfinish(connection);
    return err;
}

static uint64_t salvage_count(const struct salvage_job *job, const struct salvage_job_database *database)
{
    uint64_t count = 0;
    for (size_t i = 0; i < job->wal.count; i++) {
        const struct salvage_wal_commit *commit = &job->wal.commits[i];
        count += commit->xid != 0 && salvage_job_within(job, database, commit) ? 1 : 0;
    }
    return count;
}

static void salvage_add_counts(struct salvage_report *report, const struct salvage_target_counts *counts)
{
    report->applied += counts->applied;
    report->identical += counts->identical;
    report->quarantined += counts->quarantined;
    report->known += counts->known;
}

static enum err salvage_fill(struct salvage_job *job, const struct salvage_job_database *database,
                             struct salvage_target *target)
{
    if (database->remade) {
        salvage_job_note(job, "%s", database->why);
    }
    enum err err = salvage_rest_sequences(job, database, target);
    if (err == ERR_OK && database->slot) {
        err = salvage_decode_run(job, database, target, NULL);
    }
    return err == ERR_OK ? salvage_rest_run(job, database, target) : err;
}

/* One database, with a ledger of its own: an entry is written in the transaction that applies it. */
static enum err salvage_database(struct salvage_job *job, const struct salvage_job_database *database)
{
    struct salvage_target target;
    const uint64_t commits = salvage_count(job, database);
    const bool incomplete = job->incomplete;
    job->run.decoded = database->slot;
    enum err err = salvage_target_open(&target, &job->login, database->name);
    err = err == ERR_OK ? salvage_target_begin(&target, &job->run) : err;
    if (err != ERR_OK) {
        err = salvage_job_fail(job, err, "the ledger on the new writer", target.message);
        salvage_target_close(&target);
        return err;
    }
    job->incomplete = false;
    err = salvage_fill(job, database, &target);
    if (err == ERR_OK) {
        salvage_text_add(&job->notes, "]", 1);
        err = salvage_target_end(&target, job->incomplete ? "incomplete" : "complete", "", commits,
                                 job->notes.overflow ? "[]" : job->notes.data);
        err = err == ERR_OK ? salvage_target_checkpoint(&target) : err;
        err = err == ERR_OK ? ERR_OK : salvage_job_fail(job, err, "the ledger on the new writer", target.message);
    } else {
        struct salvage_target again; /* the session of the work may be in the middle of something */
        if (salvage_target_open(&again, &job->login, database->name) == ERR_OK) {
            snprintf(again.run, sizeof again.run, "%s", target.run);
            const enum err told = salvage_target_end(&again, "failed", job->report->message, commits, "[]");
            (void)told; /* the caller tells it as well */
        }
        salvage_target_close(&again);
    }
    salvage_text_reset(&job->notes, "[");
    job->incomplete |= incomplete;
    salvage_add_counts(job->report, &target.counts);
    salvage_target_close(&target);
    return err;
}

static enum err salvage_databases(struct salvage_job *job)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < job->databases_count && err == ERR_OK; i++) {
        const struct salvage_job_database *database = &job->databases[i];
        const bool main = strcmp(database->name, job->options->dbname) == 0;
        if (!main && salvage_count(job, database) == 0) {
            continue;
        }
        if (job->options->dry_run) {
            err = database->slot ? salvage_decode_run(job, database, NULL, NULL) : ERR_OK;
        } else {
            err = salvage_database(job, database);
        }
    }
    return err;
}

static enum err salvage_work(struct salvage_job *job)
{
    static struct salvage_fork_history own;
    struct salvage_target writer;
    enum err err = salvage_job_progress(job, "recovering", 0, 0);
    err = err == ERR_OK ? salvage_source_start(&job->source, salvage_keep_on, job) : err;
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "the old server does not start", job->source.message);
    }
    err = salvage_target_open(&writer, &job->login, job->options->dbname);
    if (err != ERR_OK) {
        err = salvage_job_fail(job, err, "the new writer", writer.message);
    }
    err = err == ERR_OK ? salvage_fork(job, &writer, &own) : err;
    salvage_target_close(&writer);
    err = err == ERR_OK ? salvage_read_log(job, &own) : err;
    err = err == ERR_OK ? salvage_list(job) : err;
    err = err == ERR_OK ? salvage_remake_run(job, &own) : err;
    const struct mono start = clock_mono();
    err = err == ERR_OK ? salvage_databases(job) : err;
    job->report->decode_us = time_since_us(clock_mono(), start);
    salvage_remake_end(job);
    return err;
}

enum salvage_outcome salvage_run(const struct salvage_options *options, struct salvage_report *ret_report)
{
    static struct salvage_job job;
    *ret_report = (struct salvage_report){.commits = 0};
    job = (struct salvage_job){
        .options = options,
        .report = ret_report,
        .source = {.data = options->data, .bin = options->bin, .user = options->user},
        .login = {.host = options->host, .port = options->port, .user = options->user, .passfile = options->passfile},
        .notes = {.limit = SALVAGE_NOTES},
        .json = {.limit = SALVAGE_JOB_CHANGES},
    };
    salvage_text_reset(&job.notes, "[");
    salvage_text_reset(&job.json, "[");
    const enum err err = salvage_work(&job);
    salvage_source_stop(&job.source);
    const bool incomplete = job.incomplete;
    salvage_wal_free(&job.wal);
    salvage_text_free(&job.notes);
    salvage_text_free(&job.json);
    return err == ERR_UNSUPPORTED ? SALVAGE_REFUSED
           : err != ERR_OK        ? SALVAGE_FAILED
           : incomplete           ? SALVAGE_INCOMPLETE
                                  : SALVAGE_COMPLETE;
}
