/* SPDX-License-Identifier: Apache-2.0
 * A DNS query from bytes. */
#include "wire/dns_message.h"

#include <string.h>

#include "wire/dns_type.h"

/* RFC 7871, 6: family, source, scope (0 in a query), then exactly the bytes that hold `source` bits, the rest of the
 * last byte zero. Anything else is FORMERR (7.1.2). */
static bool dns_message_subnet_parse(struct cursor *option, struct dns_message_subnet *subnet)
{
    subnet->family = cursor_u16be(option);
    subnet->source_bits = cursor_u8(option);
    const uint8_t scope = cursor_u8(option);
    const uint32_t bits_max = subnet->family == 1 ? 32 : subnet->family == 2 ? 128 : 0;
    if (!cursor_ok(option) || scope != 0 || subnet->family > 2 || subnet->source_bits > bits_max) {
        return false;
    }
    const size_t size = (subnet->source_bits + 7U) / 8;
    const struct span address = cursor_span(option, size);
    if (!cursor_ok(option) || cursor_left(option) != 0) {
        return false;
    }
    memset(subnet->address, 0, sizeof subnet->address);
    if (size > 0) {
        memcpy(subnet->address, address.data, size);
    }
    const uint32_t rest = subnet->source_bits % 8U;
    return rest == 0 || (subnet->address[size - 1] & (0xff >> rest)) == 0;
}

/* Two subnets, or two cookies, cannot both be answered. */
static bool dns_message_option(uint16_t code, struct span value, struct dns_message_query *query)
{
    switch (code) {
    case DNS_MESSAGE_OPTION_ECS: {
        struct cursor option;
        cursor_init(&option, value.data, value.size);
        if (query->subnet_given || !dns_message_subnet_parse(&option, &query->subnet)) {
            return false;
        }
        query->subnet_given = true;
        return true;
    }
    case DNS_MESSAGE_OPTION_COOKIE:
        /* RFC 7873, 5.2.2: the client's 8 bytes, alone or with 8 to 32 of a server. */
        if (query->cookie_size != 0 || value.size > DNS_COOKIE_MOST ||
            (value.size != DNS_COOKIE_CLIENT && value.size < 2 * DNS_COOKIE_CLIENT)) {
            return false;
        }
        memcpy(query->cookie, value.data, value.size);
        query->cookie_size = (uint8_t)value.size;
        return true;
    case DNS_MESSAGE_OPTION_NSID:
        query->nsid = true;
        return true;
    case DNS_MESSAGE_OPTION_KEEPALIVE:
        query->keepalive = true;
        return true;
    default:
        return true;
    }
}

/* The OPT record behind its type field (RFC 6891, 6.1.2). Options that we do not know are skipped. */
static bool dns_message_opt(struct cursor *cursor, struct dns_message_query *query)
{
    query->udp_size = cursor_u16be(cursor);
    cursor_skip(cursor, 1); /* the upper bits of a response code: nothing in a query */
    query->edns_version = cursor_u8(cursor);
    const uint16_t flags = cursor_u16be(cursor);
    query->dnssec_ok = (flags & DNS_MESSAGE_DO) != 0;
    query->compact_ok = (flags & DNS_MESSAGE_CO) != 0;
    const uint16_t size = cursor_u16be(cursor);
    const struct span data = cursor_span(cursor, size);
    if (!cursor_ok(cursor)) {
        return false;
    }
    query->edns = true;
    if (query->edns_version != 0) {
        return true; /* what follows may mean something else there */
    }
    struct cursor options;
    cursor_init(&options, data.data, data.size);
    while (cursor_left(&options) > 0) {
        const uint16_t code = cursor_u16be(&options);
        const uint16_t length = cursor_u16be(&options);
        const struct span value = cursor_span(&options, length);
        if (!cursor_ok(&options)) {
            return false;
        }
        if (!dns_message_option(code, value, query)) {
            return false;
        }
    }
    return true;
}

/* The client's serial in an IXFR query (RFC 1995, 3). */
static void dns_message_soa(struct cursor *cursor, size_t size, struct dns_message_query *query)
{
    struct dns_name name;
    const size_t end = cursor->at + size;
    dns_name_read(cursor, &name);
    dns_name_read(cursor, &name);
    query->serial = cursor_u32be(cursor);
    cursor_skip(cursor, 16);
    if (cursor->at != end) {
        cursor_fail(cursor);
    }
    query->serial_given = true;
}

