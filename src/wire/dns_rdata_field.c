/* SPDX-License-Identifier: Apache-2.0
 * The fields that record data is made of. */
#include "wire/dns_rdata_field.h"

#include <arpa/inet.h>
#include <string.h>

void dns_rdata_field_fail(struct dns_rdata_field *field, const char *problem)
{
    if (field->problem == NULL) {
        field->problem = problem;
        field->wrong = field->at > 0 ? field->at - 1 : 0;
    }
}

bool dns_rdata_field_more(const struct dns_rdata_field *field)
{
    return field->at < field->count;
}

struct dns_word dns_rdata_field_next(struct dns_rdata_field *field)
{
    if (field->at < field->count) {
        return field->words[field->at++];
    }
    if (field->problem == NULL) {
        field->problem = "record data is missing";
        field->wrong = field->count;
    }
    return (struct dns_word){.text = span_of("", 0)};
}

void dns_rdata_field_integer(struct dns_rdata_field *field, uint32_t bytes)
{
    uint64_t number = 0;
    const uint64_t most = (UINT64_C(1) << (8 * bytes)) - 1;
    if (dns_word_number(dns_rdata_field_next(field).text, most, &number) != ERR_OK) {
        dns_rdata_field_fail(field, bytes == 1   ? "not a number in range; expected 0 to 255"
                                    : bytes == 2 ? "not a number in range; expected 0 to 65535"
                                                 : "not a number in range; expected 0 to 4294967295");
    }
    for (uint32_t i = bytes; i > 0; i--) {
        buf_u8(field->buf, (uint8_t)(number >> (8 * (i - 1))));
    }
}

void dns_rdata_field_seconds(struct dns_rdata_field *field)
{
    uint32_t seconds = 0;
    if (dns_word_ttl(dns_rdata_field_next(field).text, &seconds) != ERR_OK) {
        dns_rdata_field_fail(field, "not a time in seconds; expected a number or one as 1h30m");
    }
    buf_u32be(field->buf, seconds);
}

void dns_rdata_field_name(struct dns_rdata_field *field)
{
    struct dns_name name;
    const struct dns_word word = dns_rdata_field_next(field);
    if (dns_name_parse(word.text, field->origin, &name) != ERR_OK) {
        dns_rdata_field_fail(field, "not a domain name; expected labels of 1 to 63 bytes with dots between them");
        return;
    }
    buf_bytes(field->buf, name.bytes, name.size);
}

bool dns_rdata_field_address_write(struct span text, bool six, struct buf *buf)
{
    char copy[INET6_ADDRSTRLEN] = {0};
    uint8_t address[16];
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.data, 0, text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    if (inet_pton(six ? AF_INET6 : AF_INET, copy, address) != 1) {
        return false;
    }
    buf_bytes(buf, address, six ? 16 : 4);
    return true;
}

void dns_rdata_field_address(struct dns_rdata_field *field, bool six)
{
    if (!dns_rdata_field_address_write(dns_rdata_field_next(field).text, six, field->buf)) {
        dns_rdata_field_fail(field, six ? "not an IPv6 address; expected one as 2001:db8::1"
                                        : "not an IPv4 address; expected one as 192.0.2.1");
    }
}

static void dns_rdata_field_text(struct dns_rdata_field *field, struct span text, size_t most)
{
    const enum err err = dns_word_text(text, most, field->buf);
    if (err != ERR_OK) {
        dns_rdata_field_fail(field, err == ERR_TOO_LARGE
                                        ? "text is too long; expected at most 255 bytes, several in quotes each"
                                        : "bad escape; expected \\ and a sign, or \\ and three digits up to 255");
    }
}

void dns_rdata_field_string(struct dns_rdata_field *field)
{
    struct buf *buf = field->buf;
    const struct dns_word word = dns_rdata_field_next(field);
    const size_t start = buf->size;
    buf_u8(buf, 0);
    dns_rdata_field_text(field, word.text, UINT8_MAX);
    if (field->problem == NULL && !buf->overflow) {
        buf->data[start] = (uint8_t)(buf->size - start - 1); /* known only now */
    }
}

