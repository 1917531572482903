/* SPDX-License-Identifier: Apache-2.0
 * Zone transfers and signed queries, one test per duty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer_sample.h"

#define APEX "$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\n"

static void allow_transfers(void)
{
    catalog->settings.transfer_count = 1;
    catalog->settings.transfer[0] = (struct dns_catalog_network){.address = {{10, 1}, 0, 4}, .prefix_bits = 16};
}

static void test_transfers_are_for_those_who_are_allowed_over_tcp_and_of_whole_zones(void **state)
{
    (void)state;
    transfer.zone = NULL;
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_AXFR, 1), true)), "5 0/0/0");
    allow_transfers();
    assert_int_equal(build(question("example.test.", DNS_TYPE_AXFR, 1), true), 0);
    assert_ptr_equal(transfer.zone, catalog->zones[0]);
    assert_string_equal(summary(build(question("sub.example.test.", DNS_TYPE_AXFR, 1), true)), "9 0/0/0");
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_AXFR, 1), false)), "5 0/0/0");
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_IXFR, 1), false)), "0 aa 1/0/0 SOA");
    catalog->settings.transfer[0].address.bytes[1] = 2;
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_AXFR, 1), true)), "5 0/0/0");
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_IXFR, 1), false)), "5 0/0/0");
}

/* Every record once between two SOAs, in messages of which the first one has the question. */
static void test_a_transfer_holds_every_record_once_between_two_soas(void **state)
{
    (void)state;
    static char text[200000] = APEX;
    static uint8_t memory[65535];
    size_t at = strlen(text);
    for (int i = 0; i < 3000; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "n%d.x A 10.0.%d.%d\n", i, i >> 8, i & 255);
    }
    for (int i = 0; i < 60; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "big TXT \"%02d\" %0254d %0254d\n", i, i, i);
    }
    other_zone(text);
    allow_transfers();
    (void)build(question("example.test.", DNS_TYPE_AXFR, 1), true);
    uint32_t records = 0;
    uint32_t soas = 0;
    uint32_t messages = 0;
    size_t size;
    while ((size = dns_transfer_next(&transfer, memory)) > 0) {
        struct cursor cursor;
        struct dns_name name;
        cursor_init(&cursor, memory, size);
        assert_int_equal(cursor_u16be(&cursor), 0xabcd);
        assert_int_equal(cursor_u16be(&cursor), 0x8510);
        const uint16_t questions = cursor_u16be(&cursor);
        assert_int_equal(questions, messages == 0 ? 1 : 0);
        const uint16_t answers = cursor_u16be(&cursor);
        cursor_skip(&cursor, 4);
        for (uint16_t i = 0; i < questions; i++) {
            dns_name_read(&cursor, &name);
            cursor_skip(&cursor, 4);
        }
        for (uint16_t i = 0; i < answers; i++) {
            dns_name_read(&cursor, &name);
            const bool soa = cursor_u16be(&cursor) == DNS_TYPE_SOA;
            assert_true(soa || records > 0);
            soas += soa;
            records++;
            cursor_skip(&cursor, 6);
            const uint16_t length = cursor_u16be(&cursor);
            cursor_skip(&cursor, length);
        }
        assert_true(cursor_ok(&cursor));
        assert_int_equal(cursor_left(&cursor), 0);
        messages++;
    }
    assert_int_equal(records, catalog->zones[0]->records_count + 1);
    assert_int_equal(records, 3000 + 60 + 3 + 1);
    assert_int_equal(soas, 2);
    assert_true(messages > 5);
    assert_null(transfer.zone);
}

