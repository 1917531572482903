/* SPDX-License-Identifier: Apache-2.0
 * Decimal text to scaled integers, rounded half-even: "0.1" at six digits is 100000.
 *
 * So that no float decides anything: 0.1 in binary is not 0.1, in text it is. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    DECIMAL_MICRO = 6, /* millionths */
    DECIMAL_DIGITS_MAX = 18,
};

/* The number in `text` (JSON's grammar: -12.5e-3) times 10^digits. ERR_INVALID: not a number; ERR_TOO_LARGE: beyond 64
 * bits. digits is 0 to DECIMAL_DIGITS_MAX. */
enum err decimal_parse(const char *text, size_t size, uint32_t digits, int64_t *ret_value) ERR_CHECK;
