/* SPDX-License-Identifier: Apache-2.0
 * The PostgreSQL server as a process. */
#include "agent/pgctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/fence_process.h"
#include "agent/file.h"
#include "agent/pgconf.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    PGCTL_PATH = AGENT_OPTIONS_PATH + 64,
    PGCTL_ARGUMENTS = 32,
    PGCTL_OUTPUT = 16 * 1024,
    PGCTL_TOOL_MS = 120000,
    PGCTL_CONTROL_MS = 20000,
    PGCTL_LOG_BYTES = 64 * 1024 * 1024,
    PGCTL_POLL_US = 1000,
    PGCTL_PHASE_AT = 16,
    PGCTL_SHUT_DOWN = 1,
    PGCTL_IN_PRODUCTION = 6,
};

bool pgctl_has_data(const struct agent_options *options)
{
    char path[PGCTL_PATH];
    snprintf(path, sizeof path, "%s/PG_VERSION", options->data);
    return access(path, F_OK) == 0;
}

static int pgctl_log_open(const struct agent_options *options, int mode)
{
    char home[AGENT_OPTIONS_PATH];
    char path[PGCTL_PATH];
    pgconf_home(options, home);
    snprintf(path, sizeof path, "%s/postgres.log", home);
    return open(path, mode | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

void pgctl_trim_log(const struct agent_options *options)
{
    char old[PGCTL_PATH];
    struct stat found;
    const int from = pgctl_log_open(options, O_RDWR);
    snprintf(old, sizeof old, "%s.holdfast/postgres.log.1", options->data);
    if (from < 0) {
        return;
    }
    if (fstat(from, &found) == 0 && found.st_size > PGCTL_LOG_BYTES) {
        const int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        off_t at = 0;
        while (to >= 0 && at < found.st_size && sendfile(to, from, &at, (size_t)(found.st_size - at)) > 0) {
        }
        if (to >= 0) {
            close(to);
        }
        /* The server appends to the same file: emptied, not replaced. */
        if (ftruncate(from, 0) != 0) {
            LOG_W("the log of PostgreSQL cannot be trimmed: %s", err_text(err_from_errno(errno)));
        }
    }
    close(from);
}

/* The child's whole environment; the mark first (agent/fence_process.h). */
struct pgctl_environment {
    char mark[PGCTL_PATH];
    char passfile[PGCTL_PATH];
    char home[PGCTL_PATH];
    const char *variables[8];
};

static void pgctl_environment_init(struct pgctl_environment *environment, const struct agent_options *options)
{
    snprintf(environment->mark, sizeof environment->mark, FENCE_PROCESS_MARK "=%s", options->data);
    snprintf(environment->passfile, sizeof environment->passfile, "PGPASSFILE=%s.holdfast/passfile", options->data);
    snprintf(environment->home, sizeof environment->home, "HOME=%s.holdfast", options->data);
    const char *const variables[] = {environment->mark, environment->passfile,
                                     environment->home, "PATH=/usr/local/bin:/usr/bin:/bin",
                                     "LC_ALL=C.UTF-8",  NULL};
    memcpy(environment->variables, variables, sizeof variables);
}

enum err pgctl_spawn_to(const struct agent_options *options, const char *const *arguments, bool session, int output_fd,
                        pid_t *ret_pid)
{
    struct pgctl_environment environment;
    char program[PGCTL_PATH];
    const char *full[PGCTL_ARGUMENTS];
    size_t count = 0;
    pgctl_environment_init(&environment, options);
    if (arguments[0][0] == '/') {
        snprintf(program, sizeof program, "%s", arguments[0]);
    } else {
        snprintf(program, sizeof program, "%s/%s", options->bin, arguments[0]);
    }
    full[count++] = program;
    for (size_t i = 1; arguments[i] != NULL; i++) {
        ASSERT(count < PGCTL_ARGUMENTS - 1);
        full[count++] = arguments[i];
    }
    full[count] = NULL;
    const struct child_spec spec = {
        .arguments = full,
        .environment = environment.variables,
        .output_fd = output_fd,
        .session = session,
    };
    return child_spawn(&spec, ret_pid);
}

static enum err pgctl_spawn(const struct agent_options *options, const char *const *arguments, bool session,
                            pid_t *ret_pid)
{
    const int log_fd = pgctl_log_open(options, O_WRONLY);
    if (log_fd < 0) {
        return err_from_errno(errno);
    }
    const enum err err = pgctl_spawn_to(options, arguments, session, log_fd, ret_pid);
    close(log_fd);
    return err;
}

static enum err pgctl_await(pid_t pid, struct mono deadline)
{
    int status;
    const enum err err = child_wait(pid, deadline, &status);
    if (err != ERR_OK) {
        (void)kill(pid, SIGKILL);
        child_forget(pid);
        return err;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_OK : ERR_EXIT_STATUS;
}

/* Small outputs only: what fits a pipe. */
static enum err pgctl_capture(const struct agent_options *options, const char *const *arguments, struct buf *output,
                              struct mono deadline)
{
    int ends[2];
    pid_t pid = 0;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_from_errno(errno);
    }
    enum err err = pgctl_spawn_to(options, arguments, false, ends[1], &pid);
    close(ends[1]);
    err = err == ERR_OK ? pgctl_await(pid, deadline) : err;
    buf_reset(output);
    while (err == ERR_OK && output->size < output->capacity - 1) {
        const ssize_t size = read(ends[0], output->data + output->size, output->capacity - 1 - output->size);
        if (size <= 0) {
            break;
        }
        output->size += (size_t)size;
    }
    output->data[output->size] = '\0';
    close(ends[0]);
    return err;
}

enum err pgctl_run(const struct agent_options *options, const char *const *arguments, struct buf *output,
                   struct mono deadline)
{
    if (output != NULL) {
        return pgctl_capture(options, arguments, output, deadline);
    }
    pid_t pid = 0;
    const enum err err = pgctl_spawn(options, arguments, false, &pid);
    return err == ERR_OK ? pgctl_await(pid, deadline) : err;
}

enum err pgctl_initdb(const struct agent_options *options)
{
    char home[AGENT_OPTIONS_PATH];
    char password[PGCTL_PATH];
    char password_argument[PGCTL_PATH + 16];
    char segment[32];
    pgconf_home(options, home);
    snprintf(password, sizeof password, "%s/initdb-password", home);
    snprintf(password_argument, sizeof password_argument, "--pwfile=%s", password);
    snprintf(segment, sizeof segment, "--wal-segsize=%u", options->wal_segment_bytes / (1024 * 1024));
    const char *arguments[] = {"initdb",
                               "-D",
                               options->data,
                               "-U",
                               options->superuser,
                               "--data-checksums",
                               "--encoding=UTF8",
                               "--locale=C.UTF-8",
                               segment,
                               "--auth-local=peer",
                               "--auth-host=scram-sha-256",
                               NULL,
                               NULL};
    enum err err = ERR_OK;
    if (options->superuser_password != NULL) {
        err = file_replace(password, options->superuser_password, strlen(options->superuser_password), 0600);
        arguments[11] = password_argument;
    } else {
        /* initdb refuses a scram host line without a password; our own pg_hba.conf replaces it anyway. */
        arguments[10] = "--auth-host=reject";
    }
    err = err == ERR_OK ? pgctl_run(options, arguments, NULL, time_add_ms(clock_mono(), PGCTL_TOOL_MS)) : err;
    (void)unlink(password);
    return err;
}

enum err pgctl_control(const struct agent_options *options, struct pgparse_control *ret_control)
{
    char memory[PGCTL_OUTPUT];
    struct buf output;
    const char *const arguments[] = {"pg_controldata", "-D", options->data, NULL};
    buf_init(&output, memory, sizeof memory);
    const enum err err = pgctl_run(options, arguments, &output, time_add_ms(clock_mono(), PGCTL_CONTROL_MS));
    return err == ERR_OK ? pgparse_control(span_of(output.data, output.size), ret_control) : err;
}

enum err pgctl_history(const struct agent_options *options, uint32_t timeline, struct pgparse_history *ret_history)
{
    char path[PGCTL_PATH];
    char memory[PGCTL_OUTPUT];
    struct buf text;
    ret_history->count = 0;
    if (timeline <= 1) {
        return ERR_OK;
    }
    buf_init(&text, memory, sizeof memory);
    snprintf(path, sizeof path, "%s/pg_wal/%08X.history", options->data, timeline);
    const enum err err = file_read(path, &text);
    return err == ERR_OK ? pgparse_history(span_of(text.data, text.size), ret_history) : err;
}

enum err pgctl_start(struct pgctl *pgctl)
{
    ASSERT(pgctl->postmaster == 0);
    const char *const arguments[] = {"postgres", "-D", pgctl->options->data, NULL};
    pid_t pid = 0;
    const enum err err = pgctl_spawn(pgctl->options, arguments, true, &pid);
    if (err == ERR_OK) {
        pgctl->postmaster = pid;
        pgctl->adopted = false;
    }
    return err;
}

bool pgctl_find(const struct agent_options *options, pid_t *ret_pid)
{
    char path[PGCTL_PATH];
    char memory[1024];
    struct buf text;
    struct pgparse_pid found;
    struct stat data;
    struct stat where;
    buf_init(&text, memory, sizeof memory);
    snprintf(path, sizeof path, "%s/postmaster.pid", options->data);
    if (file_read(path, &text) != ERR_OK || pgparse_pid(span_of(text.data, text.size), &found) != ERR_OK) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)found.pid);
    if (stat(options->data, &data) != 0 || stat(path, &where) != 0 || data.st_ino != where.st_ino ||
        data.st_dev != where.st_dev) {
        return false;
    }
    *ret_pid = found.pid;
    return true;
}

