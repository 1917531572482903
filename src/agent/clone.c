/* SPDX-License-Identifier: Apache-2.0
 * A node's data directory made anew from the writer's by pg_basebackup. */
#include "agent/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/file.h"
#include "agent/pgconf.h"
#include "agent/pgctl.h"
#include "base/buf.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    CLONE_PATH = AGENT_OPTIONS_PATH + 64,
    CLONE_RESERVE_KB = 512 * 1024, /* left free on the disk: log and growth while the copy runs */
    CLONE_TICK_MS = 200,
    CLONE_FILES = 64, /* directories open at once while removing */
};

struct clone {
    const struct agent_options *options;
    const struct clone_watch *watch;
    char aside[CLONE_PATH];
    char line[256];
    size_t line_size;
    pid_t pid;
    int output;
    bool checked; /* the disk's room against the announced size */
};

void clone_kept_name(const char *data, int64_t wall_s, uint64_t epoch, char *path)
{
    char date[32];
    const time_t seconds = (time_t)wall_s;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y%m%dT%H%M%SZ", &parts);
    snprintf(path, AGENT_OPTIONS_PATH, "%s.kept-%s-%llu", data, date, (unsigned long long)epoch);
}

/* Digits, at most 18 of them. */
static const char *clone_number(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    int digits = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (++digits > 18) {
            return NULL;
        }
        number = number * 10 + (uint64_t)(*text - '0');
    }
    *ret_number = number;
    return digits > 0 ? text : NULL;
}

bool clone_parse_progress(const char *line, uint64_t *ret_done_kb, uint64_t *ret_total_kb)
{
    uint64_t done = 0;
    uint64_t total = 0;
    const char *rest = clone_number(line + strspn(line, " "), &done);
    if (rest == NULL || *rest != '/') {
        return false;
    }
    rest = clone_number(rest + 1, &total);
    if (rest == NULL || strncmp(rest, " kB", 3) != 0) {
        return false;
    }
    *ret_done_kb = done;
    *ret_total_kb = total;
    return true;
}

