/* SPDX-License-Identifier: Apache-2.0
 * What SQLSTATEs mean: each row of the manual page's table against the function, and the cases beside the table.
 *
 * HOLDFAST_MANUAL names the page's source. */
#include <holdfast.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

enum { COLUMNS = 5, COLUMN = 160, ROWS = 30 };

struct row {
    char columns[COLUMNS][COLUMN];
};

static struct holdfast_verdict classify(const char *sqlstate, uint32_t flags)
{
    struct holdfast_verdict verdict;
    holdfast_classify(sqlstate, flags, &verdict);
    return verdict;
}

static void expect_result(const char *sqlstate, uint32_t flags, const char *name)
{
    const struct holdfast_verdict verdict = classify(sqlstate, flags);
    if (strcmp(holdfast_result_name(verdict.result), name) != 0) {
        fail_msg("%s, flags %u: %s, the manual says %s", sqlstate, flags, holdfast_result_name(verdict.result), name);
    }
}

static void expect_word(const struct row *row, const char *word, int got)
{
    if ((strstr(row->columns[3], word) != NULL) != (got != 0)) {
        fail_msg("%s: '%s' is %d, the manual says '%s'", row->columns[0], word, got, row->columns[3]);
    }
}

/* A SQLSTATE that this row is for. */
static const char *example(const struct row *row, char text[8])
{
    const char *prefix = row->columns[0];
    if (strcmp(prefix, "none") == 0) {
        return NULL;
    }
    memcpy(text, strcmp(prefix, "other") == 0 ? "42601" : "00000", 6);
    if (strcmp(prefix, "other") != 0) {
        memcpy(text, prefix, strnlen(prefix, 5));
    }
    return text;
}

static void check_row(const struct row *row)
{
    char text[8];
    const char *sqlstate = example(row, text);
    const uint32_t lost = sqlstate == NULL ? HOLDFAST_CALL_LOST : 0;
    const struct holdfast_verdict verdict = classify(sqlstate, lost);
    expect_result(sqlstate, lost, row->columns[1]);
    expect_result(sqlstate, lost | HOLDFAST_CALL_COMMITS, row->columns[2]);
    expect_result(sqlstate, lost | HOLDFAST_CALL_COMMITS | HOLDFAST_CALL_CONNECTING, row->columns[1]);
    expect_word(row, "count", verdict.outcome == HOLDFAST_ERROR);
    expect_word(row, "shun", (verdict.flags & HOLDFAST_VERDICT_SHUN) != 0);
    expect_word(row, "look", (verdict.flags & HOLDFAST_VERDICT_LOOK) != 0);
    expect_word(row, "reconnect", (verdict.flags & HOLDFAST_VERDICT_RECONNECT) != 0);
    assert_int_equal(verdict.outcome == HOLDFAST_SUCCESS, verdict.result == HOLDFAST_RESULT_SUCCESS);
    assert_int_equal(verdict.reserved, 0);
}

static void test_manual(void **state)
{
    (void)state;
    const char *path = getenv("HOLDFAST_MANUAL");
    assert_non_null(path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char line[512];
    struct row row;
    int rows = 0;
    int column = COLUMNS;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        column = strncmp(line, "|  ", 3) == 0 ? 0 : column;
        if (column < COLUMNS) {
            text_copy(row.columns[column++], COLUMN, line + 3);
            if (column == COLUMNS) {
                check_row(&row);
                rows++;
            }
        }
    }
    fclose(file);
    assert_int_equal(rows, ROWS); /* as many as the function's table, with that of no SQLSTATE */
}

static void test_beside_the_table(void **state)
{
    (void)state;
    expect_result(NULL, 0, "SUCCESS");
    expect_result("", 0, "SUCCESS");
    expect_result(NULL, HOLDFAST_CALL_COMMITS, "SUCCESS");
    expect_result(NULL, HOLDFAST_CALL_UNCONFIRMED, "OUTCOME_UNKNOWN");
    expect_result("00000", HOLDFAST_CALL_UNCONFIRMED | HOLDFAST_CALL_COMMITS, "OUTCOME_UNKNOWN");
    expect_result("23505", HOLDFAST_CALL_UNCONFIRMED, "IGNORED");
    expect_result(NULL, HOLDFAST_CALL_CONNECTING | HOLDFAST_CALL_COMMITS, "WRONG_SERVER");
    expect_result("57P03", HOLDFAST_CALL_CONNECTING, "WRONG_SERVER");
    expect_result("00000", HOLDFAST_CALL_LOST | HOLDFAST_CALL_COMMITS, "OUTCOME_UNKNOWN");
    expect_result("40002", 0, "IGNORED");
    expect_result("U0001", 0, "IGNORED");
    assert_int_equal(classify("40001", HOLDFAST_CALL_LOST).flags, HOLDFAST_VERDICT_RECONNECT);
    assert_int_equal(classify(NULL, HOLDFAST_CALL_LOST).outcome, HOLDFAST_ERROR);
    assert_int_equal(classify("25006", 0).outcome, HOLDFAST_IGNORED_ERROR);
}

/* What is no SQLSTATE is an error of whoever sent it, never a success. */
static void test_nonsense(void **state)
{
    (void)state;
    const char *const texts[] = {"0", "0000", "000000", "0800a", "08 07", "\xff\xff\xff\xff\xff", "40001 "};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        expect_result(texts[i], 0, "FAILURE");
        assert_int_equal(classify(texts[i], 0).outcome, HOLDFAST_ERROR);
    }
    assert_string_equal(holdfast_result_name((enum holdfast_result)6), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manual),
        cmocka_unit_test(test_beside_the_table),
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
