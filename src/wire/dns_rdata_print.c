/* SPDX-License-Identifier: Apache-2.0
 * Record data as text. */
#include "wire/dns_rdata_print.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "wire/dns_name.h"
#include "wire/dns_rdata_check.h"
#include "wire/dns_rdata_loc.h"
#include "wire/dns_rdata_svcb.h"
#include "wire/dns_rdata_text.h"
#include "wire/dns_type.h"

static void dns_rdata_print_address(struct span bytes, struct buf *buf)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (bytes.size > 0) {
        inet_ntop(bytes.size == 16 ? AF_INET6 : AF_INET, bytes.data, text, sizeof text);
    }
    buf_text(buf, text);
}

static void dns_rdata_print_name(struct cursor *cursor, struct buf *buf)
{
    struct dns_name name;
    dns_name_read(cursor, &name);
    dns_name_print(&name, buf);
}

/* Texts, each behind its length; `all`: to the end. */
static void dns_rdata_print_strings(struct cursor *cursor, bool all, struct buf *buf)
{
    do {
        const uint8_t size = cursor_u8(cursor);
        dns_rdata_text_quoted(cursor_span(cursor, size), buf);
        buf_text(buf, all && cursor_left(cursor) > 0 ? " " : "");
    } while (all && cursor_left(cursor) > 0);
}

static void dns_rdata_print_date(uint32_t when_s, struct buf *buf)
{
    char text[16];
    struct tm parts;
    const time_t when = (time_t)when_s;
    strftime(text, sizeof text, "%Y%m%d%H%M%S", gmtime_r(&when, &parts));
    buf_text(buf, text);
}

static void dns_rdata_print_bitmap(struct cursor *cursor, struct buf *buf)
{
    const char *between = "";
    while (cursor_left(cursor) > 0) {
        const uint32_t window = cursor_u8(cursor);
        const uint8_t size = cursor_u8(cursor);
        const struct span bits = cursor_span(cursor, size);
        for (uint32_t bit = 0; bit < bits.size * 8; bit++) {
            if ((bits.data[bit / 8] & 0x80 >> bit % 8) != 0) {
                buf_text(buf, between);
                dns_rdata_text_type((uint16_t)(window << 8 | bit), buf);
                between = " ";
            }
        }
    }
}

static void dns_rdata_print_salt(struct cursor *cursor, struct buf *buf)
{
    const uint8_t size = cursor_u8(cursor);
    if (size == 0) {
        buf_text(buf, "-");
    }
    dns_rdata_text_hex(cursor_span(cursor, size), buf);
}

static void dns_rdata_print_eui(struct span bytes, struct buf *buf)
{
    for (size_t i = 0; i < bytes.size; i++) {
        buf_printf(buf, "%s%02x", i > 0 ? "-" : "", bytes.data[i]);
    }
}

/* Fields of a fixed size, and those that take all that is left. */
static void dns_rdata_print_plain(struct cursor *cursor, char letter, struct buf *buf)
{
    switch (letter) {
    case '1':
    case 'K':
        buf_printf(buf, "%u", cursor_u8(cursor));
        return;
    case '2':
    case 'C':
        buf_printf(buf, "%u", cursor_u16be(cursor));
        return;
    case '4':
    case 't':
        buf_printf(buf, "%u", cursor_u32be(cursor));
        return;
    case 'D':
        dns_rdata_print_date(cursor_u32be(cursor), buf);
        return;
    case 'T':
        dns_rdata_text_type(cursor_u16be(cursor), buf);
        return;
    case 'a':
    case 'A':
        dns_rdata_print_address(cursor_span(cursor, letter == 'A' ? 16 : 4), buf);
        return;
    case 'e':
    case 'E':
        dns_rdata_print_eui(cursor_span(cursor, letter == 'E' ? 8 : 6), buf);
        return;
    case 'X':
        dns_rdata_text_hex(cursor_span(cursor, cursor_left(cursor)), buf);
        return;
    case 'B':
        dns_rdata_text_base64(cursor_span(cursor, cursor_left(cursor)), buf);
        return;
    case 'v':
        dns_rdata_text_quoted(cursor_span(cursor, cursor_left(cursor)), buf);
        return;
    default:
        ASSERT(false);
    }
}

static void dns_rdata_print_field(struct cursor *cursor, char letter, struct buf *buf)
{
    switch (letter) {
    case 'd':
        dns_rdata_print_name(cursor, buf);
        return;
    case 's':
    case 'S':
        dns_rdata_print_strings(cursor, letter == 'S', buf);
        return;
    case 'g': {
        const uint8_t size = cursor_u8(cursor);
        const struct span tag = cursor_span(cursor, size);
        buf_bytes(buf, tag.data, tag.size);
        return;
    }
    case 'M':
        dns_rdata_print_bitmap(cursor, buf);
        return;
    case 'H':
        dns_rdata_print_salt(cursor, buf);
        return;
    case 'L':
        dns_rdata_loc_print(cursor_span(cursor, DNS_RDATA_LOC_BYTES), buf);
        return;
    case 'P':
        dns_rdata_svcb_print(cursor_span(cursor, cursor_left(cursor)), buf);
        return;
    default:
        dns_rdata_print_plain(cursor, letter, buf);
        return;
    }
}

static void dns_rdata_print_generic(struct span rdata, struct buf *buf)
{
    buf_printf(buf, "\\# %zu%s", rdata.size, rdata.size > 0 ? " " : "");
    dns_rdata_text_hex(rdata, buf);
}

void dns_rdata_print(uint16_t type, struct span rdata, struct buf *buf)
{
    const char *form = dns_type_form(type);
    if (form == NULL || form[0] == 0 || !dns_rdata_check(type, rdata) ||
        (type == DNS_TYPE_LOC && !dns_rdata_loc_check(rdata))) {
        dns_rdata_print_generic(rdata, buf);
        return;
    }
    struct cursor cursor;
    cursor_init(&cursor, rdata.data, rdata.size);
    for (size_t i = 0; form[i] != 0; i++) {
        /* A bitmap or a list of parameters may be empty. */
        if (i > 0 && (cursor_left(&cursor) > 0 || form[i] == 'v')) {
            buf_text(buf, " ");
        }
        dns_rdata_print_field(&cursor, form[i], buf);
    }
    ASSERT(cursor_ok(&cursor) && cursor_left(&cursor) == 0);
}
