/* SPDX-License-Identifier: Apache-2.0
 * Who the node is: becoming the writer, choosing one to follow. */
#include "agent/role.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/controller.h"
#include "agent/renew.h"
#include "agent/source.h"
#include "agent/spare.h"
#include "agent/stop.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    ROLE_POLL_US = 1000, /* how often a promotion is looked at */
    ROLE_ASK_US = 50000, /* between two tries at the store */
    ROLE_QUERY_MS = 1000,
    ROLE_LEASE_MS = 500,
    ROLE_RECEIVER_MS = 1500, /* a healthy walreceiver ends within 10 ms of the request */
    ROLE_STUCK_MS = 4000,    /* no progress of replay: the server is restarted without a walreceiver */
};

static void role_pause(int64_t us)
{
    const struct timespec pause = {.tv_sec = us / TIME_US_PER_S, .tv_nsec = us % TIME_US_PER_S * 1000};
    (void)nanosleep(&pause, NULL);
}

static bool role_holds(struct node *node, uint64_t epoch)
{
    return node_held(node) && node->holder.epoch == epoch;
}

bool role_is_writer(struct node *node, uint64_t epoch)
{
    return role_holds(node, epoch) && node->record.role == RECORD_WRITER && node->record.data_epoch == epoch &&
           node->state == NODE_RUNNING && node->status_known && !node->status.in_recovery;
}

bool role_wrote(const struct node *node, uint64_t epoch)
{
    return node->record.role == RECORD_WRITER && node->record.data_epoch == epoch;
}

/* Says no for good: from here on this node never takes the right of this epoch (renew_take looks). Only when it
 * certainly never had it, in no earlier life either, which the store knows: whoever had it may have acknowledged
 * commits. */
static enum role_result role_refuse(struct node *node, uint64_t epoch, const char *why)
{
    struct controller_lease lease = {0};
    if (controller_lease(node->options, ROLE_LEASE_MS, &lease) != ERR_OK || lease.epoch >= epoch) {
        return ROLE_UNKNOWN;
    }
    enum role_result result = ROLE_UNKNOWN;
    node_lock(node);
    const bool had = node->holder.state != LEASE_NONE && node->holder.epoch == epoch;
    if (!had && !role_wrote(node, epoch)) {
        node->record.refused = epoch > node->record.refused ? epoch : node->record.refused;
        result = node_save(node) == ERR_OK ? ROLE_REFUSED : ROLE_UNKNOWN;
        node_error(node, "not promoted under epoch %llu: %s", (unsigned long long)epoch, why);
    }
    node_unlock(node);
    return result;
}

enum err role_ready(struct node *node, struct mono deadline)
{
    node_lock(node);
    const enum node_server state = node->state;
    const bool leaving = node->leaving;
    node_unlock(node);
    if (state == NODE_RUNNING) {
        return ERR_OK;
    }
    if (!pgctl_has_data(node->options)) {
        return ERR_NOT_FOUND;
    }
    if (state == NODE_STOPPING && !leaving) {
        return ERR_UNAVAILABLE;
    }
    enum err err = leaving ? stop_await(node, deadline) : ERR_OK;
    if (state == NODE_STARTING) {
        err = node_kill(node, "it does not get ready, and is to be promoted");
    }
    err = err == ERR_OK ? node_configure(node, NULL, true) : err;
    return err == ERR_OK ? node_start(node, false, deadline) : err;
}

bool role_await_promises(struct node *node, struct mono deadline)
{
    for (;;) {
        node_lock(node);
        const bool free_now = lease_promise_free(&node->promise, clock_mono());
        node_unlock(node);
        if (free_now) {
            return true;
        }
        if (time_reached(clock_mono(), deadline) || atomic_load(&node->quit)) {
            return false;
        }
        role_pause(ROLE_POLL_US);
    }
}

static enum err role_acquire(struct node *node, uint64_t epoch, struct mono deadline)
{
    for (;;) {
        const enum err err = renew_acquire(node, epoch);
        if (err == ERR_OK || err == ERR_CONFLICT || time_reached(clock_mono(), deadline) || atomic_load(&node->quit)) {
            return err;
        }
        role_pause(ROLE_ASK_US);
    }
}

/* One promotion as it is watched. */
struct role_promotion {
    uint64_t kills;
    struct mono started;
    struct mono moved; /* replay made progress */
    struct lsn replayed;
    bool receiver_ended;
};

