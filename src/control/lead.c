/* SPDX-License-Identifier: Apache-2.0
 * Leadership among the controllers that share a store. */
#include "control/lead.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/text.h"
#include "control/changes.h"
#include "control/lead_text.h"
#include "edge/clock.h"
#include "edge/log.h"

#define LEAD_KEY      "leader"
#define LEAD_TERM_KEY "leader/term"
#define LEAD_PEER     "controller/"

enum {
    LEAD_BEAT_MS = 2000,
    LEAD_READ_MS = 200,     /* between two reads while the record is not known */
    LEAD_TURN_MS = 500,     /* at most between two looks */
    LEAD_MARGIN_PARTS = 10, /* of the length */
    LEAD_KEY_SIZE = 64,
    LEAD_FLIGHTS = 32, /* requests under way: a store that hangs is not asked without end */
    LEAD_GIVE_MS = 1000,
};

struct lead {
    struct lead_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct leader leader;
    struct leader_peer peers[LIMITS_SITES];
    uint64_t term_revision;
    bool same_clock;
    uint64_t shown_term; /* the newest seen, since `shown_at` */
    struct mono shown_at;
    struct mono read_at; /* no read before */
    struct mono beat_at;
    uint32_t flights;
    bool given; /* the store has answered the hand-over */
    bool stopping;
    bool started;
    struct changes *changes[2]; /* of the record, of signs of life */
    pthread_t thread;
};

enum lead_errand { LEAD_READ, LEAD_TAKE, LEAD_RENEW, LEAD_GIVE, LEAD_BEAT };

/* A request under way. */
struct lead_flight {
    struct lead *lead;
    enum lead_errand errand;
    struct leader_record record;
    uint64_t machine; /* of the former leader */
    struct mono sent;
};

/* ---- what comes back ---- */

/* With the lock held. */
static void lead_saw(struct lead *lead, const struct leader_record *record)
{
    const struct mono now = clock_mono();
    leader_saw(&lead->leader, record, now);
    if (record->term > lead->shown_term) {
        lead->shown_term = record->term;
        lead->shown_at = now;
    }
    pthread_cond_signal(&lead->changed);
}

static void lead_answer_read(struct lead *lead, const struct store_answer *answer)
{
    struct leader_record record = {0};
    for (size_t i = 0; i < answer->record_count && answer->err == ERR_OK; i++) {
        const struct store_record *stored = &answer->records[i];
        if (strcmp(stored->key, LEAD_KEY) != 0) {
            continue;
        }
        if (lead_text_parse((const char *)stored->value.data, stored->value.size, &record) != ERR_OK) {
            LOG_E("store: the record '%s' is not one of ours: nobody can lead", LEAD_KEY);
            return;
        }
        record.revision = stored->revision;
    }
    if (answer->err == ERR_OK) {
        lead_saw(lead, &record);
    }
}

static void lead_answer_take(struct lead *lead, const struct lead_flight *flight, const struct store_answer *answer)
{
    if (answer->err == ERR_CONFLICT) {
        leader_refused(&lead->leader);
        lead->read_at = (struct mono){0};
    } else if (answer->err == ERR_OK &&
               leader_taken(&lead->leader, &flight->record, answer->revision, flight->sent, clock_mono())) {
        lead->term_revision = answer->revision;
        lead->same_clock = flight->machine == lead->options.self.machine;
        lead->shown_term = flight->record.term;
        lead->shown_at = clock_mono();
        LOG_N("leading, term %llu", (unsigned long long)flight->record.term);
    }
}

static void lead_answer_renew(struct lead *lead, const struct lead_flight *flight, const struct store_answer *answer)
{
    if (answer->err == ERR_CONFLICT) {
        leader_refused(&lead->leader);
        lead->read_at = (struct mono){0};
    } else if (answer->err == ERR_OK) {
        (void)leader_renewed(&lead->leader, &flight->record, answer->revision, flight->sent, clock_mono());
    } else {
        LOG_W("the lead was not renewed: %s", err_text(answer->err));
    }
}

