/* SPDX-License-Identifier: Apache-2.0
 * Reads the lines of a history into arrays. */
#include "history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"

static const char *const history_kinds[] = {
#define HISTORY_WORD(name, word) word,
    HISTORY_KIND_TABLE(HISTORY_WORD)
#undef HISTORY_WORD
};
static const char *const history_levels[] = {"committed", "repeatable", "serializable"};
static const char *const history_outcomes[] = {"ok", "failed", "unknown"};
static const char *const history_roles[] = {"-", "writer", "replica"};

const char *history_kind_name(enum history_kind kind)
{
    ASSERT(kind < HISTORY_KINDS);
    return history_kinds[kind];
}

const char *history_level_name(enum history_level level)
{
    ASSERT(level < HISTORY_LEVELS);
    return history_levels[level];
}

const char *history_outcome_name(enum history_outcome outcome)
{
    ASSERT(outcome < HISTORY_OUTCOMES);
    return history_outcomes[outcome];
}

const char *history_role_name(enum history_role role)
{
    ASSERT(role < HISTORY_ROLES);
    return history_roles[role];
}

void history_init(struct history *history)
{
    *history = (struct history){.names = {"-"}, .names_count = 1};
}

void history_fini(struct history *history)
{
    free(history->ops);
    free(history->micros);
    free(history->values);
    *history = (struct history){0};
}

ERR_CHECK static enum err history_grow(void **array, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) {
        return ERR_OK;
    }
    const size_t wanted = needed < 1024 ? 1024 : needed + needed / 2;
    void *grown = reallocarray(*array, wanted, size);
    if (grown == NULL) {
        return ERR_NO_MEMORY;
    }
    *array = grown;
    *capacity = wanted;
    return ERR_OK;
}

ERR_CHECK static enum err history_add_value(struct history *history, int64_t value)
{
    void *array = history->values;
    const enum err err =
        history_grow(&array, &history->values_capacity, history->values_count + 1, sizeof(*history->values));
    history->values = array;
    if (err == ERR_OK) {
        history->values[history->values_count++] = value;
    }
    return err;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* The bytes up to the next space, which is skipped. */
static struct span history_word(struct cursor *cursor)
{
    const size_t left = cursor_left(cursor);
    const uint8_t *start = cursor->data + cursor->at;
    const uint8_t *stop = left > 0 ? memchr(start, ' ', left) : NULL;
    const struct span word = cursor_span(cursor, stop != NULL ? (size_t)(stop - start) : left);
    if (stop != NULL) {
        cursor_skip(cursor, 1);
    }
    if (word.size == 0) {
        cursor_fail(cursor);
    }
    return word;
}

/* Digits, perhaps behind a minus. Leaves the cursor behind the last of them. */
static int64_t history_number(struct cursor *cursor)
{
    const bool negative = cursor_left(cursor) > 0 && cursor->data[cursor->at] == '-';
    int64_t number = 0;
    size_t digits = 0;
    cursor_skip(cursor, negative ? 1 : 0);
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] >= '0' && cursor->data[cursor->at] <= '9') {
        const int digit = cursor_u8(cursor) - '0';
        if (digits++ == 18) {
            cursor_fail(cursor);
        }
        number = number * 10 + digit;
    }
    if (digits == 0) {
        cursor_fail(cursor);
    }
    return negative ? -number : number;
}

static int64_t history_number_word(struct cursor *cursor)
{
    const struct span word = history_word(cursor);
    struct cursor inner;
    cursor_init(&inner, word.data, word.size);
    const int64_t number = history_number(&inner);
    if (!cursor_ok(&inner) || cursor_left(&inner) > 0) {
        cursor_fail(cursor);
    }
    return number;
}

/* System identifiers take all 64 bits. */
static uint64_t history_system_word(struct cursor *cursor)
{
    const struct span word = history_word(cursor);
    uint64_t number = 0;
    for (size_t i = 0; i < word.size; i++) {
        const int digit = word.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (uint64_t)digit, &number)) {
            cursor_fail(cursor);
            return 0;
        }
    }
    return number;
}

static uint8_t history_choice(struct cursor *cursor, const char *const *words, size_t count)
{
    const struct span word = history_word(cursor);
    for (size_t i = 0; i < count; i++) {
        if (span_is(word, words[i])) {
            return (uint8_t)i;
        }
    }
    cursor_fail(cursor);
    return 0;
}

