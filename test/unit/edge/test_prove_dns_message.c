/* SPDX-License-Identifier: Apache-2.0
 * Tests of the question and answer of a proof over DNS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/prove_dns_message.h"
#include "wire/dns_type.h"

#define BYTES(text)       span_of(text, sizeof(text) - 1)
#define QUESTION          "\3www\4test\0\0\1\0\1"
#define RECORD(ttl, last) "\xc0\x0c\0\1\0\1\0\0\0" ttl "\0\4\x7f\1\0" last

static struct prove_dns_message_question question(void)
{
    struct prove_dns_message_question asked = {.id = 0x1234, .type = DNS_TYPE_A};
    assert_int_equal(dns_name_parse(span_text("WWW.test"), NULL, &asked.name), ERR_OK);
    return asked;
}

static void reads_addresses_and_the_lowest_ttl(void **state)
{
    (void)state;
    const struct prove_dns_message_question asked = question();
    struct prove_dns_answer answer;
    assert_int_equal(prove_dns_message_parse(
                         BYTES("\x12\x34\x84\0\0\1\0\2\0\0\0\0" QUESTION RECORD("\x09", "\x50") RECORD("\x05", "\x51")),
                         &asked, &answer),
                     ERR_OK);
    assert_int_equal(answer.count, 2);
    assert_int_equal(answer.ttl_s, 5);
    assert_int_equal(answer.addresses[1].family, 4);
    assert_memory_equal(answer.addresses[1].bytes, "\x7f\1\0\x51", 4);
}

static void tells_answers_apart(void **state)
{
    (void)state;
    const struct {
        struct span packet;
        enum err err;
    } cases[] = {
        {BYTES("\x12\x35\x84\0\0\1\0\1\0\0\0\0" QUESTION RECORD("\x09", "\x50")), ERR_STALE},
        {BYTES("\x12\x34\x04\0\0\1\0\1\0\0\0\0" QUESTION RECORD("\x09", "\x50")), ERR_STALE},
        {BYTES("\x12\x34\x84\0\0\1\0\1\0\0\0\0\3web\4test\0\0\1\0\1" RECORD("\x09", "\x50")), ERR_STALE},
        {BYTES("\x12\x34\x84\0\0\1\0\1\0\0\0\0\3www\4test\0\0\x1c\0\1" RECORD("\x09", "\x50")), ERR_STALE},
        {BYTES("\x12\x34\x84\3\0\1\0\0\0\0\0\0" QUESTION), ERR_NOT_FOUND},
        {BYTES("\x12\x34\x84\0\0\1\0\0\0\0\0\0" QUESTION), ERR_NOT_FOUND},
        {BYTES("\x12\x34\x84\2\0\1\0\0\0\0\0\0" QUESTION), ERR_STATUS},
        {BYTES("\x12\x34\x80\0\0\1\0\1\0\0\0\0" QUESTION RECORD("\x09", "\x50")), ERR_PROTOCOL},
        {BYTES("\x12\x34\x84\0\0\1\0\2\0\0\0\0" QUESTION RECORD("\x09", "\x50")), ERR_PROTOCOL},
        {BYTES("\x12\x34"), ERR_STALE},
    };
    const struct prove_dns_message_question asked = question();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct prove_dns_answer answer;
        assert_int_equal(prove_dns_message_parse(cases[i].packet, &asked, &answer), cases[i].err);
    }
}

static void writes_the_question(void **state)
{
    (void)state;
    const struct prove_dns_message_question asked = question();
    uint8_t memory[64];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    prove_dns_message_write(&buf, &asked);
    assert_int_equal(buf.size, 12 + 10 + 4);
    assert_memory_equal(buf.data, "\x12\x34\0\0\0\1\0\0\0\0\0\0\3", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_addresses_and_the_lowest_ttl),
        cmocka_unit_test(tells_answers_apart),
        cmocka_unit_test(writes_the_question),
    };
    return cmocka_run_group_tests_name("prove_dns_message", tests, NULL, NULL);
}
