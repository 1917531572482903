/* SPDX-License-Identifier: Apache-2.0
 * What clients of a database did and saw, in memory, and the lines of the file that it comes from.
 *
 * A file begins with `holdfast-history 1 ACCOUNTS BALANCE` and grows by whole lines, so that a client that is killed
 * leaves everything up to its last moment:
 *
 *   i NUMBER PROCESS INVOKED KIND LEVEL MICRO...      written before the first byte is sent
 *   v NUMBER READ VALUE,VALUE,...                     part of a long result: of the transaction's READ-th read
 *   o NUMBER COMPLETED OUTCOME SENT ROLE NODE SYSTEM TIMELINE EPOCH ERROR READ...
 *
 * Times are microseconds of CLOCK_BOOTTIME; SENT is when the COMMIT was sent (0: never). NUMBER counts from 0 in each
 * file. A MICRO is a7:12 (append 12 to list 7; add 12 to set 7), w7:12 (register 7 becomes 12), m2:5:30:77 (30 from
 * account 2 to 5, in the books as 77) or r7 (read); a READ in the third line is r7:1,2,3 (r7: nothing there), in the
 * order of the first. An operation without `o` has no known outcome. ERROR is an SQLSTATE, a word, or "-". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/span.h"

enum {
    HISTORY_LINE = 1 << 20, /* bytes of one line at most */
    HISTORY_NAME = 48,      /* of a node or an error, with terminator */
    HISTORY_NAMES = 256,    /* different ones */
    HISTORY_MICROS = 128,   /* of one operation */
    HISTORY_FILES = 4096,
    HISTORY_OPS = 1 << 28,
    HISTORY_TEXT = 4096, /* of a described operation */
};

/* X(name, word) */
#define HISTORY_KIND_TABLE(X)                                                                                          \
    X(ADD, "add")           /* a<set>:<value> */                                                                       \
    X(LOOSE, "loose")       /* a<set>:<value>, acknowledged without waiting for a standby: may be lost */              \
    X(MEMBERS, "members")   /* r<set>: all of it, at the end */                                                        \
    X(MOVE, "move")         /* m<from>:<to>:<amount>:<number> */                                                       \
    X(BALANCES, "balances") /* r0: the balance of each account */                                                      \
    X(BOOKS, "books")       /* r0 r1: balances, and the numbers of all moves, in one snapshot, at the end */           \
    X(LIST, "list")         /* several of a<key>:<value> and r<key> */                                                 \
    X(REGISTER, "register") /* w<key>:<value> or r<key>; one process per key, values only grow */

enum history_kind {
#define HISTORY_KIND(name, word) HISTORY_##name,
    HISTORY_KIND_TABLE(HISTORY_KIND)
#undef HISTORY_KIND
        HISTORY_KINDS
};

enum history_level { HISTORY_COMMITTED, HISTORY_REPEATABLE, HISTORY_SERIALIZABLE, HISTORY_LEVELS };

enum history_outcome {
    HISTORY_OK,      /* acknowledged */
    HISTORY_FAILED,  /* certainly not applied */
    HISTORY_UNKNOWN, /* applied or not, now or later */
    HISTORY_OUTCOMES
};

enum history_role { HISTORY_NOBODY, HISTORY_WRITER, HISTORY_REPLICA, HISTORY_ROLES };

enum history_verb { HISTORY_READ, HISTORY_APPEND, HISTORY_WRITE, HISTORY_TRANSFER };

struct history_micro {
    enum history_verb verb;
    bool seen;      /* a read with a result */
    int64_t key;    /* a transfer: from */
    int64_t value;  /* a transfer: its number */
    int64_t to;     /* a transfer only */
    int64_t amount; /* a transfer only */
    uint32_t count; /* of a result */
    size_t first;   /* of a result, in `values` */
};

struct history_op {
    int64_t invoked_us;
    int64_t sent_us;      /* when the commit was sent; 0: never */
    int64_t completed_us; /* INT64_MAX: never */
    uint64_t system;
    uint64_t epoch; /* 0: not known */
    uint32_t timeline;
    uint32_t process;
    uint32_t number; /* in its file */
    uint16_t file;
    uint16_t node;  /* index into names; 0: none */
    uint16_t error; /* index into names; 0: none */
    uint8_t kind;
    uint8_t level;
    uint8_t outcome;
    uint8_t role;
    uint16_t micros_count;
    size_t micros; /* the first of them */
};

struct history {
    struct history_op *ops;
    size_t ops_count;
    size_t ops_capacity;
    struct history_micro *micros;
    size_t micros_count;
    size_t micros_capacity;
    int64_t *values;
    size_t values_count;
    size_t values_capacity;
    char names[HISTORY_NAMES][HISTORY_NAME]; /* [0] is "-" */
    size_t names_count;
    int64_t accounts;
    int64_t balance; /* of each account at the beginning */
    size_t files;
    size_t file_ops; /* the first operation of the present file */
    bool headed;     /* the present file's first line was read */
    size_t torn;     /* files whose last line is half a line */
};

/* On the caller's memory; some 20 kB. */
void history_init(struct history *history);
void history_fini(struct history *history);

/* The next lines are another file's. ERR_TOO_LARGE: there are too many. */
ERR_CHECK enum err history_begin(struct history *history);

/* One line, without its end. ERR_INVALID: not one of ours; ERR_TOO_LARGE; ERR_NO_MEMORY. After any error the history is
 * only good for history_fini(). */
ERR_CHECK enum err history_line(struct history *history, struct span line);

/* A whole file. `ret_line` is the line that the error is about. A last line without an end is not read, but counted. */
ERR_CHECK enum err history_read(struct history *history, FILE *file, size_t *ret_line);

const char *history_kind_name(enum history_kind kind);
const char *history_level_name(enum history_level level);
const char *history_outcome_name(enum history_outcome outcome);
const char *history_role_name(enum history_role role);

/* One operation in a line for people, cut where it does not fit. */
void history_describe(const struct history *history, const struct history_op *op, char *ret_text, size_t size);
