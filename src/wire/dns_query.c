/* SPDX-License-Identifier: Apache-2.0
 * A DNS query to bytes. */
#include "wire/dns_query.h"

#include "base/assert.h"
#include "wire/dns_type.h"

/* RFC 7871, 6: only the bytes that hold bits of the prefix; scope 0. */
static void dns_query_subnet(const struct dns_message_subnet *subnet, struct buf *buf)
{
    const uint16_t size = (uint16_t)((subnet->source_bits + 7U) / 8);
    buf_u16be(buf, DNS_MESSAGE_OPTION_ECS);
    buf_u16be(buf, (uint16_t)(4 + size));
    buf_u16be(buf, subnet->family);
    buf_u8(buf, subnet->source_bits);
    buf_u8(buf, 0);
    buf_bytes(buf, subnet->address, size);
}

static void dns_query_options(const struct dns_query *query, struct buf *buf)
{
    if (query->subnet_given) {
        dns_query_subnet(&query->subnet, buf);
    }
    if (query->nsid) {
        buf_u16be(buf, DNS_MESSAGE_OPTION_NSID);
        buf_u16be(buf, 0);
    }
    if (query->cookie_size > 0) {
        buf_u16be(buf, DNS_MESSAGE_OPTION_COOKIE);
        buf_u16be(buf, query->cookie_size);
        buf_bytes(buf, query->cookie, query->cookie_size);
    }
}

static void dns_query_opt(const struct dns_query *query, struct buf *buf)
{
    uint8_t memory[128];
    struct buf options;
    buf_init(&options, memory, sizeof memory);
    dns_query_options(query, &options);
    ASSERT(!options.overflow);
    buf_u8(buf, 0); /* the root */
    buf_u16be(buf, DNS_TYPE_OPT);
    buf_u16be(buf, DNS_MESSAGE_UDP_MAX);
    buf_u16be(buf, 0); /* response code, version 0 */
    buf_u16be(buf, query->dnssec_ok ? DNS_MESSAGE_DO : 0);
    buf_u16be(buf, (uint16_t)options.size);
    buf_bytes(buf, options.data, options.size);
}

void dns_query_write(const struct dns_query *query, struct buf *buf)
{
    ASSERT(query->name.size > 0 && query->cookie_size <= DNS_COOKIE_MOST);
    buf_u16be(buf, query->id);
    buf_u16be(buf, query->recursion ? DNS_MESSAGE_RD : 0);
    buf_u16be(buf, 1); /* questions */
    buf_u16be(buf, 0);
    buf_u16be(buf, 0);
    buf_u16be(buf, query->edns ? 1 : 0);
    buf_bytes(buf, query->name.bytes, query->name.size);
    buf_u16be(buf, query->type);
    buf_u16be(buf, query->class);
    if (query->edns) {
        dns_query_opt(query, buf);
    }
}
