/* SPDX-License-Identifier: Apache-2.0
 * The work of one process: set, bank, lists and its register, mixed at random, every operation in the history. */
#pragma once

#include "base/buf.h"
#include "base/prng.h"
#include "load.h"
#include "load_session.h"

struct load_work {
    struct load *load;
    uint32_t process;
    struct prng prng;
    struct load_session writer;
    struct load_session replica; /* without nodes: not used */
    int64_t written;             /* the last value written to the register */
    char micros_text[HISTORY_WRITE_MICROS];
    char reads_text[HISTORY_WRITE_READS];
    struct buf micros; /* of the operation under way */
    struct buf reads;
    uint32_t number;
};

/* A large thing: on the heap. */
void load_work_init(struct load_work *work, struct load *load, uint32_t process);
void load_work_fini(struct load_work *work);

/* One operation, at once. False: nobody could be reached, nothing was done. */
bool load_work_step(struct load_work *work);

/* ---- for the reads at the end (load_end.h) ---- */

/* Opens the session and writes the invocation down; `work->micros` says what it will do. */
bool load_work_begin(struct load_work *work, struct load_session *session, enum history_kind kind,
                     enum history_level level);

/* Writes down how it ended, and leaves the session ready for the next. */
void load_work_done(struct load_work *work, struct load_session *session);
