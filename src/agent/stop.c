/* SPDX-License-Identifier: Apache-2.0
 * Ending the server cleanly. */
#include "agent/stop.h"

#include "agent/pgctl.h"
#include "agent/pgparse.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    STOP_LEAVE_MS = 2000, /* for the processes of a server that has written its end, when they are in the way */
    STOP_WAIT_MS = 50,
};

/* With `lock` held: nothing is acknowledged any more, so the right goes. */
static void stop_release(struct node *node)
{
    lease_holder_lose(&node->holder);
    lease_holder_release(&node->holder);
    node_forget(node);
    node_change_urgent(node);
}

/* With `lock` held, after a clean stop: nothing remains, the fence is closed. */
static void stop_over(struct node *node)
{
    node->leaving = false;
    node->armed = false;
    fence_close(&node->fence);
    stop_release(node);
    node->state = NODE_STOPPED;
    node->fenced = fence_process_count(node->fence.page) == 0;
}

static enum err stop_read(const struct node *node, struct lsn *ret_shutdown)
{
    struct pgparse_control control;
    const enum err err = pgctl_control(node->options, &control);
    if (err != ERR_OK) {
        return err;
    }
    if (control.state == PGPARSE_SHUT_DOWN) {
        *ret_shutdown = pgparse_checkpoint_end(control.checkpoint, control.segment_bytes);
        return ERR_OK;
    }
    if (control.state == PGPARSE_SHUT_DOWN_IN_RECOVERY) {
        *ret_shutdown = control.minimum;
        return ERR_OK;
    }
    return ERR_CONTENT; /* it was not a clean stop */
}

/* With `lock` held: the server has written its end, or ended, and nobody killed it meanwhile. */
static void stop_account(struct node *node)
{
    if (!pgctl_running(&node->server)) {
        stop_over(node);
        return;
    }
    node->leaving = true; /* `armed` stays: what the lease's time finds of it is killed */
    stop_release(node);
}

/* Waits without the lock: a stop takes as long as the last checkpoint. `written`: not for the processes' end. */
static enum err stop_run(struct node *node, bool written, struct mono deadline, struct lsn *ret_shutdown)
{
    enum err err = ERR_OK;
    node_lock(node);
    const bool running = pgctl_running(&node->server);
    const uint64_t kills = node->kills;
    struct pgctl server = node->server;
    node->state = running ? NODE_STOPPING : NODE_STOPPED;
    node_change(node);
    node_unlock(node);
    if (running) {
        err = written ? pgctl_stop_writing(&server, deadline) : pgctl_stop(&server, deadline);
    }
    struct lsn shutdown = {0};
    enum err read = err == ERR_OK ? stop_read(node, &shutdown) : err;
    if (err == ERR_OK && read != ERR_OK && running) {
        err = pgctl_stop(&server, deadline); /* only the end itself says more */
        read = err == ERR_OK ? stop_read(node, &shutdown) : err;
    }
    node_lock(node);
    if (err == ERR_OK && node->kills == kills) {
        stop_account(node);
    }
    node_unlock(node);
    if (read == ERR_OK) {
        *ret_shutdown = shutdown;
    }
    return read;
}

enum err stop_server(struct node *node, struct mono deadline, struct lsn *ret_shutdown)
{
    return stop_run(node, false, deadline, ret_shutdown);
}

enum err stop_writing(struct node *node, struct mono deadline, struct lsn *ret_shutdown)
{
    return stop_run(node, true, deadline, ret_shutdown);
}

enum err stop_await(struct node *node, struct mono deadline)
{
    const struct mono patience = time_min(deadline, time_add_ms(clock_mono(), STOP_LEAVE_MS));
    stop_turn(node);
    node_lock(node);
    while (node->leaving && !time_reached(clock_mono(), patience) && !atomic_load(&node->quit)) {
        node_wait(node, &node->changes, node->changes, STOP_WAIT_MS);
    }
    const bool leaving = node->leaving;
    node_unlock(node);
    return leaving ? node_kill(node, "it has written its end, but does not go") : ERR_OK;
}

void stop_turn(struct node *node)
{
    node_lock(node);
    if (node->leaving && node->killing == 0 && !pgctl_running(&node->server)) {
        ASSERT(node->state == NODE_STOPPING);
        if (fence_process_count(node->fence.page) == 0) {
            stop_over(node);
        } else {
            node->leaving = false; /* the postmaster was killed: what it left behind ends with the next tick */
            node->unburied = true;
        }
    }
    node_unlock(node);
}
