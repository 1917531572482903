/* SPDX-License-Identifier: Apache-2.0
 * Route choice: usable or not, at each boundary, in both profiles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/route.h"

#define SECOND      INT64_C(1000000)
#define MILLISECOND INT64_C(1000000)

static const struct route_health none = {.known = false};
static const struct route_health good = {true, true, 10 * SECOND - 1, 1000 * MILLISECOND - 1};
static const struct route_health sick = {true, false, 0, 0};
static const struct route_health old = {true, true, 10 * SECOND, 0};
static const struct route_health slow = {true, true, 0, 1000 * MILLISECOND};

static void test_choice(void **state)
{
    (void)state;
    const struct {
        const struct route_health *local;
        const struct route_health *backup;
        int64_t uptime_us;
        struct route_answer standard;
        struct route_answer adr;
    } cases[] = {
        {&good, &good, 0, {ROUTE_LOCAL, ROUTE_ALERT_NONE}, {ROUTE_LOCAL, ROUTE_ALERT_NONE}},
        {&good, &none, 99 * SECOND, {ROUTE_LOCAL, ROUTE_ALERT_NONE}, {ROUTE_LOCAL, ROUTE_ALERT_NONE}},
        {&sick, &good, 0, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}},
        {&old, &good, 99 * SECOND, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}},
        {&slow, &good, 99 * SECOND, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}},
        {&sick,
         &old,
         0,
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY},
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY}},
        {&slow,
         &slow,
         0,
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY},
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY}},
        {&sick,
         &none,
         0,
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY},
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY}},
        {&none, &good, 10 * SECOND - 1, {ROUTE_LOCAL, ROUTE_ALERT_NONE}, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}},
        {&none, &none, 0, {ROUTE_LOCAL, ROUTE_ALERT_NONE}, {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY}},
        {&none, &good, 10 * SECOND, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}, {ROUTE_BACKUP, ROUTE_ALERT_FAILOVER}},
        {&none,
         &sick,
         10 * SECOND,
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY},
         {ROUTE_LOCAL, ROUTE_ALERT_ALL_REGIONS_UNHEALTHY}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct route_answer standard =
            route_choose(cases[i].local, cases[i].backup, cases[i].uptime_us, MODEL_STANDARD);
        const struct route_answer adr =
            route_choose(cases[i].local, cases[i].backup, cases[i].uptime_us, MODEL_ADR_039);
        if (standard.region != cases[i].standard.region || standard.alert != cases[i].standard.alert ||
            adr.region != cases[i].adr.region || adr.alert != cases[i].adr.alert) {
            fail_msg("case %zu", i);
        }
    }
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(route_region_name(ROUTE_LOCAL), "local");
    assert_string_equal(route_region_name(ROUTE_BACKUP), "backup");
    assert_null(route_alert_name(ROUTE_ALERT_NONE));
    assert_string_equal(route_alert_name(ROUTE_ALERT_FAILOVER), "FAILOVER");
    assert_string_equal(route_alert_name(ROUTE_ALERT_ALL_REGIONS_UNHEALTHY), "ALL_REGIONS_UNHEALTHY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_choice), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
