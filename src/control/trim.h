/* SPDX-License-Identifier: Apache-2.0
 * The journal has a limit (store.journal_entries): the leader lets the oldest entries cease, now and then and in
 * portions.
 *
 * Decision thread only, except for the store's own callback. Never waits. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/time.h"
#include "edge/store.h"

struct trim {
    struct store *store;
    uint64_t keep; /* entries; 0: all */
    struct mono look_at;
    struct mono portion_at;
    atomic_bool asked;           /* a question is under way */
    atomic_bool more;            /* there are more than `keep` */
    atomic_uint_fast64_t newest; /* number of the newest entry at the last look */
};

/* `trim` stays until the store is closed. */
void trim_init(struct trim *trim, struct store *store, uint64_t keep, struct mono now);

/* Asks the store for the next thing to do, when it is time. Each turn of a controller that leads. */
void trim_step(struct trim *trim, struct mono now);
