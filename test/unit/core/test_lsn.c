/* SPDX-License-Identifier: Apache-2.0
 * Log positions: text forms, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/lsn.h"

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {"0/0", "0/3000148", "16/B374D848", "FFFFFFFF/FFFFFFFF"};
    for (size_t i = 0; i < 4; i++) {
        struct lsn lsn;
        char text[LSN_TEXT];
        assert_true(lsn_parse(texts[i], &lsn));
        lsn_print(lsn, text);
        assert_string_equal(text, texts[i]);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "/", "0/", "/0", "0", "0/3000148 ", "123456789/0", "x/0", "0/1/2"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct lsn lsn;
        assert_false(lsn_parse(texts[i], &lsn));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
