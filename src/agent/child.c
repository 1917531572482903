/* SPDX-License-Identifier: Apache-2.0
 * Child processes: started without a shell, reaped at once, known by pid until forgotten. */
#include "agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"

enum { CHILD_POLL_US = 2000 };

struct child {
    pid_t pid; /* 0: free */
    bool exited;
    int status;
};

static struct child child_table[CHILD_LIMIT];
static pthread_mutex_t child_lock = PTHREAD_MUTEX_INITIALIZER;

void child_init(void)
{
    const int result = prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ASSERT(result == 0);
}

static struct child *child_find(pid_t pid)
{
    for (size_t i = 0; i < CHILD_LIMIT; i++) {
        if (child_table[i].pid == pid) {
            return &child_table[i];
        }
    }
    return NULL;
}

static void child_reap_locked(void)
{
    for (;;) {
        int status;
        const pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0) {
            return;
        }
        struct child *child = child_find(pid);
        if (child != NULL) {
            child->exited = true;
            child->status = status;
        }
    }
}

void child_reap(void)
{
    pthread_mutex_lock(&child_lock);
    child_reap_locked();
    pthread_mutex_unlock(&child_lock);
}

static int child_files(posix_spawn_file_actions_t *files, int output_fd)
{
    int result = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    result = result == 0 ? posix_spawn_file_actions_adddup2(files, output_fd, STDOUT_FILENO) : result;
    return result == 0 ? posix_spawn_file_actions_adddup2(files, output_fd, STDERR_FILENO) : result;
}

static int child_attributes(posix_spawnattr_t *attributes, bool session)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (session ? POSIX_SPAWN_SETSID : 0);
    int result = posix_spawnattr_setflags(attributes, (short)flags);
    result = result == 0 ? posix_spawnattr_setsigmask(attributes, &none) : result;
    return result == 0 ? posix_spawnattr_setsigdefault(attributes, &all) : result;
}

/* posix_spawn wants pointers to what it does not change. */
static char *const *child_vector(const char *const *vector)
{
    union {
        const char *const *in;
        char *const *out;
    } both = {.in = vector};
    return both.out;
}

static int child_start(const struct child_spec *spec, pid_t *ret_pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&files) != 0) {
        return ENOMEM;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return ENOMEM;
    }
    int result = child_files(&files, spec->output_fd);
    result = result == 0 ? child_attributes(&attributes, spec->session) : result;
    if (result == 0) {
        result = posix_spawn(ret_pid, spec->arguments[0], &files, &attributes, child_vector(spec->arguments),
                             child_vector(spec->environment));
    }
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return result;
}

enum err child_spawn(const struct child_spec *spec, pid_t *ret_pid)
{
    ASSERT(spec->arguments[0] != NULL);
    ASSERT(spec->environment != NULL);
    enum err err = ERR_OK;
    pthread_mutex_lock(&child_lock);
    struct child *child = child_find(0);
    if (child == NULL) {
        err = ERR_QUEUE_FULL;
    } else {
        pid_t pid = 0;
        const int result = child_start(spec, &pid);
        if (result == 0) {
            *child = (struct child){.pid = pid};
            *ret_pid = pid;
        } else {
            err = result == ENOENT ? ERR_MISSING_PROGRAM : err_from_errno(result);
        }
    }
    pthread_mutex_unlock(&child_lock);
    return err;
}

pid_t child_fork(void)
{
    pthread_mutex_lock(&child_lock);
    struct child *child = child_find(0);
    const pid_t pid = child != NULL ? fork() : -1;
    if (pid > 0) {
        *child = (struct child){.pid = pid};
    }
    if (pid != 0) {
        pthread_mutex_unlock(&child_lock);
    }
    return pid;
}

bool child_exited(pid_t pid, int *ret_status)
{
    ASSERT(pid > 0);
    pthread_mutex_lock(&child_lock);
    child_reap_locked();
    const struct child *child = child_find(pid);
    const bool exited = child == NULL || child->exited;
    *ret_status = child != NULL && child->exited ? child->status : 0;
    pthread_mutex_unlock(&child_lock);
    return exited;
}

enum err child_wait(pid_t pid, struct mono deadline, int *ret_status)
{
    while (!child_exited(pid, ret_status)) {
        if (time_reached(clock_mono(), deadline)) {
            return ERR_TIMEOUT;
        }
        const struct timespec pause = {.tv_nsec = CHILD_POLL_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    child_forget(pid);
    return ERR_OK;
}

void child_forget(pid_t pid)
{
    if (pid <= 0) {
        return;
    }
    pthread_mutex_lock(&child_lock);
    struct child *child = child_find(pid);
    if (child != NULL) {
        *child = (struct child){0};
    }
    pthread_mutex_unlock(&child_lock);
}
