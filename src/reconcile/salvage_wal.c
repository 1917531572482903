/* SPDX-License-Identifier: Apache-2.0
 * What the log itself says about a tail: pg_waldump's lines, collected into the list of everything that committed. */
#include "reconcile/salvage_wal.h"

#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"

enum {
    SALVAGE_WAL_USER = 16384, /* relations below are the catalog's */
    SALVAGE_WAL_STATISTIC = 2619,
    SALVAGE_WAL_STATISTIC_EXT = 3429,
    SALVAGE_WAL_STATISTIC_TOAST = 2840,
    SALVAGE_WAL_STATISTIC_EXT_TOAST = 3430,
    SALVAGE_WAL_LARGE_DATA = 2613,
    SALVAGE_WAL_LARGE_META = 2995,
    SALVAGE_WAL_FIRST = 1024,
};

struct salvage_wal_xid {
    uint32_t xid; /* 0: empty */
    uint32_t did;
    uint32_t database;
    uint32_t commit; /* index + 1; 0: none */
};

void salvage_wal_free(struct salvage_wal *wal)
{
    free(wal->commits);
    free(wal->xids);
    *wal = (struct salvage_wal){.commits = NULL};
}

static struct salvage_wal_xid *salvage_wal_slot(struct salvage_wal_xid *xids, size_t capacity, uint32_t xid)
{
    size_t at = (size_t)(xid * 2654435761u) & (capacity - 1);
    while (xids[at].xid != 0 && xids[at].xid != xid) {
        at = (at + 1) & (capacity - 1);
    }
    return &xids[at];
}

static bool salvage_wal_grow(struct salvage_wal *wal)
{
    const size_t capacity = wal->xids_capacity > 0 ? wal->xids_capacity * 2 : SALVAGE_WAL_FIRST;
    struct salvage_wal_xid *xids = calloc(capacity, sizeof *xids);
    if (xids == NULL) {
        wal->no_memory = true;
        return false;
    }
    for (size_t i = 0; i < wal->xids_capacity; i++) {
        if (wal->xids[i].xid != 0) {
            *salvage_wal_slot(xids, capacity, wal->xids[i].xid) = wal->xids[i];
        }
    }
    free(wal->xids);
    wal->xids = xids;
    wal->xids_capacity = capacity;
    return true;
}

/* NULL: no memory. */
static struct salvage_wal_xid *salvage_wal_xid(struct salvage_wal *wal, uint32_t xid)
{
    if (wal->xids_count * 2 >= wal->xids_capacity && !salvage_wal_grow(wal)) {
        return NULL;
    }
    struct salvage_wal_xid *found = salvage_wal_slot(wal->xids, wal->xids_capacity, xid);
    wal->xids_count += found->xid == 0 ? 1 : 0;
    found->xid = xid;
    return found;
}

struct salvage_wal_commit *salvage_wal_find(const struct salvage_wal *wal, uint32_t xid)
{
    if (wal->xids_capacity == 0 || xid == 0) {
        return NULL;
    }
    const struct salvage_wal_xid *found = salvage_wal_slot(wal->xids, wal->xids_capacity, xid);
    return found->commit > 0 ? &wal->commits[found->commit - 1] : NULL;
}

static bool salvage_wal_word(struct cursor *cursor, const char *word)
{
    const size_t size = strlen(word);
    if (cursor_left(cursor) < size || memcmp(cursor->data + cursor->at, word, size) != 0) {
        return false;
    }
    cursor_skip(cursor, size);
    return true;
}

/* Behind the next place where `word` stands. */
static bool salvage_wal_seek(struct cursor *cursor, const char *word)
{
    const size_t size = strlen(word);
    const uint8_t *found =
        cursor_left(cursor) >= size ? memmem(cursor->data + cursor->at, cursor_left(cursor), word, size) : NULL;
    if (found == NULL) {
        return false;
    }
    cursor->at = (size_t)(found - cursor->data) + size;
    return true;
}

