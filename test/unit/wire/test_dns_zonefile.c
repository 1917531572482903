/* SPDX-License-Identifier: Apache-2.0
 * Master files: records as they stand, and what is said about broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_type.h"
#include "wire/dns_zonefile.h"

static struct dns_zonefile file;

static void open_text(const char *text)
{
    struct dns_name origin;
    assert_int_equal(dns_name_parse(span_text("example.test."), NULL, &origin), ERR_OK);
    dns_zonefile_init(&file, span_text(text), &origin);
}

static void expect(const char *owner, uint16_t type, uint32_t ttl_s, uint32_t line, const void *rdata, size_t size)
{
    struct dns_zonefile_record record;
    char memory[1100];
    struct buf buf;
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_OK);
    buf_init(&buf, memory, sizeof memory);
    dns_name_print(&record.owner, &buf);
    assert_string_equal(buf_string(&buf), owner);
    assert_int_equal(record.type, type);
    assert_int_equal(record.ttl_s, ttl_s);
    assert_int_equal(record.line, line);
    assert_int_equal(record.rdata.size, size);
    assert_memory_equal(record.rdata.data, rdata, size);
}

static void test_a_whole_file(void **state)
{
    (void)state;
    open_text("; a comment\n"
              "$TTL 1h\n"
              "@ IN SOA ns1 host\\.master (\r\n"
              "   7 ; serial\n"
              "   1h 15m 1w 30 )\n"
              "   IN 60 NS ns1\n"
              "\n"
              "ns1 120 IN A 10.0.0.1\n"
              "    AAAA 2001:db8::1\n"
              "$ORIGIN sub\n"
              "t TXT \"a;b\" plain \"\\\"\\065\" \"\"\n"
              "@ mx 10 mail.example.org.\n"
              "_s._tcp SRV 1 2 65535 @\n"
              "@ CAA 128 issue \"ca.test\"\n"
              "g TYPE65280 \\# 3 0102 fF\n"
              "* CNAME @");
    expect("example.test.", DNS_TYPE_SOA, 3600, 3,
           "\3ns1\7example\4test\0\13host.master\7example\4test\0\0\0\0\7\0\0\16\20\0\0\3\204\0\11\72\200\0\0\0\36",
           64);
    expect("example.test.", DNS_TYPE_NS, 60, 6, "\3ns1\7example\4test", 18);
    expect("ns1.example.test.", DNS_TYPE_A, 120, 8, "\12\0\0\1", 4);
    expect("ns1.example.test.", DNS_TYPE_AAAA, 3600, 9, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    expect("t.sub.example.test.", DNS_TYPE_TXT, 3600, 11, "\3a;b\5plain\2\"A", 14);
    expect("sub.example.test.", DNS_TYPE_MX, 3600, 12, "\0\12\4mail\7example\3org", 20);
    expect("_s._tcp.sub.example.test.", DNS_TYPE_SRV, 3600, 13, "\0\1\0\2\377\377\3sub\7example\4test", 24);
    expect("sub.example.test.", DNS_TYPE_CAA, 3600, 14, "\200\5issueca.test", 14);
    expect("g.sub.example.test.", 65280, 3600, 15, "\1\2\377", 3);
    expect("*.sub.example.test.", DNS_TYPE_CNAME, 3600, 16, "\3sub\7example\4test", 18);
    struct dns_zonefile_record record;
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_CLOSED);
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_CLOSED);
}

static void test_problems_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *problem;
    } cases[] = {
        {"\n\nwww A 1.2.3.4\n", 3, "no TTL"},
        {"  1 A 1.2.3.4\n", 1, "no owner"},
        {"www 1 A 1.2.3\n", 1, "A: not an IPv4"},
        {"www 1 A\n", 1, "A: record data is missing"},
        {"www 1 A 1.2.3.4 5\n", 1, "more words"},
        {"www 1 AAAA 1.2.3.4\n", 1, "not an IPv6"},
        {"www 1 MX 65536 a\n", 1, "not a number in range"},
        {"www 1 MX ten a\n", 1, "not a number in range"},
        {"www 1 CH A 1.2.3.4\n", 1, "record type"},
        {"www 1 NOTHING x\n", 1, "record type"},
        {"www 1 HINFO x y\n", 1, "type is not known"},
        {"www 1 TXT \"open\n", 1, "quote"},
        {"www 1 TXT ( a\nb\n", 1, "not closed"},
        {"www 1 TXT a )\n", 1, "unexpected ')'"},
        {"www 1 TXT ( ( a ) )\n", 1, "unexpected '('"},
        {"www 1 TXT a\\2\n", 1, "bad escape"},
        {"www 1 TXT a\\999\n", 1, "bad escape"},
        {"a..b 1 A 1.2.3.4\n", 1, "owner"},
        {"$INCLUDE other\n", 1, "only $ORIGIN"},
        {"$GENERATE 1-2 a A 1.2.3.$\n", 1, "only $ORIGIN"},
        {"$TTL soon\n", 1, "$TTL"},
        {"$TTL 2147483648\n", 1, "$TTL"},
        {"$ORIGIN a..b\n", 1, "$ORIGIN"},
        {"w 1 TYPE65280 \\# 2 01\n", 1, "does not fit"},
        {"w 1 TYPE65280 \\# 1 0g\n", 1, "hexadecimal"},
        {"w 1 NS \\# 1 00\n", 1, "form of its own"},
        {"w 1 TYPE255 \\# 1 00\n", 1, "form of its own"},
        {"w 1 CAA 0 is-sue x\n", 1, "CAA tag"},
        {"w 1 SOA a b 1 2 3 4 x\n", 1, "not a time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_zonefile_record record;
        open_text(cases[i].text);
        assert_int_equal(dns_zonefile_next(&file, &record), ERR_INVALID);
        assert_int_equal(file.entry_line, cases[i].line);
        if (strstr(file.problem, cases[i].problem) == NULL) {
            fail_msg("\"%s\" instead of \"%s\"", file.problem, cases[i].problem);
        }
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char text[2 * DNS_ZONEFILE_RDATA + 64];
    struct dns_zonefile_record record;
    /* 256 characters in a string, and more words than an entry may have. */
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "w 1 TXT ", 8);
    text[8 + 256] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_INVALID);
    assert_non_null(strstr(file.problem, "too long"));
    text[8 + 255] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_OK);
    for (size_t i = 8; i < 8 + 2 * DNS_ZONEFILE_TOKENS; i += 2) {
        text[i] = 'x';
        text[i + 1] = ' ';
    }
    text[8 + 2 * DNS_ZONEFILE_TOKENS] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file, &record), ERR_INVALID);
    assert_non_null(strstr(file.problem, "words"));
}

static void test_ttl_units(void **state)
{
    (void)state;
    uint32_t ttl_s = 0;
    assert_int_equal(dns_rdata_ttl(span_text("1w2d3h4m5s"), &ttl_s), ERR_OK);
    assert_int_equal(ttl_s, 604800 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
    assert_int_equal(dns_rdata_ttl(span_text("2147483647"), &ttl_s), ERR_OK);
    assert_int_equal(dns_rdata_ttl(span_text("99999999999999999999999999"), &ttl_s), ERR_TOO_LARGE);
    assert_int_equal(dns_rdata_ttl(span_text("4000w"), &ttl_s), ERR_TOO_LARGE);
    assert_int_equal(dns_rdata_ttl(span_text("h"), &ttl_s), ERR_INVALID);
    assert_int_equal(dns_rdata_ttl(span_text(""), &ttl_s), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_problems_name_the_line),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ttl_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
