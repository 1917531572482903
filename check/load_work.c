/* SPDX-License-Identifier: Apache-2.0
 * Set, bank, lists, registers: the operations. */
#include "load_work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/sql.h"

enum { LOAD_WORK_STATEMENT = 512, LOAD_WORK_MICROS = 4 };

void load_work_init(struct load_work *work, struct load *load, uint32_t process)
{
    *work = (struct load_work){.load = load, .process = process};
    prng_init(&work->prng, load->config.seed * LOAD_PROCESSES + process);
    load_session_init(&work->writer, &load->config, true, process);
    if (load->config.nodes_count > 0) {
        load_session_init(&work->replica, &load->config, false, process);
    }
}

void load_work_fini(struct load_work *work)
{
    load_session_fini(&work->writer);
    load_session_fini(&work->replica);
}

static int64_t load_work_number(struct load_work *work)
{
    return atomic_fetch_add(&work->load->numbers, 1) + 1;
}

bool load_work_begin(struct load_work *work, struct load_session *session, enum history_kind kind,
                     enum history_level level)
{
    buf_init(&work->reads, work->reads_text, sizeof(work->reads_text));
    work->reads_text[0] = '\0';
    if (!load_session_open(session)) {
        return false;
    }
    ASSERT(!work->micros.overflow);
    work->number = history_write_begin(&work->load->write, work->process, kind, level, buf_string(&work->micros));
    return true;
}

void load_work_done(struct load_work *work, struct load_session *session)
{
    const struct history_write_end end = load_session_record(session);
    ASSERT(!work->reads.overflow);
    history_write_done(&work->load->write, work->number, &end,
                       end.outcome == HISTORY_OK ? buf_string(&work->reads) : "");
    load_session_end(session);
}

static void load_work_ask(struct load_work *work)
{
    buf_init(&work->micros, work->micros_text, sizeof(work->micros_text));
}

/* ---- set --------------------------------------------------------------------------------------------------------- */

/* Half of them as a statement that is its own transaction. */
static bool load_work_add(struct load_work *work)
{
    char statement[LOAD_WORK_STATEMENT * 2];
    const int64_t value = load_work_number(work);
    const bool alone = prng_chance(&work->prng, 500000);
    load_work_ask(work);
    buf_printf(&work->micros, "a1:%" PRId64, value);
    if (!load_work_begin(work, &work->writer, HISTORY_ADD, HISTORY_COMMITTED)) {
        return false;
    }
    (void)snprintf(statement, sizeof(statement), "INSERT INTO history.members (value) VALUES (%" PRId64 ")%s%s", value,
                   alone ? " RETURNING " : "", alone ? load_session_identity : "");
    if (alone) {
        (void)load_session_run_alone(&work->writer, statement, NULL);
    } else if (load_session_begin(&work->writer, HISTORY_COMMITTED) &&
               load_session_run(&work->writer, statement, NULL)) {
        load_session_commit(&work->writer);
    }
    load_work_done(work, &work->writer);
    return true;
}

/* A commit that nobody waits for. It may be lost; that two servers acknowledge such ones at a time may not happen. */
static bool load_work_loose(struct load_work *work)
{
    char statement[LOAD_WORK_STATEMENT];
    const int64_t value = load_work_number(work);
    load_work_ask(work);
    buf_printf(&work->micros, "a2:%" PRId64, value);
    if (!load_work_begin(work, &work->writer, HISTORY_LOOSE, HISTORY_COMMITTED)) {
        return false;
    }
    (void)snprintf(statement, sizeof(statement),
                   "SET LOCAL synchronous_commit = local; INSERT INTO history.loose (value) VALUES (%" PRId64 ")",
                   value);
    if (load_session_begin(&work->writer, HISTORY_COMMITTED) && load_session_run(&work->writer, statement, NULL)) {
        load_session_commit(&work->writer);
    }
    load_work_done(work, &work->writer);
    return true;
}

/* ---- bank -------------------------------------------------------------------------------------------------------- */

