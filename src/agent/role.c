/* SPDX-License-Identifier: Apache-2.0
 * Who the node is: becoming the writer, following one, and the keeper that restores either after a restart. */
#include "agent/role.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/controller.h"
#include "agent/renew.h"
#include "agent/role_standby.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    ROLE_POLL_US = 5000, /* how often a promotion is looked at */
    ROLE_ASK_US = 50000, /* between two tries at the store */
    ROLE_QUERY_MS = 1000,
    ROLE_START_MS = 60000,   /* crash recovery included */
    ROLE_FINISH_MS = 30000,  /* a promotion that the keeper finishes */
    ROLE_RECEIVER_MS = 1500, /* a healthy walreceiver ends within 10 ms of the request */
    ROLE_STUCK_MS = 4000,    /* no progress of replay: the server is restarted without a walreceiver */
    ROLE_BACKOFF_MS = 1000,  /* per death in a row, at most ten */
    ROLE_LEASE_MS = 500,
};

static void role_pause(int64_t us)
{
    const struct timespec pause = {.tv_sec = us / TIME_US_PER_S, .tv_nsec = us % TIME_US_PER_S * 1000};
    (void)nanosleep(&pause, NULL);
}

/* `work`, until the deadline. */
static bool role_lock(struct node *node, struct mono deadline)
{
    struct timespec until;
    const int64_t left_us = time_since_us(deadline, clock_mono());
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t sum_ns = until.tv_nsec + (left_us > 0 ? left_us : 0) % TIME_US_PER_S * 1000;
    until.tv_sec += (left_us > 0 ? left_us : 0) / TIME_US_PER_S + sum_ns / 1000000000;
    until.tv_nsec = sum_ns % 1000000000;
    return pthread_mutex_clocklock(&node->work, CLOCK_MONOTONIC, &until) == 0;
}

static bool role_holds(struct node *node, uint64_t epoch)
{
    return node_held(node) && node->holder.epoch == epoch;
}

static bool role_is_writer(struct node *node, uint64_t epoch)
{
    return role_holds(node, epoch) && node->record.role == RECORD_WRITER && node->record.data_epoch == epoch &&
           node->state == NODE_RUNNING && node->status_known && !node->status.in_recovery;
}

/* Says no for good, unless the right was taken after all. */
static enum role_result role_refuse(struct node *node, uint64_t epoch, const char *why)
{
    enum role_result result = ROLE_UNKNOWN;
    node_lock(node);
    if (!role_holds(node, epoch)) {
        node->record.refused = epoch > node->record.refused ? epoch : node->record.refused;
        result = node_save(node) == ERR_OK ? ROLE_REFUSED : ROLE_UNKNOWN;
        node_error(node, "not promoted under epoch %llu: %s", (unsigned long long)epoch, why);
    }
    node_unlock(node);
    return result;
}

/* A server in recovery that answers: what a promotion needs. */
static enum err role_ready(struct node *node, struct mono deadline)
{
    node_lock(node);
    const enum node_server state = node->state;
    node_unlock(node);
    if (state == NODE_RUNNING) {
        return ERR_OK;
    }
    if (!pgctl_has_data(node->options)) {
        return ERR_NOT_FOUND;
    }
    if (state == NODE_STOPPING) {
        return ERR_UNAVAILABLE;
    }
    enum err err = ERR_OK;
    if (state == NODE_STARTING) {
        err = node_kill(node, "it does not get ready, and is to be promoted");
    }
    err = err == ERR_OK ? node_configure(node, NULL, true) : err;
    return err == ERR_OK ? node_start(node, false, deadline) : err;
}

static bool role_await_promises(struct node *node, struct mono deadline)
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

