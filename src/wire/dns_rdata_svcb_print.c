/* SPDX-License-Identifier: Apache-2.0
 * SvcParams of SVCB and HTTPS records as text. */
#include <arpa/inet.h>

#include "base/cursor.h"
#include "wire/dns_rdata_svcb.h"
#include "wire/dns_rdata_text.h"

static void dns_rdata_svcb_print_key(uint16_t key, struct buf *buf)
{
    const char *name = dns_rdata_svcb_key_name(key);
    if (name != NULL) {
        buf_text(buf, name);
    } else {
        buf_printf(buf, "key%u", key);
    }
}

/* Commas and backslashes of a protocol's name are escaped for the list (RFC 9460, A.1), then all of it as text. */
static void dns_rdata_svcb_print_alpn(struct cursor *value, struct buf *buf)
{
    uint8_t memory[2 * UINT8_MAX + 1];
    for (bool first = true; cursor_left(value) > 0; first = false) {
        struct buf part;
        const uint8_t size = cursor_u8(value);
        const struct span name = cursor_span(value, size);
        buf_init(&part, memory, sizeof memory);
        for (size_t i = 0; i < name.size; i++) {
            if (name.data[i] == ',' || name.data[i] == '\\') {
                buf_u8(&part, '\\');
            }
            buf_u8(&part, name.data[i]);
        }
        buf_text(buf, first ? "" : ",");
        dns_rdata_text_escaped(span_of(part.data, part.size), buf);
    }
}

static void dns_rdata_svcb_print_hints(struct cursor *value, size_t size, struct buf *buf)
{
    for (bool first = true; cursor_left(value) > 0; first = false) {
        char text[INET6_ADDRSTRLEN] = "";
        const struct span address = cursor_span(value, size);
        if (address.size == size) {
            inet_ntop(size == 16 ? AF_INET6 : AF_INET, address.data, text, sizeof text);
        }
        buf_printf(buf, "%s%s", first ? "" : ",", text);
    }
}

static void dns_rdata_svcb_print_value(uint16_t key, struct span bytes, struct buf *buf)
{
    struct cursor value;
    cursor_init(&value, bytes.data, bytes.size);
    switch (key) {
    case DNS_RDATA_SVCB_MANDATORY:
        for (bool first = true; cursor_left(&value) > 0; first = false) {
            buf_text(buf, first ? "" : ",");
            dns_rdata_svcb_print_key(cursor_u16be(&value), buf);
        }
        return;
    case DNS_RDATA_SVCB_ALPN:
        buf_text(buf, "\"");
        dns_rdata_svcb_print_alpn(&value, buf);
        buf_text(buf, "\"");
        return;
    case DNS_RDATA_SVCB_PORT:
        buf_printf(buf, "%u", cursor_u16be(&value));
        return;
    case DNS_RDATA_SVCB_IPV4HINT:
    case DNS_RDATA_SVCB_IPV6HINT:
        dns_rdata_svcb_print_hints(&value, key == DNS_RDATA_SVCB_IPV6HINT ? 16 : 4, buf);
        return;
    case DNS_RDATA_SVCB_ECH:
        buf_text(buf, "\"");
        dns_rdata_text_base64(bytes, buf);
        buf_text(buf, "\"");
        return;
    default:
        dns_rdata_text_quoted(bytes, buf);
        return;
    }
}

void dns_rdata_svcb_print(struct span params, struct buf *buf)
{
    struct cursor cursor;
    cursor_init(&cursor, params.data, params.size);
    for (bool first = true; cursor_left(&cursor) > 0; first = false) {
        const uint16_t key = cursor_u16be(&cursor);
        const uint16_t size = cursor_u16be(&cursor);
        const struct span value = cursor_span(&cursor, size);
        buf_text(buf, first ? "" : " ");
        dns_rdata_svcb_print_key(key, buf);
        if (value.size > 0) {
            buf_text(buf, "=");
            dns_rdata_svcb_print_value(key, value, buf);
        }
    }
}
