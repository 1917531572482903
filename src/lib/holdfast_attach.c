/* SPDX-License-Identifier: Apache-2.0
 * Mapping the publisher's memory, copying views out of it, reading its file. */
#include "holdfast_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"

_Static_assert(sizeof(struct view) % sizeof(uint64_t) == 0, "a view is copied in words");

enum holdfast_error holdfast_attach_init(struct holdfast_attach *attach, const char *state_dir)
{
    memset(attach, 0, sizeof *attach);
    const int room = (int)sizeof attach->shared_path;
    if (snprintf(attach->shared_path, sizeof attach->shared_path, "%s/" VIEW_MEMORY_NAME, state_dir) >= room ||
        snprintf(attach->file_path, sizeof attach->file_path, "%s/" VIEW_MEMORY_FILE_NAME, state_dir) >= room) {
        return HOLDFAST_INVALID_ARGUMENT;
    }
    void *memory = mmap(NULL, sizeof(struct view_memory), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return HOLDFAST_NO_MEMORY;
    }
    attach->memory = (struct view_memory *)memory;
    return HOLDFAST_OK;
}

void holdfast_attach_fini(struct holdfast_attach *attach)
{
    if (attach->memory != NULL) {
        munmap(attach->memory, sizeof(struct view_memory));
        attach->memory = NULL;
    }
}

static uint64_t holdfast_attach_boot(void)
{
    char text[64];
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return size > 0 ? hash_bytes(text, (size_t)size) : 0;
}

static enum holdfast_error holdfast_attach_check(int fd, off_t size)
{
    struct view_memory head;
    const size_t head_size = offsetof(struct view_memory, current);
    if (pread(fd, &head, head_size, 0) != (ssize_t)head_size || head.magic != VIEW_MEMORY_MAGIC ||
        head.boot != holdfast_attach_boot()) {
        return HOLDFAST_NO_VIEW;
    }
    return head.format == VIEW_MEMORY_FORMAT && head.view_size == sizeof(struct view) &&
                   size == (off_t)sizeof(struct view_memory)
               ? HOLDFAST_OK
               : HOLDFAST_UNSUPPORTED;
}

static enum holdfast_error holdfast_attach_map(struct holdfast_attach *attach, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return HOLDFAST_SYSTEM;
    }
    const enum holdfast_error error = holdfast_attach_check(fd, status.st_size);
    if (error != HOLDFAST_OK) {
        return error;
    }
    if (mmap(attach->memory, sizeof(struct view_memory), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
        return HOLDFAST_SYSTEM;
    }
    attach->mapped = true;
    attach->device = status.st_dev;
    attach->inode = status.st_ino;
    return HOLDFAST_OK;
}

enum holdfast_error holdfast_attach_refresh(struct holdfast_attach *attach, bool *ret_fresh)
{
    struct stat status;
    *ret_fresh = false;
    if (stat(attach->shared_path, &status) != 0) {
        return errno == ENOENT || errno == ENOTDIR ? HOLDFAST_NO_VIEW : HOLDFAST_SYSTEM;
    }
    if (attach->mapped && status.st_ino == attach->inode && status.st_dev == attach->device) {
        return HOLDFAST_OK;
    }
    const int fd = open(attach->shared_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? HOLDFAST_NO_VIEW : HOLDFAST_SYSTEM;
    }
    const enum holdfast_error error = holdfast_attach_map(attach, fd);
    const int number = errno;
    close(fd);
    errno = number;
    *ret_fresh = error == HOLDFAST_OK;
    return error;
}

enum holdfast_error holdfast_attach_take(const struct holdfast_attach *attach, uint64_t word, struct view *ret_view)
{
    const uint32_t slot = view_memory_slot(word);
    if (slot == LIMITS_NONE) {
        return HOLDFAST_UNSUPPORTED;
    }
    const uint64_t *from = (const uint64_t *)(const void *)&attach->memory->slots[slot];
    char *to = (char *)ret_view;
    for (size_t i = 0; i < sizeof *ret_view / sizeof(uint64_t); i++) {
        /* Acquire, so that the word below is not looked at before the bytes are read. */
        const uint64_t part = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
        memcpy(to + i * sizeof part, &part, sizeof part);
    }
    if (holdfast_attach_word(attach) != word) {
        return HOLDFAST_NO_VIEW;
    }
    const bool whole = view_valid(ret_view, sizeof *ret_view) && ret_view->version == view_memory_version(word);
    return whole ? HOLDFAST_OK : HOLDFAST_UNSUPPORTED;
}

void holdfast_attach_sleep(const struct holdfast_attach *attach, uint64_t version, int64_t timeout_ms)
{
    /* `commits` before the word: a commit between the two makes the futex return at once. Only the address is used. */
    const uint32_t commits = atomic_load(&attach->memory->commits);
    const struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
    if (view_memory_version(holdfast_attach_word(attach)) <= version) {
        syscall(SYS_futex, &attach->memory->commits, FUTEX_WAIT, commits, &timeout, NULL, 0);
    }
}

static enum holdfast_error holdfast_attach_read(int fd, struct view *ret_view)
{
    struct view view;
    size_t size = 0;
    ssize_t got = 1;
    while (size < sizeof view && got > 0) {
        got = pread(fd, (char *)&view + size, sizeof view - size, (off_t)size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        return HOLDFAST_SYSTEM;
    }
    char more;
    size += pread(fd, &more, 1, (off_t)size) == 1 ? 1 : 0;
    if (!view_valid(&view, size)) {
        return HOLDFAST_UNSUPPORTED;
    }
    *ret_view = view;
    return HOLDFAST_OK;
}

enum holdfast_error holdfast_attach_load(struct holdfast_attach *attach, struct view *ret_view)
{
    struct stat status;
    const int fd = open(attach->file_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR ? HOLDFAST_NO_VIEW : HOLDFAST_SYSTEM;
    }
    enum holdfast_error error = HOLDFAST_NO_VIEW;
    if (fstat(fd, &status) != 0) {
        error = HOLDFAST_SYSTEM;
    } else if (status.st_ino != attach->file_inode || status.st_mtim.tv_sec != attach->file_time.tv_sec ||
               status.st_mtim.tv_nsec != attach->file_time.tv_nsec) {
        error = holdfast_attach_read(fd, ret_view);
        attach->file_inode = status.st_ino;
        attach->file_time = status.st_mtim;
    }
    const int number = errno;
    close(fd);
    errno = number;
    return error;
}
