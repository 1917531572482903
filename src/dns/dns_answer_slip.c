/* SPDX-License-Identifier: Apache-2.0
 * What response rate limiting does with an answer. We wrote these bytes ourselves. */
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "dns/dns_answer.h"

/* The name of the question in lower case, and where the question ends. */
static size_t dns_answer_slip_question(const uint8_t *message, size_t size, struct dns_name *ret_name)
{
    struct cursor cursor;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, DNS_MESSAGE_HEADER);
    ret_name->size = 0;
    if (message[5] == 1) {
        dns_name_read(&cursor, ret_name);
        cursor_skip(&cursor, 4);
    }
    ASSERT(cursor_ok(&cursor));
    return cursor.at;
}

enum dns_rate_kind dns_answer_kind(const uint8_t *message, size_t size, uint64_t made_by, uint64_t *ret_name_hash)
{
    struct dns_name name;
    const uint32_t rcode = message[3] & 0xf;
    const bool records = (message[6] | message[7]) != 0;
    if (rcode != DNS_RCODE_NOERROR && rcode != DNS_RCODE_NXDOMAIN) {
        return DNS_RATE_ERROR;
    }
    if (rcode == DNS_RCODE_NXDOMAIN || !records) {
        return DNS_RATE_NEGATIVE;
    }
    if (made_by != 0) {
        *ret_name_hash = made_by;
        return DNS_RATE_ANSWER;
    }
    (void)dns_answer_slip_question(message, size, &name);
    dns_name_lower(&name);
    *ret_name_hash = hash_bytes(name.bytes, name.size);
    return DNS_RATE_ANSWER;
}

size_t dns_answer_slip(uint8_t *message, size_t size)
{
    struct cursor cursor;
    struct dns_name name;
    const size_t question = dns_answer_slip_question(message, size, &name);
    const uint32_t others = (uint32_t)(message[6] << 8 | message[7]) + (uint32_t)(message[8] << 8 | message[9]);
    const uint32_t records = others + (uint32_t)(message[10] << 8 | message[11]);
    size_t result = question;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, question);
    message[2] |= DNS_MESSAGE_TC >> 8;
    memset(message + 6, 0, 6);
    for (uint32_t i = 0; i < records; i++) {
        const size_t start = cursor.at;
        dns_name_read(&cursor, &name);
        const uint16_t type = cursor_u16be(&cursor);
        cursor_skip(&cursor, 6);
        const uint16_t length = cursor_u16be(&cursor);
        cursor_skip(&cursor, length);
        ASSERT(cursor_ok(&cursor));
        if (type == DNS_TYPE_OPT) {
            memmove(message + question, message + start, cursor.at - start);
            result = question + cursor.at - start;
            message[11] = 1;
            break;
        }
    }
    return result;
}
