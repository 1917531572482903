/* SPDX-License-Identifier: Apache-2.0
 * The exec probe: runs a program by the Nagios plug-in convention (exit status 0 good, 1 warning, 2 critical, 3
 * unknown; the first line of its output is the message).
 *
 * No shell. The program leads a process group of its own; at the time-out the whole group is killed. Every child is
 * reaped, by its pidfd, also after its attempt was given up. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/probe_driver.h"

enum {
    PROBE_EXEC_OUTPUT = 4096, /* the rest of the output is read and forgotten */
};

/* One run. Lives until the child is reaped and the handles are closed, perhaps longer than its slot. */
struct probe_exec {
    struct probe_slot *slot; /* NULL: given up */
    pid_t pid;
    uv_poll_t exit;   /* on the pidfd */
    uv_pipe_t output; /* the child's standard output and error */
    int pidfd;
    uint32_t open;
    size_t size;
    char text[PROBE_EXEC_OUTPUT];
};

static void probe_exec_closed(uv_handle_t *handle)
{
    struct probe_exec *exec = handle->data;
    if (--exec->open == 0) {
        close(exec->pidfd);
        free(exec);
    }
}

static void probe_exec_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct probe_exec *exec = handle->data;
    static _Thread_local char waste[4096];
    const size_t room = sizeof exec->text - 1 - exec->size;
    *buf = room > 0 ? uv_buf_init(exec->text + exec->size, (unsigned)room) : uv_buf_init(waste, sizeof waste);
}

static void probe_exec_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct probe_exec *exec = stream->data;
    if (count < 0) {
        uv_read_stop(stream);
    } else if (buf->base == exec->text + exec->size) {
        exec->size += (size_t)count;
        exec->text[exec->size] = 0;
    }
}

static void probe_exec_finish(struct probe_exec *exec, struct probe_slot *slot, int status)
{
    exec->text[strcspn(exec->text, "\r\n|")] = 0; /* behind | are performance data */
    const char *program = slot->spec.command;
    if (WIFSIGNALED(status)) {
        probe_loop_finish(slot, ERR_EXIT_STATUS, "%s was ended by signal %d", program, WTERMSIG(status));
        return;
    }
    switch (WEXITSTATUS(status)) {
    case 0:
        probe_loop_finish(slot, ERR_OK, "%s", exec->text);
        return;
    case 1:
        probe_loop_finish(slot, ERR_OK, "warning: %s", exec->text);
        return;
    case 2:
        probe_loop_finish(slot, ERR_EXIT_STATUS, "critical: %s", exec->text);
        return;
    case 3:
        probe_loop_finish(slot, ERR_EXIT_STATUS, "unknown: %s", exec->text);
        return;
    default:
        probe_loop_finish(slot, ERR_EXIT_STATUS, "exit status %d: %s", WEXITSTATUS(status), exec->text);
    }
}

/* What is still in the pipe when the child has ended. Grandchildren may hold it open: their output is not waited for.
 */
static void probe_exec_drain(struct probe_exec *exec)
{
    uv_os_fd_t fd;
    ASSERT(uv_fileno((uv_handle_t *)&exec->output, &fd) == 0);
    while (exec->size < sizeof exec->text - 1) {
        const ssize_t size = read(fd, exec->text + exec->size, sizeof exec->text - 1 - exec->size);
        if (size <= 0) {
            break;
        }
        exec->size += (size_t)size;
    }
    exec->text[exec->size] = 0;
}

static void probe_exec_exited(uv_poll_t *poll, int poll_status, int events)
{
    (void)poll_status;
    (void)events;
    struct probe_exec *exec = poll->data;
    int status = 0;
    /* The group may have more members than its leader, who still holds the number: it is not reaped yet. */
    kill(-exec->pid, SIGKILL);
    const pid_t reaped = waitpid(exec->pid, &status, 0);
    ASSERT(reaped == exec->pid);
    probe_exec_drain(exec);
    uv_close((uv_handle_t *)&exec->exit, probe_exec_closed);
    uv_close((uv_handle_t *)&exec->output, probe_exec_closed);
    struct probe_slot *slot = exec->slot;
    if (slot != NULL) {
        exec->slot = NULL;
        slot->state = NULL;
        probe_exec_finish(exec, slot, status);
    }
}

static int probe_exec_spawn(struct probe_slot *slot, int output, pid_t *ret_pid)
{
    extern char **environ;
    char *arguments[PROBE_ARGUMENTS + 1] = {NULL};
    char *at = slot->spec.command;
    for (uint32_t i = 0; i < slot->spec.command_count; i++) {
        arguments[i] = at;
        at += strlen(at) + 1;
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    const int status = posix_spawnp(ret_pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return status;
}

static void probe_exec_watch(struct probe_exec *exec, struct probe_slot *slot, int output)
{
    uv_loop_t *loop = probe_loop_uv(slot->loop);
    ASSERT(uv_pipe_init(loop, &exec->output, 0) == 0);
    ASSERT(uv_pipe_open(&exec->output, output) == 0);
    ASSERT(uv_poll_init(loop, &exec->exit, exec->pidfd) == 0);
    exec->output.data = exec;
    exec->exit.data = exec;
    exec->open = 2;
    uv_read_start((uv_stream_t *)&exec->output, probe_exec_alloc, probe_exec_read);
    uv_poll_start(&exec->exit, UV_READABLE, probe_exec_exited);
}

static void probe_exec_start(struct probe_slot *slot)
{
    ASSERT(slot->state == NULL);
    slot->doing = "running";
    int ends[2];
    struct probe_exec *exec = calloc(1, sizeof *exec);
    if (exec == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(exec);
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory or descriptors to run %s", slot->spec.command);
        return;
    }
    const int status = probe_exec_spawn(slot, ends[1], &exec->pid);
    close(ends[1]);
    if (status != 0) {
        close(ends[0]);
        free(exec);
        probe_loop_finish(slot, status == ENOENT ? ERR_MISSING_PROGRAM : err_from_errno(status), "cannot run %s: %s",
                          slot->spec.command, strerrordesc_np(status));
        return;
    }
    exec->slot = slot;
    slot->state = exec;
    exec->pidfd = (int)syscall(SYS_pidfd_open, exec->pid, 0U);
    if (exec->pidfd < 0) {
        kill(-exec->pid, SIGKILL);
        waitpid(exec->pid, NULL, 0);
        close(ends[0]);
        free(exec);
        slot->state = NULL;
        probe_loop_finish(slot, ERR_NO_MEMORY, "no descriptors to run %s", slot->spec.command);
        return;
    }
    probe_exec_watch(exec, slot, ends[0]);
}

/* The run goes on by itself until the killed child is reaped. */
static void probe_exec_cancel(struct probe_slot *slot)
{
    struct probe_exec *exec = slot->state;
    kill(-exec->pid, SIGKILL);
    exec->slot = NULL;
    slot->state = NULL;
}

const struct probe_driver probe_exec_driver = {.start = probe_exec_start, .cancel = probe_exec_cancel};
