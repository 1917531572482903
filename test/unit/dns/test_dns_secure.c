/* SPDX-License-Identifier: Apache-2.0
 * What a signed zone owes, one test per duty; every signature is checked by a validator of the tests' own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "answer_sample.h"
#include "dns/dns_zone_sign.h"
#include "validate_sample.h"

enum { NOW = 1800000000 };

static struct dns_sign *sign;
static struct validate_answer answer;
static struct span keys[DNS_KEYFILE_ROWS];

static struct dns_keyring *keyring_of(enum dns_key_algorithm algorithm, bool split)
{
    struct dns_keyring *keyring = calloc(1, sizeof *keyring);
    struct dns_key key;
    assert_non_null(keyring);
    keyring->ttl_s = 3600;
    assert_int_equal(dns_key_generate(algorithm, DNS_KEY_ZONE | DNS_KEY_ENTRY, &key), ERR_OK);
    assert_int_equal(dns_keyring_add(keyring, &key, split ? DNS_KEYFILE_KSK : DNS_KEYFILE_CSK, DNS_KEYFILE_ACTIVE),
                     ERR_OK);
    if (split) {
        assert_int_equal(dns_key_generate(algorithm, DNS_KEY_ZONE, &key), ERR_OK);
        assert_int_equal(dns_keyring_add(keyring, &key, DNS_KEYFILE_ZSK, DNS_KEYFILE_ACTIVE), ERR_OK);
    }
    return keyring;
}

static struct dns_zone *zone(void)
{
    return catalog->zones[0];
}

static void sign_zone(struct dns_keyring *keyring)
{
    char problem[DNS_ZONE_PROBLEM] = "";
    assert_int_equal(dns_zone_sign(zone(), keyring, problem), ERR_OK);
    for (uint32_t i = 0; i < keyring->count; i++) {
        keys[i] = span_of(keyring->keys[i].key.data, keyring->keys[i].key.data_size);
    }
}

static int set_up_signed(void **state)
{
    if (set_up(state) != 0) {
        return -1;
    }
    sign = dns_sign_new();
    source.sign = sign;
    source.now_s = NOW;
    sign_zone(keyring_of(DNS_KEY_ECDSAP256SHA256, true));
    return sign != NULL ? 0 : -1;
}

static int tear_down_signed(void **state)
{
    dns_sign_free(sign);
    source.sign = NULL;
    return tear_down(state);
}

static size_t ask(const char *name, uint16_t type, uint16_t opt_flags, bool tcp)
{
    uint8_t opt[] = {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0};
    opt[7] = (uint8_t)(opt_flags >> 8);
    const size_t size = build(with_opt(question(name, type, DNS_CLASS_IN), opt, sizeof opt), tcp);
    memset(&answer, 0, offsetof(struct validate_answer, records));
    validate_read(message, size, &answer);
    return size;
}

/* Every set of the answer that has to be signed is, and nothing else: not a delegation's NS, not glue, not the CNAME
 * that a DNAME makes. */
static void expect_signed(void)
{
    const uint32_t keys_count = zone()->keyring->count;
    for (uint32_t i = 0; i < answer.count; i++) {
        const struct validate_record *record = &answer.records[i];
        if (record->type == DNS_TYPE_RRSIG) {
            continue;
        }
        const struct dns_zone_node *node = NULL;
        const bool cut = dns_zone_find(zone(), &record->owner, &node) == DNS_ZONE_CUT;
        const bool made =
            record->type == DNS_TYPE_CNAME && dns_zone_find(zone(), &record->owner, &node) == DNS_ZONE_DNAME;
        const bool unsigned_set = made || (cut && record->type != DNS_TYPE_DS && record->type != DNS_TYPE_NSEC);
        const uint32_t good = validate_set(&answer, record, keys, keys_count, source.now_s);
        assert_int_equal(good, unsigned_set ? 0 : 1);
    }
}

/* Asks with DO; the summary, and all of it validates. */
static void expect(const char *name, uint16_t type, const char *expected)
{
    const size_t size = ask(name, type, DNS_MESSAGE_DO, false);
    const char *got = summary(size);
    if (strcmp(got, expected) != 0) {
        fail_msg("%s %u: \"%s\" instead of \"%s\"", name, type, got, expected);
    }
    expect_signed();
}