/* Until the server accepts writes. ERR_TIMEOUT: stuck. ERR_CANCELLED: killed. ERR_CLOSED: it died. */
static enum err role_watch(struct node *node, struct pgquery *query, struct mono deadline)
{
    struct role_promotion promotion = {.started = clock_mono(), .moved = clock_mono()};
    node_lock(node);
    promotion.kills = node->kills;
    node_unlock(node);
    for (;;) {
        bool in_recovery = true;
        const enum err asked = pgquery_recovery(query, time_add_ms(clock_mono(), ROLE_QUERY_MS), &in_recovery);
        if (asked == ERR_OK && !in_recovery) {
            return ERR_OK;
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

/* The server is a writer: remembered first, told next; what can wait is the keeper's. */
static enum err role_became_writer(struct node *node, uint64_t epoch, struct pgquery *query)
{
    node_lock(node);
    node->record.role = RECORD_WRITER;
    node->record.data_epoch = epoch;
    node->record.upstream[0] = '\0';
    node->crashes = 0;
    const enum err err = node_save(node);
    node->status_known = false;
    node->unsettled = true;
    node_error(node, "%s", "");
    node_unlock(node);
    node_look(node, query);
    LOG_N("PostgreSQL accepts writes under epoch %llu", (unsigned long long)epoch);
    return err;
}

/* Restarts a server whose promotion is stuck, this time without an upstream: nothing is there to wait for. */
static enum err role_restart(struct node *node, struct mono deadline)
{
    LOG_W("the promotion is stuck: restarting PostgreSQL without a walreceiver");
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

/* With the lease held and a server in recovery: promotes. The fence is armed first. */
static enum err role_promote_server(struct node *node, uint64_t epoch, struct mono deadline)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    enum err err = ERR_TIMEOUT;
    for (int turn = 0; turn < 2 && err == ERR_TIMEOUT; turn++) {
        err = turn > 0 ? role_restart(node, deadline) : ERR_OK;
        err = err == ERR_OK ? pgquery_open(&query, time_add_ms(clock_mono(), ROLE_QUERY_MS * 5)) : err;
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
        err = err == ERR_OK ? role_watch(node, &query, deadline) : err;
    }
    err = err == ERR_OK ? role_became_writer(node, epoch, &query) : err;
    pgquery_close(&query);
    return err;
}

static enum role_result role_promote_locked(struct node *node, uint64_t epoch, struct mono deadline)
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
    if (!held) {
        if (err != ERR_OK) {
            return role_refuse(node, epoch, "no standby that answers here");
        }
        if (!role_await_promises(node, deadline)) {
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

enum role_result role_promote(struct node *node, uint64_t epoch, struct mono deadline)
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
    const enum err err = result == ROLE_UNKNOWN ? node_save(node) : ERR_OK;
    node_unlock(node);
    if (result != ROLE_UNKNOWN) {
        return result;
    }
    if (err != ERR_OK) {
        return ROLE_UNKNOWN;
    }
    if (!role_lock(node, deadline)) {
        return role_refuse(node, epoch, "busy with another transition");
    }
    result = role_promote_locked(node, epoch, deadline);
    node_lock(node);
    node_activity(node, "%s", "");
    node_unlock(node);
    pthread_mutex_unlock(&node->work);
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

static bool role_set_writer(struct node *node, const char *name, uint64_t epoch)
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

void role_hear(struct node *node, const char *writer, uint64_t epoch)
{
    node_lock(node);
    const bool news = strcmp(node->writer.name, writer) != 0 || node->writer.epoch != epoch;
    const bool old = writer[0] == '\0' || epoch == 0 || epoch < node->promise.epoch;
    if (!old && strcmp(writer, node->options->node) == 0) {
        node->writer = (struct node_writer){0};
    } else if (!old && news && role_set_writer(node, writer, epoch) && epoch > node->promise.epoch) {
        lease_promise_learn(&node->promise, epoch);
        const enum err err = node_save(node);
        (void)err; /* logged; learned again with the next answer */
    }
    node_unlock(node);
}

enum err role_halt(struct node *node)
{
    node_lock(node);
    const uint64_t wrote = node->record.data_epoch;
    const uint64_t held = node->holder.state != LEASE_NONE ? node->holder.epoch : 0;
    const uint64_t epoch = wrote > held ? wrote : held;
    node->record.halted = epoch > node->record.halted ? epoch : node->record.halted;
    const enum err err = node_save(node);
    node_unlock(node);
    return err;
}

/* The first writer of a cluster that has no lease record yet: makes the cluster, takes epoch 1. */
static enum err role_found(struct node *node)
{
    enum err err = ERR_OK;
    if (!pgctl_has_data(node->options)) {
        node_lock(node);
        node_activity(node, "initdb");
        fence_disarm(&node->fence);
        node_unlock(node);
        err = pgctl_initdb(node->options);
        fence_close(&node->fence);
    }
    node_lock(node);
    if (err == ERR_OK && !lease_promise_order(&node->promise, 1)) {
        err = ERR_FENCED;
    }
    err = err == ERR_OK ? node_save(node) : err;
    node_unlock(node);
    const struct mono deadline = time_add_us(clock_mono(), (node->options->lease_us + node->options->margin_us) * 2);
    if (err == ERR_OK && !role_await_promises(node, deadline)) {
        err = ERR_TIMEOUT;
    }
    return err == ERR_OK ? renew_acquire(node, 1) : err;
}

/* Starts the server as the writer of the epoch that it wrote before (or founds), in place: no new timeline. */
static enum err role_start_writer(struct node *node, uint64_t epoch)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    node_lock(node);
    const bool fresh = node->record.role == RECORD_NONE;
    node_activity(node, "starting");
    node_unlock(node);
    enum err err = node_configure(node, NULL, false);
    err = err == ERR_OK ? node_start(node, true, time_add_ms(clock_mono(), ROLE_START_MS)) : err;
    if (err == ERR_OK && fresh) {
        err = pgquery_prepare(&query, time_add_ms(clock_mono(), ROLE_START_MS));
        if (err != ERR_OK) {
            LOG_E("the new cluster could not be prepared: %s", query.error);
        }
    }
    err = err == ERR_OK ? role_became_writer(node, epoch, &query) : err;
    pgquery_close(&query);
    return err;
}

/* A fresh writer's configuration without an upstream, and a slot for each other node. */
static void role_settle(struct node *node)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    enum err err = node_configure(node, NULL, false);
    err = err == ERR_OK ? pgquery_slots(&query, true, time_add_ms(clock_mono(), ROLE_QUERY_MS * 5)) : err;
    if (err != ERR_OK) {
        LOG_W("the new writer is not settled yet: %s", query.error[0] != '\0' ? query.error : err_text(err));
    }
    pgquery_close(&query);
    node_lock(node);
    node->unsettled = err != ERR_OK;
    node_unlock(node);
}

/* With the lease held and no server: what was the writer comes back, what was to become it goes on. */
static void role_keep_held(struct node *node, uint64_t epoch)
{
    node_lock(node);
    const bool stopped = node->state == NODE_STOPPED;
    const bool own = (node->record.role == RECORD_WRITER && node->record.data_epoch == epoch) ||
                     (node->record.role == RECORD_NONE && epoch == 1 && node->options->initial_writer);
    const int64_t rest_ms = (int64_t)(node->crashes > 1 ? node->crashes - 1 : 0) * ROLE_BACKOFF_MS;
    const bool rested =
        rest_ms == 0 || time_since_ms(clock_mono(), node->crash_at) >= (rest_ms < 10000 ? rest_ms : 10000);
    const bool pending = !stopped && node->state == NODE_RUNNING && node->status_known && node->status.in_recovery;
    const bool settle = node->unsettled && role_is_writer(node, epoch);
    node_unlock(node);
    enum err err = ERR_OK;
    if (settle) {
        role_settle(node);
    } else if (stopped && own && rested) {
        err = role_start_writer(node, epoch);
    } else if ((stopped && !own) || pending) {
        err = role_ready(node, time_add_ms(clock_mono(), ROLE_FINISH_MS));
        err = err == ERR_OK ? role_promote_server(node, epoch, time_add_ms(clock_mono(), ROLE_FINISH_MS)) : err;
    }
    if (err != ERR_OK) {
        LOG_W("not the writer yet: %s", err_text(err));
    }
}

/* Nothing runs and no right is held: asks the store whether this node is, or founds, the writer. True: it took one. */
static bool role_ask_store(struct node *node, bool *ret_unreachable)
{
    struct controller_lease lease = {0};
    enum err err = controller_lease(node->options, ROLE_LEASE_MS, &lease);
    *ret_unreachable = err != ERR_OK;
    if (err != ERR_OK) {
        return false;
    }
    node_lock(node);
    const bool free_lease = lease.state == CONTROLLER_LEASE_NONE && node->options->initial_writer &&
                            node->promise.epoch <= 1 && node->record.halted == 0 && node->record.role != RECORD_STANDBY;
    /* Our own order, and nothing newer promised since: the acquisition proves that older promises were waited out. */
    const bool ours = lease.state == CONTROLLER_LEASE_HELD && strcmp(lease.holder, node->options->node) == 0 &&
                      lease.epoch > node->record.halted && lease.epoch > node->record.refused &&
                      lease.epoch == node->promise.ordered && lease.epoch == node->promise.epoch;
    node_unlock(node);
    if (ours) {
        err = renew_resume(node, lease.epoch, lease.revision);
    } else if (free_lease) {
        err = role_found(node);
    } else {
        return false;
    }
    if (err != ERR_OK) {
        node_lock(node);
        node_error(node, "the lease was not taken: %s", err_text(err));
        node_unlock(node);
    }
    return err == ERR_OK;
}

static void role_keep_stopped(struct node *node)
{
    node_lock(node);
    const bool follow = node->writer.name[0] != '\0' && node->writer.epoch >= node->promise.epoch &&
                        node->writer.epoch > node->record.halted;
    const bool rest = !time_reached(clock_mono(), node->retry_at);
    const struct node_writer writer = node->writer;
    node_unlock(node);
    if (follow && rest) {
        return;
    }
    if (follow) {
        role_standby_begin(node, &writer);
        return;
    }
    bool unreachable = false;
    if (role_ask_store(node, &unreachable) || !unreachable) {
        return;
    }
    /* Nobody to ask: a standby acknowledges nothing, so going on behind the last known writer is always safe. */
    node_lock(node);
    const bool again = node->record.role == RECORD_STANDBY && node->record.data_epoch > node->record.halted &&
                       pgctl_has_data(node->options) &&
                       role_set_writer(node, node->record.upstream, node->promise.epoch);
    node_unlock(node);
    if (again) {
        LOG_N("no controller answers: following %s as before", node->record.upstream);
    }
}

void role_keep(struct node *node)
{
    if (pthread_mutex_trylock(&node->work) != 0) {
        return;
    }
    node_lock(node);
    const bool held = node_held(node);
    const uint64_t epoch = node->holder.epoch;
    const enum node_server state = node->state;
    const bool outlaw = !held && state == NODE_RUNNING && node->status_known && !node->status.in_recovery;
    node_unlock(node);
    if (held) {
        role_keep_held(node, epoch);
    } else if (outlaw) {
        const enum err err = node_kill(node, "it accepts writes without a lease");
        (void)err; /* logged */
    } else if (state == NODE_STOPPED) {
        role_keep_stopped(node);
    } else if (state == NODE_RUNNING) {
        role_standby_keep(node);
    }
    node_lock(node);
    if (node->activity[0] != '\0') {
        node_activity(node, "%s", "");
    }
    node_unlock(node);
    pthread_mutex_unlock(&node->work);
}
