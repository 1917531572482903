/* SPDX-License-Identifier: Apache-2.0
 * The stub resolver's messages: a good answer, every cut of it, and answers that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client_dns.h"

/* www.example.test A: a CNAME that is stepped over, then 127.2.0.80, TTL 5 */
static const uint8_t answer[] = "\x12\x34\x84\x00\x00\x01\x00\x02\x00\x00\x00\x00"
                                "\x03www\x07"
                                "example\x04test\x00\x00\x01\x00\x01"
                                "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x09\x00\x04\x01x\xc0\x10"
                                "\x01x\xc0\x10\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x02\x00\x50";

static void test_query(void **state)
{
    (void)state;
    uint8_t message[64];
    assert_int_equal(client_dns_query(message, sizeof(message), 0x1234, "www.example.test"), 34);
    assert_memory_equal(message + 12, answer + 12, 22);
    assert_int_equal(client_dns_query(message, sizeof(message), 1, "www.example.test."), 34);
    assert_int_equal(client_dns_query(message, 20, 1, "www.example.test"), 0);
    assert_int_equal(client_dns_query(message, sizeof(message), 1, "www..test"), 0);
    assert_int_equal(client_dns_query(message, sizeof(message), 1,
                                      "0123456789012345678901234567890123456789012345678901234567890123.test"),
                     0);
}

static void test_answer(void **state)
{
    (void)state;
    struct client_dns_answer got;
    const size_t size = sizeof(answer) - 1;
    assert_int_equal(client_dns_parse(answer, size, 0x1234, &got), ERR_OK);
    assert_int_equal(got.ipv4, 0x7f020050);
    assert_int_equal(got.ttl_s, 5);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(client_dns_parse(answer, cut, 0x1234, &got), ERR_OK);
    }
    assert_int_equal(client_dns_parse(answer, size, 0x1235, &got), ERR_PROTOCOL);
}

static void test_codes(void **state)
{
    (void)state;
    uint8_t message[sizeof(answer)];
    struct client_dns_answer got;
    memcpy(message, answer, sizeof(answer));
    message[3] = 3;
    assert_int_equal(client_dns_parse(message, sizeof(answer) - 1, 0x1234, &got), ERR_NOT_FOUND);
    message[3] = 5;
    assert_int_equal(client_dns_parse(message, sizeof(answer) - 1, 0x1234, &got), ERR_STATUS);
    message[3] = 0;
    message[7] = 0;
    assert_int_equal(client_dns_parse(message, sizeof(answer) - 1, 0x1234, &got), ERR_NOT_FOUND);
    message[2] = 0;
    assert_int_equal(client_dns_parse(message, sizeof(answer) - 1, 0x1234, &got), ERR_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_query), cmocka_unit_test(test_answer),
                                       cmocka_unit_test(test_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
