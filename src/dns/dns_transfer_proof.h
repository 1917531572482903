/* SPDX-License-Identifier: Apache-2.0
 * What a signed zone has beside its records when it is transferred: a signature for each set, and the chain of NSEC.
 *
 * The chain is that of the static zone, so that a secondary proves what it has; the server itself answers with compact
 * denial (dns/dns_secure.h), which needs none. Made record by record while the transfer goes on. */
#pragma once

#include "dns/dns_zone.h"
#include "wire/dns_writer.h"

struct dns_transfer_proof {
    uint64_t name;                  /* of the chain */
    const struct dns_zone_set *set; /* that is signed now; NULL: the NSEC */
    uint32_t key;                   /* the next one; past the last: what follows */
    bool begun;                     /* `set` is of this name */
    bool nsec;                      /* the record itself is written, its signatures are not */
};

enum dns_transfer_proof_result {
    DNS_TRANSFER_PROOF_MORE, /* a record was written, or did not fit: the writer knows */
    DNS_TRANSFER_PROOF_END,
    DNS_TRANSFER_PROOF_FAILED, /* OpenSSL cannot sign */
};

/* The next record. Starts from zeroes. */
enum dns_transfer_proof_result dns_transfer_proof_next(struct dns_transfer_proof *proof, const struct dns_zone *zone,
                                                       uint32_t now_s, struct dns_writer *writer);
