/* SPDX-License-Identifier: Apache-2.0
 * The one form of names, data and record sets that signatures are made of (RFC 4034, 6; RFC 6840, 5.1).
 *
 * Pure, no allocation. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/dns_name.h"

enum {
    DNS_CANONICAL_TYPES = 64,                                     /* types of one bitmap */
    DNS_CANONICAL_BITMAP = DNS_CANONICAL_TYPES * (2 + 32),        /* bytes that it can take */
    DNS_CANONICAL_NSEC = DNS_NAME_MAX + DNS_CANONICAL_BITMAP + 1, /* record data of NSEC */
};

/* Below, equal to or above 0 as `a` stands before, at or behind `b` (6.1). In any case of letters. */
int dns_canonical_compare(const struct dns_name *a, const struct dns_name *b);

/* Turns the data of a well-formed record into canonical form, in place: names in the types of old become lower case. */
void dns_canonical_rdata(uint16_t type, uint8_t *data, size_t size);

/* The first name behind `name` in canonical order: a zero byte as a label in front; where the name has no room for
 * that, as dns_canonical_beside. */
void dns_canonical_next(const struct dns_name *name, const struct dns_name *origin, struct dns_name *ret_next);

/* The first name behind all that lie below `name`: a zero byte at the end of its first label (RFC 9824, 3.4); where
 * there is no room for that either, the next one that fits; behind all of the zone, its origin. Both lower case. */
void dns_canonical_beside(const struct dns_name *name, const struct dns_name *origin, struct dns_name *ret_next);

/* What RRSIG's field says of an owner: its labels without the root and a "*" in front (3.1.3). */
uint8_t dns_canonical_labels(const struct dns_name *name);

/* Appends the bitmap of the types (4.1.2), which are put in order; twice the same is fine. At most
 * DNS_CANONICAL_TYPES. */
void dns_canonical_bitmap(uint16_t *types, uint32_t count, struct buf *buf);