static bool salvage_wal_number(struct cursor *cursor, uint32_t *ret_number)
{
    uint64_t number = 0;
    uint32_t digits = 0;
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] == ' ') {
        cursor_skip(cursor, 1);
    }
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] >= '0' && cursor->data[cursor->at] <= '9') {
        number = number * 10 + (uint64_t)(cursor_u8(cursor) - '0');
        if (++digits > 10) {
            return false;
        }
    }
    *ret_number = (uint32_t)number;
    return digits > 0 && number <= UINT32_MAX;
}

static bool salvage_wal_lsn(struct cursor *cursor, struct lsn *ret_lsn)
{
    char text[LSN_TEXT];
    const struct span span = cursor_until(cursor, ',');
    if (!cursor_ok(cursor) || span.size == 0 || span.size >= sizeof text) {
        return false;
    }
    memcpy(text, span.data, span.size);
    text[span.size] = '\0';
    return lsn_parse(text, ret_lsn);
}

/* "rel 1663/16384/2619" of a record of the rmgrs Heap and Heap2. */
static uint32_t salvage_wal_relation(struct cursor cursor, bool deletes, uint32_t *ret_database)
{
    uint32_t space = 0;
    uint32_t relation = 0;
    if (!salvage_wal_seek(&cursor, "rel ") || !salvage_wal_number(&cursor, &space) || !salvage_wal_word(&cursor, "/") ||
        !salvage_wal_number(&cursor, ret_database) || !salvage_wal_word(&cursor, "/") ||
        !salvage_wal_number(&cursor, &relation)) {
        return 0;
    }
    switch (relation) {
    case SALVAGE_WAL_STATISTIC:
    case SALVAGE_WAL_STATISTIC_EXT:
    case SALVAGE_WAL_STATISTIC_TOAST:
    case SALVAGE_WAL_STATISTIC_EXT_TOAST:
        return 0;
    case SALVAGE_WAL_LARGE_DATA:
    case SALVAGE_WAL_LARGE_META:
        return SALVAGE_WAL_LARGE;
    default:
        return relation < SALVAGE_WAL_USER ? SALVAGE_WAL_SCHEMA
                                           : SALVAGE_WAL_ROWS | (deletes ? SALVAGE_WAL_DELETED : 0u);
    }
}

static void salvage_wal_heap(struct salvage_wal *wal, struct cursor cursor, uint32_t xid)
{
    static const char *const writes[] = {"INSERT", "UPDATE", "HOT_UPDATE", "DELETE", "MULTI_INSERT", "TRUNCATE"};
    bool writing = false;
    bool deletes = false;
    for (size_t i = 0; i < sizeof writes / sizeof writes[0] && !writing; i++) {
        writing = salvage_wal_word(&cursor, writes[i]);
        deletes = writing && strcmp(writes[i], "DELETE") == 0;
    }
    uint32_t database = 0;
    const uint32_t did = writing ? salvage_wal_relation(cursor, deletes, &database) : 0;
    if (did == 0) {
        return;
    }
    struct salvage_wal_xid *found = salvage_wal_xid(wal, xid);
    if (found != NULL) {
        found->did |= did;
        found->database = database > 0 ? database : found->database;
    }
}

/* "; subxacts: 734 735". */
static void salvage_wal_subxacts(struct salvage_wal *wal, struct cursor cursor, struct salvage_wal_commit *commit)
{
    uint32_t xid = 0;
    if (!salvage_wal_seek(&cursor, "subxacts:")) {
        return;
    }
    while (salvage_wal_number(&cursor, &xid)) {
        const struct salvage_wal_xid *found = salvage_wal_xid(wal, xid);
        if (found != NULL) {
            commit->did |= found->did;
            commit->database = commit->database == 0 ? found->database : commit->database;
        }
    }
}

