/* SPDX-License-Identifier: Apache-2.0
 * Sets and the books of the bank: each way to be wrong is found, and what is right passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_set.h"
#include "judged.h"

/* 1 acknowledged, 2 unknown, 3 certainly not, 4 without any end; read at 100. */
#define ADDS                                                                                                           \
    "i 0 1 10 add committed a1:1\no 0 12 ok 10 writer taiwan-a 7 1 1 -\n"                                              \
    "i 1 1 20 add committed a1:2\no 1 22 unknown 20 - - 0 0 0 closed\n"                                                \
    "i 2 1 30 add committed a1:3\no 2 32 failed 30 - - 0 0 0 40001\n"                                                  \
    "i 3 2 40 add committed a1:4\n"
#define MEMBERS(list) ADDS "i 4 9 100 members committed r1\no 4 110 ok 0 writer taiwan-a 7 1 1 - r1:" list "\n"

static void test_what_is_right(void **state)
{
    (void)state;
    judged_clean(MEMBERS("1"), check_set_judge);
    judged_clean(MEMBERS("4,1,2"), check_set_judge);
    judged_clean("", check_set_judge);
}

static void test_recovered_is_counted(void **state)
{
    (void)state;
    const struct check_report *report = judged_text(MEMBERS("4,1"), check_set_judge);
    for (size_t i = 0; i < report->figures_count; i++) {
        const struct check_report_figure *figure = &report->figures[i];
        if (strcmp(figure->group, "set") == 0 && strcmp(figure->name, "recovered") == 0) {
            assert_int_equal(figure->value, 1);
            return;
        }
    }
    fail();
}

static void test_lost(void **state)
{
    (void)state;
    judged_only(MEMBERS("2"), check_set_judge, CHECK_REPORT_LOST, 1);
    judged_only(MEMBERS(""), check_set_judge, CHECK_REPORT_LOST, 1);
}

static void test_what_should_not_be_there(void **state)
{
    (void)state;
    judged_only(MEMBERS("1,5"), check_set_judge, CHECK_REPORT_PHANTOM, 1);
    judged_only(MEMBERS("1,3"), check_set_judge, CHECK_REPORT_LIE, 1);
    judged_only(MEMBERS("1,1"), check_set_judge, CHECK_REPORT_DUPLICATE, 1);
}

static void test_parts_of_a_long_read(void **state)
{
    (void)state;
    const char *text = ADDS "i 4 9 100 members committed r1\nv 4 0 4,2\ni 5 1 101 add committed a1:6\nv 4 0 1\n"
                            "o 5 102 failed 101 - - 0 0 0 -\no 4 110 ok 0 writer taiwan-a 7 1 1 - r1:\n";
    judged_clean(text, check_set_judge);
}

static void test_without_an_end(void **state)
{
    (void)state;
    judged_only(ADDS, check_set_judge, CHECK_REPORT_NO_END, 1);
    /* A read at a replica is none, and neither is one from before the acknowledgement. */
    judged_only(ADDS "i 4 9 100 members committed r1\no 4 110 ok 0 replica taiwan-b 7 1 1 - r1:\n", check_set_judge,
                CHECK_REPORT_NO_END, 1);
    judged_only(ADDS "i 4 9 11 members committed r1\no 4 110 ok 0 writer taiwan-a 7 1 1 - r1:\n", check_set_judge,
                CHECK_REPORT_NO_END, 1);
}

static void test_books(void **state)
{
    (void)state;
    static const char moves[] = "i 0 1 10 move committed m0:1:5:70\no 0 12 ok 10 writer taiwan-a 7 1 1 -\n"
                                "i 1 1 20 books committed r0 r1\n";
    char text[512];
    (void)snprintf(text, sizeof(text), "%so 1 25 ok 0 writer taiwan-a 7 1 1 - r0:95,105,100 r1:70\n", moves);
    judged_clean(text, check_set_judge);
    (void)snprintf(text, sizeof(text), "%so 1 25 ok 0 writer taiwan-a 7 1 1 - r0:100,100,100 r1:\n", moves);
    judged_only(text, check_set_judge, CHECK_REPORT_LOST, 1);
}

static void test_one_value_twice_is_no_history(void **state)
{
    (void)state;
    judged_refused("i 0 1 10 add committed a1:1\ni 1 1 11 add committed a1:1\n", check_set_judge, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_right),
        cmocka_unit_test(test_recovered_is_counted),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_what_should_not_be_there),
        cmocka_unit_test(test_parts_of_a_long_read),
        cmocka_unit_test(test_without_an_end),
        cmocka_unit_test(test_books),
        cmocka_unit_test(test_one_value_twice_is_no_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
