/* SPDX-License-Identifier: Apache-2.0
 * Read your writes, per session. */
#include "check_register.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "check_map.h"

/* What is known about one register so far. */
struct check_register {
    int64_t floor;     /* acknowledged or read at the writer */
    size_t floor_op;   /* SIZE_MAX: nothing yet */
    int64_t attempted; /* the largest value */
    uint32_t process;
    uint16_t file;
};

struct check_register_walk {
    const struct history *history;
    struct check_report *report;
    struct check_map index;  /* key -> register */
    struct check_map writes; /* key, value -> operation */
    struct check_register *registers;
    int64_t reads;
    int64_t replica_reads;
    int64_t replica_behind;
    int64_t writes_ok;
};

static void check_register_find(struct check_register_walk *walk, enum check_report_code code, size_t before,
                                size_t read)
{
    if (check_report_begin(walk->report, code)) {
        const struct history_micro *micro = &walk->history->micros[walk->history->ops[read].micros];
        check_report_add(walk->report, "register %" PRId64, micro->key);
        if (before < walk->history->ops_count) {
            check_report_op(walk->report, "first ", before);
        }
        check_report_op(walk->report, "then  ", read);
        check_report_end(walk->report, code);
    }
}

static void check_register_read(struct check_register_walk *walk, struct check_register *known, size_t index)
{
    const struct history_op *op = &walk->history->ops[index];
    const struct history_micro *micro = &walk->history->micros[op->micros];
    const int64_t value = micro->count > 0 ? walk->history->values[micro->first] : 0;
    const uint32_t write = check_map_get(&walk->writes, micro->key, value);
    if (value != 0 && (write == CHECK_MAP_NONE || value > known->attempted)) {
        check_register_find(walk, CHECK_REPORT_PHANTOM, SIZE_MAX, index);
        return;
    }
    if (value != 0 && walk->history->ops[write].outcome == HISTORY_FAILED) {
        check_register_find(walk, CHECK_REPORT_LIE, write, index);
    }
    if (op->role != HISTORY_WRITER) {
        walk->replica_reads++;
        walk->replica_behind += value < known->floor ? 1 : 0;
        return;
    }
    walk->reads++;
    if (value < known->floor) {
        check_register_find(walk, CHECK_REPORT_OWN_WRITE, known->floor_op, index);
    } else {
        known->floor = value;
        known->floor_op = index;
    }
}

ERR_CHECK static enum err check_register_op(struct check_register_walk *walk, size_t index, uint32_t *count)
{
    const struct history_op *op = &walk->history->ops[index];
    const struct history_micro *micro = &walk->history->micros[op->micros];
    uint32_t at;
    enum err err = check_map_put(&walk->index, micro->key, 0, *count, &at);
    if (err != ERR_OK) {
        return err;
    }
    struct check_register *known = &walk->registers[at];
    if (at == *count) {
        *count += 1;
        *known = (struct check_register){.process = op->process, .file = op->file, .floor_op = SIZE_MAX};
    }
    if (known->process != op->process || known->file != op->file) {
        return ERR_INVALID;
    }
    if (micro->verb == HISTORY_READ) {
        if (op->outcome == HISTORY_OK && micro->seen) {
            check_register_read(walk, known, index);
        }
        return ERR_OK;
    }
    if (micro->value <= known->attempted) {
        return ERR_INVALID;
    }
    known->attempted = micro->value;
    if (op->outcome == HISTORY_OK) {
        walk->writes_ok++;
        known->floor = micro->value;
        known->floor_op = index;
    }
    return check_map_set(&walk->writes, micro->key, micro->value, (uint32_t)index);
}

enum err check_register_judge(const struct history *history, struct check_report *report)
{
    struct check_register_walk walk = {.history = history, .report = report};
    uint32_t count = 0;
    size_t ops = 0;
    for (size_t i = 0; i < history->ops_count; i++) {
        ops += history->ops[i].kind == HISTORY_REGISTER ? 1 : 0;
    }
    walk.registers = calloc(ops + 1, sizeof(*walk.registers));
    enum err err = walk.registers != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < history->ops_count && err == ERR_OK; i++) {
        if (history->ops[i].kind == HISTORY_REGISTER) {
            err = check_register_op(&walk, i, &count);
        }
    }
    check_report_figure(report, "registers", "sessions", count);
    check_report_figure(report, "registers", "writes", walk.writes_ok);
    check_report_figure(report, "registers", "reads", walk.reads);
    check_report_figure(report, "registers", "replica reads", walk.replica_reads);
    check_report_figure(report, "registers", "of them behind", walk.replica_behind);
    check_map_fini(&walk.index);
    check_map_fini(&walk.writes);
    free(walk.registers);
    return err;
}
