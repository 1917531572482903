/* SPDX-License-Identifier: Apache-2.0
 * Record data of every type that is known, as bytes; the generic form of all of them; and what is refused. The bytes
 * were made by dnspython where the RFC has no example. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rdata_cases.h"
#include "wire/dns_rdata_check.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_rdata_text.h"
#include "wire/dns_type.h"
#include "wire/dns_word.h"
#include "wire/dns_zonefile.h"

static struct dns_zonefile file;

/* The record data of "w 1 TEXT" in hexadecimal; the problem in brackets when there is one. */
static const char *hex_of(const char *text)
{
    static char line[9000];
    static char hex[4200];
    struct buf buf;
    struct dns_name origin;
    snprintf(line, sizeof line, "w 1 %s\n", text);
    buf_init(&buf, hex, sizeof hex);
    assert_int_equal(dns_name_parse(span_text("ex."), NULL, &origin), ERR_OK);
    dns_zonefile_init(&file, span_text(line), &origin);
    if (dns_zonefile_next(&file) != DNS_ZONEFILE_RECORD) {
        buf_printf(&buf, "[%s]", file.problem);
        return buf_string(&buf);
    }
    for (size_t i = 0; i < file.record.rdata.size; i++) {
        buf_printf(&buf, "%02x", file.record.rdata.data[i]);
    }
    return buf_string(&buf);
}

/* The form, and the same bytes by RFC 3597. */
static void test_every_type(void **state)
{
    (void)state;
    const struct rdata_case *cases = rdata_cases;
    uint32_t known = 0;
    for (size_t i = 0; i < sizeof rdata_cases / sizeof *rdata_cases; i++) {
        const char *got = hex_of(cases[i].text);
        if (strcmp(got, cases[i].hex) != 0) {
            fail_msg("%s: %s instead of %s", cases[i].text, got, cases[i].hex);
        }
        const uint16_t type = file.record.type;
        known += i == 0 || strncmp(cases[i].text, cases[i - 1].text, strcspn(cases[i].text, " ") + 1) != 0;
        char generic[2000];
        snprintf(generic, sizeof generic, "TYPE%u \\# %zu %s", type, strlen(cases[i].hex) / 2, cases[i].hex);
        got = hex_of(generic);
        if (strcmp(got, cases[i].hex) != 0) {
            fail_msg("%s: %s", generic, got);
        }
        assert_int_equal(file.record.type, type);
    }
    /* Every row of the table that has data in zones has a case. */
    uint32_t rows = 0;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        const char *form = dns_type_form((uint16_t)type);
        rows += form != NULL && form[0] != 0;
    }
    assert_int_equal(known, rows);
}

/* Each printed once more, and read again: the same bytes. */
static void test_every_type_is_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rdata_cases / sizeof *rdata_cases; i++) {
        char text[2000];
        uint8_t bytes[1000];
        struct buf buf;
        assert_string_equal(hex_of(rdata_cases[i].text), rdata_cases[i].hex);
        const size_t size = file.record.rdata.size;
        const uint16_t type = file.record.type;
        assert_true(size <= sizeof bytes);
        memcpy(bytes, file.record.rdata.data, size);
        buf_init(&buf, text, sizeof text);
        dns_rdata_text_type(type, &buf);
        buf_text(&buf, " ");
        dns_rdata_print(type, span_of(bytes, size), &buf);
        assert_null(strstr(text, "\\#"));
        const char *got = hex_of(text);
        if (strcmp(got, rdata_cases[i].hex) != 0) {
            fail_msg("%s: %s instead of %s", text, got, rdata_cases[i].hex);
        }
    }
}

