/* SPDX-License-Identifier: Apache-2.0
 * A zone transfer (AXFR, RFC 5936): the whole static zone as a run of messages, signed when the query was.
 *
 * IXFR (RFC 1995) is answered the same way, or with the SOA alone when the client has our serial. The answers of
 * dynamic names are no part of a zone; static addresses that its file has at such a name are, for secondaries that
 * follow no view. A signed zone brings its signatures (dns/dns_transfer_proof.h). Pure: the caller has the connection,
 * and keeps the zone alive. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/dns_transfer_proof.h"
#include "dns/dns_zone.h"
#include "wire/dns_message.h"
#include "wire/dns_tsig.h"

enum {
    DNS_TRANSFER_MESSAGE = 16384,       /* bytes that a message gets, unless one record is larger */
    DNS_TRANSFER_PROOFS_MESSAGE = 4096, /* ... of signatures, which take 20 us each to make */
};

enum dns_transfer_step {
    DNS_TRANSFER_BEGIN,
    DNS_TRANSFER_RECORDS,
    DNS_TRANSFER_PROOFS, /* of a signed zone */
    DNS_TRANSFER_END,
    DNS_TRANSFER_DONE
};

struct dns_transfer {
    const struct dns_zone *zone; /* NULL: none is under way */
    enum dns_transfer_step step;
    bool serial_only; /* the client has all of it */
    bool edns;
    bool dnssec_ok;
    bool signs;
    struct dns_tsig tsig;
    uint8_t head[4]; /* id and flags */
    size_t question_size;
    uint8_t question[DNS_NAME_MAX + 4]; /* for the first message */
    uint64_t bucket;
    const struct dns_zone_node *node;
    const struct dns_zone_set *set;
    const struct dns_zone_data *data; /* the next record */
    struct dns_transfer_proof proof;
    uint32_t now_s;
};

/* `message` is the query, which is no longer needed afterwards. `tsig` NULL: unsigned. `now_s`: wall clock. */
void dns_transfer_begin(struct dns_transfer *transfer, const struct dns_zone *zone, const uint8_t *message,
                        const struct dns_message_query *query, const struct dns_tsig *tsig, uint32_t now_s);

/* The next message into `memory` of 65535 bytes; 0: there is none, it is over. */
size_t dns_transfer_next(struct dns_transfer *transfer, uint8_t *memory);
