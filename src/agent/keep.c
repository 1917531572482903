/* SPDX-License-Identifier: Apache-2.0
 * The keeper: restores what the node is to be, after a restart, a death, or a change of the writer. */
#include "agent/keep.h"

#include <string.h>

#include "agent/controller.h"
#include "agent/renew.h"
#include "agent/role.h"
#include "agent/role_standby.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    KEEP_QUERY_MS = 5000,
    KEEP_START_MS = 60000,  /* crash recovery included */
    KEEP_FINISH_MS = 30000, /* a promotion that an order began */
    KEEP_BACKOFF_MS = 1000, /* per death in a row, at most ten */
    KEEP_LEASE_MS = 500,
};

/* The first writer of a cluster that has no lease record yet: makes the cluster, takes epoch 1. */
static enum err keep_found(struct node *node)
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
static enum err keep_start_writer(struct node *node, uint64_t epoch)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    node_lock(node);
    const bool fresh = node->record.role == RECORD_NONE;
    node_activity(node, "starting");
    node_unlock(node);
    enum err err = node_configure(node, NULL, false);
    err = err == ERR_OK ? node_start(node, true, time_add_ms(clock_mono(), KEEP_START_MS)) : err;
    if (err == ERR_OK && fresh) {
        err = pgquery_prepare(&query, time_add_ms(clock_mono(), KEEP_START_MS));
        if (err != ERR_OK) {
            LOG_E("the new cluster could not be prepared: %s", query.error);
        }
    }
    err = err == ERR_OK ? role_became_writer(node, epoch, &query) : err;
    pgquery_close(&query);
    return err;
}

/* A fresh writer's configuration without an upstream, and a slot for each other node. */
static void keep_settle(struct node *node)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    enum err err = node_configure(node, NULL, false);
    err = err == ERR_OK ? pgquery_slots(&query, true, time_add_ms(clock_mono(), KEEP_QUERY_MS)) : err;
    if (err != ERR_OK) {
        LOG_W("the new writer is not settled yet: %s", query.error[0] != '\0' ? query.error : err_text(err));
    }
    pgquery_close(&query);
    node_lock(node);
    node->unsettled = err != ERR_OK;
    node_unlock(node);
}

/* The same epoch goes on here: it died, and no controller had a better one. */
static enum err keep_start_again(struct node *node, uint64_t epoch, bool died)
{
    if (died) {
        LOG_N("no controller moved the writer: starting it again");
    }
    return keep_start_writer(node, epoch);
}

/* With the lease held and no server: what was the writer comes back, what was to become it goes on. */
static void keep_held(struct node *node, uint64_t epoch)
{
    node_lock(node);
    const bool stopped = node->state == NODE_STOPPED;
    const bool own = (node->record.role == RECORD_WRITER && node->record.data_epoch == epoch) ||
                     (node->record.role == RECORD_NONE && epoch == 1 && node->options->initial_writer);
    const int64_t rest_ms = (int64_t)(node->crashes > 1 ? node->crashes - 1 : 0) * KEEP_BACKOFF_MS;
    const bool rested =
        rest_ms == 0 || time_since_ms(clock_mono(), node->crash_at) >= (rest_ms < 10000 ? rest_ms : 10000);
    const bool died = node->died;
    const bool choice = node_died_now(node);
    const bool pending = !stopped && node->state == NODE_RUNNING && node->status_known && node->status.in_recovery;
    const bool settle = node->unsettled && role_is_writer(node, epoch);
    node_unlock(node);
    enum err err = ERR_OK;
    if (settle) {
        keep_settle(node);
    } else if (stopped && own && rested && !choice) {
        err = keep_start_again(node, epoch, died);
    } else if ((stopped && !own) || pending) {
        err = role_ready(node, time_add_ms(clock_mono(), KEEP_FINISH_MS));
        err = err == ERR_OK ? role_promote_server(node, epoch, time_add_ms(clock_mono(), KEEP_FINISH_MS)) : err;
    }
    if (err != ERR_OK) {
        LOG_W("not the writer yet: %s", err_text(err));
    }
}

/* Nothing runs and no right is held: asks the store whether this node is, or founds, the writer. True: it took one. */
static bool keep_ask_store(struct node *node, bool *ret_unreachable)
{
    struct controller_lease lease = {0};
    enum err err = controller_lease(node->options, KEEP_LEASE_MS, &lease);
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
        err = keep_found(node);
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

static void keep_stopped(struct node *node)
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
    if (keep_ask_store(node, &unreachable) || !unreachable) {
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

/* What needs `work`; true when a standby runs and is left to itself. */
static bool keep_move(struct node *node)
{
    node_lock(node);
    const bool held = node_held(node);
    const uint64_t epoch = node->holder.epoch;
    const enum node_server state = node->state;
    const bool outlaw = !held && state == NODE_RUNNING && node->status_known && !node->status.in_recovery;
    node_unlock(node);
    if (held) {
        keep_held(node, epoch);
    } else if (outlaw) {
        const enum err err = node_kill(node, "it accepts writes without a lease");
        (void)err; /* logged */
    } else if (role_standby_restart(node) || role_standby_reinit(node)) {
        return false;
    } else if (state == NODE_STOPPED) {
        keep_stopped(node);
    }
    return !held && !outlaw && state == NODE_RUNNING;
}

void keep_turn(struct node *node)
{
    if (!node_take_work(node, (struct mono){0})) {
        return;
    }
    const bool standby = keep_move(node);
    node_lock(node);
    if (node->activity[0] != '\0') {
        node_activity(node, "%s", "");
    }
    node_unlock(node);
    node_give_work(node);
    if (standby) {
        role_standby_keep(node);
    }
}
