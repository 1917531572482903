/* SPDX-License-Identifier: Apache-2.0
 * The words that record data is printed with. */
#include "wire/dns_rdata_text.h"

#include "wire/dns_type.h"

void dns_rdata_text_type(uint16_t type, struct buf *buf)
{
    const char *name = dns_type_name(type);
    if (name != NULL) {
        buf_text(buf, name);
    } else {
        buf_printf(buf, "TYPE%u", type);
    }
}

void dns_rdata_text_escaped(struct span text, struct buf *buf)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte < ' ' || byte > '~') {
            buf_printf(buf, "\\%03u", byte);
        } else {
            buf_printf(buf, "%s%c", byte == '"' || byte == '\\' ? "\\" : "", byte);
        }
    }
}

void dns_rdata_text_quoted(struct span text, struct buf *buf)
{
    buf_text(buf, "\"");
    dns_rdata_text_escaped(text, buf);
    buf_text(buf, "\"");
}

void dns_rdata_text_base64(struct span bytes, struct buf *buf)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const uint32_t bits = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                              (left > 2 ? bytes.data[i + 2] : 0);
        const char group[4] = {alphabet[bits >> 18], alphabet[bits >> 12 & 63],
                               (char)(left > 1 ? alphabet[bits >> 6 & 63] : '='),
                               (char)(left > 2 ? alphabet[bits & 63] : '=')};
        buf_bytes(buf, group, sizeof group);
    }
}

void dns_rdata_text_hex(struct span bytes, struct buf *buf)
{
    for (size_t i = 0; i < bytes.size; i++) {
        buf_printf(buf, "%02X", bytes.data[i]);
    }
}
