/* SPDX-License-Identifier: Apache-2.0
 * TSIG: what a client of ours signs a server of ours takes, nothing else; a message signed by dnspython. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_message.h"
#include "wire/dns_tsig.h"

enum { NOW = 1700000000 };

static uint8_t message[1024];
static struct dns_tsig_key keys[2];

static void make_keys(const char *algorithm)
{
    assert_int_equal(dns_tsig_key_parse("Other.", algorithm, span_text("b3RoZXI="), &keys[0]), ERR_OK);
    assert_int_equal(dns_tsig_key_parse("Key.test", algorithm, span_text("c2VjcmV0IG9mIHRoZSB0ZXN0"), &keys[1]),
                     ERR_OK);
}

/* A query for a.b A; its size. */
static size_t query(void)
{
    static const uint8_t bytes[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 1, 'b', 0, 0, 1, 0, 1};
    memcpy(message, bytes, sizeof bytes);
    return sizeof bytes;
}

static enum dns_tsig_error begin(size_t size, size_t at, uint64_t now_s)
{
    struct dns_tsig tsig;
    if (dns_tsig_begin(span_of(message, size), at, keys, 2, now_s, &tsig) != ERR_OK) {
        return (enum dns_tsig_error)1;
    }
    return tsig.error;
}

static void test_signed_and_checked(void **state)
{
    (void)state;
    static const char *const algorithms[] = {"hmac-sha256", "hmac-sha384", "hmac-sha512"};
    for (size_t i = 0; i < 3; i++) {
        struct dns_tsig tsig;
        struct dns_message_query parsed;
        make_keys(algorithms[i]);
        dns_tsig_client(&keys[1], NOW, &tsig);
        const size_t at = query();
        const size_t size = dns_tsig_sign(&tsig, message, at);
        assert_true(size - at <= DNS_TSIG_MOST);
        assert_int_equal(dns_message_parse(message, size, &parsed), DNS_MESSAGE_GOOD);
        assert_int_equal(parsed.tsig_at, at);
        assert_int_equal(begin(size, at, NOW), DNS_TSIG_GOOD);
        assert_int_equal(begin(size, at, NOW + 300), DNS_TSIG_GOOD);
        assert_int_equal(begin(size, at, NOW + 301), DNS_TSIG_BADTIME);
        assert_int_equal(begin(size, at, NOW - 301), DNS_TSIG_BADTIME);
        /* Another id is what a forwarder may have given it (RFC 8945, 5.1.3). */
        message[0] ^= 0xff;
        assert_int_equal(begin(size, at, NOW), DNS_TSIG_GOOD);
        message[0] ^= 0xff;
        /* Any other bit must not change. */
        for (size_t byte = 2; byte < size; byte++) {
            message[byte] ^= 1;
            assert_int_not_equal(begin(size, at, NOW), DNS_TSIG_GOOD);
            message[byte] ^= 1;
        }
        for (size_t cut = at + 1; cut < size; cut++) {
            assert_int_equal(begin(cut, at, NOW), 1);
        }
    }
}

