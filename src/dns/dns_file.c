/* SPDX-License-Identifier: Apache-2.0
 * Whole files into memory. */
#include "dns/dns_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err dns_file_take(int fd, char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const ssize_t got = read(fd, text + at, size - at);
        if (got < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            return ERR_CONFLICT; /* it shrank while we read it */
        }
        at += got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

enum err dns_file_read(const char *path, uint64_t bytes_most, char **ret_text, size_t *ret_size)
{
    char *text = NULL;
    struct stat status = {0};
    enum err err = ERR_OK;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        err = err_from_errno(errno);
    } else if (!S_ISREG(status.st_mode)) {
        err = ERR_INVALID;
    } else if ((uint64_t)status.st_size > bytes_most) {
        err = ERR_TOO_LARGE;
    } else {
        text = malloc((size_t)status.st_size + 1);
        err = text != NULL ? dns_file_take(fd, text, (size_t)status.st_size) : ERR_NO_MEMORY;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (err != ERR_OK) {
        free(text);
        return err;
    }
    *ret_text = text;
    *ret_size = (size_t)status.st_size;
    return ERR_OK;
}
