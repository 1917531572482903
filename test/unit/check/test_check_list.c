/* SPDX-License-Identifier: Apache-2.0
 * Lists: each of Adya's anomalies made by hand is found, under its name, on the levels that forbid it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "check_list.h"
#include "judged.h"

enum { TEXT = 8192 };

static char text[TEXT];
static size_t number;
static const char *level;

static void begin(const char *new_level)
{
    text[0] = '\0';
    number = 0;
    level = new_level;
}

static void append(const char *micros, const char *outcome, const char *reads)
{
    const size_t size = strlen(text);
    (void)snprintf(text + size, TEXT - size, "i %zu %zu %zu list %s %s\no %zu %zu %s %zu writer taiwan-a 7 1 1 - %s\n",
                   number, number, number * 10 + 10, level, micros, number, number * 10 + 15, outcome, number * 10 + 12,
                   reads);
    /* no space behind the last word */
    const size_t end = strlen(text);
    if (end > 1 && text[end - 2] == ' ') {
        memcpy(text + end - 2, "\n", 2);
    }
    number++;
}

static void ok(const char *micros, const char *reads)
{
    append(micros, "ok", reads);
}

static void test_what_is_right(void **state)
{
    (void)state;
    begin("serializable");
    ok("a1:1", "");
    ok("r1 a1:2 r1", "r1:1 r1:1,2");
    append("a1:3", "unknown", "");
    append("a1:4", "failed", "");
    ok("r1 r2", "r1:1,2 r2:");
    ok("r1 r2", "r1:1,2,3 r2:"); /* the unknown one, late */
    judged_clean(text, check_list_judge);
    judged_clean("", check_list_judge);
}

static void test_dirty_write(void **state)
{
    (void)state;
    begin("committed");
    ok("a1:1 a2:1", "");
    ok("a1:2 a2:2", "");
    ok("r1 r2", "r1:1,2 r2:2,1");
    judged_only(text, check_list_judge, CHECK_REPORT_G0, 1);
}

static void test_aborted_read(void **state)
{
    (void)state;
    begin("committed");
    append("a1:1", "failed", "");
    ok("r1", "r1:1");
    judged_only(text, check_list_judge, CHECK_REPORT_G1A, 1);
}

static void test_intermediate_read(void **state)
{
    (void)state;
    begin("committed");
    ok("a1:1 a1:2", "");
    ok("r1", "r1:1");
    ok("r1", "r1:1,2");
    judged_text(text, check_list_judge);
    assert_int_equal(judged_text(text, check_list_judge)->counts[CHECK_REPORT_G1B], 1);
}

static void test_circular_information(void **state)
{
    (void)state;
    begin("committed");
    ok("a1:1 r2", "r2:2");
    ok("a2:2 r1", "r1:1");
    ok("r1 r2", "r1:1 r2:2");
    judged_only(text, check_list_judge, CHECK_REPORT_G1C, 1);
}

/* The second reads list 1 before the first's append and list 2 after it. */
static void read_skew(const char *at)
{
    begin(at);
    ok("a1:1 a2:2", "");
    ok("r1 r2", "r1: r2:2");
    ok("r1 r2", "r1:1 r2:2");
}

static void test_read_skew(void **state)
{
    (void)state;
    read_skew("serializable");
    judged_only(text, check_list_judge, CHECK_REPORT_G_SINGLE, 1);
    read_skew("repeatable");
    judged_only(text, check_list_judge, CHECK_REPORT_G_SINGLE, 1);
    read_skew("committed"); /* allowed there */
    judged_clean(text, check_list_judge);
}

static void write_skew(const char *at)
{
    begin(at);
    ok("r1 a2:2", "r1:");
    ok("r2 a1:1", "r2:");
    ok("r1 r2", "r1:1 r2:2");
}

static void test_write_skew(void **state)
{
    (void)state;
    write_skew("serializable");
    judged_only(text, check_list_judge, CHECK_REPORT_G2_ITEM, 1);
    write_skew("repeatable"); /* allowed there */
    judged_clean(text, check_list_judge);
    write_skew("committed");
    judged_clean(text, check_list_judge);
}

static void test_lost_update(void **state)
{
    (void)state;
    begin("serializable");
    ok("a1:1", "");
    ok("a1:2", "");
    ok("r1", "r1:2");
    judged_only(text, check_list_judge, CHECK_REPORT_LOST, 1);
}

static void test_something_was_taken_back(void **state)
{
    (void)state;
    begin("committed");
    append("a1:1", "unknown", "");
    ok("r1", "r1:1");
    ok("a1:2", "");
    ok("r1", "r1:2");
    judged_text(text, check_list_judge);
    assert_int_equal(judged_text(text, check_list_judge)->counts[CHECK_REPORT_ORDER], 1);
}

