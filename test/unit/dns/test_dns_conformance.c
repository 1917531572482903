/* SPDX-License-Identifier: Apache-2.0
 * What an authoritative server owes, one test per duty. Zone files: test_dns_zone.c, wire/test_dns_zonefile.c and
 * wire/test_dns_rdata.c. EDNS: test_dns_edns.c. Transfers: test_dns_transfer.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer_sample.h"

#define APEX "$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\n"

/* The TTL of the first record behind the question. */
static uint32_t first_ttl(size_t size)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, DNS_MESSAGE_HEADER);
    dns_name_read(&cursor, &name);
    cursor_skip(&cursor, 4);
    dns_name_read(&cursor, &name);
    cursor_skip(&cursor, 4);
    const uint32_t ttl_s = cursor_u32be(&cursor);
    assert_true(cursor_ok(&cursor));
    return ttl_s;
}

static void test_nxdomain_and_nodata_have_soa_with_the_smaller_of_its_ttl_and_minimum(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t ttl_s;
    } cases[] = {
        {"$TTL 300\n@ SOA a h 1 1 1 1 60\n@ NS a\nmail A 1.2.3.4\n", 60},
        {"$TTL 30\n@ SOA a h 1 1 1 1 60\n@ NS a\nmail A 1.2.3.4\n", 30},
        {"$TTL 300\n@ SOA a h 1 1 1 1 0\n@ NS a\nmail A 1.2.3.4\n", 0},
        {"$TTL 300\n@ 10 SOA a h 1 1 1 1 11\n@ NS a\nmail A 1.2.3.4\n", 10},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        other_zone(cases[i].text);
        size_t size = build(question("missing.example.test.", DNS_TYPE_A, 1), false);
        assert_string_equal(summary(size), "3 aa 0/1/0 SOA");
        assert_int_equal(first_ttl(size), cases[i].ttl_s);
        size = build(question("mail.example.test.", DNS_TYPE_TXT, 1), false);
        assert_string_equal(summary(size), "0 aa 0/1/0 SOA");
        assert_int_equal(first_ttl(size), cases[i].ttl_s);
    }
}

/* RFC 4592, 2.2.1: its own example and the questions it asks. */
static void test_wildcards_as_in_rfc_4592(void **state)
{
    (void)state;
    other_zone("$TTL 300\n@ SOA ns h 1 1 1 1 60\n@ NS ns.example.com.\n@ NS ns.example.net.\n"
               "* TXT \"this is a wildcard\"\n* MX 10 host1\nsub.* TXT \"not one\"\n"
               "host1 A 192.0.2.1\n_ssh._tcp.host1 SRV 0 0 22 host1\n"
               "_ssh._tcp.host2 SRV 0 0 22 host1\nsubdel NS ns.example.com.\n"
               "subdel NS ns.example.net.\n");
    EXPECT_ANSWERS(
        {"host3.example.test.", DNS_TYPE_MX, "0 aa 1/0/0 MX"}, {"host3.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"},
        {"foo.bar.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"},
        {"host1.example.test.", DNS_TYPE_MX, "0 aa 0/1/0 SOA"}, {"sub.*.example.test.", DNS_TYPE_MX, "0 aa 0/1/0 SOA"},
        {"_telnet._tcp.host1.example.test.", DNS_TYPE_SRV, "3 aa 0/1/0 SOA"},
        {"host.subdel.example.test.", DNS_TYPE_A, "0 0/2/0 NS NS"},
        {"ghost.*.example.test.", DNS_TYPE_MX, "3 aa 0/1/0 SOA"}, {"*.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"});
}

static void test_empty_non_terminals_exist_and_stop_wildcards(void **state)
{
    (void)state;
    other_zone(APEX "* A 10.0.0.9\na.b.c TXT x\n*.w.e TXT y\n");
    EXPECT_ANSWERS(
        {"c.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"}, {"b.c.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"},
        {"x.c.example.test.", DNS_TYPE_A, "3 aa 0/1/0 SOA"}, /* closest encloser c, which has no * */
        {"e.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"}, {"w.e.example.test.", DNS_TYPE_A, "0 aa 0/1/0 SOA"},
        {"q.w.e.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"}, {"q.e.example.test.", DNS_TYPE_TXT, "3 aa 0/1/0 SOA"},
        {"q.example.test.", DNS_TYPE_A, "0 aa 1/0/0 A"});
}

