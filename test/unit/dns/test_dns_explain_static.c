/* SPDX-License-Identifier: Apache-2.0
 * Explanations of names of zone files say what the server answers, and where it stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer_sample.h"
#include "dns/dns_explain_static.h"

static const char *explained(const char *name, uint16_t type)
{
    static char text[16384];
    struct buf buf;
    const struct dns_name wanted = sample_name(name);
    buf_init(&buf, text, sizeof text);
    dns_explain_static(catalog, &wanted, type, &home_client, &buf);
    return buf_string(&buf);
}

static void test_each_way_to_an_answer_is_named(void **state)
{
    (void)state;
    other_zone(
        "$TTL 300\n@ SOA ns1 h 7 3600 900 604800 60\n@ NS ns1\nns1 A 10.0.0.1\nalias CNAME ns1\n*.wild TXT \"x\"\n"
        "deep.ent A 10.0.0.5\nsub NS ns.sub\nns.sub A 10.0.0.6\nold DNAME new\nx.new A 10.0.0.8\n");
    static const struct {
        const char *name;
        uint16_t type;
        const char *expected;
    } cases[] = {
        {"ns1.example.test.", DNS_TYPE_A, "found     the name itself\nanswer    1 A, ttl 300 s  other:4\n"},
        {"NS1.example.test.", DNS_TYPE_MX, "none of that type (NOERROR); the name has A  other:4\nttl       60 s"},
        {"alias.example.test.", DNS_TYPE_A,
         "1 CNAME, ttl 300 s, to ns1.example.test.  other:5\n\nname      ns1.example.test. A"},
        {"alias.example.test.", DNS_TYPE_CNAME, "answer    1 CNAME, ttl 300 s  other:5\n"},
        {"a.b.wild.example.test.", DNS_TYPE_TXT, "the wildcard *.wild.example.test.\nanswer    1 TXT"},
        {"ent.example.test.", DNS_TYPE_A, "there only because of names below it"},
        {"x.sub.example.test.", DNS_TYPE_A,
         "the delegation of sub.example.test.  other:8\nanswer    a referral to its name servers "
         "ns.sub.example.test.\n"},
        {"x.old.example.test.", DNS_TYPE_A,
         "the DNAME of old.example.test. to new.example.test.  other:10\n\nname      x.new.example.test. A"},
        {"no.such.deep.ent.example.test.", DNS_TYPE_A, "the closest name that exists is deep.ent.example.test."},
        {"other.test.", DNS_TYPE_A, "none of ours"},
        {"ns1.example.test.", DNS_TYPE_ANY, "answer    1 HINFO, ttl 3600 s: ANY is not answered in full (RFC 8482)\n"},
        {"alias.example.test.", DNS_TYPE_ANY, "answer    1 CNAME, ttl 300 s  other:5\n"},
        {"ent.example.test.", DNS_TYPE_ANY, "none of that type (NOERROR)"},
        {"x.old.example.test.", DNS_TYPE_CNAME,
         "other:10\nanswer    1 DNAME, and 1 CNAME that is made from it, to x.new.example.test.\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = explained(cases[i].name, cases[i].type);
        if (strstr(text, cases[i].expected) == NULL) {
            fail_msg("%s: \"%s\" is not in:\n%s", cases[i].name, cases[i].expected, text);
        }
    }
    catalog->settings.allow = (struct dns_catalog_access){1, {{.address = {{10, 9}, 0, 4}, .prefix_bits = 16}}};
    assert_non_null(strstr(explained("ns1.example.test.", DNS_TYPE_A), "REFUSED: the client is not in `allow`"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_way_to_an_answer_is_named, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
