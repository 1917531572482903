/* SPDX-License-Identifier: Apache-2.0
 * The one form of names, data and record sets that signatures are made of. */
#include "wire/dns_canonical.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

/* One label against another: as bytes, the shorter one first when it is the beginning of the other. */
static int dns_canonical_label(const uint8_t *a, const uint8_t *b)
{
    const uint8_t least = a[0] < b[0] ? a[0] : b[0];
    for (uint32_t i = 1; i <= least; i++) {
        const int difference = dns_name_small(a[i]) - dns_name_small(b[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return a[0] - b[0];
}

int dns_canonical_compare(const struct dns_name *a, const struct dns_name *b)
{
    uint8_t a_at[DNS_NAME_LABELS_MAX];
    uint8_t b_at[DNS_NAME_LABELS_MAX];
    uint32_t a_left = dns_name_labels(a, a_at);
    uint32_t b_left = dns_name_labels(b, b_at);
    while (a_left > 0 && b_left > 0) {
        a_left--;
        b_left--;
        const int difference = dns_canonical_label(a->bytes + a_at[a_left], b->bytes + b_at[b_left]);
        if (difference != 0) {
            return difference;
        }
    }
    return (int)a_left - (int)b_left;
}

void dns_canonical_beside(const struct dns_name *name, const struct dns_name *origin, struct dns_name *ret_next)
{
    size_t from = 0; /* the label that is made greater */
    while ((size_t)name->size - from > origin->size) {
        const uint8_t *at = name->bytes + from;
        const size_t rest = (size_t)name->size - from - 1U - at[0];
        uint8_t length = at[0];
        memcpy(ret_next->bytes + 1, at + 1, length);
        if (length < DNS_NAME_LABEL_MAX && 2U + length + rest <= DNS_NAME_MAX) {
            ret_next->bytes[1 + length++] = 0;
        } else {
            while (length > 0 && ret_next->bytes[length] == UINT8_MAX) {
                length--;
            }
            if (length == 0) {
                from += 1U + at[0]; /* nothing is greater here: behind the parent */
                continue;
            }
            ret_next->bytes[length]++;
            /* Capital letters compare as small ones. */
            ret_next->bytes[length] = ret_next->bytes[length] == 'A' ? 'Z' + 1 : ret_next->bytes[length];
        }
        ret_next->bytes[0] = length;
        memcpy(ret_next->bytes + 1 + length, at + 1 + at[0], rest);
        ret_next->size = (uint8_t)(1U + length + rest);
        return;
    }
    *ret_next = *origin;
}

void dns_canonical_next(const struct dns_name *name, const struct dns_name *origin, struct dns_name *ret_next)
{
    if (name->size + 2 > DNS_NAME_MAX) {
        dns_canonical_beside(name, origin, ret_next);
        return;
    }
    ret_next->bytes[0] = 1;
    ret_next->bytes[1] = 0;
    memcpy(ret_next->bytes + 2, name->bytes, name->size);
    ret_next->size = (uint8_t)(name->size + 2);
}

uint8_t dns_canonical_labels(const struct dns_name *name)
{
    uint8_t at[DNS_NAME_LABELS_MAX];
    const uint32_t count = dns_name_labels(name, at);
    const bool wild = count > 0 && name->bytes[0] == 1 && name->bytes[1] == '*';
    return (uint8_t)(wild ? count - 1 : count);
}

/* The bytes of the fields that stand in front of names; SIZE_MAX: the field is the rest. */
static size_t dns_canonical_field(char letter, const uint8_t *at)
{
    switch (letter) {
    case '1':
    case 'K':
        return 1;
    case '2':
    case 'T':
        return 2;
    case '4':
    case 't':
    case 'D':
        return 4;
    case 's':
        return 1U + at[0];
    default:
        return SIZE_MAX;
    }
}

void dns_canonical_rdata(uint16_t type, uint8_t *data, size_t size)
{
    const char *form = dns_type_form(type);
    /* Types that came later than RFC 3597 keep their letters; so does NSEC (RFC 6840, 5.1). */
    if (form == NULL || type == DNS_TYPE_NSEC || type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS ||
        strchr(form, 'd') == NULL) {
        return;
    }
    size_t at = 0;
    for (; *form != 0 && at < size; form++) {
        if (*form != 'd') {
            const size_t field = dns_canonical_field(*form, data + at);
            at = field < size - at ? at + field : size;
            continue;
        }
        while (at < size && data[at] != 0) {
            const size_t end = at + 1 + data[at];
            ASSERT(data[at] <= DNS_NAME_LABEL_MAX && end < size);
            for (at++; at < end; at++) {
                data[at] = dns_name_small(data[at]);
            }
        }
        at++;
    }
}

static void dns_canonical_sort(uint16_t *types, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const uint16_t type = types[i];
        uint32_t at = i;
        for (; at > 0 && types[at - 1] > type; at--) {
            types[at] = types[at - 1];
        }
        types[at] = type;
    }
}

void dns_canonical_bitmap(uint16_t *types, uint32_t count, struct buf *buf)
{
    ASSERT(count <= DNS_CANONICAL_TYPES);
    dns_canonical_sort(types, count);
    for (uint32_t i = 0; i < count;) {
        const uint8_t window = (uint8_t)(types[i] >> 8);
        uint8_t bits[32] = {0};
        uint8_t size = 0;
        for (; i < count && types[i] >> 8 == window; i++) {
            const uint8_t low = (uint8_t)types[i];
            bits[low / 8] |= (uint8_t)(0x80 >> low % 8);
            size = (uint8_t)(low / 8 + 1);
        }
        buf_u8(buf, window);
        buf_u8(buf, size);
        buf_bytes(buf, bits, size);
    }
}