static void test_cname_chains_end_somewhere_and_loops_are_bounded(void **state)
{
    (void)state;
    other_zone(APEX "a CNAME b\nb CNAME c\nc A 10.0.0.2\nself CNAME self\nout CNAME x.other.\n"
                    "gone CNAME no.thing\n*.w CNAME c\nwl.q CNAME x.wl.q2\n*.wl.q2 CNAME wl.q\n"
                    "below CNAME x.sub\nsub NS ns.other.\nempty CNAME ns1\n");
    EXPECT_ANSWERS(
        {"a.example.test.", DNS_TYPE_A, "0 aa 3/0/0 CNAME CNAME A"},
        {"a.example.test.", DNS_TYPE_CNAME, "0 aa 1/0/0 CNAME"}, {"a.example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 CNAME"},
        {"out.example.test.", DNS_TYPE_A, "0 aa 1/0/0 CNAME"},
        {"gone.example.test.", DNS_TYPE_A, "3 aa 1/1/0 CNAME SOA"},
        {"empty.example.test.", DNS_TYPE_MX, "0 aa 1/1/0 CNAME SOA"},
        {"x.w.example.test.", DNS_TYPE_A, "0 aa 2/0/0 CNAME A"},
        {"below.example.test.", DNS_TYPE_A, "0 aa 1/1/0 CNAME NS"},
        {"self.example.test.", DNS_TYPE_A, "0 aa 9/0/0 CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME"},
        {"wl.q.example.test.", DNS_TYPE_A, "0 aa 9/0/0 CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME CNAME"});
}

/* RFC 6672: the names below lead elsewhere, its own name does not; a name that gets too long is YXDOMAIN (6). */
static void test_dname_leads_the_names_below_it_elsewhere(void **state)
{
    (void)state;
    other_zone(APEX "old DNAME new\nold A 10.0.0.3\nx.new A 10.0.0.4\n*.new TXT w\naway DNAME other.\n"
                    "long DNAME a12345678901234567890123456789.b12345678901234567890123456789\nloop DNAME loop2\n"
                    "loop2 DNAME loop\nchain CNAME x.old\n");
    EXPECT_ANSWERS(
        {"old.example.test.", DNS_TYPE_A, "0 aa 1/0/0 A"}, {"old.example.test.", DNS_TYPE_DNAME, "0 aa 1/0/0 DNAME"},
        {"x.old.example.test.", DNS_TYPE_A, "0 aa 3/0/0 DNAME CNAME A"},
        {"X.OLD.example.test.", DNS_TYPE_CNAME, "0 aa 2/0/0 DNAME CNAME"},
        {"y.z.old.example.test.", DNS_TYPE_TXT, "0 aa 3/0/0 DNAME CNAME TXT"},
        {"y.old.example.test.", DNS_TYPE_A, "0 aa 2/1/0 DNAME CNAME SOA"},
        {"y.away.example.test.", DNS_TYPE_A, "0 aa 2/0/0 DNAME CNAME"},
        {"chain.example.test.", DNS_TYPE_A, "0 aa 4/0/0 CNAME DNAME CNAME A"},
        {"123456789012345678901234567890123456789012345678901234567890.1234567890123456789012345678901234567890123"
         "45678901234567890.123456789012345678901234567890123456789012345678901234567890.long.example.test.",
         DNS_TYPE_A, "6 aa 1/0/0 DNAME"});
    const char *loop = summary(build(question("x.loop.example.test.", DNS_TYPE_A, 1), false));
    assert_memory_equal(loop, "0 aa 18/0/0 ", 12);
}

static void test_delegations_have_glue_from_below_and_beside_and_no_aa(void **state)
{
    (void)state;
    other_zone(APEX "sub NS ns.sub\nsub NS ns.sub2\nsub NS ns1\nsub NS ns.other.\n"
                    "ns.sub A 10.1.0.1\nns.sub AAAA 2001:db8::1\nsub2 NS ns.sub2\nns.sub2 A 10.1.0.2\n");
    EXPECT_ANSWERS({"x.sub.example.test.", DNS_TYPE_A, "0 0/4/4 NS NS NS NS A AAAA A A"},
                   {"sub.example.test.", DNS_TYPE_NS, "0 0/4/4 NS NS NS NS A AAAA A A"},
                   {"sub.example.test.", DNS_TYPE_ANY, "0 0/4/4 NS NS NS NS A AAAA A A"},
                   {"a.b.c.sub2.example.test.", DNS_TYPE_TXT, "0 0/1/1 NS A"});
}

