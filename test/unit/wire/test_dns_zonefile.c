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
    char memory[1100];
    struct buf buf;
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_RECORD);
    const struct dns_zonefile_record record = file.record;
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
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_END);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_END);
}

/* Line, column, what is wrong, a hint, and what stands there. */
static void test_problems_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        uint32_t column;
        const char *problem;
    } cases[] = {
        {"\n\nwww A 1.2.3.4\n", 3, 5, "no TTL: give one before the type or set $TTL above (found \"A\")"},
        {"  1 A 1.2.3.4\n", 1, 3, "no owner"},
        {"www 1 A 1.2.3\n", 1, 9, "A: not an IPv4 address; expected one as 192.0.2.1 (found \"1.2.3\")"},
        {"www 1 A\n", 1, 8, "A: record data is missing"},
        {"www 1 A 1.2.3.4 5\n", 1, 17, "more words"},
        {"www 1 AAAA 1.2.3.4\n", 1, 12, "not an IPv6"},
        {"www 1 MX 65536 a\n", 1, 10, "not a number in range; expected 0 to 65535 (found \"65536\")"},
        {"www 1 MX ten a\n", 1, 10, "not a number in range"},
        {"www 1 MX 10 ; host\n", 1, 12, "MX: record data is missing"},
        {"www 1 MX ( 10\n   a..b )\n", 2, 4, "not a domain name"},
        {"www 1 CH A 1.2.3.4\n", 1, 7, "record type"},
        {"www 1 NOTHING x\n", 1, 7, "record type"},
        {"www 1 TYPE65280 x y\n", 1, 17, "type is not known; expected the generic form"},
        {"www 1 ANY x\n", 1, 11, "stands in no zone"},
        {"www 1 TXT \"open\n", 1, 11, "quote"},
        {"www 1 TXT ( a\nb\n", 3, 1, "not closed; it was opened in line 1"},
        {"www 1 TXT a )\n", 1, 13, "unexpected ')'"},
        {"www 1 TXT ( ( a ) )\n", 1, 13, "unexpected '('"},
        {"www 1 TXT a\\2\n", 1, 11, "bad escape"},
        {"www 1 TXT a\\999\n", 1, 11, "bad escape"},
        {"a..b 1 A 1.2.3.4\n", 1, 1, "owner"},
        {"$GENERATE 1-2 a A 1.2.3.$\n", 1, 1, "only $ORIGIN"},
        {"$INCLUDE\n", 1, 1, "only $ORIGIN"},
        {"$INCLUDE a b..c\n", 1, 12, "$INCLUDE: not a domain name"},
        {"$INCLUDE \"\"\n", 1, 10, "$INCLUDE: not the name"},
        {"$TTL soon\n", 1, 6, "$TTL"},
        {"$TTL 2147483648\n", 1, 6, "$TTL"},
        {"$ORIGIN a..b\n", 1, 9, "$ORIGIN"},
        {"w 1 TYPE65280 \\# 2 01\n", 1, 20, "does not fit"},
        {"w 1 TYPE65280 \\# 1 0g\n", 1, 20, "hexadecimal"},
        {"w 1 NS \\# 1 07\n", 1, 13, "not data of this type"},
        {"w 1 TYPE255 \\# 1 00\n", 1, 18, "not data of this type"},
        {"w 1 CAA 0 is-sue x\n", 1, 11, "CAA tag"},
        {"w 1 SOA a b 1 2 3 4 x\n", 1, 21, "not a time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_text(cases[i].text);
        assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_BROKEN);
        if (strstr(file.problem, cases[i].problem) == NULL || file.problem_line != cases[i].line ||
            file.problem_column != cases[i].column) {
            fail_msg("%u:%u \"%s\" instead of %u:%u \"%s\"", file.problem_line, file.problem_column, file.problem,
                     cases[i].line, cases[i].column, cases[i].problem);
        }
        assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_BROKEN);
    }
}

/* What stands behind a NUL is part of the word. */
static void test_a_nul_ends_no_address(void **state)
{
    (void)state;
    static const char text[] = "www 1 A 1.2.3.4\0.5\n";
    open_text("");
    cursor_init(&file.cursor, (const uint8_t *)text, sizeof text - 1);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_BROKEN);
    assert_non_null(strstr(file.problem, "not an IPv4 address"));
}

