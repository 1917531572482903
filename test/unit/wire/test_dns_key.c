/* SPDX-License-Identifier: Apache-2.0
 * Keys that sign zones, by the examples of RFC 6605 and RFC 8080. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/dns_key.h"
#include "wire/dns_rdata_field.h"

/* RFC 6605, 6.1; RFC 8080, 6.1, both keys. */
static const struct {
    const char *zone;
    const char *text;
    enum dns_key_algorithm algorithm;
    const char *public_key;
    uint16_t tag;
    uint8_t digest[8];
} examples[] = {
    {"example.net.",
     "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\n"
     "PrivateKey: GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=\n",
     DNS_KEY_ECDSAP256SHA256,
     "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
     55648,
     {0xb4, 0xc8, 0xc1, 0xfe, 0x2e, 0x74, 0x77, 0x12}},
    {"example.com.",
     "Private-key-format: v1.2\r\nAlgorithm: 15 (ED25519)\r\n"
     "PrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\r\n",
     DNS_KEY_ED25519,
     "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
     3613,
     {0x3a, 0xa5, 0xab, 0x37, 0xef, 0xce, 0x57, 0xf7}},
    {"EXAMPLE.com.",
     "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: DSSF3o0s0f+ElWzj9E/Osxw8hLpk55chkmx0LYN5WiY=",
     DNS_KEY_ED25519,
     "zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
     35217,
     {0x40, 0x17, 0x81, 0xb9, 0x34, 0xe3, 0x92, 0xde}},
};

static void test_the_examples_of_the_rfcs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        struct dns_key key;
        struct dns_name zone;
        uint8_t expected[DNS_KEY_DATA + 1] = {1, 1, 3, (uint8_t)examples[i].algorithm};
        uint8_t ds[DNS_KEY_DS];
        struct buf buf;
        assert_int_equal(dns_key_read(span_text(examples[i].text), DNS_KEY_ZONE | DNS_KEY_ENTRY, &key), ERR_OK);
        buf_init(&buf, expected + 4, sizeof expected - 4);
        assert_true(dns_rdata_field_base64_write(span_text(examples[i].public_key), &buf));
        assert_int_equal(key.algorithm, examples[i].algorithm);
        assert_int_equal(key.data_size, buf.size + 4);
        assert_memory_equal(key.data, expected, key.data_size);
        assert_int_equal(key.tag, examples[i].tag);
        assert_int_equal(dns_name_parse(span_text(examples[i].zone), NULL, &zone), ERR_OK);
        dns_key_ds(&key, &zone, ds);
        assert_int_equal(ds[0] << 8 | ds[1], examples[i].tag);
        assert_int_equal(ds[2], examples[i].algorithm);
        assert_int_equal(ds[3], 2);
        assert_memory_equal(ds + 4, examples[i].digest, sizeof examples[i].digest);
        dns_key_fini(&key);
    }
}

/* RFC 8080, 6.1: the signature of `example.com. 3600 IN MX 10 mail.example.com.`; Ed25519 has one for each message. */
static void test_the_signature_of_rfc_8080(void **state)
{
    (void)state;
    static const char bytes[] = "\0\17\17\2\0\0\16\20\x55\xd4\xfc\x60\x55\xb9\x4c\xe0\x0e\x1d\7example\3com\0"
                                "\7example\3com\0\0\17\0\1\0\0\16\20\0\24\0\12\4mail\7example\3com";
    uint8_t expected[DNS_KEY_SIGNATURE + 2];
    uint8_t signature[DNS_KEY_SIGNATURE];
    struct dns_key key;
    struct buf buf;
    buf_init(&buf, expected, sizeof expected);
    assert_true(dns_rdata_field_base64_write(
        span_text("oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=="), &buf));
    assert_int_equal(dns_key_read(span_text(examples[1].text), DNS_KEY_ZONE | DNS_KEY_ENTRY, &key), ERR_OK);
    assert_int_equal(dns_key_sign(&key, span_of(bytes, sizeof bytes), signature), ERR_OK);
    assert_memory_equal(signature, expected, sizeof signature);
    dns_key_fini(&key);
}

static void test_a_made_key_is_read_back(void **state)
{
    (void)state;
    static const enum dns_key_algorithm all[] = {DNS_KEY_ECDSAP256SHA256, DNS_KEY_ED25519};
    for (size_t i = 0; i < 2; i++) {
        struct dns_key made;
        struct dns_key again;
        uint8_t text[DNS_KEY_TEXT];
        struct buf buf;
        buf_init(&buf, text, sizeof text);
        assert_int_equal(dns_key_generate(all[i], DNS_KEY_ZONE, &made), ERR_OK);
        assert_int_equal(dns_key_write(&made, &buf), ERR_OK);
        assert_memory_equal(text, "-----BEGIN PRIVATE KEY-----", 27);
        assert_int_equal(dns_key_read(span_of(buf.data, buf.size), DNS_KEY_ZONE, &again), ERR_OK);
        assert_int_equal(again.algorithm, all[i]);
        assert_int_equal(again.tag, made.tag);
        assert_memory_equal(again.data, made.data, made.data_size);
        dns_key_fini(&made);
        dns_key_fini(&again);
    }
}

static void test_what_is_no_key_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        {"", ERR_INVALID},
        {"nothing", ERR_INVALID},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ERR_INVALID},
        {"Private-key-format: v1.2\nAlgorithm: 8 (RSASHA256)\nModulus: AAAA\n", ERR_UNSUPPORTED},
        {"Private-key-format: v1.2\nAlgorithm: 14 (X)\nPrivateKey: AAAA\n", ERR_UNSUPPORTED},
        {"Private-key-format: v1.2\nAlgorithm: 13 (X)\nPrivateKey: AAAA\n", ERR_INVALID},
        {"Private-key-format: v1.2\nAlgorithm: 13 (X)\nPrivateKey: not base64\n", ERR_INVALID},
        {"Private-key-format: v1.2\nAlgorithm: 13 (X)\n", ERR_INVALID},
        {"Algorithm: 15\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n", ERR_INVALID},
        /* P-384 */
        {"-----BEGIN PRIVATE KEY-----\n"
         "ME4CAQAwEAYHKoZIzj0CAQYFK4EEACIENzA1AgEBBDAAAQIDBAUGBwgJCgsMDQ4P\n"
         "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8=\n-----END PRIVATE KEY-----\n",
         ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_key key;
        assert_int_equal(dns_key_read(span_text(cases[i].text), DNS_KEY_ZONE, &key), cases[i].err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_rfcs),
        cmocka_unit_test(test_the_signature_of_rfc_8080),
        cmocka_unit_test(test_a_made_key_is_read_back),
        cmocka_unit_test(test_what_is_no_key_is_refused),
    };
    return cmocka_run_group_tests_name("dns_key", tests, NULL, NULL);
}
