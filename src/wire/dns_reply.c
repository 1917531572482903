/* SPDX-License-Identifier: Apache-2.0
 * A DNS answer from bytes. */
#include "wire/dns_reply.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "wire/dns_type.h"

enum { DNS_REPLY_OPTION_ERROR = 15 };

/* ---- OPT ---- */

static bool dns_reply_subnet(struct span value, struct dns_reply_edns *edns)
{
    struct cursor cursor;
    cursor_init(&cursor, value.data, value.size);
    edns->subnet.family = cursor_u16be(&cursor);
    edns->subnet.source_bits = cursor_u8(&cursor);
    edns->scope_bits = cursor_u8(&cursor);
    const struct span address = cursor_span(&cursor, (edns->subnet.source_bits + 7U) / 8);
    if (!cursor_ok(&cursor) || cursor_left(&cursor) > 0 || address.size > sizeof edns->subnet.address) {
        return false;
    }
    if (address.size > 0) {
        memcpy(edns->subnet.address, address.data, address.size);
    }
    edns->subnet_given = true;
    return true;
}

static bool dns_reply_option(uint16_t code, struct span value, struct dns_reply_edns *edns)
{
    switch (code) {
    case DNS_MESSAGE_OPTION_ECS:
        return dns_reply_subnet(value, edns);
    case DNS_MESSAGE_OPTION_COOKIE:
        edns->cookie = value;
        return value.size <= DNS_COOKIE_MOST;
    case DNS_MESSAGE_OPTION_NSID:
        edns->nsid_given = true;
        edns->nsid = value;
        return true;
    case DNS_REPLY_OPTION_ERROR:
        if (value.size >= 2 && edns->errors_count < DNS_REPLY_ERRORS) {
            edns->errors[edns->errors_count++] = (struct dns_reply_error){
                (uint16_t)(value.data[0] << 8 | value.data[1]), span_of(value.data + 2, value.size - 2)};
        }
        return value.size >= 2;
    default:
        return true;
    }
}

/* Behind the type field. */
static void dns_reply_opt(struct cursor *cursor, struct dns_reply *reply)
{
    struct dns_reply_edns *edns = &reply->edns;
    edns->udp_size = cursor_u16be(cursor);
    reply->rcode = (uint16_t)(cursor_u8(cursor) << 4 | reply->rcode);
    edns->version = cursor_u8(cursor);
    edns->flags = cursor_u16be(cursor);
    const uint16_t size = cursor_u16be(cursor);
    const struct span data = cursor_span(cursor, size);
    struct cursor options;
    cursor_init(&options, data.data, data.size);
    if (edns->given) {
        cursor_fail(cursor);
    }
    edns->given = true;
    while (cursor_left(&options) > 0) {
        const uint16_t code = cursor_u16be(&options);
        const uint16_t length = cursor_u16be(&options);
        const struct span value = cursor_span(&options, length);
        if (!cursor_ok(&options) || !dns_reply_option(code, value, edns)) {
            cursor_fail(cursor);
            return;
        }
    }
}

/* ---- records ---- */

/* Fields in front of a name, by the form of wire/dns_type.h; false: the form has no more names. */
static bool dns_reply_before_name(struct cursor *cursor, const char **form, struct buf *buf)
{
    static const char sizes[] = {['1'] = 1, ['K'] = 1, ['2'] = 2, ['T'] = 2, ['4'] = 4, ['t'] = 4, ['D'] = 4};
    if (strchr(*form, 'd') == NULL) {
        return false;
    }
    for (; **form != 'd'; (*form)++) {
        size_t size = 0;
        if (**form == 's') {
            size = cursor_u8(cursor);
            buf_u8(buf, (uint8_t)size);
        } else {
            ASSERT((size_t) * *form < sizeof sizes && sizes[(size_t) * *form] > 0);
            size = (size_t)sizes[(size_t) * *form];
        }
        const struct span field = cursor_span(cursor, size);
        buf_bytes(buf, field.data, field.size);
    }
    (*form)++;
    return true;
}