void pgctl_adopt(struct pgctl *pgctl, pid_t postmaster)
{
    ASSERT(pgctl->postmaster == 0);
    pgctl->postmaster = postmaster;
    pgctl->adopted = true;
}

bool pgctl_running(struct pgctl *pgctl)
{
    if (pgctl->postmaster == 0) {
        return false;
    }
    int status = 0;
    pid_t found = 0;
    const bool dead = pgctl->adopted ? !pgctl_find(pgctl->options, &found) || found != pgctl->postmaster
                                     : child_exited(pgctl->postmaster, &status);
    if (!dead) {
        return true;
    }
    if (!pgctl->adopted) {
        child_forget(pgctl->postmaster);
    }
    LOG_N("postgres %d ended%s%d", (int)pgctl->postmaster, WIFSIGNALED(status) ? " by signal " : " with status ",
          WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    pgctl->postmaster = 0;
    return false;
}

bool pgctl_stands_still(const struct pgctl *pgctl)
{
    char path[64];
    char text[256];
    if (pgctl->postmaster <= 0) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pgctl->postmaster);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) {
        return false;
    }
    text[size] = '\0';
    const char *name_end = strrchr(text, ')'); /* proc(5): PID (NAME) STATE ... */
    return name_end != NULL && strncmp(name_end, ") T", 3) == 0;
}

