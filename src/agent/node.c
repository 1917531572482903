/* SPDX-License-Identifier: Apache-2.0
 * The node: everything the agent's threads share, and the few moves that start and end its server. */
#include "agent/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/adopt.h"
#include "agent/child.h"
#include "agent/pgconf.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    NODE_PATH = AGENT_OPTIONS_PATH + 64,
    NODE_NUMBER = 24,
    NODE_COMM = 64,
    NODE_LOCK_MS = 60000, /* an earlier fence process may need that long */
    NODE_KILL_MS = 60000, /* a process stuck in the kernel */
    NODE_STILL_MS = 300,  /* a server may be stopped by a signal for so long */
    NODE_CHOICE_MS = 500, /* a dead writer is left down for so long: a controller may have a better one */
    NODE_QUERY_MS = 1000, /* a healthy server answers in 1 ms; a stopped one never */
    NODE_ADOPT_MS = 5000, /* a standby that answers within this is adopted */
    NODE_SPARE_MS = 200,  /* right left before a writer is worth starting */
    NODE_POLL_US = 20000,
    NODE_WORK_US = 2000,
    NODE_GUARD_MS = 100, /* between two looks whether a guard slot is made: it is told */
};

void node_lock(struct node *node)
{
    pthread_mutex_lock(&node->lock);
}

void node_unlock(struct node *node)
{
    pthread_mutex_unlock(&node->lock);
}

