/* SPDX-License-Identifier: Apache-2.0
 * Small files: read whole, replaced whole. */
#include "agent/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

enum { FILE_PATH = 1024 };

enum err file_read(const char *path, struct buf *buf)
{
    ASSERT(buf->capacity > 1);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return err_from_errno(errno);
    }
    buf_reset(buf);
    enum err err = ERR_OK;
    for (;;) {
        if (buf->size == buf->capacity - 1) {
            err = ERR_TOO_LARGE;
            break;
        }
        const ssize_t size = read(file, buf->data + buf->size, buf->capacity - 1 - buf->size);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            err = size < 0 ? err_from_errno(errno) : ERR_OK;
            break;
        }
        buf->size += (size_t)size;
    }
    buf->data[buf->size] = '\0';
    close(file);
    return err;
}

enum err file_sync_folder(const char *folder)
{
    const int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) {
        return err_from_errno(errno);
    }
    const enum err err = fsync(file) == 0 ? ERR_OK : err_from_errno(errno);
    close(file);
    return err;
}

static enum err file_write(int file, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        const ssize_t written = write(file, at, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return err_from_errno(errno);
        }
        at += written;
        size -= (size_t)written;
    }
    return fsync(file) == 0 ? ERR_OK : err_from_errno(errno);
}

enum err file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
    char aside[FILE_PATH];
    char folder[FILE_PATH];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside) {
        return ERR_TOO_LARGE;
    }
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    ASSERT(slash != NULL);
    *slash = '\0';
    (void)unlink(aside);
    const int file = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) {
        return err_from_errno(errno);
    }
    enum err err = file_write(file, data, size);
    close(file);
    if (err == ERR_OK && rename(aside, path) != 0) {
        err = err_from_errno(errno);
    }
    if (err != ERR_OK) {
        (void)unlink(aside);
        return err;
    }
    return file_sync_folder(folder);
}

enum err file_touch(const char *path, mode_t mode)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    if (file < 0) {
        return err_from_errno(errno);
    }
    close(file);
    return ERR_OK;
}
