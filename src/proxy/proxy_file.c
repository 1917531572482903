/* SPDX-License-Identifier: Apache-2.0
 * A whole text file in memory. */
#include "proxy/proxy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void proxy_file_free(uint8_t *data, size_t size)
{
    if (data != NULL) {
        explicit_bzero(data, size);
        free(data);
    }
}

static enum err proxy_file_take(int fd, uint8_t *data, size_t size, size_t *ret_have)
{
    size_t have = 0;
    while (have < size) {
        const ssize_t got = read(fd, data + have, size - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    *ret_have = have;
    return ERR_OK;
}

enum err proxy_file_read(const char *path, uint8_t **ret_data, size_t *ret_size)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    enum err err = ERR_OK;
    uint8_t *data = NULL;
    size_t size = 0;
    if (fstat(fd, &status) != 0) {
        err = err_from_errno(errno);
    } else if (!S_ISREG(status.st_mode)) {
        err = ERR_INVALID;
    } else if (status.st_size > PROXY_FILE_LIMIT) {
        err = ERR_TOO_LARGE;
    } else {
        size = (size_t)status.st_size;
        data = malloc(size + 1);
        err = data != NULL ? proxy_file_take(fd, data, size, ret_size) : ERR_NO_MEMORY;
    }
    close(fd);
    if (err != ERR_OK) {
        proxy_file_free(data, size);
        return err;
    }
    *ret_data = data;
    return ERR_OK;
}
