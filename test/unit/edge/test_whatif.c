/* SPDX-License-Identifier: Apache-2.0
 * What-if lines: answers as they are printed, defaults, boundaries of decimals, and every kind of mistake with its
 * path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/whatif.h"

struct whatif_case {
    const char *line;
    const char *answer; /* a whole line; or, for a mistake, a part of it */
};

#define CRITICAL(name, status) "{\"name\":\"" name "\",\"type\":\"critical\",\"layer\":2,\"status\":\"" status "\"}"
#define SNAPSHOT(checks, rest) "{\"id\":1,\"kind\":\"snapshot\",\"input\":{\"checks\":[" checks "]" rest "}}"
#define HEALTHY                CRITICAL("a", "PASSED")
#define DOWN                   CRITICAL("a", "FAILED")

#define ANSWER(decision, reason, confidence, rto, gate, warnings)                                                      \
    "{\"id\":1,\"answer\":{\"decision\":\"" decision "\",\"reason\":\"" reason "\",\"confidence\":\"" confidence       \
    "\",\"estimated_rto_s\":" rto ",\"gate\":" gate ",\"warnings\":[" warnings "]}}"

#define OK_ANSWER      ANSWER("NO_ACTION", "ALL_HEALTHY", "HIGH", "null", "null", "")
#define PERF_ANSWER    ANSWER("MONITOR", "PERFORMANCE_DEGRADATION", "LOW", "null", "null", "")
#define PARTIAL_ANSWER ANSWER("MANUAL_REVIEW_REQUIRED", "PARTIAL_DEGRADATION", "MEDIUM", "null", "null", "")
#define RATE_ANSWER    ANSWER("AUTOMATIC_FAILOVER", "HIGH_ERROR_RATE", "MEDIUM", "300", "null", "")

#define REGION(warnings) ANSWER("AUTOMATIC_FAILOVER", "COMPLETE_REGIONAL_FAILURE", "HIGH", "300", "null", warnings)

#define GATED(decision, gate) ANSWER(decision, "COMPLETE_REGIONAL_FAILURE", "HIGH", "null", "\"" gate "\"", "")

