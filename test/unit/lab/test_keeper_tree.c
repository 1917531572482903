/* SPDX-License-Identifier: Apache-2.0
 * Who descends from whom, and odd process names. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "keeper_tree.h"

static void test_parse(void **state)
{
    (void)state;
    static const char line[] = "4711 (a) S 1 (b) S 12 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2\n";
    struct keeper_tree_process process;
    assert_true(keeper_tree_parse(line, strlen(line), &process));
    assert_int_equal(process.pid, 4711);
    assert_int_equal(process.parent, 12);
    assert_int_equal(process.state, 'S');
    assert_true(process.start_ticks == 987654);
    assert_string_equal(process.name, "a) S 1 (b");
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const lines[] = {"",      "1",           "1 (a",    "1 a) S 1",
                                        ") 1 (", "x (a) S 1 1", "1 (a) S", "1 (a) S 1 2 3"};
    struct keeper_tree_process process;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_false(keeper_tree_parse(lines[i], strlen(lines[i]), &process));
    }
}

static void test_mark(void **state)
{
    (void)state;
    struct keeper_tree_process list[] = {
        {.pid = 5, .parent = 4}, {.pid = 4, .parent = 2}, {.pid = 2, .parent = 1},
        {.pid = 3, .parent = 1}, {.pid = 6, .parent = 3}, {.pid = 1, .parent = 0},
    };
    assert_int_equal(keeper_tree_mark(list, 6, 2), 2);
    assert_true(list[0].below && list[1].below);
    assert_false(list[2].below || list[3].below || list[4].below || list[5].below);
    assert_int_equal(keeper_tree_mark(list, 6, 1), 5);
    assert_int_equal(keeper_tree_mark(list, 6, 99), 0);
}

static void test_signal(void **state)
{
    (void)state;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)pause();
        _exit(0);
    }
    assert_true(pid > 0);
    assert_true(keeper_tree_signal(getpid(), SIGKILL) >= 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(keeper_tree_signal(getpid(), SIGKILL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