static void test_answers_are_signed_for_who_asks(void **state)
{
    (void)state;
    expect("mail.example.test.", DNS_TYPE_A, "0 aa 3/0/1 A A RRSIG OPT");
    expect("MAIL.example.test.", DNS_TYPE_AAAA, "0 aa 2/0/1 AAAA RRSIG OPT");
    expect("example.test.", DNS_TYPE_SOA, "0 aa 2/0/1 SOA RRSIG OPT");
    expect("example.test.", DNS_TYPE_MX, "0 aa 2/0/1 MX RRSIG OPT");
    expect("alias2.example.test.", DNS_TYPE_AAAA, "0 aa 6/0/1 CNAME RRSIG CNAME RRSIG AAAA RRSIG OPT");
    expect("mail.example.test.", DNS_TYPE_ANY, "0 aa 2/0/1 HINFO RRSIG OPT");
    assert_string_equal(summary(ask("mail.example.test.", DNS_TYPE_A, 0, false)), "0 aa 2/0/1 A A OPT");
    assert_string_equal(summary(build(question("gone.example.test.", DNS_TYPE_A, 1), false)), "3 aa 0/1/0 SOA");
}

static void test_the_flags_of_an_answer(void **state)
{
    (void)state;
    ask("mail.example.test.", DNS_TYPE_A, DNS_MESSAGE_DO, false);
    assert_int_equal(answer.flags & 0x0020, 0);      /* AD: we validate nothing */
    assert_int_equal(answer.flags & 0x0010, 0x0010); /* CD as it came */
}

static void test_the_keys_are_at_the_apex_and_sign_themselves(void **state)
{
    (void)state;
    expect("example.test.", DNS_TYPE_DNSKEY, "0 aa 3/0/1 DNSKEY DNSKEY RRSIG OPT");
    expect("example.test.", DNS_TYPE_CDS, "0 aa 2/0/1 CDS RRSIG OPT");
    const struct validate_record *cds = validate_find(&answer, DNS_TYPE_CDS);
    uint8_t ds[DNS_KEY_DS];
    dns_key_ds(&zone()->keyring->keys[0].key, &zone()->origin, ds);
    assert_int_equal(cds->size, sizeof ds);
    assert_memory_equal(cds->data, ds, sizeof ds);
    expect("example.test.", DNS_TYPE_CDNSKEY, "0 aa 2/0/1 CDNSKEY RRSIG OPT");
    assert_memory_equal(validate_find(&answer, DNS_TYPE_CDNSKEY)->data, keys[0].data, keys[0].size);
}

