/* SPDX-License-Identifier: Apache-2.0
 * Readers are spread over equally good standbys: by connections, by worker, and past those that cannot be reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/proxy_load.h"

static struct view_address server(uint8_t last)
{
    return (struct view_address){.bytes = {127, 1, 0, last}, .port = 5432, .family = 4};
}

static struct proxy_route_choices three(void)
{
    struct proxy_route_choices choices = {.count = 3};
    for (uint8_t i = 0; i < 3; i++) {
        choices.list[i].address = server(i);
    }
    return choices;
}

static uint8_t chosen(const struct proxy_load *load, const struct proxy_route_choices *choices, uint32_t offset,
                      uint32_t turn)
{
    return proxy_load_choose(load, choices, offset, turn)->address.bytes[3];
}

static void the_one_with_the_fewest_is_taken(void **state)
{
    (void)state;
    static struct proxy_load load;
    const struct proxy_route_choices choices = three();
    uint32_t rows[9];
    uint32_t counts[3] = {0, 0, 0};
    for (int i = 0; i < 9; i++) {
        const struct view_address to = proxy_load_choose(&load, &choices, 0, 0)->address;
        rows[i] = proxy_load_add(&load, &to);
        counts[to.bytes[3]]++;
    }
    assert_true(counts[0] == 3 && counts[1] == 3 && counts[2] == 3);
    const struct view_address second = server(1);
    assert_int_equal(proxy_load_of(&load, &second), 3);
    for (int i = 0; i < 9; i++) { /* everybody leaves the second one */
        if (i % 3 == 1) {
            proxy_load_take(&load, rows[i]);
        }
    }
    assert_int_equal(proxy_load_of(&load, &second), 0);
    assert_int_equal(chosen(&load, &choices, 0, 0), 1);
    assert_int_equal(chosen(&load, &choices, 2, 0), 1);
}

static void workers_begin_with_different_ones(void **state)
{
    (void)state;
    static struct proxy_load load;
    const struct proxy_route_choices choices = three();
    for (uint32_t worker = 0; worker < 7; worker++) {
        assert_int_equal(chosen(&load, &choices, worker, 0), worker % 3);
    }
}

static void what_failed_is_passed(void **state)
{
    (void)state;
    static struct proxy_load load;
    const struct proxy_route_choices choices = three();
    const struct proxy_route_choices none = {.count = 0};
    assert_int_equal(chosen(&load, &choices, 0, 0), 0);
    assert_int_equal(chosen(&load, &choices, 0, 1), 1);
    assert_int_equal(chosen(&load, &choices, 0, 2), 2);
    assert_int_equal(chosen(&load, &choices, 0, 3), 0);
    assert_null(proxy_load_choose(&load, &none, 5, 1));
}

static void more_servers_than_fit_are_not_counted(void **state)
{
    (void)state;
    static struct proxy_load load;
    struct view_address to;
    for (uint8_t i = 0; i < PROXY_LOAD_SERVERS; i++) {
        to = server(i);
        assert_int_equal(proxy_load_add(&load, &to), i);
    }
    to = server(200);
    assert_int_equal(proxy_load_add(&load, &to), PROXY_LOAD_SERVERS);
    proxy_load_take(&load, PROXY_LOAD_SERVERS);
    assert_int_equal(proxy_load_of(&load, &to), 0);
    proxy_load_take(&load, 7);
    assert_int_equal(proxy_load_add(&load, &to), 7);
    assert_int_equal(proxy_load_of(&load, &to), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_with_the_fewest_is_taken),
        cmocka_unit_test(workers_begin_with_different_ones),
        cmocka_unit_test(what_failed_is_passed),
        cmocka_unit_test(more_servers_than_fit_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
