/* SPDX-License-Identifier: Apache-2.0
 * The view in a plain file. */
#include "edge/publish_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"

static enum err publish_file_write(const char *path, const struct view *view)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    enum err err = ERR_OK;
    size_t at = 0;
    while (err == ERR_OK && at < sizeof *view) {
        const ssize_t written = write(fd, (const char *)view + at, sizeof *view - at);
        if (written > 0) {
            at += (size_t)written;
        } else if (written < 0 && errno != EINTR) {
            err = err_from_errno(errno);
        }
    }
    if (err == ERR_OK && fsync(fd) != 0) {
        err = err_from_errno(errno);
    }
    if (close(fd) != 0 && err == ERR_OK) {
        err = err_from_errno(errno);
    }
    return err;
}

static enum err publish_file_sync_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const size_t size = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    ASSERT(size < sizeof directory);
    memcpy(directory, path, size);
    directory[size] = 0;
    const int fd = open(size > 0 ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    const enum err err = fsync(fd) == 0 ? ERR_OK : err_from_errno(errno);
    close(fd);
    return err;
}

enum err publish_file_save(const char *path, const struct view *view)
{
    char temporary[PATH_MAX];
    if (!view_valid(view, sizeof *view) ||
        snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) {
        return ERR_INVALID;
    }
    const enum err err = publish_file_write(temporary, view);
    if (err != ERR_OK) {
        unlink(temporary);
        return err;
    }
    if (rename(temporary, path) != 0) {
        const int number = errno;
        unlink(temporary);
        return err_from_errno(number);
    }
    return publish_file_sync_directory(path);
}

enum err publish_file_load(const char *path, struct view *ret_view)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? ERR_NOT_FOUND : err_from_errno(errno);
    }
    struct view view;
    size_t size = 0;
    ssize_t got = 1;
    while (size < sizeof view && got > 0) {
        got = read(fd, (char *)&view + size, sizeof view - size);
        size += got > 0 ? (size_t)got : 0;
    }
    char more;
    if (size == sizeof view && read(fd, &more, 1) == 1) {
        size++;
    }
    close(fd);
    if (got < 0) {
        return ERR_IO;
    }
    if (!view_valid(&view, size)) {
        return ERR_INVALID;
    }
    *ret_view = view;
    return ERR_OK;
}
