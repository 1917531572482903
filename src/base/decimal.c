/* SPDX-License-Identifier: Apache-2.0
 * Digit by digit: shift the point, then round what is left behind it. */
#include "base/decimal.h"

#include <stdbool.h>

#include "base/assert.h"
#include "base/cursor.h"

enum {
    /* Digits kept; more are only remembered as "not zero". Enough for any value in 64 bits and its rounding. */
    DECIMAL_KEPT = 40,
    DECIMAL_EXPONENT_MAX = 10000,
};

struct decimal {
    bool negative;
    uint8_t digits[DECIMAL_KEPT];
    int32_t count;
    int32_t point; /* the value is 0.digits times 10^point */
    bool more;     /* something not zero follows the kept digits */
};

static bool decimal_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static uint8_t decimal_peek(const struct cursor *cursor)
{
    return cursor_left(cursor) > 0 ? cursor->data[cursor->at] : 0;
}

static void decimal_push(struct decimal *decimal, uint8_t digit)
{
    if (decimal->count == 0 && digit == 0) {
        return; /* leading zeroes carry nothing */
    }
    if (decimal->count < DECIMAL_KEPT) {
        decimal->digits[decimal->count++] = digit;
    } else {
        decimal->more = decimal->more || digit != 0;
    }
}

/* A run of digits, `behind` the point or before it. False: there was none. */
static bool decimal_run(struct cursor *cursor, struct decimal *decimal, bool behind)
{
    bool any = false;
    while (decimal_is_digit(decimal_peek(cursor))) {
        const uint8_t digit = (uint8_t)(cursor_u8(cursor) - '0');
        const bool leading = decimal->count == 0 && digit == 0;
        if (behind && leading) {
            decimal->point--;
        } else if (!behind && !leading) {
            decimal->point++;
        }
        decimal_push(decimal, digit);
        any = true;
    }
    return any;
}

static bool decimal_exponent(struct cursor *cursor, struct decimal *decimal)
{
    const uint8_t mark = decimal_peek(cursor);
    if (mark != 'e' && mark != 'E') {
        return true;
    }
    cursor_skip(cursor, 1);
    const uint8_t sign = decimal_peek(cursor);
    if (sign == '-' || sign == '+') {
        cursor_skip(cursor, 1);
    }
    if (!decimal_is_digit(decimal_peek(cursor))) {
        return false;
    }
    int32_t exponent = 0;
    while (decimal_is_digit(decimal_peek(cursor))) {
        exponent = exponent * 10 + (cursor_u8(cursor) - '0');
        exponent = exponent < DECIMAL_EXPONENT_MAX ? exponent : DECIMAL_EXPONENT_MAX;
    }
    decimal->point += sign == '-' ? -exponent : exponent;
    return true;
}

static bool decimal_read(struct cursor *cursor, struct decimal *decimal)
{
    if (decimal_peek(cursor) == '-') {
        decimal->negative = true;
        cursor_skip(cursor, 1);
    }
    if (!decimal_run(cursor, decimal, false)) {
        return false;
    }
    if (decimal_peek(cursor) == '.') {
        cursor_skip(cursor, 1);
        if (!decimal_run(cursor, decimal, true)) {
            return false;
        }
    }
    return decimal_exponent(cursor, decimal) && cursor_ok(cursor) && cursor_left(cursor) == 0;
}

static uint8_t decimal_digit(const struct decimal *decimal, int32_t at)
{
    return at >= 0 && at < decimal->count ? decimal->digits[at] : 0;
}

/* Whether what starts at digit `at` is more than half, or half and the kept part odd. */
static bool decimal_rounds_up(const struct decimal *decimal, int32_t at, bool odd)
{
    if (at < 0 || at >= decimal->count) {
        return false;
    }
    const uint8_t first = decimal->digits[at];
    bool rest = decimal->more;
    for (int32_t i = at + 1; i < decimal->count; i++) {
        rest = rest || decimal->digits[i] != 0;
    }
    return first > 5 || (first == 5 && (rest || odd));
}

enum err decimal_parse(const char *text, size_t size, uint32_t digits, int64_t *ret_value)
{
    ASSERT(digits <= DECIMAL_DIGITS_MAX);
    struct cursor cursor;
    struct decimal decimal = {0};
    cursor_init(&cursor, text, size);
    if (!decimal_read(&cursor, &decimal)) {
        return ERR_INVALID;
    }
    const int32_t whole = decimal.count > 0 ? decimal.point + (int32_t)digits : 0;
    int64_t value = 0;
    for (int32_t i = 0; i < whole; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, decimal_digit(&decimal, i), &value)) {
            return ERR_TOO_LARGE;
        }
    }
    if (decimal_rounds_up(&decimal, whole, value % 2 != 0) && __builtin_add_overflow(value, 1, &value)) {
        return ERR_TOO_LARGE;
    }
    *ret_value = decimal.negative ? -value : value;
    return ERR_OK;
}
