/* SPDX-License-Identifier: Apache-2.0
 * The agent process: its threads and its end. */
#include "agent/agent.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/keep.h"
#include "agent/node.h"
#include "agent/pulse.h"
#include "agent/renew.h"
#include "agent/report.h"
#include "agent/slot.h"
#include "agent/stop.h"
#include "edge/clock.h"
#include "edge/clock_watch.h"
#include "edge/http_server.h"
#include "edge/log.h"
#include "wire/beat.h"

enum {
    AGENT_TICK_MS = 20,
    AGENT_KEEP_MS = 100,
    AGENT_GUARD_TICKS = 10, /* of the above: once a second */
    AGENT_STOP_MS = 60000,
    AGENT_THREADS = 5,
};

enum err agent_drop_root(const struct agent_options *options)
{
    if (geteuid() != 0) {
        return ERR_OK;
    }
    const char *name = options->run_as != NULL ? options->run_as : "postgres";
    char memory[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwnam_r(name, &entry, memory, sizeof memory, &found) != 0 || found == NULL) {
        LOG_E("PostgreSQL does not run as root, and there is no user '%s' to become", name);
        return ERR_NOT_FOUND;
    }
    if (found->pw_uid == 0) {
        LOG_E("PostgreSQL does not run as root: '%s' is no help", name);
        return ERR_PERMISSION;
    }
    if (initgroups(name, found->pw_gid) != 0 || setgid(found->pw_gid) != 0 || setuid(found->pw_uid) != 0) {
        LOG_E("cannot become '%s': %s", name, err_text(err_from_errno(errno)));
        return ERR_PERMISSION;
    }
    return ERR_OK;
}

static void agent_pause(int64_t ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* SIGHUP: reads and writes files, so not the main thread's work. */
static void agent_read_anew(struct node *node)
{
    if (!atomic_exchange(&node->read_anew, false)) {
        return;
    }
    const struct agent_options_reload *reload = &node->options->reload;
    const struct agent_options_settings *settings = reload->read(reload->context);
    if (settings != NULL) {
        node_set_settings(node, settings);
    } else {
        LOG_E("the configuration is refused: going on with the parameters as they were");
    }
}

static void *agent_keep_main(void *context)
{
    struct node *node = context;
    uint64_t heard = 0;
    while (!atomic_load(&node->quit)) {
        agent_read_anew(node);
        keep_turn(node);
        node_lock(node);
        node_wait(node, &node->heard, heard, AGENT_KEEP_MS);
        heard = node->heard;
        node_unlock(node);
    }
    return NULL;
}

/* Guard slots, apart from the keeper: an advance reads as much log as a second has written. */
static void *agent_guard_main(void *context)
{
    struct node *node = context;
    struct guard_state state = {0};
    struct tier_state tier = {0};
    while (!atomic_load(&node->quit)) {
        node_lock(node);
        const bool writer = node_held(node) && node->state == NODE_RUNNING && node->record.role == RECORD_WRITER &&
                            node->status_known && !node->status.in_recovery;
        node_unlock(node);
        slot_turn(node); /* first: what its nodes have is what guard slots must stay behind */
        if (writer) {
            tier_turn(node->options, &tier);
            guard_turn(node->options, &state);
        } else {
            state = (struct guard_state){0};
            tier = (struct tier_state){0};
        }
        node_lock(node);
        node->guard = state;
        node->tier = tier;
        node_unlock(node);
        for (int i = 0; i < AGENT_GUARD_TICKS && !atomic_load(&node->quit); i++) {
            agent_pause(AGENT_KEEP_MS);
        }
    }
    return NULL;
}

/* One turn of the main loop, and what the heartbeats say from now on. */
static void agent_turn(struct node *node, struct pulse *pulse)
{
    node_tick(node);
    stop_turn(node);
    node_lock(node);
    const unsigned state = (node->state == NODE_RUNNING ? BEAT_RUNNING : 0U) | (node->armed ? BEAT_WRITER : 0U) |
                           (node_died_now(node) ? BEAT_DIED : 0U) | (node->fenced ? BEAT_FENCED : 0U) |
                           (node->still_since.us != 0 ? BEAT_FROZEN : 0U);
    const uint64_t epoch = node_held(node) ? node->holder.epoch : node->promise.epoch;
    node_unlock(node);
    pulse_tell(pulse, (uint8_t)state, epoch);
}

/* The main thread's life: ticks until a signal comes. */
static void agent_loop(struct node *node, struct pulse *pulse, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = AGENT_TICK_MS * 1000000};
    struct clock_watch watch = {.any = false};
    for (;;) {
        agent_turn(node, pulse);
        clock_watch_tell(&watch);
        const int number = sigtimedwait(signals, NULL, &tick);
        if (number == SIGTERM || number == SIGINT) {
            LOG_N("ending: %s", strsignal(number));
            return;
        }
        if (number == SIGHUP) {
            atomic_store(&node->read_anew, true);
        }
    }
}

