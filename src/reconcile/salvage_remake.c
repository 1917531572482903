/* SPDX-License-Identifier: Apache-2.0
 * A slot made in the past: what decodes a tail that no guard slot covers. */
#include "reconcile/salvage_remake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconcile/salvage_decode.h"
#include "reconcile/salvage_past.h"
#include "reconcile/salvage_slot.h"

enum {
    SALVAGE_REMAKE_ROUNDS = 2, /* points that are tried */
    SALVAGE_REMAKE_PATH = 2048,
    SALVAGE_REMAKE_LINES = 65536, /* of the log between two words about progress */
};

struct salvage_remake {
    struct salvage_job *job;
    struct salvage_past pasts[SALVAGE_JOB_DATABASES];
    bool wanted[SALVAGE_JOB_DATABASES];
    struct salvage_slot_place now[SALVAGE_JOB_DATABASES]; /* of the slot just made; restart 0: none */
    struct lsn restart[SALVAGE_JOB_DATABASES];
    uint64_t lines;
};

static void salvage_remake_say(struct salvage_job_database *database, const char *why)
{
    snprintf(database->why, sizeof database->why, "%.*s", (int)strcspn(why, "\n"), why);
}

static bool salvage_remake_wrote(const struct salvage_job *job, const struct salvage_job_database *database,
                                 const struct salvage_wal_commit *commit)
{
    return commit->xid != 0 && (commit->did & SALVAGE_WAL_ROWS) != 0 && (commit->did & SALVAGE_WAL_UNDECIDED) == 0 &&
           salvage_job_within(job, database, commit);
}

static bool salvage_remake_needs(const struct salvage_job *job, const struct salvage_job_database *database)
{
    for (size_t i = 0; i < job->wal.count && !database->slot; i++) {
        if (salvage_remake_wrote(job, database, &job->wal.commits[i])) {
            return true;
        }
    }
    return false;
}

/* ---- the log ---- */

/* Where the log of the fork's timeline begins, without a gap up to the fork; at most 8 GB before it. */
static const char salvage_remake_begin_sql[] =
    "WITH s AS (SELECT setting::bigint AS bytes FROM pg_settings WHERE name = 'wal_segment_size'), "
    "h AS (SELECT floor(($2::pg_lsn - '0/0'::pg_lsn) / bytes)::bigint AS n FROM s), "
    "f AS (SELECT ('x' || substr(name, 9, 8))::bit(32)::bigint * (4294967296 / bytes) + "
    "('x' || substr(name, 17, 8))::bit(32)::bigint AS n FROM pg_ls_waldir(), s WHERE name ~ '^[0-9A-F]{24}$' AND "
    "('x' || substr(name, 1, 8))::bit(32)::bigint = $1::bigint), "
    "g AS (SELECT f.n, f.n + row_number() OVER (ORDER BY f.n DESC) AS k FROM f, h, s WHERE f.n <= h.n AND "
    "f.n > h.n - 8589934592 / bytes) "
    "SELECT '0/0'::pg_lsn + min(g.n) * max(s.bytes) FROM g, h, s WHERE g.k = h.n + 1";

static enum err salvage_remake_begin(struct salvage_job *job, const struct salvage_fork_history *own,
                                     struct lsn *ret_from)
{
    uint32_t part = 0;
    char timeline[16];
    char fork[LSN_TEXT];
    while (part + 1 < own->count && own->parts[part].end.position < job->run.fork.position) {
        part++;
    }
    const uint64_t began = part > 0 ? own->parts[part - 1].end.position : 0;
    snprintf(timeline, sizeof timeline, "%u", own->parts[part].timeline);
    lsn_print(job->run.fork, fork);
    const char *const values[] = {timeline, fork};
    PGconn *connection = salvage_source_connect(&job->source, "postgres");
    PGresult *result =
        connection != NULL ? PQexecParams(connection, salvage_remake_begin_sql, 2, NULL, values, NULL, NULL, 0) : NULL;
    const bool good = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
                      lsn_parse(PQgetvalue(result, 0, 0), ret_from);
    PQclear(result);
    PQfinish(connection);
    ret_from->position = good && ret_from->position < began ? began : ret_from->position;
    return good ? ERR_OK : ERR_NOT_FOUND;
}

static enum err salvage_remake_line(void *context, const char *text, size_t size)
{
    struct salvage_remake *remake = context;
    struct salvage_wal_glance glance;
    salvage_wal_look(span_of(text, size), &glance);
    for (uint32_t i = 0; i < remake->job->databases_count && glance.sign != SALVAGE_WAL_NOTHING; i++) {
        if (remake->wanted[i]) {
            salvage_past_see(&remake->pasts[i], &glance);
        }
    }
    return ++remake->lines % SALVAGE_REMAKE_LINES == 0
               ? salvage_job_progress(remake->job, "reading the log", remake->lines, 0)
               : ERR_OK;
}

