/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of the writer lease. */
#include "core/lease.h"

#include "base/assert.h"

enum {
    LEASE_FENCE_PARTS = 10,  /* killing begins lease / 10 before the right ends: 300 ms of 3 s */
    LEASE_DRIFT_PARTS = 500, /* 0.1 % on each of two clocks */
};

void lease_holder_init(struct lease_holder *holder, int64_t lease_us)
{
    ASSERT(lease_us > 0);
    *holder = (struct lease_holder){.state = LEASE_NONE, .lease_us = lease_us};
}

static void lease_holder_check(const struct lease_holder *holder)
{
    ASSERT(holder->lease_us > 0);
    ASSERT(holder->state == LEASE_NONE || holder->epoch > 0);
    ASSERT(holder->state != LEASE_HELD || holder->right_end.us <= holder->attempt.us + holder->lease_us);
}

bool lease_holder_acquired(struct lease_holder *holder, uint64_t epoch, uint64_t revision, struct mono sent,
                           struct mono now)
{
    ASSERT(epoch > 0);
    ASSERT(sent.us <= now.us);
    ASSERT(lease_holder_state(holder, now) != LEASE_LOST);
    ASSERT(holder->state == LEASE_NONE || epoch >= holder->epoch);
    const struct mono end = time_add_us(sent, holder->lease_us);
    if (time_reached(now, end)) {
        return false;
    }
    holder->state = LEASE_HELD;
    holder->by = LEASE_BY_STORE;
    holder->epoch = epoch;
    holder->revision = revision;
    holder->right_end = end;
    holder->attempt = sent;
    holder->failed = false;
    lease_holder_check(holder);
    return true;
}

void lease_holder_limit(struct lease_holder *holder, int64_t lease_us, struct mono sent)
{
    if (lease_us <= 0 || lease_us >= holder->lease_us) {
        return;
    }
    holder->lease_us = lease_us;
    holder->attempt = time_max(holder->attempt, sent);
    holder->right_end = time_min(holder->right_end, time_add_us(sent, lease_us));
    lease_holder_check(holder);
}

void lease_holder_attempt(struct lease_holder *holder, struct mono now)
{
    ASSERT(now.us >= holder->attempt.us);
    holder->attempt = now;
    holder->failed = false;
}

void lease_holder_failed(struct lease_holder *holder)
{
    holder->failed = true;
}

/* Moves the right's end, never backwards; only for a right that has not ended. */
static bool lease_holder_extend(struct lease_holder *holder, uint64_t epoch, struct mono sent, struct mono now,
                                enum lease_source by)
{
    ASSERT(sent.us <= now.us);
    if (lease_holder_state(holder, now) != LEASE_HELD || epoch != holder->epoch) {
        return false;
    }
    const struct mono end = time_add_us(sent, holder->lease_us);
    if (end.us >= holder->right_end.us) {
        holder->right_end = end;
        holder->by = by;
    }
    holder->attempt = time_max(holder->attempt, sent);
    holder->failed = false;
    lease_holder_check(holder);
    return true;
}

bool lease_holder_renewed(struct lease_holder *holder, uint64_t epoch, uint64_t revision, struct mono sent,
                          struct mono now)
{
    if (!lease_holder_extend(holder, epoch, sent, now, LEASE_BY_STORE)) {
        return false;
    }
    holder->revision = revision > holder->revision ? revision : holder->revision;
    return true;
}

bool lease_holder_promised(struct lease_holder *holder, uint64_t epoch, struct mono sent, struct mono now)
{
    return lease_holder_extend(holder, epoch, sent, now, LEASE_BY_PROMISES);
}

void lease_holder_lose(struct lease_holder *holder)
{
    if (holder->state == LEASE_HELD) {
        holder->state = LEASE_LOST;
    }
}

void lease_holder_release(struct lease_holder *holder)
{
    holder->state = LEASE_NONE;
}

enum lease_state lease_holder_state(struct lease_holder *holder, struct mono now)
{
    if (holder->state == LEASE_HELD && time_reached(now, holder->right_end)) {
        holder->state = LEASE_LOST;
    }
    return holder->state;
}

struct mono lease_holder_due(const struct lease_holder *holder)
{
    if (holder->state != LEASE_HELD) {
        return TIME_NEVER;
    }
    return time_add_us(holder->attempt, holder->lease_us / (holder->failed ? LEASE_AGAIN_PARTS : LEASE_RENEWALS));
}

