/* SPDX-License-Identifier: Apache-2.0
 * Zones: finding names, and refusing files that would give wrong answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/dns_type.h"
#include "zone_sample.h"

static void test_finding(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum dns_zone_result result;
        const char *node; /* NULL: none */
    } cases[] = {
        {"example.test.", DNS_ZONE_EXACT, "example.test."},
        {"mail.example.test.", DNS_ZONE_EXACT, "mail.example.test."},
        {"empty.ent.example.test.", DNS_ZONE_EXACT, "empty.ent.example.test."},
        {"ent.example.test.", DNS_ZONE_EXACT, "ent.example.test."},
        {"other.ent.example.test.", DNS_ZONE_MISSING, NULL},
        {"a.wild.example.test.", DNS_ZONE_WILDCARD, "*.wild.example.test."},
        {"b.a.wild.example.test.", DNS_ZONE_WILDCARD, "*.wild.example.test."},
        {"*.wild.example.test.", DNS_ZONE_EXACT, "*.wild.example.test."},
        {"there.wild.example.test.", DNS_ZONE_EXACT, "there.wild.example.test."},
        {"x.there.wild.example.test.", DNS_ZONE_MISSING, NULL}, /* the closest encloser is not wild */
        {"sub.example.test.", DNS_ZONE_CUT, "sub.example.test."},
        {"ns.sub.example.test.", DNS_ZONE_CUT, "sub.example.test."},
        {"a.b.c.sub.example.test.", DNS_ZONE_CUT, "sub.example.test."},
        {"www.example.test.", DNS_ZONE_EXACT, "www.example.test."},
        {"nothing.example.test.", DNS_ZONE_MISSING, NULL},
        {"xexample.test.", DNS_ZONE_OUTSIDE, NULL},
        {"test.", DNS_ZONE_OUTSIDE, NULL},
        {".", DNS_ZONE_OUTSIDE, NULL},
    };
    struct dns_zone *zone = sample_zone();
    assert_non_null(zone);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_name name = sample_name(cases[i].name);
        const struct dns_zone_node *node = NULL;
        assert_int_equal(dns_zone_find(zone, &name, &node), cases[i].result);
        if (cases[i].node != NULL) {
            const struct dns_name expected = sample_name(cases[i].node);
            assert_non_null(node);
            assert_true(dns_name_equal(&node->name, &expected));
        }
    }
    const struct dns_name glue = sample_name("ns.sub.example.test.");
    assert_non_null(dns_zone_node(zone, &glue));
    assert_int_equal(zone->serial, 7);
    assert_int_equal(zone->negative_ttl_s, 60);
    assert_int_equal(zone->soa->count, 1);
    const struct dns_name mail = sample_name("mail.example.test.");
    assert_int_equal(dns_zone_set(dns_zone_node(zone, &mail), DNS_TYPE_A)->count, 2);
    dns_zone_free(zone);
}

static void test_longest_name_has_no_room_for_a_wildcard(void **state)
{
    (void)state;
    struct dns_zone *zone = sample_zone();
    char text[256] = "";
    for (int i = 0; i < 120; i++) {
        memcpy(text + (size_t)i * 2, "a.", 2);
    }
    memcpy(text + 240, "example.test.", sizeof "example.test.");
    const struct dns_name name = sample_name(text);
    const struct dns_zone_node *node = NULL;
    assert_int_equal(name.size, 254);
    assert_int_equal(dns_zone_find(zone, &name, &node), DNS_ZONE_MISSING);
    dns_zone_free(zone);
}

#define APEX "$TTL 1\n@ SOA a b 1 1 1 1 1\n@ NS ns.other.\n"