/* The included file has the origin it is given, the last owner and the TTL; the including one keeps its own. */
static void test_include_is_an_item(void **state)
{
    (void)state;
    static struct dns_zonefile inner;
    open_text("$TTL 60\nwww A 10.0.0.1\n$INCLUDE \"a file\" sub\n TXT after\n$INCLUDE other\n");
    expect("www.example.test.", DNS_TYPE_A, 60, 2, "\12\0\0\1", 4);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_INCLUDE);
    assert_true(span_is(file.include.path, "a file"));
    assert_int_equal(file.include.line, 3);
    dns_zonefile_init_include(&inner, span_text(" TXT inside\n@ TXT sub\n$TTL 5\n$ORIGIN deep\nx TXT x\n"), &file);
    static const char *const owners[] = {"www.example.test.", "sub.example.test.", "x.deep.sub.example.test."};
    for (size_t i = 0; i < 3; i++) {
        struct dns_name name;
        assert_int_equal(dns_zonefile_next(&inner), DNS_ZONEFILE_RECORD);
        assert_int_equal(dns_name_parse(span_text(owners[i]), NULL, &name), ERR_OK);
        assert_true(dns_name_equal(&inner.record.owner, &name));
        assert_int_equal(inner.record.ttl_s, i == 2 ? 5 : 60);
    }
    assert_int_equal(dns_zonefile_next(&inner), DNS_ZONEFILE_END);
    expect("www.example.test.", DNS_TYPE_TXT, 60, 4, "\5after", 6);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_INCLUDE);
    assert_true(dns_name_equal(&file.include.origin, &file.origin));
}

static void test_limits(void **state)
{
    (void)state;
    static char text[2 * DNS_ZONEFILE_RDATA + 64];
    /* 256 characters in a string, and more words than an entry may have. */
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "w 1 TXT ", 8);
    text[8 + 256] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_BROKEN);
    assert_non_null(strstr(file.problem, "too long"));
    text[8 + 255] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_RECORD);
    for (size_t i = 8; i < 8 + 2 * DNS_ZONEFILE_WORDS; i += 2) {
        text[i] = 'x';
        text[i + 1] = ' ';
    }
    text[8 + 2 * DNS_ZONEFILE_WORDS] = 0;
    open_text(text);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_BROKEN);
    assert_non_null(strstr(file.problem, "words"));
}

static void test_ttl_units(void **state)
{
    (void)state;
    uint32_t ttl_s = 0;
    assert_int_equal(dns_word_ttl(span_text("1w2d3h4m5s"), &ttl_s), ERR_OK);
    assert_int_equal(ttl_s, 604800 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
    assert_int_equal(dns_word_ttl(span_text("2147483647"), &ttl_s), ERR_OK);
    assert_int_equal(dns_word_ttl(span_text("99999999999999999999999999"), &ttl_s), ERR_TOO_LARGE);
    assert_int_equal(dns_word_ttl(span_text("4000w"), &ttl_s), ERR_TOO_LARGE);
    assert_int_equal(dns_word_ttl(span_text("h"), &ttl_s), ERR_INVALID);
    assert_int_equal(dns_word_ttl(span_text(""), &ttl_s), ERR_INVALID);
}

/* Without $TTL what the last record told counts (RFC 1035, 5.1), with it nothing else (RFC 2308, 4). */
static void test_ttls_that_are_not_told(void **state)
{
    (void)state;
    static struct dns_zonefile inner;
    open_text("a 5 A 10.0.0.1\nb A 10.0.0.2\nc 7 A 10.0.0.3\n A 10.0.0.4\n$INCLUDE x\nd A 10.0.0.5\n$TTL 9\ne 8 A "
              "10.0.0.6\nf A "
              "10.0.0.7\n");
    expect("a.example.test.", DNS_TYPE_A, 5, 1, "\12\0\0\1", 4);
    expect("b.example.test.", DNS_TYPE_A, 5, 2, "\12\0\0\2", 4);
    expect("c.example.test.", DNS_TYPE_A, 7, 3, "\12\0\0\3", 4);
    expect("c.example.test.", DNS_TYPE_A, 7, 4, "\12\0\0\4", 4);
    assert_int_equal(dns_zonefile_next(&file), DNS_ZONEFILE_INCLUDE);
    dns_zonefile_init_include(&inner, span_text("x A 10.0.0.1\ny 3 A 10.0.0.1\n"), &file);
    assert_int_equal(dns_zonefile_next(&inner), DNS_ZONEFILE_RECORD);
    assert_int_equal(inner.record.ttl_s, 7);
    assert_int_equal(dns_zonefile_next(&inner), DNS_ZONEFILE_RECORD);
    expect("d.example.test.", DNS_TYPE_A, 7, 6, "\12\0\0\5", 4);
    expect("e.example.test.", DNS_TYPE_A, 8, 8, "\12\0\0\6", 4);
    expect("f.example.test.", DNS_TYPE_A, 9, 9, "\12\0\0\7", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_problems_name_line_and_column),
        cmocka_unit_test(test_include_is_an_item),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_ttl_units),
        cmocka_unit_test(test_ttls_that_are_not_told),
        cmocka_unit_test(test_a_nul_ends_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
