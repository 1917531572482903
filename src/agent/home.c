/* SPDX-License-Identifier: Apache-2.0
 * An old writer comes home: salvage first, then rewind. */
#include "agent/home.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/child.h"
#include "agent/file.h"
#include "agent/pgconf.h"
#include "base/assert.h"
#include "base/buf.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    HOME_PATH = AGENT_OPTIONS_PATH + 64,
    HOME_TICK_MS = 200,
    HOME_END_MS = 90000, /* after SIGTERM: the old server stops cleanly */
    HOME_TRIES = 3,
    HOME_COMPLETE = 0, /* exit codes of `holdfast salvage` */
    HOME_REFUSED = 3,
    HOME_INCOMPLETE = 10,
    HOME_CANCELLED = -1,
};

struct home {
    struct node *node;
    uint64_t kills;
    const char *name; /* of the program, for the log */
    bool nothing;     /* pg_rewind did nothing, which it should have */
    char line[256];
    size_t line_size;
};

static const char home_salvaging[] = "salvaging";
static const char home_rewinding[] = "rewinding";

static void home_mark_path(const struct node *node, const char *mark, char path[HOME_PATH])
{
    snprintf(path, HOME_PATH, "%s.holdfast/%s", node->options->data, mark);
}

static enum err home_mark(const struct node *node, const char *mark)
{
    char path[HOME_PATH];
    home_mark_path(node, mark, path);
    return file_replace(path, "", 0, 0600);
}

static bool home_marked(const struct node *node, const char *mark)
{
    char path[HOME_PATH];
    home_mark_path(node, mark, path);
    return access(path, F_OK) == 0;
}

static bool home_unmark(const struct node *node, const char *mark)
{
    char path[HOME_PATH];
    home_mark_path(node, mark, path);
    if (unlink(path) != 0 && errno != ENOENT) {
        LOG_W("%s cannot be removed: %s", path, err_text(err_from_errno(errno)));
        return false;
    }
    return true;
}

bool home_begun(const struct node *node)
{
    return home_marked(node, home_salvaging);
}

void home_settled(struct node *node)
{
    (void)home_unmark(node, home_rewinding);
    (void)home_unmark(node, home_salvaging);
    node_lock(node);
    node->home_tries = 0;
    node_unlock(node);
}

/* A line of the program: "progress ..." is what the node does now, the rest is for the log. */
static void home_line(struct home *home)
{
    home->line[home->line_size] = '\0';
    home->line_size = 0;
    if (strncmp(home->line, "progress ", 9) == 0) {
        node_lock(home->node);
        node_activity(home->node, "%s", home->line + 9);
        node_unlock(home->node);
    } else if (home->line[0] != '\0') {
        home->nothing |= strstr(home->line, "no rewind required") != NULL;
        LOG_N("%s: %s", home->name, home->line);
    }
}

/* Takes in what it said within a tick. False: it has ended. */
static bool home_listen(struct home *home, int output)
{
    struct pollfd waited = {.fd = output, .events = POLLIN};
    char bytes[512];
    if (poll(&waited, 1, HOME_TICK_MS) <= 0) {
        return true;
    }
    const ssize_t size = read(output, bytes, sizeof bytes);
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' || home->line_size == sizeof home->line - 1) {
            home_line(home);
        } else {
            home->line[home->line_size++] = bytes[i];
        }
    }
    return size > 0 || (size < 0 && errno == EINTR);
}

static bool home_go_on(struct home *home)
{
    node_lock(home->node);
    const bool go_on = home->node->kills == home->kills && !atomic_load(&home->node->quit);
    node_unlock(home->node);
    return go_on;
}

