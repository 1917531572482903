/* SPDX-License-Identifier: Apache-2.0
 * DNS cookies against the examples of RFC 9018, appendix A, and everything that must not be taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_cookie.h"

static const uint8_t *hex(const char *text, uint8_t *memory)
{
    for (size_t i = 0; text[2 * i] != 0; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        memory[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return memory;
}

static struct dns_cookie_secrets secrets_of(const char *text)
{
    struct dns_cookie_secrets secrets = {0};
    assert_int_equal(dns_cookie_secrets_parse(span_text(text), &secrets), ERR_OK);
    return secrets;
}

static void check(const char *secrets_text, const char *address, const char *cookie, uint32_t now_s,
                  enum dns_cookie_verdict verdict, const char *expected)
{
    uint8_t memory[3][64];
    uint8_t got[DNS_COOKIE_BYTES];
    const struct dns_cookie_secrets secrets = secrets_of(secrets_text);
    const struct span value = span_of(hex(cookie, memory[0]), strlen(cookie) / 2);
    const struct span where = span_of(hex(address, memory[1]), strlen(address) / 2);
    assert_int_equal(dns_cookie_check(&secrets, value, where, now_s, got), verdict);
    assert_memory_equal(got, hex(expected, memory[2]), DNS_COOKIE_BYTES);
}

#define SECRET  "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define OLD6    "dd3bdf9344b678b185a6f5cb60fca715"
#define NEW6    "445536bcd2513298075a5d379663c962"
#define CLIENT6 "20010db80220000159ded0f4876982b8"

static void test_rfc_9018_a1_a_new_cookie(void **state)
{
    (void)state;
    check(SECRET, "c6336464", "2464c4abcf10c957", 1559731985, DNS_COOKIE_NEW,
          "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
}

static void test_rfc_9018_a2_the_same_client_later(void **state)
{
    (void)state;
    check(SECRET, "c6336464", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, DNS_COOKIE_GOOD,
          "2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    /* Half an hour long the same one comes back. */
    check(SECRET, "c6336464", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559731985 + 1800, DNS_COOKIE_GOOD,
          "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
}

static void test_rfc_9018_a3_reserved_bytes_are_hashed_as_they_came(void **state)
{
    (void)state;
    check(SECRET, "cb0071cb", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, DNS_COOKIE_BAD,
          "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
    /* That one is older than an hour; within it is good. */
    uint8_t memory[2][64];
    uint8_t got[DNS_COOKIE_BYTES];
    const struct dns_cookie_secrets secrets = secrets_of(SECRET);
    const struct span value = span_of(hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", memory[0]), 24);
    assert_int_equal(dns_cookie_check(&secrets, value, span_of(hex("cb0071cb", memory[1]), 4), 1559728000, got),
                     DNS_COOKIE_GOOD);
}

static void test_rfc_9018_a4_two_secrets_and_ipv6(void **state)
{
    (void)state;
    check(NEW6 "\n" OLD6 "\n", CLIENT6, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, DNS_COOKIE_GOOD,
          "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
    check(NEW6, CLIENT6, "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, DNS_COOKIE_BAD,
          "22681ab97d52c298010000005cf7c609a6bb79d16625507a");
}

static void test_what_is_not_ours(void **state)
{
    (void)state;
    static const char good[] = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    const struct dns_cookie_secrets secrets = secrets_of(SECRET);
    uint8_t memory[64];
    uint8_t got[DNS_COOKIE_BYTES];
    const struct span address = span_of("\306\63\144\144", 4);
    const struct span other = span_of("\306\63\144\145", 4);
    const struct span cookie = span_of(hex(good, memory), 24);
    const uint32_t made_s = 1559731985;
    assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s, got), DNS_COOKIE_GOOD);
    assert_int_equal(dns_cookie_check(&secrets, cookie, other, made_s, got), DNS_COOKIE_BAD);
    assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s + 3600, got), DNS_COOKIE_GOOD);
    assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s + 3601, got), DNS_COOKIE_BAD);
    assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s - 300, got), DNS_COOKIE_GOOD);
    assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s - 301, got), DNS_COOKIE_BAD);
    for (size_t size = 16; size <= DNS_COOKIE_MOST; size++) {
        assert_int_equal(dns_cookie_check(&secrets, span_of(memory, size), address, made_s, got),
                         size == 24 ? DNS_COOKIE_GOOD : DNS_COOKIE_BAD);
    }
    for (size_t i = 0; i < 24; i++) {
        memory[i] ^= 1;
        assert_int_equal(dns_cookie_check(&secrets, cookie, address, made_s, got), DNS_COOKIE_BAD);
        memory[i] ^= 1;
    }
}

static void test_secrets(void **state)
{
    (void)state;
    struct dns_cookie_secrets secrets;
    static const char *const bad[] = {"",
                                      "e5",
                                      SECRET "0",
                                      SECRET " " SECRET " " SECRET,
                                      SECRET " e5",
                                      "g5e973e5a6b2a43f48e7dc849e37bfcf",
                                      "e5e973e5a6b2a43f 48e7dc849e37bfcf"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(dns_cookie_secrets_parse(span_text(bad[i]), &secrets), ERR_INVALID);
    }
    assert_int_equal(secrets_of(SECRET "\n").count, 1);
    assert_int_equal(secrets_of("  " OLD6 "\r\n" NEW6).count, 2);
    assert_memory_equal(secrets_of(SECRET).secrets[0], "\xe5\xe9\x73\xe5", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_9018_a1_a_new_cookie),
        cmocka_unit_test(test_rfc_9018_a2_the_same_client_later),
        cmocka_unit_test(test_rfc_9018_a3_reserved_bytes_are_hashed_as_they_came),
        cmocka_unit_test(test_rfc_9018_a4_two_secrets_and_ipv6),
        cmocka_unit_test(test_what_is_not_ours),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
