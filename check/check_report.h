/* SPDX-License-Identifier: Apache-2.0
 * What a check found: how often each kind, the first few with their witnesses, figures; printed as text or JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "history.h"

enum {
    CHECK_REPORT_KEPT = 5,     /* witnesses of one kind of finding */
    CHECK_REPORT_TEXT = 32768, /* of one witness */
    CHECK_REPORT_FIGURES = 64,
};

/* X(name, code, sentence) */
#define CHECK_REPORT_TABLE(X)                                                                                          \
    X(SPLIT_BRAIN, "split-brain",                                                                                      \
      "a commit was sent and acknowledged under an epoch after a newer epoch had acknowledged")                        \
    X(TWO_NODES, "two-nodes", "two nodes acknowledged under one epoch, or on one timeline")                            \
    X(TWO_SYSTEMS, "two-systems", "acknowledgements came from different database systems")                             \
    X(LOST, "lost", "acknowledged, and not there")                                                                     \
    X(DUPLICATE, "duplicate", "there twice")                                                                           \
    X(PHANTOM, "phantom", "there, and nobody ever wrote it")                                                           \
    X(LIE, "lie", "reported as certainly not applied, and there")                                                      \
    X(TOTAL, "total", "the accounts' total is not what it was")                                                        \
    X(BOOKS, "books", "the balances are not what the moves in the books make of them")                                 \
    X(ORDER, "order", "two reads of one list disagree about its beginning: something was taken back")                  \
    X(INTERNAL, "internal", "a transaction does not see its own writes, or its own earlier read")                      \
    X(G0, "G0", "dirty write: a cycle of writes over writes")                                                          \
    X(G1A, "G1a", "aborted read: what was read was never committed")                                                   \
    X(G1B, "G1b", "intermediate read: half of another transaction was read")                                           \
    X(G1C, "G1c", "circular information flow: a cycle of writes and reads")                                            \
    X(G_SINGLE, "G-single", "read skew: a cycle with one anti-dependency")                                             \
    X(G2_ITEM, "G2-item", "write skew: a cycle with several anti-dependencies")                                        \
    X(OWN_WRITE, "own-write", "a session did not see what it had been told is written, or saw time go backwards")      \
    X(NO_END, "no-end", "the history has no read at its end: nothing can be said about lost writes")

enum check_report_code {
#define CHECK_REPORT_CODE(name, code, text) CHECK_REPORT_##name,
    CHECK_REPORT_TABLE(CHECK_REPORT_CODE)
#undef CHECK_REPORT_CODE
        CHECK_REPORT_CODES
};

struct check_report_figure {
    const char *group; /* "set" */
    const char *name;  /* "recovered" */
    int64_t value;
};

struct check_report {
    const struct history *history;
    size_t counts[CHECK_REPORT_CODES];
    char *texts[CHECK_REPORT_CODES][CHECK_REPORT_KEPT];
    struct check_report_figure figures[CHECK_REPORT_FIGURES];
    size_t figures_count;
    char text[CHECK_REPORT_TEXT]; /* the witness being written */
    struct buf witness;
};

/* `history` is borrowed. A large thing: not for the stack. */
void check_report_init(struct check_report *report, const struct history *history);
void check_report_fini(struct check_report *report);

/* Begins a finding. False: counted, and enough witnesses are kept already. After true, check_report_add() and
 * check_report_op() as often as needed, then check_report_end(). */
bool check_report_begin(struct check_report *report, enum check_report_code code);
void check_report_add(struct check_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_report_op(struct check_report *report, const char *label, size_t op);
void check_report_end(struct check_report *report, enum check_report_code code);

/* Names live for ever. Beyond the limit figures are left out. */
void check_report_figure(struct check_report *report, const char *group, const char *name, int64_t value);

bool check_report_clean(const struct check_report *report);
void check_report_print(const struct check_report *report, FILE *file);

/* One JSON object. False: out of memory, or the file cannot be written. */
bool check_report_json(const struct check_report *report, FILE *file);

const char *check_report_code_name(enum check_report_code code);
