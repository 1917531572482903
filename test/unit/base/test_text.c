/* SPDX-License-Identifier: Apache-2.0
 * Text: what does not fit is cut between characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static void test_cut_between_characters(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *kept; /* of 7 bytes */
    } cases[] = {
        {"", ""},
        {"taiwan", "taiwan"},
        {"taiwan-a", "taiwan-"},
        {"\xe5\x8f\xb0\xe7\x81\xa3\xe5\x8d\x80", "\xe5\x8f\xb0\xe7\x81\xa3"},
        {"abcde\xc3\xa9", "abcde\xc3\xa9"},
        {"abcdef\xc3\xa9", "abcdef"},
        {"abc\xf0\x9f\x94\xa5", "abc\xf0\x9f\x94\xa5"},
        {"abcd\xf0\x9f\x94\xa5", "abcd"},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80", ""}, /* no text at all */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[8];
        memset(text, 'x', sizeof text);
        text_copy(text, sizeof text, cases[i].text);
        assert_string_equal(text, cases[i].kept);
        for (size_t at = strlen(text); at < sizeof text; at++) {
            assert_int_equal(text[at], 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
