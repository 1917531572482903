/* SPDX-License-Identifier: Apache-2.0
 * Read your writes: one session, one register. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_register.h"
#include "judged.h"

#define WRITES                                                                                                         \
    "i 0 1 10 register committed w7:1\no 0 12 ok 10 writer taiwan-a 7 1 1 -\n"                                         \
    "i 1 1 20 register committed w7:2\no 1 22 unknown 20 - - 0 0 0 closed\n"                                           \
    "i 2 1 30 register committed w7:3\no 2 32 failed 30 - - 0 0 0 40001\n"
#define READ(number, at, role, value)                                                                                  \
    "i " number " 1 " at " register committed r7\no " number " " at "1 ok 0 " role " tokyo-a 7 2 2 - r7:" value "\n"

static void test_what_is_right(void **state)
{
    (void)state;
    judged_clean(WRITES READ("3", "40", "writer", "1"), check_register_judge);
    /* The unknown write may come late. */
    judged_clean(WRITES READ("3", "40", "writer", "1") READ("4", "50", "writer", "2"), check_register_judge);
    judged_clean(READ("0", "40", "writer", ""), check_register_judge);
    /* A replica may be behind. */
    judged_clean(WRITES READ("3", "40", "writer", "2") READ("4", "50", "replica", ""), check_register_judge);
}

static void test_own_write_not_seen(void **state)
{
    (void)state;
    judged_only(WRITES READ("3", "40", "writer", ""), check_register_judge, CHECK_REPORT_OWN_WRITE, 1);
}

static void test_time_goes_back(void **state)
{
    (void)state;
    judged_only(WRITES READ("3", "40", "writer", "2") READ("4", "50", "writer", "1"), check_register_judge,
                CHECK_REPORT_OWN_WRITE, 1);
}

static void test_values_from_nowhere(void **state)
{
    (void)state;
    judged_only(WRITES READ("3", "40", "writer", "3"), check_register_judge, CHECK_REPORT_LIE, 1);
    judged_only(WRITES READ("3", "40", "writer", "9"), check_register_judge, CHECK_REPORT_PHANTOM, 1);
    judged_only(WRITES READ("3", "40", "replica", "9"), check_register_judge, CHECK_REPORT_PHANTOM, 1);
}

static void test_a_register_is_of_one_session(void **state)
{
    (void)state;
    judged_refused("i 0 1 10 register committed w7:1\ni 1 2 11 register committed w7:2\n", check_register_judge,
                   ERR_INVALID);
    judged_refused("i 0 1 10 register committed w7:2\ni 1 1 11 register committed w7:1\n", check_register_judge,
                   ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_right),
        cmocka_unit_test(test_own_write_not_seen),
        cmocka_unit_test(test_time_goes_back),
        cmocka_unit_test(test_values_from_nowhere),
        cmocka_unit_test(test_a_register_is_of_one_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
