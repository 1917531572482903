/* SPDX-License-Identifier: Apache-2.0
 * Record data from master-file text. */
#include "wire/dns_rdata.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

/* What a type's parser works on: the words from left to right, and where the result goes. */
struct dns_rdata_input {
    const struct dns_rdata_token *tokens;
    size_t count;
    size_t at;
    const struct dns_name *origin;
    struct buf *buf;
    const char *problem; /* NULL: none so far */
};

enum err dns_rdata_number(struct span text, uint64_t most, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (text.size == 0 || text.size > 19) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return ERR_INVALID;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (number > most) {
        return ERR_TOO_LARGE;
    }
    *ret_number = number;
    return ERR_OK;
}

static uint64_t dns_rdata_unit(uint8_t letter)
{
    switch (letter) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

enum err dns_rdata_ttl(struct span text, uint32_t *ret_ttl_s)
{
    uint64_t sum = 0;
    uint64_t part = 0;
    bool digits = false;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = dns_name_small(text.data[i]);
        if (byte >= '0' && byte <= '9') {
            part = part * 10 + (uint64_t)(byte - '0');
            digits = true;
        } else if (digits && dns_rdata_unit(byte) != 0) {
            sum += part * dns_rdata_unit(byte);
            part = 0;
            digits = false;
        } else {
            return ERR_INVALID;
        }
        if (part > INT32_MAX || sum > INT32_MAX) {
            return ERR_TOO_LARGE;
        }
    }
    if (text.size == 0 || sum + part > INT32_MAX) {
        return text.size == 0 ? ERR_INVALID : ERR_TOO_LARGE;
    }
    *ret_ttl_s = (uint32_t)(sum + part);
    return ERR_OK;
}

static void dns_rdata_fail(struct dns_rdata_input *input, const char *problem)
{
    if (input->problem == NULL) {
        input->problem = problem;
    }
}

static struct dns_rdata_token dns_rdata_next(struct dns_rdata_input *input)
{
    if (input->at < input->count) {
        return input->tokens[input->at++];
    }
    dns_rdata_fail(input, "record data is missing");
    return (struct dns_rdata_token){span_of("", 0), false};
}

static void dns_rdata_integer(struct dns_rdata_input *input, uint32_t bytes)
{
    uint64_t number = 0;
    const uint64_t most = (UINT64_C(1) << (8 * bytes)) - 1;
    if (dns_rdata_number(dns_rdata_next(input).text, most, &number) != ERR_OK) {
        dns_rdata_fail(input, "not a number in range");
    }
    for (uint32_t i = bytes; i > 0; i--) {
        buf_u8(input->buf, (uint8_t)(number >> (8 * (i - 1))));
    }
}

static void dns_rdata_duration(struct dns_rdata_input *input)
{
    uint32_t seconds = 0;
    if (dns_rdata_ttl(dns_rdata_next(input).text, &seconds) != ERR_OK) {
        dns_rdata_fail(input, "not a time in seconds");
    }
    buf_u32be(input->buf, seconds);
}

static void dns_rdata_name(struct dns_rdata_input *input)
{
    struct dns_name name;
    const struct dns_rdata_token token = dns_rdata_next(input);
    if (dns_name_parse(token.text, input->origin, &name) != ERR_OK) {
        dns_rdata_fail(input, "not a domain name");
        return;
    }
    buf_bytes(input->buf, name.bytes, name.size);
}

static void dns_rdata_address(struct dns_rdata_input *input, int family)
{
    char text[INET6_ADDRSTRLEN] = {0};
    uint8_t address[16];
    const struct span token = dns_rdata_next(input).text;
    if (token.size < sizeof text && token.size > 0) {
        memcpy(text, token.data, token.size);
    }
    if (inet_pton(family, text, address) != 1) {
        dns_rdata_fail(input, family == AF_INET ? "not an IPv4 address" : "not an IPv6 address");
        return;
    }
    buf_bytes(input->buf, address, family == AF_INET ? 4 : 16);
}

/* The bytes of a character string, escapes resolved, at most `most`. */
static void dns_rdata_text(struct dns_rdata_input *input, struct span text, size_t most)
{
    struct cursor cursor;
    size_t size = 0;
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        uint32_t byte = cursor_u8(&cursor);
        if (byte == '\\') {
            byte = cursor_u8(&cursor);
            if (byte >= '0' && byte <= '9') {
                const uint32_t tens = (uint32_t)cursor_u8(&cursor) - '0';
                const uint32_t ones = (uint32_t)cursor_u8(&cursor) - '0';
                byte = tens <= 9 && ones <= 9 ? (byte - '0') * 100 + tens * 10 + ones : UINT32_MAX;
            }
        }
        if (!cursor_ok(&cursor) || byte > UINT8_MAX) {
            dns_rdata_fail(input, "bad escape");
            return;
        }
        buf_u8(input->buf, (uint8_t)byte);
        size++;
    }
    if (size > most) {
        dns_rdata_fail(input, "text is too long");
    }
}

/* A character string with its length byte, which is known only afterwards. */
static void dns_rdata_string(struct dns_rdata_input *input)
{
    struct buf *buf = input->buf;
    const struct dns_rdata_token token = dns_rdata_next(input);
    const size_t start = buf->size;
    buf_u8(buf, 0);
    dns_rdata_text(input, token.text, UINT8_MAX);
    if (input->problem == NULL && !buf->overflow) {
        buf->data[start] = (uint8_t)(buf->size - start - 1);
    }
}

