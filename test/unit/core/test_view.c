/* SPDX-License-Identifier: Apache-2.0
 * View: sealing, refusing harmed bytes, homes and shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/view.h"

static struct view *sample(void)
{
    static struct view view;
    memset(&view, 0, sizeof view);
    view.version = 7;
    view.regions_count = 2;
    text_copy(view.regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(view.regions[1].name, LIMITS_NAME, "tokyo");
    view.split[0][0] = 1000;
    view.split[0][1] = 9000;
    view.split[1][1] = VIEW_SHARES_WHOLE;
    view.networks_count = 2;
    view.networks[0] = (struct view_network){.address = {{10, 0, 0, 0}, 0, 4}, .prefix_bits = 8, .home = 0};
    view.networks[1] = (struct view_network){.address = {{10, 16, 0, 0}, 0, 4}, .prefix_bits = 12, .home = 1};
    view.databases_count = 1;
    text_copy(view.databases[0].name, LIMITS_NAME, "shop");
    view.databases[0].writer = LIMITS_NONE;
    view_seal(&view);
    return &view;
}

static void test_any_changed_byte_is_refused(void **state)
{
    (void)state;
    struct view *view = sample();
    assert_true(view_valid(view, sizeof *view));
    assert_false(view_valid(view, sizeof *view - 1));
    unsigned char *bytes = (unsigned char *)view;
    for (size_t i = 0; i < sizeof *view; i += i < 256 ? 1 : 37) {
        bytes[i] ^= 1;
        assert_false(view_valid(view, sizeof *view));
        bytes[i] ^= 1;
    }
    assert_true(view_valid(view, sizeof *view));
}

static void test_sealed_nonsense_is_refused(void **state)
{
    (void)state;
    struct view *view = sample();
    view->databases[0].writer = 3;
    view_seal(view);
    assert_false(view_valid(view, sizeof *view));
    view = sample();
    view->split[1][0] = 1;
    view_seal(view);
    assert_false(view_valid(view, sizeof *view));
    view = sample();
    view->nodes_count = LIMITS_NODES + 1;
    view_seal(view);
    assert_false(view_valid(view, sizeof *view));
}

static void test_longest_prefix_is_home(void **state)
{
    (void)state;
    const struct view *view = sample();
    const struct view_address near = {{10, 1, 2, 3}, 0, 4};
    const struct view_address nearer = {{10, 17, 2, 3}, 0, 4};
    const struct view_address border = {{10, 32, 0, 0}, 0, 4};
    const struct view_address other = {{11, 0, 0, 1}, 0, 4};
    const struct view_address six = {{10, 1, 2, 3}, 0, 6};
    assert_int_equal(view_home(view, &near), 0);
    assert_int_equal(view_home(view, &nearer), 1);
    assert_int_equal(view_home(view, &border), 0);
    assert_int_equal(view_home(view, &other), VIEW_HOME_DEFAULT);
    assert_int_equal(view_home(view, &six), VIEW_HOME_DEFAULT);
}

static void test_shares(void **state)
{
    (void)state;
    const struct view *view = sample();
    assert_int_equal(view_split_region(view, 0, 0), 0);
    assert_int_equal(view_split_region(view, 0, 999), 0);
    assert_int_equal(view_split_region(view, 0, 1000), 1);
    assert_int_equal(view_split_region(view, 0, 9999), 1);
    assert_int_equal(view_split_region(view, VIEW_HOME_DEFAULT, 5), LIMITS_NONE);
    assert_int_equal(view_region_find(view, "tokyo"), 1);
    assert_int_equal(view_database_find(view, "nothing"), LIMITS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_changed_byte_is_refused),
        cmocka_unit_test(test_sealed_nonsense_is_refused),
        cmocka_unit_test(test_longest_prefix_is_home),
        cmocka_unit_test(test_shares),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
