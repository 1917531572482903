/* SPDX-License-Identifier: Apache-2.0
 * The watch on the wall clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "edge/clock_watch.h"

static int64_t look(struct clock_watch *watch, int64_t mono_ms, int64_t wall_ms)
{
    return clock_watch_look(watch, (struct mono){mono_ms * 1000}, (struct wall){wall_ms * 1000}) / 1000;
}

static void steps_are_told_once_and_slewing_never(void **state)
{
    (void)state;
    struct clock_watch watch = {.any = false};
    assert_int_equal(look(&watch, 1000, 1700000000000), 0); /* nothing to compare with */
    assert_int_equal(look(&watch, 2000, 1700000001000), 0);
    assert_int_equal(look(&watch, 3000, 1700000002900), 0); /* 900 ms: slewed */
    assert_int_equal(look(&watch, 4000, 1700000004800), 0);
    assert_int_equal(look(&watch, 5000, 1700003605800), 3600000);
    assert_int_equal(look(&watch, 6000, 1700003606800), 0);
    assert_int_equal(look(&watch, 7000, 1700000007800), -3600000);
    assert_int_equal(look(&watch, 8000, 1700000008800), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_are_told_once_and_slewing_never)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
