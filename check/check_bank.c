/* SPDX-License-Identifier: Apache-2.0
 * Totals and books. */
#include "check_bank.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "check_map.h"

static void check_bank_total(const struct history *history, struct check_report *report, size_t index)
{
    const struct history_op *op = &history->ops[index];
    const struct history_micro *micro = &history->micros[op->micros];
    int64_t total = 0;
    for (uint32_t i = 0; i < micro->count; i++) {
        total += history->values[micro->first + i];
    }
    if ((micro->count != history->accounts || total != history->accounts * history->balance) &&
        check_report_begin(report, CHECK_REPORT_TOTAL)) {
        check_report_add(report, "%u accounts with %" PRId64 " instead of %" PRId64 " with %" PRId64, micro->count,
                         total, history->accounts, history->accounts * history->balance);
        check_report_op(report, "read by ", index);
        check_report_end(report, CHECK_REPORT_TOTAL);
    }
}

/* The balances that the moves of the second read make; phantoms are check_set's business. */
static void check_bank_books(const struct history *history, struct check_report *report, const struct check_map *moves,
                             size_t index)
{
    const struct history_micro *balances = &history->micros[history->ops[index].micros];
    const struct history_micro *numbers = balances + 1;
    int64_t *expected = calloc((size_t)history->accounts + 1, sizeof(*expected));
    if (expected == NULL || !numbers->seen || balances->count != history->accounts) {
        free(expected);
        return;
    }
    for (uint32_t i = 0; i < numbers->count; i++) {
        const uint32_t op = check_map_get(moves, 0, history->values[numbers->first + i]);
        if (op != CHECK_MAP_NONE) {
            const struct history_micro *move = &history->micros[history->ops[op].micros];
            expected[move->key] -= move->amount;
            expected[move->to] += move->amount;
        }
    }
    for (uint32_t i = 0; i < balances->count; i++) {
        const int64_t balance = history->values[balances->first + i];
        if (balance != history->balance + expected[i] && check_report_begin(report, CHECK_REPORT_BOOKS)) {
            check_report_add(report, "account %u has %" PRId64 ", its books say %" PRId64, i, balance,
                             history->balance + expected[i]);
            check_report_end(report, CHECK_REPORT_BOOKS);
        }
    }
    free(expected);
}

ERR_CHECK static enum err check_bank_index(const struct history *history, struct check_map *moves)
{
    for (size_t i = 0; i < history->ops_count; i++) {
        const struct history_op *op = &history->ops[i];
        const struct history_micro *move = &history->micros[op->micros];
        if (op->kind != HISTORY_MOVE || move->key < 0 || move->key >= history->accounts || move->to < 0 ||
            move->to >= history->accounts) {
            continue;
        }
        const enum err err = check_map_set(moves, 0, move->value, (uint32_t)i);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err check_bank_judge(const struct history *history, struct check_report *report)
{
    struct check_map moves = {0};
    int64_t reads[HISTORY_ROLES] = {0};
    const enum err err = check_bank_index(history, &moves);
    for (size_t i = 0; i < history->ops_count && err == ERR_OK; i++) {
        const struct history_op *op = &history->ops[i];
        const bool bank = op->kind == HISTORY_BALANCES || op->kind == HISTORY_BOOKS;
        if (!bank || op->outcome != HISTORY_OK || !history->micros[op->micros].seen) {
            continue;
        }
        reads[op->role]++;
        check_bank_total(history, report, i);
        if (op->kind == HISTORY_BOOKS) {
            check_bank_books(history, report, &moves, i);
        }
    }
    check_report_figure(report, "bank reads", "writer", reads[HISTORY_WRITER]);
    check_report_figure(report, "bank reads", "replica", reads[HISTORY_REPLICA]);
    check_map_fini(&moves);
    return err;
}