static const struct whatif_case answers[] = {
    {SNAPSHOT(HEALTHY, ""), OK_ANSWER},
    {SNAPSHOT("", ""), ANSWER("MANUAL_REVIEW_REQUIRED", "CONFIG_INVALID", "LOW", "null", "null", "")},
    {SNAPSHOT(DOWN, ""), REGION("")},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.01}"), PERF_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.00999949}"), OK_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.05}"), PARTIAL_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.1,\"error_rate_duration_s\":1e6}"), PARTIAL_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.1000005,\"error_rate_duration_s\":301}"), PARTIAL_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":0.100001,\"error_rate_duration_s\":300.000001}"), RATE_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":1,\"error_rate_duration_s\":300}"), PARTIAL_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"p95_ms\":200}"), PERF_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"p95_ms\":199.99999}"), OK_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"pods_down_ratio\":{\"x\":0.5}}"), OK_ANSWER},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"pods_down_ratio\":{\"x\":0.51}}"), PERF_ANSWER},
    {SNAPSHOT(DOWN, ",\"observers\":{\"total\":3,\"reporting\":2,\"see_down\":1}"),
     GATED("MANUAL_REVIEW_REQUIRED", "OBSERVER_TIE")},
    {SNAPSHOT(DOWN, ",\"controller\":{\"members\":3,\"reachable\":1,\"leader\":true}"),
     GATED("MANUAL_REVIEW_REQUIRED", "NO_CONTROLLER_QUORUM")},
    {SNAPSHOT(DOWN, ",\"controller\":{\"members\":3,\"reachable\":2,\"leader\":false}"),
     GATED("MONITOR", "NOT_LEADER")},
    {SNAPSHOT(DOWN, ",\"target\":{\"db\":true,\"app\":true,\"cache\":true,\"queue\":true}"),
     GATED("MANUAL_REVIEW_REQUIRED", "RPO_UNKNOWN")},
    {SNAPSHOT(DOWN, ",\"target\":{\"db\":true,\"app\":true,\"cache\":true,\"queue\":true,\"replication_lag_s\":null}"),
     GATED("MANUAL_REVIEW_REQUIRED", "RPO_UNKNOWN")},
    {SNAPSHOT(DOWN,
              ",\"target\":{\"db\":true,\"app\":true,\"cache\":true,\"queue\":true,\"replication_lag_s\":59.999999,"
              "\"capacity_ratio\":0.99}"),
     REGION("\"LOST_WRITES_POSSIBLE\",\"TARGET_CAPACITY\"")},
    {SNAPSHOT(DOWN, ",\"target\":{\"db\":true,\"app\":true,\"cache\":true,\"queue\":true,\"replication_lag_s\":60}"),
     GATED("MANUAL_REVIEW_REQUIRED", "RPO_AT_RISK")},
    {SNAPSHOT(DOWN, ",\"state\":{\"mode\":\"paused\"}"), GATED("MANUAL_REVIEW_REQUIRED", "AUTOMATION_PAUSED")},
    {SNAPSHOT(DOWN, ",\"state\":{\"since_last_failover_s\":3599.9}"), GATED("MANUAL_REVIEW_REQUIRED", "COOLDOWN")},
    {SNAPSHOT(DOWN, ",\"state\":{\"since_last_failover_s\":3600}"), REGION("")},
    {SNAPSHOT(DOWN, ",\"state\":{\"since_last_failover_s\":null,\"drill_blackout\":true}"), REGION("")},
    {SNAPSHOT(DOWN, ",\"state\":{\"region_active\":false}"), GATED("MONITOR", "REGION_NOT_ACTIVE")},
    {"{\"id\":{\"a\":[1,2.5]},\"kind\":\"routing\",\"input\":{}}",
     "{\"id\":{\"a\":[1,2.5]},\"answer\":{\"route\":\"local\",\"alert\":\"ALL_REGIONS_UNHEALTHY\"}}"},
    {"{\"id\":1,\"kind\":\"routing\",\"input\":{\"local\":null,\"backup\":{\"healthy\":true,\"age_s\":1,\"latency_ms\":"
     "1},"
     "\"uptime_s\":9.9}}",
     "{\"id\":1,\"answer\":{\"route\":\"local\",\"alert\":null}}"},
    {"{\"id\":1,\"kind\":\"routing\",\"input\":{\"local\":{\"healthy\":true,\"age_s\":10,\"latency_ms\":1},\"backup\":{"
     "\"healthy\":true,\"age_s\":9.999,\"latency_ms\":999.9},\"uptime_s\":100}}",
     "{\"id\":1,\"answer\":{\"route\":\"backup\",\"alert\":\"FAILOVER\"}}"},
    {"{\"id\":1,\"kind\":\"breaker\",\"input\":{\"events\":[]}}",
     "{\"id\":1,\"answer\":{\"last\":null,\"admitted\":0}}"},
    {"{\"id\":1,\"kind\":\"breaker\",\"input\":{\"events\":[{\"t\":0,\"op\":\"call\",\"ok\":false},{\"t\":0,\"op\":"
     "\"call\","
     "\"ok\":false},{\"t\":0,\"op\":\"call\",\"ok\":false},{\"t\":0,\"op\":\"call\",\"ok\":true},{\"t\":0,\"op\":"
     "\"call\","
     "\"ok\":true},{\"t\":29.999999,\"op\":\"call\",\"ok\":true}]}}",
     "{\"id\":1,\"answer\":{\"last\":{\"t\":29.999999,\"admitted\":false,\"state\":\"OPEN\"},\"admitted\":5}}"},
    {"{\"id\":1,\"kind\":\"failback\",\"input\":{\"phase\":\"canary\",\"original\":{\"db\":true,\"app\":true,\"cache\":"
     "true,"
     "\"queue\":true},\"replication_lag_s\":5,\"canary\":{\"error_rate\":0.02,\"p95_ms\":500,\"requests\":9,\"elapsed_"
     "s\":60},"
     "\"hold_s\":60,\"min_requests\":10}}",
     "{\"id\":1,\"answer\":{\"action\":\"CONTINUE\",\"reason\":\"TOO_FEW_REQUESTS\"}}"},
    {"{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[{\"name\":\"a\",\"type\":\"critical\",\"layer\":2,"
     "\"failure_threshold\":1}],\"events\":[{\"t\":1.5,\"check\":\"a\",\"ok\":false},{\"t\":1.5,\"check\":\"a\",\"ok\":"
     "true},"
     "{\"t\":2,\"metric\":\"pods_down_ratio.a\",\"value\":0.6}]}}",
     "{\"id\":1,\"answer\":{\"changes\":[{\"t\":0,\"decision\":\"NO_ACTION\",\"reason\":\"ALL_HEALTHY\"},{\"t\":2,"
     "\"decision\":\"MONITOR\",\"reason\":\"PERFORMANCE_DEGRADATION\"}]}}"},
};