static void test_unknown_keys_and_wrong_secrets(void **state)
{
    (void)state;
    struct dns_tsig tsig;
    struct dns_tsig_key stranger;
    make_keys("hmac-sha256");
    assert_int_equal(dns_tsig_key_parse("who.test", "hmac-sha256", span_text("c2VjcmV0"), &stranger), ERR_OK);
    dns_tsig_client(&stranger, NOW, &tsig);
    const size_t at = query();
    size_t size = dns_tsig_sign(&tsig, message, at);
    assert_int_equal(dns_tsig_begin(span_of(message, size), at, keys, 2, NOW, &tsig), ERR_OK);
    assert_int_equal(tsig.error, DNS_TSIG_BADKEY);
    /* The answer to it carries no signature, but says so. */
    size = dns_tsig_sign(&tsig, message, at);
    assert_int_equal(size - at, 10 + 10 + 13 + 16);
    assert_memory_equal(message + size - 8, "\0\0\x12\x34\0\x11\0\0", 8);
    assert_int_equal(dns_tsig_key_parse("key.test", "hmac-sha256", span_text("c2VjcmV0"), &stranger), ERR_OK);
    dns_tsig_client(&stranger, NOW, &tsig);
    size = dns_tsig_sign(&tsig, message, query());
    assert_int_equal(begin(size, at, NOW), DNS_TSIG_BADSIG);
    assert_int_equal(dns_tsig_key_parse("key.test", "hmac-sha512", span_text("c2VjcmV0IG9mIHRoZSB0ZXN0"), &stranger),
                     ERR_OK);
    dns_tsig_client(&stranger, NOW, &tsig);
    size = dns_tsig_sign(&tsig, message, query());
    assert_int_equal(begin(size, at, NOW), DNS_TSIG_BADKEY);
}

/* dns.message of dnspython with the same key and time. */
static void test_a_message_of_dnspython(void **state)
{
    (void)state;
    static const uint8_t theirs[] = {
        0x12, 0x34, 0x01, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x61, 0x01, 0x62, 0x00,
        0x00, 0x01, 0x00, 0x01, 0x03, 0x6b, 0x65, 0x79, 0x04, 0x74, 0x65, 0x73, 0x74, 0x00, 0x00, 0xfa, 0x00,
        0xff, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3d, 0x0b, 0x68, 0x6d, 0x61, 0x63, 0x2d, 0x73, 0x68, 0x61, 0x32,
        0x35, 0x36, 0x00, 0x00, 0x00, 0x65, 0x53, 0xf1, 0x00, 0x01, 0x2c, 0x00, 0x20, 0x17, 0x65, 0x5f, 0x29,
        0xe0, 0x3e, 0x3d, 0x7d, 0x36, 0xfc, 0x32, 0x4b, 0x5c, 0x9f, 0x32, 0x31, 0x7d, 0x95, 0xe9, 0xf1, 0xba,
        0xd2, 0x1c, 0x23, 0xc2, 0x32, 0xfe, 0xfa, 0xff, 0x69, 0x5d, 0x8e, 0x12, 0x34, 0x00, 0x00, 0x00, 0x00,
    };
    make_keys("hmac-sha256");
    memcpy(message, theirs, sizeof theirs);
    assert_int_equal(begin(sizeof theirs, 21, NOW), DNS_TSIG_GOOD);
    struct dns_tsig tsig;
    dns_tsig_client(&keys[1], NOW, &tsig);
    const size_t size = dns_tsig_sign(&tsig, message, query());
    assert_int_equal(size, sizeof theirs);
    assert_memory_equal(message, theirs, sizeof theirs);
}

static void test_keys(void **state)
{
    (void)state;
    struct dns_tsig_key key;
    assert_int_equal(dns_tsig_key_parse("a..b", "hmac-sha256", span_text("YQ=="), &key), ERR_INVALID);
    assert_int_equal(dns_tsig_key_parse("a", "hmac-md5", span_text("YQ=="), &key), ERR_UNSUPPORTED);
    assert_int_equal(dns_tsig_key_parse("a", "hmac-sha256", span_text("YQ="), &key), ERR_INVALID);
    assert_int_equal(dns_tsig_key_parse("a", "hmac-sha256", span_text(""), &key), ERR_INVALID);
    char name[DNS_TSIG_NAME + 2];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    name[30] = '.';
    assert_int_equal(dns_tsig_key_parse(name, "hmac-sha256", span_text("YQ=="), &key), ERR_TOO_LARGE);
    assert_int_equal(dns_tsig_key_parse(name + 4, "hmac-sha256", span_text("YQ=="), &key), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_and_checked),
        cmocka_unit_test(test_unknown_keys_and_wrong_secrets),
        cmocka_unit_test(test_a_message_of_dnspython),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
