/* SPDX-License-Identifier: Apache-2.0
 * A file that several processes map: made whole beside its place and renamed into it, so that nobody ever maps half of
 * one, and whoever has the old one keeps it. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

/* Makes `size` bytes at `path`, `head` and then zeros, in the place of what is there. The caller owns `ret_fd`. Errors
 * of open(2), posix_fallocate(3) and rename(2), which leave `path` as it was; ERR_INVALID: the path is too long. */
enum err mapped_file_create(const char *path, mode_t mode, size_t size, struct span head, int *ret_fd) ERR_CHECK;
