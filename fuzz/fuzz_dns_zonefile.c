/* SPDX-License-Identifier: Apache-2.0
 * Master files: every record that is read is well-formed and can be written into an answer. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_rdata_check.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"
#include "wire/dns_zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_zonefile file;
    static uint8_t answer[65535];
    struct dns_name origin;
    struct dns_writer writer;
    const enum err parsed = dns_name_parse(span_text("example.test."), NULL, &origin);
    ASSERT(parsed == ERR_OK);
    dns_zonefile_init(&file, span_of(data, size), &origin);
    enum dns_zonefile_item item;
    while ((item = dns_zonefile_next(&file)) <= DNS_ZONEFILE_INCLUDE) {
        const struct dns_zonefile_record *record = &file.record;
        if (item == DNS_ZONEFILE_INCLUDE) {
            ASSERT(file.include.path.size > 0 && file.include.origin.size > 0);
            continue;
        }
        ASSERT(dns_rdata_check(record->type, record->rdata));
        memset(answer, 0, DNS_MESSAGE_HEADER);
        dns_writer_init(&writer, answer, sizeof answer, DNS_MESSAGE_HEADER);
        dns_writer_record(&writer, DNS_WRITER_ANSWER, &record->owner, record->type, record->ttl_s, record->rdata);
        ASSERT(!writer.overflow);
    }
    ASSERT((item == DNS_ZONEFILE_END) == (file.problem[0] == 0));
    return 0;
}
