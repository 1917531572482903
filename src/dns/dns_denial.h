/* SPDX-License-Identifier: Apache-2.0
 * The SOA of negative answers, made ready when the zone is loaded.
 *
 * Its two names nearly always end in the zone's own, which the question has, too: kept is what stands in front of that,
 * with room for pointers that each answer fills in. So a flood of names that do not exist compresses no names. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "wire/dns_name.h"

enum { DNS_DENIAL_NAMES = 2 * DNS_NAME_MAX, DNS_DENIAL_NUMBERS = 20, DNS_DENIAL_RDATA = DNS_DENIAL_NAMES + 20 };

struct dns_denial {
    uint16_t size;         /* of `names`; 0: this is the root, which nothing points to */
    uint16_t points_count; /* pointers to the zone's name ... */
    uint16_t points[2];    /* ... and where they belong */
    uint8_t names[DNS_DENIAL_NAMES];
};

/* From the SOA's data in wire form. */
void dns_denial_make(const struct dns_name *origin, struct span rdata, struct dns_denial *ret_denial);

/* The data of a record in a message that has the zone's name at `origin_at`; its size. The numbers behind the names
 * come from `rdata`: the serial of a signed zone moves. */
size_t dns_denial_rdata(const struct dns_denial *denial, size_t origin_at, struct span rdata,
                        uint8_t ret_rdata[DNS_DENIAL_RDATA]);
