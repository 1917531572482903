/* SPDX-License-Identifier: Apache-2.0
 * Secrets where the configuration says they are: a file or an environment variable.
 *
 * Read when needed and wiped by the caller (explicit_bzero); never logged, never on a command line. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "wire/config.h"

enum {
    CONFIG_SECRET_BYTES = 1024, /* hold any secret, terminator included */
};

/* The secret as a string in `ret_secret` (`capacity` bytes), without one newline at its end. A reason is logged with
 * the file's or variable's name. ERR_NOT_FOUND: no such file or variable, or none was configured. ERR_PERMISSION: not
 * readable, or readable by everybody (chmod o-r it). ERR_INVALID: empty or with a NUL byte. ERR_TOO_LARGE. On errors
 * `ret_secret` is wiped. */
enum err config_secret_read(const struct config_secret *secret, char *ret_secret, size_t capacity) ERR_CHECK;
