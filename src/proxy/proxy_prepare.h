/* SPDX-License-Identifier: Apache-2.0
 * Prepared statements of a pool's clients under names of our own (`pool.max_prepared_statements`), as PgBouncer has
 * them since 1.21: clients that prepare the same share it, and each server connection has what its clients need.
 *
 * What a client says is rewritten on its way: a named Parse, Bind, Describe and Close name our text (proxy_shelf.h).
 * What the server does not have is prepared there first, by a Parse of ours; what it has already is not prepared again.
 * A server has at most so many; the one that was not used for longest is closed for a new one, but none that was used
 * since the client was idle. Answers keep their order, because nothing is ever made up: a Parse that is not needed, and
 * the client's Close, go to the server as a Close of a name that nothing has, and its CloseComplete is told as the
 * answer that the client waits for. Answers to what was not the client's are left out. After an error the server skips
 * the rest of a batch; what it skipped has not happened, on the server and for the client's names.
 *
 * `DEALLOCATE name` as a simple query of its own means the client's name. SQL EXECUTE does not know it, nor does a
 * DEALLOCATE by the extended protocol. What cannot be renamed (a Parse of more than PROXY_PREPARE_MESSAGE bytes, too
 * many names) passes as it is, and is `full`: the connection is this client's then.
 *
 * Belongs to the worker's thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"
#include "proxy/proxy_names.h"
#include "proxy/proxy_shelf.h"
#include "wire/pg_frame.h"

enum {
    PROXY_PREPARE_MESSAGE = 64 * 1024, /* bytes of a Parse */
    PROXY_PREPARE_PREFIX = 1024,       /* bytes in which the names of other messages must be */
    PROXY_PREPARE_QUERY = 256,         /* bytes of a DEALLOCATE */
    PROXY_PREPARE_HELD = 13,           /* bytes of a server's message before it is known what becomes of it */
    PROXY_PREPARE_WAITS = 64 * 1024,   /* answers that are awaited */
    /* What up and down can make of some bytes, beside them: each message grows by a name, and all texts go once. */
    PROXY_PREPARE_GROWTH = 4,
    PROXY_PREPARE_MORE = 2 * PROXY_NAMES_BYTES,
};

/* An answer of the server that something depends on. */
struct proxy_prepare_wait {
    uint8_t kind;  /* enum proxy_await_kind */
    uint16_t name; /* of the client's */
    uint64_t group;
    struct proxy_shelf_text *text;
};

struct proxy_prepare {
    struct proxy_shelf *shelf;
    uint32_t limit; /* of a server's texts */
    struct proxy_names names;
    bool full;
    /* Groups are what ends with a ReadyForQuery, counted from the session's beginning. */
    uint64_t heard; /* of these: the server's answers have passed */
    uint64_t group; /* that the client is in */
    uint64_t since; /* the server's clock at the last boundary */
    /* The client's stream. */
    uint8_t type;  /* of the message that passes */
    uint32_t left; /* bytes of it that pass as they are */
    uint8_t *part; /* the first bytes of a message, until it is known what becomes of it */
    size_t part_size;
    size_t part_capacity;
    /* The server's. */
    struct proxy_prepare_wait *waits;
    uint32_t waits_first;
    uint32_t waits_end;
    uint32_t waits_capacity;
    uint8_t held[PROXY_PREPARE_HELD];
    uint8_t held_size;
};

/* NULL: out of memory. */
struct proxy_prepare *proxy_prepare_new(struct proxy_shelf *shelf, uint32_t limit);
void proxy_prepare_free(struct proxy_prepare *prepare); /* NULL is fine */

/* Nothing is in flight, and the client's bytes come: what was done counts from now on. `copies` are the server's. */
void proxy_prepare_begin(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies);

/* The server is gone. What it has not answered has not happened; with `again` nothing since the last boundary has. */
void proxy_prepare_lost(struct proxy_prepare *prepare, bool again);

/* Appends to `out` what the server gets for these bytes of the client. `ahead`: ReadyForQuery that it still owes for
 * what came before them. False: out of memory, or too much. */
bool proxy_prepare_up(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, struct span bytes,
                      uint32_t ahead, struct buf *out);
