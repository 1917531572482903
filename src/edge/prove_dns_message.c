/* SPDX-License-Identifier: Apache-2.0
 * The question of a proof over DNS and the reading of its answer. */
#include "edge/prove_dns_message.h"

#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/dns_message.h"
#include "wire/dns_query.h"
#include "wire/dns_type.h"

void prove_dns_message_write(struct buf *buf, const struct prove_dns_message_question *question)
{
    dns_query_write(
        &(struct dns_query){.id = question->id, .name = question->name, .type = question->type, .class = DNS_CLASS_IN},
        buf);
}

static void prove_dns_message_record(struct cursor *cursor, uint16_t type, struct prove_dns_answer *answer)
{
    struct dns_name owner;
    dns_name_read(cursor, &owner);
    const uint16_t record_type = cursor_u16be(cursor);
    const uint16_t record_class = cursor_u16be(cursor);
    const uint32_t ttl = cursor_u32be(cursor);
    const struct span data = cursor_span(cursor, cursor_u16be(cursor));
    const size_t size = type == DNS_TYPE_A ? 4 : 16;
    if (!cursor_ok(cursor) || record_type != type || record_class != DNS_CLASS_IN || data.size != size) {
        return;
    }
    answer->ttl_s = answer->count == 0 || ttl < answer->ttl_s ? ttl : answer->ttl_s;
    if (answer->count < PROVE_ADDRESSES) {
        struct view_address *address = &answer->addresses[answer->count];
        *address = (struct view_address){.family = type == DNS_TYPE_A ? 4 : 6};
        memcpy(address->bytes, data.data, data.size);
        answer->count++;
    }
}

enum err prove_dns_message_parse(struct span packet, const struct prove_dns_message_question *question,
                                 struct prove_dns_answer *ret_answer)
{
    ASSERT(question->type == DNS_TYPE_A || question->type == DNS_TYPE_AAAA);
    struct cursor cursor;
    cursor_init(&cursor, packet.data, packet.size);
    const uint16_t id = cursor_u16be(&cursor);
    const uint16_t flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint16_t records = cursor_u16be(&cursor);
    cursor_skip(&cursor, 4);
    struct dns_name name;
    dns_name_read(&cursor, &name);
    const uint16_t type = cursor_u16be(&cursor);
    const uint16_t class = cursor_u16be(&cursor);
    if (!cursor_ok(&cursor) || id != question->id || (flags & DNS_MESSAGE_QR) == 0 || questions != 1 ||
        type != question->type || class != DNS_CLASS_IN || !dns_name_equal(&name, &question->name)) {
        return ERR_STALE;
    }
    const uint16_t rcode = flags & 0x000f;
    if (rcode != DNS_RCODE_NOERROR) {
        return rcode == DNS_RCODE_NXDOMAIN ? ERR_NOT_FOUND : ERR_STATUS;
    }
    struct prove_dns_answer answer = {.count = 0};
    for (uint16_t i = 0; i < records && cursor_ok(&cursor); i++) {
        prove_dns_message_record(&cursor, type, &answer);
    }
    if (!cursor_ok(&cursor) || (flags & DNS_MESSAGE_AA) == 0) {
        return ERR_PROTOCOL;
    }
    if (answer.count == 0) {
        return ERR_NOT_FOUND;
    }
    *ret_answer = answer;
    return ERR_OK;
}
