/* SPDX-License-Identifier: Apache-2.0
 * NSEC records. */
#include "dns/dns_nsec.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/hash.h"
#include "wire/dns_type.h"

void dns_nsec_make(const struct dns_zone *zone, const struct dns_name *next, uint16_t *types, uint32_t count,
                   struct dns_nsec *ret_nsec)
{
    struct buf buf;
    ASSERT(count <= DNS_CANONICAL_TYPES);
    buf_init(&buf, ret_nsec->rdata, sizeof ret_nsec->rdata);
    buf_bytes(&buf, next->bytes, next->size);
    dns_canonical_bitmap(types, count, &buf);
    ASSERT(!buf.overflow);
    ret_nsec->data = (struct dns_zone_data){NULL, span_of(buf.data, buf.size)};
    ret_nsec->set = (struct dns_zone_set){.data = &ret_nsec->data,
                                          .ttl_s = zone->negative_ttl_s,
                                          .count = 1,
                                          .type = DNS_TYPE_NSEC,
                                          .sum = hash_bytes(buf.data, buf.size)};
}
