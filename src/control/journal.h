/* SPDX-License-Identifier: Apache-2.0
 * The order of things: what the engine wants is written to the store first, then shown, then done.
 *
 * The decision loop hands each output over; what belongs to it (view, actions) comes back through the two callbacks
 * once everything before it is durable. One commit is on its way at a time; outputs that arrive meanwhile share the
 * next one, with the newest state. A store that cannot write (disk full) holds everything back, is asked again, and
 * loses nothing.
 *
 * Of several controllers only the leader has a journal in the store: each of its commits checks the record of its term
 * (control/lead.h), and nothing is released once its right has ended. A follower's outputs are only said in the log.
 * Decision thread only, except for the store's own callback. */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "core/engine.h"
#include "edge/store.h"

struct journal;

struct journal_sink {
    /* ACTION_NOTIFY as an entry of the journal, written in the same commit as what it tells about; its text lives in
     * `memory`. False: there is nothing to tell. Called by journal_take. */
    bool (*tell)(void *context, const struct action *action, struct arena *memory, struct store_write *ret_write);
    void (*told)(void *context); /* such entries are durable now */
    void (*publish)(void *context, const struct view *view);
    void (*act)(void *context, const struct action *action); /* all others */
    void (*wake)(void *context);                             /* any thread: call journal_step soon */
    bool (*leads)(void *context); /* whether this process may write and act now; NULL: always */
    void *context;
};

/* Reads what a former life left; `ret_durable` is NULL at first boot, else the caller frees it. ERR_INVALID: the record
 * is there but harmed or of another format: never start over it by yourself. */
ERR_CHECK enum err journal_open(struct store *store, const struct journal_sink *sink, struct durable **ret_durable,
                                struct journal **ret_journal);
void journal_close(struct journal *journal);

/* Of a controller that follows: reads nothing. */
ERR_CHECK enum err journal_follow(struct store *store, const struct journal_sink *sink, struct journal **ret_journal);

/* It leads from now on: reads what the former leader left, through journal_step. Then journal_led says so, once, with
 * what was read (borrowed until the next journal_step; NULL: nothing). */
void journal_lead(struct journal *journal, uint64_t term_revision);
bool journal_led(struct journal *journal, const struct durable **ret_durable);

/* Takes an output of engine_step. */
void journal_take(struct journal *journal, const struct engine *engine, const struct output *output);

/* What the control process itself has to say about a run: an entry that stands before those of the outputs taken later,
 * and in one commit with them. `kind` lives for ever, the text is copied. */
struct journal_note {
    const char *kind;
    const char *text; /* a sentence, shorter than 512 bytes */
    uint64_t run;
    struct mono at;
    struct wall wall;
};

void journal_note(struct journal *journal, const struct journal_note *note);

/* Moves on: finished commits release their outputs, waiting ones are submitted. Call it after journal_take and when
 * woken. */
void journal_step(struct journal *journal);

/* Everything taken so far is durable and done. */
bool journal_idle(const struct journal *journal);

/* Somebody else has written the record, leads, or harmed it: this process must end. */
bool journal_lost(const struct journal *journal);
