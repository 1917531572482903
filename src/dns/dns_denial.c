/* SPDX-License-Identifier: Apache-2.0
 * The SOA of negative answers. */
#include "dns/dns_denial.h"

#include <string.h>

#include "base/assert.h"

static void dns_denial_name(struct dns_denial *denial, const struct dns_name *name, const struct dns_name *origin)
{
    const bool within = dns_name_within(name, origin);
    const size_t size = within ? (size_t)name->size - origin->size : name->size;
    memcpy(denial->names + denial->size, name->bytes, size);
    denial->size = (uint16_t)(denial->size + size);
    if (within) {
        denial->points[denial->points_count++] = denial->size;
        denial->size += 2;
    }
}

void dns_denial_make(const struct dns_name *origin, struct span rdata, struct dns_denial *ret_denial)
{
    struct cursor cursor;
    struct dns_name name;
    *ret_denial = (struct dns_denial){.size = 0};
    if (origin->size == 1) {
        return;
    }
    cursor_init(&cursor, rdata.data, rdata.size);
    for (uint32_t i = 0; i < 2; i++) {
        dns_name_read(&cursor, &name);
        dns_denial_name(ret_denial, &name, origin);
    }
    ASSERT(cursor_ok(&cursor) && cursor_left(&cursor) == DNS_DENIAL_NUMBERS);
}

size_t dns_denial_rdata(const struct dns_denial *denial, size_t origin_at, struct span rdata,
                        uint8_t ret_rdata[DNS_DENIAL_RDATA])
{
    ASSERT(denial->size > 0 && origin_at < 0x4000 && rdata.size > DNS_DENIAL_NUMBERS);
    memcpy(ret_rdata, denial->names, denial->size);
    for (uint32_t i = 0; i < denial->points_count; i++) {
        ret_rdata[denial->points[i]] = (uint8_t)(0xc0 | origin_at >> 8);
        ret_rdata[denial->points[i] + 1] = (uint8_t)origin_at;
    }
    memcpy(ret_rdata + denial->size, rdata.data + rdata.size - DNS_DENIAL_NUMBERS, DNS_DENIAL_NUMBERS);
    return (size_t)denial->size + DNS_DENIAL_NUMBERS;
}
