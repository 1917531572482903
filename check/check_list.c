/* SPDX-License-Identifier: Apache-2.0
 * Lists: the order of versions, what contradicts it, and the edges for the search for cycles. */
#include "check_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "check_cycle.h"
#include "check_graph.h"
#include "check_map.h"

#define CHECK_LIST_NOBODY UINT32_MAX

/* What is known about one list. */
struct check_list_key {
    int64_t key;
    size_t longest; /* the read with the most elements; SIZE_MAX: never read */
    size_t longest_op;
    size_t writers;       /* the first of them in the pool: one for each element of the longest read */
    int64_t last_read_us; /* when the last read that was answered began */
    uint8_t level;
};

struct check_list {
    const struct history *history;
    struct check_report *report;
    struct check_map appends; /* key, value -> micro */
    struct check_map index;   /* key, 0 -> list */
    uint32_t *op_of;          /* of each micro */
    bool *present;            /* per micro: an append that the longest read shows */
    struct check_list_key *keys;
    uint32_t keys_count;
    uint32_t *writers; /* operations; CHECK_LIST_NOBODY */
    size_t writers_count;
};

static const struct history_micro *check_list_micro(const struct check_list *list, size_t at)
{
    return &list->history->micros[at];
}

static bool check_list_answered(const struct history_op *op, const struct history_micro *micro)
{
    return op->outcome == HISTORY_OK && micro->verb == HISTORY_READ && micro->seen;
}

/* ---- which lists there are, and the longest read of each ----------------------------------------------------------
 */

ERR_CHECK static enum err check_list_note(struct check_list *list, size_t index, size_t at)
{
    const struct history_op *op = &list->history->ops[index];
    const struct history_micro *micro = check_list_micro(list, at);
    uint32_t number;
    enum err err = check_map_put(&list->index, micro->key, 0, list->keys_count, &number);
    if (err != ERR_OK) {
        return err;
    }
    struct check_list_key *key = &list->keys[number];
    if (number == list->keys_count) {
        list->keys_count++;
        *key = (struct check_list_key){.key = micro->key, .longest = SIZE_MAX, .level = op->level};
    }
    list->op_of[at] = (uint32_t)index;
    if (key->level != op->level) {
        return ERR_INVALID;
    }
    if (micro->verb == HISTORY_APPEND) {
        uint32_t present;
        err = check_map_put(&list->appends, micro->key, micro->value, (uint32_t)at, &present);
        return err == ERR_OK && present != at ? ERR_INVALID : err;
    }
    if (check_list_answered(op, micro)) {
        if (key->longest == SIZE_MAX || micro->count > check_list_micro(list, key->longest)->count) {
            key->longest = at;
            key->longest_op = index;
        }
        if (op->role != HISTORY_REPLICA && op->invoked_us > key->last_read_us) {
            key->last_read_us = op->invoked_us;
        }
    }
    return ERR_OK;
}

ERR_CHECK static enum err check_list_collect(struct check_list *list)
{
    const struct history *history = list->history;
    list->op_of = calloc(history->micros_count + 1, sizeof(*list->op_of));
    list->present = calloc(history->micros_count + 1, sizeof(*list->present));
    list->keys = calloc(history->micros_count + 1, sizeof(*list->keys));
    enum err err = list->op_of != NULL && list->present != NULL && list->keys != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < history->ops_count && err == ERR_OK; i++) {
        const struct history_op *op = &history->ops[i];
        for (size_t j = 0; op->kind == HISTORY_LIST && j < op->micros_count && err == ERR_OK; j++) {
            err = check_list_note(list, i, op->micros + j);
        }
    }
    return err;
}

/* ---- single findings --------------------------------------------------------------------------------------------- */

static void check_list_find(struct check_list *list, enum check_report_code code, int64_t key, const size_t ops[2],
                            const char *const labels[2])
{
    if (check_report_begin(list->report, code)) {
        check_report_add(list->report, "list %" PRId64, key);
        for (size_t i = 0; i < 2; i++) {
            if (ops[i] != SIZE_MAX) {
                check_report_op(list->report, labels[i], ops[i]);
            }
        }
        check_report_end(list->report, code);
    }
}

