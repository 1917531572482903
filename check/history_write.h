/* SPDX-License-Identifier: Apache-2.0
 * Appends to a history file (history.h says what lies in it). Any thread.
 *
 * Each line is one write(2) to a file opened for appending: what was written survives a SIGKILL of the client. What
 * cannot be written ends the process: a history with gaps proves nothing. */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "history.h"

enum {
    HISTORY_WRITE_MICROS = 4096,  /* text of what is asked */
    HISTORY_WRITE_READS = 262144, /* text of what was read, without the parts of long results */
    HISTORY_WRITE_PART = 4000,    /* values of one part */
};

struct history_write {
    int fd;
    uint32_t next;
    pthread_mutex_t lock;
};

/* Who answered, and how it ended. */
struct history_write_end {
    int64_t completed_us;
    int64_t sent_us;
    enum history_outcome outcome;
    enum history_role role;
    const char *node;   /* "-": nobody */
    const char *system; /* digits */
    int64_t timeline;
    int64_t epoch;
    const char *error; /* without spaces; "-": none */
};

/* A new file. ERR_EXISTS; ERR_IO and what else keeps files from being made. */
ERR_CHECK enum err history_write_open(struct history_write *write, const char *path, int64_t accounts, int64_t balance);
void history_write_close(struct history_write *write);

/* Before anything is sent. `micros`: as in the file. Gives the operation's number. */
uint32_t history_write_begin(struct history_write *write, uint32_t process, enum history_kind kind,
                             enum history_level level, const char *micros);

/* A part of what read number `read` gave: "1,2,3". */
void history_write_part(struct history_write *write, uint32_t number, unsigned read, const char *values);

/* `reads`: as in the file, "" for none. */
void history_write_done(struct history_write *write, uint32_t number, const struct history_write_end *end,
                        const char *reads);
