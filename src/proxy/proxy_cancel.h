/* SPDX-License-Identifier: Apache-2.0
 * Cancel keys: a client gets a key of ours, and a cancel request with it reaches the one server process that works for
 * that client now.
 *
 * Rules (PgBouncer's pull request 717 tells why): a cancel is forwarded only while a statement of that session is in
 * flight, which is looked at once more when it is sent; a server that a cancel is on its way to serves nobody else
 * until that has ended; the server's own key never leaves the proxy; a key ends with its session. A cancel request
 * comes on another connection and so perhaps to another worker: the table is shared and locked, touched only when
 * sessions and servers begin and end and when cancels come. What changes with every statement or transaction (in flight
 * or not, which server) is a store of the session's own worker.
 *
 * A cancel is not forwarded while the COMMIT of an open transaction is all that is in flight: there is hardly anything
 * to cancel but the wait for the standbys, and PostgreSQL answers that with success, though the transaction is on one
 * server only. So the client waits on, as it would for a server that is slow; constraints and triggers that are
 * deferred to the COMMIT cannot be cancelled either. This needs the texts of statements, so not with `auth:
 * passthrough`. A statement that is a transaction of its own stays cancellable, because nobody can tell from outside
 * whether it runs or waits; likewise a COMMIT in one query or batch with others. When such a cancel, or one that was on
 * its way before the COMMIT, hits the wait after all, the client hears 08007 instead of success (proxy_relay.c). */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/view.h"
#include "wire/pg_startup.h"

enum {
    PROXY_CANCEL_LIMIT = 65536, /* keys: the index is the lower half of the process id we make up */
};

struct proxy_cancel_key {
    uint32_t pid;
    uint16_t secret_size;
    uint8_t secret[PG_STARTUP_SECRET];
};

/* Where a server listens to cancels, and with which key. Of one server connection. */
struct proxy_cancel_server {
    struct view_address address;
    struct proxy_cancel_key key; /* the server's */
    _Atomic uint32_t coming;     /* cancels on their way to it */
    bool ended;                  /* the connection is gone; freed with the last of them. By the table's lock */
};

struct proxy_cancel_entry {
    _Atomic bool busy;
    _Atomic(struct proxy_cancel_server *) server; /* that works for this client now; NULL: none */
    bool used;
    uint16_t generation;
    uint32_t next_free;
    struct proxy_cancel_key key; /* ours */
};

/* A cancel on its way. */
struct proxy_cancel_ticket {
    uint32_t pid;                       /* of our key */
    struct proxy_cancel_server *server; /* NULL: none */
};

struct proxy_cancel;

/* NULL: out of memory. `limit` is the number of sessions, at most PROXY_CANCEL_LIMIT. */
struct proxy_cancel *proxy_cancel_new(uint32_t limit);
void proxy_cancel_free(struct proxy_cancel *cancel);

/* Makes a key for a client, of the size that its servers' keys have. ERR_QUEUE_FULL: all are in use. The entry stays
 * the table's; give it back with proxy_cancel_remove. */
ERR_CHECK enum err proxy_cancel_add(struct proxy_cancel *cancel, size_t secret_size,
                                    struct proxy_cancel_entry **ret_entry);
void proxy_cancel_remove(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry);

/* From the body of a BackendKeyData. ERR_PROTOCOL, ERR_NO_MEMORY. Ended when its connection is, and when no entry names
 * it any more. */
ERR_CHECK enum err proxy_cancel_server_new(const struct view_address *address, struct span body,
                                           struct proxy_cancel_server **ret_server);
void proxy_cancel_server_end(struct proxy_cancel *cancel, struct proxy_cancel_server *server);

/* Which server works for the client of this entry from now on; NULL: none. By the session's own worker. */
static inline void proxy_cancel_serve(struct proxy_cancel_entry *entry, struct proxy_cancel_server *server)
{
    atomic_store_explicit(&entry->server, server, memory_order_seq_cst);
}

/* After no entry names it any more: whether no cancel is on its way, so that it may serve another client. */
static inline bool proxy_cancel_server_quiet(struct proxy_cancel_server *server)
{
    return atomic_load_explicit(&server->coming, memory_order_seq_cst) == 0;
}

static inline void proxy_cancel_busy(struct proxy_cancel_entry *entry, bool busy)
{
    atomic_store_explicit(&entry->busy, busy, memory_order_relaxed);
}

/* Where a cancel request goes. ERR_NOT_FOUND: no session has this key. ERR_UNAVAILABLE: it has nothing in flight. The
 * ticket's server is there until proxy_cancel_done, which is called when the server has dealt with the request. */
ERR_CHECK enum err proxy_cancel_find(struct proxy_cancel *cancel, uint32_t pid, struct span secret,
                                     struct proxy_cancel_ticket *ret_ticket);

/* Whether it is still the same client's, and something still in flight. */
bool proxy_cancel_wanted(struct proxy_cancel *cancel, const struct proxy_cancel_ticket *ticket);
void proxy_cancel_done(struct proxy_cancel *cancel, struct proxy_cancel_ticket *ticket);
