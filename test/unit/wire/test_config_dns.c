/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with policies of DNS: the place, what was expected, and a hint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config.h"

/* Policies begin at line 9. */
static const char base[] =
    "name: shop\nsecurity: { token: { env: T } }\nstore: { path: /var/lib/h.db }\n"
    "regions: { taiwan: { endpoints: { web: [\"192.0.0.1:80\"] } }, tokyo: { endpoints: { web: [\"192.1.0.1:80\"] } } "
    "}\n"
    "sites: { a: { region: taiwan, roles: [observer] }, b: { region: tokyo, roles: [observer] }, c: { roles: "
    "[control], "
    "api: { listen: \"10.3.0.1:7080\" } } }\n"
    "checks: { a: { kind: tcp, severity: critical, layer: 1, targets: { taiwan: { address: \"10.1.0.80:80\" } } } }\n"
    "dns: { zone: example.test, zone_file: /etc/zone, names: { www: { endpoint: web, policy: top } },\n"
    "  policies: {\n";

static char text[32768];
static char memory[CONFIG_MESSAGES];

static enum err parse(const char *policies, struct config **ret_config)
{
    struct buf messages;
    snprintf(text, sizeof text, "%s%s } }\n", base, policies);
    buf_init(&messages, memory, sizeof memory);
    const enum err err = config_parse("t.yaml", span_text(text), &messages, ret_config);
    (void)buf_string(&messages);
    return err;
}

static void test_a_good_tree(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(parse("top: { geolocation: { networks: { a: { networks: [ 10.0.0.0/8 ], to: both } }, default: "
                           "tokyo }, fallback: taiwan }, both: { weighted: { taiwan: 1, tokyo: 0 } }",
                           &config),
                     ERR_OK);
    const struct config_dns *dns = &config->dns;
    assert_int_equal(dns->policies_count, 2);
    assert_int_equal(config_dns_policy_kind(&dns->policies[0]), CONFIG_DNS_GEOLOCATION);
    assert_int_equal(config_dns_policy_kind(&dns->policies[1]), CONFIG_DNS_WEIGHTED);
    assert_int_equal(config_dns_policy_find(config, "both"), 1);
    assert_string_equal(dns->policies[0].fallback, "taiwan");
    assert_string_equal(dns->policies[0].geolocation.networks[0].to, "both");
    assert_int_equal(dns->policies[1].weighted[1].weight, 0);
    config_free(config);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *policies;
        const char *message;
    } cases[] = {
        {"tpo: { failover: [ taiwan ] }",
         "t.yaml:7:89: error: policy 'top' does not exist; expected one of dns.policies; did you mean 'tpo'?\n"},
        {"top: { failover: [ tokio ] }", "t.yaml:9:18: error: 'tokio' does not exist; expected the name of a region or "
                                         "of a policy in dns.policies; did "
                                         "you mean 'tokyo'?\n"},
        {"top: { weighted: { tokyo: 1, tiawan: 2 } }", "t.yaml:9:38: error: 'tiawan' does not exist; expected the name "
                                                       "of a region or of a policy in dns.policies; did "
                                                       "you mean 'taiwan'?\n"},
        {"top: { latency: { measured: [ taiwan, tiawan ], default: tokyo } }",
         "t.yaml:9:29: error: 'tiawan' is not a region; expected regions: only they have proxies that measure\n"},
        {"top: { latency: { measured: [ taiwan ], default: tokyo } }",
         "t.yaml:9:29: error: only one region; expected at least two, which are compared\n"},
        {"top: { latency: { measured: [ top, tokyo ], default: tokyo } }",
         "t.yaml:9:29: error: 'top' is not a region; expected regions: only they have proxies that measure\n"},
        {"top: { failover: [ taiwan, taiwan ] }", "t.yaml:9:28: error: failover 'taiwan' is given twice;"},
        {"top: { failover: [ taiwan ] },\n top: { failover: [ tokyo ] }",
         "t.yaml:10:2: error: key 'top' given twice; expected once; the first is on line 9\n"},
        {"top: { failover: [ taiwan ], weighted: { tokyo: 1 } }",
         "t.yaml:9:1: error: policy 'top' has 2 kinds; expected exactly one of geolocation, latency, weighted, "
         "failover, "
         "multivalue; a policy may lead on to others\n"},
        {"top: { fallback: tokyo }", "t.yaml:9:1: error: policy 'top' has 0 kinds; expected exactly one of"},
        {"top: { failover: [ ] }",
         "t.yaml:9:1: error: policy 'top' is empty; expected a region or policy that it leads on to\n"},
        {"top: { failover: [ a ] }, a: { weighted: { b: 1 } },\n b: { multivalue: [ taiwan, top ] }",
         "t.yaml:10:19: error: policy 'top' leads back to itself through 'b'; expected a tree; let one of them lead to "
         "a "
         "region\n"},
        {"top: { failover: [ top ] }", "t.yaml:9:18: error: policy 'top' leads back to itself through 'top'"},
        {"top: { failover: [ taiwan ] }, taiwan: { failover: [ tokyo ] }",
         "t.yaml:9:32: error: policy 'taiwan' is called as a region; expected another name; children are named by "
         "either\n"},
        {"top: { failover: [ a ] }, a: { failover: [ b ] }, b: { failover: [ c ] }, c: { failover: [ d ] }, d: { "
         "failover: [ e ] }, e: { failover: [ f ] }, f: { failover: [ g ] }, g: { failover: [ h ] }, h: { failover: [ "
         "tokyo ] }",
         "t.yaml:9:1: error: policy 'top' is 9 policies deep; expected at most 8\n"},
        {"top: { geolocation: { countries: { TW: taiwan }, default: tokyo } }",
         "t.yaml:9:23: error: countries without dns.geo_database; expected the path of an .mmdb file there; only "
         "networks work without one\n"},
        {"top: { geolocation: { countries: { tw: taiwan }, default: tokyo } }",
         "t.yaml:9:40: error: 'tw' is not a code of countries; expected for example TW\n"},
        {"top: { geolocation: { subdivisions: { California: taiwan }, default: tokyo } }",
         "is not a code of subdivisions; expected for example US-CA\n"},
        {"top: { geolocation: { continents: { XX: taiwan }, default: tokyo } }",
         "is not a code of continents; expected AF, AN, AS, EU, NA, OC or SA\n"},
        {"top: { geolocation: { networks: { a: { to: taiwan } }, default: tokyo } }",
         "error: area 'a' has no networks; expected networks: [ ... ] or file: /path\n"},
        {"top: { geolocation: { networks: { a: { networks: [ 10.0.0.1/8 ], to: taiwan } }, default: tokyo } }",
         "error: networks '10.0.0.1/8' is not valid;"},
        {"top: { geolocation: { networks: { a: { networks: [ 10.0.0.0/8 ], to: taiwan } } } }",
         "misses the key 'default'"},
        {"top: { latency: { networks: { a: { networks: [ 10.0.0.0/8 ], times: { nara: 5 } } }, default: tokyo } }",
         "error: 'nara' does not exist; expected the name of a region or of a policy"},
        {"top: { failover: [ taiwan ], colour: blue }", "error: unknown key 'colour'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *config = NULL;
        if (parse(cases[i].policies, &config) != ERR_INVALID || strstr(memory, cases[i].message) == NULL) {
            fail_msg("%s\nno \"%s\" in:\n%s", cases[i].policies, cases[i].message, memory);
        }
    }
}

