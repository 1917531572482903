/* SPDX-License-Identifier: Apache-2.0
 * Generator: one seed decides everything; bounds hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"

static void test_same_seed_same_numbers(void **state)
{
    (void)state;
    struct prng a;
    struct prng b;
    struct prng c;
    prng_init(&a, 7);
    prng_init(&b, 7);
    prng_init(&c, 8);
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        const uint64_t value = prng_next(&a);
        assert_true(value == prng_next(&b));
        differ += value != prng_next(&c);
    }
    assert_true(differ > 90);
}

static void test_bounds(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 1);
    unsigned seen = 0;
    unsigned hits = 0;
    for (int i = 0; i < 100000; i++) {
        const int64_t value = prng_between(&prng, -2, 2);
        assert_true(value >= -2 && value <= 2);
        seen |= 1U << (value + 2);
        hits += prng_chance(&prng, 10000);
        assert_false(prng_chance(&prng, 0));
        assert_true(prng_chance(&prng, 1000000));
    }
    assert_int_equal(seen, 31);
    /* 1 % of 100,000: mean 1,000, standard deviation 31; six of those. */
    assert_in_range(hits, 811, 1189);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_numbers),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
