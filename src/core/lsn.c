/* SPDX-License-Identifier: Apache-2.0
 * A position in PostgreSQL's write-ahead log: text forms. */
#include "core/lsn.h"

static int lsn_digit(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'A' && character <= 'F') {
        return character - 'A' + 10;
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return -1;
}

/* One half: one to eight hexadecimal digits. Returns what follows it, or NULL. */
static const char *lsn_half(const char *text, uint64_t *ret_half)
{
    uint64_t half = 0;
    int digits = 0;
    for (; lsn_digit(*text) >= 0; text++) {
        if (++digits > 8) {
            return NULL;
        }
        half = half << 4 | (uint64_t)lsn_digit(*text);
    }
    *ret_half = half;
    return digits > 0 ? text : NULL;
}

bool lsn_parse(const char *text, struct lsn *ret_lsn)
{
    uint64_t high = 0;
    uint64_t low = 0;
    const char *rest = lsn_half(text, &high);
    if (rest == NULL || *rest != '/') {
        return false;
    }
    rest = lsn_half(rest + 1, &low);
    if (rest == NULL || *rest != 0) {
        return false;
    }
    *ret_lsn = (struct lsn){high << 32 | low};
    return true;
}

static char *lsn_hex(char *text, uint32_t half)
{
    int shift = 28;
    while (shift > 0 && half >> shift == 0) {
        shift -= 4;
    }
    for (; shift >= 0; shift -= 4) {
        *text++ = "0123456789ABCDEF"[half >> shift & 15];
    }
    return text;
}

void lsn_print(struct lsn lsn, char text[LSN_TEXT])
{
    char *end = lsn_hex(text, (uint32_t)(lsn.position >> 32));
    *end++ = '/';
    end = lsn_hex(end, (uint32_t)lsn.position);
    *end = 0;
}
