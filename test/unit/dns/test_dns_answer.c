/* SPDX-License-Identifier: Apache-2.0
 * Answers: one line of expectation per question. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer_sample.h"

static void test_questions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t type;
        const char *summary;
    } cases[] = {
        {"mail.example.test.", DNS_TYPE_A, "0 aa 2/0/0 A A"},
        {"MAIL.example.TEST.", DNS_TYPE_AAAA, "0 aa 1/0/0 AAAA"},
        {"mail.example.test.", DNS_TYPE_TXT, "0 aa 0/1/0 SOA"},
        {"missing.example.test.", DNS_TYPE_A, "3 aa 0/1/0 SOA"},
        {"ent.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"},
        {"example.test.", DNS_TYPE_SOA, "0 aa 1/0/0 SOA"},
        {"example.test.", DNS_TYPE_NS, "0 aa 2/0/0 NS NS"},
        {"example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 HINFO"},
        {"ent.example.test.", DNS_TYPE_ANY, "0 aa 0/1/0 SOA"},
        {"missing.example.test.", DNS_TYPE_ANY, "3 aa 0/1/0 SOA"},
        {"x.wild.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"},
        {"x.wild.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"},
        {"there.wild.example.test.", DNS_TYPE_TXT, "0 aa 0/1/0 SOA"},
        {"alias.example.test.", DNS_TYPE_A, "0 aa 3/0/0 CNAME A A"},
        {"alias2.example.test.", DNS_TYPE_AAAA, "0 aa 3/0/0 CNAME CNAME AAAA"},
        {"alias.example.test.", DNS_TYPE_CNAME, "0 aa 1/0/0 CNAME"},
        {"alias.example.test.", DNS_TYPE_TXT, "0 aa 1/1/0 CNAME SOA"},
        {"nowhere.example.test.", DNS_TYPE_A, "3 aa 1/1/0 CNAME SOA"},
        {"away.example.test.", DNS_TYPE_A, "0 aa 1/0/0 CNAME"},
        {"loop1.example.test.", DNS_TYPE_A, "0 aa 9/0/0 CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME"},
        {"toapp.example.test.", DNS_TYPE_A, "0 aa 3/0/0 CNAME A A"},
        {"sub.example.test.", DNS_TYPE_A, "0 0/2/2 NS NS A A"},
        {"x.sub.example.test.", DNS_TYPE_TXT, "0 0/2/2 NS NS A A"},
        {"sub.example.test.", DNS_TYPE_NS, "0 0/2/2 NS NS A A"},
        {"sub.example.test.", DNS_TYPE_DS, "0 aa 1/0/0 DS"},
        {"x.sub.example.test.", DNS_TYPE_DS, "0 0/2/2 NS NS A A"},
        {"www.example.test.", DNS_TYPE_A, "0 aa 2/0/0 A A"},
        {"www.example.test.", DNS_TYPE_AAAA, "0 aa 1/0/0 AAAA"},
        {"www.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"},
        {"www.example.test.", DNS_TYPE_MX, "0 aa 0/1/0 SOA"},
        {"none.example.test.", DNS_TYPE_A, "2 0/0/0"},
        {"none.example.test.", DNS_TYPE_TXT, "0 aa 0/1/0 SOA"},
        {"none.example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 HINFO"},
        {"www.other.test.", DNS_TYPE_A, "5 0/0/0"},
        {".", DNS_TYPE_NS, "5 0/0/0"},
        {"example.test.", DNS_TYPE_AXFR, "5 0/0/0"},
        {"example.test.", DNS_TYPE_OPT, "1 0/0/0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = build(question(cases[i].name, cases[i].type, DNS_CLASS_IN), false);
        const char *got = summary(size);
        if (strcmp(got, cases[i].summary) != 0) {
            fail_msg("%s %u: \"%s\" instead of \"%s\"", cases[i].name, cases[i].type, got, cases[i].summary);
        }
        /* The question comes back in the case it was asked in. */
        const struct dns_name asked = sample_name(cases[i].name);
        assert_memory_equal(message + 12, asked.bytes, asked.size);
        assert_int_equal(message[2] & 1, 1);
        assert_int_equal(message[3] & 0xf0, 0x10);
    }
}

static void test_before_any_view(void **state)
{
    (void)state;
    dns_policy_prepare(&policy, NULL, catalog->dynamic, catalog->dynamic_count);
    assert_string_equal(summary(build(question("www.example.test.", DNS_TYPE_A, 1), false)), "2 0/0/0");
    assert_string_equal(summary(build(question("toapp.example.test.", DNS_TYPE_A, 1), false)), "2 0/0/0");
    assert_string_equal(summary(build(question("mail.example.test.", DNS_TYPE_AAAA, 1), false)), "0 aa 1/0/0 AAAA");
}

