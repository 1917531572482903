/* SPDX-License-Identifier: Apache-2.0
 * The question of a proof over DNS and the reading of its answer (RFC 1035, 4.1). Pure, any thread. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "edge/prove.h"
#include "wire/dns_name.h"

struct prove_dns_message_question {
    uint16_t id;
    uint16_t type; /* DNS_TYPE_A or DNS_TYPE_AAAA */
    struct dns_name name;
};

/* Appends the query: one question, no recursion wanted. */
void prove_dns_message_write(struct buf *buf, const struct prove_dns_message_question *question);

/* ERR_STALE: not an answer to this question, wait for another. ERR_NOT_FOUND: no such name, or no record of the type.
 * ERR_STATUS: another response code. ERR_PROTOCOL: cannot be read, or not authoritative. */
ERR_CHECK enum err prove_dns_message_parse(struct span packet, const struct prove_dns_message_question *question,
                                           struct prove_dns_answer *ret_answer);