/* Sessions go on meanwhile, and the stop after it is short. */
static void agent_checkpoint(struct node *node, struct mono deadline)
{
    struct pgquery query;
    pgquery_init(&query, node->options);
    if (pgquery_checkpoint(&query, deadline) != ERR_OK) {
        LOG_W("no checkpoint before the stop: %s", query.error);
    }
    pgquery_close(&query);
}

/* Stops the server while the main thread goes on beating: a stop may take longer than the beat may rest. The agent's
 * end is said before the work is given back: the keeper would start again what it finds stopped. */
static void *agent_stop_main(void *context)
{
    struct node *node = context;
    struct lsn shutdown;
    (void)node_take_work(node, TIME_NEVER);
    node_lock(node);
    const bool running = node->state != NODE_STOPPED;
    node_unlock(node);
    if (running) {
        agent_checkpoint(node, time_add_ms(clock_mono(), AGENT_STOP_MS));
    }
    if (running && stop_server(node, time_add_ms(clock_mono(), AGENT_STOP_MS), &shutdown) != ERR_OK) {
        const enum err err = node_kill(node, "it does not stop");
        (void)err; /* logged; the fence process ends what remains */
    }
    atomic_store(&node->quit, true);
    node_give_work(node);
    return NULL;
}

static void agent_end(struct node *node, struct pulse *pulse)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, agent_stop_main, node) != 0) {
        (void)agent_stop_main(node);
        return;
    }
    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        agent_turn(node, pulse);
        agent_pause(AGENT_TICK_MS);
    }
}

static enum err agent_serve(struct node *node, const sigset_t *signals)
{
    static void *(*const mains[AGENT_THREADS])(void *) = {renew_main, agent_keep_main, report_look_main, report_main,
                                                          agent_guard_main};
    pthread_t threads[AGENT_THREADS];
    int started = 0;
    struct http_server *server = NULL;
    struct pulse *pulse = NULL;
    enum err err = pulse_new(node->options, node->home, node->boot, &pulse);
    if (err != ERR_OK) {
        return err;
    }
    err = command_start(node, &server);
    while (err == ERR_OK && started < AGENT_THREADS) {
        err = pthread_create(&threads[started], NULL, mains[started], node) == 0 ? ERR_OK : ERR_NO_MEMORY;
        started += err == ERR_OK ? 1 : 0;
    }
    if (err == ERR_OK) {
        LOG_N("beside %s of %s, commands on %s", node->options->node, node->options->database, node->options->listen);
        agent_loop(node, pulse, signals);
    }
    pulse_leave(pulse);
    /* No new transition begins; renewals go on until the server is down. */
    http_server_stop(server);
    node_lock(node);
    node->kills++;
    node_unlock(node);
    agent_end(node, pulse);
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    pulse_free(pulse);
    return err;
}

enum err agent_run(const struct agent_options *options)
{
    static struct node node;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD); /* a death is looked at in the moment it happens */
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    enum err err = agent_drop_root(options);
    if (err != ERR_OK) {
        return err;
    }
    if (chdir("/") != 0) {
        return err_from_errno(errno);
    }
    err = node_init(&node, options);
    if (err == ERR_OK) {
        err = agent_serve(&node, &signals);
    }
    if (node.lock_fd >= 0 || node.fence.page != NULL) {
        node_fini(&node);
    }
    return err;
}
