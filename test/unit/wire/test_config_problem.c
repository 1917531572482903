/* SPDX-License-Identifier: Apache-2.0
 * Problems of a configuration: their order, the caret under the token, and the nearest word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config_problem.h"

static void test_print(void **state)
{
    (void)state;
    static const char source[] = "first: 1\r\n\tünder: x\nthird: 3";
    static struct config_problems problems;
    struct arena arena;
    arena_init(&arena, 65536);
    config_problem_init(&problems, &arena, span_text(source));
    config_problem_error(&problems, 3, 8, "three");
    config_problem_warning(&problems, 2, 9, "two\nforged: error: line");
    config_problem_error(&problems, 0, 0, "whole");
    config_problem_error(&problems, 1, 1, "one");
    char text[1024];
    struct buf messages;
    buf_init(&messages, text, sizeof text);
    config_problem_print(&problems, "f", &messages);
    assert_string_equal(text, "f: error: whole\n"
                              "f:1:1: error: one\n    first: 1\n    ^\n"
                              "f:2:9: warning: two?forged: error: line\n    \tünder: x\n    \t       ^\n"
                              "f:3:8: error: three\n    third: 3\n           ^\n"
                              "f: 3 errors, 1 warning\n");
    arena_fini(&arena);
}

/* A long line is shown around the token. */
static void test_long_line(void **state)
{
    (void)state;
    static char source[5000];
    memset(source, 'x', sizeof source - 1);
    source[3000] = 'Y';
    static struct config_problems problems;
    struct arena arena;
    arena_init(&arena, 65536);
    config_problem_init(&problems, &arena, span_text(source));
    config_problem_error(&problems, 1, 3001, "here");
    char text[1024];
    struct buf messages;
    buf_init(&messages, text, sizeof text);
    config_problem_print(&problems, "f", &messages);
    assert_false(messages.overflow);
    const char *line = strchr(text, '\n') + 1;
    const char *caret = strchr(line, '\n') + 1;
    assert_int_equal(strchr(line, 'Y') - line, strchr(caret, '^') - caret);
    arena_fini(&arena);
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"name", "failure_threshold", "success_threshold", "critical", "tcp", NULL};
    assert_string_equal(config_problem_nearest("nmae", words), "name");
    assert_string_equal(config_problem_nearest("treshold", words), "failure_threshold");
    assert_string_equal(config_problem_nearest("sucess_threshold", words), "success_threshold");
    assert_string_equal(config_problem_nearest("crit", words), "critical");
    assert_string_equal(config_problem_nearest("tpc", words), "tcp");
    assert_null(config_problem_nearest("colour", words));
    assert_null(config_problem_nearest("x", words));
    assert_null(config_problem_nearest("", words));
    assert_null(config_problem_nearest("a-word-that-is-much-longer-than-any-key-of-ours", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
