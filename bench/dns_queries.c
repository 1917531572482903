/* SPDX-License-Identifier: Apache-2.0
 * Queries. */
#include "dns_queries.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/prng.h"
#include "wire/dns_name.h"
#include "wire/dns_type.h"

static void dns_queries_option(struct buf *buf, uint16_t code, const uint8_t *data, size_t size)
{
    buf_u16be(buf, code);
    buf_u16be(buf, (uint16_t)size);
    buf_bytes(buf, data, size);
}

static void dns_queries_opt(struct buf *buf, const char *kind, struct prng *prng)
{
    uint8_t memory[64];
    struct buf options;
    buf_init(&options, memory, sizeof memory);
    if (strcmp(kind, "subnet") == 0) {
        const uint8_t subnet[] = {0, 1, 24, 0, 10, (uint8_t)prng_below(prng, 256), (uint8_t)prng_below(prng, 256)};
        dns_queries_option(&options, 8, subnet, sizeof subnet);
    } else if (strcmp(kind, "cookie") == 0) {
        const uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, (uint8_t)prng_below(prng, 256)};
        dns_queries_option(&options, 10, cookie, sizeof cookie);
    }
    buf_u8(buf, 0);
    buf_u16be(buf, DNS_TYPE_OPT);
    buf_u16be(buf, 1232);
    buf_u16be(buf, 0);
    buf_u16be(buf, strcmp(kind, "dnssec") == 0 ? 0x8000 : 0);
    buf_u16be(buf, (uint16_t)options.size);
    buf_bytes(buf, options.data, options.size);
}

void dns_queries_fill(struct dns_queries_query *queries, uint32_t count, const char *kind)
{
    const bool plain = strcmp(kind, "static") == 0 || strcmp(kind, "nxdomain") == 0 || strcmp(kind, "weighted") == 0 ||
                       strcmp(kind, "source") == 0;
    struct prng prng;
    prng_init(&prng, 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[64] = "mail.example.test.";
        struct dns_name name;
        struct buf buf;
        if (strcmp(kind, "nxdomain") == 0) {
            snprintf(text, sizeof text, "x%u.example.test.", (unsigned)prng_below(&prng, 100000));
        } else if (strcmp(kind, "weighted") == 0) {
            snprintf(text, sizeof text, "weighted.example.test.");
        } else if (strcmp(kind, "source") == 0 || strcmp(kind, "subnet") == 0) {
            snprintf(text, sizeof text, "geo.example.test.");
        }
        const enum err err = dns_name_parse(span_text(text), NULL, &name);
        ASSERT(err == ERR_OK);
        buf_init(&buf, queries[i].bytes, sizeof queries[i].bytes);
        const uint8_t header[12] = {(uint8_t)(i >> 8), (uint8_t)i, 1, 0, 0, 1, 0, 0, 0, 0, 0, !plain};
        buf_bytes(&buf, header, sizeof header);
        buf_bytes(&buf, name.bytes, name.size);
        buf_u16be(&buf, DNS_TYPE_A);
        buf_u16be(&buf, DNS_CLASS_IN);
        if (!plain) {
            dns_queries_opt(&buf, kind, &prng);
        }
        ASSERT(!buf.overflow);
        queries[i].size = buf.size;
    }
}
