/* SPDX-License-Identifier: Apache-2.0
 * An NSEC record (RFC 4034, 4) as a set of its own, to be written and signed like those of the zone. */
#pragma once

#include <stdint.h>

#include "dns/dns_zone.h"
#include "wire/dns_canonical.h"

/* Points into itself: it stays where it was made. */
struct dns_nsec {
    struct dns_zone_set set;
    struct dns_zone_data data;
    uint8_t rdata[DNS_CANONICAL_NSEC];
};

/* To the name that comes next, with these types in any order (at most DNS_CANONICAL_TYPES). */
void dns_nsec_make(const struct dns_zone *zone, const struct dns_name *next, uint16_t *types, uint32_t count,
                   struct dns_nsec *ret_nsec);
