/* SPDX-License-Identifier: Apache-2.0
 * Whether bytes are record data of a type. */
#include "wire/dns_rdata_check.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_name.h"
#include "wire/dns_rdata_svcb.h"
#include "wire/dns_type.h"

/* Names are whole here: no pointers. */
static void dns_rdata_check_name(struct cursor *cursor)
{
    uint8_t length;
    size_t size = 0;
    do {
        length = cursor_u8(cursor);
        cursor_skip(cursor, length <= DNS_NAME_LABEL_MAX ? length : SIZE_MAX);
        size += 1U + length;
    } while (cursor_ok(cursor) && length != 0);
    if (size > DNS_NAME_MAX) {
        cursor_fail(cursor);
    }
}

static void dns_rdata_check_tag(struct cursor *cursor)
{
    const uint8_t size = cursor_u8(cursor);
    const struct span tag = cursor_span(cursor, size);
    for (size_t i = 0; i < tag.size; i++) {
        const uint8_t byte = dns_name_small(tag.data[i]);
        if ((byte < 'a' || byte > 'z') && (byte < '0' || byte > '9')) {
            cursor_fail(cursor);
        }
    }
    if (size == 0) {
        cursor_fail(cursor);
    }
}

static void dns_rdata_check_bitmap(struct cursor *cursor)
{
    int last = -1;
    while (cursor_left(cursor) > 0) {
        const int window = cursor_u8(cursor);
        const uint8_t size = cursor_u8(cursor);
        cursor_skip(cursor, size);
        if (window <= last || size == 0 || size > 32) {
            cursor_fail(cursor);
        }
        last = window;
    }
}

static void dns_rdata_check_field(struct cursor *cursor, char letter)
{
    switch (letter) {
    case 'd':
        dns_rdata_check_name(cursor);
        return;
    case '1':
    case 'K':
        cursor_skip(cursor, 1);
        return;
    case '2':
    case 'C':
    case 'T':
        cursor_skip(cursor, 2);
        return;
    case '4':
    case 't':
    case 'a':
    case 'D':
        cursor_skip(cursor, 4);
        return;
    case 'e':
        cursor_skip(cursor, 6);
        return;
    case 'E':
        cursor_skip(cursor, 8);
        return;
    case 'A':
    case 'L':
        cursor_skip(cursor, 16);
        return;
    case 'S': /* at least one */
    case 's':
    case 'H':
        do {
            const uint8_t size = cursor_u8(cursor);
            cursor_skip(cursor, size);
        } while (letter == 'S' && cursor_left(cursor) > 0);
        return;
    case 'g':
        dns_rdata_check_tag(cursor);
        return;
    case 'M':
        dns_rdata_check_bitmap(cursor);
        return;
    case 'P':
        if (!dns_rdata_svcb_check(cursor_span(cursor, cursor_left(cursor)))) {
            cursor_fail(cursor);
        }
        return;
    case 'X':
    case 'B':
        cursor_skip(cursor, cursor_left(cursor) > 0 ? cursor_left(cursor) : SIZE_MAX);
        return;
    case 'v':
        cursor_skip(cursor, cursor_left(cursor));
        return;
    default:
        ASSERT(false);
    }
}

bool dns_rdata_check_digest(uint16_t type, struct span rdata)
{
    static const struct {
        uint16_t type;
        uint8_t head; /* bytes before the digest; the last of them is its kind */
        uint8_t kind;
        uint8_t size;
    } rows[] = {{DNS_TYPE_DS, 4, 1, 20},    {DNS_TYPE_DS, 4, 2, 32},  {DNS_TYPE_DS, 4, 3, 32},
                {DNS_TYPE_DS, 4, 4, 48},    {DNS_TYPE_CDS, 4, 1, 20}, {DNS_TYPE_CDS, 4, 2, 32},
                {DNS_TYPE_CDS, 4, 3, 32},   {DNS_TYPE_CDS, 4, 4, 48}, {DNS_TYPE_ZONEMD, 6, 1, 48},
                {DNS_TYPE_ZONEMD, 6, 2, 64}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].type == type && rdata.size >= rows[i].head && rdata.data[rows[i].head - 1] == rows[i].kind) {
            return rdata.size == (size_t)rows[i].head + rows[i].size;
        }
    }
    return true;
}

bool dns_rdata_check(uint16_t type, struct span rdata)
{
    const char *form = dns_type_form(type);
    if (form == NULL) {
        return type != 0 && (type < DNS_TYPE_TKEY || type > DNS_TYPE_ANY);
    }
    struct cursor cursor;
    cursor_init(&cursor, rdata.data, rdata.size);
    for (size_t i = 0; form[i] != 0; i++) {
        dns_rdata_check_field(&cursor, form[i]);
    }
    return form[0] != 0 && cursor_ok(&cursor) && cursor_left(&cursor) == 0 && dns_rdata_check_digest(type, rdata);
}
