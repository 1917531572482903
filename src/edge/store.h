/* SPDX-License-Identifier: Apache-2.0
 * What must survive a crash: records with compare-and-swap, changes in order, and an append-only journal.
 *
 * An interface over backends (store_sqlite.h, store_etcd.h); doc/store.md states the guarantees and
 * test/unit/edge/store_suite.c tests every backend against them. Time is never the store's business: a lease is an
 * ordinary record whose holder and takers look at their own clocks (core/lease.h), and an entry's wall time is what its
 * writer says.
 *
 * Every function may be called from any thread. store_submit never waits for the disk: that is the decision loop's way.
 * The others block until the answer is durable; never call them from a `done` callback. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/span.h"
#include "base/time.h"

enum {
    STORE_KEY = 256,                /* bytes of a key, a kind or a run's name, terminator included */
    STORE_VALUE = 256 * 1024,       /* bytes of a record's value or an entry's text */
    STORE_WRITES = 64,              /* of one commit */
    STORE_ROWS = 1000,              /* of one answer */
    STORE_ANSWER = 8 * 1024 * 1024, /* bytes of one answer */
    STORE_QUEUE = 4096,             /* requests waiting */
};

/* `expected` of an unconditional put. */
#define STORE_ANY UINT64_MAX

enum store_verb {
    STORE_PUT,    /* a record gets a value */
    STORE_DELETE, /* a record ceases */
    STORE_APPEND, /* an entry is added to the journal */
    STORE_CHECK,  /* nothing is written: the commit happens only if the record is at `expected` */
};

/* One write of a commit. */
struct store_write {
    enum store_verb verb;
    const char *key;   /* all but APPEND: "lease/shop"; at most once per commit */
    uint64_t expected; /* likewise: the record's revision; 0: must not exist; STORE_ANY: whatever it is */
    const char *kind;  /* APPEND: "decision", "step", ... */
    const char *run;   /* APPEND: the run it belongs to; NULL: none */
    struct wall wall;  /* APPEND: for display */
    struct span value; /* PUT: the value; APPEND: JSON text */
};

enum store_ask {
    STORE_COMMIT,  /* all of `writes`, or none of them */
    STORE_GET,     /* the record `key` */
    STORE_LIST,    /* the records whose key begins with `key`, in order of their keys */
    STORE_CHANGES, /* the same, changed or deleted after revision `after`, in order of their revisions; waits `wait_ms`
                      for one */
    STORE_READ,    /* entries with a number above `after`, in order */
    STORE_TRIM,    /* entries with a number up to `after` cease, oldest first, a portion of them; the newest stays */
};

struct store_request {
    enum store_ask ask;
    const struct store_write *writes;
    size_t write_count;
    const char *key;
    uint64_t after;
    uint32_t wait_ms;
    const char *kind; /* READ: only of this kind; NULL: all */
    const char *run;  /* READ: only of this run; NULL: all */
    size_t limit;     /* READ: at most so many; 0: STORE_ROWS */
    bool newest;      /* READ: the last `limit` ones instead of the first (still in rising order) */
};

struct store_record {
    const char *key;
    uint64_t revision;
    struct span value; /* NUL-terminated behind its size */
    bool deleted;      /* CHANGES only */
};

struct store_entry {
    uint64_t number;
    struct wall wall;
    const char *kind;
    const char *run; /* "" when it belongs to none */
    const char *text;
};

struct store_answer {
    enum err err;
    /* COMMIT: of its puts and deletes. CONFLICT: of the record that did not match, 0 when it does not exist.
     * Reads: the store's newest, so that CHANGES after it continue without a gap. */
    uint64_t revision;
    uint64_t number; /* COMMIT: of its last entry. READ: the journal's newest */
    size_t conflict; /* CONFLICT: index of the write that did not match */
    const struct store_record *records;
    size_t record_count;
    const struct store_entry *entries;
    size_t entry_count;
    bool more;           /* CHANGES, READ: there are further ones: ask again from the last one. TRIM: ask again */
    struct arena memory; /* of all of the above */
};

