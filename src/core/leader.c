/* SPDX-License-Identifier: Apache-2.0
 * Which of several controllers leads. */
#include "core/leader.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"

enum {
    LEADER_RETRIES = 6,           /* a taker that gets no answer tries so often within one length */
    LEADER_PEER_SILENT_MS = 6000, /* signs of life come each 2 s */
    LEADER_PEER_STEADY_MS = 5000,
};

void leader_init(struct leader *leader, const struct leader_id *self, int64_t lease_us, int64_t margin_us)
{
    ASSERT(self->site[0] != 0 && self->boot != 0);
    *leader = (struct leader){.self = *self, .state = LEADER_FOLLOWING};
    lease_holder_init(&leader->holder, lease_us);
    lease_taker_init(&leader->taker, lease_us, margin_us);
}

void leader_rank(struct leader *leader, uint32_t rank)
{
    leader->rank = rank;
}

static bool leader_same(const struct leader_id *a, const struct leader_id *b)
{
    return strcmp(a->site, b->site) == 0 && a->boot == b->boot;
}

static bool leader_has_right(const struct leader *leader)
{
    return leader->state == LEADER_LEADING || leader->state == LEADER_LAPSED;
}

static void leader_end(struct leader *leader)
{
    lease_holder_lose(&leader->holder);
    lease_holder_release(&leader->holder);
    leader->state = LEADER_ENDED;
}

/* The holder of a right sees the record: its own, or the news that it is over. */
static void leader_saw_own(struct leader *leader, const struct leader_record *record)
{
    const bool ours = record->term == leader->term && leader_same(&record->id, &leader->self);
    if (record->term < leader->term && leader->state == LEADER_LEADING) {
        return; /* read before ours was written */
    }
    if (!ours || leader->state == LEADER_LAPSED) {
        leader_end(leader); /* lapsed: the store answers again, so that a new life may take what is free */
        return;
    }
    leader->seen = true;
    leader->record = *record; /* a renewal whose answer was lost */
}

void leader_saw(struct leader *leader, const struct leader_record *record, struct mono now)
{
    if (leader->state == LEADER_ENDED || (leader->seen && record->revision < leader->record.revision)) {
        return;
    }
    if (leader_has_right(leader)) {
        leader_saw_own(leader, record);
        return;
    }
    if (!leader->seen || record->revision != leader->record.revision) {
        leader->sight = now;
    }
    leader->seen = true;
    leader->record = *record;
    if (record->revision != 0) {
        /* There is no revocation: the taking itself is the compare-and-swap against this revision. */
        lease_taker_revoked(&leader->taker, record->term, record->revision, now);
    }
}

void leader_refused(struct leader *leader)
{
    leader->seen = false;
    leader->record = (struct leader_record){0};
    lease_taker_init(&leader->taker, leader->taker.lease_us, leader->taker.margin_us);
}

/* From when on a follower may take the record as it is. */
static struct mono leader_free_at(const struct leader *leader)
{
    const struct leader_record *record = &leader->record;
    const int64_t half_us = leader->holder.lease_us / 2;
    const struct mono later = time_add_us(leader->sight, half_us * leader->rank);
    if (!leader->seen) {
        return TIME_NEVER;
    }
    if (record->revision == 0) {
        return later;
    }
    if (record->id.site[0] == 0) {
        const bool ours = strcmp(record->favour, leader->self.site) == 0;
        return ours ? leader->sight : record->favour[0] == 0 ? later : time_add_us(later, leader->holder.lease_us);
    }
    if (strcmp(record->id.site, leader->self.site) == 0 && record->id.machine == leader->self.machine) {
        /* A former life on this machine: it is dead, or this one could not have attached to the view of the host. */
        return leader->sight;
    }
    return time_add_us(lease_taker_free_at(&leader->taker), half_us * leader->rank);
}

struct mono leader_due(const struct leader *leader)
{
    switch (leader->state) {
    case LEADER_FOLLOWING:
        return time_max(leader_free_at(leader), leader->again);
    case LEADER_LEADING:
        return leader->seen ? lease_holder_due(&leader->holder) : leader->holder.right_end;
    case LEADER_LAPSED: /* only listens: the first word of the store ends it */
    case LEADER_ENDED:
        break;
    }
    return TIME_NEVER;
}

