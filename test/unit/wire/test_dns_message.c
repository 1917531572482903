/* SPDX-License-Identifier: Apache-2.0
 * Queries from bytes: what is good, what is FORMERR, what is dropped; client subnets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_message.h"
#include "wire/dns_type.h"

/* "\x12\x34" flags 0x0100, one question "wWw.test. A IN"; bytes 10-11 are the additional count. */
static const uint8_t plain[] = {0x12, 0x34, 0x01, 0x00, 0,   1,   0,   0,   0, 0, 0, 0, 3,
                                'w',  'W',  'w',  4,    't', 'e', 's', 't', 0, 0, 1, 0, 1};

enum { PLAIN = sizeof plain };

static size_t with(uint8_t *message, const void *opt, size_t size)
{
    memcpy(message, plain, PLAIN);
    memcpy(message + PLAIN, opt, size);
    message[11] = 1;
    return PLAIN + size;
}

static enum dns_message_verdict parse(const uint8_t *message, size_t size, struct dns_message_query *query)
{
    memset(query, 0xaa, sizeof *query);
    return dns_message_parse(message, size, query);
}

static void test_plain_query(void **state)
{
    (void)state;
    struct dns_message_query query;
    assert_int_equal(parse(plain, PLAIN, &query), DNS_MESSAGE_GOOD);
    assert_int_equal(query.id, 0x1234);
    assert_int_equal(query.type, DNS_TYPE_A);
    assert_int_equal(query.class, DNS_CLASS_IN);
    assert_int_equal(query.question_end, PLAIN);
    assert_memory_equal(query.name.bytes, "\3www\4test", 10);
    assert_false(query.edns);
    assert_false(query.subnet_given);
}

static void test_every_cut_is_refused(void **state)
{
    (void)state;
    struct dns_message_query query;
    for (size_t size = 0; size < PLAIN; size++) {
        assert_int_equal(parse(plain, size, &query), size < 12 ? DNS_MESSAGE_DROP : DNS_MESSAGE_FORMERR);
        if (size >= 12) {
            assert_int_equal(query.question_end, 12);
        }
    }
}

static void test_header_rules(void **state)
{
    (void)state;
    uint8_t message[PLAIN + 1];
    struct dns_message_query query;
    memcpy(message, plain, PLAIN);
    message[2] = 0x80;
    assert_int_equal(parse(message, PLAIN, &query), DNS_MESSAGE_DROP);
    message[2] = 0x28; /* UPDATE */
    assert_int_equal(parse(message, PLAIN, &query), DNS_MESSAGE_NOTIMP);
    message[2] = 0;
    message[5] = 0;
    assert_int_equal(parse(message, PLAIN, &query), DNS_MESSAGE_FORMERR);
    message[5] = 2;
    assert_int_equal(parse(message, PLAIN, &query), DNS_MESSAGE_FORMERR);
    message[5] = 1;
    message[PLAIN] = 0;
    assert_int_equal(parse(message, PLAIN + 1, &query), DNS_MESSAGE_FORMERR);
    /* A question that points into the header. */
    static const uint8_t pointing[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 1, 0, 1};
    assert_int_equal(parse(pointing, sizeof pointing, &query), DNS_MESSAGE_FORMERR);
}

static void test_edns(void **state)
{
    (void)state;
    uint8_t message[128];
    struct dns_message_query query;
    /* 4096 bytes, version 0, DO, an unknown option and then a subnet 10.1.2.0/24 */
    static const uint8_t opt[] = {0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0,  17, 0xff, 0xee, 0,
                                  2, 1, 2,  0,    8, 0, 7, 0,    1, 24, 0,  10,   1,    2};
    size_t size = with(message, opt, sizeof opt);
    assert_int_equal(parse(message, size, &query), DNS_MESSAGE_GOOD);
    assert_true(query.edns && query.dnssec_ok && query.subnet_given);
    assert_int_equal(query.udp_size, 4096);
    assert_int_equal(query.subnet.family, 1);
    assert_int_equal(query.subnet.source_bits, 24);
    assert_memory_equal(query.subnet.address, "\12\1\2\0\0", 5);
    for (size_t cut = PLAIN; cut < size; cut++) {
        assert_int_equal(parse(message, cut, &query), DNS_MESSAGE_FORMERR);
    }
    /* Twice is once too often. */
    memcpy(message + size, opt, sizeof opt);
    message[11] = 2;
    assert_int_equal(parse(message, size + sizeof opt, &query), DNS_MESSAGE_FORMERR);
    /* Another version: its options may mean something else. */
    static const uint8_t version[] = {0, 0, 41, 2, 0, 0, 1, 0, 0, 0, 1, 0xff};
    size = with(message, version, sizeof version);
    assert_int_equal(parse(message, size, &query), DNS_MESSAGE_GOOD);
    assert_int_equal(query.edns_version, 1);
    /* OPT in the answer section. */
    message[7] = 1;
    message[11] = 0;
    assert_int_equal(parse(message, size, &query), DNS_MESSAGE_FORMERR);
}

static void test_subnets(void **state)
{
    (void)state;
    static const struct {
        const char *option; /* family, source, scope, address */
        size_t size;
        enum dns_message_verdict verdict;
    } cases[] = {
        {"\0\1\x18\0\12\1\2", 7, DNS_MESSAGE_GOOD},
        {"\0\1\0\0", 4, DNS_MESSAGE_GOOD},
        {"\0\0\0\0", 4, DNS_MESSAGE_GOOD},
        {"\0\2\x38\0\x20\1\xd\xb8\1\2\3", 11, DNS_MESSAGE_GOOD},
        {"\0\1\x14\0\12\1\x20", 7, DNS_MESSAGE_GOOD},
        {"\0\1\x14\0\12\1\x21", 7, DNS_MESSAGE_FORMERR},   /* a bit behind the prefix */
        {"\0\1\x18\0\12\1\2\3", 8, DNS_MESSAGE_FORMERR},   /* a byte too many */
        {"\0\1\x18\0\12\1", 6, DNS_MESSAGE_FORMERR},       /* one too few */
        {"\0\1\x21\0\12\1\2\3\4", 9, DNS_MESSAGE_FORMERR}, /* more bits than IPv4 has */
        {"\0\1\x18\x18\12\1\2", 7, DNS_MESSAGE_FORMERR},   /* a scope in a query */
        {"\0\3\x18\0\12\1\2", 7, DNS_MESSAGE_FORMERR},     /* a family that does not exist */
        {"\0\0\x08\0\12", 5, DNS_MESSAGE_FORMERR},
        {"\0\1\x18", 3, DNS_MESSAGE_FORMERR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t opt[64] = {
            0, 0, 41, 4, 0, 0, 0, 0, 0, 0, (uint8_t)(cases[i].size + 4), 0, 8, 0, (uint8_t)cases[i].size};
        uint8_t message[128];
        struct dns_message_query query;
        memcpy(opt + 15, cases[i].option, cases[i].size);
        const size_t size = with(message, opt, 15 + cases[i].size);
        assert_int_equal(parse(message, size, &query), cases[i].verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_query),  cmocka_unit_test(test_every_cut_is_refused),
        cmocka_unit_test(test_header_rules), cmocka_unit_test(test_edns),
        cmocka_unit_test(test_subnets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