/* Runs a program to its end: its exit status, HOME_CANCELLED when an order came, 127 when it cannot be run. */
static int home_run(struct home *home, const char *const *arguments)
{
    int ends[2];
    int status = 0;
    pid_t pid = 0;
    bool go_on = true;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return 127;
    }
    const enum err err = pgctl_spawn_to(home->node->options, arguments, false, ends[1], &pid);
    close(ends[1]);
    while (err == ERR_OK && go_on && home_listen(home, ends[0])) {
        go_on = home_go_on(home);
    }
    if (err == ERR_OK && !go_on) {
        (void)kill(pid, SIGTERM);
    }
    if (err == ERR_OK && child_wait(pid, time_add_ms(clock_mono(), HOME_END_MS), &status) != ERR_OK) {
        (void)kill(pid, SIGKILL);
        child_forget(pid);
        go_on = false;
    }
    close(ends[0]);
    return err != ERR_OK ? 127 : !go_on ? HOME_CANCELLED : WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static int home_salvage(struct home *home, const struct node_writer *writer)
{
    const struct agent_options *options = home->node->options;
    char passfile[HOME_PATH];
    char address[NODE_HOST + 16];
    char epoch[24];
    snprintf(passfile, sizeof passfile, "%s.holdfast/passfile", options->data);
    snprintf(address, sizeof address, strchr(writer->host, ':') != NULL ? "[%s]:%u" : "%s:%u", writer->host,
             writer->port);
    node_lock(home->node);
    snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)home->node->record.data_epoch);
    node_unlock(home->node);
    const char *const arguments[] = {
        "/proc/self/exe", "salvage", "--progress",  "--data",           options->data, "--bin",  options->bin,
        "--writer",       address,   "--user",      options->superuser, "--passfile",  passfile, "--dbname",
        options->dbname,  "--node",  options->node, "--epoch",          epoch,         NULL};
    home->name = "salvage";
    /* Not a standby any more, and no upstream: it recovers what it has. */
    enum err err = node_configure(home->node, NULL, false);
    err = err == ERR_OK ? home_mark(home->node, home_salvaging) : err;
    node_lock(home->node);
    err = err == ERR_OK && home->node->kills != home->kills ? ERR_CANCELLED : err;
    err = err == ERR_OK ? fence_aim(&home->node->fence, options->data) : err;
    if (err == ERR_OK) {
        fence_disarm(&home->node->fence);
    }
    node_unlock(home->node);
    const int status = err == ERR_OK ? home_run(home, arguments) : HOME_CANCELLED;
    node_lock(home->node);
    fence_close(&home->node->fence); /* what is left of the old server ends */
    node_unlock(home->node);
    return status;
}

static void home_conninfo(const struct agent_options *options, const struct node_writer *writer, struct buf *text)
{
    buf_text(text, "host=");
    pgconf_quote_conninfo(text, writer->host);
    buf_printf(text, " port=%u user=", writer->port);
    pgconf_quote_conninfo(text, options->superuser);
    buf_text(text, " dbname=");
    pgconf_quote_conninfo(text, options->dbname);
    buf_text(text, " application_name='holdfast rewind' connect_timeout=5 sslmode=prefer");
}

static bool home_rewind(struct home *home, const struct node_writer *writer)
{
    const struct agent_options *options = home->node->options;
    char memory[1024];
    struct buf conninfo;
    buf_init(&conninfo, memory, sizeof memory);
    home_conninfo(options, writer, &conninfo);
    if (conninfo.overflow || home_mark(home->node, home_rewinding) != ERR_OK) {
        return false;
    }
    node_lock(home->node);
    node_activity(home->node, "rewinding");
    node_unlock(home->node);
    home->name = "pg_rewind";
    const char *const arguments[] = {"pg_rewind", "-D", options->data, "--source-server", buf_string(&conninfo), NULL};
    return home_run(home, arguments) == 0 && !home->nothing;
}

/* A failure may pass; several in a row will not: then the directory is kept for a person. */
static enum home_outcome home_failed(struct node *node, const struct node_writer *writer)
{
    node_lock(node);
    const bool enough = ++node->home_tries >= HOME_TRIES;
    node_error(node, "salvage towards %s failed%s", writer->name,
               enough ? ": the data directory is kept, a person must decide (holdfast salvage --help)" : ", once more");
    node_unlock(node);
    return enough ? HOME_KEEP : HOME_AGAIN;
}

/* Until the checkpoint that follows its promotion, the writer's control file names the old timeline and pg_rewind finds
 * nothing to do: it did nothing, and may be asked again. */
static bool home_early(struct node *node)
{
    node_lock(node);
    const bool again = ++node->home_tries < HOME_TRIES;
    node_unlock(node);
    return again && home_unmark(node, home_rewinding);
}

enum home_outcome home_come(struct node *node, const struct node_writer *writer)
{
    struct home home = {.node = node};
    if (home_marked(node, home_rewinding)) {
        LOG_W("a rewind was begun and not ended: cloning");
        return HOME_USELESS;
    }
    node_lock(node);
    home.kills = node->kills;
    node_activity(node, "salvaging");
    node_unlock(node);
    const int status = home_salvage(&home, writer);
    switch (status) {
    case HOME_COMPLETE:
        break;
    case HOME_REFUSED:
    case HOME_INCOMPLETE:
        LOG_W("the data directory is kept: %s", status == HOME_REFUSED
                                                    ? "it has nothing in common with the writer"
                                                    : "not all that its last commits wrote could be brought home");
        return HOME_KEEP;
    case HOME_CANCELLED:
        return HOME_AGAIN;
    default:
        return home_failed(node, writer);
    }
    if (home_rewind(&home, writer)) {
        (void)home_unmark(node, home_salvaging);
        return HOME_REWOUND;
    }
    if (home.nothing && home_early(node)) {
        return HOME_AGAIN;
    }
    return home_go_on(&home) ? HOME_USELESS : HOME_AGAIN;
}
