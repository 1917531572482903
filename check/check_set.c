/* SPDX-License-Identifier: Apache-2.0
 * Lost, phantom, duplicate and recovered members of a set. */
#include "check_set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "check_map.h"

/* One of the two kinds of sets. */
struct check_set {
    const struct history *history;
    struct check_report *report;
    const char *group;
    enum history_kind adds;
    enum history_kind reads;
    uint16_t read; /* which read of the operation lists the members */
    struct check_map map;
    uint32_t *seen_in; /* per operation: the read that saw it last, plus 1 */
};

ERR_CHECK static enum err check_set_index(struct check_set *set)
{
    const struct history *history = set->history;
    for (size_t i = 0; i < history->ops_count; i++) {
        const struct history_op *op = &history->ops[i];
        if (op->kind != set->adds) {
            continue;
        }
        const struct history_micro *micro = &history->micros[op->micros];
        const int64_t key = micro->verb == HISTORY_APPEND ? micro->key : 0;
        uint32_t index;
        const enum err err = check_map_put(&set->map, key, micro->value, (uint32_t)i, &index);
        if (err != ERR_OK) {
            return err;
        }
        if (index != i) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static void check_set_find(struct check_set *set, enum check_report_code code, int64_t value, size_t op, size_t read)
{
    if (check_report_begin(set->report, code)) {
        check_report_add(set->report, "%s: %" PRId64, set->group, value);
        if (op < set->history->ops_count) {
            check_report_op(set->report, "written ", op);
        }
        const struct history_op *by = &set->history->ops[read];
        check_report_add(set->report, "\nread at the end: %u.%u from %s, epoch %" PRIu64 ", invoked %.6f", by->file,
                         by->number, set->history->names[by->node], by->epoch, (double)by->invoked_us / 1e6);
        check_report_end(set->report, code);
    }
}

/* Every member of one read at the end. */
static void check_set_members(struct check_set *set, size_t read, const struct history_micro *micro)
{
    const uint32_t mark = (uint32_t)read + 1;
    for (uint32_t i = 0; i < micro->count; i++) {
        const int64_t value = set->history->values[micro->first + i];
        const uint32_t op = check_map_get(&set->map, set->reads == HISTORY_BOOKS ? 0 : micro->key, value);
        if (op == CHECK_MAP_NONE) {
            check_set_find(set, CHECK_REPORT_PHANTOM, value, SIZE_MAX, read);
        } else if (set->seen_in[op] == mark) {
            check_set_find(set, CHECK_REPORT_DUPLICATE, value, op, read);
        } else {
            set->seen_in[op] = mark;
            if (set->history->ops[op].outcome == HISTORY_FAILED) {
                check_set_find(set, CHECK_REPORT_LIE, value, op, read);
            }
        }
    }
}

/* Every acknowledgement from before the read. */
static void check_set_lost(struct check_set *set, size_t read)
{
    const struct history *history = set->history;
    for (size_t i = 0; i < history->ops_count; i++) {
        const struct history_op *op = &history->ops[i];
        if (op->kind == set->adds && op->outcome == HISTORY_OK && op->completed_us <= history->ops[read].invoked_us &&
            set->seen_in[i] != read + 1) {
            check_set_find(set, CHECK_REPORT_LOST, history->micros[op->micros].value, i, read);
        }
    }
}

static void check_set_count(struct check_set *set, size_t last)
{
    const struct history *history = set->history;
    int64_t outcomes[HISTORY_OUTCOMES] = {0};
    int64_t recovered = 0;
    size_t uncovered = 0;
    for (size_t i = 0; i < history->ops_count; i++) {
        const struct history_op *op = &history->ops[i];
        if (op->kind != set->adds) {
            continue;
        }
        outcomes[op->outcome]++;
        recovered += op->outcome == HISTORY_UNKNOWN && last != SIZE_MAX && set->seen_in[i] == last + 1 ? 1 : 0;
        uncovered +=
            op->outcome == HISTORY_OK && (last == SIZE_MAX || op->completed_us > history->ops[last].invoked_us) ? 1 : 0;
    }
    check_report_figure(set->report, set->group, "ok", outcomes[HISTORY_OK]);
    check_report_figure(set->report, set->group, "failed", outcomes[HISTORY_FAILED]);
    check_report_figure(set->report, set->group, "unknown", outcomes[HISTORY_UNKNOWN]);
    check_report_figure(set->report, set->group, "recovered", recovered);
    if (uncovered > 0 && check_report_begin(set->report, CHECK_REPORT_NO_END)) {
        check_report_add(set->report, "%s: %zu acknowledgements without a later read", set->group, uncovered);
        check_report_end(set->report, CHECK_REPORT_NO_END);
    }
}

ERR_CHECK static enum err check_set_one(struct check_set *set)
{
    const struct history *history = set->history;
    size_t last = SIZE_MAX;
    set->seen_in = calloc(history->ops_count + 1, sizeof(*set->seen_in));
    enum err err = set->seen_in != NULL ? check_set_index(set) : ERR_NO_MEMORY;
    for (size_t i = 0; i < history->ops_count && err == ERR_OK; i++) {
        const struct history_op *op = &history->ops[i];
        const struct history_micro *micro = &history->micros[op->micros + set->read];
        if (op->kind == set->reads && op->outcome == HISTORY_OK && op->role == HISTORY_WRITER && micro->seen) {
            check_set_members(set, i, micro);
            check_set_lost(set, i);
            last = i;
        }
    }
    if (err == ERR_OK) {
        check_set_count(set, last);
    }
    check_map_fini(&set->map);
    free(set->seen_in);
    return err;
}

enum err check_set_judge(const struct history *history, struct check_report *report)
{
    struct check_set set = {
        .history = history, .report = report, .group = "set", .adds = HISTORY_ADD, .reads = HISTORY_MEMBERS};
    struct check_set books = {.history = history,
                              .report = report,
                              .group = "moves",
                              .adds = HISTORY_MOVE,
                              .reads = HISTORY_BOOKS,
                              .read = 1};
    const enum err err = check_set_one(&set);
    return err == ERR_OK ? check_set_one(&books) : err;
}