static void lead_done(void *context, struct store_answer *answer)
{
    struct lead_flight *flight = context;
    struct lead *lead = flight->lead;
    const struct lead_options options = lead->options; /* lead_free may not wait for more than the count */
    pthread_mutex_lock(&lead->lock);
    switch (flight->errand) {
    case LEAD_READ:
        lead_answer_read(lead, answer);
        break;
    case LEAD_TAKE:
        lead_answer_take(lead, flight, answer);
        break;
    case LEAD_RENEW:
        lead_answer_renew(lead, flight, answer);
        break;
    case LEAD_GIVE:
        lead->given = true;
        break;
    case LEAD_BEAT:
        break;
    }
    lead->flights--;
    pthread_cond_broadcast(&lead->changed);
    pthread_mutex_unlock(&lead->lock);
    options.wake(options.context);
    free(flight);
}

/* With the lock held: the store's thread waits for it, never this one for the store. */
static void lead_send(struct lead *lead, enum lead_errand errand, const struct leader_record *record,
                      const struct store_request *request, struct mono sent)
{
    struct lead_flight *flight = lead->flights < LEAD_FLIGHTS ? calloc(1, sizeof *flight) : NULL;
    if (flight == NULL) {
        return; /* asked again */
    }
    *flight =
        (struct lead_flight){.lead = lead, .errand = errand, .machine = lead->leader.record.id.machine, .sent = sent};
    if (record != NULL) {
        flight->record = *record;
    }
    lead->flights++;
    const enum err err = store_submit(lead->options.store, request, lead_done, flight);
    if (err != ERR_OK) {
        lead->flights--;
        free(flight);
        LOG_W("the lead: store: %s", err_text(err));
    }
}

static void lead_write(struct lead *lead, enum lead_errand errand, const struct leader_record *record, struct mono sent)
{
    char value[LEAD_TEXT];
    lead_text_print(record, value, sizeof value);
    const struct store_write writes[] = {
        {.verb = STORE_PUT, .key = LEAD_KEY, .expected = record->revision, .value = span_text(value)},
        {.verb = STORE_PUT, .key = LEAD_TERM_KEY, .expected = STORE_ANY, .value = span_text(value)},
    };
    const struct store_request request = {
        .ask = STORE_COMMIT, .writes = writes, .write_count = errand == LEAD_TAKE ? 2 : 1};
    lead_send(lead, errand, record, &request, sent);
}

/* ---- the thread ---- */

static void lead_beat(struct lead *lead, struct mono now)
{
    char key[LEAD_KEY_SIZE];
    char value[LEAD_TEXT];
    const struct leader_record life = {.id = lead->options.self};
    snprintf(key, sizeof key, LEAD_PEER "%s", lead->options.self.site);
    lead_text_print(&life, value, sizeof value);
    const struct store_write write = {.verb = STORE_PUT, .key = key, .expected = STORE_ANY, .value = span_text(value)};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    lead->beat_at = time_add_ms(now, LEAD_BEAT_MS);
    lead_send(lead, LEAD_BEAT, NULL, &request, now);
}

/* One look; returns when to look again. With the lock held. */
static struct mono lead_turn(struct lead *lead)
{
    const struct mono now = clock_mono();
    const enum leader_state before = lead->leader.state;
    const enum leader_state state = leader_state(&lead->leader, now);
    if (state != before) {
        LOG_W("the right to lead has ended: the store did not renew it in time");
        lead->options.wake(lead->options.context);
    }
    if ((!lead->leader.seen || state == LEADER_LAPSED) && state != LEADER_ENDED && time_reached(now, lead->read_at)) {
        const struct store_request request = {.ask = STORE_LIST, .key = LEAD_KEY};
        lead->read_at = time_add_ms(now, LEAD_READ_MS);
        lead_send(lead, LEAD_READ, NULL, &request, now);
    }
    struct leader_record record;
    const enum leader_want want = leader_want(&lead->leader, now, &record);
    if (want != LEADER_WAIT) {
        lead_write(lead, want == LEADER_TAKE ? LEAD_TAKE : LEAD_RENEW, &record, now);
    }
    if (time_reached(now, lead->beat_at)) {
        lead_beat(lead, now);
    }
    struct mono due = time_min(leader_due(&lead->leader), time_add_ms(now, LEAD_TURN_MS));
    if (lead->leader.state == LEADER_LEADING) {
        due = time_min(due, lead->leader.holder.right_end);
    }
    due = time_min(due, lead->leader.seen && state != LEADER_LAPSED ? TIME_NEVER : lead->read_at);
    return time_max(due, time_add_ms(now, 5)); /* never without a breath */
}

