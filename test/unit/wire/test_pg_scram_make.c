/* SPDX-License-Identifier: Apache-2.0
 * Tests of verifiers that are made of passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/pg_scram_make.h"

/* The example of RFC 7677: password "pencil", and the keys that its proof and signature come from. */
static void test_known_password(void **state)
{
    (void)state;
    static const uint8_t salt[PG_SCRAM_MAKE_SALT] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                                     0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    char text[PG_SCRAM_VERIFIER];
    assert_int_equal(pg_scram_make_verifier("pencil", salt, text), ERR_OK);
    assert_string_equal(text, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
                              ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    struct pg_scram_verifier verifier;
    assert_int_equal(pg_scram_verifier_parse(span_text(text), &verifier), ERR_OK);
    assert_int_equal(verifier.iterations, PG_SCRAM_MAKE_ITERATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