static enum err salvage_wal_add(struct salvage_wal *wal, const struct salvage_wal_commit *commit)
{
    if (wal->count == wal->capacity) {
        const size_t capacity = wal->capacity > 0 ? wal->capacity * 2 : SALVAGE_WAL_FIRST;
        struct salvage_wal_commit *grown =
            capacity <= SALVAGE_WAL_COMMITS ? realloc(wal->commits, capacity * sizeof *grown) : NULL;
        if (grown == NULL) {
            return capacity <= SALVAGE_WAL_COMMITS ? ERR_NO_MEMORY : ERR_TOO_LARGE;
        }
        wal->commits = grown;
        wal->capacity = capacity;
    }
    struct salvage_wal_xid *found = salvage_wal_xid(wal, commit->xid);
    if (found == NULL) {
        return ERR_NO_MEMORY;
    }
    wal->commits[wal->count] = *commit;
    wal->count++;
    found->commit = (uint32_t)wal->count;
    return ERR_OK;
}

/* What follows COMMIT, COMMIT_PREPARED or PREPARE: "[733: |gid NAME: ]2026-11-22 09:00:00.1 UTC[; ...]". */
static enum err salvage_wal_end(struct salvage_wal *wal, struct cursor cursor, struct salvage_wal_commit *commit)
{
    struct salvage_wal_commit *prepared = salvage_wal_find(wal, commit->xid);
    const struct salvage_wal_xid *found = salvage_wal_xid(wal, commit->xid);
    if (found == NULL) {
        return ERR_NO_MEMORY;
    }
    commit->did |= found->did;
    commit->database = found->database;
    salvage_wal_subxacts(wal, cursor, commit);
    if (prepared != NULL && (prepared->did & SALVAGE_WAL_UNDECIDED) != 0) {
        /* Prepared and committed within the tail: an ordinary commit. */
        const uint32_t did = (prepared->did | commit->did) & ~(uint32_t)(SALVAGE_WAL_UNDECIDED | SALVAGE_WAL_PREPARED);
        const uint32_t database = commit->database > 0 ? commit->database : prepared->database;
        prepared->xid = 0; /* a gap, skipped by everybody */
        commit->did = did;
        commit->database = database;
    }
    const uint8_t *end = cursor_left(&cursor) > 0 ? memchr(cursor.data + cursor.at, ';', cursor_left(&cursor)) : NULL;
    size_t size = end != NULL ? (size_t)(end - (cursor.data + cursor.at)) : cursor_left(&cursor);
    size = size < sizeof commit->time ? size : sizeof commit->time - 1;
    const struct span time = cursor_span(&cursor, size);
    if (time.size > 0) {
        memcpy(commit->time, time.data, time.size);
    }
    commit->time[time.size] = '\0';
    return salvage_wal_add(wal, commit);
}

static enum err salvage_wal_transaction(struct salvage_wal *wal, struct cursor cursor,
                                        struct salvage_wal_commit *commit)
{
    if (salvage_wal_word(&cursor, "COMMIT_PREPARED ")) {
        commit->did = SALVAGE_WAL_PREPARED;
        if (!salvage_wal_number(&cursor, &commit->xid) || !salvage_wal_word(&cursor, ": ")) {
            return ERR_OK;
        }
    } else if (salvage_wal_word(&cursor, "PREPARE gid ")) {
        commit->did = SALVAGE_WAL_UNDECIDED;
        if (!salvage_wal_seek(&cursor, ": ")) {
            return ERR_OK;
        }
    } else if (salvage_wal_word(&cursor, "ABORT_PREPARED ")) {
        uint32_t xid = 0;
        struct salvage_wal_commit *prepared = salvage_wal_number(&cursor, &xid) ? salvage_wal_find(wal, xid) : NULL;
        if (prepared != NULL) {
            prepared->xid = 0; /* begun and ended within the tail: nothing */
        } else {
            wal->rolled_back++;
        }
        return ERR_OK;
    } else if (!salvage_wal_word(&cursor, "COMMIT ")) {
        return ERR_OK;
    }
    return commit->xid != 0 ? salvage_wal_end(wal, cursor, commit) : ERR_OK;
}

