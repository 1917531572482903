/* SPDX-License-Identifier: Apache-2.0
 * The lines of a history: what is read, what is refused, what a killed client leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "history.h"

static struct history history;

static int setup(void **state)
{
    (void)state;
    history_init(&history);
    return history_begin(&history) == ERR_OK &&
                   history_line(&history, span_text("holdfast-history 1 3 100")) == ERR_OK &&
                   history_line(&history, span_text("i 0 4 1000 list serializable r7 a8:-12 r8")) == ERR_OK
               ? 0
               : 1;
}

static int teardown(void **state)
{
    (void)state;
    history_fini(&history);
    return 0;
}

static enum err line(const char *text)
{
    return history_line(&history, span_text(text));
}

static void test_everything_is_read(void **state)
{
    (void)state;
    assert_int_equal(line("o 0 1010 ok 1005 writer taiwan-a 18446744073709551615 3 9 - r7:1,2 r8:-12"), ERR_OK);
    const struct history_op *op = &history.ops[0];
    assert_int_equal(op->process, 4);
    assert_int_equal(op->invoked_us, 1000);
    assert_int_equal(op->sent_us, 1005);
    assert_int_equal(op->completed_us, 1010);
    assert_int_equal(op->outcome, HISTORY_OK);
    assert_int_equal(op->level, HISTORY_SERIALIZABLE);
    assert_true(op->system == UINT64_MAX);
    assert_int_equal(op->timeline, 3);
    assert_int_equal(op->epoch, 9);
    assert_string_equal(history.names[op->node], "taiwan-a");
    assert_int_equal(history.micros[0].count, 2);
    assert_int_equal(history.values[history.micros[0].first + 1], 2);
    assert_int_equal(history.micros[1].value, -12);
    assert_int_equal(history.values[history.micros[2].first], -12);
}

static void test_without_an_answer_it_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(history.ops[0].outcome, HISTORY_UNKNOWN);
    assert_true(history.ops[0].completed_us == INT64_MAX);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x 0",
        "i 2 4 1001 add committed a1:1", /* numbers are dense */
        "i 1 4 1001 add committed",      /* the shape of its kind */
        "i 1 4 1001 add committed r1",
        "i 1 4 1001 add committed a1:1 a1:2",
        "i 1 4 1001 add committed a1:",
        "i 1 4 1001 add committed a1:1x",
        "i 1 4 1001 add whatever a1:1",
        "i 1 4 1001 whatever committed a1:1",
        "i 1 -4 1001 add committed a1:1",
        "i 1 4 0 add committed a1:1",
        "i 1 4 1234567890123456789 add committed a1:1",
        "i 1 4 1001 list committed w1:1",
        "i 1 4 1001 books committed r1",
        "o 1 1010 ok 1005 writer n 1 1 1 -", /* nobody began it */
        "o 0 999 ok 998 writer n 1 1 1 -",   /* before it began */
        "o 0 1010 ok 1005 writer n 1 1 1",
        "o 0 1010 ok 1005 writer n 1 1 1 - r8:1", /* reads in their order */
        "o 0 1010 ok 1005 writer n 1 1 1 - r7:1 r8:2 r9:3",
        "o 0 1010 ok 1005 writer n 1 1 1 - r7:1,,2",
        "o 0 1010 ok 1005 writer n 18446744073709551616 1 1 -",
        "o 0 1010 ok 1005 writer a-name-that-is-longer-than-any-node-or-error-may-be-called 1 1 1 -",
        "v 0 2 1",
        "v 0 0 1 2",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        history_fini(&history);
        assert_int_equal(setup(NULL), 0);
        if (line(bad[i]) != ERR_INVALID) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void test_an_answer_comes_once(void **state)
{
    (void)state;
    assert_int_equal(line("o 0 1010 failed 0 - - 0 0 0 40001"), ERR_OK);
    assert_int_equal(line("o 0 1011 ok 1005 writer n 1 1 1 -"), ERR_INVALID);
}

static void test_a_second_file_counts_anew(void **state)
{
    (void)state;
    assert_int_equal(history_begin(&history), ERR_OK);
    assert_int_equal(line("i 0 4 1000 add committed a1:1"), ERR_INVALID); /* its head is missing */
    assert_int_equal(line("holdfast-history 1 4 100"), ERR_INVALID);      /* another bank */
    assert_int_equal(line("holdfast-history 1 3 100"), ERR_OK);
    assert_int_equal(line("i 0 4 2000 add committed a1:1"), ERR_OK);
    assert_int_equal(line("o 0 2010 ok 2000 writer n 1 1 1 -"), ERR_OK);
    assert_int_equal(history.ops[1].outcome, HISTORY_OK);
    assert_int_equal(history.ops[0].outcome, HISTORY_UNKNOWN);
}

static void test_half_a_line_at_the_end(void **state)
{
    (void)state;
    char text[] = "holdfast-history 1 3 100\ni 0 1 10 add committed a1:1\no 0 12 ok 10 writer n 1 1";
    size_t at = 0;
    FILE *file = fmemopen(text, strlen(text), "r");
    assert_non_null(file);
    assert_int_equal(history_read(&history, file, &at), ERR_OK);
    (void)fclose(file);
    assert_int_equal(at, 2);
    assert_int_equal(history.torn, 1);
    assert_int_equal(history.ops[1].outcome, HISTORY_UNKNOWN);
}

static void test_for_people(void **state)
{
    (void)state;
    char text[256];
    assert_int_equal(line("o 0 1010 ok 1005 writer taiwan-a 5 3 9 - r7:1,2 r8:-12"), ERR_OK);
    history_describe(&history, &history.ops[0], text, sizeof(text));
    assert_string_equal(text, "0.0 process 4 list serializable: ok from writer taiwan-a, timeline 3, epoch 9, invoked "
                              "0.001000, completed 0.001010: r7=[1 2] a8:-12 r8=[-12]");
    history_describe(&history, &history.ops[0], text, 30); /* cut, not overrun */
    assert_true(strlen(text) < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_an_answer_it_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_comes_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_second_file_counts_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_half_a_line_at_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_for_people, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