/* RFC 9471: what a referral needs does not get lost silently. */
static void test_glue_that_does_not_fit_sets_tc(void **state)
{
    (void)state;
    char text[4096] = APEX;
    for (int i = 0; i < 20; i++) {
        const size_t size = strlen(text);
        snprintf(text + size, sizeof text - size, "sub NS n%d.sub\nn%d.sub AAAA 2001:db8::%d\n", i, i, i);
    }
    other_zone(text);
    assert_string_equal(summary(build(question("x.sub.example.test.", DNS_TYPE_A, 1), false)), "0 tc 0/0/0");
    const size_t size = build(question("x.sub.example.test.", DNS_TYPE_A, 1), true);
    assert_memory_equal(summary(size), "0 0/20/20 ", 10);
}

static void test_ds_at_the_cut_is_answered_by_the_parent(void **state)
{
    (void)state;
    other_zone(APEX "sub NS ns.other.\nsub DS 1 13 9 00\nbare NS ns.other.\n");
    EXPECT_ANSWERS(
        {"sub.example.test.", DNS_TYPE_DS, "0 aa 1/0/0 DS"}, {"bare.example.test.", DNS_TYPE_DS, "0 aa 0/1/0 SOA"},
        {"x.sub.example.test.", DNS_TYPE_DS, "0 0/1/0 NS"}, {"example.test.", DNS_TYPE_DS, "0 aa 0/1/0 SOA"});
}

static void test_names_below_a_cut_are_occluded(void **state)
{
    (void)state;
    other_zone(APEX "sub NS ns.sub\nns.sub A 10.0.0.6\nsub A 10.0.0.7\nsub TXT hidden\nx.sub MX 1 a\n"
                    "*.sub TXT hidden\nsub2.sub NS ns.other.\nd.sub DNAME other.\n");
    EXPECT_ANSWERS(
        {"ns.sub.example.test.", DNS_TYPE_A, "0 0/1/1 NS A"}, {"sub.example.test.", DNS_TYPE_A, "0 0/1/1 NS A"},
        {"sub.example.test.", DNS_TYPE_TXT, "0 0/1/1 NS A"}, {"x.sub.example.test.", DNS_TYPE_MX, "0 0/1/1 NS A"},
        {"q.sub.example.test.", DNS_TYPE_TXT, "0 0/1/1 NS A"}, {"y.sub2.sub.example.test.", DNS_TYPE_A, "0 0/1/1 NS A"},
        {"y.d.sub.example.test.", DNS_TYPE_A, "0 0/1/1 NS A"});
}

static void test_unknown_types_are_served_by_rfc_3597(void **state)
{
    (void)state;
    other_zone(APEX "x TYPE65280 \\# 3 010203\nx TYPE1 \\# 4 0a000001\n");
    const size_t size = build(question("x.example.test.", 65280, 1), false);
    assert_string_equal(summary(size), "0 aa 1/0/0 ?");
    assert_memory_equal(message + size - 5, "\0\3\1\2\3", 5);
    EXPECT_ANSWERS({"x.example.test.", DNS_TYPE_A, "0 aa 1/0/0 A"}, {"x.example.test.", 65281, "0 aa 0/1/0 SOA"});
}

/* 0x20: the question comes back as it was asked, and names of the answer point to it. */
static void test_the_case_of_the_question_is_echoed(void **state)
{
    (void)state;
    const size_t size = build(question("mAiL.ExAmPlE.tEsT.", DNS_TYPE_A, 1), false);
    assert_string_equal(summary(size), "0 aa 2/0/0 A A");
    assert_memory_equal(message + 12, "\4mAiL\7ExAmPlE\4tEsT", 19);
    assert_memory_equal(message + 12 + 19 + 4, "\xc0\x0c", 2);
}

static void test_any_is_minimal(void **state)
{
    (void)state;
    EXPECT_ANSWERS({"mail.example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 HINFO"},
                   {"www.example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 HINFO"},
                   {"ent.example.test.", DNS_TYPE_ANY, "0 aa 0/1/0 SOA"},
                   {"alias.example.test.", DNS_TYPE_ANY, "0 aa 1/0/0 CNAME"});
}