static void lead_sleep(struct lead *lead, struct mono until)
{
    const int64_t left_us = time_since_us(until, clock_mono());
    if (left_us <= 0) {
        return;
    }
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    const int64_t ns = end.tv_nsec + left_us % TIME_US_PER_S * 1000;
    end.tv_sec += left_us / TIME_US_PER_S + ns / 1000000000;
    end.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&lead->changed, &lead->lock, &end);
}

static void *lead_run(void *context)
{
    struct lead *lead = context;
    pthread_mutex_lock(&lead->lock);
    while (!lead->stopping) {
        lead_sleep(lead, lead_turn(lead));
    }
    pthread_mutex_unlock(&lead->lock);
    return NULL;
}

/* ---- what the store tells ---- */

static void lead_heard_leader(void *context, const struct store_record *stored)
{
    struct lead *lead = context;
    struct leader_record record;
    if (strcmp(stored->key, LEAD_KEY) != 0 || stored->deleted ||
        lead_text_parse((const char *)stored->value.data, stored->value.size, &record) != ERR_OK) {
        return;
    }
    record.revision = stored->revision;
    pthread_mutex_lock(&lead->lock);
    lead_saw(lead, &record);
    pthread_mutex_unlock(&lead->lock);
    lead->options.wake(lead->options.context);
}

static void lead_heard_peer(void *context, const struct store_record *stored)
{
    struct lead *lead = context;
    struct leader_record life;
    if (stored->deleted || lead_text_parse((const char *)stored->value.data, stored->value.size, &life) != ERR_OK) {
        return;
    }
    pthread_mutex_lock(&lead->lock);
    for (uint32_t i = 0; i < lead->options.sites_count; i++) {
        if (strcmp(lead->options.sites[i], life.id.site) == 0) {
            leader_peer_heard(&lead->peers[i], life.id.boot, clock_mono());
        }
    }
    pthread_mutex_unlock(&lead->lock);
}

/* ---- start and stop ---- */

static enum err lead_start(struct lead *lead)
{
    const struct changes_options leaders = {
        .store = lead->options.store, .prefix = LEAD_KEY, .record = lead_heard_leader, .context = lead};
    const struct changes_options peers = {
        .store = lead->options.store, .prefix = LEAD_PEER, .record = lead_heard_peer, .context = lead};
    enum err err = changes_new(&leaders, &lead->changes[0]);
    err = err != ERR_OK ? err : changes_new(&peers, &lead->changes[1]);
    if (err == ERR_OK && pthread_create(&lead->thread, NULL, lead_run, lead) != 0) {
        err = ERR_NO_MEMORY;
    }
    lead->started = err == ERR_OK;
    return err;
}

