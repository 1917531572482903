/* SPDX-License-Identifier: Apache-2.0
 * When a signature is kept, when it is made anew, and for how long it is good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/dns_sign.h"
#include "wire/dns_type.h"
#include "zone_sample.h"

enum { NOW = 1800000000 };

static struct dns_sign *sign;
static struct dns_keyring *keyring;
static struct dns_name zone;

static int set_up(void **state)
{
    (void)state;
    struct dns_key key;
    sign = dns_sign_new();
    keyring = calloc(1, sizeof *keyring);
    zone = sample_name("example.test.");
    if (sign == NULL || keyring == NULL ||
        dns_key_generate(DNS_KEY_ED25519, DNS_KEY_ZONE | DNS_KEY_ENTRY, &key) != ERR_OK ||
        dns_keyring_add(keyring, &key, DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE) != ERR_OK) {
        return -1;
    }
    sign->now_s = NOW;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dns_sign_free(sign);
    dns_keyring_free(keyring);
    return 0;
}

static uint32_t u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* A set of TXT with those texts, signed; the RRSIG's data. */
static size_t rrsig(const char *owner, uint32_t ttl_s, const char *a, const char *b, uint8_t data[DNS_SIGN_RDATA])
{
    const struct dns_name name = sample_name(owner);
    struct dns_zone_data second = {NULL, b != NULL ? span_text(b) : span_of(NULL, 0)};
    struct dns_zone_data first = {b != NULL ? &second : NULL, span_text(a)};
    const struct dns_zone_set set = {
        .data = &first, .ttl_s = ttl_s, .count = b != NULL ? 2 : 1, .type = DNS_TYPE_TXT, .sum = dns_sign_sum(&first)};
    return dns_sign_rrsig(sign, &(struct dns_sign_want){&zone, &name, &set}, &keyring->keys[0], DNS_SIGN_DATA, data);
}

static void test_the_same_set_is_signed_once_in_any_order(void **state)
{
    (void)state;
    uint8_t one[DNS_SIGN_RDATA];
    uint8_t two[DNS_SIGN_RDATA];
    const size_t size = rrsig("a.example.test.", 60, "\1x", "\1y", one);
    assert_int_equal(size, 18U + zone.size + DNS_KEY_SIGNATURE);
    assert_int_equal(rrsig("a.example.test.", 60, "\1y", "\1x", two), size);
    assert_memory_equal(one, two, size);
    assert_int_equal(sign->made, 1);
}

static void test_another_owner_ttl_or_data_is_another_set(void **state)
{
    (void)state;
    uint8_t data[DNS_SIGN_RDATA];
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", NULL, data), 0);
    assert_int_not_equal(rrsig("b.example.test.", 60, "\1x", NULL, data), 0);
    assert_int_not_equal(rrsig("a.example.test.", 61, "\1x", NULL, data), 0);
    assert_int_equal(u32(data + 4), 61);
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1z", NULL, data), 0);
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", "\1x", data), 0);
    assert_int_equal(sign->made, 5);
}

static void test_how_long_a_signature_is_good(void **state)
{
    (void)state;
    uint8_t data[DNS_SIGN_RDATA];
    uint32_t first = 0;
    bool differ = false;
    for (char owner[] = "a.example.test."; owner[0] <= 'z'; owner[0]++) {
        assert_int_not_equal(rrsig(owner, 60, "\1x", NULL, data), 0);
        assert_int_equal(u32(data + 12), NOW - DNS_SIGN_BEFORE_S);
        const uint32_t left_s = u32(data + 8) - NOW;
        assert_true(left_s <= DNS_SIGN_VALID_S && left_s > DNS_SIGN_VALID_S - DNS_SIGN_JITTER_S);
        differ = differ || (first != 0 && first != left_s);
        first = left_s;
    }
    assert_true(differ);
}

static void test_a_signature_is_made_anew_before_its_end(void **state)
{
    (void)state;
    uint8_t data[DNS_SIGN_RDATA];
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", NULL, data), 0);
    const uint32_t end_s = u32(data + 8);
    sign->now_s = end_s - DNS_SIGN_REFRESH_S - 1;
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", NULL, data), 0);
    assert_int_equal(u32(data + 8), end_s);
    sign->now_s++;
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", NULL, data), 0);
    assert_true(u32(data + 8) > end_s);
    assert_int_equal(sign->made, 2);
    /* A clock that was set back: not yet good for anybody. */
    sign->now_s = NOW;
    assert_int_not_equal(rrsig("a.example.test.", 60, "\1x", NULL, data), 0);
    assert_int_equal(u32(data + 12), NOW - DNS_SIGN_BEFORE_S);
}

