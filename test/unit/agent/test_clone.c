/* SPDX-License-Identifier: Apache-2.0
 * Cloning's texts: the progress line and the kept directory's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/clone.h"

static void test_progress(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool good;
        uint64_t done;
        uint64_t total;
    } cases[] = {
        {" 12345/67890 kB (18%), 0/1 tablespace", true, 12345, 67890},
        {"    0/31313 kB (0%), 0/1 tablespace", true, 0, 31313},
        {"31313/31313 kB (100%), 1/1 tablespace", true, 31313, 31313},
        {"waiting for checkpoint", false, 0, 0},
        {"1/", false, 0, 0},
        {"/2 kB", false, 0, 0},
        {"1/2 MB", false, 0, 0},
        {"1234567890123456789012/2 kB", false, 0, 0},
        {"", false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t done = 0;
        uint64_t total = 0;
        assert_int_equal(clone_parse_progress(cases[i].line, &done, &total), cases[i].good);
        assert_int_equal(done, cases[i].done);
        assert_int_equal(total, cases[i].total);
    }
}

static void test_kept_name(void **state)
{
    (void)state;
    char path[AGENT_OPTIONS_PATH];
    clone_kept_name("/var/lib/pg", 1795326077, 7, path);
    assert_string_equal(path, "/var/lib/pg.kept-20261122T054117Z-7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_kept_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
