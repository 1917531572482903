/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of the writer lease: when a right ends, when another may be granted, who may promise what.
 *
 * One cluster, one lease, three parts. Everything is counted on the clock of the machine that counts: no two clocks are
 * compared. The margin covers drift (0.1 % of the lease on each side) and must be at least lease / 500.
 *
 *   holder    right = (clock read before sending the last successful renewal) + lease
 *   taker     free  = (own first sight of the last renewal before the revocation) + lease + margin
 *   promiser  not to be promoted before (receipt of the request) + lease + margin
 *
 * Why two rights never overlap: the renewal was sent before anybody could see it, so the taker counts from a later
 * moment; and a holder that lives on promises has one from every other node, so whichever is chosen waits longer than
 * the right lasts. What was forgotten by a restart is replaced by the worst case: the promiser counts a full promise
 * from its start, the taker counts from the moment it reads the lease for the first time.
 *
 * Values only: no clock, no memory. Owner: the one thread that uses it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum lease_state {
    LEASE_NONE, /* no right, nothing to give up */
    LEASE_HELD, /* a right that has not ended */
    LEASE_LOST, /* had a right; the server must be proven dead before it becomes NONE */
};

enum lease_source { LEASE_BY_STORE, LEASE_BY_PROMISES };

/* How many renewals are tried within one lease; and at what part of it one is tried again that brought nothing. */
enum { LEASE_RENEWALS = 3, LEASE_AGAIN_PARTS = 12 };

/* The writer's side. */
struct lease_holder {
    enum lease_state state;
    enum lease_source by; /* what the present right rests on */
    uint64_t epoch;
    uint64_t revision; /* of the lease record, as the store last told */
    int64_t lease_us;
    struct mono right_end;
    struct mono attempt; /* when the last renewal was sent, successful or not */
    bool failed;         /* that one brought nothing, as far as is known */
};

void lease_holder_init(struct lease_holder *holder, int64_t lease_us);

/* The store granted (or, after a restart of the agent, renewed) the lease; `sent` was read before the request left.
 * False, and nothing changes: the right has ended already while the answer was on its way. The state must not be LOST:
 * fence and release first. */
bool lease_holder_acquired(struct lease_holder *holder, uint64_t epoch, uint64_t revision, struct mono sent,
                           struct mono now);

/* An answer to a question of `sent` told the lease that the controllers count with. When theirs is shorter, because the
 * configuration was changed and this process has not read it, ours is from now on: they wait no longer than that. */
void lease_holder_limit(struct lease_holder *holder, int64_t lease_us, struct mono sent);

/* A renewal is about to be sent: sets when the next one is due. */
void lease_holder_attempt(struct lease_holder *holder, struct mono now);

/* Neither the store nor the others extended the right: the next renewal is due soon, as much of the lease is gone. */
void lease_holder_failed(struct lease_holder *holder);

/* The store renewed. False: too late, or of another epoch; the right is not extended (a right that has ended never
 * comes back). An answer that overtook a later one never shortens the right. */
bool lease_holder_renewed(struct lease_holder *holder, uint64_t epoch, uint64_t revision, struct mono sent,
                          struct mono now);

/* Every other node of the cluster promised in one round; `sent` was read before the round's first request left.
 * False as above. */
bool lease_holder_promised(struct lease_holder *holder, uint64_t epoch, struct mono sent, struct mono now);

/* The store said that the lease is revoked or another's, or the holder gives up: no right from now on. */
void lease_holder_lose(struct lease_holder *holder);

/* Proven: no process of the server remains. */
void lease_holder_release(struct lease_holder *holder);

/* The state at `now`; turns HELD to LOST when the right has ended. Ask it before relying on the right. */
enum lease_state lease_holder_state(struct lease_holder *holder, struct mono now);

/* When the next renewal should be sent; TIME_NEVER without a right. */
struct mono lease_holder_due(const struct lease_holder *holder);

/* When killing must begin so that it is over before the right ends: a tenth of the lease earlier. A time in the past
 * without a right. */
struct mono lease_holder_fence_at(const struct lease_holder *holder);

/* Microseconds of right left; 0 when there is none. */
int64_t lease_holder_left_us(const struct lease_holder *holder, struct mono now);

/* The controller's side: when may somebody else be granted the lease. */
struct lease_taker {
    bool seen;    /* a record was read since this controller started */
    bool revoked; /* by compare-and-swap against `revision` */
    uint64_t epoch;
    uint64_t revision; /* of the last renewal seen; after the revocation: of the last renewal */
    int64_t lease_us;
    int64_t margin_us;
    struct mono sight; /* first sight of that revision */
};

/* Also after a restart: everything is forgotten and counted anew. */
void lease_taker_init(struct lease_taker *taker, int64_t lease_us, int64_t margin_us);

/* The record as read from the store; `now` read after the answer came. An unchanged revision keeps its first sight. */
void lease_taker_saw(struct lease_taker *taker, uint64_t epoch, uint64_t revision, struct mono now);

/* The revocation's compare-and-swap succeeded against `revision` (the last renewal). When this taker never saw that
 * revision (another controller revoked, or a restart), the count begins now. */
void lease_taker_revoked(struct lease_taker *taker, uint64_t epoch, uint64_t revision, struct mono now);

/* The holder's agent proved that no process of its server remains, or refused for certain: no waiting. */
void lease_taker_proven(struct lease_taker *taker, uint64_t epoch, struct mono now);

/* From when on the lease may be granted; TIME_NEVER before the revocation. */
struct mono lease_taker_free_at(const struct lease_taker *taker);
bool lease_taker_free(const struct lease_taker *taker, struct mono now);

/* Every agent's side, towards a writer that cannot reach the store and towards a promote order. */
struct lease_promise {
    uint64_t epoch;   /* highest that this node knows: ordered here, promised to, or granted elsewhere */
    uint64_t ordered; /* highest that this node was ordered to take; at most `epoch` */
    int64_t lease_us;
    int64_t margin_us;
    struct mono until; /* not to be promoted before */
};

/* `epoch` and `ordered` are the highest on record (the caller keeps them on disk). Promises of an earlier life are
 * unknown: counts a full one from `started`. */
void lease_promise_init(struct lease_promise *promise, int64_t lease_us, int64_t margin_us, struct mono started);
void lease_promise_restore(struct lease_promise *promise, uint64_t epoch, uint64_t ordered);

/* Asked for a promise of `lease_us` by the writer of `epoch`; `now` read after receipt. False, refused: a newer epoch
 * is known, this one or a newer is ordered here, or the asker's lease is longer than ours (configurations differ). */
bool lease_promise_make(struct lease_promise *promise, uint64_t epoch, int64_t lease_us, struct mono now);

/* An epoch was granted to another node, as the store or a controller told. Older writers get no more promises. */
void lease_promise_learn(struct lease_promise *promise, uint64_t epoch);

/* Ordered to become the writer of `epoch`: from now on no older writer gets a promise. False: fenced, this epoch is
 * another node's or a newer one is known. The same order may come again. The lease may be acquired from
 * lease_promise_free() on. */
bool lease_promise_order(struct lease_promise *promise, uint64_t epoch);

/* Whether every promise given (or possibly given) has ended, so that the lease may be acquired. */
bool lease_promise_free(const struct lease_promise *promise, struct mono now);
