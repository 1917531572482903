/* SPDX-License-Identifier: Apache-2.0
 * Reads set, books and lists once nobody works any more. */
#include "load_end.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"

enum {
    LOAD_END_PAUSE_MS = 200,
    LOAD_END_LISTS = 60, /* of one operation; each is some hundred bytes of text */
    LOAD_END_VALUE = 20, /* characters of a number, with its comma */
};

/* Writes the values of a result's first column as parts of read number `read`. */
static void load_end_parts(struct load_work *work, const PGresult *result, unsigned read)
{
    static char text[HISTORY_WRITE_PART * LOAD_END_VALUE];
    struct buf values;
    buf_init(&values, text, sizeof(text));
    for (int i = 0; i < PQntuples(result); i++) {
        buf_printf(&values, "%s%s", values.size > 0 ? "," : "", PQgetvalue(result, i, 0));
        if ((i + 1) % HISTORY_WRITE_PART == 0 || i + 1 == PQntuples(result)) {
            ASSERT(!values.overflow);
            history_write_part(&work->load->write, work->number, read, buf_string(&values));
            buf_reset(&values);
        }
    }
}

/* True: a writer answered. */
static bool load_end_finish(struct load_work *work)
{
    load_session_commit(&work->writer);
    const bool good =
        work->writer.outcome == HISTORY_OK && work->writer.identified && work->writer.role == HISTORY_WRITER;
    load_work_done(work, &work->writer);
    return good;
}

/* `micros`: r1 for the set, r0 r1 for the books. */
static bool load_end_ask(struct load_work *work, enum history_kind kind, const char *micros)
{
    buf_init(&work->micros, work->micros_text, sizeof(work->micros_text));
    buf_text(&work->micros, micros);
    if (!load_work_begin(work, &work->writer, kind, HISTORY_REPEATABLE)) {
        return false;
    }
    if (!load_session_begin(&work->writer, HISTORY_REPEATABLE)) {
        load_work_done(work, &work->writer);
        return false;
    }
    return true;
}

static bool load_end_members(struct load_work *work)
{
    PGresult *result = NULL;
    if (!load_end_ask(work, HISTORY_MEMBERS, "r1")) {
        return false;
    }
    if (!load_session_run(&work->writer, "SELECT value FROM history.members", &result)) {
        load_work_done(work, &work->writer);
        return false;
    }
    load_end_parts(work, result, 0);
    buf_text(&work->reads, "r1:");
    PQclear(result);
    return load_end_finish(work);
}

static bool load_end_books(struct load_work *work)
{
    PGresult *balances = NULL;
    PGresult *numbers = NULL;
    if (!load_end_ask(work, HISTORY_BOOKS, "r0 r1")) {
        return false;
    }
    const bool good = load_session_run(&work->writer, "SELECT balance FROM history.accounts ORDER BY id", &balances) &&
                      load_session_run(&work->writer, "SELECT number FROM history.moves", &numbers);
    if (good) {
        load_end_parts(work, balances, 0);
        load_end_parts(work, numbers, 1);
        buf_text(&work->reads, "r0: r1:");
    }
    PQclear(balances);
    PQclear(numbers);
    if (!good) {
        load_work_done(work, &work->writer);
        return false;
    }
    return load_end_finish(work);
}

/* One operation over the lists of rows [first, last); all of one level. */
static bool load_end_some_lists(struct load_work *work, const PGresult *keys, int first, int last)
{
    const enum history_level level = (enum history_level)(PQgetvalue(keys, first, 1)[0] - '0');
    char statement[256];
    PGresult *result = NULL;
    ASSERT(level < HISTORY_LEVELS);
    buf_init(&work->micros, work->micros_text, sizeof(work->micros_text));
    for (int i = first; i < last; i++) {
        buf_printf(&work->micros, "%sr%s", i > first ? " " : "", PQgetvalue(keys, i, 0));
    }
    if (!load_work_begin(work, &work->writer, HISTORY_LIST, level)) {
        return false;
    }
    (void)snprintf(statement, sizeof(statement),
                   "SELECT key, array_to_string(items, ',') FROM history.lists WHERE key %% 10 = %d AND key >= %s AND "
                   "key <= %s ORDER BY key",
                   (int)level, PQgetvalue(keys, first, 0), PQgetvalue(keys, last - 1, 0));
    bool good = load_session_begin(&work->writer, level) && load_session_run(&work->writer, statement, &result);
    if (!good) {
        load_work_done(work, &work->writer);
        return false;
    }
    for (int i = 0; i < PQntuples(result); i++) {
        buf_printf(&work->reads, "%sr%s:%s", i > 0 ? " " : "", PQgetvalue(result, i, 0), PQgetvalue(result, i, 1));
    }
    PQclear(result);
    return load_end_finish(work);
}

/* The keys first, in a transaction of no importance. */
static bool load_end_lists(struct load_work *work)
{
    PGresult *keys = NULL;
    if (!load_session_open(&work->writer) ||
        !load_session_run(&work->writer, "SELECT key, key % 10 FROM history.lists ORDER BY key % 10, key", &keys)) {
        return false;
    }
    bool good = true;
    int first = 0;
    while (good && first < PQntuples(keys)) {
        int last = first + 1;
        while (last < PQntuples(keys) && last - first < LOAD_END_LISTS &&
               strcmp(PQgetvalue(keys, last, 1), PQgetvalue(keys, first, 1)) == 0) {
            last++;
        }
        good = load_end_some_lists(work, keys, first, last);
        first = last;
    }
    PQclear(keys);
    return good;
}

bool load_end_read(struct load_work *work)
{
    static bool (*const parts[])(struct load_work *) = {load_end_members, load_end_books, load_end_lists};
    const struct mono until = time_add_ms(clock_mono(), (int64_t)work->load->config.end_seconds * 1000);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        while (!parts[i](work)) {
            if (time_reached(clock_mono(), until)) {
                return false;
            }
            work->writer.target = (work->writer.target + 1) % work->writer.targets_count;
            (void)poll(NULL, 0, LOAD_END_PAUSE_MS);
        }
    }
    return true;
}
