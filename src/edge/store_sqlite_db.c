/* SPDX-License-Identifier: Apache-2.0
 * The SQLite store's file: schema, statements, what a write and a read are in SQL. */
#include "edge/store_sqlite_db.h"

#include <errno.h>
#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"

enum {
    /* "HFST": tells our files from those of other programs. */
    STORE_SQLITE_DB_APPLICATION = 0x48465354,
    /* Deleted keys remembered so long, in revisions, so that CHANGES can tell of them. */
    STORE_SQLITE_DB_MEMORY = 10000,
    STORE_SQLITE_DB_BUSY_MS = 2000,
};

/* Each row takes the file from version [i] to [i + 1]; append only. */
static const char *const store_sqlite_db_schema[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES ('revision', 0), ('floor', 0);"
    "CREATE TABLE record (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, deleted INTEGER NOT NULL, value BLOB NOT "
    "NULL)"
    " WITHOUT ROWID;"
    "CREATE INDEX record_revision ON record (revision, key);"
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, kind TEXT NOT NULL, run TEXT,"
    " text TEXT NOT NULL);"
    "CREATE INDEX journal_kind ON journal (kind, number);"
    "CREATE INDEX journal_run ON journal (run, number) WHERE run IS NOT NULL;",
};

enum { STORE_SQLITE_DB_VERSION = sizeof store_sqlite_db_schema / sizeof store_sqlite_db_schema[0] };

