/* SPDX-License-Identifier: Apache-2.0
 * Cancel keys: a client gets a key of ours, and a cancel request with it reaches the one server process that works for
 * that client now.
 *
 * Rules (PgBouncer's pull request 717 tells why): a cancel is forwarded only while a statement of that session is in
 * flight; the server's own key never leaves the proxy; a key ends with its session. A cancel request comes on another
 * connection and so perhaps to another worker: the table is shared and locked, touched only when sessions begin and end
 * and when cancels come. The mark "in flight" is one relaxed store of the session's own worker. */
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

struct proxy_cancel_target {
    struct view_address address;
    struct proxy_cancel_key key; /* the server's */
};

struct proxy_cancel_entry {
    _Atomic bool busy;
    bool used;
    uint16_t generation;
    uint32_t next_free;
    struct proxy_cancel_key key; /* ours */
    struct proxy_cancel_target target;
};

struct proxy_cancel;

/* NULL: out of memory. `limit` is the number of sessions, at most PROXY_CANCEL_LIMIT. */
struct proxy_cancel *proxy_cancel_new(uint32_t limit);
void proxy_cancel_free(struct proxy_cancel *cancel);

/* Makes a key of the same size for a server's key. ERR_QUEUE_FULL: all are in use. The entry stays the table's; give it
 * back with proxy_cancel_remove. */
ERR_CHECK enum err proxy_cancel_add(struct proxy_cancel *cancel, const struct proxy_cancel_target *target,
                                    struct proxy_cancel_entry **ret_entry);

/* The session has another server: its client's key stays. ERR_PROTOCOL: the new key has another size. */
ERR_CHECK enum err proxy_cancel_retarget(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry,
                                         const struct proxy_cancel_target *target);
void proxy_cancel_remove(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry);

static inline void proxy_cancel_busy(struct proxy_cancel_entry *entry, bool busy)
{
    atomic_store_explicit(&entry->busy, busy, memory_order_relaxed);
}

/* Where a cancel request goes. ERR_NOT_FOUND: no session has this key. ERR_UNAVAILABLE: it has nothing in flight. */
ERR_CHECK enum err proxy_cancel_find(struct proxy_cancel *cancel, uint32_t pid, struct span secret,
                                     struct proxy_cancel_target *ret_target);