static void dns_rdata_soa(struct dns_rdata_input *input)
{
    dns_rdata_name(input);
    dns_rdata_name(input);
    dns_rdata_integer(input, 4);
    for (int i = 0; i < 4; i++) {
        dns_rdata_duration(input);
    }
}

/* RFC 8659: flags, tag (letters and digits, with its length), value (the rest). */
static void dns_rdata_caa(struct dns_rdata_input *input)
{
    dns_rdata_integer(input, 1);
    const struct span tag = dns_rdata_next(input).text;
    if (tag.size == 0 || tag.size > 255) {
        dns_rdata_fail(input, "CAA tag is empty or too long");
        return;
    }
    for (size_t i = 0; i < tag.size; i++) {
        const uint8_t byte = dns_name_small(tag.data[i]);
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9')) {
            dns_rdata_fail(input, "CAA tag has other than letters and digits");
        }
    }
    buf_u8(input->buf, (uint8_t)tag.size);
    buf_bytes(input->buf, tag.data, tag.size);
    dns_rdata_text(input, dns_rdata_next(input).text, UINT16_MAX);
}

static uint32_t dns_rdata_hex(uint8_t byte)
{
    const uint8_t small = dns_name_small(byte);
    if (small >= '0' && small <= '9') {
        return (uint32_t)(small - '0');
    }
    return small >= 'a' && small <= 'f' ? (uint32_t)(small - 'a') + 10 : 16;
}

static bool dns_rdata_generic_allowed(uint16_t type)
{
    /* Types with a form of their own are refused: their data reaches code that trusts it to be well-formed. */
    static const uint16_t formed[] = {DNS_TYPE_A,   DNS_TYPE_AAAA, DNS_TYPE_NS,  DNS_TYPE_CNAME,
                                      DNS_TYPE_PTR, DNS_TYPE_SOA,  DNS_TYPE_MX,  DNS_TYPE_TXT,
                                      DNS_TYPE_SRV, DNS_TYPE_CAA,  DNS_TYPE_OPT, 0};
    for (size_t i = 0; i < sizeof formed / sizeof *formed; i++) {
        if (type == formed[i]) {
            return false;
        }
    }
    return type < DNS_TYPE_TKEY || type > DNS_TYPE_ANY;
}

/* RFC 3597, 5: "\# LENGTH HEX..." */
static void dns_rdata_generic(struct dns_rdata_input *input, uint16_t type)
{
    if (!dns_rdata_generic_allowed(type)) {
        dns_rdata_fail(input, "\\# is not for a type with a form of its own");
    }
    uint64_t size = 0;
    uint64_t digits = 0;
    uint32_t half = 0;
    input->at++;
    if (dns_rdata_number(dns_rdata_next(input).text, UINT16_MAX, &size) != ERR_OK) {
        dns_rdata_fail(input, "not a length after \\#");
    }
    while (input->at < input->count) {
        const struct span text = dns_rdata_next(input).text;
        for (size_t i = 0; i < text.size; i++) {
            const uint32_t value = dns_rdata_hex(text.data[i]);
            if (value > 15) {
                dns_rdata_fail(input, "not hexadecimal");
            }
            if (digits++ % 2 == 1) {
                buf_u8(input->buf, (uint8_t)(half << 4 | (value & 15)));
            }
            half = value & 15;
        }
    }
    if (digits != size * 2) {
        dns_rdata_fail(input, "the length after \\# does not fit the data");
    }
}

static bool dns_rdata_known(struct dns_rdata_input *input, uint16_t type)
{
    switch (type) {
    case DNS_TYPE_A:
        dns_rdata_address(input, AF_INET);
        return true;
    case DNS_TYPE_AAAA:
        dns_rdata_address(input, AF_INET6);
        return true;
    case DNS_TYPE_NS:
    case DNS_TYPE_CNAME:
    case DNS_TYPE_PTR:
        dns_rdata_name(input);
        return true;
    case DNS_TYPE_SOA:
        dns_rdata_soa(input);
        return true;
    case DNS_TYPE_MX:
        dns_rdata_integer(input, 2);
        dns_rdata_name(input);
        return true;
    case DNS_TYPE_TXT:
        do {
            dns_rdata_string(input);
        } while (input->at < input->count && input->problem == NULL);
        return true;
    case DNS_TYPE_SRV:
        dns_rdata_integer(input, 2);
        dns_rdata_integer(input, 2);
        dns_rdata_integer(input, 2);
        dns_rdata_name(input);
        return true;
    case DNS_TYPE_CAA:
        dns_rdata_caa(input);
        return true;
    default:
        return false;
    }
}

enum err dns_rdata_parse(uint16_t type, const struct dns_rdata_token *tokens, size_t tokens_count,
                         const struct dns_name *origin, struct buf *buf, const char **ret_problem)
{
    struct dns_rdata_input input = {.tokens = tokens, .count = tokens_count, .origin = origin, .buf = buf};
    const bool generic = tokens_count > 0 && !tokens[0].quoted && span_is(tokens[0].text, "\\#");
    if (generic) {
        dns_rdata_generic(&input, type);
    } else if (!dns_rdata_known(&input, type)) {
        dns_rdata_fail(&input, "type is not known: use the generic form \\# LENGTH HEX");
    }
    if (input.problem == NULL && input.at < input.count) {
        dns_rdata_fail(&input, "more words than the type has");
    }
    if (input.problem == NULL && buf->overflow) {
        dns_rdata_fail(&input, "record data is too large");
    }
    if (input.problem != NULL) {
        *ret_problem = input.problem;
        return ERR_INVALID;
    }
    return ERR_OK;
}
