/* SPDX-License-Identifier: Apache-2.0
 * A file that several processes map. */
#include "edge/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/assert.h"

/* The number of what failed, 0: nothing. */
static int mapped_file_fill(int fd, size_t size, struct span head)
{
    /* Blocks are really allocated: a full disk must be an error here and not SIGBUS in who maps it. */
    const int failure = posix_fallocate(fd, 0, (off_t)size);
    if (failure != 0 || head.size == 0) {
        return failure;
    }
    const ssize_t written = pwrite(fd, head.data, head.size, 0);
    if (written < 0) {
        return errno;
    }
    return written == (ssize_t)head.size ? 0 : EIO;
}

enum err mapped_file_create(const char *path, mode_t mode, size_t size, struct span head, int *ret_fd)
{
    char temporary[PATH_MAX];
    ASSERT(size > 0 && head.size <= size);
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
        return ERR_INVALID;
    }
    const int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    int failure = mapped_file_fill(fd, size, head);
    if (failure == 0 && rename(temporary, path) != 0) {
        failure = errno;
    }
    if (failure != 0) {
        unlink(temporary);
        close(fd);
        return err_from_errno(failure);
    }
    *ret_fd = fd;
    return ERR_OK;
}