static void test_bad_zones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        {"", "f: the zone needs one SOA"},
        {"$TTL 1\n@ NS a\n", "f: the zone needs one SOA"},
        {"$TTL 1\n@ SOA a b 1 1 1 1 1\n", "f: the zone needs one SOA"},
        {APEX "x SOA a b 1 1 1 1 1\n", "f:4: SOA belongs"},
        {APEX "@ SOA a b 2 1 1 1 1\n", "f:4: more than one SOA"},
        {APEX "x CNAME a\nx CNAME b\n", "f:5: more than one CNAME"},
        {APEX "x CNAME a\nx A 1.2.3.4\n", "f:5: CNAME and other data"},
        {APEX "x A 1.2.3.4\nx CNAME a\n", "f:5: CNAME and other data"},
        {APEX "x.other. A 1.2.3.4\n", "f:4: the owner lies outside"},
        {APEX "*.x NS a\n", "f:4: NS at a wildcard"},
        {APEX "*.x DNAME a\n", "f:4: DNAME at a wildcard"},
        {APEX "x DNAME a\nx DNAME b\n", "f:5: more than one DNAME"},
        {APEX "a.x A 1.2.3.4\nx DNAME a\n", "f:4: below a DNAME"},
        {APEX "x DNAME a\nx NS ns.other.\n", "f:4: DNAME beside NS"},
        {APEX "@ DNAME other.\nx A 1.2.3.4\n", "f: www.example.test. follows the view (endpoint web) and is a CNAME"},
        {APEX "@ DS 1 13 9 00\n", "f:4: DS belongs to the zone above"},
        {APEX "$INCLUDE\n", "f:4:1: only $ORIGIN"},
        {APEX "$INCLUDE /nowhere/at/all\n", "f:4:10: $INCLUDE /nowhere/at/all: not found"},
        {APEX "$INCLUDE /\n", "f:4:10: $INCLUDE /: "},
        {APEX "x.www NS a\nwww NS b\n", "f: www.example.test. follows the view (endpoint web) and is a CNAME"},
        {APEX "x A 1.2.3\n", "f:4:5: A: not an IPv4 address; expected one as 192.0.2.1 (found \"1.2.3\")"},
        {APEX "www CNAME a\n", "f: www.example.test. follows the view (endpoint web) and is a CNAME"},
        {APEX "www NS a\n", "f: www.example.test. follows the view (endpoint web) and is a CNAME"},
    };
    const struct dns_name origin = sample_name("example.test.");
    struct dns_zone_dynamic dynamic = {.ttl_s = 5, .endpoint = "web"};
    dynamic.name = sample_name("www.example.test.");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[DNS_ZONE_PROBLEM] = "";
        struct dns_zone *zone = NULL;
        const enum err err = dns_zone_parse("f", span_text(cases[i].text),
                                            &(struct dns_zone_want){&origin, &dynamic, 1, false}, problem, &zone);
        assert_int_equal(err, ERR_INVALID);
        assert_null(zone);
        if (strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0) {
            fail_msg("\"%s\" instead of \"%s\"", problem, cases[i].problem);
        }
    }
    dynamic.name = sample_name("www.other.");
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    assert_int_equal(
        dns_zone_parse("f", span_text(APEX), &(struct dns_zone_want){&origin, &dynamic, 1, false}, problem, &zone),
        ERR_INVALID);
}

static void test_a_dynamic_name_is_one_endpoints(void **state)
{
    (void)state;
    const struct dns_name origin = sample_name("example.test.");
    struct dns_zone_dynamic dynamic[2] = {{.ttl_s = 5, .endpoint = "web"}, {.ttl_s = 5, .endpoint = "api"}};
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    dynamic[0].name = sample_name("www.example.test.");
    dynamic[1].name = sample_name("WWW.example.test.");
    assert_int_equal(
        dns_zone_parse("f", span_text(APEX), &(struct dns_zone_want){&origin, dynamic, 2, false}, problem, &zone),
        ERR_INVALID);
    assert_string_equal(problem, "f: www.example.test. follows the view (endpoint api) and is there twice");
}

/* What secondaries answer with at a dynamic name is what the file has there. */
static void test_dynamic_names_of_transferred_zones(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *warning; /* NULL: none */
    } cases[] = {
        {APEX "www A 1.1.1.1\nshop AAAA ::1\n", NULL},
        {APEX "www A 1.1.1.1\nshop TXT only\n", "f: shop.example.test. (1 such) follows the view and has no address"},
        {APEX, "f: www.example.test. (2 such) follows the view and has no address"},
    };
    const struct dns_name origin = sample_name("example.test.");
    struct dns_zone_dynamic dynamic[2] = {{.ttl_s = 5, .endpoint = "web"}, {.ttl_s = 5, .endpoint = "web"}};
    dynamic[0].name = sample_name("www.example.test.");
    dynamic[1].name = sample_name("shop.example.test.");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[DNS_ZONE_PROBLEM] = "";
        struct dns_zone *zone = NULL;
        const struct dns_zone_want want = {&origin, dynamic, 2, true};
        assert_int_equal(dns_zone_parse("f", span_text(cases[i].text), &want, problem, &zone), ERR_OK);
        dns_zone_free(zone);
        if (cases[i].warning == NULL) {
            assert_string_equal(problem, "");
        } else if (strncmp(problem, cases[i].warning, strlen(cases[i].warning)) != 0) {
            fail_msg("\"%s\" instead of \"%s\"", problem, cases[i].warning);
        }
    }
}

static void test_duplicates_and_ttls(void **state)
{
    (void)state;
    const struct dns_name origin = sample_name("example.test.");
    struct dns_zone_dynamic dynamic = {.ttl_s = 5, .endpoint = "web"};
    dynamic.name = sample_name("www.example.test.");
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    static const char text[] = APEX "x 10 A 1.2.3.4\nX 5 A 1.2.3.4\nx 7 A 1.2.3.5\nwww A 1.1.1.1\n";
    assert_int_equal(
        dns_zone_parse("f", span_text(text), &(struct dns_zone_want){&origin, &dynamic, 1, false}, problem, &zone),
        ERR_OK);
    assert_non_null(strstr(problem, "hidden"));
    const struct dns_name name = sample_name("x.example.test.");
    const struct dns_zone_set *set = dns_zone_set(dns_zone_node(zone, &name), DNS_TYPE_A);
    assert_int_equal(set->count, 2);
    assert_int_equal(set->ttl_s, 5);
    dns_zone_free(zone);
}

