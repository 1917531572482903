/* SPDX-License-Identifier: Apache-2.0
 * What the words of a master file mean. */
#include "wire/dns_word.h"

#include "base/cursor.h"
#include "wire/dns_name.h"

enum err dns_word_number(struct span text, uint64_t most, uint64_t *ret_number)
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

static uint64_t dns_word_unit(uint8_t letter)
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

enum err dns_word_ttl(struct span text, uint32_t *ret_ttl_s)
{
    uint64_t sum = 0;
    uint64_t part = 0;
    bool digits = false;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = dns_name_small(text.data[i]);
        if (byte >= '0' && byte <= '9') {
            part = part * 10 + (uint64_t)(byte - '0');
            digits = true;
        } else if (digits && dns_word_unit(byte) != 0) {
            sum += part * dns_word_unit(byte);
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

enum err dns_word_text(struct span text, size_t most, struct buf *buf)
{
    struct cursor cursor;
    size_t size = 0;
    cursor_init(&cursor, text.data, text.size);
    for (; cursor_left(&cursor) > 0; size++) {
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
            return ERR_INVALID;
        }
        buf_u8(buf, (uint8_t)byte);
    }
    return size <= most ? ERR_OK : ERR_TOO_LARGE;
}

uint32_t dns_word_hex(uint8_t digit)
{
    const uint8_t small = dns_name_small(digit);
    if (small >= '0' && small <= '9') {
        return (uint32_t)(small - '0');
    }
    return small >= 'a' && small <= 'f' ? (uint32_t)(small - 'a') + 10 : 16;
}