struct mono lease_holder_fence_at(const struct lease_holder *holder)
{
    if (holder->state != LEASE_HELD) {
        return (struct mono){0};
    }
    return time_add_us(holder->right_end, -(holder->lease_us / LEASE_FENCE_PARTS));
}

int64_t lease_holder_left_us(const struct lease_holder *holder, struct mono now)
{
    if (holder->state != LEASE_HELD || time_reached(now, holder->right_end)) {
        return 0;
    }
    return time_since_us(holder->right_end, now);
}

void lease_taker_init(struct lease_taker *taker, int64_t lease_us, int64_t margin_us)
{
    ASSERT(lease_us > 0);
    ASSERT(margin_us >= lease_us / LEASE_DRIFT_PARTS);
    *taker = (struct lease_taker){.lease_us = lease_us, .margin_us = margin_us};
}

void lease_taker_saw(struct lease_taker *taker, uint64_t epoch, uint64_t revision, struct mono now)
{
    if (taker->seen && taker->epoch == epoch && taker->revision == revision) {
        return;
    }
    if (taker->seen && (epoch < taker->epoch || (epoch == taker->epoch && revision < taker->revision))) {
        return; /* an old read that came late */
    }
    ASSERT(!taker->seen || now.us >= taker->sight.us);
    taker->seen = true;
    taker->revoked = false;
    taker->epoch = epoch;
    taker->revision = revision;
    taker->sight = now;
}

void lease_taker_revoked(struct lease_taker *taker, uint64_t epoch, uint64_t revision, struct mono now)
{
    lease_taker_saw(taker, epoch, revision, now);
    if (taker->epoch == epoch && taker->revision == revision) {
        taker->revoked = true;
    }
}

void lease_taker_proven(struct lease_taker *taker, uint64_t epoch, struct mono now)
{
    if (!taker->revoked || taker->epoch != epoch) {
        return;
    }
    const int64_t wait_us = taker->lease_us + taker->margin_us;
    taker->sight = time_min(taker->sight, time_add_us(now, -wait_us));
}

struct mono lease_taker_free_at(const struct lease_taker *taker)
{
    if (!taker->seen || !taker->revoked) {
        return TIME_NEVER;
    }
    return time_add_us(taker->sight, taker->lease_us + taker->margin_us);
}

bool lease_taker_free(const struct lease_taker *taker, struct mono now)
{
    return time_reached(now, lease_taker_free_at(taker));
}

static void lease_promise_check(const struct lease_promise *promise)
{
    ASSERT(promise->lease_us > 0);
    ASSERT(promise->ordered <= promise->epoch);
}

void lease_promise_init(struct lease_promise *promise, int64_t lease_us, int64_t margin_us, struct mono started)
{
    ASSERT(lease_us > 0);
    ASSERT(margin_us >= lease_us / LEASE_DRIFT_PARTS);
    *promise = (struct lease_promise){
        .lease_us = lease_us,
        .margin_us = margin_us,
        .until = time_add_us(started, lease_us + margin_us),
    };
}

void lease_promise_restore(struct lease_promise *promise, uint64_t epoch, uint64_t ordered)
{
    promise->epoch = epoch > ordered ? epoch : ordered;
    promise->ordered = ordered;
    lease_promise_check(promise);
}

bool lease_promise_make(struct lease_promise *promise, uint64_t epoch, int64_t lease_us, struct mono now)
{
    lease_promise_check(promise);
    if (epoch < promise->epoch || epoch <= promise->ordered || lease_us <= 0 || lease_us > promise->lease_us) {
        return false;
    }
    promise->epoch = epoch;
    promise->until = time_max(promise->until, time_add_us(now, promise->lease_us + promise->margin_us));
    return true;
}

void lease_promise_learn(struct lease_promise *promise, uint64_t epoch)
{
    promise->epoch = epoch > promise->epoch ? epoch : promise->epoch;
}

bool lease_promise_order(struct lease_promise *promise, uint64_t epoch)
{
    lease_promise_check(promise);
    if (epoch < promise->epoch || (epoch == promise->epoch && epoch != promise->ordered)) {
        return false;
    }
    promise->epoch = epoch;
    promise->ordered = epoch;
    return true;
}

bool lease_promise_free(const struct lease_promise *promise, struct mono now)
{
    return time_reached(now, promise->until);
}
