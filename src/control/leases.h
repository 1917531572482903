/* SPDX-License-Identifier: Apache-2.0
 * Writer leases in the store: every change of ownership and every renewal is a compare-and-swap that carries the epoch.
 *
 * A record "lease/DATABASE" holds {"state","holder","epoch","candidate","next","replaced"}. Time is not the store's
 * business: the holder counts on its own clock, the engine on its own (core/lease.h). Blocking; any thread. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "edge/desk.h"
#include "edge/store.h"

/* ERR_OK with state NONE when there is no record yet. */
ERR_CHECK enum err leases_get(struct store *store, const char *database, struct desk_lease *ret_lease);

/* The holder's renewal. ERR_CONFLICT: revoked, or another's; certainly not renewed, `ret_lease` tells what is.
 * ERR_NOT_FOUND: there is no record at all, a store that was lost: the holder may live on the promises of the others.
 */
ERR_CHECK enum err leases_renew(struct store *store, const char *database, const char *node, uint64_t epoch,
                                struct desk_lease *ret_lease);

/* The candidate takes what was revoked in its favour. `first`: the node that may create the record, with epoch 1. Doing
 * it twice is fine. ERR_CONFLICT: not its turn. */
ERR_CHECK enum err leases_acquire(struct store *store, const char *database, const char *node, uint64_t epoch,
                                  const char *first, struct desk_lease *ret_lease);

/* The controller revokes the present right in favour of `candidate` under `next`. Doing it twice is fine. ERR_CONFLICT:
 * a newer epoch is in force: certainly not revoked. On success `ret_lease->replaced` is the revision of the last
 * renewal. */
ERR_CHECK enum err leases_revoke(struct store *store, const char *database, const char *candidate, uint64_t next,
                                 struct desk_lease *ret_lease);

/* The record's text form, for the unit test and the fuzzer. */
ERR_CHECK enum err leases_parse(const char *text, size_t size, struct desk_lease *ret_lease);
void leases_print(const struct desk_lease *lease, char *text, size_t size);
