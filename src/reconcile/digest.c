/* SPDX-License-Identifier: Apache-2.0
 * Measured consistency of a writer and a physical standby at one position of the log. */
#include "reconcile/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"

enum {
    DIGEST_LOCK_TIMEOUT_MS = 200,
    DIGEST_LOCK_ATTEMPTS = 5,
    DIGEST_REPLAY_WAIT_MS = 2000,
    DIGEST_RETRY_PAUSE_MS = 300, /* lets the writers that queued behind us pass before the next attempt */
    DIGEST_POLL_MS = 1,
    DIGEST_STATEMENT = DIGEST_TABLES * (DIGEST_NAME + 8) + 64,
};

/* One measurement while it runs. */
struct digest_run {
    struct digest_options options;
    struct mono deadline;
    struct sql locker;  /* holds the locks on the writer */
    struct sql writer;  /* its snapshot */
    struct sql standby; /* the standby's snapshot */
    char *statement;    /* DIGEST_STATEMENT bytes */
    struct digest *digest;
};

/* Rows become text: the same on both sides whatever the roles' and databases' own settings are. */
static const char digest_settings[] =
    "SET extra_float_digits = 1; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; "
    "SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET search_path = pg_catalog; SET row_security = off; "
    "SET jit = off; SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off";

/* format('%I') quotes what needs quoting. */
static const char digest_tables_query[] =
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname <> 'information_schema' "
    "AND n.nspname NOT LIKE 'pg\\_%' ORDER BY n.nspname, c.relname";

static const char digest_side_query[] =
    "SELECT (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(), "
    "current_setting('data_checksums') = 'on', "
    "CASE WHEN pg_is_in_recovery() "
    "THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint())) "
    "ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END";

__attribute__((format(printf, 2, 3))) static void digest_say(struct digest_run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->digest->reason, sizeof run->digest->reason, format, arguments);
    va_end(arguments);
}

static enum err digest_failed(struct digest_run *run, const char *where, const struct sql *sql, enum err err)
{
    digest_say(run, "%s: %.200s", where, sql->message[0] != '\0' ? sql->message : err_text(err));
    return err;
}

static void digest_sleep(int64_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

static enum err digest_side_read(struct digest_run *run, const char *who, struct sql *sql, struct digest_side *ret_side)
{
    PGresult *result = NULL;
    const enum err err = sql_query(sql, digest_side_query, NULL, run->deadline, &result);
    if (err != ERR_OK) {
        return digest_failed(run, who, sql, err);
    }
    int64_t timeline = 0;
    const bool good = PQntuples(result) == 1 && sql_number(PQgetvalue(result, 0, 3), &timeline);
    *ret_side = (struct digest_side){
        .system_id = strtoull(PQgetvalue(result, 0, 0), NULL, 10),
        .in_recovery = PQgetvalue(result, 0, 1)[0] == 't',
        .checksums = PQgetvalue(result, 0, 2)[0] == 't',
        .timeline = (uint32_t)timeline,
    };
    PQclear(result);
    return good ? ERR_OK : ERR_CONTENT;
}

static enum err digest_connect(struct digest_run *run)
{
    struct {
        const char *who;
        struct sql *sql;
        const struct sql_login *login;
    } ends[] = {
        {"writer (lock)", &run->locker, &run->options.writer},
        {"writer", &run->writer, &run->options.writer},
        {"standby", &run->standby, &run->options.standby},
    };
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        enum err err = sql_open(ends[i].sql, ends[i].login, run->deadline);
        if (err == ERR_OK) {
            err = sql_run(ends[i].sql, digest_settings, run->deadline);
        }
        if (err != ERR_OK) {
            return digest_failed(run, ends[i].who, ends[i].sql, err);
        }
    }
    return ERR_OK;
}