/* What each element of a read was written by. `ret_writers` NULL: only to find what is wrong with it. */
static void check_list_elements(struct check_list *list, size_t at, uint32_t *ret_writers)
{
    static const char *const labels[] = {"written ", "read    "};
    const struct history_micro *read = check_list_micro(list, at);
    const size_t reader = list->op_of[at];
    const int64_t *values = list->history->values + read->first;
    for (uint32_t i = 0; i < read->count; i++) {
        const uint32_t append = check_map_get(&list->appends, read->key, values[i]);
        const size_t writer = append != CHECK_MAP_NONE ? list->op_of[append] : SIZE_MAX;
        const size_t ops[] = {writer, reader};
        if (ret_writers != NULL) {
            ret_writers[i] = append != CHECK_MAP_NONE ? list->op_of[append] : CHECK_LIST_NOBODY;
        }
        if (append == CHECK_MAP_NONE) {
            check_list_find(list, CHECK_REPORT_PHANTOM, read->key, ops, labels);
            continue;
        }
        if (list->history->ops[writer].outcome == HISTORY_FAILED) {
            check_list_find(list, CHECK_REPORT_G1A, read->key, ops, labels);
        }
        if (ret_writers != NULL && list->present[append]) {
            check_list_find(list, CHECK_REPORT_DUPLICATE, read->key, ops, labels);
            ret_writers[i] = CHECK_LIST_NOBODY;
        }
        list->present[append] = list->present[append] || ret_writers != NULL;
    }
}

ERR_CHECK static enum err check_list_order(struct check_list *list)
{
    size_t total = 0;
    for (uint32_t i = 0; i < list->keys_count; i++) {
        total += list->keys[i].longest != SIZE_MAX ? check_list_micro(list, list->keys[i].longest)->count : 0;
    }
    list->writers = calloc(total + 1, sizeof(*list->writers));
    if (list->writers == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < list->keys_count; i++) {
        struct check_list_key *key = &list->keys[i];
        key->writers = list->writers_count;
        if (key->longest != SIZE_MAX) {
            check_list_elements(list, key->longest, list->writers + key->writers);
            list->writers_count += check_list_micro(list, key->longest)->count;
        }
    }
    return ERR_OK;
}

/* ---- lost -------------------------------------------------------------------------------------------------------- */

static void check_list_lost(struct check_list *list)
{
    static const char *const labels[] = {"written ", "the longest read "};
    int64_t outcomes[HISTORY_LEVELS][HISTORY_OUTCOMES] = {{0}};
    int64_t recovered = 0;
    size_t unread = 0;
    for (size_t i = 0; i < list->history->ops_count; i++) {
        const struct history_op *op = &list->history->ops[i];
        for (size_t at = op->micros; op->kind == HISTORY_LIST && at < op->micros + op->micros_count; at++) {
            const struct history_micro *micro = check_list_micro(list, at);
            if (micro->verb != HISTORY_APPEND) {
                continue;
            }
            outcomes[op->level][op->outcome]++;
            recovered += op->outcome == HISTORY_UNKNOWN && list->present[at] ? 1 : 0;
            if (op->outcome != HISTORY_OK || list->present[at]) {
                continue;
            }
            const struct check_list_key *key = &list->keys[check_map_get(&list->index, micro->key, 0)];
            const size_t ops[] = {i, key->longest != SIZE_MAX ? key->longest_op : SIZE_MAX};
            if (key->longest != SIZE_MAX && key->last_read_us >= op->completed_us) {
                check_list_find(list, CHECK_REPORT_LOST, micro->key, ops, labels);
            } else {
                unread++;
            }
        }
    }
    for (size_t level = 0; level < HISTORY_LEVELS; level++) {
        static const char *const groups[] = {"appends committed", "appends repeatable", "appends serializable"};
        check_report_figure(list->report, groups[level], "ok", outcomes[level][HISTORY_OK]);
        check_report_figure(list->report, groups[level], "failed", outcomes[level][HISTORY_FAILED]);
        check_report_figure(list->report, groups[level], "unknown", outcomes[level][HISTORY_UNKNOWN]);
    }
    check_report_figure(list->report, "lists", "number", list->keys_count);
    check_report_figure(list->report, "lists", "recovered appends", recovered);
    if (unread > 0 && check_report_begin(list->report, CHECK_REPORT_NO_END)) {
        check_report_add(list->report, "lists: %zu acknowledged appends without a later read", unread);
        check_report_end(list->report, CHECK_REPORT_NO_END);
    }
}

