/* SPDX-License-Identifier: Apache-2.0
 * One word of a master file, and what words can mean: numbers, times, text with escapes.
 *
 * Words are borrowed from the file's text; their escapes are still in it. Pure, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct dns_word {
    struct span text; /* without its quotes */
    bool quoted;
    uint32_t line; /* where it begins, both from 1 */
    uint32_t column;
};

/* A decimal number of at most `most`. */
enum err dns_word_number(struct span text, uint64_t most, uint64_t *ret_number) ERR_CHECK;

/* Seconds, or with units as "1h30m" (s, m, h, d, w); at most 2^31 - 1 (RFC 2181, 8). */
enum err dns_word_ttl(struct span text, uint32_t *ret_ttl_s) ERR_CHECK;

/* Appends the bytes with escapes resolved (RFC 1035, 5.1: \X and \DDD). ERR_INVALID: bad escape; ERR_TOO_LARGE: more
 * than `most`. */
enum err dns_word_text(struct span text, size_t most, struct buf *buf) ERR_CHECK;

/* The value of a hexadecimal digit, 16: none. */
uint32_t dns_word_hex(uint8_t digit);
