/* SPDX-License-Identifier: Apache-2.0
 * Keeps the writer's right alive. */
#include "agent/renew.h"

#include <string.h>
#include <time.h>

#include "agent/controller.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    RENEW_TICK_US = 10000,
    RENEW_PARTS = 6, /* a call may take lease / 6: store and promises both fit before the next renewal is due */
};

/* One question to one other agent. */
struct renew_question {
    const struct node *node;
    const struct agent_options_peer *peer;
    uint64_t epoch;
    uint32_t timeout_ms;
    enum err err;
    pthread_t thread;
    bool started;
};

static uint32_t renew_timeout_ms(const struct node *node)
{
    return (uint32_t)(node->options->lease_us / RENEW_PARTS / TIME_US_PER_MS) + 1;
}

static void *renew_ask(void *context)
{
    struct renew_question *question = context;
    question->err = controller_promise(question->node->options, question->peer, question->epoch, question->timeout_ms);
    return NULL;
}

/* One round: everybody at once. True: every other node of the cluster promised. */
static bool renew_round(struct node *node, uint64_t epoch)
{
    struct renew_question questions[LIMITS_NODES];
    const uint32_t count = node->options->peers_count;
    ASSERT(count <= LIMITS_NODES);
    bool all = true;
    for (uint32_t i = 0; i < count; i++) {
        questions[i] = (struct renew_question){.node = node,
                                               .peer = &node->options->peers[i],
                                               .epoch = epoch,
                                               .timeout_ms = renew_timeout_ms(node),
                                               .err = ERR_UNAVAILABLE};
        questions[i].started = pthread_create(&questions[i].thread, NULL, renew_ask, &questions[i]) == 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (questions[i].started) {
            pthread_join(questions[i].thread, NULL);
        }
        if (questions[i].err != ERR_OK) {
            LOG_W("%s does not promise: %s", questions[i].peer->name, err_text(questions[i].err));
            all = false;
        }
    }
    return all;
}

static void renew_by_promises(struct node *node, uint64_t epoch)
{
    const struct mono sent = clock_mono();
    const bool promised = renew_round(node, epoch);
    node_lock(node);
    if (!promised) {
        lease_holder_failed(&node->holder);
        node_unlock(node);
        return;
    }
    const enum lease_source before = node->holder.by;
    if (lease_holder_promised(&node->holder, epoch, sent, clock_mono())) {
        node_arm(node);
        if (before != LEASE_BY_PROMISES) {
            LOG_W("the store does not answer: every other node of %s promised, the right goes on",
                  node->options->database);
            node_change(node);
        }
    }
    node_unlock(node);
}

/* A renewal whose answer was lost has moved the revision: ask, and try once with the one that the store has. */
static enum err renew_again(struct node *node, uint64_t epoch, struct controller_grant *ret_grant)
{
    struct controller_lease lease = {0};
    const enum err err = controller_lease(node->options, renew_timeout_ms(node), &lease);
    if (err != ERR_OK) {
        return err;
    }
    if (lease.state != CONTROLLER_LEASE_HELD || lease.epoch != epoch ||
        strcmp(lease.holder, node->options->node) != 0) {
        return ERR_CONFLICT;
    }
    return controller_renew(node->options, epoch, lease.revision, renew_timeout_ms(node), ret_grant);
}

static void renew_lost(struct node *node, uint64_t epoch)
{
    node_lock(node);
    const bool ours = node->holder.state == LEASE_HELD && node->holder.epoch == epoch;
    node_unlock(node);
    if (!ours) {
        return; /* given up, or a newer right, while the question was on its way */
    }
    const enum err err = node_kill(node, "the store says that the lease is revoked");
    (void)err; /* logged; the fence goes on */
}

static void renew_once(struct node *node, uint64_t epoch, uint64_t revision, struct mono sent)
{
    struct controller_grant renewed = {0};
    enum err err = controller_renew(node->options, epoch, revision, renew_timeout_ms(node), &renewed);
    if (err == ERR_CONFLICT) {
        sent = clock_mono();
        err = renew_again(node, epoch, &renewed);
    }
    if (err == ERR_OK) {
        node_lock(node);
        const enum lease_source before = node->holder.by;
        lease_holder_limit(&node->holder, renewed.lease_us, sent);
        if (lease_holder_renewed(&node->holder, epoch, renewed.revision, sent, clock_mono())) {
            node_arm(node);
            if (before != LEASE_BY_STORE) {
                LOG_N("the store answers again");
                node_change(node);
            }
        }
        node_unlock(node);
    } else if (err == ERR_CONFLICT) {
        renew_lost(node, epoch);
    } else {
        LOG_W("the lease was not renewed: %s", err_text(err));
        renew_by_promises(node, epoch);
    }
}

void *renew_main(void *context)
{
    struct node *node = context;
    while (!atomic_load(&node->quit)) {
        node_lock(node);
        const struct mono now = clock_mono();
        const bool due = node_held(node) && time_reached(now, lease_holder_due(&node->holder));
        const uint64_t epoch = node->holder.epoch;
        const uint64_t revision = node->holder.revision;
        if (due) {
            lease_holder_attempt(&node->holder, now);
        }
        node_unlock(node);
        if (due) {
            renew_once(node, epoch, revision, now);
        } else {
            const struct timespec pause = {.tv_nsec = RENEW_TICK_US * 1000};
            (void)nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

/* Takes the right that an answer brought. */
static enum err renew_take(struct node *node, uint64_t epoch, const struct controller_grant *grant, struct mono sent)
{
    node_lock(node);
    const struct mono now = clock_mono();
    bool taken = false;
    /* Another thread may have said no to this epoch, or halted it, while the question was on its way. */
    const bool wanted = epoch == node->promise.epoch && epoch > node->record.refused && epoch > node->record.halted;
    if (lease_holder_state(&node->holder, now) != LEASE_LOST && wanted) {
        lease_holder_limit(&node->holder, grant->lease_us, sent);
        taken = lease_holder_acquired(&node->holder, epoch, grant->revision, sent, now);
    }
    if (taken) {
        LOG_N("holding the lease of %s, epoch %llu", node->options->database, (unsigned long long)epoch);
        node_change(node);
    }
    node_unlock(node);
    return taken ? ERR_OK : ERR_STALE;
}

enum err renew_resume(struct node *node, uint64_t epoch, uint64_t revision)
{
    struct controller_grant renewed = {0};
    const struct mono sent = clock_mono();
    const enum err err = controller_renew(node->options, epoch, revision, renew_timeout_ms(node), &renewed);
    return err == ERR_OK ? renew_take(node, epoch, &renewed, sent) : err;
}

enum err renew_acquire(struct node *node, uint64_t epoch)
{
    struct controller_grant granted = {0};
    const struct mono sent = clock_mono();
    enum err err = controller_acquire(node->options, epoch, renew_timeout_ms(node), &granted);
    if (err == ERR_OK) {
        return renew_take(node, epoch, &granted, sent);
    }
    if (err != ERR_CONFLICT) {
        return err;
    }
    /* Perhaps an earlier try got through and only its answer was lost. */
    struct controller_lease lease = {0};
    err = controller_lease(node->options, renew_timeout_ms(node), &lease);
    if (err != ERR_OK) {
        return err;
    }
    if (lease.state == CONTROLLER_LEASE_HELD && lease.epoch == epoch &&
        strcmp(lease.holder, node->options->node) == 0) {
        return renew_resume(node, epoch, lease.revision);
    }
    return ERR_CONFLICT;
}
