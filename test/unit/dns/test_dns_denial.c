/* SPDX-License-Identifier: Apache-2.0
 * The ready SOA says what the zone's says, wherever its names lie and wherever the question has the zone's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dns/dns_denial.h"

enum { QUESTION = 12 }; /* where its name begins */

static struct dns_name name_of(const char *text)
{
    struct dns_name name;
    const enum err err = dns_name_parse(span_text(text), NULL, &name);
    assert_int_equal(err, ERR_OK);
    return name;
}

/* Two names and 20 bytes of numbers. */
static struct span soa_of(const char *server, const char *mailbox, uint8_t first)
{
    static uint8_t memory[2 * DNS_NAME_MAX + DNS_DENIAL_NUMBERS];
    const struct dns_name names[2] = {name_of(server), name_of(mailbox)};
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    buf_bytes(&buf, names[0].bytes, names[0].size);
    buf_bytes(&buf, names[1].bytes, names[1].size);
    for (uint8_t i = 0; i < DNS_DENIAL_NUMBERS; i++) {
        buf_u8(&buf, (uint8_t)(first + i));
    }
    assert_false(buf.overflow);
    return span_of(buf.data, buf.size);
}

/* Both names behind a question, read back as a resolver does; the size of the data. */
static size_t check(const char *origin_text, const char *question_text, const char *server, const char *mailbox)
{
    uint8_t message[1024] = {0};
    struct dns_denial denial;
    const struct dns_name origin = name_of(origin_text);
    const struct dns_name question = name_of(question_text);
    dns_denial_make(&origin, soa_of(server, mailbox, 0), &denial);
    memcpy(message + QUESTION, question.bytes, question.size);
    const size_t start = QUESTION + question.size;
    /* Numbers come from what is given now, not from what it was made of. */
    const size_t size = dns_denial_rdata(&denial, start - origin.size, soa_of(server, mailbox, 100), message + start);
    const struct dns_name names[2] = {name_of(server), name_of(mailbox)};
    struct cursor cursor;
    cursor_init(&cursor, message, start + size);
    cursor_skip(&cursor, start);
    for (uint32_t i = 0; i < 2; i++) {
        struct dns_name name;
        dns_name_read(&cursor, &name);
        assert_true(cursor_ok(&cursor) && dns_name_equal(&name, &names[i]));
    }
    assert_int_equal(cursor_left(&cursor), DNS_DENIAL_NUMBERS);
    assert_int_equal(cursor_u8(&cursor), 100);
    return size;
}

static void test_names_inside_and_outside(void **state)
{
    (void)state;
    assert_int_equal(check("example.test.", "x.example.test.", "ns1.example.test.", "h.example.test."), 6 + 4 + 20);
    assert_int_equal(check("example.test.", "example.test.", "example.test.", "example.test."), 2 + 2 + 20);
    assert_int_equal(check("example.test.", "a.b.example.test.", "ns.other.test.", "h.example.test."), 15 + 4 + 20);
    assert_int_equal(check("example.test.", "x.example.test.", "xexample.test.", "h.test."), 15 + 8 + 20);
    assert_int_equal(check("example.test.", "x.example.test.", "Ns1.eXample.TEST.", "h.other."), 6 + 9 + 20);
}

/* A question that is as long as names get, and so the last place that is pointed to. */
static void test_a_long_question(void **state)
{
    (void)state;
    char text[260];
    size_t size = 0;
    while (size < 240) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s", "abcdefg.");
    }
    snprintf(text + size, sizeof text - size, "%s", "example.test.");
    assert_int_equal(check("example.test.", text, "ns1.example.test.", "h.example.test."), 6 + 4 + 20);
}

static void test_the_root_has_none(void **state)
{
    (void)state;
    struct dns_denial denial;
    const struct dns_name root = name_of(".");
    dns_denial_make(&root, soa_of("a.root.", "h.", 0), &denial);
    assert_int_equal(denial.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_inside_and_outside),
        cmocka_unit_test(test_a_long_question),
        cmocka_unit_test(test_the_root_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