static enum leader_want leader_want_take(struct leader *leader, struct mono now, struct leader_record *ret_record)
{
    if (!time_reached(now, leader_due(leader))) {
        return LEADER_WAIT;
    }
    leader->again = time_add_us(now, leader->holder.lease_us / LEADER_RETRIES);
    *ret_record = (struct leader_record){
        .revision = leader->record.revision, .term = leader->record.term + 1, .id = leader->self};
    return LEADER_TAKE;
}

static enum leader_want leader_want_renew(struct leader *leader, struct mono now, struct leader_record *ret_record)
{
    if (!leader->seen || !time_reached(now, lease_holder_due(&leader->holder))) {
        return LEADER_WAIT;
    }
    lease_holder_attempt(&leader->holder, now);
    *ret_record = (struct leader_record){.revision = leader->record.revision, .term = leader->term, .id = leader->self};
    return LEADER_RENEW;
}

enum leader_want leader_want(struct leader *leader, struct mono now, struct leader_record *ret_record)
{
    switch (leader_state(leader, now)) {
    case LEADER_FOLLOWING:
        return leader_want_take(leader, now, ret_record);
    case LEADER_LEADING:
        return leader_want_renew(leader, now, ret_record);
    case LEADER_LAPSED:
    case LEADER_ENDED:
        break;
    }
    return LEADER_WAIT;
}

bool leader_taken(struct leader *leader, const struct leader_record *record, uint64_t revision, struct mono sent,
                  struct mono now)
{
    if (leader->state != LEADER_FOLLOWING) {
        return false;
    }
    if (!lease_holder_acquired(&leader->holder, record->term, revision, sent, now)) {
        leader_end(leader); /* ours in the store, and over already: a new life may take it again */
        return false;
    }
    leader->state = LEADER_LEADING;
    leader->term = record->term;
    leader->seen = true;
    leader->record = *record;
    leader->record.revision = revision;
    return true;
}

bool leader_renewed(struct leader *leader, const struct leader_record *record, uint64_t revision, struct mono sent,
                    struct mono now)
{
    if (leader_state(leader, now) == LEADER_LAPSED) {
        leader_end(leader);
    }
    if (leader->state != LEADER_LEADING || record->term != leader->term ||
        !lease_holder_renewed(&leader->holder, record->term, revision, sent, now)) {
        return false;
    }
    if (revision > leader->record.revision || !leader->seen) {
        leader->seen = true;
        leader->record = *record;
        leader->record.revision = revision;
    }
    return true;
}

void leader_yield(struct leader *leader, const char *favour, struct leader_record *ret_record)
{
    ASSERT(leader_has_right(leader));
    *ret_record = (struct leader_record){
        .revision = leader->record.revision, .term = leader->term, .id = {.machine = leader->self.machine}};
    text_copy(ret_record->favour, sizeof ret_record->favour, favour);
    leader_end(leader);
}

enum leader_state leader_state(struct leader *leader, struct mono now)
{
    if (leader->state == LEADER_LEADING && lease_holder_state(&leader->holder, now) != LEASE_HELD) {
        leader->state = LEADER_LAPSED;
    }
    return leader->state;
}

void leader_peer_heard(struct leader_peer *peer, uint64_t boot, struct mono now)
{
    if (!leader_peer_alive(peer, now) || peer->boot != boot) {
        peer->since = now;
    }
    peer->any = true;
    peer->boot = boot;
    peer->at = now;
}

bool leader_peer_alive(const struct leader_peer *peer, struct mono now)
{
    return peer->any && time_since_ms(now, peer->at) < LEADER_PEER_SILENT_MS;
}

bool leader_peer_steady(const struct leader_peer *peer, struct mono now)
{
    return leader_peer_alive(peer, now) && time_since_ms(now, peer->since) >= LEADER_PEER_STEADY_MS;
}