static void test_chaos_tells_only_what_is_configured(void **state)
{
    (void)state;
    static const char *const names[] = {"version.bind.", "version.server.", "hostname.bind.", "id.server.",
                                        "authors.bind."};
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(summary(build(question(names[i], DNS_TYPE_TXT, DNS_CLASS_CH), false)), "5 0/0/0");
    }
    snprintf(catalog->settings.identity, DNS_CATALOG_TEXT, "taiwan");
    snprintf(catalog->settings.version, DNS_CATALOG_TEXT, "1");
    for (size_t i = 0; i < 5; i++) {
        const size_t size = build(question(names[i], DNS_TYPE_TXT, DNS_CLASS_CH), false);
        assert_string_equal(summary(size), i < 4 ? "0 aa 1/0/0 TXT" : "5 0/0/0");
        const char *text = i < 2 ? "\0\3\0\0\0\0\0\2\0011" : "\0\3\0\0\0\0\0\7\6taiwan";
        const size_t length = i < 2 ? 10 : 15;
        assert_memory_equal(message + size - (i < 4 ? length : 0), text, i < 4 ? length : 0);
    }
    assert_string_equal(summary(build(question("ID.server.", DNS_TYPE_A, DNS_CLASS_CH), false)), "0 aa 0/0/0");
}

static void test_notify_update_and_other_opcodes_are_notimp(void **state)
{
    (void)state;
    for (uint8_t opcode = 1; opcode < 16; opcode++) {
        const size_t size = question("example.test.", DNS_TYPE_SOA, 1);
        message[2] = (uint8_t)(opcode << 3);
        const size_t answer = build(size, false);
        assert_int_equal(answer, DNS_MESSAGE_HEADER);
        assert_int_equal(message[2], 0x80 | opcode << 3);
        assert_int_equal(message[3] & 15, DNS_RCODE_NOTIMP);
        assert_memory_equal(message + 4, "\0\0\0\0\0\0\0\0", 8);
    }
}

static void test_answers_and_fragments_get_silence_and_broken_queries_formerr(void **state)
{
    (void)state;
    size_t size = question("mail.example.test.", DNS_TYPE_A, 1);
    for (size_t cut = 0; cut < size; cut++) {
        (void)question("mail.example.test.", DNS_TYPE_A, 1);
        const size_t answer = build(cut, false);
        assert_int_equal(answer, cut < 12 ? 0 : 12);
        assert_true(cut < 12 || (message[3] & 15) == DNS_RCODE_FORMERR);
    }
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    message[2] |= 0x80;
    assert_int_equal(build(size, false), 0);
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    assert_true(build(size + 1, false) > 0); /* a byte behind the last record */
    assert_int_equal(message[3] & 15, DNS_RCODE_FORMERR);
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    message[5] = 2;
    assert_true(build(size, false) > 0);
    assert_int_equal(message[3] & 15, DNS_RCODE_FORMERR);
    size = question("mail.example.test.", DNS_TYPE_A, 1);
    message[12] = 0xc0; /* a question that points */
    assert_true(build(size, false) > 0);
    assert_int_equal(message[3] & 15, DNS_RCODE_FORMERR);
}

/* ---- several zones ---- */

static struct dns_zone *zone_of(const char *origin_text, const char *text)
{
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    struct dns_zone_dynamic dynamic = {.ttl_s = 5, .endpoint = "web"};
    const struct dns_name origin = sample_name(origin_text);
    const enum err named = dns_name_parse(span_text("app"), &origin, &dynamic.name);
    assert_int_equal(named, ERR_OK);
    const enum err err =
        dns_zone_parse("more", span_text(text), &(struct dns_zone_want){&origin, &dynamic, 1, false}, problem, &zone);
    if (err != ERR_OK) {
        fail_msg("%s", problem);
    }
    return zone;
}

static void expect_of_several_zones(void)
{
    EXPECT_ANSWERS({"sub.example.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"},
                   {"x.sub.example.test.", DNS_TYPE_A, "3 aa 0/1/0 SOA"},
                   {"sub.example.test.", DNS_TYPE_DS, "0 aa 1/0/0 DS"}, /* the parent's, which is here */
                   {"other.test.", DNS_TYPE_DS, "0 aa 0/1/0 SOA"}, {"xsub.example.test.", DNS_TYPE_A, "3 aa 0/1/0 SOA"},
                   {"xother.test.", DNS_TYPE_A, "5 0/0/0"}, {"app.other.test.", DNS_TYPE_A, "0 aa 2/0/0 A A"},
                   {"app.sub.example.test.", DNS_TYPE_AAAA, "0 aa 1/0/0 AAAA"},
                   {"www.example.test.", DNS_TYPE_A, "0 aa 2/0/0 A A"},
                   {"up.other.test.", DNS_TYPE_A, "0 aa 3/0/0 CNAME A A"}, /* on through the other zone */
                   {"away.example.test.", DNS_TYPE_A, "3 aa 1/1/0 CNAME SOA"});
}