/* ---- one database ---- */

/* A catalog that was rewritten has a file number like a table's, and its changes in the log look like a table's. */
static enum err salvage_remake_ask(struct salvage_job_database *database, PGconn *connection,
                                   struct salvage_slot_place *ret_now)
{
    static const char *const texts[] = {
        "SET statement_timeout = '10s'",
        "SELECT 1 / (count(*) = 0)::int FROM pg_class WHERE oid < 16384 AND pg_relation_filenode(oid) >= 16384",
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1",
        "SELECT pg_create_logical_replication_slot($1, 'test_decoding')",
        "SELECT restart_lsn, confirmed_flush_lsn, catalog_xmin FROM pg_replication_slots WHERE slot_name = $1",
    };
    const char *const values[] = {database->slot_name};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && err == ERR_OK; i++) {
        const bool named = strstr(texts[i], "$1") != NULL;
        PGresult *result =
            PQexecParams(connection, texts[i], named ? 1 : 0, NULL, named ? values : NULL, NULL, NULL, 0);
        const ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            salvage_remake_say(database, i == 1 ? "its catalog was rewritten once" : PQresultErrorMessage(result));
            err = ERR_STATUS;
        } else if (i == sizeof texts / sizeof texts[0] - 1) {
            err = PQntuples(result) == 1 && lsn_parse(PQgetvalue(result, 0, 0), &ret_now->restart) &&
                          lsn_parse(PQgetvalue(result, 0, 1), &ret_now->confirmed)
                      ? ERR_OK
                      : ERR_CONTENT;
            ret_now->catalog_xmin = err == ERR_OK ? (uint32_t)strtoul(PQgetvalue(result, 0, 2), NULL, 10) : 0;
        }
        PQclear(result);
    }
    return err;
}

static bool salvage_remake_create(struct salvage_remake *remake, uint32_t i)
{
    struct salvage_job_database *database = &remake->job->databases[i];
    snprintf(database->slot_name, sizeof database->slot_name, "holdfast_salvage_%u", database->oid);
    remake->now[i] = (struct salvage_slot_place){.catalog_xmin = 0};
    PGconn *connection = salvage_source_connect(&remake->job->source, database->name);
    if (connection == NULL) {
        salvage_remake_say(database, remake->job->source.message);
        return false;
    }
    const enum err err = salvage_remake_ask(database, connection, &remake->now[i]);
    PQfinish(connection);
    if (err != ERR_OK) {
        remake->now[i].restart = (struct lsn){0};
    }
    return err == ERR_OK;
}

static void salvage_remake_drop(struct salvage_job *job, struct salvage_job_database *database)
{
    const char *const values[] = {database->slot_name};
    PGconn *connection = salvage_source_connect(&job->source, database->name);
    if (connection != NULL) {
        PQclear(PQexecParams(
            connection, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", 1,
            NULL, values, NULL, NULL, 0));
        PQfinish(connection);
    }
    database->slot = false;
    database->remade = false;
}

/* The server is down. */
static bool salvage_remake_move(struct salvage_remake *remake, uint32_t i, const struct salvage_slot_place *to)
{
    char path[SALVAGE_REMAKE_PATH];
    uint8_t bytes[SALVAGE_SLOT_BYTES];
    const struct salvage_job *job = remake->job;
    snprintf(path, sizeof path, "%s/pg_replslot/%s/state", job->options->data, job->databases[i].slot_name);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t size = read(fd, bytes, sizeof bytes);
    const bool good = size > 0 && salvage_slot_move(bytes, (size_t)size, &remake->now[i], to) == ERR_OK &&
                      pwrite(fd, bytes, (size_t)size, 0) == size && fsync(fd) == 0;
    close(fd);
    return good;
}

/* Reads all that the slot shows, and holds it against the log: every commit that wrote rows, or it is of no use. */
static enum err salvage_remake_verify(struct salvage_remake *remake, uint32_t i)
{
    struct salvage_job *job = remake->job;
    struct salvage_job_database *database = &job->databases[i];
    const uint64_t changes = job->report->changes;
    database->slot = true;
    enum err err = salvage_decode_run(job, database, NULL, NULL);
    bool whole = err == ERR_OK;
    for (size_t k = 0; k < job->wal.count; k++) {
        struct salvage_wal_commit *commit = &job->wal.commits[k];
        whole &= commit->decoded || !salvage_remake_wrote(job, database, commit);
        commit->decoded = commit->decoded && !salvage_job_within(job, database, commit);
    }
    job->report->changes = changes;
    if (whole) {
        char from[LSN_TEXT];
        lsn_print(remake->restart[i], from);
        database->remade = true;
        snprintf(database->why, sizeof database->why,
                 "no guard slot: the log was decoded from %s, since where nobody changed the catalog", from);
        return ERR_OK;
    }
    if (err != ERR_OK && err != ERR_CANCELLED && err != ERR_NO_MEMORY) {
        salvage_remake_say(database, job->report->message);
        job->report->message[0] = '\0';
        err = ERR_OK;
    }
    salvage_remake_drop(job, database);
    return err;
}

