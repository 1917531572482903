/* SPDX-License-Identifier: Apache-2.0
 * Lengths of time, tables, paint, YAML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_text.h"

static char memory[64 * 1024];

static struct cli_text fresh(bool color)
{
    struct cli_text text = {.color = color};
    buf_init(&text.out, memory, sizeof memory);
    return text;
}

static void test_span(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *span;
    } cases[] = {{-1, "-"},
                 {0, "0 ms"},
                 {999, "999 ms"},
                 {1000, "1.0 s"},
                 {99999, "99.9 s"},
                 {100000, "1 min"},
                 {3599999, "59 min"},
                 {3600000, "1 h 0 min"},
                 {86399999, "23 h 59 min"},
                 {86400000, "1 d 0 h"},
                 {1051860000, "12 d 4 h"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char span[CLI_TEXT_SPAN];
        assert_string_equal(cli_text_span(cases[i].ms, span), cases[i].span);
    }
    char time[CLI_TEXT_SPAN];
    assert_string_equal(cli_text_time(1763790045123, time), "2025-11-22 05:40:45");
    assert_string_equal(cli_text_time(0, time), "-");
}

static void test_table(void **state)
{
    (void)state;
    static const char *const titles[] = {"name", ">number", "text", NULL};
    struct cli_text text = fresh(false);
    struct cli_text_table *table = cli_text_table_new(titles);
    for (int i = 0; i < 40; i++) { /* more than its first room */
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_BAD, "%s", i == 0 ? "T\xc3\xa5iwan" : "x");
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%d", i == 0 ? 12345678 : i);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "end");
    }
    cli_text_table_end(table, "| ", &text);
    static const char expected[] = "| name      number  text\n"
                                   "| T\xc3\xa5iwan  12345678  end\n"
                                   "| x              1  end\n";
    assert_int_equal(strncmp(buf_string(&text.out), expected, sizeof expected - 1), 0);
}

static void test_paint(void **state)
{
    (void)state;
    struct cli_text text = fresh(true);
    cli_text_print(&text, CLI_TEXT_GOOD, "up %d", 1);
    cli_text_print(&text, CLI_TEXT_PLAIN, " and plain");
    assert_string_equal(buf_string(&text.out), "\033[32mup 1\033[0m and plain");
    text = fresh(false);
    cli_text_print(&text, CLI_TEXT_BAD, "down");
    assert_string_equal(buf_string(&text.out), "down");
}

static void test_yaml(void **state)
{
    (void)state;
    struct cli_text text = fresh(false);
    json_t *json = json_loads(
        "{\"a\":1,\"b\":{\"c\":\"x: y\",\"d\":[]},\"e\":[{\"f\":null,\"g\":true},{\"f\":2}],\"h\":[1,2]}", 0, NULL);
    cli_text_yaml(&text.out, json);
    json_decref(json);
    assert_string_equal(buf_string(&text.out), "a: 1\n"
                                               "b:\n"
                                               "  c: \"x: y\"\n"
                                               "  d: []\n"
                                               "e:\n"
                                               "  - f: null\n"
                                               "    g: true\n"
                                               "  - f: 2\n"
                                               "h:\n"
                                               "  - 1\n"
                                               "  - 2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_span), cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_paint), cmocka_unit_test(test_yaml)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
