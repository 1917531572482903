/* SPDX-License-Identifier: Apache-2.0
 * Cursor: never past the end, sticky failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cursor.h"

static void test_reads_in_order(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, "\1\2\3\4\5\6\7ab\0z", 11);
    assert_int_equal(cursor_u8(&cursor), 1);
    assert_int_equal(cursor_u16be(&cursor), 0x0203);
    assert_int_equal(cursor_u32be(&cursor), 0x04050607);
    assert_true(span_is(cursor_until(&cursor, 0), "ab"));
    assert_int_equal(cursor_left(&cursor), 1);
    assert_true(cursor_ok(&cursor));
}

static void test_failure_is_sticky(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, "\1\2", 2);
    assert_int_equal(cursor_u32be(&cursor), 0);
    assert_false(cursor_ok(&cursor));
    assert_int_equal(cursor_u8(&cursor), 0);
    assert_int_equal(cursor_left(&cursor), 0);
    assert_null(cursor_until(&cursor, 2).data);
}

static void test_huge_size_does_not_wrap(void **state)
{
    (void)state;
    struct cursor cursor;
    cursor_init(&cursor, "abc", 3);
    cursor_skip(&cursor, 1);
    assert_null(cursor_span(&cursor, SIZE_MAX).data);
    assert_false(cursor_ok(&cursor));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_in_order),
        cmocka_unit_test(test_failure_is_sticky),
        cmocka_unit_test(test_huge_size_does_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