/* ---- all of them ---- */

/* True: slots were made, and the server has to start anew with their files moved. */
static bool salvage_remake_create_all(struct salvage_remake *remake, uint32_t round)
{
    bool any = false;
    uint32_t xid = 0;
    for (uint32_t i = 0; i < remake->job->databases_count; i++) {
        remake->now[i].restart = (struct lsn){0};
        if (remake->wanted[i] && salvage_past_point(&remake->pasts[i], round, &remake->restart[i], &xid)) {
            any |= salvage_remake_create(remake, i);
        }
    }
    return any;
}

static void salvage_remake_move_all(struct salvage_remake *remake, uint32_t round)
{
    for (uint32_t i = 0; i < remake->job->databases_count; i++) {
        struct salvage_slot_place to = {.confirmed = remake->job->run.fork};
        if (remake->now[i].restart.position == 0 ||
            !salvage_past_point(&remake->pasts[i], round, &to.restart, &to.catalog_xmin)) {
            continue;
        }
        if (!salvage_remake_move(remake, i, &to)) {
            salvage_remake_say(&remake->job->databases[i], "the file of a slot is not as expected");
            remake->now[i].restart = (struct lsn){0};
        }
    }
}

static bool salvage_remake_keep_on(void *context)
{
    struct salvage_job *job = context;
    return job->options->progress(job->options->context, "starting again", 0, 0);
}

static enum err salvage_remake_round(struct salvage_remake *remake, uint32_t round)
{
    struct salvage_job *job = remake->job;
    if (!salvage_remake_create_all(remake, round)) {
        return ERR_OK;
    }
    salvage_source_stop(&job->source);
    salvage_remake_move_all(remake, round);
    enum err err = salvage_source_start(&job->source, salvage_remake_keep_on, job);
    if (err != ERR_OK) {
        return salvage_job_fail(job, err, "the old server does not start again", job->source.message);
    }
    for (uint32_t i = 0; i < job->databases_count && err == ERR_OK; i++) {
        if (remake->now[i].restart.position != 0) {
            err = salvage_remake_verify(remake, i);
            remake->wanted[i] = !job->databases[i].remade;
        }
    }
    return err;
}

static void salvage_remake_tell(struct salvage_remake *remake)
{
    for (uint32_t i = 0; i < remake->job->databases_count; i++) {
        struct salvage_job_database *database = &remake->job->databases[i];
        if (remake->wanted[i] && database->why[0] == '\0') {
            salvage_remake_say(database, salvage_past_why(&remake->pasts[i]));
        }
    }
}

enum err salvage_remake_run(struct salvage_job *job, const struct salvage_fork_history *own)
{
    static struct salvage_remake remake;
    struct lsn from = {0};
    bool any = false;
    remake = (struct salvage_remake){.job = job};
    for (uint32_t i = 0; i < job->databases_count; i++) {
        remake.wanted[i] = !job->options->dry_run && salvage_remake_needs(job, &job->databases[i]);
        any |= remake.wanted[i];
        salvage_past_init(&remake.pasts[i], job->databases[i].oid, job->run.fork);
    }
    if (!any) {
        return ERR_OK;
    }
    enum err err = salvage_remake_begin(job, own, &from);
    err = err == ERR_OK ? salvage_job_read_log(job, own, from, salvage_remake_line, &remake) : err;
    const bool read = err == ERR_OK;
    for (uint32_t i = 0; i < job->databases_count && !read; i++) {
        salvage_remake_say(&job->databases[i], "the log before the fork cannot be read");
    }
    if (err == ERR_CANCELLED || err == ERR_NO_MEMORY) {
        return err;
    }
    err = ERR_OK;
    for (uint32_t round = 0; round < SALVAGE_REMAKE_ROUNDS && read && err == ERR_OK; round++) {
        err = salvage_remake_round(&remake, round);
    }
    salvage_remake_tell(&remake);
    return err;
}

void salvage_remake_end(struct salvage_job *job)
{
    for (uint32_t i = 0; i < job->databases_count; i++) {
        if (job->databases[i].remade) {
            salvage_remake_drop(job, &job->databases[i]);
        }
    }
}