static void test_several_zones_and_the_longest_one_answers(void **state)
{
    (void)state;
    static const char text[] = "$TTL 60\n@ SOA ns h 9 1 1 1 60\n@ NS ns\n@ TXT here\nup CNAME mail.example.test.\n";
    assert_int_equal(dns_catalog_add(catalog, zone_of("sub.example.test.", text)), ERR_OK);
    assert_int_equal(dns_catalog_add(catalog, zone_of("other.test.", text)), ERR_OK);
    struct dns_zone *twice = zone_of("Other.test.", text);
    assert_int_equal(dns_catalog_add(catalog, twice), ERR_EXISTS);
    dns_zone_free(twice);
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    assert_int_equal(catalog->dynamic_count, 4);
    assert_null(catalog->index); /* it was made of one zone */
    expect_of_several_zones();
    assert_int_equal(dns_catalog_index(catalog), ERR_OK);
    expect_of_several_zones();
}

/* The address that asks counts, not the subnet that it names. */
static void test_who_may_not_ask_is_refused(void **state)
{
    (void)state;
    static const char text[] = "$TTL 60\n@ SOA ns h 9 1 1 1 60\n@ NS ns\n@ TXT here\nup CNAME mail.example.test.\n";
    struct dns_zone *zone = zone_of("other.test.", text);
    const struct dns_catalog_access own = {1, {{.address = {{10, 1}, 0, 4}, .prefix_bits = 16}}};
    assert_int_equal(dns_catalog_restrict(zone, &own), ERR_OK);
    assert_int_equal(dns_catalog_add(catalog, zone), ERR_OK);
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    memcpy(catalog->settings.identity, "here", 5);
    catalog->settings.allow = (struct dns_catalog_access){1, {{.address = {{10, 9}, 0, 4}, .prefix_bits = 16}}};
    size_t size = question("id.server.", DNS_TYPE_TXT, DNS_CLASS_CH);
    assert_true(build(size, false) > 0);
    assert_int_equal(message[3] & 15, DNS_RCODE_REFUSED);
    EXPECT_ANSWERS({"www.example.test.", DNS_TYPE_A, "5 0/0/0"}, {"no.example.test.", DNS_TYPE_A, "5 0/0/0"},
                   {"other.test.", DNS_TYPE_TXT, "0 aa 1/0/0 TXT"},
                   {"up.other.test.", DNS_TYPE_A, "0 aa 1/0/0 CNAME"}); /* not on into a zone that it may not see */
    catalog->settings.transfer_count = 1;
    catalog->settings.transfer[0] = own.networks[0];
    EXPECT_ANSWERS({"example.test.", DNS_TYPE_SOA, "0 aa 1/0/0 SOA"});
    catalog->settings.transfer_count = 0;
    catalog->settings.allow.networks[0].address.bytes[1] = 1;
    EXPECT_ANSWERS({"www.example.test.", DNS_TYPE_A, "0 aa 2/0/0 A A"},
                   {"up.other.test.", DNS_TYPE_A, "0 aa 3/0/0 CNAME A A"});
}

#define DUTY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DUTY(test_nxdomain_and_nodata_have_soa_with_the_smaller_of_its_ttl_and_minimum),
        DUTY(test_wildcards_as_in_rfc_4592),
        DUTY(test_empty_non_terminals_exist_and_stop_wildcards),
        DUTY(test_cname_chains_end_somewhere_and_loops_are_bounded),
        DUTY(test_dname_leads_the_names_below_it_elsewhere),
        DUTY(test_delegations_have_glue_from_below_and_beside_and_no_aa),
        DUTY(test_glue_that_does_not_fit_sets_tc),
        DUTY(test_ds_at_the_cut_is_answered_by_the_parent),
        DUTY(test_names_below_a_cut_are_occluded),
        DUTY(test_unknown_types_are_served_by_rfc_3597),
        DUTY(test_the_case_of_the_question_is_echoed),
        DUTY(test_any_is_minimal),
        DUTY(test_chaos_tells_only_what_is_configured),
        DUTY(test_notify_update_and_other_opcodes_are_notimp),
        DUTY(test_answers_and_fragments_get_silence_and_broken_queries_formerr),
        DUTY(test_several_zones_and_the_longest_one_answers),
        DUTY(test_who_may_not_ask_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