/* The walreceiver's end, or replay's progress, is awaited; what is stuck gets a push, later the axe. */
static enum err role_push(struct node *node, struct role_promotion *promotion, struct pgquery *query)
{
    const struct mono now = clock_mono();
    if (time_since_ms(now, promotion->started) < ROLE_RECEIVER_MS) {
        return ERR_OK;
    }
    struct pgquery_status status;
    if (pgquery_status(query, time_add_ms(now, ROLE_QUERY_MS), &status) != ERR_OK) {
        return time_since_ms(now, promotion->moved) > ROLE_STUCK_MS ? ERR_TIMEOUT : ERR_OK;
    }
    if (status.replayed.position != promotion->replayed.position) {
        promotion->replayed = status.replayed;
        promotion->moved = now;
    }
    if (!promotion->receiver_ended && status.walreceiver > 0) {
        pgctl_end_walreceiver(&node->server, status.walreceiver);
        promotion->receiver_ended = true;
    }
    return time_since_ms(now, promotion->moved) > ROLE_STUCK_MS ? ERR_TIMEOUT : ERR_OK;
}

/* Until the server accepts writes. ERR_TIMEOUT: stuck. ERR_CANCELLED: killed. ERR_CLOSED: it died.
 * `ret_first_xid`: no transaction older than this one was begun by the new writer: how far it had replayed when it was
 * last seen in recovery, at most one look before the promotion. */
static enum err role_watch(struct node *node, struct pgquery *query, struct mono deadline, uint64_t *ret_first_xid)
{
    struct role_promotion promotion = {.started = clock_mono(), .moved = clock_mono()};
    node_lock(node);
    promotion.kills = node->kills;
    node_unlock(node);
    for (;;) {
        struct pgquery_recovery recovery;
        const enum err asked = pgquery_recovery(query, time_add_ms(clock_mono(), ROLE_QUERY_MS), &recovery);
        if (asked == ERR_OK && !recovery.in_recovery) {
            return ERR_OK;
        }
        if (asked == ERR_OK) {
            *ret_first_xid = recovery.next_xid;
        }
        node_lock(node);
        const bool killed = node->kills != promotion.kills;
        const bool alive = pgctl_running(&node->server);
        node_unlock(node);
        if (killed || !alive) {
            return killed ? ERR_CANCELLED : ERR_CLOSED;
        }
        const enum err err = role_push(node, &promotion, query);
        if (err != ERR_OK || time_reached(clock_mono(), deadline)) {
            return err != ERR_OK ? err : ERR_STALE;
        }
        role_pause(ROLE_POLL_US);
    }
}

enum err role_became_writer(struct node *node, uint64_t epoch, struct pgquery *query)
{
    node_lock(node);
    node->record.role = RECORD_WRITER;
    node->record.data_epoch = epoch;
    node->record.upstream[0] = '\0';
    node->crashes = 0;
    const enum err err = node_save(node);
    node_forget(node);
    node->unsettled = true;
    node_error(node, "%s", "");
    node_unlock(node);
    node_look(node, query);
    node_lock(node);
    node_change_urgent(node);
    node_unlock(node);
    LOG_N("PostgreSQL accepts writes under epoch %llu", (unsigned long long)epoch);
    return err;
}

/* Restarts a server whose promotion is stuck, this time without an upstream: nothing is there to wait for. */
static enum err role_restart(struct node *node, struct mono deadline)
{
    LOG_W("the promotion is stuck: restarting PostgreSQL without a walreceiver");
    node_lock(node);
    node->state = NODE_STOPPING; /* no death of its own */
    node_unlock(node);
    enum err err = fence_kill(&node->fence, deadline);
    node_lock(node);
    while (err == ERR_OK && pgctl_running(&node->server)) {
        role_pause(1000);
    }
    node->state = NODE_STOPPED;
    node_unlock(node);
    err = err == ERR_OK ? node_configure(node, NULL, true) : err;
    return err == ERR_OK ? node_start(node, false, deadline) : err;
}

static void role_guarding(struct node *node, bool guarding)
{
    node_lock(node);
    node->guarding = guarding;
    node_change(node);
    node_unlock(node);
}