/* ---- one read ---------------------------------------------------------------------------------------------------- */

/* How many of the transaction's own appends to this list come before the read. */
static uint32_t check_list_own(const struct check_list *list, const struct history_op *op, size_t at)
{
    const int64_t key = check_list_micro(list, at)->key;
    uint32_t own = 0;
    for (size_t i = op->micros; i < at; i++) {
        const struct history_micro *micro = check_list_micro(list, i);
        own += micro->verb == HISTORY_APPEND && micro->key == key ? 1 : 0;
    }
    return own;
}

/* Its own appends stand at the end, in their order; from repeatable on, an earlier read of it stands before them. */
static bool check_list_internal(const struct check_list *list, const struct history_op *op, size_t at, uint32_t own)
{
    const struct history_micro *read = check_list_micro(list, at);
    const int64_t *values = list->history->values;
    uint32_t position = read->count - own;
    const uint32_t outside = position;
    for (size_t i = op->micros; i < at; i++) {
        const struct history_micro *micro = check_list_micro(list, i);
        if (micro->key != read->key) {
            continue;
        }
        if (micro->verb == HISTORY_APPEND) {
            if (values[read->first + position++] != micro->value) {
                return false;
            }
        } else if (op->level != HISTORY_COMMITTED && micro->seen) {
            if (micro->count != position || (position > 0 && memcmp(values + micro->first, values + read->first,
                                                                    position * sizeof(*values)) != 0)) {
                return false;
            }
        }
    }
    return outside <= read->count;
}

/* Whether the writer appended to this list again after `value`. */
static bool check_list_intermediate(const struct check_list *list, uint32_t writer, int64_t key, int64_t value)
{
    const struct history_op *op = &list->history->ops[writer];
    bool behind = false;
    for (size_t i = op->micros; i < op->micros + op->micros_count; i++) {
        const struct history_micro *micro = check_list_micro(list, i);
        if (micro->verb == HISTORY_APPEND && micro->key == key) {
            if (behind) {
                return true;
            }
            behind = micro->value == value;
        }
    }
    return false;
}

/* The edges of one read, whose first `outside` elements others wrote. */
ERR_CHECK static enum err check_list_edges(struct check_list *list, struct check_graph *graph, size_t at,
                                           uint32_t outside)
{
    static const char *const labels[] = {"written ", "read    "};
    const struct history_micro *read = check_list_micro(list, at);
    const struct check_list_key *key = &list->keys[check_map_get(&list->index, read->key, 0)];
    const uint32_t *writers = list->writers + key->writers;
    const uint32_t reader = list->op_of[at];
    enum err err = ERR_OK;
    if (outside > 0 && writers[outside - 1] != CHECK_LIST_NOBODY) {
        const uint32_t writer = writers[outside - 1];
        const size_t ops[] = {writer, reader};
        if (writer != reader &&
            check_list_intermediate(list, writer, read->key, list->history->values[read->first + outside - 1])) {
            check_list_find(list, CHECK_REPORT_G1B, read->key, ops, labels);
        }
        err = check_graph_add(graph, writer, reader, CHECK_GRAPH_WR, read->key);
    }
    if (err == ERR_OK && outside < check_list_micro(list, key->longest)->count &&
        writers[outside] != CHECK_LIST_NOBODY) {
        err = check_graph_add(graph, reader, writers[outside], CHECK_GRAPH_RW, read->key);
    }
    return err;
}