static void test_printed_forms(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"MX 10 mail", "10 mail.ex."},
        {"SOA ns1 h\\.m 7 1h 15m 1w 30", "ns1.ex. h\\.m.ex. 7 3600 900 604800 30"},
        {"TXT \"a;b\" plain \"\\\"\\\\\\009\" \"\"", "\"a;b\" \"plain\" \"\\\"\\\\\\009\" \"\""},
        {"CAA 128 issue \"ca.test\"", "128 issue \"ca.test\""},
        {"URI 1 2 \"\"", "1 2 \"\""},
        {"LOC 42 21 54 N 71 6 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"},
        {"HTTPS 1 . port=8443 alpn=\"f\\\\\\\\oo\\\\,bar,h2\" key667=\"a\\000\"",
         "1 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\" port=8443 key667=\"a\\000\""},
        {"SVCB 0 .", "0 ."},
        {"NSEC a. A TYPE1234 NSEC", "a. A NSEC TYPE1234"},
        {"CSYNC 1 0", "1 0"},
        {"NSEC3PARAM 1 0 0 -", "1 0 0 -"},
        {"TYPE65280 \\# 3 01fF00", "\\# 3 01FF00"},
        {"TYPE65280 \\# 0", "\\# 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[500];
        struct buf buf;
        assert_int_not_equal(hex_of(cases[i][0])[0], '[');
        buf_init(&buf, text, sizeof text);
        dns_rdata_print(file.record.type, file.record.rdata, &buf);
        assert_string_equal(buf_string(&buf), cases[i][1]);
    }
    /* What is not data of its type, and a place that the text cannot say. */
    char text[100];
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    dns_rdata_print(DNS_TYPE_A, span_of("\1\2\3", 3), &buf);
    assert_string_equal(buf_string(&buf), "\\# 3 010203");
    buf_reset(&buf);
    dns_rdata_print(DNS_TYPE_LOC, span_of("\0\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), &buf);
    assert_string_equal(buf_string(&buf), "\\# 16 00FF0000000000000000000000000000");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        {"DS 1 FOO 2 00", "not an algorithm"},
        {"DS 1 8 2 0", "not whole bytes"},
        {"DS 1 8 2 0x", "not hexadecimal"},
        {"DS 1 8 2", "missing"},
        {"DS 1 8 1 00", "length of its kind"},
        {"CDS 1 8 2 2BB183AF5F22588179A53B0A98631FAD1A292118", "length of its kind"},
        {"ZONEMD 1 1 2 00", "length of its kind"},
        {"DS \\# 5 0001080200", "not data of this type"},
        {"CERT PKI 0 0 AQ==", "not a kind of certificate"},
        {"CERT 65536 0 0 AQ==", "not a kind of certificate"},
        {"DNSKEY 256 3 13 AQI", "not base64"},
        {"DNSKEY 256 3 13 A=Q=", "not base64"},
        {"DNSKEY 256 3 13 ====", "not base64"},
        {"DNSKEY 256 3 13 AQ* =", "not base64"},
        {"RRSIG A 8 2 60 20261301000000 20260101000000 1 ex. AQ==", "not a date"},
        {"RRSIG NOPE 8 2 60 1 1 1 ex. AQ==", "not a record type"},
        {"NSEC a NOPE", "not a record type"},
        {"NSEC3PARAM 1 0 0 abc", "not a salt"},
        {"EUI48 00-00-5e-00-53", "not an EUI-48"},
        {"EUI48 00:00:5e:00:53:2a", "not an EUI-48"},
        {"LOC 91 N 0 E 0m", "not a latitude"},
        {"LOC 90 0 1 N 0 E 0m", "not a latitude"},
        {"LOC 1 60 N 0 E 0m", "not a latitude"},
        {"LOC 1 N 181 E 0m", "not a longitude"},
        {"LOC 1 N 1 E", "missing"},
        {"LOC 1 N 1 E 0.001m", "not an altitude"},
        {"LOC 1 N 1 E 0m -1m", "not a size"},
        {"HTTPS 1 . port=65536", "not a port"},
        {"HTTPS 1 . alpn=h2,,h3", "not a list of protocols"},
        {"HTTPS 1 . alpn", "not a list of protocols"},
        {"HTTPS 1 . ipv4hint=1.2.3", "not a list of IPv4"},
        {"HTTPS 1 . ipv6hint=1.2.3.4", "not a list of IPv6"},
        {"HTTPS 1 . no-default-alpn", "no-default-alpn is for"},
        {"HTTPS 1 . alpn=h2 no-default-alpn=1", "takes no value"},
        {"HTTPS 1 . port=1 port=2", "twice"},
        {"HTTPS 1 . port=1 key3=\\000\\001", "twice"},
        {"HTTPS 1 . key3=443", "no value of this key"},
        {"HTTPS 1 . key1=h2", "no value of this key"},
        {"HTTPS 1 . mandatory=port", "mandatory parameter is not there"},
        {"HTTPS 1 . mandatory=mandatory", "not a list of other keys"},
        {"HTTPS 1 . mandatory=port,port port=1", "not a list of other keys"},
        {"HTTPS 1 . what=1", "not a parameter"},
        {"HTTPS 1 . key65535=1", "not a parameter"},
        {"HTTPS 1 . \"alpn=h2\"", "not a parameter"},
        {"NAPTR 1 1 \"S\" \"\" \"\"", "missing"},
        /* Bytes that are none of the type. */
        {"A \\# 3 010203", "not data of this type"},
        {"A \\# 5 0102030405", "not data of this type"},
        {"NS \\# 2 c000", "not data of this type"},
        {"NS \\# 3 016100ff", "does not fit"},
        {"SOA \\# 20 0000000000000000000000000000000000000000", "not data of this type"},
        {"TXT \\# 0", "not data of this type"},
        {"TXT \\# 2 0261", "not data of this type"},
        {"NSEC \\# 3 000000", "not data of this type"},
        {"HTTPS \\# 11 00010000030002000100030000", "does not fit"},
        {"HTTPS \\# 13 000100000300020001000200 00", "not data of this type"},
        {"CAA \\# 2 0000", "not data of this type"},
        {"OPT \\# 0", "not data of this type"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = hex_of(cases[i].text);
        if (strstr(got, cases[i].problem) == NULL || got[0] != '[') {
            fail_msg("%s: %s instead of %s", cases[i].text, got, cases[i].problem);
        }
    }
}

static void test_unknown_types_may_have_any_data(void **state)
{
    (void)state;
    assert_string_equal(hex_of("TYPE65280 \\# 0"), "");
    assert_string_equal(hex_of("TYPE65280 \\# 3 0102 fF"), "0102ff");
    assert_true(dns_rdata_check(65280, span_of("", 0)));
    assert_false(dns_rdata_check(0, span_of("", 0)));
    assert_false(dns_rdata_check(DNS_TYPE_ANY, span_of("", 0)));
    assert_false(dns_rdata_check(DNS_TYPE_TSIG, span_of("", 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_every_type_is_printed),
        cmocka_unit_test(test_printed_forms),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_unknown_types_may_have_any_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