/* Clients wait for the guard slot. The controller has heard of the writer meanwhile, and asks for the proof next. */
static void role_guard(struct node *node, struct pgquery *query, uint64_t epoch, uint64_t first_xid)
{
    node_lock(node);
    const uint64_t kills = node->kills;
    node_unlock(node);
    const struct lsn lsn = guard_promoted(query, epoch, first_xid);
    node_lock(node);
    node->proof = (struct node_proof){.epoch = lsn.position != 0 ? epoch : 0, .kills = kills, .lsn = lsn};
    node->proof.at = clock_mono();
    node_unlock(node);
}

enum err role_promote_server(struct node *node, uint64_t epoch, struct mono deadline)
{
    struct pgquery query;
    struct pgquery_recovery before = {0};
    spare_take(node, &query);
    enum err err = ERR_TIMEOUT;
    for (int turn = 0; turn < 2 && err == ERR_TIMEOUT; turn++) {
        err = turn > 0 ? role_restart(node, deadline) : ERR_OK;
        err = err == ERR_OK ? pgquery_recovery(&query, time_add_ms(clock_mono(), ROLE_QUERY_MS * 5), &before) : err;
        node_lock(node);
        if (err == ERR_OK && !role_holds(node, epoch)) {
            err = ERR_CANCELLED;
        }
        if (err == ERR_OK) {
            node->armed = true;
            node_arm(node);
            err = pgctl_promote(&node->server);
        }
        node_unlock(node);
        err = err == ERR_OK ? role_watch(node, &query, deadline, &before.next_xid) : err;
    }
    const bool guard = err == ERR_OK && before.in_recovery;
    if (err == ERR_OK) {
        role_guarding(node, guard);
        err = role_became_writer(node, epoch, &query);
    }
    if (guard) {
        role_guard(node, &query, epoch, before.next_xid);
    }
    role_guarding(node, false);
    spare_give(node, &query);
    return err;
}

/* While the server is still a standby: what it will require of its own standbys is in force before it opens for
 * writes, and costs the first commits nothing. A failure (told by node_configure), or an agent so young that it does
 * not know whom its server follows, leaves an older setting in force: as safe (core/durability.h), until a controller's
 * next word. */
static void role_open_with(struct node *node)
{
    char memory[RECORD_DURABILITY];
    struct buf wanted;
    buf_init(&wanted, memory, sizeof memory);
    node_lock(node);
    node_durability(node, &wanted);
    const bool writes = node->status_known && !node->status.in_recovery;
    const bool same = node->status_known && strcmp(node->status.durability, buf_string(&wanted)) == 0;
    const bool standby = node->record.role == RECORD_STANDBY && !writes;
    const struct node_writer upstream = source_of(node, &node->writer);
    node_unlock(node);
    if (standby && !same && upstream.name[0] != '\0') {
        const enum err err = node_configure(node, &upstream, true);
        (void)err;
    }
}

static enum role_result role_promote_locked(struct node *node, uint64_t epoch, bool early, struct mono deadline)
{
    node_lock(node);
    const bool already = role_is_writer(node, epoch);
    const bool held = role_holds(node, epoch);
    node_activity(node, "promoting");
    node_unlock(node);
    if (already) {
        return ROLE_DONE;
    }
    enum err err = role_ready(node, deadline);
    if (err == ERR_OK) {
        role_open_with(node);
    }
    if (!held) {
        if (err != ERR_OK) {
            return role_refuse(node, epoch, "no standby that answers here");
        }
        if (!early && !role_await_promises(node, deadline)) {
            return role_refuse(node, epoch, "a promise to the old writer still binds");
        }
        err = role_acquire(node, epoch, deadline);
        if (err != ERR_OK) {
            return role_refuse(node, epoch, "the lease was not granted");
        }
    }
    err = err == ERR_OK ? role_promote_server(node, epoch, deadline) : err;
    if (err != ERR_OK) {
        node_lock(node);
        node_error(node, "the promotion under epoch %llu is not over: %s", (unsigned long long)epoch, err_text(err));
        node_unlock(node);
    }
    return err == ERR_OK ? ROLE_DONE : ROLE_UNKNOWN;
}

