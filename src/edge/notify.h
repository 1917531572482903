/* SPDX-License-Identifier: Apache-2.0
 * Telling people: a durable spool in the store, and a thread per webhook that delivers from it.
 *
 * The spool is the journal itself: a message is an entry of kind "notify", written in the same commit as what it tells
 * about; what a receiver has got is its record "notify/RECEIVER". So a restart goes on where it stopped, and a message
 * is delivered at least once (again with the same Idempotency-Key when the process died between the answer and the
 * record).
 *
 * A receiver that is dead or slow delays neither the caller nor another receiver; it is tried again with growing pauses
 * of up to five minutes. Messages of one incident arrive in order; one that is refused with 400, 413 or 422 is given
 * up. Beyond `spool` waiting messages the oldest of the lowest severity is dropped, counted and logged.
 *
 * Each POST carries: X-Holdfast-Timestamp (seconds since 1970), X-Holdfast-Signature: sha256=HEX of HMAC-SHA256 over
 * TIMESTAMP + "." + body, X-Holdfast-Delivery and Idempotency-Key (the same at each attempt). Any 2xx accepts it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "edge/notify_message.h"
#include "edge/store.h"

struct notify;

enum {
    NOTIFY_RECEIVERS = 8,
    NOTIFY_SPOOL = 20000, /* at most */
    NOTIFY_RETRY_MIN_MS = 500,
    NOTIFY_RETRY_MAX_MS = 300000,
    NOTIFY_TIMEOUT_MS = 10000,
};

struct notify_receiver {
    const char *name;
    const char *url;
    const char *secret; /* NULL: not signed */
};

struct notify_config {
    struct store *store; /* outlives the notifier */
    const char *system;  /* `name` of the configuration */
    const struct notify_receiver *receivers;
    size_t receiver_count;
    uint32_t spool;        /* messages kept per receiver; 0 or more than NOTIFY_SPOOL: NOTIFY_SPOOL */
    uint32_t retry_min_ms; /* 0: NOTIFY_RETRY_MIN_MS */
    uint32_t retry_max_ms; /* 0: NOTIFY_RETRY_MAX_MS */
    uint32_t timeout_ms;   /* of an attempt; 0: NOTIFY_TIMEOUT_MS */
};

/* Copies the configuration, remembers new receivers in the store, starts their threads. A receiver that was not known
 * before gets only what is told from now on. Errors of the store. */
ERR_CHECK enum err notify_open(const struct notify_config *config, struct notify **ret_notify);

/* Stops within about a second; what is not delivered stays in the store. Accepts NULL. */
void notify_close(struct notify *notify);

/* The journal entry for a commit of the caller; lives in `memory`. After the commit is durable, call notify_wake.
 * Errors of notify_message_json. */
ERR_CHECK enum err notify_write(const struct notify_message *message, struct arena *memory,
                                struct store_write *ret_write);

/* There are new entries in the journal. Never blocks; any thread, also from a `done` callback of the store. */
void notify_wake(struct notify *notify);

/* A commit of its own with this one message. Never blocks; errors of notify_write and store_submit: it will not be
 * told. */
ERR_CHECK enum err notify_enqueue(struct notify *notify, const struct notify_message *message);

/* Messages that wait for this receiver, for status and tests; 0 for an unknown name. */
size_t notify_waiting(struct notify *notify, const char *receiver);
