/* SPDX-License-Identifier: Apache-2.0
 * Hash: stable, and spread well enough for sticky choices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

static void test_stable(void **state)
{
    (void)state;
    assert_true(hash_text("taiwan") == hash_bytes("taiwan", 6));
    assert_true(hash_text("taiwan") != hash_text("tokyo"));
    assert_true(hash_more(hash_text("a"), "b", 1) != hash_more(hash_text("b"), "a", 1));
}

static void test_spread(void **state)
{
    (void)state;
    unsigned buckets[10] = {0};
    for (uint32_t i = 0; i < 100000; i++) {
        buckets[hash_bytes(&i, sizeof i) % 10]++;
    }
    for (int i = 0; i < 10; i++) {
        /* Mean 10,000, standard deviation 95: five of those either way. */
        assert_in_range(buckets[i], 9525, 10475);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stable),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
