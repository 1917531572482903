/* SPDX-License-Identifier: Apache-2.0
 * Domain names in wire form. */
#include "wire/dns_name.h"

#include <string.h>

#include "base/assert.h"

static void dns_name_root(struct dns_name *name)
{
    name->size = 1;
    name->bytes[0] = 0;
}

/* The bytes of a name without pointers, which nearly all names are; 0: it is another one, or none. */
static size_t dns_name_plain(struct span left)
{
    const size_t most = left.size < DNS_NAME_MAX ? left.size : DNS_NAME_MAX;
    for (size_t at = 0; at < most; at += 1U + left.data[at]) {
        if (left.data[at] == 0) {
            return at + 1;
        }
        if (left.data[at] > DNS_NAME_LABEL_MAX) {
            return 0;
        }
    }
    return 0;
}

void dns_name_read(struct cursor *cursor, struct dns_name *ret_name)
{
    const size_t plain = dns_name_plain(cursor_rest(cursor));
    if (plain > 0) {
        ret_name->size = (uint8_t)plain;
        memcpy(ret_name->bytes, cursor_span(cursor, plain).data, plain);
        return;
    }
    struct cursor at = *cursor;
    size_t limit = at.at; /* pointers must go below what has been read, so that each jump makes progress */
    bool jumped = false;
    size_t size = 0;
    for (;;) {
        const uint8_t length = cursor_u8(&at);
        if ((length & 0xc0) == 0xc0) {
            const size_t target = (size_t)(length & 0x3f) << 8 | cursor_u8(&at);
            if (!jumped) {
                cursor->at = at.at;
                jumped = true;
            }
            if (at.failed || target >= limit) {
                break;
            }
            limit = target;
            at.at = target;
            continue;
        }
        const struct span label = cursor_span(&at, length);
        if (at.failed || length > DNS_NAME_LABEL_MAX || size + 1 + length > DNS_NAME_MAX) {
            break;
        }
        ret_name->bytes[size] = length;
        if (length == 0) {
            ret_name->size = (uint8_t)(size + 1);
            cursor->at = jumped ? cursor->at : at.at;
            return;
        }
        memcpy(ret_name->bytes + size + 1, label.data, length);
        size += 1U + length;
    }
    cursor_fail(cursor);
    dns_name_root(ret_name);
}

/* One character of master-file text after a backslash: \DDD or \X. False when it is cut or above 255. */
static bool dns_name_escape(struct cursor *cursor, uint8_t *ret_byte)
{
    const uint8_t first = cursor_u8(cursor);
    if (first < '0' || first > '9') {
        *ret_byte = first;
        return cursor_ok(cursor);
    }
    const uint8_t second = cursor_u8(cursor);
    const uint8_t third = cursor_u8(cursor);
    if (!cursor_ok(cursor) || second < '0' || second > '9' || third < '0' || third > '9') {
        return false;
    }
    const int value = (first - '0') * 100 + (second - '0') * 10 + (third - '0');
    *ret_byte = (uint8_t)value;
    return value <= UINT8_MAX;
}

/* Appends the origin behind `size` bytes of labels. */
static enum err dns_name_append(struct dns_name *name, size_t size, const struct dns_name *origin)
{
    const size_t more = origin != NULL ? origin->size : 1;
    if (size + more > DNS_NAME_MAX) {
        return ERR_TOO_LARGE;
    }
    if (origin != NULL) {
        memcpy(name->bytes + size, origin->bytes, more);
    } else {
        name->bytes[size] = 0;
    }
    name->size = (uint8_t)(size + more);
    return ERR_OK;
}

static enum err dns_name_parse_labels(struct cursor *cursor, const struct dns_name *origin, struct dns_name *name)
{
    size_t start = 0; /* of the present label: its length byte */
    size_t length = 0;
    while (cursor_left(cursor) > 0) {
        uint8_t byte = cursor_u8(cursor);
        if (byte == '.') {
            if (length == 0) {
                return ERR_INVALID;
            }
            name->bytes[start] = (uint8_t)length;
            start += 1 + length;
            length = 0;
            if (cursor_left(cursor) == 0) {
                return dns_name_append(name, start, NULL);
            }
            continue;
        }
        if (byte == '\\' && !dns_name_escape(cursor, &byte)) {
            return ERR_INVALID;
        }
        if (length == DNS_NAME_LABEL_MAX || start + 1 + length >= DNS_NAME_MAX - 1) {
            return ERR_TOO_LARGE;
        }
        name->bytes[start + 1 + length] = byte;
        length++;
    }
    name->bytes[start] = (uint8_t)length;
    return dns_name_append(name, start + 1 + length, origin);
}

