/* SPDX-License-Identifier: Apache-2.0
 * Reading a verb's options: what is taken, what is refused, and with which exit code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_option.h"
#include "bin/verb.h"

enum { WORDS = 24 };

static const struct cli_option_verb move = {.name = "failover",
                                            .usage = "",
                                            .about = "",
                                            .example = "",
                                            .takes = CLI_OPTION_CHANGES | CLI_OPTION_MOVES | CLI_OPTION_WAITS};
static const struct cli_option_verb look = {
    .name = "status", .usage = "[REGION]", .about = "", .example = "", .takes = CLI_OPTION_WATCHES, .operands_max = 1};
static const struct cli_option_verb back = {.name = "failback",
                                            .usage = "",
                                            .about = "",
                                            .example = "",
                                            .takes = CLI_OPTION_CHANGES | CLI_OPTION_MOVES | CLI_OPTION_MODE};
static const struct cli_option_verb word = {.name = "approve",
                                            .usage = "ID",
                                            .about = "",
                                            .example = "",
                                            .takes = CLI_OPTION_CHANGES,
                                            .operands_min = 1,
                                            .operands_max = 1};

/* A line of words, as a shell without quotes would give them. */
static int parse(const struct cli_option_verb *verb, const char *line, struct cli_option *ret_option)
{
    static char memory[512];
    char *words[WORDS] = {NULL};
    int count = 0;
    char *rest = memory;
    assert_in_range(strlen(line), 1, sizeof memory - 1);
    memcpy(memory, line, strlen(line) + 1);
    for (char *at = strsep(&rest, " "); at != NULL && count < WORDS - 1; at = strsep(&rest, " ")) {
        words[count++] = at;
    }
    memset(ret_option, 0, sizeof *ret_option);
    return cli_option_parse(count, words, verb, ret_option);
}

static void test_all_of_a_move(void **state)
{
    (void)state;
    struct cli_option option;
    assert_int_equal(
        parse(&move,
              "failover --source taiwan --target=tokyo --reason power --yes --wait --dry-run --accept-loss "
              "--timeout 90s -o json --api 127.0.0.1:1 --api 127.0.0.1:2 --no-input",
              &option),
        CLI_OPTION_GO);
    assert_string_equal(option.source, "taiwan");
    assert_string_equal(option.target, "tokyo");
    assert_string_equal(option.reason, "power");
    assert_true(option.yes && option.wait && option.dry_run && option.accept_loss && option.no_input);
    assert_int_equal(option.timeout_ms, 90000);
    assert_int_equal(option.format, CLI_OPTION_JSON);
    assert_int_equal(option.apis_count, 2);
    assert_string_equal(option.apis[1], "127.0.0.1:2");
    assert_false(option.color); /* standard output of a test is no terminal */
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const struct cli_option_verb *verb;
        const char *line;
    } cases[] = {
        {&move, "failover --source taiwan"},             /* no reason */
        {&move, "failover --reason="},                   /* an empty one */
        {&move, "failover --reason x --mode emergency"}, /* of failback only */
        {&back, "failback --reason x --mode quick"},
        {&move, "failover --reason x taiwan"}, /* no operand is expected */
        {&move, "failover --reason x -o xml"},
        {&move, "failover --reason x --timeout 10"},
        {&move, "failover --reason"},
        {&look, "status taiwan tokyo"},
        {&look, "status --yes"}, /* changes nothing */
        {&look, "status --watch -o json"},
        {&word, "approve --reason x"}, /* which run? */
        {&word, "approve 7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_option option;
        if (parse(cases[i].verb, cases[i].line, &option) != VERB_USAGE) {
            fail_msg("accepted: %s", cases[i].line);
        }
    }
}

