/* SPDX-License-Identifier: Apache-2.0
 * Answers as bytes: compression, counts, overflow, OPT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_type.h"
#include "wire/dns_writer.h"

/* A query for "WwW.example.test. A IN". */
static const uint8_t question[] = {9,   9,   0,   0,   0,   1,   7,   7, 7,   7,   7,   7,   3, 'W', 'w', 'W', 7,
                                   'e', 'x', 'a', 'm', 'p', 'l', 'e', 4, 't', 'e', 's', 't', 0, 0,   1,   0,   1};

enum { QUESTION = sizeof question };

static uint8_t memory[4096];

static void start(struct dns_writer *writer, size_t capacity)
{
    memset(memory, 0x55, sizeof memory);
    memcpy(memory, question, QUESTION);
    dns_writer_init(writer, memory, capacity, QUESTION);
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name = {0};
    assert_int_equal(dns_name_parse(span_text(text), NULL, &name), ERR_OK);
    return name;
}

static void test_records_point_to_the_question(void **state)
{
    (void)state;
    struct dns_writer writer;
    start(&writer, sizeof memory);
    dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, 300, span_of("\12\0\0\1", 4));
    static const uint8_t expected[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 1};
    assert_int_equal(writer.size, QUESTION + sizeof expected);
    assert_memory_equal(memory + QUESTION, expected, sizeof expected);
    assert_memory_equal(memory + 4, "\0\1\0\1\0\0\0\0", 8);
    dns_writer_flags(&writer, 0x8400);
    assert_memory_equal(memory, "\11\11\x84\0", 4);
}

static void test_names_are_compressed_and_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {
        "www.example.test.", "ns1.EXAMPLE.test.", "a.ns1.example.test.", "ns1.example.test.", "other.", "x.other.", ".",
        "example.test."};
    struct dns_writer writer;
    struct cursor cursor;
    start(&writer, sizeof memory);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct dns_name name = name_of(names[i]);
        dns_writer_name(&writer, &name);
    }
    /* 2 + (4 + 2) + (2 + 2) + 2 + 7 + (2 + 2) + 1 + 2 */
    assert_int_equal(writer.size - QUESTION, 28);
    cursor_init(&cursor, memory, writer.size);
    cursor_skip(&cursor, QUESTION);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dns_name name;
        const struct dns_name expected = name_of(names[i]);
        dns_name_read(&cursor, &name);
        assert_true(cursor_ok(&cursor));
        assert_true(dns_name_equal(&name, &expected));
    }
    assert_int_equal(cursor_left(&cursor), 0);
}

static void test_data_of_soa_is_compressed_that_of_srv_is_not(void **state)
{
    (void)state;
    struct dns_writer writer;
    const struct dns_name host = name_of("ns1.example.test.");
    uint8_t data[600];
    memcpy(data, host.bytes, host.size);
    memcpy(data + host.size, host.bytes, host.size);
    memset(data + 2 * host.size, 3, 20);
    start(&writer, sizeof memory);
    dns_writer_record(&writer, DNS_WRITER_AUTHORITY, NULL, DNS_TYPE_SOA, 1, span_of(data, 2U * host.size + 20U));
    assert_int_equal(writer.size - QUESTION, 12 + 6 + 2 + 20);
    assert_int_equal(memory[QUESTION + 11], 28);
    assert_int_equal(memory[9], 1);
    const size_t before = writer.size;
    memset(data, 0, 6);
    memcpy(data + 6, host.bytes, host.size);
    dns_writer_record(&writer, DNS_WRITER_ADDITIONAL, NULL, DNS_TYPE_SRV, 1, span_of(data, 6U + host.size));
    assert_int_equal(writer.size - before, 12U + 6U + host.size);
}

static void test_overflow_is_sticky_and_can_be_taken_back(void **state)
{
    (void)state;
    struct dns_writer writer;
    for (size_t capacity = QUESTION; capacity < QUESTION + 32; capacity++) {
        start(&writer, capacity);
        dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, 1, span_of("\12\0\0\1", 4));
        dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, 1, span_of("\12\0\0\2", 4));
        assert_true(writer.overflow);
        assert_int_equal(memory[capacity], 0x55);
        dns_writer_truncate(&writer, QUESTION);
        assert_false(writer.overflow);
        assert_memory_equal(memory + 6, "\0\0\0\0\0\0", 6);
    }
    start(&writer, QUESTION + 32);
    dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, 1, span_of("\12\0\0\1", 4));
    dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, 1, span_of("\12\0\0\2", 4));
    assert_false(writer.overflow);
    assert_int_equal(memory[7], 2);
}

static void test_opt_echoes_the_subnet_with_its_scope(void **state)
{
    (void)state;
    struct dns_writer writer;
    start(&writer, sizeof memory);
    const struct dns_writer_options plain = {.rcode = DNS_RCODE_BADVERS, .dnssec_ok = true, .keepalive_100ms = -1};
    dns_writer_opt(&writer, &plain);
    static const uint8_t bare[] = {0, 0, 41, 4, 0xd0, 1, 0, 0x80, 0, 0, 0};
    assert_memory_equal(memory + QUESTION, bare, sizeof bare);
    assert_int_equal(writer.size, QUESTION + sizeof bare);
    start(&writer, sizeof memory);
    const struct dns_message_subnet subnet = {.family = 1, .source_bits = 20, .address = {10, 1, 0x20}};
    struct dns_writer_options options = {.subnet = &subnet, .scope_bits = 16, .keepalive_100ms = -1};
    dns_writer_opt(&writer, &options);
    static const uint8_t full[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 20, 16, 10, 1, 0x20};
    assert_memory_equal(memory + QUESTION, full, sizeof full);
    assert_int_equal(writer.size, QUESTION + sizeof full);
    assert_int_equal(memory[11], 1);
    start(&writer, sizeof memory);
    options =
        (struct dns_writer_options){.cookie = span_of("12345678", 8), .nsid = span_text("a"), .keepalive_100ms = 300};
    dns_writer_opt(&writer, &options);
    static const uint8_t more[] = {0,   0,   41,  4,   0xd0, 0,   0, 0, 0, 0, 12 + 5 + 6, 0, 10, 0, 8, '1', '2',
                                   '3', '4', '5', '6', '7',  '8', 0, 3, 0, 1, 'a',        0, 11, 0, 2, 1,   44};
    assert_memory_equal(memory + QUESTION, more, sizeof more);
    assert_int_equal(writer.size, QUESTION + sizeof more);
    assert_int_equal(dns_writer_opt_size(&options), sizeof more);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_point_to_the_question),
        cmocka_unit_test(test_names_are_compressed_and_read_back),
        cmocka_unit_test(test_data_of_soa_is_compressed_that_of_srv_is_not),
        cmocka_unit_test(test_overflow_is_sticky_and_can_be_taken_back),
        cmocka_unit_test(test_opt_echoes_the_subnet_with_its_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