static const char *const store_sqlite_db_sql[STORE_SQLITE_DB_STATEMENTS] = {
    [STORE_SQLITE_DB_BEGIN] = "BEGIN IMMEDIATE",
    [STORE_SQLITE_DB_COMMIT] = "COMMIT",
    [STORE_SQLITE_DB_ROLLBACK] = "ROLLBACK",
    [STORE_SQLITE_DB_REVISION] = "SELECT revision FROM record WHERE key = ?1 AND deleted = 0",
    [STORE_SQLITE_DB_PUT] = "INSERT INTO record (key, revision, deleted, value) VALUES (?1, ?2, ?3, ?4)"
                            " ON CONFLICT (key) DO UPDATE SET revision = ?2, deleted = ?3, value = ?4",
    [STORE_SQLITE_DB_SET_META] = "UPDATE meta SET value = ?2 WHERE name = ?1",
    [STORE_SQLITE_DB_APPEND] = "INSERT INTO journal (number, wall_us, kind, run, text) VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_SQLITE_DB_TRIM] = "DELETE FROM journal WHERE number IN (SELECT number FROM journal WHERE number <= ?1 AND"
                             " number < (SELECT max(number) FROM journal) ORDER BY number LIMIT ?2)",
    [STORE_SQLITE_DB_GET] = "SELECT key, revision, deleted, value FROM record WHERE key = ?1 AND deleted = 0",
    [STORE_SQLITE_DB_LIST] =
        "SELECT key, revision, deleted, value FROM record"
        " WHERE key >= ?1 AND substr(key, 1, length(?1)) = ?1 AND deleted = 0 ORDER BY key LIMIT ?3",
    [STORE_SQLITE_DB_CHANGES] =
        "SELECT key, revision, deleted, value FROM record"
        " WHERE revision > ?2 AND substr(key, 1, length(?1)) = ?1 ORDER BY revision, key LIMIT ?3",
};

enum err store_sqlite_db_err(struct store_sqlite_db *db, int code)
{
    if ((code & 0xff) == SQLITE_IOERR) {
        /* SQLite keeps the number of some failures only; a commit's is still in errno. */
        const int kept = sqlite3_system_errno(db->handle);
        db->system_errno = kept != 0 ? kept : errno;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return ERR_OK;
    case SQLITE_FULL:
        return ERR_DISK_FULL;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return ERR_CONTENT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_IN_USE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return ERR_PERMISSION;
    case SQLITE_NOMEM:
        return ERR_NO_MEMORY;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_IOERR:
        /* A quota or a file size limit reaches SQLite as a failed write. */
        return db->system_errno == ENOSPC || db->system_errno == EDQUOT || db->system_errno == EFBIG ? ERR_DISK_FULL
                                                                                                     : ERR_IO;
    default:
        return ERR_INTERNAL;
    }
}

static enum err store_sqlite_db_exec(struct store_sqlite_db *db, const char *sql)
{
    return store_sqlite_db_err(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

/* Runs a prepared statement that gives no rows. */
static enum err store_sqlite_db_run(struct store_sqlite_db *db, struct sqlite3_stmt *statement)
{
    errno = 0;
    const enum err err = store_sqlite_db_err(db, sqlite3_step(statement));
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return err;
}

/* -- opening -- */

static enum err store_sqlite_db_number(struct store_sqlite_db *db, const char *sql, int64_t *ret_number)
{
    struct sqlite3_stmt *statement = NULL;
    enum err err = store_sqlite_db_err(db, sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL));
    if (err == ERR_OK) {
        const int code = sqlite3_step(statement);
        err = store_sqlite_db_err(db, code);
        if (code == SQLITE_ROW) {
            *ret_number = sqlite3_column_int64(statement, 0);
        }
    }
    sqlite3_finalize(statement);
    return err;
}

static enum err store_sqlite_db_configure(struct store_sqlite_db *db, uint32_t max_pages)
{
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, STORE_SQLITE_DB_BUSY_MS);
    enum err err = store_sqlite_db_exec(db, "PRAGMA trusted_schema = OFF;"
                                            "PRAGMA locking_mode = EXCLUSIVE;"
                                            "PRAGMA journal_mode = WAL;"
                                            "PRAGMA synchronous = FULL;"
                                            "PRAGMA journal_size_limit = 16777216;");
    if (err == ERR_OK && max_pages > 0) {
        char sql[64];
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA max_page_count = %u", max_pages);
        err = store_sqlite_db_exec(db, sql);
    }
    return err;
}

/* Whose file is it, and how old? An empty file is ours to be. */
static enum err store_sqlite_db_identify(struct store_sqlite_db *db, int64_t *ret_version)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    enum err err = store_sqlite_db_number(db, "PRAGMA application_id", &application);
    if (err == ERR_OK) {
        err = store_sqlite_db_number(db, "PRAGMA user_version", &version);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (application != STORE_SQLITE_DB_APPLICATION && (tables > 0 || application != 0)) {
        return ERR_EXISTS;
    }
    if (version > STORE_SQLITE_DB_VERSION) {
        return ERR_UNSUPPORTED;
    }
    *ret_version = version;
    return ERR_OK;
}

static enum err store_sqlite_db_migrate(struct store_sqlite_db *db)
{
    int64_t version = 0;
    enum err err = store_sqlite_db_identify(db, &version);
    for (; err == ERR_OK && version < STORE_SQLITE_DB_VERSION; version++) {
        char sql[96];
        sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                         STORE_SQLITE_DB_APPLICATION, (int)version + 1);
        err = store_sqlite_db_exec(db, "BEGIN IMMEDIATE");
        if (err == ERR_OK) {
            err = store_sqlite_db_exec(db, store_sqlite_db_schema[version]);
        }
        if (err == ERR_OK) {
            err = store_sqlite_db_exec(db, sql);
        }
    }
    return err;
}

