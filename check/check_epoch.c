/* SPDX-License-Identifier: Apache-2.0
 * Overlapping epochs, from the clients' acknowledgements alone. */
#include "check_epoch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "check_map.h"

enum { CHECK_EPOCH_TERMS = 4096 }; /* pairs of node and timeline */

/* One node on one timeline. */
struct check_epoch_term {
    uint64_t system;
    uint64_t epoch; /* the highest seen there */
    uint32_t timeline;
    uint16_t node;
    size_t op; /* the first acknowledgement */
};

/* One acknowledged write. */
struct check_epoch_write {
    int64_t sent_us;
    int64_t completed_us;
    uint64_t epoch;
    uint32_t timeline;
    size_t op;
};

struct check_epoch_walk {
    const struct history *history;
    struct check_report *report;
    struct check_epoch_term *terms;
    size_t terms_count;
    struct check_epoch_write *writes; /* sorted by sent */
    struct check_epoch_write *ends;   /* the same, sorted by completed */
    size_t writes_count;
    int64_t unproven; /* acknowledgements of a node whose epoch nobody saw */
};

static bool check_epoch_counts(const struct history *history, const struct history_op *op)
{
    if (op->outcome != HISTORY_OK || op->role != HISTORY_WRITER || op->sent_us == 0) {
        return false;
    }
    for (size_t i = 0; i < op->micros_count; i++) {
        if (history->micros[op->micros + i].verb != HISTORY_READ) {
            return true;
        }
    }
    return false;
}

static struct check_epoch_term *check_epoch_term(struct check_epoch_walk *walk, const struct history_op *op)
{
    for (size_t i = walk->terms_count; i-- > 0;) {
        struct check_epoch_term *term = &walk->terms[i];
        if (term->node == op->node && term->timeline == op->timeline && term->system == op->system) {
            return term;
        }
    }
    return NULL;
}

static void check_epoch_collect(struct check_epoch_walk *walk)
{
    const struct history *history = walk->history;
    for (size_t i = 0; i < history->ops_count; i++) {
        const struct history_op *op = &history->ops[i];
        if (!check_epoch_counts(history, op)) {
            continue;
        }
        struct check_epoch_term *term = check_epoch_term(walk, op);
        if (term == NULL && walk->terms_count < CHECK_EPOCH_TERMS) {
            term = &walk->terms[walk->terms_count++];
            *term =
                (struct check_epoch_term){.system = op->system, .timeline = op->timeline, .node = op->node, .op = i};
        }
        if (term != NULL) {
            term->epoch = op->epoch > term->epoch ? op->epoch : term->epoch;
        }
        walk->writes[walk->writes_count++] = (struct check_epoch_write){
            .sent_us = op->sent_us, .completed_us = op->completed_us, .timeline = op->timeline, .op = i};
    }
    for (size_t i = 0; i < walk->writes_count; i++) {
        const struct check_epoch_term *term = check_epoch_term(walk, &history->ops[walk->writes[i].op]);
        walk->writes[i].epoch = term != NULL ? term->epoch : 0;
        walk->unproven += walk->writes[i].epoch == 0 ? 1 : 0;
        walk->ends[i] = walk->writes[i];
    }
}

static int check_epoch_by_sent(const void *a, const void *b)
{
    const struct check_epoch_write *x = a;
    const struct check_epoch_write *y = b;
    return x->sent_us < y->sent_us ? -1 : x->sent_us > y->sent_us;
}

static int check_epoch_by_completed(const void *a, const void *b)
{
    const struct check_epoch_write *x = a;
    const struct check_epoch_write *y = b;
    return x->completed_us < y->completed_us ? -1 : x->completed_us > y->completed_us;
}

static void check_epoch_find(struct check_epoch_walk *walk, enum check_report_code code, size_t first, size_t second)
{
    if (check_report_begin(walk->report, code)) {
        check_report_add(walk->report, "%s and %s", walk->history->names[walk->history->ops[first].node],
                         walk->history->names[walk->history->ops[second].node]);
        check_report_op(walk->report, "first  ", first);
        check_report_op(walk->report, "second ", second);
        check_report_end(walk->report, code);
    }
}