enum err lead_new(const struct lead_options *options, struct lead **ret_lead)
{
    struct lead *lead = calloc(1, sizeof *lead);
    if (lead == NULL) {
        return ERR_NO_MEMORY;
    }
    lead->options = *options;
    const int64_t lease_us = (int64_t)options->lease_ms * TIME_US_PER_MS;
    leader_init(&lead->leader, &options->self, lease_us, lease_us / LEAD_MARGIN_PARTS);
    pthread_mutex_init(&lead->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&lead->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    const enum err err = lead_start(lead);
    if (err != ERR_OK) {
        lead_free(lead);
        return err;
    }
    *ret_lead = lead;
    return ERR_OK;
}

void lead_free(struct lead *lead)
{
    if (lead == NULL) {
        return;
    }
    pthread_mutex_lock(&lead->lock);
    lead->stopping = true;
    pthread_cond_broadcast(&lead->changed);
    pthread_mutex_unlock(&lead->lock);
    if (lead->started) {
        pthread_join(lead->thread, NULL);
    }
    changes_free(lead->changes[0]);
    changes_free(lead->changes[1]);
    pthread_mutex_lock(&lead->lock);
    while (lead->flights > 0) {
        pthread_cond_wait(&lead->changed, &lead->lock); /* every request of the store has an end */
    }
    pthread_mutex_unlock(&lead->lock);
    pthread_cond_destroy(&lead->changed);
    pthread_mutex_destroy(&lead->lock);
    free(lead);
}

/* ---- questions ---- */

enum leader_state lead_state(struct lead *lead, uint64_t *ret_term_revision, bool *ret_same_clock)
{
    pthread_mutex_lock(&lead->lock);
    const enum leader_state state = leader_state(&lead->leader, clock_mono());
    *ret_term_revision = lead->term_revision;
    *ret_same_clock = lead->same_clock;
    pthread_mutex_unlock(&lead->lock);
    return state;
}

bool lead_right(struct lead *lead)
{
    uint64_t term_revision;
    bool same_clock;
    return lead_state(lead, &term_revision, &same_clock) == LEADER_LEADING;
}

void lead_rank(struct lead *lead, uint32_t rank)
{
    pthread_mutex_lock(&lead->lock);
    if (lead->leader.rank != rank) {
        leader_rank(&lead->leader, rank);
        pthread_cond_signal(&lead->changed);
    }
    pthread_mutex_unlock(&lead->lock);
}

bool lead_steady(struct lead *lead, const char *site)
{
    bool steady = false;
    pthread_mutex_lock(&lead->lock);
    for (uint32_t i = 0; i < lead->options.sites_count; i++) {
        steady |= strcmp(lead->options.sites[i], site) == 0 && leader_peer_steady(&lead->peers[i], clock_mono());
    }
    pthread_mutex_unlock(&lead->lock);
    return steady;
}

void lead_hand_over(struct lead *lead, const char *favour)
{
    struct leader_record record;
    pthread_mutex_lock(&lead->lock);
    const struct mono now = clock_mono();
    if (leader_state(&lead->leader, now) == LEADER_LEADING) {
        leader_yield(&lead->leader, favour, &record);
        lead_write(lead, LEAD_GIVE, &record, now);
        const struct mono until = time_add_ms(now, LEAD_GIVE_MS);
        while (!lead->given && !time_reached(clock_mono(), until)) {
            lead_sleep(lead, until);
        }
    }
    pthread_mutex_unlock(&lead->lock);
}

void lead_look(struct lead *lead, struct lead_picture *ret_picture)
{
    *ret_picture = (struct lead_picture){.since_ms = 0};
    pthread_mutex_lock(&lead->lock);
    const struct mono now = clock_mono();
    const struct leader *leader = &lead->leader;
    ret_picture->ours = leader_state(&lead->leader, now) == LEADER_LEADING;
    const bool holds = ret_picture->ours || (leader->state == LEADER_FOLLOWING && leader->seen &&
                                             !time_reached(now, lease_taker_free_at(&leader->taker)));
    if (holds) {
        /* After a renewal that overtook itself the record is read again: who holds the right knows who it is. */
        text_copy(ret_picture->site, sizeof ret_picture->site,
                  ret_picture->ours ? leader->self.site : leader->record.id.site);
    }
    ret_picture->term = lead->shown_term;
    ret_picture->since_ms = time_since_ms(now, lead->shown_at);
    ret_picture->peers_count = lead->options.sites_count;
    for (uint32_t i = 0; i < lead->options.sites_count; i++) {
        const struct leader_peer *peer = &lead->peers[i];
        ret_picture->peers[i] = (struct lead_peer){.alive = leader_peer_alive(peer, now),
                                                   .age_ms = peer->any ? time_since_ms(now, peer->at) : -1};
        text_copy(ret_picture->peers[i].site, LIMITS_NAME, lead->options.sites[i]);
    }
    pthread_mutex_unlock(&lead->lock);
}