bool node_take_work(struct node *node, struct mono deadline)
{
    while (pthread_mutex_trylock(&node->work) != 0) {
        if (time_reached(clock_mono(), deadline)) {
            return false;
        }
        const struct timespec pause = {.tv_nsec = NODE_WORK_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

void node_give_work(struct node *node)
{
    pthread_mutex_unlock(&node->work);
}

void node_change(struct node *node)
{
    node->changes++;
    pthread_cond_broadcast(&node->changed);
}

void node_change_urgent(struct node *node)
{
    node->urgent++;
    node_change(node);
}

void node_forget(struct node *node)
{
    node->status_known = false;
    node->look_from = clock_mono();
}

void node_wait(struct node *node, const uint64_t *counter, uint64_t seen, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (*counter == seen && !atomic_load(&node->quit)) {
        if (pthread_cond_timedwait(&node->changed, &node->lock, &until) == ETIMEDOUT) {
            return;
        }
    }
}

void node_activity(struct node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(node->activity, sizeof node->activity, format, arguments);
    va_end(arguments);
    node_change(node);
}

void node_error(struct node *node, const char *format, ...)
{
    char text[NODE_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (text[0] != '\0' && strcmp(text, node->error) != 0) {
        LOG_W("%s", text);
    }
    memcpy(node->error, text, sizeof text);
    node_change(node);
}

enum err node_save(struct node *node)
{
    node->record.epoch = node->promise.epoch;
    node->record.ordered = node->promise.ordered;
    const enum err err = record_save(node->home, &node->record);
    if (err != ERR_OK) {
        node_error(node, "cannot write %s/record: %s", node->home, err_text(err));
    }
    return err;
}

bool node_held(struct node *node)
{
    return lease_holder_state(&node->holder, clock_mono()) == LEASE_HELD;
}

void node_arm(struct node *node)
{
    if (node->armed && node_held(node)) {
        fence_arm(&node->fence, lease_holder_fence_at(&node->holder));
    }
}

void node_durability(const struct node *node, struct buf *text)
{
    if (node->record.durability_told) {
        buf_text(text, node->record.durability);
    } else {
        pgconf_durability_default(node->options, text);
    }
}

/* With `lock` held: what was last asked for, with what holds now. */
static enum err node_write_conf(struct node *node)
{
    char memory[RECORD_DURABILITY];
    struct buf durability;
    const struct node_writer *upstream = &node->configured.upstream;
    const struct agent_options_peer peer = {.name = upstream->name, .host = upstream->host, .port = upstream->port};
    buf_init(&durability, memory, sizeof memory);
    node_durability(node, &durability);
    const struct pgconf conf = {.upstream = upstream->name[0] != '\0' ? &peer : NULL,
                                .durability = buf_string(&durability),
                                .settings = node->settings,
                                .standby = node->configured.standby};
    const enum err err = pgconf_write(node->options, &conf);
    if (err == ERR_OK) {
        pgctl_reload(&node->server);
    } else {
        node_error(node, "cannot write the configuration of PostgreSQL: %s", err_text(err));
    }
    return err;
}

enum err node_configure(struct node *node, const struct node_writer *upstream, bool standby)
{
    node_lock(node);
    node->configured.any = true;
    node->configured.standby = standby;
    node->configured.upstream = upstream != NULL ? *upstream : (struct node_writer){.port = 0};
    const enum err err = node_write_conf(node);
    node_unlock(node);
    return err;
}

void node_set_settings(struct node *node, const struct agent_options_settings *settings)
{
    node_lock(node);
    node->settings = settings;
    const enum err err = node->configured.any ? node_write_conf(node) : ERR_OK; /* else with the next start */
    node->pending_looks = NODE_PENDING_LOOKS;
    node_unlock(node);
    LOG_N("%u parameters were read anew: %s", settings->count, err_text(err));
}

/* A process that lives and is called as we are. (What its program is, only its parent may ask: it has changed its
 * user.) */
static bool node_lives(long pid)
{
    char path[NODE_NUMBER + 16];
    char own[NODE_COMM] = "";
    char text[NODE_COMM] = "";
    (void)prctl(PR_GET_NAME, own);
    snprintf(path, sizeof path, "/proc/%ld/stat", pid); /* proc(5): PID (NAME) STATE ... */
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) {
        close(fd);
    }
    const char *name = size > 0 ? strchr(text, '(') : NULL;
    const char *end = name != NULL ? strrchr(text, ')') : NULL;
    return end != NULL && (size_t)(end - name - 1) == strlen(own) && strncmp(name + 1, own, strlen(own)) == 0 &&
           end[1] == ' ' && end[2] != 'Z' && end[2] != 'X';
}

/* The agent that wrote its number into the lock file, when that still lives. */
static pid_t node_lock_owner(int lock_fd)
{
    char text[NODE_NUMBER] = "";
    if (pread(lock_fd, text, sizeof text - 1, 0) <= 0) {
        return 0;
    }
    const long pid = strtol(text, NULL, 10);
    return pid > 1 && pid <= INT32_MAX && pid != getpid() && node_lives(pid) ? (pid_t)pid : 0;
}

static void node_lock_sign(int lock_fd)
{
    char text[NODE_NUMBER];
    const int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(lock_fd, 0) != 0 || pwrite(lock_fd, text, (size_t)size, 0) != size) {
        LOG_W("the lock of this node cannot be signed: %s", err_text(err_from_errno(errno)));
    }
}

/* Takes the lock file; the fence process of an earlier life shares that lock until it has done its work. */
static enum err node_take_lock(struct node *node)
{
    char path[NODE_PATH];
    snprintf(path, sizeof path, "%s/lock", node->home);
    node->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (node->lock_fd < 0) {
        return err_from_errno(errno);
    }
    const struct mono deadline = time_add_ms(clock_mono(), NODE_LOCK_MS);
    bool told = false;
    while (flock(node->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        const pid_t owner = node_lock_owner(node->lock_fd);
        if (owner != 0) {
            LOG_E("an agent of this node runs already (process %d): end it first", (int)owner);
            return ERR_IN_USE;
        }
        if (time_reached(clock_mono(), deadline)) {
            LOG_E("another agent of this node, or its fence process, holds %s: end it first (fuser -v %s)", path, path);
            return ERR_IN_USE;
        }
        if (!told) {
            LOG_N("waiting for %s: the fence process of an earlier agent is at work", path);
            told = true;
        }
        const struct timespec pause = {.tv_nsec = 20000000};
        (void)nanosleep(&pause, NULL);
    }
    node_lock_sign(node->lock_fd);
    return ERR_OK;
}

static enum err node_load(struct node *node)
{
    const enum err err = record_load(node->home, &node->record);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        LOG_E("%s/record cannot be read (%s): repair it; or remove it and adopt the directory (holdfast agent adopt "
              "--node %s)",
              node->home, err_text(err), node->options->node);
        return err;
    }
    lease_holder_init(&node->holder, node->options->lease_us);
    lease_promise_init(&node->promise, node->options->lease_us, node->options->margin_us, clock_mono());
    lease_promise_restore(&node->promise, node->record.epoch, node->record.ordered);
    /* From now on what is in the data directory was made by this agent, also if it ends in the middle of that. */
    return err == ERR_NOT_FOUND ? node_save(node) : ERR_OK;
}

/* What this agent may not touch: a directory that other hands made, or that its programs cannot run. */
static enum err node_look_at_data(const struct agent_options *options)
{
    uint32_t program = 0;
    uint32_t data = 0;
    if (adopt_needed(options)) {
        LOG_E(
            "%s holds a cluster that no agent has made, and is left alone: adopt it (holdfast agent adopt --node %s), "
            "or move it away",
            options->data, options->node);
        return ERR_REFUSED;
    }
    if (adopt_data_major(options, &data) && adopt_program_major(options, &program) && data != program) {
        LOG_E("%s is of PostgreSQL %u, the programs in %s are of %u: correct databases.%s.nodes.%s.bin, or upgrade the "
              "directory with pg_upgrade",
              options->data, data, options->bin, program, options->database, options->node);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* A standby that outlived its agent goes on; everything else ends. */
static bool node_may_adopt(const struct node *node, pid_t *ret_pid)
{
    char path[NODE_PATH];
    snprintf(path, sizeof path, "%s/standby.signal", node->options->data);
    return node->record.role == RECORD_STANDBY && access(path, F_OK) == 0 && pgctl_find(node->options, ret_pid);
}

static enum err node_adopt(struct node *node, pid_t pid)
{
    struct pgquery query;
    struct pgquery_recovery recovery = {0};
    pgquery_init(&query, node->options);
    const struct mono deadline = time_add_ms(clock_mono(), NODE_ADOPT_MS);
    const enum err err = pgquery_recovery(&query, deadline, &recovery);
    pgquery_close(&query);
    if (err != ERR_OK || !recovery.in_recovery) {
        LOG_W("the running server %d cannot be adopted: %s", (int)pid,
              err != ERR_OK ? query.error : "it is not a standby");
        return node_kill(node, "not a standby");
    }
    pgctl_adopt(&node->server, pid);
    node->state = NODE_RUNNING;
    node->receiving_at = clock_mono();
    LOG_N("adopted the running standby, postmaster %d", (int)pid);
    return ERR_OK;
}

static void node_init_locks(struct node *node)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&node->changed, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&node->lock, NULL);
    pthread_mutex_init(&node->work, NULL);
}

enum err node_init(struct node *node, const struct agent_options *options)
{
    *node = (struct node){.options = options, .settings = &options->settings, .lock_fd = -1};
    node->server.options = options;
    node->boot = (uint64_t)clock_wall().us;
    node_init_locks(node);
    pgconf_home(options, node->home);
    child_init();
    enum err err = node_look_at_data(options);
    if (err != ERR_OK) {
        return err; /* said; nothing was touched */
    }
    err = pgconf_write_home(options);
    if (err != ERR_OK) {
        LOG_E("cannot write %s: %s: its parent must belong to the user that the agent runs as", node->home,
              err_text(err));
        return err;
    }
    err = node_take_lock(node);
    err = err == ERR_OK ? node_load(node) : err;
    if (err != ERR_OK) {
        return err;
    }
    pid_t pid = 0;
    const bool adopt = node_may_adopt(node, &pid);
    err = fence_init(&node->fence, options->data, options->lease_us, node->lock_fd, !adopt);
    if (err != ERR_OK) {
        LOG_E("no fence process: %s", err_text(err));
        return err;
    }
    return adopt ? node_adopt(node, pid) : node_kill(node, "a new agent begins with nothing running");
}

void node_fini(struct node *node)
{
    struct pgquery spare;
    pgquery_init(&spare, node->options);
    spare.connection = node->spare.connection;
    pgquery_close(&spare);
    fence_fini(&node->fence);
    if (node->lock_fd >= 0) {
        close(node->lock_fd);
    }
    pthread_mutex_destroy(&node->lock);
    pthread_mutex_destroy(&node->work);
    pthread_cond_destroy(&node->changed);
}

/* Spawns the server under the right state of the fence; `lock` held, so that a kill is before or after, never within.
 */
static enum err node_spawn(struct node *node, bool writer)
{
    const struct mono now = clock_mono();
    if (atomic_load(&node->quit)) {
        return ERR_CANCELLED;
    }
    if (node->killing > 0) {
        return ERR_CANCELLED; /* it would wait for the end of what starts here, with the lock held */
    }
    ASSERT(!pgctl_running(&node->server));
    if (node->unburied || fence_process_count(node->fence.page) > 0) {
        return ERR_IN_USE; /* backends of a dead postmaster: kill first */
    }
    if (writer) {
        const struct mono fence_at = lease_holder_fence_at(&node->holder);
        if (!node_held(node) || time_since_us(fence_at, now) < NODE_SPARE_MS * TIME_US_PER_MS) {
            return ERR_STALE;
        }
    }
    enum err err = fence_aim(&node->fence, node->options->data);
    node->armed = writer && err == ERR_OK;
    node_arm(node);
    if (err == ERR_OK && !writer) {
        fence_disarm(&node->fence);
    }
    err = err == ERR_OK ? pgctl_start(&node->server) : err;
    if (err == ERR_OK) {
        node->state = NODE_STARTING;
        node->fenced = false;
        node->died = false;
        node_forget(node);
        node->receiving_at = now;
        node_change(node);
    } else {
        node->armed = false;
        fence_close(&node->fence);
    }
    return err;
}

/* Whether the server that was started still is the one to wait for. */
static enum err node_still(struct node *node, uint64_t kills)
{
    node_lock(node);
    const enum err err = node->kills != kills            ? ERR_CANCELLED
                         : !pgctl_running(&node->server) ? ERR_EXIT_STATUS
                                                         : ERR_OK;
    node_unlock(node);
    return err;
}

enum err node_start(struct node *node, bool writer, struct mono deadline)
{
    node_lock(node);
    const uint64_t kills = node->kills;
    enum err err = node_spawn(node, writer);
    node_unlock(node);
    struct pgquery query;
    pgquery_init(&query, node->options);
    while (err == ERR_OK) {
        err = node_still(node, kills);
        if (err != ERR_OK || pgquery_open(&query, time_add_ms(clock_mono(), NODE_QUERY_MS)) == ERR_OK) {
            break;
        }
        if (time_reached(clock_mono(), deadline)) {
            err = ERR_TIMEOUT;
            break;
        }
        const struct timespec pause = {.tv_nsec = NODE_POLL_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    pgquery_close(&query);
    node_lock(node);
    if (err == ERR_OK && node->state == NODE_STARTING) {
        node->state = NODE_RUNNING;
        node_error(node, "%s", "");
    } else if (err != ERR_OK) {
        node_error(node, "PostgreSQL did not start: %s (%s); see %s/postgres.log", err_text(err), query.error,
                   node->home);
    }
    node_unlock(node);
    return err;
}

enum err node_kill(struct node *node, const char *reason)
{
    node_lock(node);
    node->kills++;
    node->killing++;
    node->armed = false;
    lease_holder_lose(&node->holder);
    const bool running = pgctl_running(&node->server);
    fence_close(&node->fence);
    if (running) {
        LOG_W("killing PostgreSQL: %s", reason);
    }
    if (node->state != NODE_STOPPED) {
        /* Its end is decided here: it did not die by itself, also when it is dead already. */
        node->state = NODE_STOPPING;
    }
    node_change(node);
    node_unlock(node);
    const enum err err = fence_kill(&node->fence, time_add_ms(clock_mono(), NODE_KILL_MS));
    node_lock(node);
    if (err == ERR_OK) {
        /* The proof is about processes; the child table may learn of the death a moment later. */
        while (pgctl_running(&node->server)) {
            const struct timespec pause = {.tv_nsec = 1000000};
            (void)nanosleep(&pause, NULL);
        }
        lease_holder_release(&node->holder);
        node->state = NODE_STOPPED;
        node->unburied = false;
        node->leaving = false;
        node_forget(node);
        node->fenced = true;
    } else {
        node->unburied = true; /* the next ticks go on */
        node_error(node, "a process of PostgreSQL cannot be killed: stuck in the kernel?");
    }
    node->killing--;
    node_change_urgent(node);
    node_unlock(node);
    return err;
}

/* The server died by itself, or by the fence. Its backends may live on: they end before anything else, so it counts as
 * stopping until then and nobody starts it again meanwhile. */
static void node_died(struct node *node)
{
    const bool was_writer = node->holder.state != LEASE_NONE;
    node->state = NODE_STOPPING;
    node->unburied = true;
    node->armed = false;
    node_forget(node);
    node->crashes++;
    node_error(node, "PostgreSQL ended by itself%s; see %s/postgres.log", was_writer ? " while it was the writer" : "",
               node->home);
}

/* After a death: what remains of the server ends. Only then is it certain, and told. */
static void node_bury(struct node *node)
{
    node_lock(node);
    const bool due = node->unburied && node->killing == 0; /* else somebody else sees to it */
    node->killing += due;
    node_unlock(node);
    if (!due) {
        return;
    }
    const bool gone = fence_process_count(node->fence.page) == 0 ||
                      fence_kill(&node->fence, time_add_ms(clock_mono(), NODE_KILL_MS)) == ERR_OK;
    node_lock(node);
    node->killing--;
    if (gone) { /* else nothing starts while one remains; the next tick tries again */
        node->unburied = false;
        node->state = NODE_STOPPED;
        node->crash_at = clock_mono();
        node->died =
            node_held(node) && node->record.role == RECORD_WRITER && node->record.data_epoch == node->holder.epoch;
        node_change_urgent(node);
    }
    node_unlock(node);
}

bool node_died_now(const struct node *node)
{
    return node->died && node->state == NODE_STOPPED && time_since_ms(clock_mono(), node->crash_at) < NODE_CHOICE_MS;
}

/* A server that stands still holds its clients for ever: it is better dead. */
static void node_end_still(struct node *node)
{
    const struct mono now = clock_mono();
    if (!pgctl_stands_still(&node->server)) {
        node->still_since = (struct mono){0};
    } else if (node->still_since.us == 0) {
        node->still_since = now;
    } else if (time_since_ms(now, node->still_since) >= NODE_STILL_MS) {
        LOG_W("PostgreSQL was stopped by a signal and stands still: killing it");
        (void)kill(node->server.postmaster, SIGKILL); /* its end is noticed as any other */
        node->still_since = (struct mono){0};
    }
}

void node_tick(struct node *node)
{
    fence_beat(&node->fence, clock_mono());
    const bool guarded = fence_keep(&node->fence) == ERR_OK;
    child_reap();
    node_lock(node);
    const bool running = pgctl_running(&node->server);
    const bool died = !running && (node->state == NODE_RUNNING || node->state == NODE_STARTING);
    if (died) {
        node_died(node);
    } else if (running) {
        node_end_still(node);
    }
    const bool lost = lease_holder_state(&node->holder, clock_mono()) == LEASE_LOST;
    const bool unguarded = !guarded && node->holder.state == LEASE_HELD;
    const bool unburied = node->unburied;
    node_unlock(node);
    if (lost || unguarded) {
        const enum err err = node_kill(node, lost ? "the right to write has ended" : "there is no fence process");
        (void)err; /* logged; the fence stays closed and goes on */
    } else if (unburied) {
        node_bury(node);
    }
}

void node_await_guard(struct node *node, struct mono deadline)
{
    node_lock(node);
    while (node->guarding && !atomic_load(&node->quit) && !time_reached(clock_mono(), deadline)) {
        node_wait(node, &node->changes, node->changes, NODE_GUARD_MS);
    }
    node_unlock(node);
}

/* Without a walreceiver a standby names the timeline of its control file, which is that of its last restartpoint. While
 * nothing more has come, what the last receiver said is truer. */
static void node_keep_timeline(const struct pgquery_status *before, struct pgquery_status *status)
{
    const bool receiver_gone = status->in_recovery && before->in_recovery && status->walreceiver == 0;
    if (receiver_gone && before->received.position == status->received.position &&
        before->timeline > status->timeline) {
        status->timeline = before->timeline;
    }
}

void node_saw(struct node *node, struct mono began, const struct pgquery_status *seen)
{
    if (!time_reached(began, node->look_from)) {
        return;
    }
    struct pgquery_status status = *seen;
    const bool news = !node->status_known || node->status.in_recovery != status.in_recovery ||
                      node->status.receiving != status.receiving || node->status.timeline != status.timeline;
    if (node->status_known) {
        node_keep_timeline(&node->status, &status);
    }
    node->look_from = began;
    node->status = status;
    node->status_known = true;
    node->state = node->state == NODE_STARTING ? NODE_RUNNING : node->state;
    if (status.receiving) {
        node->receiving_at = clock_mono();
    }
    if (strncmp(node->error, "PostgreSQL does not answer", 26) == 0) {
        node->error[0] = '\0';
    }
    if (news) {
        node_change(node);
    }
}

void node_look(struct node *node, struct pgquery *query)
{
    node_lock(node);
    const bool running = node->state != NODE_STOPPED;
    const uint64_t kills = node->kills;
    const struct mono began = clock_mono();
    node_unlock(node);
    if (!running) {
        pgquery_close(query);
        return;
    }
    struct pgquery_status status;
    const enum err err = pgquery_status(query, time_add_ms(clock_mono(), NODE_QUERY_MS), &status);
    node_lock(node);
    if (err != ERR_OK && node->state == NODE_RUNNING) {
        node_error(node, "PostgreSQL does not answer: %s", query->error);
    } else if (err == ERR_OK && node->kills == kills && node->state != NODE_STOPPED) {
        node_saw(node, began, &status);
    }
    node_unlock(node);
}
