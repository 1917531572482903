/* SPDX-License-Identifier: Apache-2.0
 * Serials: what is told when a zone takes another's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/dns_serial.h"
#include "zone_sample.h"

static struct dns_zone *zone_of(uint32_t serial, const char *records)
{
    char text[512];
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *zone = NULL;
    const struct dns_name origin = sample_name("example.test.");
    snprintf(text, sizeof text, "$TTL 60\n@ SOA ns h %u 1 1 1 1\n@ NS ns\nns A 10.0.0.1\n%s", serial, records);
    assert_int_equal(
        dns_zone_parse("f", span_text(text), &(struct dns_zone_want){&origin, NULL, 0, false}, problem, &zone), ERR_OK);
    return zone;
}

static void test_what_is_told(void **state)
{
    (void)state;
    static const struct {
        uint32_t old;
        const char *before;
        uint32_t fresh;
        const char *after;
        const char *problem; /* NULL: nothing */
    } cases[] = {
        {7, "a A 10.0.0.2\n", 7, "a A 10.0.0.2\n", NULL},
        {7, "a A 10.0.0.2\na A 10.0.0.3\n", 7, "a A 10.0.0.3\na A 10.0.0.2\n", NULL},
        {7, "a A 10.0.0.2\n", 8, "a A 10.0.0.3\n", NULL},
        {7, "a A 10.0.0.2\n", 7, "a A 10.0.0.3\n", "the records changed"},
        {7, "a A 10.0.0.2\n", 7, "b A 10.0.0.2\n", "the records changed"},
        {7, "a A 10.0.0.2\n", 7, "a 5 A 10.0.0.2\n", "the records changed"},
        {7, "a A 10.0.0.2\n", 7, "", "the records changed"},
        {7, "a A 10.0.0.2\nb A 10.0.0.3\n", 7, "a A 10.0.0.3\nb A 10.0.0.2\n", "the records changed"},
        {7, "", 6, "", "the serial went back"},
        {4294967295, "", 3, "a A 10.0.0.2\n", NULL}, /* goes round (RFC 1982) */
        {3, "", 4294967295, "", "the serial went back"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_zone *old = zone_of(cases[i].old, cases[i].before);
        struct dns_zone *fresh = zone_of(cases[i].fresh, cases[i].after);
        const char *problem = dns_serial_problem(old, fresh);
        if ((problem == NULL) != (cases[i].problem == NULL) ||
            (problem != NULL && strncmp(problem, cases[i].problem, strlen(cases[i].problem)) != 0)) {
            fail_msg("%zu: %s", i, problem != NULL ? problem : "nothing");
        }
        dns_zone_free(old);
        dns_zone_free(fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
