/* SPDX-License-Identifier: Apache-2.0
 * What the SQLite store answers to GET, LIST, CHANGES and READ. */
#include "edge/store_sqlite_read.h"

#include <string.h>

#include <sqlite3.h>

#include "base/assert.h"
#include "base/buf.h"

enum {
    STORE_SQLITE_READ_SQL = 512,
};

static bool store_sqlite_read_take_text(struct sqlite3_stmt *statement, int column, struct arena *arena,
                                        const char **ret_text, size_t *ret_size)
{
    const void *data = sqlite3_column_blob(statement, column);
    const size_t size = (size_t)sqlite3_column_bytes(statement, column);
    const char *copy = arena_copy(arena, data, size);
    if (copy == NULL) {
        return false;
    }
    *ret_text = copy;
    *ret_size = size;
    return true;
}

static bool store_sqlite_read_take_record(struct sqlite3_stmt *statement, struct arena *arena,
                                          struct store_record *record)
{
    const char *value = NULL;
    size_t key_size = 0;
    size_t value_size = 0;
    if (!store_sqlite_read_take_text(statement, 0, arena, &record->key, &key_size) ||
        !store_sqlite_read_take_text(statement, 3, arena, &value, &value_size)) {
        return false;
    }
    record->revision = (uint64_t)sqlite3_column_int64(statement, 1);
    record->deleted = sqlite3_column_int(statement, 2) != 0;
    record->value = span_of(value, value_size);
    return true;
}

/* Up to `room` records; `ret_full` says that there are further ones, or that they do not fit into an answer. */
static enum err store_sqlite_read_records(struct store_sqlite_db *db, struct sqlite3_stmt *statement, size_t room,
                                          struct store_answer *answer, bool *ret_full)
{
    struct store_record *records = arena_alloc(&answer->memory, room * sizeof *records);
    if (records == NULL) {
        return ERR_NO_MEMORY;
    }
    size_t count = 0;
    bool full = false;
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && !full) {
        full = count == room || !store_sqlite_read_take_record(statement, &answer->memory, &records[count]);
        if (!full) {
            count++;
            code = sqlite3_step(statement);
        }
    }
    const enum err err = store_sqlite_db_err(db, code);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    answer->records = records;
    answer->record_count = count;
    *ret_full = full;
    return err;
}

/* A revision is told whole or not at all, so that `after` = the last one told leaves no gap. */
static enum err store_sqlite_read_cut(struct store_answer *answer)
{
    const uint64_t last = answer->records[answer->record_count - 1].revision;
    size_t count = answer->record_count;
    while (count > 0 && answer->records[count - 1].revision == last) {
        count--;
    }
    answer->record_count = count;
    answer->more = true;
    return count > 0 ? ERR_OK : ERR_TOO_LARGE;
}

static enum err store_sqlite_read_records_of(struct store_sqlite_db *db, const struct store_request *request,
                                             struct store_answer *answer)
{
    static const enum store_sqlite_db_statement statements[] = {
        [STORE_GET] = STORE_SQLITE_DB_GET,
        [STORE_LIST] = STORE_SQLITE_DB_LIST,
        [STORE_CHANGES] = STORE_SQLITE_DB_CHANGES,
    };
    if (request->ask == STORE_CHANGES && request->after < db->floor) {
        return ERR_STALE;
    }
    struct sqlite3_stmt *statement = db->statements[statements[request->ask]];
    sqlite3_bind_text(statement, 1, request->key, -1, SQLITE_STATIC);
    if (request->ask == STORE_CHANGES) {
        const int64_t after = request->after <= INT64_MAX ? (int64_t)request->after : INT64_MAX;
        sqlite3_bind_int64(statement, 2, after);
    }
    const size_t room = request->ask == STORE_GET ? 1 : STORE_ROWS;
    if (request->ask != STORE_GET) {
        sqlite3_bind_int(statement, 3, (int)room + 1);
    }
    bool full = false;
    enum err err = store_sqlite_read_records(db, statement, room, answer, &full);
    if (err == ERR_OK && full) {
        err = request->ask == STORE_CHANGES && answer->record_count > 0 ? store_sqlite_read_cut(answer) : ERR_TOO_LARGE;
    }
    if (err == ERR_OK && request->ask == STORE_GET && answer->record_count == 0) {
        err = ERR_NOT_FOUND;
    }
    return err;
}

