/* SPDX-License-Identifier: Apache-2.0
 * The state file beside a zone's private keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/dns_keyfile.h"

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    static const char text[] = "# Written by `holdfast dns key`: ROLE ALGORITHM TAG STATE SINCE FILE\n"
                               "changes 4294967295\n"
                               "ksk 13 55648 active 1795392000 ksk-55648.pem\n"
                               "zsk 13 1 published 1795392001 zsk-1.pem\n"
                               "csk 15 65535 retired 4294967296 Kexample.+015+65535.private\n";
    struct dns_keyfile file;
    uint32_t line = 0;
    char memory[DNS_KEYFILE_BYTES];
    struct buf buf;
    assert_int_equal(dns_keyfile_parse(span_text(text), &file, &line), ERR_OK);
    assert_int_equal(file.count, 3);
    assert_int_equal(file.rows[0].role, DNS_KEYFILE_KSK);
    assert_int_equal(file.rows[0].tag, 55648);
    assert_int_equal(file.rows[1].state, DNS_KEYFILE_PUBLISHED);
    assert_int_equal(file.rows[2].algorithm, 15);
    assert_true(file.rows[2].since_s == UINT64_C(4294967296));
    buf_init(&buf, memory, sizeof memory);
    dns_keyfile_write(&file, &buf);
    assert_string_equal(buf_string(&buf), text);
}

static void test_blanks_and_comments_say_nothing(void **state)
{
    (void)state;
    struct dns_keyfile file;
    uint32_t line = 0;
    assert_int_equal(
        dns_keyfile_parse(span_text("\n  # a comment\r\n\tzsk\t13  7 active 5 f # the end\n\n"), &file, &line), ERR_OK);
    assert_int_equal(file.count, 1);
    assert_string_equal(file.rows[0].file, "f");
    assert_int_equal(dns_keyfile_parse(span_text(""), &file, &line), ERR_OK);
    assert_int_equal(file.count, 0);
}

static void test_what_is_wrong_is_told_by_its_line(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "zsk 13 7 active 5",
        "zsk 13 7 active 5 f g",
        "key 13 7 active 5 f",
        "zsk 256 7 active 5 f",
        "zsk 13 65536 active 5 f",
        "zsk 13 7 ready 5 f",
        "zsk 13 7 active -1 f",
        "zsk 13 7 active 5 ../f",
        "changes x",
        "changes 1 2",
        "zsk 13 7 active 5 a/f",
        "zsk 13 7 active 5 .hidden",
        "zsk",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct dns_keyfile file;
        char text[128];
        struct buf buf;
        uint32_t line = 0;
        buf_init(&buf, text, sizeof text);
        buf_printf(&buf, "zsk 13 7 active 5 f\n\n%s\n", wrong[i]);
        assert_int_equal(dns_keyfile_parse(span_text(text), &file, &line), ERR_INVALID);
        assert_int_equal(line, 3);
    }
}

static void test_there_is_a_limit(void **state)
{
    (void)state;
    struct dns_keyfile file;
    char text[1024];
    struct buf buf;
    uint32_t line = 0;
    buf_init(&buf, text, sizeof text);
    for (uint32_t i = 0; i < DNS_KEYFILE_ROWS; i++) {
        buf_text(&buf, "zsk 13 7 active 5 f\n");
    }
    assert_int_equal(dns_keyfile_parse(span_of(buf.data, buf.size), &file, &line), ERR_OK);
    buf_text(&buf, "zsk 13 7 active 5 f\n");
    assert_int_equal(dns_keyfile_parse(span_of(buf.data, buf.size), &file, &line), ERR_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_blanks_and_comments_say_nothing),
        cmocka_unit_test(test_what_is_wrong_is_told_by_its_line),
        cmocka_unit_test(test_there_is_a_limit),
    };
    return cmocka_run_group_tests_name("dns_keyfile", tests, NULL, NULL);
}