static void test_other_classes_and_opcodes(void **state)
{
    (void)state;
    assert_string_equal(summary(build(question("version.bind.", DNS_TYPE_TXT, DNS_CLASS_CH), false)), "5 0/0/0");
    size_t size = question("mail.example.test.", DNS_TYPE_A, 1);
    message[2] = 0x28;
    assert_string_equal(summary(build(size, false)), "4 0/0/0");
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    assert_string_equal(summary(build(size - 1, false)), "1 0/0/0");
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    message[2] |= 0x80;
    assert_int_equal(build(size, false), 0);
}

static void test_edns(void **state)
{
    (void)state;
    static const uint8_t version[] = {0, 0, 41, 4, 0xd0, 0, 1, 0, 0, 0, 0};
    size_t size = with_opt(question("mail.example.test.", DNS_TYPE_A, 1), version, sizeof version);
    size = build(size, false);
    assert_string_equal(summary(size), "0 0/0/1 OPT"); /* BADVERS is 16: the low bits are 0 */
    assert_int_equal(message[size - 6], 1);            /* the upper ones are in OPT */
    assert_int_equal(message[size - 5], 0);

    static const uint8_t subnet[] = {0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 10, 2, 2};
    size = with_opt(question("www.example.test.", DNS_TYPE_A, 1), subnet, sizeof subnet);
    size = build(size, false);
    assert_string_equal(summary(size), "0 aa 2/0/1 A A OPT");
    assert_memory_equal(message + size - 6, "\1\x18\x11\12\2\2", 6); /* /24 in, /17 decided */
    assert_memory_equal(message + size - 22 - 4, "\300\1\0", 3);     /* 192.1.0.x: tokyo, by the subnet */

    /* A static answer is for everybody. */
    size = with_opt(question("mail.example.test.", DNS_TYPE_AAAA, 1), subnet, sizeof subnet);
    size = build(size, false);
    assert_memory_equal(message + size - 6, "\1\x18\0\12\2\2", 6);

    /* Prefix 0: decide by the resolver's address, scope 0. */
    static const uint8_t zero[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 8, 0, 8, 0, 4, 0, 1, 0, 0};
    size = with_opt(question("www.example.test.", DNS_TYPE_A, 1), zero, sizeof zero);
    size = build(size, false);
    assert_memory_equal(message + size - 4, "\0\1\0\0", 4);
    assert_memory_equal(message + size - 19 - 4, "\300\0\0", 3); /* taiwan: the home of 10.1.1.1 */
}

static void test_endpoints_take_turns(void **state)
{
    (void)state;
    uint32_t first[3] = {0};
    for (int i = 0; i < 100; i++) {
        (void)build(question("www.example.test.", DNS_TYPE_A, 1), false);
        const size_t at = 12 + 18 + 4; /* the first record */
        first[message[at + 15]]++;
    }
    assert_int_equal(first[1], 50);
    assert_int_equal(first[2], 50);
}

static void test_too_large_is_truncated_whole(void **state)
{
    (void)state;
    static char text[8192] = SAMPLE_ZONE;
    for (int i = 0; i < 50; i++) {
        const size_t length = strlen(text);
        snprintf(text + length, sizeof text - length, "big TXT \"%02d 456789 123456789 123456789 123456789\"\n", i);
    }
    other_zone(text);
    assert_string_equal(summary(build(question("big.example.test.", DNS_TYPE_TXT, 1), false)), "0 aa tc 0/0/0");
    static const uint8_t opt[] = {0, 0, 41, 0xff, 0xff, 0, 0, 0, 0, 0, 0};
    size_t size = with_opt(question("big.example.test.", DNS_TYPE_TXT, 1), opt, sizeof opt);
    assert_string_equal(summary(build(size, false)), "0 aa tc 0/0/1 OPT");
    size = build(question("big.example.test.", DNS_TYPE_TXT, 1), true);
    assert_true(size > 1232);
    assert_int_equal(message[7], 50);
}

/* Whatever is asked at whatever size: the answer never exceeds what the client takes. */
static void test_sizes(void **state)
{
    (void)state;
    for (uint32_t udp_size = 0; udp_size < 1500; udp_size += 7) {
        const uint8_t opt[] = {0, 0, 41, (uint8_t)(udp_size >> 8), (uint8_t)udp_size, 0, 0, 0, 0, 0, 0};
        const size_t size = with_opt(question("mail.example.test.", DNS_TYPE_A, 1), opt, sizeof opt);
        assert_true(build(size, false) <= (udp_size < 512 ? 512 : udp_size < 1232 ? udp_size : 1232));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_questions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_before_any_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_classes_and_opcodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_edns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_endpoints_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_large_is_truncated_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