/* WWW is www, and a name below one zone may be a name of another. */
static void test_names_are_there_once(void **state)
{
    (void)state;
    static const struct {
        const char *dns;
        const char *message; /* NULL: good */
    } cases[] = {
        {"names: { www: { endpoint: web }, api: { endpoint: web } }, zones: { sub.example.test: { file: /f, names: { "
         "www: { endpoint: web } } } }",
         NULL},
        {"names: { www: { endpoint: web }, WWW: { endpoint: web } }",
         "7:83: error: dynamic name 'WWW' is there twice; expected each once"},
        {"names: { www.sub: { endpoint: web } }, zones: { sub.example.test: { file: /f, names: { www: { endpoint: web "
         "} "
         "} } }",
         "7:137: error: dynamic name 'www' is there twice"},
        {"zones: { Example.TEST: { file: /f } }", "7:59: error: zone 'Example.TEST' is there twice"},
        {"zones: { a.test: { file: /f }, b.test: { file: /f }, A.test: { file: /f } }",
         "7:103: error: zone 'A.test' is there twice"},
        {"zones: { a.test: { file: /f }, a.test.: { file: /f } }", "error: "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *config = NULL;
        struct buf messages;
        const char *end = strstr(base, "names:");
        assert_non_null(end);
        snprintf(text, sizeof text, "%.*s%s }\n", (int)(end - base), base, cases[i].dns);
        buf_init(&messages, memory, sizeof memory);
        const enum err err = config_parse("t.yaml", span_text(text), &messages, &config);
        (void)buf_string(&messages);
        if ((err == ERR_OK) != (cases[i].message == NULL) ||
            (cases[i].message != NULL && strstr(memory, cases[i].message) == NULL)) {
            fail_msg("%s\n%s", cases[i].dns, memory);
        }
        config_free(config);
    }
}

/* Three of four of four of four would be 64 times 3 regions in one answer. */
static void test_too_many_values(void **state)
{
    (void)state;
    char policies[4096] = "top: { multivalue: [ a0, a1, a2, a3 ] }";
    size_t size = strlen(policies);
    struct config *config = NULL;
    for (uint32_t i = 0; i < 4; i++) {
        size += (size_t)snprintf(policies + size, sizeof policies - size,
                                 ", a%u: { multivalue: [ b0, b1, b2, b3 ] }, b%u: { multivalue: [ c0, c1, c2, c3 ] }, "
                                 "c%u: { multivalue: [ taiwan, tokyo ] }",
                                 i, i, i);
    }
    assert_int_equal(parse(policies, &config), ERR_INVALID);
    assert_non_null(strstr(memory, "policy 'top' takes more than 64 regions into one answer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_tree),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_too_many_values),
        cmocka_unit_test(test_names_are_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
