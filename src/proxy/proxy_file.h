/* SPDX-License-Identifier: Apache-2.0
 * A whole text file in memory, for the files that a proxy reads at its start and on SIGHUP. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    PROXY_FILE_LIMIT = 4 * 1024 * 1024,
};

/* ERR_TOO_LARGE, ERR_NO_MEMORY and the errors of open(2) and read(2). Give it back with proxy_file_free. */
ERR_CHECK enum err proxy_file_read(const char *path, uint8_t **ret_data, size_t *ret_size);
void proxy_file_free(uint8_t *data, size_t size); /* wipes; NULL is fine */
