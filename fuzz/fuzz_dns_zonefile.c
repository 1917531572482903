/* SPDX-License-Identifier: Apache-2.0
 * Master files: every record that is read can be written into an answer. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"
#include "wire/dns_zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dns_zonefile file;
    static uint8_t answer[65535];
    struct dns_zonefile_record record;
    struct dns_name origin;
    struct dns_writer writer;
    const enum err parsed = dns_name_parse(span_text("example.test."), NULL, &origin);
    ASSERT(parsed == ERR_OK);
    dns_zonefile_init(&file, span_of(data, size), &origin);
    enum err err;
    while ((err = dns_zonefile_next(&file, &record)) == ERR_OK) {
        memset(answer, 0, DNS_MESSAGE_HEADER);
        dns_writer_init(&writer, answer, sizeof answer, DNS_MESSAGE_HEADER);
        dns_writer_record(&writer, DNS_WRITER_ANSWER, &record.owner, record.type, record.ttl_s, record.rdata);
        ASSERT(!writer.overflow);
    }
    ASSERT(err == ERR_CLOSED || file.problem[0] != 0);
    return 0;
}