static void test_what_was_used_longest_ago_makes_room(void **state)
{
    (void)state;
    uint8_t data[DNS_SIGN_RDATA];
    const uint32_t most = DNS_SIGN_BUCKETS * DNS_SIGN_WAYS;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        char owner[64];
        snprintf(owner, sizeof owner, "n%u.example.test.", i);
        assert_int_not_equal(rrsig(owner, 60, "\1x", NULL, data), 0);
        /* Asked for all the time, so it stays. */
        assert_int_not_equal(rrsig("hot.example.test.", 60, "\1x", NULL, data), 0);
        sign->spent[DNS_SIGN_DATA] = 0;
    }
    assert_int_equal(sign->made, 2001);
    for (uint32_t i = 0; i < most; i++) {
        seen += sign->tables[0][i].id[1] != 0;
        assert_true(sign->tables[1][i].id[1] == 0); /* the client's names have a place of their own */
    }
    assert_true(seen > 1900);
}

static void test_a_greater_zone_gets_more_room_and_loses_nothing(void **state)
{
    (void)state;
    uint8_t data[DNS_SIGN_RDATA];
    const uint64_t buckets = sign->buckets[0];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 500; i++) {
            char owner[64];
            snprintf(owner, sizeof owner, "n%d.example.test.", i);
            assert_int_not_equal(rrsig(owner, 60, "\1x", NULL, data), 0);
        }
        assert_int_equal(sign->made, 500);
        dns_sign_room(sign, buckets); /* there is */
        assert_true(sign->buckets[0] == buckets || round == 1);
        dns_sign_room(sign, buckets * DNS_SIGN_WAYS + 1);
        assert_true(sign->buckets[0] == buckets * 4 && sign->buckets[1] == buckets);
    }
}

static void test_a_key_signs_only_what_it_is_for(void **state)
{
    (void)state;
    static const struct {
        enum dns_keyfile_role role;
        enum dns_keyfile_state state;
        bool keys;
        bool data;
        bool announced;
    } cases[] = {
        {DNS_KEYFILE_KSK, DNS_KEYFILE_PUBLISHED, true, false, true},
        {DNS_KEYFILE_KSK, DNS_KEYFILE_ACTIVE, true, false, true},
        {DNS_KEYFILE_KSK, DNS_KEYFILE_RETIRED, true, false, false},
        {DNS_KEYFILE_ZSK, DNS_KEYFILE_PUBLISHED, false, false, false},
        {DNS_KEYFILE_ZSK, DNS_KEYFILE_ACTIVE, false, true, false},
        {DNS_KEYFILE_ZSK, DNS_KEYFILE_RETIRED, false, false, false},
        {DNS_KEYFILE_CSK, DNS_KEYFILE_PUBLISHED, true, false, true},
        {DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE, true, true, true},
        {DNS_KEYFILE_CSK, DNS_KEYFILE_RETIRED, true, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_keyring_key key = {.role = cases[i].role, .state = cases[i].state};
        assert_int_equal(dns_keyring_signs(&key, DNS_TYPE_DNSKEY, true), cases[i].keys);
        assert_int_equal(dns_keyring_signs(&key, DNS_TYPE_CDS, true), cases[i].keys);
        assert_int_equal(dns_keyring_signs(&key, DNS_TYPE_CDNSKEY, true), cases[i].keys);
        assert_int_equal(dns_keyring_signs(&key, DNS_TYPE_SOA, true), cases[i].data);
        assert_int_equal(dns_keyring_signs(&key, DNS_TYPE_DNSKEY, false), cases[i].data);
        assert_int_equal(dns_keyring_announced(&key), cases[i].announced);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_same_set_is_signed_once_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_owner_ttl_or_data_is_another_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_how_long_a_signature_is_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_signature_is_made_anew_before_its_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_used_longest_ago_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_greater_zone_gets_more_room_and_loses_nothing, set_up, tear_down),
        cmocka_unit_test(test_a_key_signs_only_what_it_is_for),
    };
    return cmocka_run_group_tests_name("dns_sign", tests, NULL, NULL);
}