/* Reads both balances and writes what they become, so that a lost update shows. */
static bool load_work_move_run(struct load_work *work, enum history_level level, const int64_t move[4])
{
    char statement[LOAD_WORK_STATEMENT];
    PGresult *result = NULL;
    int64_t balances[2] = {0, 0};
    const int64_t low = move[0] < move[1] ? move[0] : move[1];
    (void)snprintf(statement, sizeof(statement),
                   "SELECT balance FROM history.accounts WHERE id IN (%" PRId64 ", %" PRId64 ") ORDER BY id%s", move[0],
                   move[1], level == HISTORY_COMMITTED ? " FOR UPDATE" : "");
    if (!load_session_begin(&work->writer, level) || !load_session_run(&work->writer, statement, &result)) {
        return false;
    }
    const bool both = PQntuples(result) == 2 && sql_number(PQgetvalue(result, 0, 0), &balances[0]) &&
                      sql_number(PQgetvalue(result, 1, 0), &balances[1]);
    PQclear(result);
    ASSERT(both);
    const int64_t change = move[0] == low ? -move[2] : move[2]; /* of the lower account */
    const int64_t high = move[0] == low ? move[1] : move[0];
    (void)snprintf(statement, sizeof(statement),
                   "UPDATE history.accounts SET balance = %" PRId64 " WHERE id = %" PRId64 ";"
                   "UPDATE history.accounts SET balance = %" PRId64 " WHERE id = %" PRId64 ";"
                   "INSERT INTO history.moves (number, source, target, amount) VALUES (%" PRId64 ", %" PRId64
                   ", %" PRId64 ", %" PRId64 ")",
                   balances[0] + change, low, balances[1] - change, high, move[3], move[0], move[1], move[2]);
    return load_session_run(&work->writer, statement, NULL);
}