/* Arrived before the write was sent: the newest by either measure. */
struct check_epoch_newest {
    const struct check_epoch_write *epoch;
    const struct check_epoch_write *timeline;
};

static void check_epoch_arrived(struct check_epoch_newest *newest, const struct check_epoch_write *end)
{
    if (newest->epoch == NULL || end->epoch > newest->epoch->epoch) {
        newest->epoch = end;
    }
    if (newest->timeline == NULL || end->timeline > newest->timeline->timeline) {
        newest->timeline = end;
    }
}

static void check_epoch_overlap(struct check_epoch_walk *walk)
{
    struct check_epoch_newest newest = {NULL, NULL};
    size_t end = 0;
    qsort(walk->writes, walk->writes_count, sizeof(*walk->writes), check_epoch_by_sent);
    qsort(walk->ends, walk->writes_count, sizeof(*walk->ends), check_epoch_by_completed);
    for (size_t i = 0; i < walk->writes_count; i++) {
        const struct check_epoch_write *write = &walk->writes[i];
        for (; end < walk->writes_count && walk->ends[end].completed_us < write->sent_us; end++) {
            check_epoch_arrived(&newest, &walk->ends[end]);
        }
        if (newest.epoch != NULL && write->epoch != 0 && write->epoch < newest.epoch->epoch) {
            check_epoch_find(walk, CHECK_REPORT_SPLIT_BRAIN, newest.epoch->op, write->op);
        } else if (newest.timeline != NULL && write->timeline < newest.timeline->timeline) {
            check_epoch_find(walk, CHECK_REPORT_SPLIT_BRAIN, newest.timeline->op, write->op);
        }
    }
}

static void check_epoch_pairs(struct check_epoch_walk *walk)
{
    for (size_t i = 0; i < walk->terms_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct check_epoch_term *a = &walk->terms[j];
            const struct check_epoch_term *b = &walk->terms[i];
            const bool epoch = a->epoch != 0 && a->epoch == b->epoch;
            if (a->system == b->system && a->node != b->node && (epoch || a->timeline == b->timeline)) {
                check_epoch_find(walk, CHECK_REPORT_TWO_NODES, a->op, b->op);
            }
        }
        if (walk->terms[i].system != walk->terms[0].system) {
            check_epoch_find(walk, CHECK_REPORT_TWO_SYSTEMS, walk->terms[0].op, walk->terms[i].op);
        }
    }
}

enum err check_epoch_judge(const struct history *history, struct check_report *report)
{
    struct check_epoch_walk walk = {.history = history, .report = report};
    uint64_t last = 0;
    walk.terms = calloc(CHECK_EPOCH_TERMS, sizeof(*walk.terms));
    walk.writes = calloc(history->ops_count + 1, sizeof(*walk.writes));
    walk.ends = calloc(history->ops_count + 1, sizeof(*walk.ends));
    const bool enough = walk.terms != NULL && walk.writes != NULL && walk.ends != NULL;
    if (enough) {
        check_epoch_collect(&walk);
        check_epoch_overlap(&walk);
        check_epoch_pairs(&walk);
        for (size_t i = 0; i < walk.terms_count; i++) {
            last = walk.terms[i].epoch > last ? walk.terms[i].epoch : last;
        }
        check_report_figure(report, "epochs", "acknowledged writes", (int64_t)walk.writes_count);
        check_report_figure(report, "epochs", "nodes x timelines", (int64_t)walk.terms_count);
        check_report_figure(report, "epochs", "last", (int64_t)last);
        check_report_figure(report, "epochs", "of unknown epoch", walk.unproven);
    }
    free(walk.terms);
    free(walk.writes);
    free(walk.ends);
    return enough ? ERR_OK : ERR_NO_MEMORY;
}
