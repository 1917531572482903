/* SPDX-License-Identifier: Apache-2.0
 * What a session must have to live on with another server: its log-in, its start-up packet's effects, its settings,
 * channels and prepared statements, and the knowledge of what it has that cannot be moved.
 *
 * Filled from the messages as they pass. Texts are scanned for words (wire/pg_statement.h), bodies are kept only of
 * what must be said again. What is done inside functions cannot be seen. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "proxy/proxy_journal.h"
#include "proxy/proxy_learn.h"
#include "wire/pg_frame.h"
#include "wire/pg_statement.h"

enum {
    PROXY_KEEP_CAPTURE = PROXY_JOURNAL_BYTES, /* bytes of a message that is kept */
    PROXY_KEEP_PARAMETERS = 4096,             /* bytes of all reported settings, names included */
    PROXY_KEEP_FLIGHT = 16 * 1024,            /* bytes in flight that may be sent again */
    PROXY_KEEP_USER = 64,                     /* PostgreSQL's own limit of a name, terminator included */
    PROXY_KEEP_NAMES = 8,                     /* prepared statements with marks that are told apart */
};

/* Reasons why a session cannot be moved, beyond the marks of pg_statement.h. */
enum proxy_keep_lost {
    PROXY_KEEP_MIXED = 1 << 16,  /* settings among other statements of one text, or a text that is too long */
    PROXY_KEEP_NAMED = 1 << 17,  /* a prepared statement that changes settings */
    PROXY_KEEP_UNSURE = 1 << 18, /* settings in a transaction of which a part was rolled back */
    PROXY_KEEP_FULL = 1 << 19,   /* more than the journal holds */
};

/* A prepared statement whose marks a Bind takes over. */
struct proxy_keep_name {
    uint32_t hash;
    uint32_t marks;
};

/* ParameterStatus messages: "name\0value\0" one behind the other. */
struct proxy_keep_parameters {
    uint8_t *data;
    size_t size;
};

struct proxy_keep {
    struct proxy_learn learn;
    char user[PROXY_KEEP_USER]; /* of the start-up packet; empty: too long to be a role's */
    struct proxy_journal journal;
    struct proxy_keep_parameters known; /* what the client has been told */
    struct proxy_keep_parameters fresh; /* what a new server says */
    bool doubted;                       /* the verifier did not fit once */
    bool renamed;                       /* prepared statements are somebody else's business (proxy_prepare.h) */
    bool preparing;                     /* named statements are being prepared or closed */
    bool flawed;                        /* ... and one was not: the journal may not be what the server has */
    uint32_t lost;                      /* pg_statement_mark and proxy_keep_lost */
    uint32_t lost_open;                 /* likewise, undone if the present transaction is rolled back */
    bool rolled_back;                   /* since the session was idle: an error, or ROLLBACK */
    bool committed;                     /* likewise: COMMIT */
    /* What is in flight: sent since nothing was. */
    uint8_t *flight; /* the bytes, as long as they are all there and nothing was answered */
    size_t flight_size;
    size_t flight_capacity;
    bool flight_whole;
    uint32_t flight_marks;  /* of all its texts, and of the prepared statements that are executed */
    uint32_t flight_texts;  /* statements in its texts */
    uint32_t flight_units;  /* executions: statements of simple queries, Binds, function calls */
    uint32_t flight_first;  /* marks of the first of these */
    uint64_t xid;           /* of the open transaction, told by the server to the client; 0: nobody has asked */
    bool bound_commit;      /* a COMMIT was bound, and its transaction is open: it may be executed any time */
    uint32_t unnamed_marks; /* of the unnamed statement */
    struct proxy_keep_name names[PROXY_KEEP_NAMES];
    uint32_t names_count;
    uint32_t names_more; /* marks of all named statements that found no room */
    /* The message that passes. */
    uint8_t reading; /* enum in proxy_keep.c */
    bool overflow;   /* of the capture */
    struct pg_statement statement;
    uint8_t *capture;
    size_t capture_size;
    size_t capture_capacity;
};

/* NULL: out of memory. */
struct proxy_keep *proxy_keep_new(struct span user);
void proxy_keep_free(struct proxy_keep *keep); /* wipes; NULL is fine */

/* pg_frame_step of the client's stream, with its eyes open. */
bool proxy_keep_step(struct proxy_keep *keep, struct pg_frame *frame, struct span *bytes,
                     struct pg_frame_message *ret_message);

/* A message from the server: errors and the ends of transactions. `idle`: after it the session is at a boundary. */
void proxy_keep_server(struct proxy_keep *keep, const struct pg_frame_message *message, bool idle);

/* The open transaction is lost: what was set there does not count. And: what was in flight has no outcome either. */
void proxy_keep_undo(struct proxy_keep *keep);
void proxy_keep_forget(struct proxy_keep *keep);

/* The COMMIT in flight is known to have taken effect: what was set before it counts. Not with `lost_open`. */
void proxy_keep_took(struct proxy_keep *keep);

/* Nothing is in flight now; `whole`: bytes of the client come, all of which are kept as far as they fit. */
void proxy_keep_flight_begin(struct proxy_keep *keep, bool whole);
void proxy_keep_flight_add(struct proxy_keep *keep, struct span bytes);

/* Whether what is in flight may be sent again when the server said FATAL before anything else: what it was doing then
 * is rolled back. Not texts that do more than one transaction holds. */
bool proxy_keep_flight_again(const struct proxy_keep *keep);

/* Whether a COMMIT may be among what is in flight; when texts cannot be read for certain: yes. */
bool proxy_keep_flight_commits(const struct proxy_keep *keep);

/* ParameterStatus: what the client is told; `whole` is the body, or its first bytes when that is all there is. */
void proxy_keep_parameter(struct proxy_keep_parameters *parameters, struct span whole);
bool proxy_keep_parameter_next(const struct proxy_keep_parameters *parameters, size_t *at, struct span *ret_name,
                               struct span *ret_value);

/* Whether the client has been told exactly this. */
bool proxy_keep_parameter_told(const struct proxy_keep *keep, struct span name, struct span value);

/* All of them at once. False: out of memory. */
bool proxy_keep_parameters_set(struct proxy_keep_parameters *parameters, struct span all);

/* The fresh ones are the known ones now. */
void proxy_keep_parameters_take(struct proxy_keep *keep);

/* Whether the session has something that belongs to its connection: anything but settings and prepared statements that
 * can be said again. And: whether it has prepared statements. */
bool proxy_keep_pinned(const struct proxy_keep *keep);
bool proxy_keep_laden(const struct proxy_keep *keep);

/* What a session has that is not pinned, as bytes that are equal when it is the same. */
struct span proxy_keep_settings(const struct proxy_keep *keep);

/* Whether all that the session has can be done again elsewhere; if not, what is in the way, for people. */
bool proxy_keep_movable(const struct proxy_keep *keep, const char **ret_why);