static bool store_sqlite_read_take_entry(struct sqlite3_stmt *statement, struct arena *arena, struct store_entry *entry)
{
    size_t size = 0;
    entry->number = (uint64_t)sqlite3_column_int64(statement, 0);
    entry->wall.us = sqlite3_column_int64(statement, 1);
    return store_sqlite_read_take_text(statement, 2, arena, &entry->kind, &size) &&
           store_sqlite_read_take_text(statement, 3, arena, &entry->run, &size) &&
           store_sqlite_read_take_text(statement, 4, arena, &entry->text, &size);
}

static enum err store_sqlite_read_select(struct store_sqlite_db *db, const struct store_request *request, size_t limit,
                                         struct sqlite3_stmt **ret_statement)
{
    char memory[STORE_SQLITE_READ_SQL];
    struct buf sql;
    buf_init(&sql, memory, sizeof memory);
    buf_text(&sql, "SELECT number, wall_us, kind, run, text FROM journal WHERE number > ?1");
    buf_text(&sql, request->kind != NULL ? " AND kind = ?2" : "");
    buf_text(&sql, request->run != NULL ? " AND run = ?3" : "");
    buf_text(&sql, request->newest ? " ORDER BY number DESC LIMIT ?4" : " ORDER BY number LIMIT ?4");
    ASSERT(!sql.overflow);
    struct sqlite3_stmt *statement = NULL;
    const enum err err =
        store_sqlite_db_err(db, sqlite3_prepare_v2(db->handle, buf_string(&sql), -1, &statement, NULL));
    if (err != ERR_OK) {
        return err;
    }
    sqlite3_bind_int64(statement, 1, request->after <= INT64_MAX ? (int64_t)request->after : INT64_MAX);
    if (request->kind != NULL) {
        sqlite3_bind_text(statement, 2, request->kind, -1, SQLITE_STATIC);
    }
    if (request->run != NULL) {
        sqlite3_bind_text(statement, 3, request->run, -1, SQLITE_STATIC);
    }
    sqlite3_bind_int64(statement, 4, (int64_t)limit + 1);
    *ret_statement = statement;
    return ERR_OK;
}

static void store_sqlite_read_turn(struct store_entry *entries, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const struct store_entry swap = entries[i];
        entries[i] = entries[count - 1 - i];
        entries[count - 1 - i] = swap;
    }
}

static enum err store_sqlite_read_entries_of(struct store_sqlite_db *db, const struct store_request *request,
                                             struct store_answer *answer)
{
    const size_t limit = request->limit > 0 && request->limit < STORE_ROWS ? request->limit : STORE_ROWS;
    struct store_entry *entries = arena_alloc(&answer->memory, limit * sizeof *entries);
    struct sqlite3_stmt *statement = NULL;
    enum err err = entries != NULL ? store_sqlite_read_select(db, request, limit, &statement) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        return err;
    }
    size_t count = 0;
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW && count < limit &&
           store_sqlite_read_take_entry(statement, &answer->memory, &entries[count])) {
        count++;
        code = sqlite3_step(statement);
    }
    err = store_sqlite_db_err(db, code);
    sqlite3_finalize(statement);
    if (request->newest) {
        store_sqlite_read_turn(entries, count);
    }
    answer->entries = entries;
    answer->entry_count = count;
    answer->more = code == SQLITE_ROW;
    return err == ERR_OK && answer->more && count == 0 ? ERR_TOO_LARGE : err;
}

enum err store_sqlite_read_request(struct store_sqlite_db *db, const struct store_request *request,
                                   struct store_answer *answer)
{
    ASSERT(request->ask != STORE_COMMIT);
    answer->revision = db->revision;
    answer->number = db->number;
    return request->ask == STORE_READ ? store_sqlite_read_entries_of(db, request, answer)
                                      : store_sqlite_read_records_of(db, request, answer);
}
