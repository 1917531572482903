/* SPDX-License-Identifier: Apache-2.0
 * The agent's side of its fence process. */
#include "agent/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/child.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    FENCE_ASK_MS = 1000, /* the child answers within milliseconds; after that the agent kills by itself as well */
    FENCE_END_MS = 10000,
    FENCE_SETTLE_US = 200,
};

/* In the child: nothing of the agent's but the pipe, the lock and the error stream. */
static void fence_child(struct fence *fence, int read_fd)
{
    (void)setsid();
    const int pipe_fd = fcntl(read_fd, F_DUPFD_CLOEXEC, 10);
    const int keep_fd = fence->keep_fd >= 0 ? fcntl(fence->keep_fd, F_DUPFD_CLOEXEC, 11) : -1;
    if (pipe_fd < 0) {
        _exit(1);
    }
    (void)dup2(pipe_fd, 3);
    if (keep_fd >= 0) {
        (void)dup2(keep_fd, 4);
    }
    (void)close_range(keep_fd >= 0 ? 5 : 4, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    fence_process_main(fence->page, 3);
}

static enum err fence_start(struct fence *fence)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return err_from_errno(errno);
    }
    atomic_store(&fence->page->acting, 0); /* of an earlier child that died at it */
    const pid_t child = child_fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return ERR_UNAVAILABLE;
    }
    if (child == 0) {
        fence_child(fence, ends[0]);
    }
    close(ends[0]);
    fence->child = child;
    fence->pipe_fd = ends[1];
    return ERR_OK;
}

enum err fence_init(struct fence *fence, const char *data, int64_t lease_us, int keep_fd, bool closed)
{
    ASSERT(lease_us > 0);
    *fence = (struct fence){.pipe_fd = -1, .keep_fd = keep_fd};
    void *page =
        mmap(NULL, sizeof(struct fence_process_page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        return ERR_NO_MEMORY;
    }
    pthread_mutex_init(&fence->lock, NULL);
    fence->page = page;
    fence->page->beat_limit_us = lease_us;
    atomic_store(&fence->page->fence_at_us, closed ? 0 : FENCE_PROCESS_NEVER);
    atomic_store(&fence->page->beat_us, clock_mono().us);
    snprintf(fence->page->mark, sizeof fence->page->mark, FENCE_PROCESS_MARK "=%s", data);
    const enum err err = fence_aim(fence, data);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    return fence_start(fence);
}

void fence_fini(struct fence *fence)
{
    if (fence->page == NULL) {
        return;
    }
    if (fence->child > 0) {
        close(fence->pipe_fd);
        int status;
        if (child_wait(fence->child, time_add_ms(clock_mono(), FENCE_END_MS), &status) != ERR_OK) {
            LOG_W("the fence process %d is still at work", (int)fence->child);
        }
    }
    munmap(fence->page, sizeof *fence->page);
    pthread_mutex_destroy(&fence->lock);
    *fence = (struct fence){0};
}

enum err fence_aim(struct fence *fence, const char *data)
{
    struct stat found;
    if (stat(data, &found) != 0) {
        return err_from_errno(errno);
    }
    atomic_store(&fence->page->data_device, found.st_dev);
    atomic_store(&fence->page->data_inode, found.st_ino);
    return ERR_OK;
}

void fence_beat(struct fence *fence, struct mono now)
{
    atomic_store(&fence->page->beat_us, now.us);
}

static void fence_kick(const struct fence *fence)
{
    const ssize_t written = write(fence->pipe_fd, "k", 1);
    (void)written; /* full: it is awake anyway */
}

/* After the fence was opened: a child that saw it closed has done what it had to. One that is stuck is not waited for.
 */
static void fence_settle(const struct fence *fence)
{
    const struct mono patience = time_add_ms(clock_mono(), FENCE_ASK_MS);
    while (atomic_load(&fence->page->acting) != 0 && !time_reached(clock_mono(), patience)) {
        const struct timespec pause = {.tv_nsec = FENCE_SETTLE_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
}

void fence_arm(struct fence *fence, struct mono fence_at)
{
    ASSERT(fence_at.us != FENCE_PROCESS_NEVER);
    const int64_t before = atomic_exchange(&fence->page->fence_at_us, fence_at.us);
    const bool closed = before < clock_mono().us;
    if (before == FENCE_PROCESS_NEVER || closed) {
        fence_kick(fence);
    }
    if (closed) {
        fence_settle(fence);
    }
}

void fence_disarm(struct fence *fence)
{
    const int64_t before = atomic_exchange(&fence->page->fence_at_us, FENCE_PROCESS_NEVER);
    if (before != FENCE_PROCESS_NEVER) {
        fence_settle(fence);
    }
}

void fence_close(struct fence *fence)
{
    atomic_store(&fence->page->fence_at_us, 0);
    fence_kick(fence);
}

bool fence_closed(const struct fence *fence, struct mono now)
{
    return atomic_load(&fence->page->fence_at_us) <= now.us;
}

enum err fence_kill(struct fence *fence, struct mono deadline)
{
    fence_close(fence);
    const uint32_t request = atomic_fetch_add(&fence->page->request, 1) + 1;
    const struct mono patience = time_min(deadline, time_add_ms(clock_mono(), FENCE_ASK_MS));
    for (;;) {
        fence_kick(fence);
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
        if ((int32_t)(atomic_load(&fence->page->answered) - request) >= 0) {
            return ERR_OK;
        }
        if (time_reached(clock_mono(), patience)) {
            break;
        }
    }
    LOG_W("the fence process does not answer: killing PostgreSQL from here as well");
    return fence_process_kill(fence->page, deadline) == 0 ? ERR_OK : ERR_TIMEOUT;
}

static bool fence_child_lives(const struct fence *fence)
{
    int status;
    return fence->child > 0 && !child_exited(fence->child, &status);
}

enum err fence_keep(struct fence *fence)
{
    pthread_mutex_lock(&fence->lock);
    enum err err = ERR_OK;
    if (!fence_child_lives(fence)) {
        LOG_E("the fence process %d died: starting another", (int)fence->child);
        if (fence->pipe_fd >= 0) {
            close(fence->pipe_fd);
        }
        child_forget(fence->child);
        fence->child = 0;
        fence->pipe_fd = -1;
        err = fence_start(fence);
    }
    pthread_mutex_unlock(&fence->lock);
    return err;
}

uint32_t fence_fired(const struct fence *fence, enum fence_process_reason *ret_reason)
{
    *ret_reason = (enum fence_process_reason)atomic_load(&fence->page->reason);
    return atomic_load(&fence->page->fired);
}
