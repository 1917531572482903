/* SPDX-License-Identifier: Apache-2.0
 * Record data from the words of a master file to uncompressed wire form: the types of wire/dns_type.h by their form,
 * and any type in the generic form of RFC 3597.
 *
 * No allocation: the data goes into the caller's buffer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/dns_name.h"
#include "wire/dns_word.h"

struct dns_rdata_problem {
    const char *text; /* for the operator, a constant: what is wrong; what is expected */
    size_t word;      /* which it is about; the number of words: one is missing */
};

/* Appends the data. On ERR_INVALID `ret_problem` is set and the buffer's content is undefined. */
enum err dns_rdata_parse(uint16_t type, const struct dns_word *words, size_t words_count, const struct dns_name *origin,
                         struct buf *buf, struct dns_rdata_problem *ret_problem) ERR_CHECK;