#define SERIES(events)              "{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[" HEALTHY "],\"events\":[" events "]}}"
#define PODS(t, value)              "{\"t\":" t ",\"metric\":\"pods_down_ratio\",\"value\":" value "}"
#define CHANGE(t, decision, reason) "{\"t\":" t ",\"decision\":\"" decision "\",\"reason\":\"" reason "\"}"
#define CHANGES(list)               "{\"id\":1,\"answer\":{\"changes\":[" list "]}}"

static const struct whatif_case series[] = {
    {SERIES(""), CHANGES(CHANGE("0", "NO_ACTION", "ALL_HEALTHY"))},
    {SERIES(PODS("3", "{\"a\":0.1,\"b\":0.6}") "," PODS("4", "{\"a\":0.2}") "," PODS("5", "{\"b\":0.5}")),
     CHANGES(CHANGE("0", "NO_ACTION", "ALL_HEALTHY") "," CHANGE("3", "MONITOR", "PERFORMANCE_DEGRADATION") "," CHANGE(
         "5", "NO_ACTION", "ALL_HEALTHY"))},
    {SERIES(PODS("3", "{}")), CHANGES(CHANGE("0", "NO_ACTION", "ALL_HEALTHY"))},
};

static const struct whatif_case mistakes[] = {
    {SERIES(PODS("3", "0.5")), "\"path\":\"$.input.events[0].value\",\"message\":\"is not an object\""},
    {SERIES(PODS("3", "{\"a\":1.5}")), "\"path\":\"$.input.events[0].value.a\",\"message\":\"is out of range\""},
    {"", "\"id\":null,\"error\":{\"line\":7,\"path\":\"$\""},
    {"{\"id\":1,", "\"id\":null,\"error\":{\"line\":7,\"path\":\"$\",\"message\":\"is not JSON"},
    {"{\"id\":1,\"id\":2}", "\"id\":null,\"error\":{\"line\":7,\"path\":\"$\""},
    {"[]", "\"id\":null,\"error\":{\"line\":7,\"path\":\"$\",\"message\":\"is not an object\""},
    {"{\"kind\":\"routing\",\"input\":{}}", "\"id\":null,\"error\":{\"line\":7,\"path\":\"$.id\""},
    {"{\"id\":1,\"input\":{}}", "\"id\":1,\"error\":{\"line\":7,\"path\":\"$.kind\",\"message\":\"is missing\""},
    {"{\"id\":1,\"kind\":\"x\",\"input\":{}}", "\"path\":\"$.kind\""},
    {"{\"id\":1,\"kind\":\"routing\"}", "\"path\":\"$.input\",\"message\":\"is missing\""},
    {"{\"id\":1,\"kind\":\"routing\",\"input\":[]}", "\"path\":\"$.input\",\"message\":\"is not an object\""},
    {"{\"id\":1,\"kind\":\"routing\",\"input\":{\"local\":{\"healthy\":1}}}", "\"path\":\"$.input.local.healthy\""},
    {"{\"id\":1,\"kind\":\"routing\",\"input\":{\"uptime_s\":-1}}", "\"path\":\"$.input.uptime_s\""},
    {"{\"id\":1,\"kind\":\"snapshot\",\"input\":{}}", "\"path\":\"$.input.checks\",\"message\":\"is missing\""},
    {SNAPSHOT(HEALTHY ",5", ""), "\"path\":\"$.input.checks[1]\""},
    {SNAPSHOT("{\"type\":\"critical\",\"layer\":1,\"status\":\"PASSED\"}", ""), "\"path\":\"$.input.checks[0].name\""},
    {SNAPSHOT("{\"name\":\"a\",\"layer\":1,\"status\":\"PASSED\"}", ""), "\"path\":\"$.input.checks[0].type\""},
    {SNAPSHOT("{\"name\":\"a\",\"type\":\"critical\",\"status\":\"PASSED\"}", ""),
     "\"path\":\"$.input.checks[0].layer\""},
    {SNAPSHOT("{\"name\":\"a\",\"type\":\"critical\",\"layer\":4,\"status\":\"PASSED\"}", ""),
     "\"path\":\"$.input.checks[0].layer\",\"message\":\"is out of range\""},
    {SNAPSHOT("{\"name\":\"a\",\"type\":\"critical\",\"layer\":1.5,\"status\":\"PASSED\"}", ""),
     "\"path\":\"$.input.checks[0].layer\",\"message\":\"is not a whole number\""},
    {SNAPSHOT(CRITICAL("a", "passed"), ""), "\"path\":\"$.input.checks[0].status\""},
    {SNAPSHOT(CRITICAL("a-name-that-is-one-byte-too-long", "PASSED"), ""), "\"path\":\"$.input.checks[0].name\""},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":\"high\"}"), "\"path\":\"$.input.metrics.error_rate\""},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"error_rate\":1.5}"), "\"message\":\"is out of range\""},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"p95_ms\":1e300}"), "\"path\":\"$.input.metrics.p95_ms\""},
    {SNAPSHOT(HEALTHY, ",\"metrics\":{\"pods_down_ratio\":{\"x\":true}}"),
     "\"path\":\"$.input.metrics.pods_down_ratio.x\""},
    {SNAPSHOT(HEALTHY, ",\"observers\":{\"total\":3,\"reporting\":3}"), "\"path\":\"$.input.observers.see_down\""},
    {SNAPSHOT(HEALTHY, ",\"target\":{\"db\":true}"), "\"path\":\"$.input.target.app\""},
    {SNAPSHOT(HEALTHY, ",\"state\":{\"mode\":\"off\"}"), "\"path\":\"$.input.state.mode\""},
    {SNAPSHOT(HEALTHY, ",\"state\":5"), "\"path\":\"$.input.state\""},
    {"{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[]}}", "\"path\":\"$.input.events\""},
    {"{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[],\"events\":[{\"t\":0,\"check\":\"x\",\"ok\":true}]}}",
     "\"path\":\"$.input.events[0].check\""},
    {"{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[],\"events\":[{\"t\":5,\"metric\":\"p95_ms\",\"value\":1},"
     "{\"t\":4,\"metric\":\"p95_ms\",\"value\":1}]}}",
     "\"path\":\"$.input.events[1].t\""},
    {"{\"id\":1,\"kind\":\"series\",\"input\":{\"checks\":[],\"events\":[{\"t\":5,\"metric\":\"mood\",\"value\":1}]}}",
     "\"path\":\"$.input.events[0].metric\""},
    {"{\"id\":1,\"kind\":\"breaker\",\"input\":{\"events\":[{\"t\":0,\"op\":\"reset\",\"ok\":true}]}}",
     "\"path\":\"$.input.events[0].op\""},
    {"{\"id\":1,\"kind\":\"breaker\",\"input\":{\"events\":[{\"t\":0,\"op\":\"call\"}]}}",
     "\"path\":\"$.input.events[0].ok\""},
    {"{\"id\":1,\"kind\":\"failback\",\"input\":{}}", "\"path\":\"$.input.phase\""},
    {"{\"id\":1,\"kind\":\"failback\",\"input\":{\"phase\":\"precheck\",\"original\":{\"db\":true,\"app\":true,"
     "\"cache\":true,"
     "\"queue\":true,\"stable_s\":1},\"consistency_ok\":true}}",
     "\"path\":\"$.input.replication_lag_s\""},
};