static enum err store_sqlite_db_load(struct store_sqlite_db *db)
{
    int64_t values[3] = {0};
    static const char *const sql[3] = {
        "SELECT value FROM meta WHERE name = 'revision'",
        "SELECT value FROM meta WHERE name = 'floor'",
        "SELECT coalesce(max(number), 0) FROM journal",
    };
    for (size_t i = 0; i < 3; i++) {
        const enum err err = store_sqlite_db_number(db, sql[i], &values[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (values[0] < 0 || values[1] < 0 || values[1] > values[0] || values[2] < 0) {
        return ERR_CONTENT;
    }
    db->revision = (uint64_t)values[0];
    db->floor = (uint64_t)values[1];
    db->number = (uint64_t)values[2];
    return ERR_OK;
}

/* Forgets records that were deleted long ago; who asks for changes since then gets ERR_STALE. */
static enum err store_sqlite_db_forget(struct store_sqlite_db *db)
{
    if (db->revision <= db->floor + STORE_SQLITE_DB_MEMORY) {
        return ERR_OK;
    }
    const uint64_t floor = db->revision - STORE_SQLITE_DB_MEMORY;
    char sql[256];
    sqlite3_snprintf(sizeof sql, sql,
                     "BEGIN IMMEDIATE; DELETE FROM record WHERE deleted = 1 AND revision <= %llu;"
                     "UPDATE meta SET value = %llu WHERE name = 'floor'; COMMIT",
                     (unsigned long long)floor, (unsigned long long)floor);
    const enum err err = store_sqlite_db_exec(db, sql);
    if (err == ERR_OK) {
        db->floor = floor;
    }
    return err;
}

static enum err store_sqlite_db_prepare(struct store_sqlite_db *db)
{
    for (size_t i = 0; i < STORE_SQLITE_DB_STATEMENTS; i++) {
        const enum err err =
            store_sqlite_db_err(db, sqlite3_prepare_v3(db->handle, store_sqlite_db_sql[i], -1,
                                                       SQLITE_PREPARE_PERSISTENT, &db->statements[i], NULL));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err store_sqlite_db_open(struct store_sqlite_db *db, const char *path, uint32_t max_pages)
{
    *db = (struct store_sqlite_db){.handle = NULL};
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    enum err err = store_sqlite_db_err(db, sqlite3_open_v2(path, &db->handle, flags, NULL));
    if (err == ERR_OK) {
        err = store_sqlite_db_configure(db, max_pages);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_migrate(db);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_load(db);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_forget(db);
        /* A full disk is no reason not to start: reading and explaining still work. */
        if (err == ERR_DISK_FULL) {
            (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
            err = ERR_OK;
        }
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_prepare(db);
    }
    return err;
}

void store_sqlite_db_close(struct store_sqlite_db *db)
{
    for (size_t i = 0; i < STORE_SQLITE_DB_STATEMENTS; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    const int code = sqlite3_close(db->handle);
    ASSERT(code == SQLITE_OK);
    *db = (struct store_sqlite_db){.handle = NULL};
}

/* -- writing -- */

enum err store_sqlite_db_begin(struct store_sqlite_db *db)
{
    db->begun_revision = db->revision;
    db->begun_number = db->number;
    return store_sqlite_db_run(db, db->statements[STORE_SQLITE_DB_BEGIN]);
}

void store_sqlite_db_rollback(struct store_sqlite_db *db)
{
    db->revision = db->begun_revision;
    db->number = db->begun_number;
    /* Some failures have rolled back already. */
    if (sqlite3_get_autocommit(db->handle) == 0) {
        const enum err err = store_sqlite_db_run(db, db->statements[STORE_SQLITE_DB_ROLLBACK]);
        ASSERT(err == ERR_OK || sqlite3_get_autocommit(db->handle) != 0);
    }
}

/* 0: there is no such record. */
static enum err store_sqlite_db_revision(struct store_sqlite_db *db, const char *key, uint64_t *ret_revision)
{
    struct sqlite3_stmt *statement = db->statements[STORE_SQLITE_DB_REVISION];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    const int code = sqlite3_step(statement);
    const enum err err = store_sqlite_db_err(db, code);
    const uint64_t revision = code == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    if (err == ERR_OK) {
        *ret_revision = revision;
    }
    return err;
}

static enum err store_sqlite_db_check(struct store_sqlite_db *db, const struct store_request *request,
                                      struct store_answer *answer)
{
    for (size_t i = 0; i < request->write_count; i++) {
        const struct store_write *write = &request->writes[i];
        if (write->verb == STORE_APPEND || write->expected == STORE_ANY) {
            continue;
        }
        uint64_t revision = 0;
        const enum err err = store_sqlite_db_revision(db, write->key, &revision);
        if (err != ERR_OK) {
            return err;
        }
        if (revision != write->expected) {
            answer->revision = revision;
            answer->conflict = i;
            return ERR_CONFLICT;
        }
    }
    return ERR_OK;
}

static enum err store_sqlite_db_put(struct store_sqlite_db *db, const struct store_write *write, uint64_t revision)
{
    struct sqlite3_stmt *statement = db->statements[STORE_SQLITE_DB_PUT];
    const bool deleted = write->verb == STORE_DELETE;
    const struct span value = deleted ? span_text("") : write->value;
    sqlite3_bind_text(statement, 1, write->key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (int64_t)revision);
    sqlite3_bind_int(statement, 3, deleted ? 1 : 0);
    sqlite3_bind_blob(statement, 4, value.data, (int)value.size, SQLITE_STATIC);
    return store_sqlite_db_run(db, statement);
}

static enum err store_sqlite_db_append(struct store_sqlite_db *db, const struct store_write *write, uint64_t number)
{
    struct sqlite3_stmt *statement = db->statements[STORE_SQLITE_DB_APPEND];
    sqlite3_bind_int64(statement, 1, (int64_t)number);
    sqlite3_bind_int64(statement, 2, write->wall.us);
    sqlite3_bind_text(statement, 3, write->kind, -1, SQLITE_STATIC);
    if (write->run != NULL && write->run[0] != '\0') {
        sqlite3_bind_text(statement, 4, write->run, -1, SQLITE_STATIC);
    }
    sqlite3_bind_text(statement, 5, (const char *)write->value.data, (int)write->value.size, SQLITE_STATIC);
    return store_sqlite_db_run(db, statement);
}

enum err store_sqlite_db_write(struct store_sqlite_db *db, const struct store_request *request,
                               struct store_answer *answer)
{
    ASSERT(sqlite3_get_autocommit(db->handle) == 0);
    enum err err = store_sqlite_db_check(db, request, answer);
    uint64_t revision = db->revision;
    uint64_t number = db->number;
    for (size_t i = 0; err == ERR_OK && i < request->write_count; i++) {
        const struct store_write *write = &request->writes[i];
        if (write->verb == STORE_APPEND) {
            err = store_sqlite_db_append(db, write, ++number);
        } else if (write->verb != STORE_CHECK) {
            /* All records of one commit carry one revision. */
            revision = db->revision + 1;
            err = store_sqlite_db_put(db, write, revision);
        }
    }
    if (err == ERR_OK) {
        db->revision = revision;
        db->number = number;
        answer->revision = revision;
        answer->number = number;
    }
    return err;
}

enum err store_sqlite_db_trim(struct store_sqlite_db *db, uint64_t upto, bool *ret_more)
{
    struct sqlite3_stmt *statement = db->statements[STORE_SQLITE_DB_TRIM];
    enum err err = store_sqlite_db_begin(db);
    if (err != ERR_OK) {
        return err;
    }
    sqlite3_bind_int64(statement, 1, upto < INT64_MAX ? (int64_t)upto : INT64_MAX);
    sqlite3_bind_int64(statement, 2, STORE_SQLITE_DB_PORTION);
    err = store_sqlite_db_run(db, statement);
    *ret_more = err == ERR_OK && sqlite3_changes(db->handle) == STORE_SQLITE_DB_PORTION;
    if (err != ERR_OK) {
        store_sqlite_db_rollback(db);
        return err;
    }
    return store_sqlite_db_end(db);
}

enum err store_sqlite_db_end(struct store_sqlite_db *db)
{
    enum err err = ERR_OK;
    if (db->revision != db->begun_revision) {
        struct sqlite3_stmt *statement = db->statements[STORE_SQLITE_DB_SET_META];
        sqlite3_bind_text(statement, 1, "revision", -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, (int64_t)db->revision);
        err = store_sqlite_db_run(db, statement);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_run(db, db->statements[STORE_SQLITE_DB_COMMIT]);
    }
    if (err != ERR_OK) {
        store_sqlite_db_rollback(db);
    }
    return err;
}