static int clone_remove_entry(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

static enum err clone_remove(const char *path)
{
    if (access(path, F_OK) != 0) {
        return ERR_OK;
    }
    return nftw(path, clone_remove_entry, CLONE_FILES, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 ? ERR_OK
                                                                                              : err_from_errno(errno);
}

static enum err clone_room(const struct clone *clone, uint64_t total_kb)
{
    struct statvfs disk;
    if (statvfs(clone->aside, &disk) != 0) {
        return err_from_errno(errno);
    }
    const uint64_t free_kb = (uint64_t)disk.f_bavail * disk.f_frsize / 1024;
    if (total_kb + CLONE_RESERVE_KB > free_kb) {
        LOG_E("no room to clone: the copy takes %llu MB, the disk has %llu MB free: remove a %s.kept-... that is no "
              "longer needed",
              (unsigned long long)(total_kb / 1024), (unsigned long long)(free_kb / 1024), clone->options->data);
        return ERR_DISK_FULL;
    }
    return ERR_OK;
}

static enum err clone_line(struct clone *clone)
{
    uint64_t done_kb;
    uint64_t total_kb;
    clone->line[clone->line_size] = '\0';
    clone->line_size = 0;
    if (!clone_parse_progress(clone->line, &done_kb, &total_kb)) {
        if (clone->line[0] != '\0') {
            LOG_I("pg_basebackup: %s", clone->line);
        }
        return ERR_OK;
    }
    if (!clone->checked) {
        clone->checked = true;
        const enum err err = clone_room(clone, total_kb);
        if (err != ERR_OK) {
            return err;
        }
    }
    const uint64_t percent = total_kb > 0 ? done_kb * 100 / total_kb : 0;
    return clone->watch->progress(clone->watch->context, (int)(percent > 100 ? 100 : percent)) ? ERR_OK : ERR_CANCELLED;
}

/* Takes in what pg_basebackup said within a tick. */
static enum err clone_listen(struct clone *clone)
{
    struct pollfd waited = {.fd = clone->output, .events = POLLIN};
    if (poll(&waited, 1, CLONE_TICK_MS) <= 0) {
        return clone->watch->progress(clone->watch->context, -1) ? ERR_OK : ERR_CANCELLED;
    }
    char bytes[512];
    const ssize_t size = read(clone->output, bytes, sizeof bytes);
    if (size <= 0) {
        return size < 0 && errno == EINTR ? ERR_OK : ERR_CLOSED;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || bytes[i] == '\r' || clone->line_size == sizeof clone->line - 1) {
            const enum err err = clone_line(clone);
            if (err != ERR_OK) {
                return err;
            }
        } else {
            clone->line[clone->line_size++] = bytes[i];
        }
    }
    return ERR_OK;
}

/* Until pg_basebackup closes its output; then its exit status counts. */
static enum err clone_follow(struct clone *clone)
{
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        err = clone_listen(clone);
    }
    int status = 0;
    if (err != ERR_CLOSED) {
        (void)kill(clone->pid, SIGTERM);
    }
    if (child_wait(clone->pid, time_add_ms(clock_mono(), 30000), &status) != ERR_OK) {
        (void)kill(clone->pid, SIGKILL);
        child_forget(clone->pid);
        return err == ERR_CLOSED ? ERR_TIMEOUT : err;
    }
    if (err != ERR_CLOSED) {
        return err;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ERR_OK : ERR_EXIT_STATUS;
}

static enum err clone_copy(struct clone *clone, const struct agent_options_peer *from)
{
    char memory[CLONE_PATH * 2];
    struct buf conninfo;
    int ends[2];
    buf_init(&conninfo, memory, sizeof memory);
    pgconf_conninfo(clone->options, from, &conninfo);
    const char *const arguments[] = {
        "pg_basebackup",     "-D",         clone->aside,    "-d", buf_string(&conninfo), "--wal-method=stream",
        "--checkpoint=fast", "--progress", "--no-password", NULL};
    if (conninfo.overflow) {
        return ERR_TOO_LARGE;
    }
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return err_from_errno(errno);
    }
    enum err err = pgctl_spawn_to(clone->options, arguments, false, ends[1], &clone->pid);
    close(ends[1]);
    clone->output = ends[0];
    err = err == ERR_OK ? clone_follow(clone) : err;
    close(ends[0]);
    return err;
}

/* The copy takes the data directory's place. */
static enum err clone_swap(const struct clone *clone, uint64_t epoch)
{
    const char *data = clone->options->data;
    char kept[AGENT_OPTIONS_PATH];
    char parent[AGENT_OPTIONS_PATH];
    if (rmdir(data) != 0 && errno != ENOENT) { /* an empty one is nothing to keep */
        clone_kept_name(data, clock_wall().us / TIME_US_PER_S, epoch, kept);
        if (rename(data, kept) != 0) {
            return err_from_errno(errno);
        }
        LOG_N("the old data directory is kept as %s", kept);
    }
    if (rename(clone->aside, data) != 0) {
        return err_from_errno(errno);
    }
    snprintf(parent, sizeof parent, "%s", data);
    char *slash = strrchr(parent, '/');
    if (slash == NULL || slash == parent) {
        return ERR_OK;
    }
    *slash = '\0';
    return file_sync_folder(parent);
}

enum err clone_run(const struct agent_options *options, const struct agent_options_peer *from, uint64_t epoch,
                   const struct clone_watch *watch)
{
    struct clone clone = {.options = options, .watch = watch};
    snprintf(clone.aside, sizeof clone.aside, "%s.clone", options->data);
    enum err err = clone_remove(clone.aside);
    err = err == ERR_OK ? pgconf_write_home(options) : err;
    if (err == ERR_OK && mkdir(clone.aside, 0700) != 0) {
        err = err_from_errno(errno);
    }
    err = err == ERR_OK ? clone_copy(&clone, from) : err;
    err = err == ERR_OK ? clone_swap(&clone, epoch) : err;
    if (err != ERR_OK) {
        const enum err removed = clone_remove(clone.aside);
        if (removed != ERR_OK) {
            LOG_W("%s cannot be removed: %s", clone.aside, err_text(removed));
        }
    }
    return err;
}
