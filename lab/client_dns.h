/* SPDX-License-Identifier: Apache-2.0
 * A stub resolver's two messages: one question for an A record, and its answer (RFC 1035). Bytes only, no socket. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CLIENT_DNS_MESSAGE = 1232 };

struct client_dns_answer {
    uint32_t ipv4; /* host byte order; the first A record */
    uint32_t ttl_s;
};

/* The size of the query written; 0 when `name` is no domain name or does not fit. */
size_t client_dns_query(uint8_t *ret_message, size_t capacity, uint16_t id, const char *name);

/* ERR_PROTOCOL: not the answer to query `id` (wait on); ERR_STATUS: the server refuses or fails (ask another);
 * ERR_NOT_FOUND: no such name or no A record. */
ERR_CHECK enum err client_dns_parse(const uint8_t *message, size_t size, uint16_t id,
                                    struct client_dns_answer *ret_answer);
