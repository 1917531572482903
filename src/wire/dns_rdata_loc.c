/* SPDX-License-Identifier: Apache-2.0
 * LOC records. */
#include "wire/dns_rdata_loc.h"

#include <inttypes.h>

#include "base/cursor.h"

/* A decimal number times 10^digits, with digits beyond refused; a trailing "m" is dropped when `metres`. */
static bool dns_rdata_loc_decimal(struct span text, uint32_t digits, bool metres, int64_t *ret_value)
{
    int64_t value = 0;
    uint32_t behind = 0;
    bool point = false;
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    const size_t end = metres && text.size > 0 && text.data[text.size - 1] == 'm' ? text.size - 1 : text.size;
    const bool negative = at == 1;
    if (at >= end) {
        return false;
    }
    for (; at < end; at++) {
        const uint8_t byte = text.data[at];
        if (byte == '.' && !point) {
            point = true;
            continue;
        }
        if (byte < '0' || byte > '9' || (point && behind == digits) || value > INT64_C(100000000000)) {
            return false;
        }
        value = value * 10 + (byte - '0');
        behind += point ? 1 : 0;
    }
    for (; behind < digits; behind++) {
        value *= 10;
    }
    *ret_value = negative ? -value : value;
    return true;
}

/* "51 30 12.748 N": thousandths of a second of arc around 2^31. */
static void dns_rdata_loc_angle(struct dns_rdata_field *field, int64_t degrees_most, uint8_t plus, uint8_t minus)
{
    static const int64_t units[] = {3600000, 60000, 1};
    static const int64_t most[] = {0, 59, 59999};
    int64_t sum = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const struct span text = dns_rdata_field_next(field).text;
        const uint8_t letter = text.size == 1 ? (uint8_t)(text.data[0] & ~0x20) : 0;
        if (i > 0 && (letter == plus || letter == minus)) {
            if (sum > degrees_most * 3600000) {
                break;
            }
            buf_u32be(field->buf, (uint32_t)((INT64_C(1) << 31) + (letter == plus ? sum : -sum)));
            return;
        }
        int64_t part = 0;
        if (i == 3 || !dns_rdata_loc_decimal(text, i == 2 ? 3 : 0, false, &part) || part < 0 ||
            part > (i == 0 ? degrees_most : most[i])) {
            break;
        }
        sum += part * units[i];
    }
    dns_rdata_field_fail(field, plus == 'N' ? "not a latitude; expected one as 51 30 12.748 N"
                                            : "not a longitude; expected one as 0 7 39.612 W");
}

/* Centimetres as a digit and a power of ten; `fallback_cm` when the word is missing. */
static uint8_t dns_rdata_loc_size(struct dns_rdata_field *field, int64_t fallback_cm)
{
    int64_t cm = fallback_cm;
    uint8_t power = 0;
    if (dns_rdata_field_more(field) && (!dns_rdata_loc_decimal(dns_rdata_field_next(field).text, 2, true, &cm) ||
                                        cm < 0 || cm > INT64_C(9000000000))) {
        dns_rdata_field_fail(field, "not a size; expected metres from 0 to 90000000, as 10m");
        return 0;
    }
    while (cm > 9) {
        cm /= 10;
        power++;
    }
    return (uint8_t)((uint8_t)cm << 4 | power);
}

void dns_rdata_loc_write(struct dns_rdata_field *field)
{
    uint8_t memory[16];
    struct buf angles;
    struct buf *buf = field->buf;
    int64_t altitude_cm = 0;
    buf_init(&angles, memory, sizeof memory);
    field->buf = &angles; /* they stand behind the sizes */
    dns_rdata_loc_angle(field, 90, 'N', 'S');
    dns_rdata_loc_angle(field, 180, 'E', 'W');
    field->buf = buf;
    if (!dns_rdata_loc_decimal(dns_rdata_field_next(field).text, 2, true, &altitude_cm) || altitude_cm < -10000000 ||
        altitude_cm > INT64_C(4284967295)) {
        dns_rdata_field_fail(field, "not an altitude; expected metres from -100000 to 42849672.95, as 24m");
    }
    buf_u8(buf, 0);
    buf_u8(buf, dns_rdata_loc_size(field, 100));
    buf_u8(buf, dns_rdata_loc_size(field, 1000000));
    buf_u8(buf, dns_rdata_loc_size(field, 1000));
    buf_bytes(buf, angles.data, angles.size);
    buf_u32be(buf, (uint32_t)(altitude_cm + 10000000));
}

/* The fields as they stand there. */
struct dns_rdata_loc {
    uint8_t version;
    uint8_t sizes[3];
    int64_t angles[2]; /* thousandths of a second of arc, north and east are positive */
    int64_t altitude_cm;
};

static bool dns_rdata_loc_read(struct span rdata, struct dns_rdata_loc *loc)
{
    struct cursor cursor;
    cursor_init(&cursor, rdata.data, rdata.size);
    loc->version = cursor_u8(&cursor);
    for (uint32_t i = 0; i < 3; i++) {
        loc->sizes[i] = cursor_u8(&cursor);
    }
    for (uint32_t i = 0; i < 2; i++) {
        loc->angles[i] = (int64_t)cursor_u32be(&cursor) - (INT64_C(1) << 31);
    }
    loc->altitude_cm = (int64_t)cursor_u32be(&cursor) - 10000000;
    return cursor_ok(&cursor) && cursor_left(&cursor) == 0;
}

bool dns_rdata_loc_check(struct span rdata)
{
    static const int64_t most[] = {INT64_C(90) * 3600000, INT64_C(180) * 3600000};
    struct dns_rdata_loc loc;
    bool good = dns_rdata_loc_read(rdata, &loc) && loc.version == 0;
    for (uint32_t i = 0; good && i < 2; i++) {
        good = loc.angles[i] <= most[i] && loc.angles[i] >= -most[i];
    }
    for (uint32_t i = 0; good && i < 3; i++) {
        const uint8_t digit = loc.sizes[i] >> 4;
        good = digit <= 9 && (loc.sizes[i] & 15) <= 9 && (digit > 0 || loc.sizes[i] == 0);
    }
    return good;
}

static void dns_rdata_loc_print_metres(int64_t cm, struct buf *buf)
{
    const int64_t size = cm < 0 ? -cm : cm;
    buf_printf(buf, " %s%" PRId64 ".%02" PRId64 "m", cm < 0 ? "-" : "", size / 100, size % 100);
}

void dns_rdata_loc_print(struct span rdata, struct buf *buf)
{
    static const char letters[][2] = {{'N', 'S'}, {'E', 'W'}};
    struct dns_rdata_loc loc;
    if (!dns_rdata_loc_read(rdata, &loc)) {
        return;
    }
    for (uint32_t i = 0; i < 2; i++) {
        const int64_t angle = loc.angles[i] < 0 ? -loc.angles[i] : loc.angles[i];
        buf_printf(buf, "%s%" PRId64 " %" PRId64 " %" PRId64 ".%03" PRId64 " %c", i > 0 ? " " : "", angle / 3600000,
                   angle / 60000 % 60, angle / 1000 % 60, angle % 1000, letters[i][loc.angles[i] < 0]);
    }
    dns_rdata_loc_print_metres(loc.altitude_cm, buf);
    for (uint32_t i = 0; i < 3; i++) {
        int64_t cm = loc.sizes[i] >> 4;
        for (uint32_t power = loc.sizes[i] & 15; power > 0; power--) {
            cm *= 10;
        }
        dns_rdata_loc_print_metres(cm, buf);
    }
}
