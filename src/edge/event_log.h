/* SPDX-License-Identifier: Apache-2.0
 * The latest journal entries in memory: who follows the event stream waits here, not at the store.
 *
 * Filled with entries that are durable (from the `done` of their commit, in order), read by the API's threads. Holds
 * the newest `capacity` entries; who asks for older ones is sent to the store (ERR_STALE). Thread-safe. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "edge/store.h"

struct event_log;

/* NULL without memory. */
struct event_log *event_log_new(size_t capacity);

/* Nobody may wait any more. Accepts NULL. */
void event_log_free(struct event_log *log);

/* Copies. Entries come with rising numbers; one that is not above the newest is ignored (a restart feeds the journal's
 * tail again). Without memory the entry is forgotten and readers are sent to the store. */
void event_log_add(struct event_log *log, const struct store_entry *entry);

/* Fills from the journal's newest entries, at start. Errors of the store. */
ERR_CHECK enum err event_log_load(struct event_log *log, struct store *store);

/* Entries above `after`, in order, at most STORE_ROWS of them; waits up to `wait_ms` for the first. ERR_OK:
 * `ret_entries` (may be 0 after the wait) on `memory`. ERR_STALE: older than what is kept: read the store up to
 * event_log_floor, then come back. ERR_TOO_LARGE: not even one fits. */
ERR_CHECK enum err event_log_read(struct event_log *log, uint64_t after, uint32_t wait_ms, struct arena *memory,
                                  const struct store_entry **ret_entries, size_t *ret_count);

/* The number before the oldest entry kept. */
uint64_t event_log_floor(struct event_log *log);
uint64_t event_log_newest(struct event_log *log);

/* Ends all waits now and from now on: the server is stopping. */
void event_log_close(struct event_log *log);
