/* SPDX-License-Identifier: Apache-2.0
 * The shared memory behind edge/publish.h: creating, replacing and mapping the file; who is alive. */
#include "edge/publish_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "edge/mapped_file.h"

_Static_assert(VIEW_MEMORY_SLOTS < 255, "a slot fits into the low byte of a word");
_Static_assert(sizeof(struct view) % 8 == 0, "slots keep their alignment");

/* A whole small file of /proc as text; its size, 0 when it cannot be read. */
static size_t publish_memory_read(const char *path, char *text, size_t capacity)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t size = read(fd, text, capacity - 1);
    close(fd);
    text[size > 0 ? size : 0] = 0;
    return size > 0 ? (size_t)size : 0;
}

static uint64_t publish_memory_boot(void)
{
    char text[64];
    const size_t size = publish_memory_read("/proc/sys/kernel/random/boot_id", text, sizeof text);
    return hash_bytes(text, size);
}

uint64_t publish_memory_process(int32_t pid)
{
    char path[32];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (pid <= 0 || publish_memory_read(path, text, sizeof text) == 0) {
        return 0;
    }
    /* proc(5): "pid (comm) state ppid ..." - comm may hold anything, so count from the last parenthesis. Field 3 is
     * the state, field 22 the start time in clock ticks since boot. */
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X') {
        return 0;
    }
    at += 2;
    for (int field = 3; field < 22; field++) {
        at = strchr(at, ' ');
        if (at == NULL) {
            return 0;
        }
        at++;
    }
    return strtoull(at, NULL, 10) << 32 | (uint32_t)pid;
}

/* How struct view_memory begins. */
struct publish_memory_head {
    uint64_t magic;
    uint32_t format;
    uint32_t view_size;
    uint64_t boot;
};

_Static_assert(offsetof(struct publish_memory_head, boot) == offsetof(struct view_memory, boot), "the same layout");

/* ERR_OK: ours. ERR_UNSUPPORTED: of this boot, but another release's. ERR_STALE: of another boot, or harmed. */
static enum err publish_memory_check(int fd, uint64_t boot)
{
    struct stat status;
    struct publish_memory_head head;
    if (fstat(fd, &status) != 0 || pread(fd, &head, sizeof head, 0) != (ssize_t)sizeof head ||
        head.magic != VIEW_MEMORY_MAGIC || head.boot != boot) {
        return ERR_STALE;
    }
    if (head.format != VIEW_MEMORY_FORMAT || head.view_size != sizeof(struct view)) {
        return ERR_UNSUPPORTED;
    }
    return status.st_size == (off_t)sizeof(struct view_memory) ? ERR_OK : ERR_STALE;
}

static enum err publish_memory_create(const char *path, uint64_t boot, int *ret_fd)
{
    const struct publish_memory_head head = {VIEW_MEMORY_MAGIC, VIEW_MEMORY_FORMAT, sizeof(struct view), boot};
    return mapped_file_create(path, 0660, sizeof(struct view_memory), span_of(&head, sizeof head), ret_fd);
}

/* Under the lock: the file as it is, or a fresh one. */
static enum err publish_memory_attach(const char *path, bool writer, int *ret_fd)
{
    const uint64_t boot = publish_memory_boot();
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        const enum err err = publish_memory_check(fd, boot);
        if (err == ERR_OK) {
            *ret_fd = fd;
            return ERR_OK;
        }
        close(fd);
        if (err == ERR_UNSUPPORTED && !writer) {
            return err;
        }
    } else if (errno != ENOENT) {
        return err_from_errno(errno);
    }
    return publish_memory_create(path, boot, ret_fd);
}

enum err publish_memory_open(const char *path, bool writer, struct view_memory **ret_memory, int *ret_fd)
{
    ASSERT(path != NULL && ret_memory != NULL && ret_fd != NULL);
    char lock_path[PATH_MAX];
    if (snprintf(lock_path, sizeof lock_path, "%s.lock", path) >= (int)sizeof lock_path) {
        return ERR_INVALID;
    }
    const int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (lock < 0) {
        return err_from_errno(errno);
    }
    int fd = -1;
    enum err err = flock(lock, LOCK_EX) == 0 ? publish_memory_attach(path, writer, &fd) : err_from_errno(errno);
    close(lock);
    if (err != ERR_OK) {
        return err;
    }
    void *memory = mmap(NULL, sizeof(struct view_memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        err = err_from_errno(errno);
        close(fd);
        return err;
    }
    *ret_memory = memory;
    *ret_fd = fd;
    return ERR_OK;
}

void publish_memory_close(struct view_memory *memory, int fd)
{
    if (memory != NULL) {
        munmap(memory, sizeof *memory);
    }
    if (fd >= 0) {
        close(fd);
    }
}
