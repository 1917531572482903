/* SPDX-License-Identifier: Apache-2.0
 * A SCRAM-SHA-256 verifier from a password, as CREATE ROLE ... PASSWORD makes it.
 *
 * Pure but for its cost: PG_SCRAM_MAKE_ITERATIONS rounds, some milliseconds. (RFC 5802, RFC 7677. The password is taken
 * as it is, without SASLprep: use ASCII.) */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "wire/pg_scram.h"

enum {
    PG_SCRAM_MAKE_SALT = 16, /* bytes */
    PG_SCRAM_MAKE_ITERATIONS = 4096,
};

/* ERR_INTERNAL: the library for it fails. */
ERR_CHECK enum err pg_scram_make_verifier(const char *password, const uint8_t salt[PG_SCRAM_MAKE_SALT],
                                          char ret_text[PG_SCRAM_VERIFIER]);
