/* SPDX-License-Identifier: Apache-2.0
 * What heartbeats follow from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config_beat.h"

static void the_period_follows_the_lease(void **state)
{
    (void)state;
    struct config_database database = {.lease_ms = 500};
    assert_int_equal(config_beat_period_ms(&database), 25);
    assert_int_equal(config_beat_silence_ms(&database), 400);
    database.lease_ms = 3000;
    assert_int_equal(config_beat_period_ms(&database), 100);
    assert_int_equal(config_beat_silence_ms(&database), 2400);
    database.lease_ms = 100;
    assert_int_equal(config_beat_period_ms(&database), 10);
    assert_int_equal(config_beat_silence_ms(&database), 100);
    database.lease_ms = UINT32_MAX;
    assert_int_equal(config_beat_silence_ms(&database), 3435973836U);
}

static void what_is_written_holds(void **state)
{
    (void)state;
    struct config_database database = {.lease_ms = 3000, .heartbeat = {.period_ms = 50, .silence_ms = 600}};
    assert_int_equal(config_beat_period_ms(&database), 50);
    assert_int_equal(config_beat_silence_ms(&database), 600);
    database.heartbeat.period_ms = 1000; /* one lost datagram is no news */
    assert_int_equal(config_beat_silence_ms(&database), 3000);
}

static void a_site_listens_where_it_is_told(void **state)
{
    (void)state;
    struct config_site site = {.roles = CONFIG_ROLE_CONTROL,
                               .api = {.listen = {.text = "127.3.0.1:7080", .family = CONFIG_FAMILY_IPV4}}};
    assert_ptr_equal(config_beat_address(&site), &site.api.listen);
    site.beats = (struct config_address){.text = "127.3.0.1:7079", .family = CONFIG_FAMILY_IPV4};
    assert_ptr_equal(config_beat_address(&site), &site.beats);
    site.roles = CONFIG_ROLE_DNS;
    assert_null(config_beat_address(&site));
    site.roles = CONFIG_ROLE_OBSERVER;
    assert_ptr_equal(config_beat_address(&site), &site.beats);
    site = (struct config_site){.roles = CONFIG_ROLE_OBSERVER};
    assert_null(config_beat_address(&site));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_period_follows_the_lease),
        cmocka_unit_test(what_is_written_holds),
        cmocka_unit_test(a_site_listens_where_it_is_told),
    };
    return cmocka_run_group_tests_name("wire/config_beat", tests, NULL, NULL);
}
