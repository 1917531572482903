/* SPDX-License-Identifier: Apache-2.0
 * The split: steady state, rounding, and where the clients of a region go that carries less than all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/split.h"

enum { REGIONS = 4 };

static struct model model;
static uint32_t factor[LIMITS_REGIONS];

/* Region 0 fails over to 2, then 1; the others to 0. */
static void world(const uint32_t weights[REGIONS])
{
    memset(&model, 0, sizeof model);
    model.regions_count = REGIONS;
    for (uint32_t i = 0; i < REGIONS; i++) {
        model.regions[i].weight = weights[i];
        model.regions[i].backup_count = i == 0 ? 2 : 1;
        factor[i] = DURABLE_WHOLE;
    }
    model.regions[0].backup[0] = 2;
    model.regions[0].backup[1] = 1;
}

static void expect(uint32_t home, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t expected[REGIONS] = {a, b, c, d};
    uint32_t row[LIMITS_REGIONS];
    uint32_t total = 0;
    split_row(&model, factor, home, row);
    for (uint32_t i = 0; i < REGIONS; i++) {
        assert_int_equal(row[i], expected[i]);
        total += row[i];
    }
    assert_int_equal(total, VIEW_SHARES_WHOLE);
}

static void test_steady_state(void **state)
{
    (void)state;
    world((const uint32_t[REGIONS]){60, 40, 0, 0});
    expect(1, 0, 10000, 0, 0);
    expect(VIEW_HOME_DEFAULT, 6000, 4000, 0, 0);
    assert_true(split_carries(&model, factor, 2)); /* its own */
}

/* What rounding leaves over goes to nobody that is to have nothing. */
static void test_rounding(void **state)
{
    (void)state;
    world((const uint32_t[REGIONS]){1, 1, 1, 0});
    expect(VIEW_HOME_DEFAULT, 3334, 3333, 3333, 0);
    world((const uint32_t[REGIONS]){0, 1, 1, 1});
    expect(VIEW_HOME_DEFAULT, 0, 3334, 3333, 3333);
    world((const uint32_t[REGIONS]){0, 0, 0, 0});
    expect(VIEW_HOME_DEFAULT, 10000, 0, 0, 0);
}

static void test_shares_of_a_region_that_is_drained(void **state)
{
    (void)state;
    world((const uint32_t[REGIONS]){50, 50, 0, 0});
    factor[0] = 1000;
    expect(0, 1000, 0, 9000, 0); /* by the order of its backups, not by number */
    expect(VIEW_HOME_DEFAULT, 500, 5000, 4500, 0);
    factor[0] = 0;
    factor[2] = 5000; /* carries not even all of its own */
    expect(0, 0, 10000, 0, 0);
    assert_false(split_carries(&model, factor, 0));
    factor[1] = 0;
    expect(0, 0, 0, 0, 10000); /* whoever is whole */
    factor[3] = 0;
    expect(0, 10000, 0, 0, 0); /* nobody: the last one standing keeps its clients */
    assert_true(split_carries(&model, factor, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steady_state), cmocka_unit_test(test_rounding),
                                       cmocka_unit_test(test_shares_of_a_region_that_is_drained)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
