/* SPDX-License-Identifier: Apache-2.0
 * Decimals: scaling, half-even rounding, limits, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/decimal.h"

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t digits;
        int64_t value;
    } cases[] = {
        {"0", 6, 0},
        {"-0", 6, 0},
        {"0.0", 6, 0},
        {"1", 6, 1000000},
        {"0.1", 6, 100000},
        {"0.10", 6, 100000},
        {"1e-1", 6, 100000},
        {"1E+2", 6, 100000000},
        {"12.5", 0, 12},
        {"13.5", 0, 14},
        {"12.500000001", 0, 13},
        {"0.5", 0, 0},
        {"1.5", 0, 2},
        {"-1.5", 0, -2},
        {"-2.5", 0, -2},
        {"0.05", 0, 0},
        {"0.9", 0, 1},
        {"0.0000005", 6, 0},
        {"0.0000015", 6, 2},
        {"0.1000005", 6, 100000},
        {"0.1000015", 6, 100002},
        {"0.10000050000000000000000000000000000000000000000001", 6, 100001},
        {"0.9999995", 6, 1000000},
        {"0.00000049", 6, 0},
        {"0.000000001", 6, 0},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775807", 0, -INT64_MAX},
        {"9223372036854.775807", 6, INT64_MAX},
        {"0.000000000000000001", 18, 1},
        {"1e-9999", 6, 0},
        {"0e99999999999", 6, 0},
        {"123456789012345678901234567890e-24", 0, 123457},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t value = -7;
        if (decimal_parse(cases[i].text, strlen(cases[i].text), cases[i].digits, &value) != ERR_OK ||
            value != cases[i].value) {
            fail_msg("%s at %u digits: %lld", cases[i].text, cases[i].digits, (long long)value);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "-",  ".",  ".5", "5.",  "1e",    "1e+",
                                        "--1", "+1", "1 ", " 1", "0x1", "1.2.3", "nan"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t value = 7;
        assert_int_equal(decimal_parse(texts[i], strlen(texts[i]), 6, &value), ERR_INVALID);
        assert_int_equal(value, 7);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    static const char *const texts[] = {"9223372036854775808", "9223372036854775807.5", "1e19", "1e9999", "-1e400"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int64_t value = 7;
        assert_int_equal(decimal_parse(texts[i], strlen(texts[i]), 0, &value), ERR_TOO_LARGE);
        assert_int_equal(value, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
