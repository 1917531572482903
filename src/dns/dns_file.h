/* SPDX-License-Identifier: Apache-2.0
 * Whole files into memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The bytes of a regular file, to be freed by the caller. ERR_INVALID: it is none; ERR_TOO_LARGE; ERR_CONFLICT: it
 * shrank while it was read; ERR_NO_MEMORY, or why it cannot be opened. */
enum err dns_file_read(const char *path, uint64_t bytes_most, char **ret_text, size_t *ret_size) ERR_CHECK;
