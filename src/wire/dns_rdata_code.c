/* SPDX-License-Identifier: Apache-2.0
 * Fields of record data with names and marks of their own. */
#include "wire/dns_rdata_code.h"

#include <string.h>
#include <strings.h>

#include "wire/dns_type.h"

struct dns_rdata_code_row {
    const char *name;
    uint16_t number;
};

/* A number of at most `most`, or one of these names. False: neither. */
static bool dns_rdata_code_row(struct dns_rdata_field *field, uint64_t most, const struct dns_rdata_code_row *rows,
                               size_t count, uint16_t *ret_number)
{
    const struct span text = dns_rdata_field_next(field).text;
    uint64_t number = 0;
    if (dns_word_number(text, most, &number) == ERR_OK) {
        *ret_number = (uint16_t)number;
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (text.size == strlen(rows[i].name) && strncasecmp((const char *)text.data, rows[i].name, text.size) == 0) {
            *ret_number = rows[i].number;
            return true;
        }
    }
    return false;
}

void dns_rdata_code_certificate(struct dns_rdata_field *field)
{
    static const struct dns_rdata_code_row rows[] = {{"PKIX", 1},  {"SPKI", 2}, {"PGP", 3},    {"IPKIX", 4},
                                                     {"ISPKI", 5}, {"IPGP", 6}, {"ACPKIX", 7}, {"IACPKIX", 8},
                                                     {"URI", 253}, {"OID", 254}};
    uint16_t number = 0;
    if (!dns_rdata_code_row(field, UINT16_MAX, rows, sizeof rows / sizeof *rows, &number)) {
        dns_rdata_field_fail(field, "not a kind of certificate; expected 0 to 65535 or a name as PKIX or PGP");
    }
    buf_u16be(field->buf, number);
}

void dns_rdata_code_algorithm(struct dns_rdata_field *field)
{
    static const struct dns_rdata_code_row rows[] = {{"RSAMD5", 1},
                                                     {"DH", 2},
                                                     {"DSA", 3},
                                                     {"RSASHA1", 5},
                                                     {"DSA-NSEC3-SHA1", 6},
                                                     {"RSASHA256", 8},
                                                     {"RSASHA512", 10},
                                                     {"NSEC3RSASHA1", 7},
                                                     {"RSASHA1-NSEC3-SHA1", 7},
                                                     {"ECC-GOST", 12},
                                                     {"ED25519", 15},
                                                     {"ECDSAP256SHA256", 13},
                                                     {"ECDSAP384SHA384", 14},
                                                     {"ED448", 16},
                                                     {"INDIRECT", 252},
                                                     {"PRIVATEDNS", 253},
                                                     {"PRIVATEOID", 254}};
    uint16_t number = 0;
    if (!dns_rdata_code_row(field, UINT8_MAX, rows, sizeof rows / sizeof *rows, &number)) {
        dns_rdata_field_fail(field, "not an algorithm; expected 0 to 255 or a name as ECDSAP256SHA256");
    }
    buf_u8(field->buf, (uint8_t)number);
}

void dns_rdata_code_type(struct dns_rdata_field *field)
{
    uint16_t type = 0;
    if (dns_type_parse(dns_rdata_field_next(field).text, &type) != ERR_OK) {
        dns_rdata_field_fail(field, "not a record type; expected one as MX or TYPE65280");
    }
    buf_u16be(field->buf, type);
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t dns_rdata_code_days(int64_t year, int64_t month, int64_t day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = y / 400;
    const int64_t of_era = y - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void dns_rdata_code_date(struct dns_rdata_field *field)
{
    const struct span text = dns_rdata_field_next(field).text;
    uint64_t number = 0;
    if (text.size != 14) {
        if (dns_word_number(text, UINT32_MAX, &number) != ERR_OK) {
            dns_rdata_field_fail(field, "not a date; expected YYYYMMDDHHmmSS or seconds since 1970");
        }
        buf_u32be(field->buf, (uint32_t)number);
        return;
    }
    static const struct {
        uint8_t size;
        uint16_t least;
        uint16_t most;
    } rows[] = {{4, 1970, 9999}, {2, 1, 12}, {2, 1, 31}, {2, 0, 23}, {2, 0, 59}, {2, 0, 60}};
    int64_t parts[6] = {0};
    size_t at = 0;
    for (size_t i = 0; i < 6; i++) {
        if (dns_word_number(span_of(text.data + at, rows[i].size), rows[i].most, &number) != ERR_OK ||
            number < rows[i].least) {
            dns_rdata_field_fail(field, "not a date; expected YYYYMMDDHHmmSS or seconds since 1970");
            return;
        }
        parts[i] = (int64_t)number;
        at += rows[i].size;
    }
    /* Serial arithmetic: the number goes round in 2106 (RFC 4034, 3.1.5). */
    const int64_t days = dns_rdata_code_days(parts[0], parts[1], parts[2]);
    buf_u32be(field->buf, (uint32_t)(days * 86400 + parts[3] * 3600 + parts[4] * 60 + parts[5]));
}

void dns_rdata_code_bitmap(struct dns_rdata_field *field)
{
    uint8_t bits[UINT16_MAX / 8 + 1] = {0};
    while (dns_rdata_field_more(field)) {
        uint16_t type = 0;
        if (dns_type_parse(dns_rdata_field_next(field).text, &type) != ERR_OK) {
            dns_rdata_field_fail(field, "not a record type; expected one as MX or TYPE65280");
            return;
        }
        bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
    }
    for (size_t window = 0; window < 256; window++) {
        uint8_t size = 32;
        while (size > 0 && bits[window * 32 + size - 1] == 0) {
            size--;
        }
        if (size > 0) {
            buf_u8(field->buf, (uint8_t)window);
            buf_u8(field->buf, size);
            buf_bytes(field->buf, bits + window * 32, size);
        }
    }
}

void dns_rdata_code_salt(struct dns_rdata_field *field)
{
    const struct span text = dns_rdata_field_next(field).text;
    if (span_is(text, "-")) {
        buf_u8(field->buf, 0);
        return;
    }
    if (text.size == 0 || text.size % 2 == 1 || text.size > 510) {
        dns_rdata_field_fail(field, "not a salt; expected - or up to 255 bytes in hexadecimal");
        return;
    }
    buf_u8(field->buf, (uint8_t)(text.size / 2));
    for (size_t i = 0; i < text.size; i += 2) {
        const uint32_t high = dns_word_hex(text.data[i]);
        const uint32_t low = dns_word_hex(text.data[i + 1]);
        if (high > 15 || low > 15) {
            dns_rdata_field_fail(field, "not a salt; expected - or up to 255 bytes in hexadecimal");
        }
        buf_u8(field->buf, (uint8_t)((high & 15) << 4 | (low & 15)));
    }
}

void dns_rdata_code_eui(struct dns_rdata_field *field, uint32_t bytes)
{
    const struct span text = dns_rdata_field_next(field).text;
    bool good = text.size == (size_t)bytes * 3 - 1;
    for (size_t i = 0; good && i < text.size; i += 3) {
        const uint32_t high = dns_word_hex(text.data[i]);
        const uint32_t low = dns_word_hex(text.data[i + 1]);
        good = high < 16 && low < 16 && (i + 2 == text.size || text.data[i + 2] == '-');
        buf_u8(field->buf, (uint8_t)((high & 15) << 4 | (low & 15)));
    }
    if (!good) {
        dns_rdata_field_fail(field, bytes == 6 ? "not an EUI-48; expected one as 00-00-5e-00-53-2a"
                                               : "not an EUI-64; expected one as 00-00-5e-ef-10-00-00-2a");
    }
}