static void test_elements_from_nowhere_and_twice(void **state)
{
    (void)state;
    begin("committed");
    ok("a1:1", "");
    ok("r1", "r1:1,9");
    judged_only(text, check_list_judge, CHECK_REPORT_PHANTOM, 1);
    begin("committed");
    ok("a1:1", "");
    ok("r1", "r1:1,1");
    judged_only(text, check_list_judge, CHECK_REPORT_DUPLICATE, 1);
}

static void test_own_writes(void **state)
{
    (void)state;
    begin("committed");
    ok("a1:1 r1", "r1:");
    ok("r1", "r1:1");
    judged_only(text, check_list_judge, CHECK_REPORT_INTERNAL, 1);
    begin("repeatable");
    ok("a1:1", "");
    ok("r1 r1", "r1: r1:1");
    ok("r1", "r1:1");
    judged_only(text, check_list_judge, CHECK_REPORT_INTERNAL, 1);
    begin("committed"); /* allowed there */
    ok("a1:1", "");
    ok("r1 r1", "r1: r1:1");
    ok("r1", "r1:1");
    judged_clean(text, check_list_judge);
}

static void test_the_witness_is_the_shortest_cycle(void **state)
{
    (void)state;
    begin("serializable");
    /* A long cycle of anti-dependencies, and a short one through the same transactions. */
    ok("r1 r2 a2:2", "r1: r2:");
    ok("r3 a1:1", "r3:");
    ok("r2 a3:3", "r2:");
    ok("r1 r2 r3", "r1:1 r2:2 r3:3");
    const struct check_report *report = judged_text(text, check_list_judge);
    assert_int_equal(report->counts[CHECK_REPORT_G2_ITEM], 1);
    assert_non_null(strstr(report->texts[CHECK_REPORT_G2_ITEM][0], "a cycle of 3 in a component of 3"));
}

static void test_a_long_cycle_is_found(void **state)
{
    (void)state;
    enum { LENGTH = 50 };
    char micros[64];
    char reads[2048] = "";
    char all[2048] = "";
    begin("serializable");
    for (int i = 0; i < LENGTH; i++) {
        (void)snprintf(micros, sizeof(micros), "r%d a%d:1", i, (i + 1) % LENGTH);
        (void)snprintf(reads, sizeof(reads), "r%d:", i);
        ok(micros, reads);
    }
    reads[0] = '\0';
    for (int i = 0; i < LENGTH; i++) {
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%sr%d", i > 0 ? " " : "", i);
        (void)snprintf(reads + strlen(reads), sizeof(reads) - strlen(reads), "%sr%d:1", i > 0 ? " " : "", i);
    }
    ok(all, reads);
    judged_only(text, check_list_judge, CHECK_REPORT_G2_ITEM, 1);
}

static void test_replicas_make_no_cycles(void **state)
{
    (void)state;
    static const char late[] = "i 0 1 10 list repeatable a1:1 a2:2\no 0 12 ok 11 writer taiwan-a 7 1 1 -\n"
                               "i 1 1 20 list repeatable r1 r2\no 1 22 ok 21 replica tokyo-a 7 1 1 - r1: r2:2\n"
                               "i 2 1 30 list repeatable r1 r2\no 2 32 ok 31 writer taiwan-a 7 1 1 - r1:1 r2:2\n";
    judged_clean(late, check_list_judge);
}

static void test_levels_do_not_share_lists(void **state)
{
    (void)state;
    judged_refused("i 0 1 10 list committed a1:1\ni 1 1 11 list serializable a1:2\n", check_list_judge, ERR_INVALID);
    judged_refused("i 0 1 10 list committed a1:1\ni 1 1 11 list committed a1:1\n", check_list_judge, ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_right),
        cmocka_unit_test(test_dirty_write),
        cmocka_unit_test(test_aborted_read),
        cmocka_unit_test(test_intermediate_read),
        cmocka_unit_test(test_circular_information),
        cmocka_unit_test(test_read_skew),
        cmocka_unit_test(test_write_skew),
        cmocka_unit_test(test_lost_update),
        cmocka_unit_test(test_something_was_taken_back),
        cmocka_unit_test(test_elements_from_nowhere_and_twice),
        cmocka_unit_test(test_own_writes),
        cmocka_unit_test(test_the_witness_is_the_shortest_cycle),
        cmocka_unit_test(test_a_long_cycle_is_found),
        cmocka_unit_test(test_replicas_make_no_cycles),
        cmocka_unit_test(test_levels_do_not_share_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
