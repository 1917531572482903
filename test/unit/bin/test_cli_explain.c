/* SPDX-License-Identifier: Apache-2.0
 * Explanations: the present decision, and what of the journal is evidence for a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_explain.h"

static void test_evidence_of_an_automatic_run(void **state)
{
    (void)state;
    json_t *run = json_loads("{\"began_boot_us\":9000000,\"evidence_boot_us\":8000000}", 0, NULL);
    json_t *events = json_loads("[{\"number\":1,\"kind\":\"CHECK_FAILED\",\"boot_us\":5000000}," /* long before */
                                "{\"number\":2,\"kind\":\"CHECK_FAILED\",\"boot_us\":8500000},"
                                "{\"number\":3,\"kind\":\"CHECK_PASSED\",\"boot_us\":8600000}," /* good news */
                                "{\"number\":4,\"kind\":\"DECISION\",\"boot_us\":9000000},"
                                "{\"number\":5,\"kind\":\"RUN_STARTED\",\"boot_us\":9000000},"
                                "{\"number\":6,\"kind\":\"DECISION\",\"boot_us\":9000000}]", /* after the start */
                                0, NULL);
    json_t *evidence = cli_explain_evidence(run, events, 5);
    assert_int_equal(json_array_size(evidence), 2);
    assert_int_equal(cli_text_integer(json_array_get(evidence, 0), "number", 0), 2);
    assert_int_equal(cli_text_integer(json_array_get(evidence, 1), "number", 0), 4);
    json_decref(run);
    json_decref(events);
    json_decref(evidence);
}

static void test_present_decision(void **state)
{
    (void)state;
    static char memory[16384];
    struct cli_text text = {0};
    json_t *json = json_loads(
        "{\"regions\":[{\"region\":\"taiwan\",\"decision\":\"MONITOR\",\"reason\":\"COMPLETE_REGIONAL_FAILURE\","
        "\"confidence\":"
        "\"HIGH\",\"explain\":{\"rule\":3,\"condition\":\"every critical check FAILED\",\"why\":\"the region is "
        "gone\",\"gate\":"
        "{\"number\":12,\"name\":\"COOLDOWN\",\"condition\":\"a failover ended lately\",\"why\":\"it may flap\"},"
        "\"distances\":[{\"rule\":3,\"trigger\":\"critical checks FAILED\",\"unit\":\"count\",\"value\":2,\"needs\":"
        "\"at least\",\"bound\":2,\"distance\":0,\"reached\":true}],\"counterfactual\":[{\"change\":\"if every check "
        "had "
        "passed\",\"decision\":\"NO_ACTION\",\"reason\":\"ALL_HEALTHY\",\"gate\":null}]},\"evidence\":{\"checks\":[{"
        "\"check\":"
        "\"front\",\"status\":\"FAILED\",\"consecutive_failures\":4}],\"observers\":{\"total\":3,\"reporting\":3,\"see_"
        "down\":2},"
        "\"target\":{\"db\":true,\"app\":false,\"cache\":true,\"queue\":true,\"replication_lag_s\":null,\"capacity_"
        "ratio\":1.5}}"
        "}]}",
        0, NULL);
    assert_non_null(json);
    buf_init(&text.out, memory, sizeof memory);
    cli_explain_draw(&text, json);
    assert_string_equal(
        buf_string(&text.out),
        "taiwan: MONITOR, COMPLETE_REGIONAL_FAILURE, confidence HIGH\n"
        "  rule 3: every critical check FAILED\n"
        "    the region is gone\n"
        "  gate COOLDOWN: a failover ended lately\n"
        "    it may flap\n"
        "  evidence\n"
        "    check  verdict  failures in a row\n"
        "    front  FAILED                   4\n"
        "    observers: 3 of 3 report, 2 see it by themselves\n"
        "    target: database good, application BAD, cache good, queue good, lag unknown, capacity 1.50\n"
        "  distance to each trigger\n"
        "    rule  trigger                 now  needs       missing\n"
        "       3  critical checks FAILED    2  at least 2        0  REACHED\n"
        "  it would be otherwise\n"
        "    if every check had passed: NO_ACTION, ALL_HEALTHY\n");
    json_decref(json);
}

/* Of an automatic failover: the estimate and the warnings. */
static void test_consequence(void **state)
{
    (void)state;
    static char memory[1024];
    struct cli_text text = {0};
    json_t *json = json_loads("{\"regions\":[{\"region\":\"taiwan\",\"decision\":\"AUTOMATIC_FAILOVER\",\"reason\":"
                              "\"HIGH_ERROR_RATE\",\"confidence\":\"MEDIUM\",\"estimated_rto_s\":300,\"warnings\":["
                              "\"LOST_WRITES_POSSIBLE\",\"TARGET_CAPACITY\"]}]}",
                              0, NULL);
    assert_non_null(json);
    buf_init(&text.out, memory, sizeof memory);
    cli_explain_draw(&text, json);
    assert_string_equal(buf_string(&text.out), "taiwan: AUTOMATIC_FAILOVER, HIGH_ERROR_RATE, confidence MEDIUM\n"
                                               "  estimated recovery time: 300 s\n"
                                               "  warning: LOST_WRITES_POSSIBLE\n"
                                               "  warning: TARGET_CAPACITY\n"
                                               "  nothing was decided yet\n");
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_evidence_of_an_automatic_run),
                                       cmocka_unit_test(test_present_decision), cmocka_unit_test(test_consequence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
