/* SPDX-License-Identifier: Apache-2.0
 * Preloaded by tests into the lab: a wall clock that can be set, and a control process that stops after each commit.
 *
 * SHIM_CLOCK=FILE: the file's eight bytes, microseconds in the machine's order, are added to CLOCK_REALTIME of every
 * holdfast process; who writes them sets the clock, at once. The other clocks are the machine's. A wait until a moment
 * of the wall clock ends when the set clock shows it, as the kernel does it. SHIM_HALT=FILE: while the file exists, a
 * process `--role control` stops itself (SIGSTOP) at both ends of each commit of its store: before the first write
 * (what it is about to record has happened, and nobody knows), and when fdatasync has returned (what was decided is
 * durable, and nothing of it has been done). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum {
    SHIM_US = 1000000,
    SHIM_SLICE_MS = 50, /* how late a wait learns of a clock that was set */
    SHIM_COMMAND = 4096,
};

static const _Atomic int64_t *shim_offset; /* NULL: the machine's clock */
static const char *shim_halt;              /* NULL: never */
static atomic_bool shim_writing;           /* a commit */

int fdatasync(int descriptor);
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset);
int gettimeofday(struct timeval *restrict now, void *restrict zone);

static void shim_map(const char *path)
{
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        abort();
    }
    const void *memory = mmap(NULL, sizeof *shim_offset, PROT_READ, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    close(descriptor);
    shim_offset = memory;
}

/* Whether the command line has `--role control`. */
static bool shim_is_control(const char *command, size_t size)
{
    static const char wanted[] = "--role\0control";
    return memmem(command, size, wanted, sizeof wanted) != NULL;
}

__attribute__((constructor)) static void shim_start(void)
{
    char command[SHIM_COMMAND];
    const int descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    const ssize_t size = descriptor >= 0 ? read(descriptor, command, sizeof command - 1) : -1;
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (size <= 0 || strcmp(program_invocation_short_name, "holdfast") != 0) {
        return;
    }
    const char *clock_path = getenv("SHIM_CLOCK");
    if (clock_path != NULL) {
        shim_map(clock_path);
    }
    shim_halt = shim_is_control(command, (size_t)size) ? getenv("SHIM_HALT") : NULL;
}

/* ---- the clock ---- */

int clock_gettime(clockid_t id, struct timespec *now)
{
    const int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result != 0 || shim_offset == NULL || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) {
        return result;
    }
    const int64_t us = atomic_load(shim_offset);
    now->tv_sec += us / SHIM_US;
    now->tv_nsec += us % SHIM_US * 1000;
    const long carry = now->tv_nsec < 0 ? -1 : now->tv_nsec >= 1000000000 ? 1 : 0;
    now->tv_sec += carry;
    now->tv_nsec -= carry * 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    (void)zone;
    struct timespec time;
    (void)clock_gettime(CLOCK_REALTIME, &time);
    *now = (struct timeval){.tv_sec = time.tv_sec, .tv_usec = time.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret_now)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now != NULL) {
        *ret_now = now.tv_sec;
    }
    return now.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

static bool shim_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Only the C11 call waits on the wall clock (librdkafka); ours are on CLOCK_MONOTONIC. */
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    int (*next)(cnd_t *, mtx_t *, const struct timespec *) = NULL;
    const void *const symbol = dlsym(RTLD_NEXT, "cnd_timedwait");
    memcpy(&next, &symbol, sizeof next); /* ISO C knows no conversion */
    if (shim_offset == NULL) {
        return next(condition, mutex, until);
    }
    for (;;) {
        struct timespec shown;
        struct timespec slice;
        (void)clock_gettime(CLOCK_REALTIME, &shown);
        if (!shim_before(&shown, until)) {
            return thrd_timedout;
        }
        (void)syscall(SYS_clock_gettime, CLOCK_REALTIME, &slice);
        slice.tv_nsec += SHIM_SLICE_MS * 1000000L;
        slice.tv_sec += slice.tv_nsec / 1000000000;
        slice.tv_nsec %= 1000000000;
        const int result = next(condition, mutex, &slice);
        if (result != thrd_timedout) {
            return result;
        }
    }
}

/* ---- commits ---- */

/* This thread goes no further until somebody says so. */
static void shim_stop(void)
{
    const int number = errno;
    if (shim_halt != NULL && access(shim_halt, F_OK) == 0) {
        (void)syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
    }
    errno = number;
}

/* SQLite writes the frames of a commit with this, then calls the other. */
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    if (!atomic_exchange(&shim_writing, true)) {
        shim_stop();
    }
    return (ssize_t)syscall(SYS_pwrite64, descriptor, data, size, offset);
}

int fdatasync(int descriptor)
{
    const int result = (int)syscall(SYS_fdatasync, descriptor);
    atomic_store(&shim_writing, false);
    shim_stop();
    return result;
}
