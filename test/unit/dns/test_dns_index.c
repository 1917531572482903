/* SPDX-License-Identifier: Apache-2.0
 * The index of names says what a walk through the zones says, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns/dns_index.h"
#include "zone_sample.h"

static void test_names_of_the_zone_alone_are_in_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool in;
    } cases[] = {
        {"example.test.", true},
        {"mail.example.test.", true},
        {"www.example.test.", true},
        {"alias.example.test.", true},
        {"ent.example.test.", true}, /* exists, without records */
        {"wild.example.test.", true},
        {"*.wild.example.test.", true},
        {"x.wild.example.test.", false},
        {"sub.example.test.", false}, /* a delegation */
        {"ns.sub.example.test.", false},
        {"missing.example.test.", false},
        {"test.", false},
        {"xexample.test.", false},
        {".", false},
    };
    struct dns_zone *zone = sample_zone();
    struct dns_index *index = dns_index_make(&zone, 1);
    assert_non_null(index);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_name name = sample_name(cases[i].name);
        const struct dns_index_entry *entry = dns_index_find(index, &name);
        const struct dns_zone_node *node = NULL;
        if ((entry != NULL) != cases[i].in) {
            fail_msg("%s", cases[i].name);
        }
        if (entry != NULL) {
            assert_int_equal(dns_zone_find(zone, &name, &node), DNS_ZONE_EXACT);
            assert_ptr_equal(entry->node, node);
            assert_ptr_equal(entry->zone, zone);
        }
    }
    free(index);
    dns_zone_free(zone);
}

static const struct dns_zone *zone_of(const struct dns_index *index, const struct dns_name *name)
{
    const struct dns_index_entry *entry = dns_index_find(index, name);
    return entry != NULL ? entry->zone : NULL;
}

/* A name of the zone above that the zone below has, or would have to have, is the latter's. */
static void test_a_zone_below_hides_names_of_the_one_above(void **state)
{
    (void)state;
    char problem[DNS_ZONE_PROBLEM];
    static const char text[] = "$TTL 60\n@ SOA ns h 9 1 1 1 60\n@ NS ns\n@ TXT here\n";
    const struct dns_name below = sample_name("wild.example.test.");
    const struct dns_zone_want want = {&below, NULL, 0, false};
    struct dns_zone *zones[2] = {NULL, sample_zone()};
    assert_int_equal(dns_zone_parse("below", span_text(text), &want, problem, &zones[0]), ERR_OK);
    struct dns_index *index = dns_index_make(zones, 2);
    assert_non_null(index);
    assert_ptr_equal(zone_of(index, &below), zones[0]);
    const struct dns_name hidden = sample_name("there.wild.example.test.");
    assert_null(zone_of(index, &hidden));
    const struct dns_name above = sample_name("mail.example.test.");
    assert_ptr_equal(zone_of(index, &above), zones[1]);
    free(index);
    dns_zone_free(zones[0]);
    dns_zone_free(zones[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_the_zone_alone_are_in_it),
        cmocka_unit_test(test_a_zone_below_hides_names_of_the_one_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