/* What the engine keeps of a reason, it gets whole; a longer one is wrong usage. */
static void test_reason(void **state)
{
    static const struct {
        size_t letters;
        const char *end;
        int code;
    } cases[] = {{127, "", CLI_OPTION_GO},
                 {128, "", VERB_USAGE},
                 {124, "\xe6\xb5\xb7", CLI_OPTION_GO},
                 {125, "\xe6\xb5\xb7", VERB_USAGE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char reason[160];
        char line[200];
        struct cli_option option;
        memset(reason, 'x', cases[i].letters);
        snprintf(reason + cases[i].letters, sizeof reason - cases[i].letters, "%s", cases[i].end);
        snprintf(line, sizeof line, "failover --reason %s", reason);
        assert_int_equal(parse(&move, line, &option), cases[i].code);
        if (cases[i].code == CLI_OPTION_GO) {
            assert_string_equal(option.reason, reason);
        }
    }
}

static void test_operands(void **state)
{
    (void)state;
    struct cli_option option;
    assert_int_equal(parse(&look, "status taiwan -o wide", &option), CLI_OPTION_GO);
    assert_string_equal(option.operands[0], "taiwan");
    assert_int_equal(option.format, CLI_OPTION_WIDE);
    assert_int_equal(parse(&word, "approve 7 --reason x --yes", &option), CLI_OPTION_GO);
    assert_int_equal(parse(&back, "failback --reason x --mode emergency", &option), CLI_OPTION_GO);
    assert_string_equal(option.mode, "emergency");
}

/* Wherever it stands, and with nothing else that would be needed. */
static void test_help(void **state)
{
    (void)state;
    struct cli_option option;
    assert_int_equal(parse(&word, "approve --help", &option), VERB_OK);
    assert_int_equal(parse(&move, "failover --source taiwan -h", &option), VERB_OK);
    char *const check[] = {(char[]){"config"}, (char[]){"check"}, (char[]){"--help"}};
    char *const show[] = {(char[]){"config"}, (char[]){"-h"}};
    assert_true(cli_option_asks_help(3, (char **)(uintptr_t)check));
    assert_false(cli_option_asks_help(2, (char **)(uintptr_t)check));
    assert_true(cli_option_asks_help(2, (char **)(uintptr_t)show));
}

static void test_duration(void **state)
{
    (void)state;
    uint32_t ms = 0;
    assert_true(cli_option_duration("500ms", &ms) && ms == 500);
    assert_true(cli_option_duration("10s", &ms) && ms == 10000);
    assert_true(cli_option_duration("2m", &ms) && ms == 120000);
    assert_true(cli_option_duration("24h", &ms) && ms == 86400000);
    static const char *const wrong[] = {"",  "s", "10", "0s", "-1s", "25h", "1.5s", "10 s", "99999999999999999999s",
                                        "1d"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(cli_option_duration(wrong[i], &ms));
    }
}

static void test_output_by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *words[2];
        int count;
        bool found;
        bool good;
        int at;
        enum cli_option_format format;
    } cases[] = {
        {{"-o", "json"}, 2, true, true, 1, CLI_OPTION_JSON},
        {{"--output", "yaml"}, 2, true, true, 1, CLI_OPTION_YAML},
        {{"--output=wide", "json"}, 2, true, true, 0, CLI_OPTION_WIDE},
        {{"-o", "table"}, 2, true, true, 1, CLI_OPTION_TABLE},
        {{"-o", "xml"}, 2, true, false, 1, CLI_OPTION_TABLE},
        {{"-o", NULL}, 1, true, false, 0, CLI_OPTION_TABLE},
        {{"--output=", NULL}, 1, true, false, 0, CLI_OPTION_TABLE},
        {{"--outputs", "json"}, 2, false, true, 0, CLI_OPTION_TABLE},
        {{"json", NULL}, 1, false, true, 0, CLI_OPTION_TABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[2][16] = {"", ""};
        char *words[] = {memory[0], memory[1], NULL};
        enum cli_option_format format = CLI_OPTION_TABLE;
        bool good = true;
        int at = 0;
        for (int j = 0; j < cases[i].count; j++) {
            memcpy(memory[j], cases[i].words[j], strlen(cases[i].words[j]) + 1);
        }
        assert_int_equal(cli_option_output(cases[i].count, words, &at, &format, &good), cases[i].found);
        assert_int_equal(good, cases[i].good);
        assert_int_equal(at, cases[i].at);
        assert_int_equal(format, cases[i].format);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_of_a_move), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_reason),        cmocka_unit_test(test_operands),
                                       cmocka_unit_test(test_help),          cmocka_unit_test(test_duration),
                                       cmocka_unit_test(test_output_by_hand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
