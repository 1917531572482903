/* SPDX-License-Identifier: Apache-2.0
 * A DNS query from bytes. */
#include "wire/dns_message.h"

#include <string.h>

#include "wire/dns_type.h"

static uint16_t dns_message_16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* Bytes of a run as a word, in a register: who reads it next does not wait for single bytes. */
static uint64_t dns_message_word(struct span from, size_t begin)
{
    const size_t end = from.size < begin + WORD_BYTES ? from.size : begin + WORD_BYTES;
    uint64_t word = 0;
    for (size_t i = end; i > begin; i--) {
        word = word << 8 | from.data[i - 1];
    }
    return word;
}

/* RFC 7871, 6: family, source, scope (0 in a query), then exactly the bytes that hold `source` bits, the rest of the
 * last byte zero. Anything else is FORMERR (7.1.2). */
static bool dns_message_subnet_parse(struct cursor *option, struct dns_message_subnet *subnet)
{
    const struct span head = cursor_span(option, 4);
    if (!cursor_ok(option)) {
        return false;
    }
    const uint16_t family = dns_message_16(head.data);
    const uint8_t bits = head.data[2];
    const uint32_t bits_max = family == 1 ? 32 : family == 2 ? 128 : 0;
    if (head.data[3] != 0 || family > 2 || bits > bits_max) {
        return false;
    }
    const struct span address = cursor_rest(option);
    const uint32_t rest = bits % 8U;
    if (address.size != (bits + 7U) / 8 || (rest > 0 && (address.data[address.size - 1] & 0xff >> rest) != 0)) {
        return false;
    }
    subnet->family = family;
    subnet->source_bits = bits;
    word_store(subnet->address, dns_message_word(address, 0));
    word_store(subnet->address + WORD_BYTES, dns_message_word(address, WORD_BYTES));
    return true;
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
    const struct span head = cursor_span(cursor, 8);
    const size_t size = cursor_ok(cursor) ? dns_message_16(head.data + 6) : 0;
    const struct span data = cursor_span(cursor, size);
    if (!cursor_ok(cursor)) {
        return false;
    }
    const uint16_t flags = dns_message_16(head.data + 4);
    query->edns = true;
    query->udp_size = dns_message_16(head.data);
    query->edns_version = head.data[3]; /* before it the upper bits of a response code: nothing in a query */
    query->dnssec_ok = (flags & DNS_MESSAGE_DO) != 0;
    query->compact_ok = (flags & DNS_MESSAGE_CO) != 0;
    if (query->edns_version != 0) {
        return true; /* what follows may mean something else there */
    }
    struct cursor options;
    cursor_init(&options, data.data, data.size);
    while (cursor_left(&options) > 0) {
        const struct span option = cursor_span(&options, 4);
        const size_t length = cursor_ok(&options) ? dns_message_16(option.data + 2) : 0;
        const struct span value = cursor_span(&options, length);
        if (!cursor_ok(&options) || !dns_message_option(dns_message_16(option.data), value, query)) {
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

/* Skips a record's name. Whether it is the root: OPT's, and the most frequent one in queries. */
static bool dns_message_owner(struct cursor *cursor)
{
    const struct span left = cursor_rest(cursor);
    if (left.size > 0 && left.data[0] == 0) {
        cursor_skip(cursor, 1);
        return true;
    }
    struct dns_name owner;
    dns_name_read(cursor, &owner);
    return owner.size == 1;
}

/* Skips a record, or reads it when it is OPT, TSIG or SOA where one may stand. */
static bool dns_message_record(struct cursor *cursor, enum dns_message_place place, bool last,
                               struct dns_message_query *query)
{
    const size_t start = cursor->at;
    const bool root = dns_message_owner(cursor);
    const uint16_t type = cursor_u16be(cursor);
    if (type == DNS_TYPE_OPT) {
        const bool allowed = place == DNS_MESSAGE_ADDITIONAL && !query->edns && root;
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
    dns_name_read_lower(cursor, &query->name);
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
    query->question_end = cursor->at;
    return true;
}

enum dns_message_verdict dns_message_parse(const void *data, size_t size, struct dns_message_query *ret_query)
{
    struct cursor cursor;
    cursor_init(&cursor, data, size);
    struct dns_message_query *query = ret_query;
    const struct span header = cursor_span(&cursor, DNS_MESSAGE_HEADER);
    if (!cursor_ok(&cursor) || (header.data[2] & DNS_MESSAGE_QR >> 8) != 0) {
        return DNS_MESSAGE_DROP;
    }
    const uint16_t questions = dns_message_16(header.data + 4);
    const uint16_t answers = dns_message_16(header.data + 6);
    const uint32_t others = (uint32_t)answers + dns_message_16(header.data + 8);
    const uint16_t additional = dns_message_16(header.data + 10);
    memset(query, 0, offsetof(struct dns_message_query, subnet.address));
    query->name.size = 1;
    query->name.bytes[0] = 0;
    query->id = dns_message_16(header.data);
    query->flags = dns_message_16(header.data + 2);
    query->opcode = (uint8_t)((query->flags & DNS_MESSAGE_OPCODE) >> 11);
    query->question_end = DNS_MESSAGE_HEADER;
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
