/* SPDX-License-Identifier: Apache-2.0
 * Base64 both ways. */
#include "edge/store_etcd_code.h"

#include "base/cursor.h"

static const char store_etcd_code_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void store_etcd_code_put(struct buf *buf, struct span bytes)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        const size_t left = bytes.size - i;
        const uint32_t group = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                               (left > 2 ? bytes.data[i + 2] : 0U);
        const char four[4] = {store_etcd_code_digits[group >> 18], store_etcd_code_digits[group >> 12 & 63],
                              left > 1 ? store_etcd_code_digits[group >> 6 & 63] : '=',
                              left > 2 ? store_etcd_code_digits[group & 63] : '='};
        buf_bytes(buf, four, sizeof four);
    }
}

/* The digit's value; 64: none. */
static uint32_t store_etcd_code_value(uint8_t digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return (uint32_t)digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return (uint32_t)digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return (uint32_t)digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : 64;
}

enum err store_etcd_code_get(struct span text, struct arena *arena, struct span *ret_bytes)
{
    if (text.size % 4 != 0) {
        return ERR_PROTOCOL;
    }
    uint8_t *bytes = arena_alloc(arena, text.size / 4 * 3 + 1);
    if (bytes == NULL) {
        return ERR_NO_MEMORY;
    }
    struct cursor cursor;
    cursor_init(&cursor, text.data, text.size);
    size_t size = 0;
    while (cursor_left(&cursor) > 0) {
        uint8_t four[4];
        uint32_t group = 0;
        uint32_t padding = 0;
        for (size_t i = 0; i < 4; i++) {
            four[i] = cursor_u8(&cursor);
            const bool pads = four[i] == '=' && i >= 2 && cursor.size - cursor.at < 4 - i;
            const uint32_t value = pads ? 0 : store_etcd_code_value(four[i]);
            /* Padding is the last one or two characters of all. */
            if (value > 63 || (padding > 0 && !pads)) {
                return ERR_PROTOCOL;
            }
            padding += pads ? 1 : 0;
            group = group << 6 | value;
        }
        bytes[size++] = (uint8_t)(group >> 16);
        bytes[size++] = (uint8_t)(group >> 8);
        bytes[size++] = (uint8_t)group;
        size -= padding;
    }
    bytes[size] = 0;
    *ret_bytes = span_of(bytes, size);
    return ERR_OK;
}
