/* SPDX-License-Identifier: Apache-2.0
 * The configuration from a file: read whole, then parsed. */
#include "edge/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *config_file_default(void)
{
    const char *path = getenv("HOLDFAST_CONFIG");
    return path != NULL && *path != '\0' ? path : "/etc/holdfast/holdfast.yaml";
}

/* Until its end or until the capacity is full; also from a pipe. */
static enum err config_file_read(int file, uint8_t *memory, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    while (size < capacity) {
        const ssize_t got = read(file, memory + size, capacity - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_from_errno(errno);
        }
        if (got == 0) {
            break;
        }
        size += (size_t)got;
    }
    *ret_size = size;
    return ERR_OK;
}

enum err config_file_text(const char *path, uint8_t **ret_text, size_t *ret_size)
{
    const size_t capacity = CONFIG_FILE_BYTES + 1;
    size_t size = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        return err_from_errno(errno);
    }
    uint8_t *memory = malloc(capacity);
    enum err err = memory == NULL ? ERR_NO_MEMORY : config_file_read(file, memory, capacity, &size);
    if (err == ERR_OK && size == capacity) {
        err = ERR_TOO_LARGE;
    }
    close(file);
    if (err != ERR_OK) {
        free(memory);
        return err;
    }
    *ret_text = memory;
    *ret_size = size;
    return ERR_OK;
}

enum err config_file_load(const char *path, struct buf *messages, struct config **ret_config)
{
    uint8_t *text = NULL;
    size_t size = 0;
    enum err err = config_file_text(path, &text, &size);
    if (err != ERR_OK) {
        buf_printf(messages, "%s: error: %s; " CONFIG_FILE_EXPECTED "\n", path, err_text(err));
        return err;
    }
    err = config_parse(path, span_of(text, size), messages, ret_config);
    free(text);
    return err;
}