/* RFC 1995: an IXFR is answered in full, or with the SOA alone when the client has it all. */
static void test_ixfr_is_answered_in_full_or_with_the_soa(void **state)
{
    (void)state;
    static uint8_t memory[65535];
    static const struct {
        uint32_t serial;
        bool soa_only;
    } cases[] = {{6, false}, {7, true}, {8, true}, {0x80000008, false}};
    allow_transfers();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint32_t serial = cases[i].serial;
        const uint8_t soa[] = {0,
                               0,
                               6,
                               0,
                               1,
                               0,
                               0,
                               0,
                               0,
                               0,
                               22,
                               0,
                               0,
                               (uint8_t)(serial >> 24),
                               (uint8_t)(serial >> 16),
                               (uint8_t)(serial >> 8),
                               (uint8_t)serial,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               0};
        const size_t size = question("example.test.", DNS_TYPE_IXFR, 1);
        memcpy(message + size, soa, sizeof soa);
        message[9] = 1;
        assert_int_equal(build(size + sizeof soa, true), 0);
        assert_true(dns_transfer_next(&transfer, memory) > 0);
        assert_int_equal(memory[6] << 8 | memory[7], cases[i].soa_only ? 1 : (int)catalog->zones[0]->records_count + 1);
        assert_int_equal(dns_transfer_next(&transfer, memory), 0);
    }
}

static void test_signed_queries_get_signed_answers_and_keys_are_asked_for(void **state)
{
    (void)state;
    struct dns_tsig tsig;
    struct dns_tsig stranger;
    allow_transfers();
    assert_int_equal(dns_tsig_key_parse("key", "hmac-sha256", span_text("c2VjcmV0"), &catalog->settings.keys[0]),
                     ERR_OK);
    catalog->settings.keys_count = 1;
    assert_string_equal(summary(build(question("example.test.", DNS_TYPE_AXFR, 1), true)), "5 0/0/0");
    dns_tsig_client(&catalog->settings.keys[0], source.now_s, &tsig);
    size_t size = question("mail.example.test.", DNS_TYPE_AAAA, 1);
    assert_string_equal(summary(build(dns_tsig_sign(&tsig, message, size), false)), "0 aa 1/0/1 AAAA TSIG");
    /* Too late, unknown, wrong: NOTAUTH (9). */
    dns_tsig_client(&catalog->settings.keys[0], source.now_s - 1000, &tsig);
    size = question("mail.example.test.", DNS_TYPE_AAAA, 1);
    assert_string_equal(summary(build(dns_tsig_sign(&tsig, message, size), false)), "9 0/0/1 TSIG");
    struct dns_tsig_key wrong = catalog->settings.keys[0];
    wrong.secret[0] ^= 1;
    dns_tsig_client(&wrong, source.now_s, &tsig);
    size = question("example.test.", DNS_TYPE_AXFR, 1);
    assert_string_equal(summary(build(dns_tsig_sign(&tsig, message, size), true)), "9 0/0/1 TSIG");
    wrong.name.bytes[1] ^= 1;
    dns_tsig_client(&wrong, source.now_s, &stranger);
    size = question("example.test.", DNS_TYPE_AXFR, 1);
    assert_string_equal(summary(build(dns_tsig_sign(&stranger, message, size), true)), "9 0/0/1 TSIG");
    /* Each message of the transfer is signed. */
    dns_tsig_client(&catalog->settings.keys[0], source.now_s, &tsig);
    size = question("example.test.", DNS_TYPE_AXFR, 1);
    assert_int_equal(build(dns_tsig_sign(&tsig, message, size), true), 0);
    assert_true(transfer.zone != NULL && transfer.signs);
    static uint8_t memory[65535];
    size = dns_transfer_next(&transfer, memory);
    assert_true(size > 0);
    memcpy(message, memory, size);
    assert_int_equal(message[11], 1);
}

#define DUTY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DUTY(test_transfers_are_for_those_who_are_allowed_over_tcp_and_of_whole_zones),
        DUTY(test_a_transfer_holds_every_record_once_between_two_soas),
        DUTY(test_ixfr_is_answered_in_full_or_with_the_soa),
        DUTY(test_signed_queries_get_signed_answers_and_keys_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