void dns_rdata_field_rest(struct dns_rdata_field *field)
{
    dns_rdata_field_text(field, dns_rdata_field_next(field).text, UINT16_MAX);
}

/* RFC 8659, 4.1: letters and digits with their length. */
void dns_rdata_field_tag(struct dns_rdata_field *field)
{
    const struct span tag = dns_rdata_field_next(field).text;
    if (tag.size == 0 || tag.size > 255) {
        dns_rdata_field_fail(field, "CAA tag is empty or too long; expected one as issue, issuewild or iodef");
        return;
    }
    for (size_t i = 0; i < tag.size; i++) {
        const uint8_t byte = dns_name_small(tag.data[i]);
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9')) {
            dns_rdata_field_fail(field, "CAA tag has other than letters and digits; expected one as issue");
        }
    }
    buf_u8(field->buf, (uint8_t)tag.size);
    buf_bytes(field->buf, tag.data, tag.size);
}

void dns_rdata_field_hex(struct dns_rdata_field *field)
{
    uint64_t digits = 0;
    uint32_t half = 0;
    do {
        const struct span text = dns_rdata_field_next(field).text;
        for (size_t i = 0; i < text.size; i++, digits++) {
            const uint32_t value = dns_word_hex(text.data[i]);
            if (value > 15) {
                dns_rdata_field_fail(field, "not hexadecimal; expected two of 0-9 and a-f for each byte");
            }
            if (digits % 2 == 1) {
                buf_u8(field->buf, (uint8_t)(half << 4 | (value & 15)));
            }
            half = value & 15;
        }
    } while (dns_rdata_field_more(field));
    if (digits == 0 || digits % 2 == 1) {
        dns_rdata_field_fail(field, "not whole bytes; expected two hexadecimal digits for each byte");
    }
}

static uint32_t dns_rdata_field_sextet(uint8_t byte)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = byte != 0 ? strchr(alphabet, byte) : NULL;
    return at != NULL ? (uint32_t)(at - alphabet) : 64;
}

/* Continues base64 over several words. */
struct dns_rdata_field_base64_state {
    uint32_t bits;
    uint32_t count;   /* sextets of the present group */
    uint32_t padding; /* '=' so far */
};

static bool dns_rdata_field_base64_step(struct dns_rdata_field_base64_state *state, struct span text, struct buf *buf)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint32_t value = dns_rdata_field_sextet(text.data[i]);
        if (text.data[i] == '=') {
            state->padding++;
        } else if (value > 63 || state->padding > 0) {
            return false;
        }
        state->bits = state->bits << 6 | (value & 63);
        if (++state->count < 4) {
            continue;
        }
        /* A padded sextet counted as 0 (64 & 63). */
        if (state->padding > 2) {
            return false;
        }
        for (uint32_t byte = 0; byte < 3 - state->padding; byte++) {
            buf_u8(buf, (uint8_t)(state->bits >> (16 - 8 * byte)));
        }
        state->count = 0;
        state->bits = 0;
    }
    return true;
}

bool dns_rdata_field_base64_write(struct span text, struct buf *buf)
{
    struct dns_rdata_field_base64_state state = {0};
    return text.size > 0 && dns_rdata_field_base64_step(&state, text, buf) && state.count == 0;
}

void dns_rdata_field_base64(struct dns_rdata_field *field)
{
    struct dns_rdata_field_base64_state state = {0};
    bool good = true;
    do {
        good = dns_rdata_field_base64_step(&state, dns_rdata_field_next(field).text, field->buf) && good;
    } while (dns_rdata_field_more(field));
    if (!good || state.count != 0) {
        dns_rdata_field_fail(field, "not base64; expected A-Z, a-z, 0-9, + and /, filled up with = to a multiple of 4");
    }
}
