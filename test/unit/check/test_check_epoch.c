/* SPDX-License-Identifier: Apache-2.0
 * Two nodes that acknowledge at the same time are found without anything being lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_epoch.h"
#include "judged.h"

/* An acknowledged write: sent, completed, node, timeline, epoch. */
#define WRITE(number, sent, completed, node, timeline, epoch)                                                          \
    "i " number " 1 " sent " add committed a1:" number "\n"                                                            \
    "o " number " " completed " ok " sent " writer " node " 7 " timeline " " epoch " -\n"

static void test_one_after_the_other(void **state)
{
    (void)state;
    judged_clean(WRITE("0", "10", "20", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "2", "2")
                     WRITE("2", "50", "60", "taiwan-a", "3", "3"),
                 check_epoch_judge);
}

static void test_an_answer_that_was_on_its_way(void **state)
{
    (void)state;
    /* Sent before the new epoch's first acknowledgement came: the order of the two is not known. */
    judged_clean(WRITE("0", "10", "90", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "2", "2"),
                 check_epoch_judge);
}

static void test_split_brain(void **state)
{
    (void)state;
    judged_only(WRITE("0", "10", "20", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "2", "2")
                    WRITE("2", "50", "60", "taiwan-a", "1", "1") WRITE("3", "55", "65", "tokyo-a", "2", "2"),
                check_epoch_judge, CHECK_REPORT_SPLIT_BRAIN, 1);
}

static void test_what_nobody_waits_for_counts(void **state)
{
    (void)state;
    judged_only(WRITE("0", "30", "40", "tokyo-a", "2",
                      "2") "i 1 1 50 loose committed a2:1\no 1 60 ok 55 writer taiwan-a 7 1 1 -\n",
                check_epoch_judge, CHECK_REPORT_SPLIT_BRAIN, 1);
}

static void test_the_first_epoch_is_proven_by_nobody(void **state)
{
    (void)state;
    judged_only(WRITE("0", "10", "20", "taiwan-a", "1", "0") WRITE("1", "30", "40", "tokyo-a", "2", "2")
                    WRITE("2", "50", "60", "taiwan-a", "1", "0"),
                check_epoch_judge, CHECK_REPORT_SPLIT_BRAIN, 1);
}

static void test_proof_that_comes_a_moment_later(void **state)
{
    (void)state;
    /* The first commit on the new timeline still reads the old epoch; it is the new one's. */
    judged_clean(WRITE("0", "10", "20", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "2", "0")
                     WRITE("2", "50", "60", "tokyo-a", "2", "2"),
                 check_epoch_judge);
}

static void test_two_nodes_in_one_epoch(void **state)
{
    (void)state;
    judged_only(WRITE("0", "10", "20", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "2", "1"),
                check_epoch_judge, CHECK_REPORT_TWO_NODES, 1);
    judged_only(WRITE("0", "10", "20", "taiwan-a", "1", "1") WRITE("1", "30", "40", "tokyo-a", "1", "2"),
                check_epoch_judge, CHECK_REPORT_TWO_NODES, 1);
}

static void test_another_database(void **state)
{
    (void)state;
    judged_only(WRITE("0", "10", "20", "taiwan-a", "1",
                      "1") "i 1 1 30 add committed a1:1\no 1 40 ok 30 writer tokyo-a 8 1 2 -\n",
                check_epoch_judge, CHECK_REPORT_TWO_SYSTEMS, 1);
}

static void test_reads_do_not_count(void **state)
{
    (void)state;
    judged_clean(WRITE("0", "30", "40", "tokyo-a", "2",
                       "2") "i 1 1 50 list committed r1\no 1 60 ok 50 writer taiwan-a 7 1 1 - r1:\n",
                 check_epoch_judge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_an_answer_that_was_on_its_way),
        cmocka_unit_test(test_split_brain),
        cmocka_unit_test(test_what_nobody_waits_for_counts),
        cmocka_unit_test(test_the_first_epoch_is_proven_by_nobody),
        cmocka_unit_test(test_proof_that_comes_a_moment_later),
        cmocka_unit_test(test_two_nodes_in_one_epoch),
        cmocka_unit_test(test_another_database),
        cmocka_unit_test(test_reads_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