static void test_a_single_key_of_the_other_algorithm(void **state)
{
    (void)state;
    other_zone(SAMPLE_ZONE);
    sign_zone(keyring_of(DNS_KEY_ED25519, false));
    expect("example.test.", DNS_TYPE_DNSKEY, "0 aa 2/0/1 DNSKEY RRSIG OPT");
    expect("mail.example.test.", DNS_TYPE_A, "0 aa 3/0/1 A A RRSIG OPT");
    expect("gone.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
}

/* RFC 9824, 3.1: the name asked for, and what comes right behind it; exactly three bits. */
static void test_a_name_that_does_not_exist(void **state)
{
    (void)state;
    static const char *const names[] = {"gone.example.test.", "a.b.c.example.test.", "x.empty.ent.example.test.",
                                        "x.there.wild.example.test.", "x.mail.example.test."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect(names[i], DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
        const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
        const struct dns_name name = sample_name(names[i]);
        static const uint8_t bits[] = {0, 17, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};
        assert_true(dns_name_equal(&nsec->owner, &name));
        assert_memory_equal(nsec->data, "\1\0", 2);
        assert_memory_equal(nsec->data + 2, name.bytes, name.size);
        assert_int_equal(nsec->size, 2U + name.size + sizeof bits);
        assert_memory_equal(nsec->data + 2 + name.size, bits, sizeof bits);
        assert_int_equal(nsec->ttl_s, 60); /* RFC 9077 */
    }
}

/* RFC 9824, 5.1. */
static void test_the_code_for_clients_that_understand_compact_answers(void **state)
{
    (void)state;
    size_t size = ask("gone.example.test.", DNS_TYPE_A, DNS_MESSAGE_DO | DNS_MESSAGE_CO, false);
    assert_string_equal(summary(size), "3 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    expect_signed();
    assert_int_equal(message[size - 4] & 0xc0, 0xc0); /* OPT's flags: DO and CO */
    size = ask("mail.example.test.", DNS_TYPE_TXT, DNS_MESSAGE_DO | DNS_MESSAGE_CO, false);
    assert_string_equal(summary(size), "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    size = ask("gone.example.test.", DNS_TYPE_A, DNS_MESSAGE_CO, false);
    assert_string_equal(summary(size), "3 aa 0/1/1 SOA OPT");
    assert_int_equal(message[size - 4] & 0xc0, 0);
    size = ask("gone.example.test.", DNS_TYPE_NXNAME, DNS_MESSAGE_DO, false);
    assert_string_equal(summary(size), "1 0/0/1 OPT");
}

static void test_a_type_that_a_name_lacks(void **state)
{
    (void)state;
    expect("mail.example.test.", DNS_TYPE_TXT, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
    assert_true(validate_bit(nsec, DNS_TYPE_A) && validate_bit(nsec, DNS_TYPE_AAAA));
    assert_true(validate_bit(nsec, DNS_TYPE_RRSIG) && validate_bit(nsec, DNS_TYPE_NSEC));
    assert_false(validate_bit(nsec, DNS_TYPE_TXT) || validate_bit(nsec, DNS_TYPE_NXNAME));
    expect("example.test.", DNS_TYPE_TXT, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    nsec = validate_find(&answer, DNS_TYPE_NSEC);
    assert_true(validate_bit(nsec, DNS_TYPE_SOA) && validate_bit(nsec, DNS_TYPE_NS));
    assert_true(validate_bit(nsec, DNS_TYPE_DNSKEY) && validate_bit(nsec, DNS_TYPE_CDS));
    expect("alias.example.test.", DNS_TYPE_TXT, "0 aa 2/4/1 CNAME RRSIG SOA RRSIG NSEC RRSIG OPT");
    expect("nowhere.example.test.", DNS_TYPE_A, "0 aa 2/4/1 CNAME RRSIG SOA RRSIG NSEC RRSIG OPT");
    assert_true(validate_bit(validate_find(&answer, DNS_TYPE_NSEC), DNS_TYPE_NXNAME));
}

static void test_an_empty_name_in_between_has_nothing_but_its_proof(void **state)
{
    (void)state;
    expect("ent.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
    const struct dns_name name = sample_name("ent.example.test.");
    static const uint8_t bits[] = {0, 6, 0, 0, 0, 0, 0, 3};
    assert_int_equal(nsec->size, 2U + name.size + sizeof bits);
    assert_memory_equal(nsec->data + 2 + name.size, bits, sizeof bits);
}

/* RFC 9824, 3.3: as if the name that was asked were there. */
static void test_a_wildcard_answers_under_the_name_that_was_asked(void **state)
{
    (void)state;
    expect("any.wild.example.test.", DNS_TYPE_TXT, "0 aa 2/0/1 TXT RRSIG OPT");
    expect("a.b.wild.example.test.", DNS_TYPE_MX, "0 aa 2/0/1 MX RRSIG OPT");
    expect("*.wild.example.test.", DNS_TYPE_TXT, "0 aa 2/0/1 TXT RRSIG OPT");
    expect("any.wild.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
    const struct dns_name name = sample_name("any.wild.example.test.");
    assert_true(dns_name_equal(&nsec->owner, &name));
    assert_true(validate_bit(nsec, DNS_TYPE_TXT) && validate_bit(nsec, DNS_TYPE_MX));
    assert_false(validate_bit(nsec, DNS_TYPE_A) || validate_bit(nsec, DNS_TYPE_NXNAME));
}

/* RFC 4035, 3.1.4; RFC 9824, 3.4: nothing below the delegation is denied. */
static void test_delegations(void **state)
{
    (void)state;
    other_zone("$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\nsafe NS ns.safe\nsafe DS 1 13 9 "
               "0102\nns.safe A 10.0.0.6\nplain NS ns.plain\nns.plain A 10.0.0.7\nplain A 10.0.0.8\n");
    sign_zone(keyring_of(DNS_KEY_ECDSAP256SHA256, true));
    expect("x.safe.example.test.", DNS_TYPE_A, "0 0/3/2 NS DS RRSIG A OPT");
    expect("safe.example.test.", DNS_TYPE_DS, "0 aa 2/0/1 DS RRSIG OPT");
    expect("x.plain.example.test.", DNS_TYPE_A, "0 0/3/2 NS NSEC RRSIG A OPT");
    const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
    static const uint8_t next[] = "\6plain\0\7example\4test";
    assert_memory_equal(nsec->data, next, sizeof next);
    assert_true(validate_bit(nsec, DNS_TYPE_NS));
    assert_false(validate_bit(nsec, DNS_TYPE_DS) || validate_bit(nsec, DNS_TYPE_SOA) || validate_bit(nsec, DNS_TYPE_A));
    expect("plain.example.test.", DNS_TYPE_DS, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    assert_memory_equal(validate_find(&answer, DNS_TYPE_NSEC)->data, next, sizeof next);
}

/* RFC 6672, 5.3.1: the CNAME that a DNAME makes is not signed. */
static void test_dname_is_signed_and_its_cname_is_not(void **state)
{
    (void)state;
    other_zone(
        "$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\nold DNAME new\nx.new A 10.0.0.4\n");
    sign_zone(keyring_of(DNS_KEY_ECDSAP256SHA256, true));
    expect("x.old.example.test.", DNS_TYPE_A, "0 aa 5/0/1 DNAME RRSIG CNAME A RRSIG OPT");
    expect("y.old.example.test.", DNS_TYPE_A, "0 aa 3/4/1 DNAME RRSIG CNAME SOA RRSIG NSEC RRSIG OPT");
}

/* Steering: whichever endpoint stands first, it is one signature; another set is another one. */
static void test_dynamic_answers_are_signed_once_for_each_set(void **state)
{
    (void)state;
    uint8_t first[2] = {0};
    for (size_t i = 0; i < 2; i++) {
        expect("www.example.test.", DNS_TYPE_A, "0 aa 3/0/1 A A RRSIG OPT");
        first[i] = answer.records[0].data[3];
    }
    assert_int_not_equal(first[0], first[1]);
    assert_int_equal(sign->made, 1);
    expect("www.example.test.", DNS_TYPE_AAAA, "0 aa 2/0/1 AAAA RRSIG OPT");
    assert_int_equal(sign->made, 2);
    view.endpoints[0].healthy = 0;
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    expect("www.example.test.", DNS_TYPE_A, "0 aa 2/0/1 A RRSIG OPT");
    assert_int_equal(sign->made, 3);
    view.endpoints[0].healthy = 1;
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    expect("www.example.test.", DNS_TYPE_A, "0 aa 3/0/1 A A RRSIG OPT");
    assert_int_equal(sign->made, 3);
    expect("toapp.example.test.", DNS_TYPE_A, "0 aa 5/0/1 CNAME RRSIG A A RRSIG OPT");
}

/* What one client does not get the next one may: the bitmap says so, and never the type that was asked. */
static void test_denial_at_a_dynamic_name_leaves_both_families_open(void **state)
{
    (void)state;
    expect("www.example.test.", DNS_TYPE_MX, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    const struct validate_record *nsec = validate_find(&answer, DNS_TYPE_NSEC);
    assert_true(validate_bit(nsec, DNS_TYPE_A) && validate_bit(nsec, DNS_TYPE_AAAA) &&
                validate_bit(nsec, DNS_TYPE_TXT));
    view.endpoints[2].healthy = 0;
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    expect("www.example.test.", DNS_TYPE_AAAA, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    nsec = validate_find(&answer, DNS_TYPE_NSEC);
    assert_true(validate_bit(nsec, DNS_TYPE_A) && !validate_bit(nsec, DNS_TYPE_AAAA));
    assert_int_equal(nsec->ttl_s, 5); /* not longer than the name itself */
}

static void test_nsec_and_rrsig_can_be_asked_for(void **state)
{
    (void)state;
    expect("mail.example.test.", DNS_TYPE_NSEC, "0 aa 2/0/1 NSEC RRSIG OPT");
    expect("mail.example.test.", DNS_TYPE_RRSIG, "0 aa 1/0/1 RRSIG OPT");
    expect("gone.example.test.", DNS_TYPE_NSEC, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
}

/* An answer whose signatures do not fit is none. */
static void test_signatures_count_for_truncation(void **state)
{
    (void)state;
    const uint8_t opt[] = {0, 0, 41, 0x02, 0x00, 0, 0, DNS_MESSAGE_DO >> 8, 0, 0, 0};
    other_zone("$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\n"
               "t TXT \"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\" "
               "\"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\" "
               "\"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\" "
               "\"123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890\"\n");
    sign_zone(keyring_of(DNS_KEY_ECDSAP256SHA256, true));
    size_t size = build(with_opt(question("t.example.test.", DNS_TYPE_TXT, 1), opt, sizeof opt), false);
    assert_string_equal(summary(size), "0 aa tc 0/0/1 OPT");
    expect("t.example.test.", DNS_TYPE_TXT, "0 aa 2/0/1 TXT RRSIG OPT");
}

/* Names that nobody has asked for before cost a signature each; there are so many in a second. */
static void test_a_flood_of_names_is_bounded(void **state)
{
    (void)state;
    char text[64];
    sign->window_s = NOW;
    sign->spent[DNS_SIGN_NAMES] = DNS_SIGN_NAMES_PER_SECOND - 1;
    expect("a.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "x%d.example.test.", i);
        assert_string_equal(summary(ask(text, DNS_TYPE_A, DNS_MESSAGE_DO, false)), "0 aa tc 0/0/1 OPT");
    }
    assert_int_equal(sign->refused, 3);
    /* What is known, what is the zone's, and clients with an address of their own are served on. */
    expect("a.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    expect("mail.example.test.", DNS_TYPE_A, "0 aa 3/0/1 A A RRSIG OPT");
    assert_string_equal(summary(ask("x1.example.test.", DNS_TYPE_A, DNS_MESSAGE_DO, true)),
                        "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    sign->spent[DNS_SIGN_PROVEN] = DNS_SIGN_NAMES_PER_SECOND;
    assert_string_equal(summary(ask("x9.example.test.", DNS_TYPE_A, DNS_MESSAGE_DO, true)), "2 0/0/1 OPT");
    source.now_s++;
    expect("x9.example.test.", DNS_TYPE_A, "0 aa 0/4/1 SOA RRSIG NSEC RRSIG OPT");
    source.now_s = NOW;
}

/* Secondaries see a new serial before the signatures that they have come to their end. */
static void test_the_serial_grows_with_time(void **state)
{
    (void)state;
    const uint32_t serial = dns_zone_sign_serial(zone(), NOW);
    assert_int_equal(serial, 7 + NOW / DNS_ZONE_SIGN_PERIOD_S);
    assert_int_equal(dns_zone_sign_serial(zone(), NOW + DNS_ZONE_SIGN_PERIOD_S), serial + 1);
    expect("example.test.", DNS_TYPE_SOA, "0 aa 2/0/1 SOA RRSIG OPT");
    const struct validate_record *soa = validate_find(&answer, DNS_TYPE_SOA);
    const uint8_t *at = soa->data + soa->size - 20;
    assert_int_equal((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3], serial);
}

static void test_the_request_to_become_unsigned(void **state)
{
    (void)state;
    other_zone(SAMPLE_ZONE);
    struct dns_keyring *keyring = keyring_of(DNS_KEY_ECDSAP256SHA256, true);
    keyring->parent = DNS_KEYRING_DELETE;
    sign_zone(keyring);
    expect("example.test.", DNS_TYPE_CDS, "0 aa 2/0/1 CDS RRSIG OPT");
    assert_memory_equal(validate_find(&answer, DNS_TYPE_CDS)->data, "\0\0\0\0\0", 5);
    assert_int_equal(validate_find(&answer, DNS_TYPE_CDS)->size, 5);
    expect("example.test.", DNS_TYPE_CDNSKEY, "0 aa 2/0/1 CDNSKEY RRSIG OPT");
    assert_memory_equal(validate_find(&answer, DNS_TYPE_CDNSKEY)->data, "\0\0\3\0\0", 5);
}

static void test_what_signing_makes_may_not_stand_in_the_file(void **state)
{
    (void)state;
    static const char *const lines[] = {"@ DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n",
                                        "x NSEC y.example.test. A\n", "@ NSEC3PARAM 1 0 0 -\n", "@ CDS 0 0 0 00\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[512];
        char problem[DNS_ZONE_PROBLEM] = "";
        snprintf(text, sizeof text, "$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\n%s",
                 lines[i]);
        other_zone(text);
        assert_int_equal(dns_zone_sign(zone(), keyring_of(DNS_KEY_ED25519, false), problem), ERR_INVALID);
        assert_non_null(strstr(problem, "other:5: a record that signing makes by itself"));
    }
}

/* The whole zone as it is transferred validates: each set that is ours has its signature, and the chain of NSEC goes
 * once round all names. Types and names as they were transferred. */
static void test_a_transferred_zone_validates(void **state)
{
    (void)state;
    static uint8_t memory[65535];
    catalog->settings.transfer_count = 1;
    catalog->settings.transfer[0] = (struct dns_catalog_network){.address = {{10, 1}, 0, 4}, .prefix_bits = 16};
    assert_int_equal(build(question("example.test.", DNS_TYPE_AXFR, 1), true), 0);
    size_t size;
    uint32_t messages = 0;
    memset(&answer, 0, offsetof(struct validate_answer, records));
    while ((size = dns_transfer_next(&transfer, memory)) > 0) {
        validate_read(memory, size, &answer);
        assert_true(size < DNS_TRANSFER_PROOFS_MESSAGE + 512); /* others wait while signatures are made */
        messages++;
    }
    assert_true(messages > 1);
    assert_int_equal(answer.records[0].type, DNS_TYPE_SOA);
    assert_int_equal(answer.records[answer.count - 1].type, DNS_TYPE_SOA);
    expect_signed();
    uint32_t links = 0;
    struct dns_name name = zone()->origin;
    do {
        const struct validate_record *nsec = NULL;
        for (uint32_t i = 0; i < answer.count; i++) {
            const struct validate_record *record = &answer.records[i];
            nsec = record->type == DNS_TYPE_NSEC && dns_name_equal(&record->owner, &name) ? record : nsec;
        }
        assert_non_null(nsec);
        for (uint32_t i = 0; nsec != NULL && i < answer.count; i++) {
            const struct validate_record *record = &answer.records[i];
            assert_true(!dns_name_equal(&record->owner, &name) || validate_bit(nsec, record->type));
        }
        struct cursor cursor;
        cursor_init(&cursor, nsec != NULL ? nsec->data : NULL, nsec != NULL ? nsec->size : 0);
        dns_name_read(&cursor, &name);
        links++;
    } while (!dns_name_equal(&name, &zone()->origin) && links < 100);
    assert_int_equal(links, zone()->chain_count);
    /* The owners of the file but ns.sub, below the cut; none.example.test is in the view alone. */
    assert_int_equal(links, 15);
}

#define SECURE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_signed, tear_down_signed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SECURE_TEST(test_answers_are_signed_for_who_asks),
        SECURE_TEST(test_the_flags_of_an_answer),
        SECURE_TEST(test_the_keys_are_at_the_apex_and_sign_themselves),
        SECURE_TEST(test_a_single_key_of_the_other_algorithm),
        SECURE_TEST(test_a_name_that_does_not_exist),
        SECURE_TEST(test_the_code_for_clients_that_understand_compact_answers),
        SECURE_TEST(test_a_type_that_a_name_lacks),
        SECURE_TEST(test_an_empty_name_in_between_has_nothing_but_its_proof),
        SECURE_TEST(test_a_wildcard_answers_under_the_name_that_was_asked),
        SECURE_TEST(test_delegations),
        SECURE_TEST(test_dname_is_signed_and_its_cname_is_not),
        SECURE_TEST(test_dynamic_answers_are_signed_once_for_each_set),
        SECURE_TEST(test_denial_at_a_dynamic_name_leaves_both_families_open),
        SECURE_TEST(test_nsec_and_rrsig_can_be_asked_for),
        SECURE_TEST(test_signatures_count_for_truncation),
        SECURE_TEST(test_a_flood_of_names_is_bounded),
        SECURE_TEST(test_the_serial_grows_with_time),
        SECURE_TEST(test_a_transferred_zone_validates),
        SECURE_TEST(test_the_request_to_become_unsigned),
        SECURE_TEST(test_what_signing_makes_may_not_stand_in_the_file),
    };
    return cmocka_run_group_tests_name("dns_secure", tests, NULL, NULL);
}