/* The index of the name; what is too long or one too many is a mistake of the file. */
static uint16_t history_name(struct history *history, struct cursor *cursor)
{
    const struct span word = history_word(cursor);
    for (size_t i = 0; i < history->names_count; i++) {
        if (span_is(word, history->names[i])) {
            return (uint16_t)i;
        }
    }
    if (!cursor_ok(cursor) || word.size >= HISTORY_NAME || history->names_count == HISTORY_NAMES ||
        memchr(word.data, 0, word.size) != NULL) {
        cursor_fail(cursor);
        return 0;
    }
    memcpy(history->names[history->names_count], word.data, word.size);
    history->names[history->names_count][word.size] = '\0';
    return (uint16_t)history->names_count++;
}

/* ---- invocations ------------------------------------------------------------------------------------------------- */

static void history_expect(struct cursor *cursor, uint8_t byte)
{
    if (cursor_u8(cursor) != byte) {
        cursor_fail(cursor);
    }
}

static void history_micro(struct cursor *cursor, struct history_micro *ret_micro)
{
    const uint8_t verb = cursor_u8(cursor);
    struct history_micro micro = {.key = history_number(cursor)};
    switch (verb) {
    case 'r':
        micro.verb = HISTORY_READ;
        break;
    case 'a':
    case 'w':
        micro.verb = verb == 'a' ? HISTORY_APPEND : HISTORY_WRITE;
        history_expect(cursor, ':');
        micro.value = history_number(cursor);
        break;
    case 'm':
        micro.verb = HISTORY_TRANSFER;
        history_expect(cursor, ':');
        micro.to = history_number(cursor);
        history_expect(cursor, ':');
        micro.amount = history_number(cursor);
        history_expect(cursor, ':');
        micro.value = history_number(cursor);
        break;
    default:
        cursor_fail(cursor);
        break;
    }
    if (cursor_left(cursor) > 0) {
        history_expect(cursor, ' ');
    }
    *ret_micro = micro;
}

/* Which micro-operations each kind is made of: the checkers rely on it. */
static bool history_shape_ok(enum history_kind kind, const struct history_micro *micros, size_t count)
{
    const enum history_verb first = count > 0 ? micros[0].verb : HISTORY_READ;
    switch (kind) {
    case HISTORY_ADD:
    case HISTORY_LOOSE:
        return count == 1 && first == HISTORY_APPEND;
    case HISTORY_MOVE:
        return count == 1 && first == HISTORY_TRANSFER;
    case HISTORY_MEMBERS:
    case HISTORY_BALANCES:
        return count == 1 && first == HISTORY_READ;
    case HISTORY_BOOKS:
        return count == 2 && first == HISTORY_READ && micros[1].verb == HISTORY_READ;
    case HISTORY_REGISTER:
        return count == 1 && (first == HISTORY_READ || first == HISTORY_WRITE);
    case HISTORY_LIST:
        for (size_t i = 0; i < count; i++) {
            if (micros[i].verb != HISTORY_READ && micros[i].verb != HISTORY_APPEND) {
                return false;
            }
        }
        return count > 0;
    case HISTORY_KINDS:
        break;
    }
    return false;
}

ERR_CHECK static enum err history_store(struct history *history, struct history_op *op,
                                        const struct history_micro *micros)
{
    void *ops = history->ops;
    void *all = history->micros;
    enum err err = history_grow(&ops, &history->ops_capacity, history->ops_count + 1, sizeof(*op));
    history->ops = ops;
    if (err == ERR_OK) {
        err = history_grow(&all, &history->micros_capacity, history->micros_count + op->micros_count, sizeof(*micros));
        history->micros = all;
    }
    if (err != ERR_OK) {
        return err;
    }
    op->micros = history->micros_count;
    memcpy(history->micros + history->micros_count, micros, op->micros_count * sizeof(*micros));
    history->micros_count += op->micros_count;
    history->ops[history->ops_count++] = *op;
    return ERR_OK;
}

ERR_CHECK static enum err history_invocation(struct history *history, struct cursor *cursor)
{
    struct history_micro micros[HISTORY_MICROS];
    struct history_op op = {.outcome = HISTORY_UNKNOWN, .completed_us = INT64_MAX};
    const int64_t number = history_number_word(cursor);
    const int64_t process = history_number_word(cursor);
    op.invoked_us = history_number_word(cursor);
    op.kind = history_choice(cursor, history_kinds, HISTORY_KINDS);
    op.level = history_choice(cursor, history_levels, HISTORY_LEVELS);
    while (cursor_left(cursor) > 0 && op.micros_count < HISTORY_MICROS) {
        history_micro(cursor, &micros[op.micros_count++]);
    }
    if (!cursor_ok(cursor) || cursor_left(cursor) > 0 || process < 0 || process > UINT32_MAX || op.invoked_us <= 0 ||
        number != (int64_t)(history->ops_count - history->file_ops) ||
        !history_shape_ok((enum history_kind)op.kind, micros, op.micros_count)) {
        return ERR_INVALID;
    }
    if (history->ops_count == HISTORY_OPS) {
        return ERR_TOO_LARGE;
    }
    op.number = (uint32_t)number;
    op.process = (uint32_t)process;
    op.file = (uint16_t)(history->files - 1);
    return history_store(history, &op, micros);
}

