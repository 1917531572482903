/* SPDX-License-Identifier: Apache-2.0
 * Secrets from files and environment variables. */
#include "edge/config_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/log.h"

/* At most capacity - 1 bytes and a terminator; more is ERR_TOO_LARGE. */
static enum err config_secret_fill(int file, char *secret, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    for (;;) {
        const ssize_t got = read(file, secret + size, capacity - size);
        if (got < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? (size_t)got : 0;
        if (size == capacity) {
            return ERR_TOO_LARGE;
        }
    }
    secret[size] = '\0';
    *ret_size = size;
    return ERR_OK;
}

static enum err config_secret_file(const char *path, char *secret, size_t capacity, size_t *ret_size)
{
    /* O_NONBLOCK: a FIFO without a writer must not hang a start. */
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0) {
        const enum err err = err_from_errno(errno);
        LOG_E("secret %s: %s", path, err_text(err));
        return err;
    }
    struct stat status;
    enum err err = ERR_OK;
    if (fstat(file, &status) != 0) {
        err = err_from_errno(errno);
    } else if (S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0) {
        LOG_E("secret %s: everybody can read it; chmod o-r %s", path, path);
        err = ERR_PERMISSION;
    } else {
        err = config_secret_fill(file, secret, capacity, ret_size);
        if (err != ERR_OK) {
            LOG_E("secret %s: %s", path, err_text(err));
        }
    }
    close(file);
    return err;
}

static enum err config_secret_environment(const char *name, char *secret, size_t capacity, size_t *ret_size)
{
    const char *value = getenv(name);
    if (value == NULL) {
        LOG_E("secret: the environment variable %s is not set", name);
        return ERR_NOT_FOUND;
    }
    const size_t size = strlen(value);
    if (size >= capacity) {
        LOG_E("secret: the environment variable %s is too long", name);
        return ERR_TOO_LARGE;
    }
    memcpy(secret, value, size + 1);
    *ret_size = size;
    return ERR_OK;
}

enum err config_secret_read(const struct config_secret *secret, char *ret_secret, size_t capacity)
{
    ASSERT(capacity > 0);
    size_t size = 0;
    enum err err = ERR_NOT_FOUND;
    if (secret->file != NULL) {
        err = config_secret_file(secret->file, ret_secret, capacity, &size);
    } else if (secret->env != NULL) {
        err = config_secret_environment(secret->env, ret_secret, capacity, &size);
    }
    if (err == ERR_OK && size > 0 && ret_secret[size - 1] == '\n') {
        ret_secret[--size] = '\0';
    }
    if (err == ERR_OK && (size == 0 || strlen(ret_secret) != size)) {
        LOG_E("secret %s: empty or with a NUL byte", secret->file != NULL ? secret->file : secret->env);
        err = ERR_INVALID;
    }
    if (err != ERR_OK) {
        explicit_bzero(ret_secret, capacity);
    }
    return err;
}