struct store;

/* Copies the request and returns. `done` is called exactly once, on a thread of the store, never two at a time; in the
 * order of submission among requests that meet in a record or in the journal (waiting CHANGES excepted). It must be
 * short and may submit. The answer is freed after it. ERR_QUEUE_FULL, ERR_NO_MEMORY, ERR_TOO_LARGE, ERR_INVALID (no
 * key, a key twice), ERR_UNAVAILABLE (closing): `done` is not called.
 *
 * answer->err: ERR_OK: durable, whatever is killed now. ERR_CONFLICT: nothing was written; read, think, try again.
 * ERR_NOT_FOUND: GET only. ERR_DISK_FULL: nothing was written and nothing is lost; the same request works once there is
 * space. ERR_UNAVAILABLE: the store cannot be reached or has no majority; nothing was written, nor will be. ERR_STALE:
 * CHANGES after a revision that the store no longer knows: LIST and go on from there. ERR_IO: unknown whether it was
 * written: read before writing again. ERR_TOO_LARGE: the answer exceeds its limits, or the commit what the backend
 * takes. ERR_PERMISSION, ERR_AUTH: the backend refuses. ERR_CANCELLED: the store was closed. */
ERR_CHECK enum err store_submit(struct store *store, const struct store_request *request,
                                void (*done)(void *context, struct store_answer *answer), void *context);

/* store_submit, then waits. Returns answer->err or the refusal. The answer is the caller's in every case; free it with
 * store_answer_fini. */
ERR_CHECK enum err store_call(struct store *store, const struct store_request *request,
                              struct store_answer *ret_answer);

/* Accepts a zeroed answer. */
void store_answer_fini(struct store_answer *answer);

/* One record into the caller's memory, NUL-terminated; ERR_TOO_LARGE when it does not fit. */
ERR_CHECK enum err store_get(struct store *store, const char *key, char *value, size_t capacity,
                             uint64_t *ret_revision);

/* Compare-and-swap of one record. On ERR_CONFLICT too `ret_revision` is set: the record's present revision, 0 when it
 * does not exist. */
ERR_CHECK enum err store_put_if(struct store *store, const char *key, struct span value, uint64_t expected,
                                uint64_t *ret_revision);

/* One entry. `ret_number` may be NULL. */
ERR_CHECK enum err store_append(struct store *store, const char *kind, const char *run, struct wall wall,
                                const char *text, uint64_t *ret_number);

/* Which members should lead the store, a bit for each in the order of the configuration: the lead goes to one of them
 * within some seconds when it can. 0: no wish any more (as at first). Stores without members ignore it. Any thread. */
void store_prefer(struct store *store, uint32_t members);

/* Finishes what was submitted, cancels waiting CHANGES, closes and frees. Accepts NULL. */
void store_close(struct store *store);

/* -- for backends -- */

/* A request as a backend gets it: a deep copy on `memory`. */
struct store_job {
    struct list link;
    struct store_request request;
    void (*done)(void *context, struct store_answer *answer);
    void *context;
    struct mono deadline; /* of waiting CHANGES; else when it was submitted */
    struct mono submitted;
    struct store_answer answer;
    struct arena memory;
};

struct store_backend {
    /* Takes the job and finishes it by store_finish from a thread of its own; ERR_QUEUE_FULL, ERR_UNAVAILABLE: not
     * taken. */
    enum err (*submit)(struct store *store, struct store_job *job);
    bool (*is_own_thread)(const struct store *store);
    void (*close)(struct store *store);
    void (*prefer)(struct store *store, uint32_t members); /* NULL: has no members */
};

/* First member of a backend's own struct. */
struct store {
    const struct store_backend *backend;
};

/* Calls `done`, frees the job and the answer. */
void store_finish(struct store_job *job);
