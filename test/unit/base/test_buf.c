/* SPDX-License-Identifier: Apache-2.0
 * Buffer: ceiling, sticky overflow, terminator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_overflow_is_sticky_and_writes_nothing(void **state)
{
    (void)state;
    uint8_t memory[8];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    buf_text(&buf, "1234567");
    assert_false(buf.overflow);
    buf_u8(&buf, '8');
    assert_true(buf.overflow);
    assert_string_equal(buf_string(&buf), "1234567");
    buf_text(&buf, "");
    assert_true(buf.overflow);
    buf_reset(&buf);
    assert_string_equal(buf_string(&buf), "");
}

static void test_printf_cut_leaves_what_was_there(void **state)
{
    (void)state;
    uint8_t memory[8];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    buf_printf(&buf, "%d", 123);
    buf_printf(&buf, "%s", "too long for it");
    assert_true(buf.overflow);
    assert_string_equal(buf_string(&buf), "123");
}

static void test_big_endian(void **state)
{
    (void)state;
    uint8_t memory[16];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    buf_u16be(&buf, 0x0102);
    buf_u32be(&buf, 0x03040506);
    assert_memory_equal(memory, "\1\2\3\4\5\6", 6);
    buf_init(&buf, NULL, 0);
    buf_u8(&buf, 1);
    assert_true(buf.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflow_is_sticky_and_writes_nothing),
        cmocka_unit_test(test_printf_cut_leaves_what_was_there),
        cmocka_unit_test(test_big_endian),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
