/* SPDX-License-Identifier: Apache-2.0
 * Domain names: text and back, limits, pointers, case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_name.h"

static struct dns_name name_of(const char *text)
{
    struct dns_name name = {0};
    assert_int_equal(dns_name_parse(span_text(text), NULL, &name), ERR_OK);
    return name;
}

static void test_text_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *printed;
    } cases[] = {
        {".", "."},
        {"example.test.", "example.test."},
        {"www", "www.example.test."},
        {"@", "example.test."},
        {"*.deep", "*.deep.example.test."},
        {"a\\.b.c.", "a\\.b.c."},
        {"\\000\\255\\065.", "\\000\\255A."},
        {"x\\ y.", "x\\032y."},
        {"_sip._tcp", "_sip._tcp.example.test."},
    };
    const struct dns_name origin = name_of("example.test.");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_name name;
        char memory[1100];
        struct buf buf;
        buf_init(&buf, memory, sizeof memory);
        assert_int_equal(dns_name_parse(span_text(cases[i].text), &origin, &name), ERR_OK);
        dns_name_print(&name, &buf);
        assert_string_equal(buf_string(&buf), cases[i].printed);
    }
}

static void test_bad_text(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "..", ".a.", "a..b", "a\\", "a\\1", "a\\12x", "a\\256.", "a.b.."};
    struct dns_name name;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(dns_name_parse(span_text(cases[i]), NULL, &name), ERR_INVALID);
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[600];
    struct dns_name name;
    memset(text, 'a', sizeof text);
    assert_int_equal(dns_name_parse(span_of(text, 63), NULL, &name), ERR_OK);
    assert_int_equal(name.size, 65);
    assert_int_equal(dns_name_parse(span_of(text, 64), NULL, &name), ERR_TOO_LARGE);
    /* 127 labels of one letter are 255 bytes. */
    for (size_t i = 1; i < sizeof text; i += 2) {
        text[i] = '.';
    }
    assert_int_equal(dns_name_parse(span_of(text, 254), NULL, &name), ERR_OK);
    assert_int_equal(name.size, 255);
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    assert_int_equal(dns_name_labels(&name, offsets), 127);
    assert_int_equal(dns_name_parse(span_of(text, 256), NULL, &name), ERR_TOO_LARGE);
    /* 253 bytes, then an origin that does not fit. */
    const struct dns_name origin = name_of("example.test.");
    assert_int_equal(dns_name_parse(span_of(text, 251), &origin, &name), ERR_TOO_LARGE);
    assert_int_equal(dns_name_parse(span_of(text, 239), &origin, &name), ERR_OK);
    assert_int_equal(name.size, 240 + 14);
}

static void test_pointers(void **state)
{
    (void)state;
    /* 0: "b.", 3: "a" -> 0, 7: -> 3, 9: to itself, 11: forward, 13: cut */
    static const uint8_t bytes[] = {1, 'b', 0, 1, 'a', 0xc0, 0, 0xc0, 3, 0xc0, 9, 0xc0, 13, 0xc0};
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, bytes, sizeof bytes);
    cursor_skip(&cursor, 3);
    dns_name_read(&cursor, &name);
    const struct dns_name expected = name_of("a.b.");
    assert_true(dns_name_equal(&name, &expected));
    assert_int_equal(cursor.at, 7);
    dns_name_read(&cursor, &name);
    assert_true(dns_name_equal(&name, &expected));
    assert_int_equal(cursor.at, 9);
    for (size_t at = 9; at < sizeof bytes; at += 2) {
        cursor_init(&cursor, bytes, sizeof bytes);
        cursor_skip(&cursor, at);
        dns_name_read(&cursor, &name);
        assert_false(cursor_ok(&cursor));
        assert_int_equal(name.size, 1);
    }
    /* Label types 01 and 10 do not exist. */
    cursor_init(&cursor,
                "\x41"
                "b\0",
                3);
    dns_name_read(&cursor, &name);
    assert_false(cursor_ok(&cursor));
}

static void test_case_and_kinship(void **state)
{
    (void)state;
    struct dns_name upper = name_of("WWW.Example.TEST.");
    const struct dns_name lower = name_of("www.example.test.");
    const struct dns_name zone = name_of("eXample.test.");
    const struct dns_name near = name_of("wwwexample.test.");
    const struct dns_name bracket = name_of("[ww.example.test."); /* '[' | 0x20 == '{' must not fold */
    const struct dns_name brace = name_of("{ww.example.test.");
    const struct dns_name root = name_of(".");
    assert_true(dns_name_equal(&upper, &lower));
    assert_false(dns_name_equal(&bracket, &brace));
    assert_true(dns_name_within(&upper, &zone));
    assert_true(dns_name_within(&zone, &zone));
    assert_true(dns_name_within(&zone, &root));
    assert_false(dns_name_within(&near, &zone));
    assert_false(dns_name_within(&zone, &upper));
    dns_name_lower(&upper);
    assert_memory_equal(upper.bytes, lower.bytes, lower.size);
}

/* Whatever stands beside a byte. */
static void test_every_byte_is_made_small(void **state)
{
    (void)state;
    for (uint32_t beside = 0; beside < 256; beside += 5) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            struct dns_name name = {.size = 21};
            memset(name.bytes, (int)beside, sizeof name.bytes);
            const uint32_t at = (byte * 7 + beside) % name.size;
            name.bytes[at] = (uint8_t)byte;
            dns_name_lower(&name);
            for (uint32_t i = 0; i < name.size; i++) {
                assert_int_equal(name.bytes[i], dns_name_small((uint8_t)(i == at ? byte : beside)));
            }
        }
    }
}

/* Names of all sizes, at the very end of their message and with more behind them: the same as reading, then lowering.
 */
static void test_reading_in_lower_case(void **state)
{
    (void)state;
    for (size_t label = 0; label <= DNS_NAME_LABEL_MAX; label++) {
        for (size_t behind = 0; behind < 12; behind++) {
            uint8_t message[100];
            struct cursor cursors[2];
            struct dns_name names[2];
            size_t size = 0;
            memset(message, 'Q', sizeof message);
            message[size] = (uint8_t)label;
            size += label > 0 ? label + 1 : 0;
            message[size++] = 0;
            cursor_init(&cursors[0], message, size + behind);
            cursor_init(&cursors[1], message, size + behind);
            dns_name_read(&cursors[0], &names[0]);
            dns_name_lower(&names[0]);
            dns_name_read_lower(&cursors[1], &names[1]);
            assert_int_equal(names[1].size, size);
            assert_memory_equal(names[1].bytes, names[0].bytes, size);
            assert_true(cursor_ok(&cursors[1]) && cursors[1].at == size);
        }
    }
    const uint8_t pointer[] = {2, 'A', 'b', 0, 1, 'C', 0xc0, 0, 9, 9};
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, pointer, sizeof pointer);
    cursor_skip(&cursor, 4);
    dns_name_read_lower(&cursor, &name);
    assert_true(cursor_ok(&cursor) && cursor.at == 8);
    assert_int_equal(name.size, 6);
    assert_memory_equal(name.bytes, "\1c\2ab", 6);
    cursor_init(&cursor, pointer + 4, 2); /* the end is missing */
    dns_name_read_lower(&cursor, &name);
    assert_false(cursor_ok(&cursor));
    assert_int_equal(name.size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_and_back),
        cmocka_unit_test(test_bad_text),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pointers),
        cmocka_unit_test(test_case_and_kinship),
        cmocka_unit_test(test_every_byte_is_made_small),
        cmocka_unit_test(test_reading_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
