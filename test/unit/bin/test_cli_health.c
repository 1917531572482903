/* SPDX-License-Identifier: Apache-2.0
 * The matrix of checks and observers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_health.h"

static const char answer[] =
    "{\"checks\":[{\"check\":\"front\",\"region\":\"taiwan\",\"severity\":\"critical\",\"layer\":1,\"verdict\":"
    "\"FAILED\","
    "\"reporting\":2,\"failed\":2,\"observers\":["
    "{\"site\":\"tokyo\",\"verdict\":\"FAILED\",\"window\":7,\"age_ms\":120,\"error\":\"REFUSED\",\"message\":"
    "\"connection "
    "refused by 127.1.0.80:80\"},{\"site\":\"witness\",\"verdict\":\"UNKNOWN\",\"window\":0,\"age_ms\":-1}]},"
    "{\"check\":\"front\",\"region\":\"tokyo\",\"severity\":\"important\",\"layer\":2,\"verdict\":\"PASSED\","
    "\"reporting\":2,"
    "\"failed\":0,\"observers\":[{\"site\":\"tokyo\",\"verdict\":\"PASSED\",\"window\":128,\"age_ms\":20,\"error\":"
    "null},"
    "{\"site\":\"witness\",\"verdict\":\"PASSED\",\"window\":0,\"age_ms\":1500,\"error\":null}]}]}";

static void test_matrix(void **state)
{
    (void)state;
    static char memory[16384];
    struct cli_text text = {0};
    json_t *json = json_loads(answer, 0, NULL);
    buf_init(&text.out, memory, sizeof memory);
    cli_health_draw(&text, json);
    assert_string_equal(
        buf_string(&text.out),
        "taiwan\n"
        "  check  severity  layer  verdict  failed for  tokyo                         witness\n"
        "  front  critical      1  FAILED   2 of 2      FAILED  .....xxx  120 ms ago  nothing yet\n"
        "  front, seen by tokyo: REFUSED: connection refused by 127.1.0.80:80\n"
        "\n"
        "tokyo\n"
        "  check  severity   layer  verdict  failed for  tokyo                        witness\n"
        "  front  important      2  PASSED   0 of 2      PASSED  x.......  20 ms ago  PASSED  ........  "
        "1.5 s ago\n");
    json_decref(json);
}

static void test_no_checks(void **state)
{
    (void)state;
    char memory[64];
    struct cli_text text = {0};
    json_t *json = json_loads("{\"checks\":[]}", 0, NULL);
    buf_init(&text.out, memory, sizeof memory);
    cli_health_draw(&text, json);
    assert_string_equal(buf_string(&text.out), "no checks\n");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matrix), cmocka_unit_test(test_no_checks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
