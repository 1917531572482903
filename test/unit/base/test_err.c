/* SPDX-License-Identifier: Apache-2.0
 * Error table: names and texts are whole and unique. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

static void test_every_row_has_name_and_text(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_true(strlen(err_text((enum err)i)) > 0);
        assert_int_equal(err_from_name(err_name((enum err)i)), i);
    }
    assert_string_equal(err_name((enum err)9999), "INTERNAL");
}

static void test_errno(void **state)
{
    (void)state;
    assert_int_equal(err_from_errno(0), ERR_OK);
    assert_int_equal(err_from_errno(ECONNREFUSED), ERR_REFUSED);
    assert_int_equal(err_from_errno(ENOSPC), ERR_DISK_FULL);
    assert_int_equal(err_from_errno(EXDEV), ERR_IO);
    assert_true(err_retry(ERR_TIMEOUT));
    assert_false(err_retry(ERR_INVALID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_has_name_and_text),
        cmocka_unit_test(test_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
