/* SPDX-License-Identifier: Apache-2.0
 * Canonical forms and orders (RFC 4034, 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_canonical.h"
#include "wire/dns_type.h"

static struct dns_name name_of(const char *text)
{
    struct dns_name name = {0};
    assert_int_equal(dns_name_parse(span_text(text), NULL, &name), ERR_OK);
    return name;
}

/* RFC 4034, 6.1: its own example. */
static void test_names_stand_in_the_order_of_the_rfc(void **state)
{
    (void)state;
    static const char *const order[] = {"example.",         "a.example.",      "yljkjljk.a.example.",
                                        "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                        "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
    const size_t count = sizeof order / sizeof *order;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const struct dns_name a = name_of(order[i]);
            const struct dns_name b = name_of(order[j]);
            const int got = dns_canonical_compare(&a, &b);
            assert_int_equal((got > 0) - (got < 0), (i > j) - (i < j));
        }
    }
}

static void test_names_in_old_types_become_lower_case(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *data;
        size_t size;
        const char *canonical;
    } cases[] = {
        {DNS_TYPE_NS, "\2AB\0", 4, "\2ab\0"},
        {DNS_TYPE_MX, "\0\101\2AB\0", 6, "\0\101\2ab\0"},
        {DNS_TYPE_SRV, "ABCDEF\1X\0", 9, "ABCDEF\1x\0"},
        {DNS_TYPE_SOA, "\1A\0\1B\0ABCDEFGHIJKLMNOPQRST", 26, "\1a\0\1b\0ABCDEFGHIJKLMNOPQRST"},
        {DNS_TYPE_NAPTR, "ABCD\1U\1S\1R\1N\0", 13, "ABCD\1U\1S\1R\1n\0"},
        {DNS_TYPE_RRSIG, "ABCDEFGHIJKLMNOPQR\1Z\0SIG", 24, "ABCDEFGHIJKLMNOPQR\1z\0SIG"},
        {DNS_TYPE_NSEC, "\2AB\0\0\1\100", 7, "\2AB\0\0\1\100"},
        {DNS_TYPE_SVCB, "\0\1\2AB\0", 6, "\0\1\2AB\0"},
        {DNS_TYPE_TXT, "\2AB", 3, "\2AB"},
        {65280, "\2AB\0", 4, "\2AB\0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t data[32];
        memcpy(data, cases[i].data, cases[i].size);
        dns_canonical_rdata(cases[i].type, data, cases[i].size);
        assert_memory_equal(data, cases[i].canonical, cases[i].size);
    }
}

static void test_the_labels_of_a_signature(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t labels;
    } cases[] = {{".", 0}, {"a.", 1}, {"*.a.", 1}, {"x.*.a.", 3}, {"*.", 0}, {"\\*x.a.", 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_name name = name_of(cases[i].name);
        assert_int_equal(dns_canonical_labels(&name), cases[i].labels);
    }
}

/* RFC 4034, 4.3: the bitmap of its example. */
static void test_the_bitmap_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27, [36] = 0x20};
    uint16_t types[] = {1234, DNS_TYPE_NSEC, DNS_TYPE_A, DNS_TYPE_RRSIG, DNS_TYPE_MX, DNS_TYPE_A};
    uint8_t memory[64];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_canonical_bitmap(types, 6, &buf);
    assert_int_equal(buf.size, sizeof expected);
    assert_memory_equal(memory, expected, sizeof expected);
}

static struct dns_name filled(const char *first, uint8_t byte, uint8_t length, const char *rest)
{
    struct dns_name name = name_of(rest);
    const size_t size = strlen(first);
    memmove(name.bytes + 1 + length, name.bytes, name.size);
    name.bytes[0] = length;
    memset(name.bytes + 1, byte, length);
    memcpy(name.bytes + 1, first, size);
    name.size = (uint8_t)(name.size + 1 + length);
    return name;
}

static void test_what_comes_next(void **state)
{
    (void)state;
    const struct dns_name origin = name_of("z.");
    struct dns_name name = name_of("a.z.");
    struct dns_name expected = name_of("\\000.a.z.");
    struct dns_name next;
    dns_canonical_next(&name, &origin, &next);
    assert_true(dns_name_equal(&next, &expected));
    dns_canonical_beside(&name, &origin, &next);
    expected = name_of("a\\000.z.");
    assert_true(dns_name_equal(&next, &expected));
    /* No room in the label. */
    name = filled("", 'b', 63, "z.");
    dns_canonical_beside(&name, &origin, &next);
    assert_int_equal(next.bytes[63], 'c');
    assert_true(dns_canonical_compare(&name, &next) < 0);
    /* Nothing greater in the label. */
    name = filled("x", 0xff, 63, "z.");
    dns_canonical_beside(&name, &origin, &next);
    expected = name_of("y.z.");
    assert_true(dns_name_equal(&next, &expected));
    name = filled("", 0xff, 63, "m.z.");
    dns_canonical_beside(&name, &origin, &next);
    expected = name_of("m\\000.z.");
    assert_true(dns_name_equal(&next, &expected));
    /* Capital letters are no other letters. */
    name = filled("", '@', 63, "z.");
    dns_canonical_beside(&name, &origin, &next);
    assert_int_equal(next.bytes[63], '[');
    name = filled("", 0xff, 63, "z.");
    dns_canonical_beside(&name, &origin, &next);
    assert_true(dns_name_equal(&next, &origin));
}

/* As long as a name can be: still something behind it, that is a name. */
static void test_what_comes_next_to_the_longest_names(void **state)
{
    (void)state;
    const struct dns_name origin = name_of("z.");
    for (uint8_t length = 50; length <= 58; length++) {
        struct dns_name name = filled("", 'q', 63, "z.");
        struct dns_name next;
        for (int i = 0; i < 2; i++) {
            memmove(name.bytes + 64, name.bytes, name.size);
            name.bytes[0] = 63;
            memset(name.bytes + 1, 'q', 63);
            name.size = (uint8_t)(name.size + 64);
        }
        memmove(name.bytes + 1 + length, name.bytes, name.size);
        name.bytes[0] = length;
        memset(name.bytes + 1, 'q', length);
        name.size = (uint8_t)(name.size + 1 + length);
        dns_canonical_next(&name, &origin, &next);
        assert_true(dns_canonical_compare(&name, &next) < 0);
        assert_true(dns_name_within(&next, &origin));
        dns_canonical_beside(&name, &origin, &next);
        assert_true(dns_canonical_compare(&name, &next) < 0);
        assert_false(dns_name_within(&next, &name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_stand_in_the_order_of_the_rfc),
        cmocka_unit_test(test_names_in_old_types_become_lower_case),
        cmocka_unit_test(test_the_labels_of_a_signature),
        cmocka_unit_test(test_the_bitmap_of_the_rfc),
        cmocka_unit_test(test_what_comes_next),
        cmocka_unit_test(test_what_comes_next_to_the_longest_names),
    };
    return cmocka_run_group_tests_name("dns_canonical", tests, NULL, NULL);
}