static void test_warnings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem;
    } cases[] = {
        {APEX "sub NS ns.sub\nns.sub A 1.2.3.4\n", ""},
        {APEX "sub NS ns.other.\n", ""},
        {APEX "sub NS a\na A 1.2.3.4\n", ""}, /* beside: not glue */
        {APEX "sub NS a\n", "f:4: a name server here has no address"},
        {APEX "@ NS a\na TXT x\n", "f:3: a name server here has no address"},
        {APEX "@ NS a\n*.b A 1.2.3.4\n", "f:3: a name server here has no address"},
        {APEX "@ NS a.b\n*.b A 1.2.3.4\n", ""},
        {APEX "@ NS a\na CNAME b\nb A 1.2.3.4\n", "f:3: a name server here is an alias"},
        {APEX "@ NS a.b\nb DNAME other.\n", "f:3: a name server here is an alias"},
        {APEX "@ NS ns.sub\nsub NS ns.other.\n", ""}, /* the zone below knows */
        {APEX "sub NS ns.sub\n", "f:4: a name server below this delegation has no address"},
        {APEX "sub NS ns.other.\nsub DS 1 13 9 00\n", ""},
        {APEX "sub DS 1 13 9 00\n", "f:4: DS without a delegation"},
    };
    const struct dns_name origin = sample_name("example.test.");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char problem[DNS_ZONE_PROBLEM];
        struct dns_zone *zone = NULL;
        assert_int_equal(dns_zone_parse("f", span_text(cases[i].text), &(struct dns_zone_want){&origin, NULL, 0, false},
                                        problem, &zone),
                         ERR_OK);
        if (strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0 ||
            (cases[i].problem[0] == 0) != (problem[0] == 0)) {
            fail_msg("\"%s\" instead of \"%s\"", problem, cases[i].problem);
        }
        dns_zone_free(zone);
    }
}

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* $INCLUDE: paths beside the including file, the origin that is given, problems where they are, no endless circles. */
static void test_include(void **state)
{
    (void)state;
    char directory[] = "/tmp/holdfast-zone-XXXXXX";
    char path[200];
    char problem[DNS_ZONE_PROBLEM];
    char expected[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    const struct dns_name origin = sample_name("example.test.");
    const struct dns_zone_want want = {&origin, NULL, 0, false};
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/main", directory);
    write_file(directory, "main", APEX "$INCLUDE second sub\nlast A 1.2.3.4\n");
    write_file(directory, "second", "x A 1.2.3.5\n$INCLUDE \"third\"\n");
    write_file(directory, "third", "y A 1.2.3.6\n");
    assert_int_equal(dns_zone_load(path, &want, problem, &zone), ERR_OK);
    static const char *const names[] = {"last.example.test.", "x.sub.example.test.", "y.sub.example.test."};
    for (size_t i = 0; i < 3; i++) {
        const struct dns_name name = sample_name(names[i]);
        assert_non_null(dns_zone_node(zone, &name));
    }
    assert_int_equal(zone->records_count, 5);
    dns_zone_free(zone);

    write_file(directory, "third", "\ny  A 1.2.3\n");
    snprintf(expected, sizeof expected, "%s/third:2:6: A: not an IPv4", directory);
    assert_int_equal(dns_zone_load(path, &want, problem, &zone), ERR_INVALID);
    assert_memory_equal(problem, expected, strlen(expected));

    write_file(directory, "third", "$INCLUDE second\n");
    assert_int_equal(dns_zone_load(path, &want, problem, &zone), ERR_INVALID);
    assert_non_null(strstr(problem, "eight times"));
    write_file(directory, "third", "y.example.test. CNAME a\nlast.example.test. CNAME a\n");
    snprintf(expected, sizeof expected, "%s/main:5: CNAME and other data", directory);
    assert_int_equal(dns_zone_load(path, &want, problem, &zone), ERR_INVALID);
    assert_memory_equal(problem, expected, strlen(expected));
    static const char *const files[] = {"main", "second", "third"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i]);
        unlink(path);
    }
    rmdir(directory);
}

static void test_from_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/holdfast-zone-XXXXXX";
    const int fd = mkstemp(path);
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    const struct dns_name origin = sample_name("example.test.");
    assert_true(fd >= 0);
    assert_int_equal(write(fd, SAMPLE_ZONE, strlen(SAMPLE_ZONE)), strlen(SAMPLE_ZONE));
    assert_int_equal(dns_zone_load(path, &(struct dns_zone_want){&origin, NULL, 0, false}, problem, &zone), ERR_OK);
    assert_string_equal(problem, "");
    dns_zone_free(zone);
    close(fd);
    unlink(path);
    assert_int_equal(dns_zone_load(path, &(struct dns_zone_want){&origin, NULL, 0, false}, problem, &zone),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "not found"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_longest_name_has_no_room_for_a_wildcard),
        cmocka_unit_test(test_bad_zones),
        cmocka_unit_test(test_a_dynamic_name_is_one_endpoints),
        cmocka_unit_test(test_dynamic_names_of_transferred_zones),
        cmocka_unit_test(test_duplicates_and_ttls),
        cmocka_unit_test(test_from_a_file),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_include),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