/* The data of `size` bytes with whole names. What does not fit its type stays as it is: the printer sees to that. */
static void dns_reply_rdata(struct cursor *cursor, uint16_t type, uint16_t size, struct buf *buf)
{
    const char *form = dns_type_form(type);
    struct cursor inside = *cursor;
    const struct span raw = cursor_span(cursor, size);
    if (!cursor_ok(cursor) || form == NULL) {
        buf_bytes(buf, raw.data, raw.size);
        return;
    }
    inside.size = cursor->at;
    while (dns_reply_before_name(&inside, &form, buf)) {
        struct dns_name name;
        dns_name_read(&inside, &name);
        buf_bytes(buf, name.bytes, name.size);
    }
    const struct span rest = cursor_span(&inside, cursor_left(&inside));
    buf_bytes(buf, rest.data, rest.size);
    if (!cursor_ok(&inside)) {
        buf_reset(buf);
        buf_bytes(buf, raw.data, raw.size);
    }
}

/* ---- the message ---- */

static void dns_reply_skip(struct cursor *cursor, struct dns_reply *reply)
{
    struct dns_name owner;
    dns_name_read(cursor, &owner);
    if (cursor_u16be(cursor) == DNS_TYPE_OPT) {
        dns_reply_opt(cursor, reply);
        return;
    }
    cursor_skip(cursor, 2 + 4);
    const uint16_t size = cursor_u16be(cursor);
    cursor_skip(cursor, size);
}

enum err dns_reply_parse(struct span message, struct dns_reply *ret_reply)
{
    struct cursor cursor;
    struct dns_reply reply = {.message = message};
    cursor_init(&cursor, message.data, message.size);
    reply.id = cursor_u16be(&cursor);
    reply.flags = cursor_u16be(&cursor);
    reply.rcode = reply.flags & 15;
    const uint16_t questions = cursor_u16be(&cursor);
    for (uint32_t i = 0; i < DNS_REPLY_SECTIONS; i++) {
        reply.counts[i] = cursor_u16be(&cursor);
    }
    if (!cursor_ok(&cursor) || questions > 1 || (reply.flags & DNS_MESSAGE_QR) == 0) {
        return ERR_PROTOCOL;
    }
    if (questions == 1) {
        reply.question_given = true;
        dns_name_read(&cursor, &reply.name);
        reply.type = cursor_u16be(&cursor);
        reply.class = cursor_u16be(&cursor);
    }
    reply.records_at = cursor.at;
    const uint32_t records = (uint32_t)reply.counts[0] + reply.counts[1] + reply.counts[2];
    for (uint32_t i = 0; i < records && cursor_ok(&cursor); i++) {
        dns_reply_skip(&cursor, &reply);
    }
    if (!cursor_ok(&cursor)) {
        return ERR_PROTOCOL;
    }
    reply.trailing = cursor_left(&cursor);
    *ret_reply = reply;
    return ERR_OK;
}

bool dns_reply_answers(const struct dns_reply *reply, uint16_t id, const struct dns_name *name, uint16_t type)
{
    return reply->id == id && (!reply->question_given || (reply->type == type && dns_name_equal(&reply->name, name)));
}

void dns_reply_begin(const struct dns_reply *reply, struct dns_reply_walk *walk)
{
    cursor_init(&walk->cursor, reply->message.data, reply->message.size);
    cursor_skip(&walk->cursor, reply->records_at);
    walk->section = 0;
    memcpy(walk->left, reply->counts, sizeof walk->left);
}

bool dns_reply_next(struct dns_reply_walk *walk, struct dns_reply_record *ret_record)
{
    struct cursor *cursor = &walk->cursor;
    struct dns_reply_record record;
    do {
        while (walk->section < DNS_REPLY_SECTIONS && walk->left[walk->section] == 0) {
            walk->section++;
        }
        if (walk->section == DNS_REPLY_SECTIONS) {
            return false;
        }
        walk->left[walk->section]--;
        struct buf rdata;
        buf_init(&rdata, walk->rdata, sizeof walk->rdata);
        record.section = (enum dns_reply_section)walk->section;
        dns_name_read(cursor, &record.owner);
        record.type = cursor_u16be(cursor);
        record.class = cursor_u16be(cursor);
        record.ttl_s = cursor_u32be(cursor);
        const uint16_t size = cursor_u16be(cursor);
        dns_reply_rdata(cursor, record.type, size, &rdata);
        ASSERT(cursor_ok(cursor) && !rdata.overflow); /* dns_reply_parse went to the end */
        record.rdata = span_of(rdata.data, rdata.size);
    } while (record.type == DNS_TYPE_OPT);
    *ret_record = record;
    return true;
}
