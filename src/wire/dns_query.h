/* SPDX-License-Identifier: Apache-2.0
 * A DNS query to bytes (RFC 1035, 6891), for those who ask: the opposite of wire/dns_message.h. Pure, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/dns_message.h"

enum { DNS_QUERY_BYTES = 512 }; /* that any of them takes */

struct dns_query {
    uint16_t id;
    struct dns_name name;
    uint16_t type;
    uint16_t class;
    bool recursion;      /* RD: from a resolver, not from a server that must know by itself */
    bool edns;           /* what follows counts only with it */
    bool dnssec_ok;      /* DO */
    bool nsid;           /* who answers? */
    uint8_t cookie_size; /* 0: none; 8, or 16 to 40 */
    uint8_t cookie[DNS_COOKIE_MOST];
    bool subnet_given;
    struct dns_message_subnet subnet;
};

/* Appends the query; at most DNS_QUERY_BYTES. */
void dns_query_write(const struct dns_query *query, struct buf *buf);