enum dns_message_place { DNS_MESSAGE_ANSWER, DNS_MESSAGE_AUTHORITY, DNS_MESSAGE_ADDITIONAL };

/* Skips a record, or reads it when it is OPT, TSIG or SOA where one may stand. */
static bool dns_message_record(struct cursor *cursor, enum dns_message_place place, bool last,
                               struct dns_message_query *query)
{
    struct dns_name owner;
    const size_t start = cursor->at;
    dns_name_read(cursor, &owner);
    const uint16_t type = cursor_u16be(cursor);
    if (type == DNS_TYPE_OPT) {
        const bool allowed = place == DNS_MESSAGE_ADDITIONAL && !query->edns && owner.size == 1;
        return cursor_ok(cursor) && allowed && dns_message_opt(cursor, query);
    }
    if (type == DNS_TYPE_TSIG) {
        if (place != DNS_MESSAGE_ADDITIONAL || !last) {
            return false; /* RFC 8945, 5.1 */
        }
        query->tsig_at = start;
    }
    cursor_skip(cursor, 2 + 4);
    const uint16_t size = cursor_u16be(cursor);
    if (type == DNS_TYPE_SOA && place == DNS_MESSAGE_AUTHORITY && query->type == DNS_TYPE_IXFR) {
        dns_message_soa(cursor, size, query);
    } else {
        cursor_skip(cursor, size);
    }
    return cursor_ok(cursor);
}

static bool dns_message_question(struct cursor *cursor, struct dns_message_query *query)
{
    dns_name_read(cursor, &query->name);
    query->type = cursor_u16be(cursor);
    query->class = cursor_u16be(cursor);
    /* A compressed question could only point into the header: answers that point to the question would break. */
    if (!cursor_ok(cursor) || cursor->at != DNS_MESSAGE_HEADER + (size_t)query->name.size + 4) {
        query->name.size = 1;
        query->name.bytes[0] = 0;
        query->type = 0;
        query->class = 0;
        return false;
    }
    dns_name_lower(&query->name);
    query->question_end = cursor->at;
    return true;
}

enum dns_message_verdict dns_message_parse(const void *data, size_t size, struct dns_message_query *ret_query)
{
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    struct dns_message_query *query = ret_query;
    query->id = cursor_u16be(&cursor);
    query->flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint16_t answers = cursor_u16be(&cursor);
    const uint32_t others = (uint32_t)answers + cursor_u16be(&cursor);
    const uint16_t additional = cursor_u16be(&cursor);
    if (!cursor_ok(&cursor) || (query->flags & DNS_MESSAGE_QR) != 0) {
        return DNS_MESSAGE_DROP;
    }
    query->opcode = (uint8_t)((query->flags & DNS_MESSAGE_OPCODE) >> 11);
    query->type = 0;
    query->class = 0;
    query->question_end = DNS_MESSAGE_HEADER;
    query->name.size = 1;
    query->name.bytes[0] = 0;
    query->edns = false;
    query->subnet_given = false;
    query->dnssec_ok = false;
    query->compact_ok = false;
    query->edns_version = 0;
    query->udp_size = 0;
    query->subnet = (struct dns_message_subnet){0};
    query->nsid = false;
    query->keepalive = false;
    query->cookie_size = 0;
    query->tsig_at = 0;
    query->serial_given = false;
    query->serial = 0;
    if (query->opcode != 0) {
        return DNS_MESSAGE_NOTIMP;
    }
    /* RFC 9619: exactly one question; none only to ask for a cookie. */
    if (questions > 1 || (questions == 1 && !dns_message_question(&cursor, query))) {
        return DNS_MESSAGE_FORMERR;
    }
    /* Each record takes 11 bytes or more, so the message's size bounds both loops. */
    for (uint32_t i = 0; i < others; i++) {
        if (!dns_message_record(&cursor, i < answers ? DNS_MESSAGE_ANSWER : DNS_MESSAGE_AUTHORITY, false, query)) {
            return DNS_MESSAGE_FORMERR;
        }
    }
    for (uint32_t i = 0; i < additional; i++) {
        if (!dns_message_record(&cursor, DNS_MESSAGE_ADDITIONAL, i + 1U == additional, query)) {
            return DNS_MESSAGE_FORMERR;
        }
    }
    if (cursor_left(&cursor) != 0 || (questions == 0 && query->cookie_size == 0)) {
        return DNS_MESSAGE_FORMERR;
    }
    return questions == 0 ? DNS_MESSAGE_COOKIE : DNS_MESSAGE_GOOD;
}