static bool load_work_move(struct load_work *work)
{
    const enum history_level level = (enum history_level)prng_below(&work->prng, HISTORY_LEVELS);
    int64_t move[4] = {(int64_t)prng_below(&work->prng, LOAD_ACCOUNTS), (int64_t)prng_below(&work->prng, LOAD_ACCOUNTS),
                       (int64_t)prng_below(&work->prng, 20) + 1, load_work_number(work)};
    move[1] = move[1] == move[0] ? (move[0] + 1) % LOAD_ACCOUNTS : move[1];
    load_work_ask(work);
    buf_printf(&work->micros, "m%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64, move[0], move[1], move[2], move[3]);
    if (!load_work_begin(work, &work->writer, HISTORY_MOVE, level)) {
        return false;
    }
    if (load_work_move_run(work, level, move)) {
        load_session_commit(&work->writer);
    }
    load_work_done(work, &work->writer);
    return true;
}

/* One statement is one snapshot, at the writer and at a replica. */
static bool load_work_balances(struct load_work *work, struct load_session *session)
{
    static const char statement[] =
        "SELECT string_agg(balance::text, ',' ORDER BY id) AS balances FROM history.accounts";
    PGresult *result = NULL;
    load_work_ask(work);
    buf_text(&work->micros, "r0");
    if (!load_work_begin(work, session, HISTORY_BALANCES, HISTORY_COMMITTED)) {
        return false;
    }
    if (load_session_begin(session, HISTORY_COMMITTED) && load_session_run(session, statement, &result)) {
        buf_printf(&work->reads, "r0:%s", PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
        PQclear(result);
        load_session_commit(session);
    }
    load_work_done(work, session);
    return true;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

/* One of the lists in use on the level; one that is long enough gives way to a new one. */
static int64_t load_work_list(struct load_work *work, enum history_level level, bool append)
{
    struct load_lists *lists = &work->load->lists[level];
    const size_t at = prng_below(&work->prng, LOAD_LISTS);
    (void)pthread_mutex_lock(&work->load->lock);
    if (lists->key[at] == 0 || lists->appends[at] >= LOAD_LENGTH) {
        /* The level shows in the key, for the reads at the end. */
        lists->key[at] = load_work_number(work) * 10 + level;
        lists->appends[at] = 0;
    }
    lists->appends[at] += append ? 1 : 0;
    const int64_t key = lists->key[at];
    (void)pthread_mutex_unlock(&work->load->lock);
    return key;
}

static bool load_work_list_micro(struct load_work *work, int64_t key, int64_t value)
{
    char statement[LOAD_WORK_STATEMENT];
    PGresult *result = NULL;
    if (value != 0) {
        (void)snprintf(statement, sizeof(statement),
                       "INSERT INTO history.lists (key, items) VALUES (%" PRId64 ", ARRAY[%" PRId64
                       "]) ON CONFLICT (key) "
                       "DO UPDATE SET items = lists.items || excluded.items",
                       key, value);
        return load_session_run(&work->writer, statement, NULL);
    }
    (void)snprintf(statement, sizeof(statement),
                   "SELECT array_to_string(items, ',') FROM history.lists WHERE key = %" PRId64, key);
    if (!load_session_run(&work->writer, statement, &result)) {
        return false;
    }
    buf_printf(&work->reads, "%sr%" PRId64 ":%s", work->reads.size > 0 ? " " : "", key,
               PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    return true;
}

static bool load_work_lists(struct load_work *work)
{
    const enum history_level level = (enum history_level)prng_below(&work->prng, HISTORY_LEVELS);
    const size_t count = 1 + prng_below(&work->prng, LOAD_WORK_MICROS);
    int64_t keys[LOAD_WORK_MICROS];
    int64_t values[LOAD_WORK_MICROS];
    load_work_ask(work);
    for (size_t i = 0; i < count; i++) {
        const bool append = prng_chance(&work->prng, 500000);
        keys[i] = load_work_list(work, level, append);
        values[i] = append ? load_work_number(work) : 0;
        buf_printf(&work->micros, "%s%c%" PRId64, i > 0 ? " " : "", append ? 'a' : 'r', keys[i]);
        if (append) {
            buf_printf(&work->micros, ":%" PRId64, values[i]);
        }
    }
    if (!load_work_begin(work, &work->writer, HISTORY_LIST, level)) {
        return false;
    }
    bool good = load_session_begin(&work->writer, level);
    for (size_t i = 0; i < count && good; i++) {
        good = load_work_list_micro(work, keys[i], values[i]);
    }
    if (good) {
        load_session_commit(&work->writer);
    }
    load_work_done(work, &work->writer);
    return true;
}

/* ---- registers --------------------------------------------------------------------------------------------------- */

static int64_t load_work_register(const struct load_work *work)
{
    return work->load->config.base * LOAD_NUMBERS + work->process + 1;
}

/* A write that comes late does not lower it. */
static bool load_work_write(struct load_work *work)
{
    char statement[LOAD_WORK_STATEMENT];
    const int64_t value = work->written + 1;
    load_work_ask(work);
    buf_printf(&work->micros, "w%" PRId64 ":%" PRId64, load_work_register(work), value);
    if (!load_work_begin(work, &work->writer, HISTORY_REGISTER, HISTORY_COMMITTED)) {
        return false;
    }
    work->written = value;
    (void)snprintf(statement, sizeof(statement),
                   "INSERT INTO history.registers (key, value) VALUES (%" PRId64 ", %" PRId64 ") ON CONFLICT (key) DO "
                   "UPDATE SET value = excluded.value WHERE registers.value < excluded.value",
                   load_work_register(work), value);
    if (load_session_begin(&work->writer, HISTORY_COMMITTED) && load_session_run(&work->writer, statement, NULL)) {
        load_session_commit(&work->writer);
    }
    load_work_done(work, &work->writer);
    return true;
}

static bool load_work_read(struct load_work *work, struct load_session *session)
{
    char statement[LOAD_WORK_STATEMENT];
    PGresult *result = NULL;
    const int64_t key = load_work_register(work);
    load_work_ask(work);
    buf_printf(&work->micros, "r%" PRId64, key);
    if (!load_work_begin(work, session, HISTORY_REGISTER, HISTORY_COMMITTED)) {
        return false;
    }
    (void)snprintf(statement, sizeof(statement), "SELECT value FROM history.registers WHERE key = %" PRId64, key);
    if (load_session_begin(session, HISTORY_COMMITTED) && load_session_run(session, statement, &result)) {
        buf_printf(&work->reads, "r%" PRId64 ":%s", key, PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "");
        PQclear(result);
        load_session_commit(session);
    }
    load_work_done(work, session);
    return true;
}

/* ---- the mixture ------------------------------------------------------------------------------------------------- */

bool load_work_step(struct load_work *work)
{
    const bool replica = work->replica.targets_count > 0 && prng_chance(&work->prng, 300000);
    struct load_session *reader = replica ? &work->replica : &work->writer;
    const uint64_t dice = prng_below(&work->prng, 100);
    if (dice < 20) {
        return load_work_add(work);
    }
    if (dice < 30) {
        return load_work_loose(work);
    }
    if (dice < 42) {
        return load_work_move(work);
    }
    if (dice < 50) {
        return load_work_balances(work, reader);
    }
    if (dice < 85) {
        return load_work_lists(work);
    }
    return dice < 93 ? load_work_write(work) : load_work_read(work, reader);
}