/* ---- completions ------------------------------------------------------------------------------------------------- */

/* The operation under way in this file with the number that comes next; NULL: none. */
static struct history_op *history_open(struct history *history, struct cursor *cursor)
{
    const int64_t number = history_number_word(cursor);
    if (!cursor_ok(cursor) || number < 0 || number >= (int64_t)(history->ops_count - history->file_ops)) {
        return NULL;
    }
    struct history_op *op = &history->ops[history->file_ops + (size_t)number];
    return op->completed_us == INT64_MAX ? op : NULL;
}

/* The operation's read number `wanted`; NULL: it has fewer. */
static struct history_micro *history_nth_read(struct history *history, const struct history_op *op, size_t wanted)
{
    for (size_t i = 0; i < op->micros_count; i++) {
        struct history_micro *micro = &history->micros[op->micros + i];
        if (micro->verb == HISTORY_READ && wanted-- == 0) {
            return micro;
        }
    }
    return NULL;
}

/* Appends the values up to the next space to the read's result. What it has so far moves to the end of the pool first,
 * unless it lies there already. */
ERR_CHECK static enum err history_result(struct history *history, struct cursor *cursor, struct history_micro *micro)
{
    if (micro->first + micro->count != history->values_count) {
        const size_t from = micro->first;
        micro->first = history->values_count;
        for (uint32_t i = 0; i < micro->count; i++) {
            const enum err err = history_add_value(history, history->values[from + i]);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    while (cursor_left(cursor) > 0 && cursor->data[cursor->at] != ' ') {
        const int64_t value = history_number(cursor);
        const bool more = cursor_left(cursor) > 0 && cursor->data[cursor->at] == ',';
        cursor_skip(cursor, more ? 1 : 0);
        if (!cursor_ok(cursor) || (!more && cursor_left(cursor) > 0 && cursor->data[cursor->at] != ' ') ||
            micro->count == UINT32_MAX) {
            return ERR_INVALID;
        }
        const enum err err = history_add_value(history, value);
        if (err != ERR_OK) {
            return err;
        }
        micro->count++;
    }
    cursor_skip(cursor, cursor_left(cursor) > 0 ? 1 : 0);
    return ERR_OK;
}

ERR_CHECK static enum err history_part(struct history *history, struct cursor *cursor)
{
    const struct history_op *op = history_open(history, cursor);
    const int64_t read = history_number_word(cursor);
    struct history_micro *micro =
        op != NULL && cursor_ok(cursor) && read >= 0 ? history_nth_read(history, op, (size_t)read) : NULL;
    if (micro == NULL) {
        return ERR_INVALID;
    }
    const enum err err = history_result(history, cursor, micro);
    return err == ERR_OK && cursor_left(cursor) > 0 ? ERR_INVALID : err;
}

ERR_CHECK static enum err history_results(struct history *history, struct cursor *cursor, const struct history_op *op)
{
    for (size_t i = 0; cursor_left(cursor) > 0; i++) {
        struct history_micro *micro = history_nth_read(history, op, i);
        history_expect(cursor, 'r');
        const int64_t key = history_number(cursor);
        history_expect(cursor, ':');
        if (!cursor_ok(cursor) || micro == NULL || micro->key != key) {
            return ERR_INVALID;
        }
        const enum err err = history_result(history, cursor, micro);
        if (err != ERR_OK) {
            return err;
        }
        micro->seen = true;
    }
    return cursor_ok(cursor) ? ERR_OK : ERR_INVALID;
}

ERR_CHECK static enum err history_completion(struct history *history, struct cursor *cursor)
{
    struct history_op *op = history_open(history, cursor);
    const int64_t completed_us = history_number_word(cursor);
    const uint8_t outcome = history_choice(cursor, history_outcomes, HISTORY_OUTCOMES);
    const int64_t sent_us = history_number_word(cursor);
    const uint8_t role = history_choice(cursor, history_roles, HISTORY_ROLES);
    const uint16_t node = history_name(history, cursor);
    const uint64_t system = history_system_word(cursor);
    const int64_t timeline = history_number_word(cursor);
    const int64_t epoch = history_number_word(cursor);
    const uint16_t error = history_name(history, cursor);
    if (op == NULL || !cursor_ok(cursor) || completed_us < op->invoked_us || sent_us < 0 || timeline < 0 ||
        timeline > UINT32_MAX || epoch < 0) {
        return ERR_INVALID;
    }
    const enum err err = history_results(history, cursor, op);
    if (err != ERR_OK) {
        return err;
    }
    op->completed_us = completed_us;
    op->outcome = outcome;
    op->sent_us = sent_us;
    op->role = role;
    op->node = node;
    op->system = system;
    op->timeline = (uint32_t)timeline;
    op->epoch = (uint64_t)epoch;
    op->error = error;
    return ERR_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

enum err history_begin(struct history *history)
{
    if (history->files == HISTORY_FILES) {
        return ERR_TOO_LARGE;
    }
    history->files++;
    history->file_ops = history->ops_count;
    history->headed = false;
    return ERR_OK;
}

ERR_CHECK static enum err history_head(struct history *history, struct cursor *cursor)
{
    const bool ours = span_is(history_word(cursor), "holdfast-history");
    const int64_t version = history_number_word(cursor);
    const int64_t accounts = history_number_word(cursor);
    const int64_t balance = history_number_word(cursor);
    if (!ours || !cursor_ok(cursor) || version != 1 || accounts < 0 || balance < 0 || cursor_left(cursor) > 0 ||
        (history->files > 1 && (accounts != history->accounts || balance != history->balance))) {
        return ERR_INVALID;
    }
    history->accounts = accounts;
    history->balance = balance;
    history->headed = true;
    return ERR_OK;
}

enum err history_line(struct history *history, struct span line)
{
    struct cursor cursor;
    ASSERT(history->files > 0);
    if (line.size > HISTORY_LINE) {
        return ERR_TOO_LARGE;
    }
    cursor_init(&cursor, line.data, line.size);
    if (!history->headed) {
        return history_head(history, &cursor);
    }
    const struct span word = history_word(&cursor);
    if (span_is(word, "i")) {
        return history_invocation(history, &cursor);
    }
    if (span_is(word, "o")) {
        return history_completion(history, &cursor);
    }
    return span_is(word, "v") ? history_part(history, &cursor) : ERR_INVALID;
}

enum err history_read(struct history *history, FILE *file, size_t *ret_line)
{
    char *line = NULL;
    size_t capacity = 0;
    enum err err = history_begin(history);
    *ret_line = 0;
    while (err == ERR_OK) {
        const ssize_t size = getline(&line, &capacity, file);
        if (size <= 0) {
            err = ferror(file) != 0 ? ERR_IO : ERR_OK;
            break;
        }
        if (line[size - 1] != '\n') {
            history->torn++;
            break;
        }
        *ret_line += 1;
        err = history_line(history, span_of(line, (size_t)size - 1));
    }
    free(line);
    return err;
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

static void history_describe_micro(const struct history *history, const struct history_micro *micro, struct buf *text)
{
    switch (micro->verb) {
    case HISTORY_READ:
        buf_printf(text, " r%" PRId64, micro->key);
        if (micro->seen) {
            const uint32_t skipped = micro->count > 40 ? micro->count - 40 : 0;
            buf_text(text, skipped > 0 ? "=[... " : "=[");
            for (uint32_t i = skipped; i < micro->count; i++) {
                buf_printf(text, "%s%" PRId64, i > skipped ? " " : "", history->values[micro->first + i]);
            }
            buf_text(text, "]");
        }
        break;
    case HISTORY_APPEND:
        buf_printf(text, " a%" PRId64 ":%" PRId64, micro->key, micro->value);
        break;
    case HISTORY_WRITE:
        buf_printf(text, " w%" PRId64 ":%" PRId64, micro->key, micro->value);
        break;
    case HISTORY_TRANSFER:
        buf_printf(text, " m%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64, micro->key, micro->to, micro->amount,
                   micro->value);
        break;
    }
}

void history_describe(const struct history *history, const struct history_op *op, char *ret_text, size_t size)
{
    struct buf text;
    ASSERT(size > 0);
    buf_init(&text, ret_text, size);
    buf_printf(&text, "%u.%u process %u %s %s: %s", op->file, op->number, op->process,
               history_kind_name((enum history_kind)op->kind), history_level_name((enum history_level)op->level),
               history_outcome_name((enum history_outcome)op->outcome));
    if (op->error != 0) {
        buf_printf(&text, " (%s)", history->names[op->error]);
    }
    if (op->node != 0) {
        buf_printf(&text, " from %s %s, timeline %u, epoch %" PRIu64, history_role_name((enum history_role)op->role),
                   history->names[op->node], op->timeline, op->epoch);
    }
    buf_printf(&text, ", invoked %.6f", (double)op->invoked_us / 1e6);
    if (op->completed_us != INT64_MAX) {
        buf_printf(&text, ", completed %.6f", (double)op->completed_us / 1e6);
    }
    buf_text(&text, ":");
    for (size_t i = 0; i < op->micros_count; i++) {
        history_describe_micro(history, &history->micros[op->micros + i], &text);
    }
}
