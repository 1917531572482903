/* SPDX-License-Identifier: Apache-2.0
 * The authoritative answer to one query, built in the buffer that holds the query.
 *
 * RFC 1034/1035, 4892 (CHAOS), 5001 (NSID), 6891 (EDNS), 7828 (keepalive), 7871 (client subnet), 7873 and 9018
 * (cookies), 9471 (glue or TC), 9619 (one question); records: dns/dns_resolve.h. Signed queries (8945) get
 * signed answers, and may transfer zones. DNSSEC: dns/dns_secure.h; where a signature that is not kept cannot be made
 * now, the answer is TC, over TCP SERVFAIL. Pure: no socket, no clock, no allocation but to make a signature. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/view.h"
#include "dns/dns_catalog.h"
#include "dns/dns_policy.h"
#include "dns/dns_rate.h"
#include "dns/dns_sign.h"
#include "dns/dns_transfer.h"
#include "wire/dns_message.h"
#include "wire/dns_type.h"

/* What answers are made from. `rotation` belongs to the caller and moves with each dynamic answer. */
struct dns_answer_source {
    const struct dns_catalog *catalog;
    const struct dns_policy *policy;
    uint32_t rotation;
    uint32_t now_s;        /* wall clock, for cookies and signatures */
    struct dns_sign *sign; /* NULL: signed zones are answered as unsigned ones */
};

/* For counters. */
struct dns_answer_result {
    uint16_t rcode; /* enum dns_rcode */
    bool truncated;
    uint16_t type;    /* that was asked for */
    uint32_t zone;    /* its number; LIMITS_NONE: none of ours was asked about */
    bool dynamic;     /* ... */
    uint32_t name;    /* ... then: which dynamic name, */
    uint32_t region;  /* and where the answer leads; LIMITS_NONE: nowhere */
    bool keepalive;   /* it asked for that, over TCP */
    bool transfer;    /* nothing was answered: `packet->transfer` has begun */
    bool starved;     /* the signature that it needs may not be made now */
    uint64_t made_by; /* that there is a name of the question at all: a wildcard or DNAME of this hash; 0: none */
    bool proven;      /* the client has shown a good cookie: its address is its own */
};

/* The query, and the room for its answer in the same place. */
struct dns_answer_packet {
    uint8_t *message;
    size_t query_size;
    size_t capacity;               /* at least the larger of 1232 and query_size; over TCP an answer may fill it */
    struct view_address client;    /* where the query came from */
    struct dns_transfer *transfer; /* TCP: where one begins; NULL: UDP */
    int32_t keepalive_100ms;       /* TCP: how long the connection may be idle, for clients that ask; -1: not told */
};

/* What response rate limiting looks at: kind of answer and name, for UDP answers that were not proven. `made_by` of the
 * answer's result counts in the place of the name: else whoever asks could choose a new one each time. */
enum dns_rate_kind dns_answer_kind(const uint8_t *message, size_t size, uint64_t made_by, uint64_t *ret_name_hash);

/* Empties the answer but for question and OPT and sets TC. Its new size. */
size_t dns_answer_slip(uint8_t *message, size_t size);

/* Turns the query into its answer and returns the answer's size; 0: say nothing. */
size_t dns_answer_build(struct dns_answer_source *source, const struct dns_answer_packet *packet,
                        struct dns_answer_result *ret_result);