/* DBState of PostgreSQL's pg_control.h, unchanged since 9.0, behind the system's identifier and two version numbers; 0
 * (being created) when it cannot be read. */
static uint32_t pgctl_phase(const struct agent_options *options)
{
    char path[PGCTL_PATH];
    uint32_t phase = 0;
    snprintf(path, sizeof path, "%s/global/pg_control", options->data);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const bool whole = pread(fd, &phase, sizeof phase, PGCTL_PHASE_AT) == (ssize_t)sizeof phase;
    close(fd);
    return whole ? phase : 0;
}

/* `hint`: also until the state has gone from production to shut down. Crash recovery ends in that state for a moment,
 * too, but a server that is in production when it is told to stop never gets there. */
static enum err pgctl_end(struct pgctl *pgctl, bool hint, struct mono deadline)
{
    if (!pgctl_running(pgctl)) {
        return ERR_OK;
    }
    const bool production = hint && pgctl_phase(pgctl->options) == PGCTL_IN_PRODUCTION;
    (void)kill(pgctl->postmaster, SIGINT);
    while (pgctl_running(pgctl) && !(production && pgctl_phase(pgctl->options) == PGCTL_SHUT_DOWN)) {
        if (time_reached(clock_mono(), deadline)) {
            return ERR_TIMEOUT;
        }
        const struct timespec pause = {.tv_nsec = PGCTL_POLL_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    return ERR_OK;
}

enum err pgctl_stop(struct pgctl *pgctl, struct mono deadline)
{
    return pgctl_end(pgctl, false, deadline);
}

enum err pgctl_stop_writing(struct pgctl *pgctl, struct mono deadline)
{
    return pgctl_end(pgctl, true, deadline);
}

void pgctl_reload(const struct pgctl *pgctl)
{
    if (pgctl->postmaster > 0) {
        (void)kill(pgctl->postmaster, SIGHUP);
    }
}

enum err pgctl_promote(const struct pgctl *pgctl)
{
    char path[PGCTL_PATH];
    if (pgctl->postmaster <= 0) {
        return ERR_UNAVAILABLE;
    }
    snprintf(path, sizeof path, "%s/promote", pgctl->options->data);
    const enum err err = file_touch(path, 0600); /* PostgreSQL removes what a crash left of it */
    if (err != ERR_OK) {
        return err;
    }
    return kill(pgctl->postmaster, SIGUSR1) == 0 ? ERR_OK : err_from_errno(errno);
}

void pgctl_end_walreceiver(const struct pgctl *pgctl, pid_t walreceiver)
{
    if (pgctl->postmaster <= 0 || walreceiver <= 1) {
        return;
    }
    LOG_W("the walreceiver %d is stuck: continuing and ending it", (int)walreceiver);
    (void)kill(walreceiver, SIGCONT);
    (void)kill(walreceiver, SIGTERM);
}