/* Two servers that can be compared at all: a writer and a standby of it. */
static enum err digest_sides(struct digest_run *run)
{
    struct digest *digest = run->digest;
    enum err err = digest_side_read(run, "writer", &run->writer, &digest->writer);
    if (err == ERR_OK) {
        err = digest_side_read(run, "standby", &run->standby, &digest->standby);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (digest->writer.in_recovery) {
        digest_say(run, "the writer's side is in recovery");
        return ERR_ROLE;
    }
    if (!digest->standby.in_recovery) {
        digest_say(run, "the standby's side is not in recovery");
        return ERR_ROLE;
    }
    if (digest->writer.system_id != digest->standby.system_id) {
        digest_say(run, "different systems: %llu and %llu", (unsigned long long)digest->writer.system_id,
                   (unsigned long long)digest->standby.system_id);
        return ERR_CONTENT;
    }
    if (digest->writer.timeline != digest->standby.timeline) {
        digest_say(run, "different timelines: %u and %u", digest->writer.timeline, digest->standby.timeline);
        return ERR_CONTENT;
    }
    return ERR_OK;
}

static enum err digest_position(struct digest_run *run, struct sql *sql, const char *query, struct lsn *ret_lsn)
{
    PGresult *result = NULL;
    const enum err err = sql_query(sql, query, NULL, run->deadline, &result);
    if (err != ERR_OK) {
        return err;
    }
    const bool good = PQntuples(result) == 1 && lsn_parse(PQgetvalue(result, 0, 0), ret_lsn);
    PQclear(result);
    return good ? ERR_OK : ERR_CONTENT;
}

/* Commits something empty, so that all commits before it are on disk too, and reads how far that is. `sql` must be
 * outside a transaction. */
static enum err digest_flush(struct digest_run *run, struct sql *sql, struct lsn *ret_lsn)
{
    const enum err err = sql_run(
        sql,
        "BEGIN; SET LOCAL synchronous_commit = local; SELECT pg_logical_emit_message(true, 'holdfast', ''); COMMIT",
        run->deadline);
    return err != ERR_OK ? err : digest_position(run, sql, "SELECT pg_current_wal_flush_lsn()", ret_lsn);
}

static enum err digest_replayed(struct digest_run *run, struct lsn lsn)
{
    const struct mono limit = time_min(run->deadline, time_add_ms(clock_mono(), run->options.replay_wait_ms));
    struct lsn replayed = {0};
    for (;;) {
        const enum err err = digest_position(run, &run->standby, "SELECT pg_last_wal_replay_lsn()", &replayed);
        if (err != ERR_OK) {
            return digest_failed(run, "standby", &run->standby, err);
        }
        if (replayed.position >= lsn.position) {
            return ERR_OK;
        }
        if (time_reached(clock_mono(), limit)) {
            digest_say(run, "the standby is %llu bytes behind after %u ms",
                       (unsigned long long)(lsn.position - replayed.position), run->options.replay_wait_ms);
            return ERR_LAG;
        }
        digest_sleep(DIGEST_POLL_MS);
    }
}

/* The tables that this connection sees, as a result with one column. */
static enum err digest_list(struct digest_run *run, const char *who, struct sql *sql, PGresult **ret_list)
{
    PGresult *list = NULL;
    const enum err err = sql_query(sql, digest_tables_query, NULL, run->deadline, &list);
    if (err != ERR_OK) {
        return digest_failed(run, who, sql, err);
    }
    if (PQntuples(list) > DIGEST_TABLES) {
        digest_say(run, "%d tables, at most %d can be measured", PQntuples(list), DIGEST_TABLES);
        PQclear(list);
        return ERR_TOO_LARGE;
    }
    *ret_list = list;
    return ERR_OK;
}

static bool digest_list_equal(const PGresult *a, const PGresult *b)
{
    if (PQntuples(a) != PQntuples(b)) {
        return false;
    }
    for (int i = 0; i < PQntuples(a); i++) {
        if (strcmp(PQgetvalue(a, i, 0), PQgetvalue(b, i, 0)) != 0) {
            return false;
        }
    }
    return true;
}

static enum err digest_lock(struct digest_run *run, const PGresult *list)
{
    const int count = PQntuples(list);
    if (count == 0) {
        return ERR_OK;
    }
    struct buf statement;
    buf_init(&statement, run->statement, DIGEST_STATEMENT);
    buf_text(&statement, "LOCK TABLE ");
    for (int i = 0; i < count; i++) {
        buf_printf(&statement, "%sONLY %s", i > 0 ? ", " : "", PQgetvalue(list, i, 0));
    }
    buf_text(&statement, " IN SHARE MODE");
    if (statement.overflow) {
        digest_say(run, "the names of the tables are too long");
        return ERR_TOO_LARGE;
    }
    return sql_run(&run->locker, buf_string(&statement), run->deadline);
}

/* Gets the locks, several tries. On success the locker is in a transaction that holds them. */
static enum err digest_lock_patiently(struct digest_run *run, const PGresult *list)
{
    char begin[192];
    /* The waits for the single locks must not add up: the whole statement gets twice the time of one. Should this
     * process freeze while it holds the locks, the server ends them. */
    snprintf(begin, sizeof begin,
             "BEGIN; SET LOCAL lock_timeout = %u; SET LOCAL statement_timeout = %u; "
             "SET LOCAL idle_in_transaction_session_timeout = %u",
             run->options.lock_timeout_ms, 2 * run->options.lock_timeout_ms, run->options.replay_wait_ms + 1000);
    for (uint32_t attempt = 1;; attempt++) {
        enum err err = sql_run(&run->locker, begin, run->deadline);
        if (err == ERR_OK) {
            err = digest_lock(run, list);
        }
        if (err == ERR_OK) {
            return ERR_OK;
        }
        const char *state = run->locker.sqlstate;
        const bool busy = strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0 || strcmp(state, "40P01") == 0;
        if (!busy) {
            return digest_failed(run, "lock", &run->locker, err);
        }
        if (attempt == run->options.lock_attempts || time_reached(clock_mono(), run->deadline)) {
            digest_say(run, "the tables could not be locked in %u attempts of %u ms: long transactions write", attempt,
                       run->options.lock_timeout_ms);
            return ERR_TIMEOUT;
        }
        err = sql_run(&run->locker, "ROLLBACK", run->deadline);
        if (err != ERR_OK) {
            return digest_failed(run, "lock", &run->locker, err);
        }
        digest_sleep(DIGEST_RETRY_PAUSE_MS);
    }
}

/* The first statement of the transaction takes its snapshot. */
static enum err digest_snapshot(struct digest_run *run, const char *who, struct sql *sql)
{
    const enum err err = sql_run(sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1", run->deadline);
    return err == ERR_OK ? ERR_OK : digest_failed(run, who, sql, err);
}

/* While the locks are held: both snapshots at one position. */
static enum err digest_freeze(struct digest_run *run)
{
    enum err err = digest_flush(run, &run->writer, &run->digest->lsn);
    if (err != ERR_OK) {
        return digest_failed(run, "writer", &run->writer, err);
    }
    err = digest_snapshot(run, "writer", &run->writer);
    if (err == ERR_OK) {
        err = digest_replayed(run, run->digest->lsn);
    }
    if (err == ERR_OK) {
        err = digest_snapshot(run, "standby", &run->standby);
    }
    return err;
}

/* Locks, freezes both sides, unlocks. Gives the locked tables. */
static enum err digest_align(struct digest_run *run, PGresult **ret_list)
{
    struct lsn before = {0};
    enum err err = digest_flush(run, &run->writer, &before);
    if (err != ERR_OK) {
        return digest_failed(run, "writer", &run->writer, err);
    }
    err = digest_replayed(run, before);
    PGresult *list = NULL;
    if (err == ERR_OK) {
        err = digest_list(run, "writer", &run->locker, &list);
    }
    if (err == ERR_OK) {
        err = digest_lock_patiently(run, list);
    }
    if (err != ERR_OK) {
        PQclear(list);
        return err;
    }
    const struct mono locked = clock_mono();
    err = digest_freeze(run);
    sql_close(&run->locker); /* releases the locks whatever has happened */
    run->digest->lock_us = time_since_us(clock_mono(), locked);
    if (err != ERR_OK) {
        PQclear(list);
        return err;
    }
    *ret_list = list;
    return ERR_OK;
}

/* Counts and hashes one table on both sides at the same time. */
static enum err digest_table_measure(struct digest_run *run, struct digest_table *table)
{
    char query[DIGEST_NAME + 160];
    snprintf(query, sizeof query,
             "SELECT count(*), coalesce(sum(hashtextextended((r.*)::text, 0)::numeric), 0) FROM ONLY %s AS r",
             table->name);
    enum err err = sql_send(&run->writer, query, NULL);
    if (err != ERR_OK) {
        return digest_failed(run, "writer", &run->writer, err);
    }
    err = sql_send(&run->standby, query, NULL);
    if (err != ERR_OK) {
        return digest_failed(run, "standby", &run->standby, err);
    }
    PGresult *result = NULL;
    err = sql_wait(&run->writer, run->deadline, &result);
    if (err != ERR_OK) {
        return digest_failed(run, "writer", &run->writer, err);
    }
    bool good = sql_number(PQgetvalue(result, 0, 0), &table->rows_writer);
    snprintf(table->hash_writer, sizeof table->hash_writer, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    err = sql_wait(&run->standby, run->deadline, &result);
    if (err != ERR_OK) {
        return digest_failed(run, "standby", &run->standby, err);
    }
    good = sql_number(PQgetvalue(result, 0, 0), &table->rows_standby) && good;
    snprintf(table->hash_standby, sizeof table->hash_standby, "%s", PQgetvalue(result, 0, 1));
    PQclear(result);
    table->equal = table->rows_writer == table->rows_standby && strcmp(table->hash_writer, table->hash_standby) == 0;
    return good ? ERR_OK : ERR_CONTENT;
}

static enum err digest_compare(struct digest_run *run, const PGresult *list)
{
    struct digest *digest = run->digest;
    const int count = PQntuples(list);
    digest->tables = calloc((size_t)count + 1, sizeof *digest->tables);
    if (digest->tables == NULL) {
        digest_say(run, "out of memory");
        return ERR_NO_MEMORY;
    }
    for (int i = 0; i < count; i++) {
        struct digest_table *table = &digest->tables[i];
        const char *name = PQgetvalue(list, i, 0);
        if (strlen(name) >= sizeof table->name) {
            digest_say(run, "the name of table %.100s is too long", name);
            return ERR_TOO_LARGE;
        }
        snprintf(table->name, sizeof table->name, "%s", name);
        const enum err err = digest_table_measure(run, table);
        if (err != ERR_OK) {
            return err;
        }
        digest->tables_count++;
        if (!table->equal && digest->tables_unequal++ == 0) {
            digest_say(run, "%s differs: %lld rows on the writer, %lld on the standby", table->name,
                       (long long)table->rows_writer, (long long)table->rows_standby);
        }
    }
    return ERR_OK;
}

/* Both snapshots must hold exactly the tables that were locked. */
static enum err digest_same_tables(struct digest_run *run, const PGresult *locked)
{
    PGresult *writer = NULL;
    PGresult *standby = NULL;
    enum err err = digest_list(run, "writer", &run->writer, &writer);
    if (err == ERR_OK) {
        err = digest_list(run, "standby", &run->standby, &standby);
    }
    if (err == ERR_OK && !digest_list_equal(locked, writer)) {
        digest_say(run, "tables were made or dropped meanwhile");
        err = ERR_CONFLICT;
    }
    if (err == ERR_OK && !digest_list_equal(locked, standby)) {
        digest_say(run, "the standby has other tables than the writer");
        err = ERR_CONTENT;
    }
    PQclear(writer);
    PQclear(standby);
    return err;
}

static enum err digest_work(struct digest_run *run)
{
    PGresult *list = NULL;
    enum err err = digest_connect(run);
    if (err == ERR_OK) {
        err = digest_sides(run);
    }
    if (err == ERR_OK) {
        err = digest_align(run, &list);
    }
    if (err == ERR_OK) {
        err = digest_same_tables(run, list);
    }
    if (err == ERR_OK) {
        err = digest_compare(run, list);
    }
    PQclear(list);
    return err;
}

static uint32_t digest_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

enum err digest_measure(const struct digest_options *options, struct digest *ret_digest)
{
    ASSERT(options->timeout_ms > 0);
    *ret_digest = (struct digest){.measured = false};
    const struct mono start = clock_mono();
    struct digest_run run = {
        .options = *options,
        .deadline = time_add_ms(start, options->timeout_ms),
        .statement = malloc(DIGEST_STATEMENT),
        .digest = ret_digest,
    };
    run.options.lock_timeout_ms = digest_default(options->lock_timeout_ms, DIGEST_LOCK_TIMEOUT_MS);
    run.options.lock_attempts = digest_default(options->lock_attempts, DIGEST_LOCK_ATTEMPTS);
    run.options.replay_wait_ms = digest_default(options->replay_wait_ms, DIGEST_REPLAY_WAIT_MS);
    enum err err = ERR_NO_MEMORY;
    if (run.statement != NULL) {
        err = digest_work(&run);
    }
    sql_close(&run.locker);
    sql_close(&run.writer);
    sql_close(&run.standby);
    free(run.statement);
    ret_digest->took_us = time_since_us(clock_mono(), start);
    ret_digest->measured = err == ERR_OK;
    ret_digest->consistent = err == ERR_OK && ret_digest->tables_unequal == 0;
    ASSERT(ret_digest->consistent == (ret_digest->reason[0] == '\0') || err != ERR_OK);
    return err;
}

void digest_free(struct digest *digest)
{
    free(digest->tables);
    digest->tables = NULL;
    digest->tables_count = 0;
}
