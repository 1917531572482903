/* SPDX-License-Identifier: Apache-2.0
 * Queries: parse, and write an answer behind what was understood. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_message.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t answer[4096];
    struct dns_message_query query;
    struct dns_writer writer;
    if (size > 2048 || dns_message_parse(data, size, &query) == DNS_MESSAGE_DROP) {
        return 0;
    }
    ASSERT(query.question_end >= DNS_MESSAGE_HEADER && query.question_end <= size);
    memcpy(answer, data, query.question_end);
    dns_writer_init(&writer, answer, sizeof answer, query.question_end);
    dns_writer_record(&writer, DNS_WRITER_ANSWER, &query.name, DNS_TYPE_NS, 1,
                      span_of(query.name.bytes, query.name.size));
    ASSERT(query.cookie_size == 0 || query.cookie_size == 8 || (query.cookie_size >= 16 && query.cookie_size <= 40));
    const struct dns_writer_options options = {.dnssec_ok = query.dnssec_ok,
                                               .subnet = query.subnet_given ? &query.subnet : NULL,
                                               .cookie = span_of(query.cookie, query.cookie_size),
                                               .keepalive_100ms = query.keepalive ? 1 : -1};
    const size_t before = writer.size;
    dns_writer_opt(&writer, &options);
    ASSERT(writer.size - before == dns_writer_opt_size(&options));
    ASSERT(!writer.overflow);
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, answer, writer.size);
    cursor_skip(&cursor, query.question_end);
    dns_name_read(&cursor, &name);
    ASSERT(cursor_ok(&cursor) && dns_name_equal(&name, &query.name));
    return 0;
}
