/* SPDX-License-Identifier: Apache-2.0
 * Totals and books of three accounts with 100 each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_bank.h"
#include "judged.h"

#define MOVE                 "i 0 1 10 move committed m0:1:5:70\no 0 12 ok 10 writer taiwan-a 7 1 1 -\n"
#define BALANCES(role, list) MOVE "i 1 2 20 balances committed r0\no 1 22 ok 0 " role " n 7 1 1 - r0:" list "\n"
#define BOOKS(list, numbers)                                                                                           \
    MOVE "i 1 2 20 books committed r0 r1\no 1 22 ok 0 writer n 7 1 1 - r0:" list " r1:" numbers "\n"

static void test_totals(void **state)
{
    (void)state;
    judged_clean(BALANCES("writer", "95,105,100"), check_bank_judge);
    judged_clean(BALANCES("replica", "100,100,100"), check_bank_judge);
    judged_only(BALANCES("writer", "95,100,100"), check_bank_judge, CHECK_REPORT_TOTAL, 1);
    judged_only(BALANCES("replica", "100,105,100"), check_bank_judge, CHECK_REPORT_TOTAL, 1);
    judged_only(BALANCES("writer", "150,150"), check_bank_judge, CHECK_REPORT_TOTAL, 1);
    judged_only(BALANCES("writer", ""), check_bank_judge, CHECK_REPORT_TOTAL, 1);
}

static void test_books(void **state)
{
    (void)state;
    judged_clean(BOOKS("95,105,100", "70"), check_bank_judge);
    judged_clean(BOOKS("100,100,100", ""), check_bank_judge);
    judged_only(BOOKS("100,100,100", "70"), check_bank_judge, CHECK_REPORT_BOOKS, 2);
}

static void test_what_was_not_answered_says_nothing(void **state)
{
    (void)state;
    judged_clean("i 0 1 10 balances committed r0\no 0 12 failed 0 - - 0 0 0 closed\ni 1 1 20 balances committed r0\n",
                 check_bank_judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),
        cmocka_unit_test(test_books),
        cmocka_unit_test(test_what_was_not_answered_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
