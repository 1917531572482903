/* SPDX-License-Identifier: Apache-2.0
 * Numbers of the DNS with their names: record types, response codes, classes (IANA registries). */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/* X(name, number) */
#define DNS_TYPE_TABLE(X)                                                                                              \
    X(A, 1)                                                                                                            \
    X(NS, 2)                                                                                                           \
    X(CNAME, 5)                                                                                                        \
    X(SOA, 6)                                                                                                          \
    X(PTR, 12)                                                                                                         \
    X(HINFO, 13)                                                                                                       \
    X(MX, 15)                                                                                                          \
    X(TXT, 16)                                                                                                         \
    X(AAAA, 28)                                                                                                        \
    X(SRV, 33)                                                                                                         \
    X(OPT, 41)                                                                                                         \
    X(DS, 43)                                                                                                          \
    X(RRSIG, 46)                                                                                                       \
    X(NSEC, 47)                                                                                                        \
    X(DNSKEY, 48)                                                                                                      \
    X(SVCB, 64)                                                                                                        \
    X(HTTPS, 65)                                                                                                       \
    X(TKEY, 249)                                                                                                       \
    X(TSIG, 250)                                                                                                       \
    X(IXFR, 251)                                                                                                       \
    X(AXFR, 252)                                                                                                       \
    X(MAILB, 253)                                                                                                      \
    X(MAILA, 254)                                                                                                      \
    X(ANY, 255)                                                                                                        \
    X(CAA, 257)

enum dns_type {
#define DNS_TYPE_ENUM(name, number) DNS_TYPE_##name = number,
    DNS_TYPE_TABLE(DNS_TYPE_ENUM)
#undef DNS_TYPE_ENUM
};

enum { DNS_CLASS_IN = 1, DNS_CLASS_CH = 3, DNS_CLASS_ANY = 255 };

enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_NOTIMP = 4,
    DNS_RCODE_REFUSED = 5,
    DNS_RCODE_BADVERS = 16, /* extended: the upper bits travel in OPT */
    DNS_RCODE_COUNT = 17,
};

/* "AAAA", "TYPE65280" (RFC 3597), in any case. ERR_NOT_FOUND otherwise. */
enum err dns_type_parse(struct span text, uint16_t *ret_type) ERR_CHECK;

/* The type's name, NULL when it has none here. */
const char *dns_type_name(uint16_t type);
