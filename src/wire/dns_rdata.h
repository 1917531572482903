/* SPDX-License-Identifier: Apache-2.0
 * Record data from master-file text to uncompressed wire form: A, AAAA, NS, CNAME, PTR, SOA, MX, TXT, SRV, CAA and the
 * generic form of RFC 3597 for the rest.
 *
 * No allocation: the data goes into the caller's buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns_name.h"

/* One word of a master file; escapes are still in it. */
struct dns_rdata_token {
    struct span text;
    bool quoted;
};

/* Appends the data. On an error `ret_problem` is a sentence for the operator (a constant) and the buffer's content is
 * undefined. */
enum err dns_rdata_parse(uint16_t type, const struct dns_rdata_token *tokens, size_t tokens_count,
                         const struct dns_name *origin, struct buf *buf, const char **ret_problem) ERR_CHECK;

/* A decimal number of at most `most`. */
enum err dns_rdata_number(struct span text, uint64_t most, uint64_t *ret_number) ERR_CHECK;

/* Seconds, or with units as "1h30m" (s, m, h, d, w); at most 2^31 - 1 (RFC 2181, 8). */
enum err dns_rdata_ttl(struct span text, uint32_t *ret_ttl_s) ERR_CHECK;