static void expect(const struct whatif_case *cases, size_t count)
{
    struct whatif_options options;
    whatif_options_default(&options);
    for (size_t i = 0; i < count; i++) {
        char *text = NULL;
        const bool good = whatif_line(&options, cases[i].line, strlen(cases[i].line), 7, &text);
        if (!good || strcmp(text, cases[i].answer) != 0) {
            fail_msg("%s\ngave     %s\nexpected %s", cases[i].line, text, cases[i].answer);
        }
        free(text);
    }
}

static void test_answers(void **state)
{
    (void)state;
    expect(answers, sizeof answers / sizeof answers[0]);
    expect(series, sizeof series / sizeof series[0]);
}

static void test_mistakes(void **state)
{
    (void)state;
    struct whatif_options options;
    whatif_options_default(&options);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        char *text = NULL;
        const bool good = whatif_line(&options, mistakes[i].line, strlen(mistakes[i].line), 7, &text);
        if (good || strstr(text, mistakes[i].answer) == NULL) {
            fail_msg("%s\ngave     %s\nexpected %s", mistakes[i].line, text, mistakes[i].answer);
        }
        free(text);
    }
}

/* The ADR's profile asks for checks only, and says what the document says. */
static void test_adr(void **state)
{
    (void)state;
    static const struct whatif_case cases[] = {
        {SNAPSHOT("", ",\"observers\":0"), REGION("")},
        {SNAPSHOT("{\"name\":\"a\",\"type\":\"critical\",\"status\":\"PASSED\"}", ""), OK_ANSWER},
        {"{\"id\":1,\"kind\":\"failback\",\"input\":{\"phase\":\"precheck\",\"replication_lag_s\":5.1,\"consistency_"
         "ok\":true}}",
         "{\"id\":1,\"answer\":{\"action\":\"REFUSE\",\"reason\":\"REPLICATION_LAG\"}}"},
        {"{\"id\":1,\"kind\":\"failback\",\"input\":{\"phase\":\"ramp50\",\"canary\":{\"error_rate\":0,\"p95_ms\":1,"
         "\"elapsed_s\":5},\"hold_s\":5}}",
         "{\"id\":1,\"answer\":{\"action\":\"PROCEED\",\"reason\":\"OK\"}}"},
        {"{\"id\":1,\"kind\":\"routing\",\"input\":{\"uptime_s\":1}}",
         "{\"id\":1,\"answer\":{\"route\":\"local\",\"alert\":\"ALL_REGIONS_UNHEALTHY\"}}"},
    };
    struct whatif_options options;
    whatif_options_default(&options);
    options.profile = MODEL_ADR_039;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = NULL;
        assert_true(whatif_line(&options, cases[i].line, strlen(cases[i].line), 1, &text));
        assert_string_equal(text, cases[i].answer);
        free(text);
    }
}

