/* SPDX-License-Identifier: Apache-2.0
 * What the lab's clients saw: one JSON line per attempt, written by lab-client, read by lab-verdict.
 *
 * {"t":US,"end":US,"path":"http","home":"taiwan","key":"...","tier":1,"table":"orders","outcome":"ok","region":"tokyo",
 * "node":"tokyo-shop-1","error":""}: times are CLOCK_BOOTTIME of this machine, `end` the instant the client knew. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum { JOURNAL_NAME = 32, JOURNAL_KEY = 64, JOURNAL_ERROR = 200, JOURNAL_LINE = 768 };

enum journal_outcome {
    JOURNAL_OK,      /* acknowledged: must be there for ever */
    JOURNAL_FAILED,  /* certainly not stored */
    JOURNAL_UNKNOWN, /* no answer that says: it may be stored or not */
};

enum journal_path { JOURNAL_HTTP, JOURNAL_SQL };

struct journal_entry {
    int64_t start_us;
    int64_t end_us;
    enum journal_path path;
    enum journal_outcome outcome;
    int tier;
    char home[JOURNAL_NAME];
    char table[JOURNAL_NAME];
    char key[JOURNAL_KEY];
    char region[JOURNAL_NAME]; /* that served; empty when nobody did */
    char node[JOURNAL_NAME];
    char error[JOURNAL_ERROR];
};

const char *journal_outcome_name(enum journal_outcome outcome);
const char *journal_path_name(enum journal_path path);

/* Copies `text` into entry->error without what JSON would have to escape. */
void journal_set_error(struct journal_entry *entry, const char *text);

/* Appends one line. Buffered: the caller flushes. */
void journal_write(FILE *file, const struct journal_entry *entry);

/* Reads one line. ERR_INVALID when it is not one of ours (the last line of a killed writer, for example). */
ERR_CHECK enum err journal_parse(const char *line, size_t size, struct journal_entry *ret_entry);