ERR_CHECK static enum err check_list_read(struct check_list *list, struct check_graph *graph, size_t index, size_t at)
{
    static const char *const labels[] = {"longest read ", "other read   "};
    static const char *const alone[] = {"", ""};
    const struct history_op *op = &list->history->ops[index];
    const struct history_micro *read = check_list_micro(list, at);
    const struct check_list_key *key = &list->keys[check_map_get(&list->index, read->key, 0)];
    const struct history_micro *longest = check_list_micro(list, key->longest);
    const int64_t *values = list->history->values;
    const uint32_t own = check_list_own(list, op, at);
    if (read->count < own || !check_list_internal(list, op, at, own)) {
        const size_t ops[] = {SIZE_MAX, index};
        check_list_find(list, CHECK_REPORT_INTERNAL, read->key, ops, alone);
        return ERR_OK;
    }
    if (read->count > 0 && memcmp(values + read->first, values + longest->first, read->count * sizeof(*values)) != 0) {
        const size_t ops[] = {key->longest_op, index};
        check_list_find(list, CHECK_REPORT_ORDER, read->key, ops, labels);
        check_list_elements(list, at, NULL);
        return ERR_OK;
    }
    /* A replica shows commits in another order than the writer: what it shows is true, when it is is not. */
    return op->role != HISTORY_REPLICA ? check_list_edges(list, graph, at, read->count - own) : ERR_OK;
}

/* ---- one level --------------------------------------------------------------------------------------------------- */

ERR_CHECK static enum err check_list_level(struct check_list *list, enum history_level level)
{
    const struct history *history = list->history;
    struct check_graph graph;
    enum err err = check_graph_init(&graph, (uint32_t)history->ops_count, CHECK_LIST_BUDGET);
    for (size_t i = 0; i < history->ops_count && err == ERR_OK; i++) {
        const struct history_op *op = &history->ops[i];
        for (size_t j = 0; op->kind == HISTORY_LIST && op->level == level && j < op->micros_count && err == ERR_OK;
             j++) {
            if (check_list_answered(op, check_list_micro(list, op->micros + j))) {
                err = check_list_read(list, &graph, i, op->micros + j);
            }
        }
    }
    for (uint32_t i = 0; i < list->keys_count && err == ERR_OK; i++) {
        const struct check_list_key *key = &list->keys[i];
        const uint32_t count =
            key->level == level && key->longest != SIZE_MAX ? check_list_micro(list, key->longest)->count : 0;
        const uint32_t *writers = list->writers + key->writers;
        for (uint32_t j = 1; j < count && err == ERR_OK; j++) {
            if (writers[j - 1] != CHECK_LIST_NOBODY && writers[j] != CHECK_LIST_NOBODY) {
                err = check_graph_add(&graph, writers[j - 1], writers[j], CHECK_GRAPH_WW, key->key);
            }
        }
    }
    err = err == ERR_OK ? check_graph_seal(&graph) : err;
    err = err == ERR_OK ? check_cycle_judge(&graph, level, list->report) : err;
    check_graph_fini(&graph);
    return err;
}

enum err check_list_judge(const struct history *history, struct check_report *report)
{
    struct check_list list = {.history = history, .report = report};
    bool used[HISTORY_LEVELS] = {false};
    for (size_t i = 0; i < history->ops_count; i++) {
        used[history->ops[i].level] = used[history->ops[i].level] || history->ops[i].kind == HISTORY_LIST;
    }
    enum err err = check_list_collect(&list);
    err = err == ERR_OK ? check_list_order(&list) : err;
    if (err == ERR_OK) {
        check_list_lost(&list);
    }
    for (int level = 0; level < HISTORY_LEVELS && err == ERR_OK; level++) {
        if (used[level]) {
            err = check_list_level(&list, (enum history_level)level);
        }
    }
    check_map_fini(&list.appends);
    check_map_fini(&list.index);
    free(list.op_of);
    free(list.present);
    free(list.keys);
    free(list.writers);
    return err;
}