enum err salvage_wal_read(struct salvage_wal *wal, struct span line)
{
    struct cursor cursor;
    struct salvage_wal_commit commit = {.xid = 0};
    cursor_init(&cursor, line.data, line.size);
    if (!salvage_wal_word(&cursor, "rmgr: ")) {
        return ERR_OK;
    }
    const bool transaction = salvage_wal_word(&cursor, "Transaction ");
    const bool heap = !transaction && (salvage_wal_word(&cursor, "Heap ") || salvage_wal_word(&cursor, "Heap2 "));
    wal->records++;
    if (!(transaction || heap) || !salvage_wal_seek(&cursor, "tx:") || !salvage_wal_number(&cursor, &commit.xid) ||
        !salvage_wal_seek(&cursor, "lsn: ") || !salvage_wal_lsn(&cursor, &commit.lsn) ||
        !salvage_wal_seek(&cursor, "desc: ")) {
        return ERR_OK;
    }
    enum err err = ERR_OK;
    if (transaction) {
        err = salvage_wal_transaction(wal, cursor, &commit);
    } else if (commit.xid != 0) {
        salvage_wal_heap(wal, cursor, commit.xid);
    }
    return wal->no_memory ? ERR_NO_MEMORY : err;
}

/* "nextXid 727 latestCompletedXid 726 oldestRunningXid 727[; 1 xacts: 716]". */
static void salvage_wal_running(struct cursor cursor, struct salvage_wal_glance *glance)
{
    if (salvage_wal_word(&cursor, "RUNNING_XACTS nextXid") && salvage_wal_number(&cursor, &glance->next) &&
        salvage_wal_seek(&cursor, "oldestRunningXid") && salvage_wal_number(&cursor, &glance->oldest)) {
        glance->sign = SALVAGE_WAL_RUNNING;
    }
}

static void salvage_wal_catalog(struct cursor cursor, struct salvage_wal_glance *glance)
{
    static const char *const others[] = {"INPLACE", "LOCK", "PRUNE", "VACUUM", "VISIBLE", "FREEZE", "CONFIRM"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (salvage_wal_word(&cursor, others[i])) {
            return; /* no row comes, goes or changes for a transaction that looks */
        }
    }
    uint32_t database = 0;
    if (salvage_wal_relation(cursor, false, &database) == SALVAGE_WAL_SCHEMA) {
        glance->sign = SALVAGE_WAL_CATALOG;
        glance->database = database;
    }
}

void salvage_wal_look(struct span line, struct salvage_wal_glance *ret_glance)
{
    struct cursor cursor;
    struct salvage_wal_glance glance = {.sign = SALVAGE_WAL_NOTHING};
    cursor_init(&cursor, line.data, line.size);
    *ret_glance = glance;
    if (!salvage_wal_word(&cursor, "rmgr: ")) {
        return;
    }
    const bool standby = salvage_wal_word(&cursor, "Standby ");
    const bool xlog = !standby && salvage_wal_word(&cursor, "XLOG ");
    const bool heap = !standby && !xlog && (salvage_wal_word(&cursor, "Heap ") || salvage_wal_word(&cursor, "Heap2 "));
    if (!(standby || xlog || heap) || !salvage_wal_seek(&cursor, "lsn: ") || !salvage_wal_lsn(&cursor, &glance.lsn) ||
        !salvage_wal_seek(&cursor, "desc: ")) {
        return;
    }
    if (standby) {
        salvage_wal_running(cursor, &glance);
    } else if (heap) {
        salvage_wal_catalog(cursor, &glance);
    } else if (salvage_wal_word(&cursor, "PARAMETER_CHANGE ")) {
        glance.sign = SALVAGE_WAL_PARAMETERS;
        glance.logical = salvage_wal_seek(&cursor, "wal_level=logical");
    }
    *ret_glance = glance;
}