enum err dns_name_parse(struct span text, const struct dns_name *origin, struct dns_name *ret_name)
{
    struct dns_name name;
    enum err err;
    if (text.size == 0) {
        return ERR_INVALID;
    }
    if (span_is(text, "@")) {
        err = dns_name_append(&name, 0, origin);
    } else if (span_is(text, ".")) {
        err = dns_name_append(&name, 0, NULL);
    } else {
        struct cursor cursor;
        cursor_init(&cursor, text.data, text.size);
        err = dns_name_parse_labels(&cursor, origin, &name);
    }
    if (err == ERR_OK) {
        *ret_name = name;
    }
    return err;
}

void dns_name_print(const struct dns_name *name, struct buf *buf)
{
    if (name->size <= 1) {
        buf_text(buf, ".");
        return;
    }
    for (size_t at = 0; name->bytes[at] != 0;) {
        const size_t length = name->bytes[at];
        for (size_t i = at + 1; i <= at + length; i++) {
            const uint8_t byte = name->bytes[i];
            if (byte <= ' ' || byte >= 0x7f) {
                buf_printf(buf, "\\%03u", byte);
            } else if (strchr(".\\\"();@$", byte) != NULL) {
                buf_printf(buf, "\\%c", byte);
            } else {
                buf_u8(buf, byte);
            }
        }
        buf_text(buf, ".");
        at += 1 + length;
    }
}

static bool dns_name_bytes_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    /* Length bytes are below 'A', so they pass through unchanged. */
    for (size_t i = 0; i < size; i++) {
        if (dns_name_small(a[i]) != dns_name_small(b[i])) {
            return false;
        }
    }
    return true;
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
    return a->size == b->size && dns_name_bytes_equal(a->bytes, b->bytes, a->size);
}

bool dns_name_within(const struct dns_name *name, const struct dns_name *ancestor)
{
    if (name->size < ancestor->size) {
        return false;
    }
    const size_t skip = (size_t)name->size - ancestor->size;
    size_t at = 0;
    while (at < skip) {
        at += 1U + name->bytes[at];
    }
    return at == skip && dns_name_bytes_equal(name->bytes + skip, ancestor->bytes, ancestor->size);
}

/* Eight bytes at a time, each by itself: the sums below never carry out of seven bits' bytes. */
static uint64_t dns_name_small_8(uint64_t bytes)
{
    const uint64_t each = 0x0101010101010101;
    const uint64_t low = bytes & 0x7f * each;
    const uint64_t from_a = low + (0x80 - 'A') * each;
    const uint64_t above_z = low + (0x7f - 'Z') * each;
    return bytes | ((from_a ^ above_z) & ~bytes & 0x80 * each) >> 2;
}

void dns_name_lower(struct dns_name *name)
{
    for (size_t at = 0; at < name->size; at += WORD_BYTES) {
        word_store(name->bytes + at, dns_name_small_8(word_load(name->bytes + at)));
    }
}

void dns_name_read_lower(struct cursor *cursor, struct dns_name *ret_name)
{
    const struct span left = cursor_rest(cursor);
    const size_t plain = dns_name_plain(left);
    if (plain == 0 || left.size < WORD_BYTES) {
        dns_name_read(cursor, ret_name);
        dns_name_lower(ret_name);
        return;
    }
    cursor_skip(cursor, plain);
    ret_name->size = (uint8_t)plain;
    for (size_t at = 0; at < plain; at += WORD_BYTES) {
        word_store(ret_name->bytes + at, dns_name_small_8(word_within(left.data, left.size, at)));
    }
}

uint32_t dns_name_labels(const struct dns_name *name, uint8_t offsets[DNS_NAME_LABELS_MAX])
{
    uint32_t count = 0;
    for (size_t at = 0; name->bytes[at] != 0; at += 1U + name->bytes[at]) {
        ASSERT(count < DNS_NAME_LABELS_MAX && at < DNS_NAME_MAX);
        offsets[count++] = (uint8_t)at;
    }
    return count;
}
