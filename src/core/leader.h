/* SPDX-License-Identifier: Apache-2.0
 * Which of several controllers leads: one record in the store, held exactly like a writer lease (core/lease.h).
 *
 * The record names the leader and its term, and is renewed by compare-and-swap each third of its length. Right = own
 * clock before the last successful renewal was sent + length. A taker counts from its own first sight of an unchanged
 * revision: length + margin, and takes by compare-and-swap against that revision, so that a renewal it did not see
 * refuses it. The term grows with each change of leader; every commit of a leader compares with it.
 *
 * Preference: a leader in the region that carries a writer would be lost together with it. So a site has a rank (0
 * before 1): the worse waits half a length longer for a free record, and a leader of worse rank hands it to a better
 * one that has been there for a while.
 *
 * A right that has ended never comes back: the process ends and begins anew as a follower. Values only: no clock, no
 * memory. Owner: who holds the lock around it (control/leader.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/lease.h"
#include "core/limits.h"

/* A life of a control process. */
struct leader_id {
    char site[LIMITS_NAME];
    uint64_t boot;    /* of the process; never 0 */
    uint64_t machine; /* of the machine, since it was started: two lives with the same number share a clock */
};

/* The record as it is in the store. */
struct leader_record {
    uint64_t revision; /* 0: there is none */
    uint64_t term;
    struct leader_id id;      /* site "": nobody leads */
    char favour[LIMITS_NAME]; /* nobody leads: the site that should; "": any */
};

enum leader_state {
    LEADER_FOLLOWING,
    LEADER_LEADING,
    LEADER_LAPSED, /* the right has ended and the store is silent: decides nothing, goes on answering readers */
    LEADER_ENDED,  /* another may lead: the process must end */
};

struct leader {
    struct leader_id self;
    enum leader_state state;
    uint32_t rank;
    uint64_t term; /* ours while leading */
    struct lease_holder holder;
    struct lease_taker taker;
    struct leader_record record; /* as last seen */
    bool seen;                   /* whether there is a record is known */
    struct mono sight;           /* first sight of the record as it is */
    struct mono again;           /* no attempt before */
};

enum leader_want { LEADER_WAIT, LEADER_TAKE, LEADER_RENEW };

void leader_init(struct leader *leader, const struct leader_id *self, int64_t lease_us, int64_t margin_us);

/* Our site's rank changed. */
void leader_rank(struct leader *leader, uint32_t rank);

/* The record as read or watched; `now` read after the answer came. A record older than the one known is ignored. */
void leader_saw(struct leader *leader, const struct leader_record *record, struct mono now);

/* The store refused a write of ours: the record is not what we believe. Read it; everything is counted anew. */
void leader_refused(struct leader *leader);

/* What to write now: `ret_record` as it should become, against its `revision`. Says WAIT until leader_due. Calling it
 * counts as sending: `now` is what the right will be counted from. */
enum leader_want leader_want(struct leader *leader, struct mono now, struct leader_record *ret_record);

/* The write of `sent` succeeded. False: too late, or of another term; there is no right from it. */
bool leader_taken(struct leader *leader, const struct leader_record *record, uint64_t revision, struct mono sent,
                  struct mono now);
bool leader_renewed(struct leader *leader, const struct leader_record *record, uint64_t revision, struct mono sent,
                    struct mono now);

/* The record with which a leader hands its right over, against its `revision`; from now on it leads no more. */
void leader_yield(struct leader *leader, const char *favour, struct leader_record *ret_record);

/* The state at `now`. Ask it before relying on the right. */
enum leader_state leader_state(struct leader *leader, struct mono now);

/* When leader_want should be asked again; TIME_NEVER: only news can change anything. */
struct mono leader_due(const struct leader *leader);

/* Other controllers, as their signs of life in the store show them. */
struct leader_peer {
    bool any;
    uint64_t boot;
    struct mono since; /* heard without a break */
    struct mono at;
};

/* A sign of life of a controller. */
void leader_peer_heard(struct leader_peer *peer, uint64_t boot, struct mono now);
bool leader_peer_alive(const struct leader_peer *peer, struct mono now);

/* Whether it has been there for long enough to be handed the lead. */
bool leader_peer_steady(const struct leader_peer *peer, struct mono now);
