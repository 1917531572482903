/* SPDX-License-Identifier: Apache-2.0
 * The SQLite store's file: schema, statements, what a write and a read are in SQL. One thread at a time.
 *
 * Only for store_sqlite.c, which owns the thread and the batches. */
#pragma once

#include <stdint.h>

#include "edge/store.h"

struct sqlite3;
struct sqlite3_stmt;

enum { STORE_SQLITE_DB_PORTION = 1000 /* entries that cease at once */ };

enum store_sqlite_db_statement {
    STORE_SQLITE_DB_BEGIN,
    STORE_SQLITE_DB_COMMIT,
    STORE_SQLITE_DB_ROLLBACK,
    STORE_SQLITE_DB_REVISION,
    STORE_SQLITE_DB_PUT,
    STORE_SQLITE_DB_SET_META,
    STORE_SQLITE_DB_APPEND,
    STORE_SQLITE_DB_TRIM,
    STORE_SQLITE_DB_GET,
    STORE_SQLITE_DB_LIST,
    STORE_SQLITE_DB_CHANGES,
    STORE_SQLITE_DB_STATEMENTS,
};

struct store_sqlite_db {
    struct sqlite3 *handle;
    struct sqlite3_stmt *statements[STORE_SQLITE_DB_STATEMENTS];
    uint64_t revision; /* newest */
    uint64_t floor;    /* changes up to here may be forgotten */
    uint64_t number;   /* the journal's newest */
    uint64_t begun_revision;
    uint64_t begun_number;
    int system_errno; /* behind the last ERR_IO, for messages */
};

/* Opens or creates, migrates. Errors of store_sqlite_open. */
ERR_CHECK enum err store_sqlite_db_open(struct store_sqlite_db *db, const char *path, uint32_t max_pages);

/* Accepts a zeroed one. */
void store_sqlite_db_close(struct store_sqlite_db *db);

/* A batch: begin, any number of writes, end. */
ERR_CHECK enum err store_sqlite_db_begin(struct store_sqlite_db *db);

/* All writes of one request inside the batch. ERR_CONFLICT: nothing of this request was written, the batch goes on. Any
 * other error: end the batch by rollback. Answers revision, number, conflict. */
ERR_CHECK enum err store_sqlite_db_write(struct store_sqlite_db *db, const struct store_request *request,
                                         struct store_answer *answer);

/* A portion of the oldest entries up to this number ceases, in a transaction of its own; the newest entry stays. */
ERR_CHECK enum err store_sqlite_db_trim(struct store_sqlite_db *db, uint64_t upto, bool *ret_more);

/* Durable when it answers ERR_OK; otherwise rolled back. */
ERR_CHECK enum err store_sqlite_db_end(struct store_sqlite_db *db);
void store_sqlite_db_rollback(struct store_sqlite_db *db);

/* What a result code of SQLite means; keeps the system's error number behind an ERR_IO. */
enum err store_sqlite_db_err(struct store_sqlite_db *db, int code);