enum role_result role_promote(struct node *node, uint64_t epoch, const struct role_opening *opening,
                              struct mono deadline)
{
    enum role_result result = ROLE_UNKNOWN;
    node_lock(node);
    if (epoch <= node->record.refused) {
        result = ROLE_REFUSED;
    } else if (epoch <= node->record.halted || !lease_promise_order(&node->promise, epoch)) {
        result = ROLE_FENCED;
    } else if (role_is_writer(node, epoch)) {
        result = ROLE_DONE;
    }
    if (result == ROLE_UNKNOWN && opening->order > 0) {
        (void)record_require(&node->record, epoch, opening->order,
                             opening->durability); /* overtaken: the newer holds */
    }
    const enum err err = result == ROLE_UNKNOWN ? node_save(node) : ERR_OK;
    node_unlock(node);
    if (result != ROLE_UNKNOWN) {
        return result;
    }
    if (err != ERR_OK) {
        return ROLE_UNKNOWN;
    }
    if (!node_take_work(node, deadline)) {
        return role_refuse(node, epoch, "busy with another transition");
    }
    result = role_promote_locked(node, epoch, opening->early, deadline);
    node_lock(node);
    node_activity(node, "%s", "");
    node_unlock(node);
    node_give_work(node);
    return result;
}

enum err role_follow(struct node *node, const struct node_writer *writer)
{
    enum err err = ERR_OK;
    node_lock(node);
    if (writer->epoch < node->promise.epoch) {
        err = ERR_FENCED;
    } else if (node_held(node)) {
        err = ERR_CONFLICT;
    } else {
        lease_promise_learn(&node->promise, writer->epoch);
        node->writer = *writer;
        /* An order lifts a stop of the same epoch. */
        node->record.halted = node->record.halted >= writer->epoch ? writer->epoch - 1 : node->record.halted;
        err = node_save(node);
        node_change(node);
    }
    node_unlock(node);
    return err;
}

static const struct agent_options_peer *role_peer(const struct node *node, const char *name)
{
    for (uint32_t i = 0; i < node->options->peers_count; i++) {
        if (strcmp(node->options->peers[i].name, name) == 0) {
            return &node->options->peers[i];
        }
    }
    return NULL;
}

bool role_set_writer(struct node *node, const char *name, uint64_t epoch)
{
    const struct agent_options_peer *peer = role_peer(node, name);
    if (peer == NULL) {
        return false;
    }
    struct node_writer writer = {.port = peer->port, .epoch = epoch};
    snprintf(writer.name, sizeof writer.name, "%s", peer->name);
    snprintf(writer.host, sizeof writer.host, "%s", peer->host);
    node->writer = writer;
    return true;
}

void role_hear(struct node *node, const struct controller_word *word)
{
    const char *writer = word->writer;
    const uint64_t epoch = word->epoch;
    node_lock(node);
    const bool news = strcmp(node->writer.name, writer) != 0 || node->writer.epoch != epoch;
    const bool old = writer[0] == '\0' || epoch == 0 || epoch < node->promise.epoch;
    if (!old) {
        source_take(node, word);
    }
    if (!old && strcmp(writer, node->options->node) == 0) {
        node->writer = (struct node_writer){0};
    } else if (!old && news && role_set_writer(node, writer, epoch)) {
        if (epoch > node->promise.epoch) {
            lease_promise_learn(&node->promise, epoch);
            const enum err err = node_save(node);
            (void)err; /* logged; learned again with the next answer */
        }
        node->heard++;
        pthread_cond_broadcast(&node->changed);
    }
    node_unlock(node);
}

enum err role_halt(struct node *node, uint64_t epoch, bool learn)
{
    node_lock(node);
    const bool writer = node->record.role == RECORD_WRITER || node->holder.state != LEASE_NONE;
    const uint64_t wrote = node->record.data_epoch;
    const uint64_t held = node->holder.state != LEASE_NONE ? node->holder.epoch : 0;
    uint64_t end = wrote > held ? wrote : held;
    /* An order that ends an older writer must not keep this node from following the new one. */
    end = !writer && end >= epoch ? epoch - 1 : end;
    enum err err = ERR_FENCED;
    if (epoch >=
        node->promise.epoch) { /* looked at here, in one with what follows: an order may have come in between */
        node->record.halted = end > node->record.halted ? end : node->record.halted;
        if (learn) {
            lease_promise_learn(&node->promise, epoch);
        }
        err = node_save(node);
    }
    node_unlock(node);
    return err;
}
