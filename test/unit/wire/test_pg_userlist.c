/* SPDX-License-Identifier: Apache-2.0
 * Tests of files of roles and their secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "wire/pg_userlist.h"

#define VERIFIER                                                                                                       \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                        \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define MD5 "md59d792a3a8853c2411afb9163d088c036"

static void test_all_sorts(void **state)
{
    (void)state;
    static const char text[] = "\n; a comment\n\"ann\" \"sec\"\"ret\" and what follows \"is\" ignored\n"
                               "\t\"bob\"\t\"" MD5 "\"\r\n# another comment\n  \"e v e\"\"\"\"" VERIFIER "\"";
    static const struct pg_userlist_entry expected[] = {
        {PG_USERLIST_PASSWORD, "ann", "sec\"ret"},
        {PG_USERLIST_VERIFIER, "bob", MD5},
    };
    struct pg_userlist list;
    struct pg_userlist_entry entry;
    pg_userlist_init(&list, span_of(text, sizeof text - 1));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pg_userlist_next(&list, &entry), ERR_OK);
        assert_string_equal(entry.name, expected[i].name);
        assert_string_equal(entry.secret, expected[i].secret);
        assert_int_equal(entry.kind, expected[i].kind);
    }
    /* Without a blank between the fields the quotes are a doubled one: no second field. */
    assert_int_equal(pg_userlist_next(&list, &entry), ERR_INVALID);
    assert_int_equal(list.line, 6);
}

static void test_the_end(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "; only\n", "# only", "   \t"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pg_userlist list;
        struct pg_userlist_entry entry;
        pg_userlist_init(&list, span_text(texts[i]));
        assert_int_equal(pg_userlist_next(&list, &entry), ERR_NOT_FOUND);
    }
}

static void test_problems_have_a_line_and_a_hint(void **state)
{
    (void)state;
    char name[128];
    char secret[600];
    memset(name, 'n', sizeof name);
    memset(secret, 's', sizeof secret);
    snprintf(name, sizeof name, "\"%.64s\" \"x\"", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
    memcpy(secret, "\"a\" \"", 5);
    secret[sizeof secret - 1] = '\0';
    const struct {
        const char *text;
        uint32_t line;
        const char *problem;
    } rows[] = {
        {"ann secret", 1, "expected a double quote"},
        {"\n\"ann\"", 2, "expected a double quote"},
        {"\"ann\" secret", 1, "expected a double quote"},
        {"\"ann\" \"secret", 1, "not closed"},
        {"\"ann\" \"sec\nret\"", 1, "not closed"},
        {"\"\" \"x\"", 1, "needs a name"},
        {"\"ann\" \"\"", 1, "empty"},
        {"\"ann\" \"p\xc3\xa4ss\"", 1, "printable ASCII"},
        {"\"ann\" \"SCRAM-SHA-256$4096:nonsense\"", 1, "malformed"},
        {name, 1, "too long"},
        {secret, 1, "too long"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pg_userlist list;
        struct pg_userlist_entry entry;
        pg_userlist_init(&list, span_text(rows[i].text));
        assert_int_equal(pg_userlist_next(&list, &entry), ERR_INVALID);
        assert_int_equal(list.line, rows[i].line);
        assert_non_null(strstr(list.problem, rows[i].problem));
        assert_string_equal(entry.secret, ""); /* nothing of it stays */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sorts),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_problems_have_a_line_and_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
