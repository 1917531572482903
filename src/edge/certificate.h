/* SPDX-License-Identifier: Apache-2.0
 * Whether a certificate file is in its time: what a refused handshake does not tell the one who was refused.
 *
 * Any thread; reads the file anew each time. RFC 5280, section 4.1.2.5. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "base/time.h"

/* The first certificate of a PEM file. ERR_CERTIFICATE: it is not valid yet or has expired at `now`, ERR_CONTENT: no
 * certificate is in the file; else the reason why it cannot be read. `text` then says so with the file's name, and is
 * empty on success. */
ERR_CHECK enum err certificate_check(const char *path, struct wall now, char *text, size_t size);