static void test_explain(void **state)
{
    (void)state;
    struct whatif_options options;
    char *text = NULL;
    const char *line = SNAPSHOT(DOWN, ",\"state\":{\"maintenance\":true}");
    whatif_options_default(&options);
    options.explain = true;
    assert_true(whatif_line(&options, line, strlen(line), 1, &text));
    assert_non_null(strstr(text, "\"explain\":{\"rule\":3,\"condition\":\"every critical check FAILED"));
    assert_non_null(strstr(text, "\"gate\":{\"number\":6,\"name\":\"MAINTENANCE_WINDOW\""));
    assert_non_null(strstr(text, "\"distances\":[{\"rule\":3,"));
    assert_non_null(
        strstr(text, "{\"change\":\"if no gate had spoken against it\",\"decision\":\"AUTOMATIC_FAILOVER\""));
    free(text);
}

static void test_long_line(void **state)
{
    (void)state;
    const size_t size = WHATIF_LINE_BYTES + 1;
    char *line = (char *)malloc(size);
    char *text = NULL;
    struct whatif_options options;
    assert_non_null(line);
    memset(line, ' ', size);
    whatif_options_default(&options);
    assert_false(whatif_line(&options, line, size, 3, &text));
    assert_string_equal(text,
                        "{\"id\":null,\"error\":{\"line\":3,\"path\":\"$\",\"message\":\"is longer than 1 MiB\"}}");
    free(text);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers), cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_adr),
        cmocka_unit_test(test_explain), cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
