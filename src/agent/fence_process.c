/* SPDX-License-Identifier: Apache-2.0
 * The fence process: kills every PostgreSQL process of this node when it must. */
#include "agent/fence_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "edge/clock.h"

enum {
    FENCE_PROCESS_TICK_MS = 20,     /* the longest sleep while armed */
    FENCE_PROCESS_IDLE_MS = 100,    /* disarmed, or closed and proven */
    FENCE_PROCESS_PID_TEXT = 32,    /* "4194304/environ" */
    FENCE_PROCESS_ENVIRON = 8192,   /* the mark is the first variable at exec */
    FENCE_PROCESS_PAUSE_US = 500,   /* between two scans: time for the kernel to finish the killed */
    FENCE_PROCESS_KILL_MS = 60000,  /* a process stuck in the kernel may take that long; then again */
    FENCE_PROCESS_DENTS = 8 * 1024, /* one getdents64 call */
};

struct fence_process_dirent {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* "PID/" + what, without a formatted print. */
static void fence_process_path(char path[FENCE_PROCESS_PID_TEXT], const char *pid, const char *what)
{
    size_t at = 0;
    for (const char *c = pid; *c != '\0' && at < 16; c++) {
        path[at++] = *c;
    }
    path[at++] = '/';
    for (const char *c = what; *c != '\0' && at < FENCE_PROCESS_PID_TEXT - 1; c++) {
        path[at++] = *c;
    }
    path[at] = '\0';
}

static bool fence_process_is_postgres(int proc, const char *pid)
{
    char path[FENCE_PROCESS_PID_TEXT];
    char link[4096];
    fence_process_path(path, pid, "exe");
    const ssize_t size = readlinkat(proc, path, link, sizeof link - 1);
    if (size <= 0) {
        return false;
    }
    link[size] = '\0';
    const char *base = strrchr(link, '/');
    base = base != NULL ? base + 1 : link;
    return strcmp(base, "postgres") == 0 || strcmp(base, "postgres (deleted)") == 0;
}

static bool fence_process_in_data(const struct fence_process_page *page, int proc, const char *pid)
{
    char path[FENCE_PROCESS_PID_TEXT];
    struct stat where;
    fence_process_path(path, pid, "cwd");
    return fstatat(proc, path, &where, 0) == 0 && where.st_ino == atomic_load(&page->data_inode) &&
           where.st_dev == atomic_load(&page->data_device);
}

static bool fence_process_marked(const struct fence_process_page *page, int proc, const char *pid)
{
    char path[FENCE_PROCESS_PID_TEXT];
    char environment[FENCE_PROCESS_ENVIRON];
    fence_process_path(path, pid, "environ");
    const int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    const ssize_t size = read(file, environment, sizeof environment);
    close(file);
    const size_t mark = strlen(page->mark) + 1;
    return size > 0 && memmem(environment, (size_t)size, page->mark, mark) != NULL;
}

static int fence_process_number(const char *name)
{
    int number = 0;
    for (const char *c = name; *c != '\0'; c++) {
        if (*c < '0' || *c > '9' || number > 100000000) {
            return 0;
        }
        number = number * 10 + (*c - '0');
    }
    return number;
}

/* One pass over /proc; sends `signal_number` (0: none) to each process of the node. */
static uint32_t fence_process_scan(const struct fence_process_page *page, int signal_number)
{
    uint32_t found = 0;
    const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) {
        return UINT32_MAX; /* cannot see: nothing is proven */
    }
    _Alignas(struct fence_process_dirent) char entries[FENCE_PROCESS_DENTS];
    for (;;) {
        const long size = syscall(SYS_getdents64, proc, entries, sizeof entries);
        if (size <= 0) {
            found = size < 0 ? UINT32_MAX : found;
            break;
        }
        for (long at = 0; at < size;) {
            const struct fence_process_dirent *entry = (const void *)(entries + at);
            at += entry->size;
            const int pid = fence_process_number(entry->name);
            if (pid <= 1 || pid == getpid() || !fence_process_is_postgres(proc, entry->name)) {
                continue;
            }
            if (fence_process_in_data(page, proc, entry->name) || fence_process_marked(page, proc, entry->name)) {
                found++;
                (void)kill(pid, signal_number);
            }
        }
    }
    close(proc);
    return found;
}

uint32_t fence_process_count(struct fence_process_page *page)
{
    return fence_process_scan(page, 0);
}

uint32_t fence_process_kill(struct fence_process_page *page, struct mono deadline)
{
    uint32_t clean = 0;
    uint32_t left = 0;
    bool first = true;
    while (clean < 2) {
        left = fence_process_scan(page, SIGKILL);
        clean = left == 0 ? clean + 1 : 0;
        if (first && left > 0) {
            atomic_fetch_add(&page->fired, 1);
        }
        first = false;
        if (clean < 2) {
            if (time_reached(clock_mono(), deadline)) {
                return left > 0 ? left : 1;
            }
            const struct timespec pause = {.tv_nsec = FENCE_PROCESS_PAUSE_US * 1000};
            (void)nanosleep(&pause, NULL);
        }
    }
    atomic_store(&page->proven_us, clock_mono().us);
    return 0;
}

