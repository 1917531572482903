/* SPDX-License-Identifier: Apache-2.0
 * What a worker's turn has to send to many ends goes out together, in one system call where the kernel allows it
 * (edge/ring.h).
 *
 * Half of what a relay costs is its sends, and a part of that is going into the kernel and out again, where the peers
 * that were just woken take the processor away. So small sends of sessions in the relay are copied here, and carried
 * out before the worker sleeps. An end with a send of its own here is `queued`: whoever else wants to send to it, or to
 * know what it is owed, settles first (proxy_batch_settle_end). A send that fell short, or failed, is then what it
 * would have been: bytes that are owed to the end, and a session that is looked at again.
 *
 * One per worker, its thread. Without a ring nothing is ever queued. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "proxy/proxy_end.h"

struct ring;

enum {
    PROXY_BATCH_SENDS = 32,
    PROXY_BATCH_SEND = 4096, /* bytes of one; more costs more than a system call anyway */
};

struct proxy_batch_send {
    struct proxy_end *end;
    uint32_t route;
    struct span bytes;
};

struct proxy_batch {
    bool open;         /* sends are queued: there is a ring, or a test wants to see them one by one */
    struct ring *ring; /* NULL: none */
    uint32_t count;
    struct proxy_batch_send sends[PROXY_BATCH_SENDS];
    uint8_t memory[PROXY_BATCH_SENDS][PROXY_BATCH_SEND];
};

/* By the thread that will use it. Without memory, or where the kernel refuses, there is no ring, which is fine. */
void proxy_batch_init(struct proxy_batch *batch);
void proxy_batch_fini(struct proxy_batch *batch);

/* Queues bytes to an end of a session in the relay to which nothing is owed; `before` is where its stream stood. False:
 * nothing is queued for this end, send them yourself - unless it is owed something now. */
bool proxy_batch_add(struct proxy_session_context *context, struct proxy_end *end, struct span bytes,
                     const struct pg_frame *before);

/* Carries out what is queued. Ends no session, frees nothing. */
void proxy_batch_settle(struct proxy_session_context *context);

/* Likewise, when something is queued for this end. */
static inline void proxy_batch_settle_end(struct proxy_session_context *context, const struct proxy_end *end)
{
    if (end->queued) {
        proxy_batch_settle(context);
    }
}
