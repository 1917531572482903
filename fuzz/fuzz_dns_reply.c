/* SPDX-License-Identifier: Apache-2.0
 * Answers of any server: parse, go through the records, print their data; what can be read back is the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_reply.h"
#include "wire/dns_type.h"
#include "wire/dns_zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(uint16_t type, struct span rdata)
{
    static struct dns_zonefile file;
    static char line[600000];
    struct dns_name root = {.size = 1};
    struct buf buf;
    const char *form = dns_type_form(type);
    buf_init(&buf, line, sizeof line);
    buf_printf(&buf, ". 1 TYPE%u ", type);
    dns_rdata_print(type, rdata, &buf);
    ASSERT(!buf.overflow);
    buf_text(&buf, "\n");
    dns_zonefile_init(&file, span_of(buf.data, buf.size), &root);
    const enum dns_zonefile_item item = dns_zonefile_next(&file);
    ASSERT(item == DNS_ZONEFILE_RECORD || item == DNS_ZONEFILE_BROKEN);
    ASSERT(item == DNS_ZONEFILE_BROKEN || file.record.type == type);
    /* Bitmaps may have come with zeros at their end, lists of keys out of order. */
    if (item == DNS_ZONEFILE_RECORD && (form == NULL || strpbrk(form, "MP") == NULL)) {
        ASSERT(span_equal(file.record.rdata, rdata));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_reply_walk walk;
    struct dns_reply reply;
    struct dns_reply_record record;
    uint32_t counted = 0;
    if (size > UINT16_MAX || dns_reply_parse(span_of(data, size), &reply) != ERR_OK) {
        return 0;
    }
    ASSERT(reply.edns.errors_count <= DNS_REPLY_ERRORS && reply.edns.cookie.size <= DNS_COOKIE_MOST);
    dns_reply_begin(&reply, &walk);
    while (dns_reply_next(&walk, &record)) {
        ASSERT(record.owner.size > 0 && record.section < DNS_REPLY_SECTIONS);
        read_back(record.type, record.rdata);
        counted++;
    }
    ASSERT(counted <= (uint32_t)reply.counts[0] + reply.counts[1] + reply.counts[2]);
    return 0;
}