static void fence_process_say(enum fence_process_reason reason)
{
    static const char *const lines[] = {
        [FENCE_PROCESS_NOTHING] = "",
        [FENCE_PROCESS_DEADLINE] = "fence: the right to write is ending: killed PostgreSQL\n",
        [FENCE_PROCESS_BEAT] = "fence: the agent is frozen: killed PostgreSQL\n",
        [FENCE_PROCESS_ORPHAN] = "fence: the agent died: killed PostgreSQL\n",
        [FENCE_PROCESS_REQUEST] = "fence: asked to: killed PostgreSQL\n",
    };
    const ssize_t written = write(STDERR_FILENO, lines[reason], strlen(lines[reason]));
    (void)written;
}

/* Why nothing of the node may live now, if so. */
static enum fence_process_reason fence_process_judge(const struct fence_process_page *page)
{
    const int64_t now = clock_mono().us;
    const int64_t fence_at = atomic_load(&page->fence_at_us);
    if (fence_at == FENCE_PROCESS_NEVER) {
        return FENCE_PROCESS_NOTHING;
    }
    if (now >= fence_at) {
        return FENCE_PROCESS_DEADLINE;
    }
    if (now - atomic_load(&page->beat_us) >= page->beat_limit_us) {
        return FENCE_PROCESS_BEAT;
    }
    return FENCE_PROCESS_NOTHING;
}

static void fence_process_act(struct fence_process_page *page, enum fence_process_reason reason)
{
    const uint32_t before = atomic_load(&page->fired);
    atomic_store(&page->reason, reason);
    (void)fence_process_kill(page, time_add_ms(clock_mono(), FENCE_PROCESS_KILL_MS));
    if (atomic_load(&page->fired) != before) {
        fence_process_say(reason);
    }
}

/* Kills while the judgement says so; true when PostgreSQL may not live at present. */
static bool fence_process_watch(struct fence_process_page *page)
{
    atomic_store(&page->acting, 1);
    const enum fence_process_reason reason = fence_process_judge(page);
    if (reason != FENCE_PROCESS_NOTHING) {
        fence_process_act(page, reason);
    }
    atomic_store(&page->acting, 0);
    return reason != FENCE_PROCESS_NOTHING;
}

static void fence_process_answer(struct fence_process_page *page)
{
    const uint32_t request = atomic_load(&page->request);
    if (request == atomic_load(&page->answered)) {
        return;
    }
    atomic_store(&page->acting, 1);
    /* Opened since: who asked has ended the server by itself, and what runs now may. */
    if (atomic_load(&page->fence_at_us) <= clock_mono().us) {
        atomic_store(&page->reason, FENCE_PROCESS_REQUEST);
        if (fence_process_kill(page, time_add_ms(clock_mono(), FENCE_PROCESS_KILL_MS)) == 0) {
            atomic_store(&page->answered, request);
        }
    }
    atomic_store(&page->acting, 0);
}

/* Sleeps until the pipe speaks or the next thing may be due. False: the agent died. */
static bool fence_process_wait(const struct fence_process_page *page, int pipe_fd, bool closed)
{
    const int64_t fence_at = atomic_load(&page->fence_at_us);
    int64_t wait_ms = FENCE_PROCESS_IDLE_MS;
    if (!closed && fence_at != FENCE_PROCESS_NEVER) {
        const int64_t left_ms = (fence_at - clock_mono().us) / TIME_US_PER_MS;
        wait_ms = left_ms < 0 ? 0 : left_ms < FENCE_PROCESS_TICK_MS ? left_ms : FENCE_PROCESS_TICK_MS;
    }
    struct pollfd waited = {.fd = pipe_fd, .events = POLLIN};
    if (poll(&waited, 1, (int)wait_ms) <= 0 || waited.revents == 0) {
        return true;
    }
    char bytes[64];
    const ssize_t size = read(pipe_fd, bytes, sizeof bytes);
    return size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN));
}

void fence_process_main(struct fence_process_page *page, int pipe_fd)
{
    for (int number = 1; number < 32; number++) {
        if (number != SIGKILL && number != SIGSTOP) {
            (void)signal(number, SIG_DFL);
        }
    }
    /* A terminal's ^C, a service manager's SIGTERM to the group: the agent decides, its pipe tells. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mlockall(MCL_CURRENT);
    bool closed = false;
    for (;;) {
        closed = fence_process_watch(page);
        fence_process_answer(page);
        if (!fence_process_wait(page, pipe_fd, closed)) {
            break;
        }
    }
    if (atomic_load(&page->fence_at_us) != FENCE_PROCESS_NEVER) {
        fence_process_act(page, FENCE_PROCESS_ORPHAN);
    }
    _exit(0);
}
