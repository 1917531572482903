/* SPDX-License-Identifier: Apache-2.0
 * Where in the log a slot could have stood, found in the log itself: for a tail that no guard slot covers.
 *
 * A slot keeps three things: the log, dead rows of the catalog, and a point from which decoding knows all transactions.
 * The log of the tail is there, as long as nobody removed it. The point is a RUNNING_XACTS record, which a server
 * writes every 15 seconds and with each checkpoint: best one at which no transaction ran. And where no row of the
 * catalog was written since, by nobody, the catalog of today is that of then: nothing had to be kept. (Statistics do
 * not matter; what VACUUM changes in place neither.) The log must have been written with wal_level=logical, which a
 * change of that would show.
 *
 * Pure. Lines come in the order of the log, from somewhere before the fork to the end of the tail. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/lsn.h"
#include "reconcile/salvage_wal.h"

/* One database. */
struct salvage_past {
    uint32_t database; /* oid */
    struct lsn fork;
    /* Before the fork, with nothing in the way since: */
    struct lsn quiet; /* the last point at which no transaction ran; 0: none */
    uint32_t quiet_xid;
    struct lsn first; /* the first point at all: decoding may become complete before the fork; 0: none */
    uint32_t first_xid;
    bool replica;         /* the log was not written with wal_level=logical here */
    bool schema_changed;  /* behind the fork */
    bool setting_changed; /* ... of the log, behind the fork */
};

void salvage_past_init(struct salvage_past *past, uint32_t database, struct lsn fork);
void salvage_past_see(struct salvage_past *past, const struct salvage_wal_glance *glance);

/* Where decoding may begin, the best first: `number` 0, 1. False: no more. `ret_xid`: the oldest transaction that it
 * has to know. */
bool salvage_past_point(const struct salvage_past *past, uint32_t number, struct lsn *ret_restart, uint32_t *ret_xid);

/* Why there is none; the operator's words. */
const char *salvage_past_why(const struct salvage_past *past);
