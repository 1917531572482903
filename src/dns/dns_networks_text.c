/* SPDX-License-Identifier: Apache-2.0
 * Files of networks. */
#include "dns/dns_networks_text.h"

#include <arpa/inet.h>
#include <string.h>

void dns_networks_text_init(struct dns_networks_text *text, struct span content)
{
    *text = (struct dns_networks_text){.line = 0};
    cursor_init(&text->cursor, content.data, content.size);
}

static bool dns_networks_text_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct span dns_networks_text_trim(struct span span)
{
    while (span.size > 0 && dns_networks_text_blank(span.data[0])) {
        span = span_of(span.data + 1, span.size - 1);
    }
    while (span.size > 0 && dns_networks_text_blank(span.data[span.size - 1])) {
        span.size--;
    }
    return span;
}

struct span dns_networks_text_word(struct span *rest)
{
    size_t size = 0;
    const struct span all = dns_networks_text_trim(*rest);
    while (size < all.size && !dns_networks_text_blank(all.data[size])) {
        size++;
    }
    *rest = dns_networks_text_trim(span_of(all.data + size, all.size - size));
    return span_of(all.data, size);
}

/* Up to 128, without a sign or a leading zero; 255: it is no such number. */
static uint32_t dns_networks_text_bits(struct span digits)
{
    uint32_t bits = 0;
    if (digits.size == 0 || digits.size > 3 || (digits.data[0] == '0' && digits.size > 1)) {
        return UINT8_MAX;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return UINT8_MAX;
        }
        bits = bits * 10 + (uint32_t)(digits.data[i] - '0');
    }
    return bits <= 128 ? bits : UINT8_MAX;
}

static bool dns_networks_text_whole(const struct dns_networks_key *key, uint32_t bits)
{
    const uint64_t high = bits >= 64 ? 0 : UINT64_MAX >> bits;
    const uint64_t low = bits <= 64 ? UINT64_MAX : bits == 128 ? 0 : UINT64_MAX >> (bits - 64);
    return (key->high & high) == 0 && (key->low & low) == 0;
}

/* "10.0.0.0/8", "2001:db8::/32" or a single address; the bits behind the prefix must be zero. NULL: it is one, else
 * what is wrong. */
static const char *dns_networks_text_parse(struct span word, struct dns_networks_line *ret_line)
{
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16] = {0};
    const uint8_t *slash = word.size > 0 ? memchr(word.data, '/', word.size) : NULL;
    const size_t size = slash != NULL ? (size_t)(slash - word.data) : word.size;
    if (size == 0 || size >= sizeof address || memchr(word.data, 0, size) != NULL) {
        return "not a network; expected for example 192.0.2.0/24 or 2001:db8::/32";
    }
    memcpy(address, word.data, size);
    address[size] = 0;
    const uint32_t family = memchr(address, ':', size) != NULL ? 6 : 4;
    if (inet_pton(family == 4 ? AF_INET : AF_INET6, address, bytes) != 1) {
        return "not a network; expected for example 192.0.2.0/24 or 2001:db8::/32";
    }
    const uint32_t most = family == 4 ? 32 : 128;
    const uint32_t bits = slash != NULL ? dns_networks_text_bits(span_of(slash + 1, word.size - size - 1)) : most;
    if (bits > most) {
        return "not a prefix length; expected /0 to /32, or /128 for IPv6";
    }
    const struct dns_networks_key start = dns_networks_key(bytes, family);
    if (!dns_networks_text_whole(&start, bits)) {
        return "bits behind the prefix are set; expected the network's own address";
    }
    ret_line->family = family;
    ret_line->start = start;
    ret_line->bits = (uint8_t)bits;
    return NULL;
}

bool dns_networks_text_holds(const struct dns_networks_line *line, uint32_t family, const struct dns_networks_key *key)
{
    const uint64_t high = line->bits >= 64 ? UINT64_MAX : line->bits == 0 ? 0 : UINT64_MAX << (64 - line->bits);
    const uint64_t low = line->bits <= 64 ? 0 : UINT64_MAX << (128 - line->bits);
    return line->family == family && ((key->high ^ line->start.high) & high) == 0 &&
           ((key->low ^ line->start.low) & low) == 0;
}

/* The next line, without its end; false: there is none. */
static bool dns_networks_text_take(struct dns_networks_text *text, struct span *ret_line)
{
    struct cursor *cursor = &text->cursor;
    const size_t left = cursor_left(cursor);
    if (left == 0) {
        return false;
    }
    const bool last = memchr(cursor->data + cursor->at, '\n', left) == NULL;
    *ret_line = last ? cursor_span(cursor, left) : cursor_until(cursor, '\n');
    text->line++;
    return true;
}

enum dns_networks_item dns_networks_text_next(struct dns_networks_text *text, struct dns_networks_line *ret_line)
{
    struct span whole;
    while (dns_networks_text_take(text, &whole)) {
        const uint8_t *comment = whole.size > 0 ? memchr(whole.data, '#', whole.size) : NULL;
        struct span rest =
            dns_networks_text_trim(span_of(whole.data, comment != NULL ? (size_t)(comment - whole.data) : whole.size));
        if (rest.size == 0) {
            continue;
        }
        const struct span word = dns_networks_text_word(&rest);
        text->problem = dns_networks_text_parse(word, ret_line);
        if (text->problem != NULL) {
            text->column = (uint32_t)(word.data - whole.data) + 1;
            return DNS_NETWORKS_BROKEN;
        }
        ret_line->rest = rest;
        return DNS_NETWORKS_LINE;
    }
    return DNS_NETWORKS_END;
}
