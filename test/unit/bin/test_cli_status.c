/* SPDX-License-Identifier: Apache-2.0
 * The status screen: an answer of the API in, the text of the screen out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_status.h"
#include "bin/verb.h"

static char memory[64 * 1024];

static const char calm[] =
    "{\"name\":\"shop\",\"automation\":\"AUTO\",\"controllers\":{\"members\":1,\"reachable\":1,\"leader\":\"witness\"},"
    "\"now_ms\":1763790045000,\"last_failover_ms\":1763787765000,\"degraded\":false,\"regions\":["
    "{\"name\":\"taiwan\",\"state\":\"SERVING\",\"traffic_percent\":60.0,\"critical\":5,\"critical_passed\":5,"
    "\"error_percent\":0.2,\"p95_ms\":121.4,\"decision\":\"NO_ACTION\",\"gate\":\"NONE\",\"distances\":["
    "{\"rule\":3,\"trigger\":\"critical checks FAILED\",\"unit\":\"count\",\"value\":0,\"bound\":5},"
    "{\"rule\":5,\"trigger\":\"error rate\",\"unit\":\"ratio\",\"value\":0.002,\"bound\":0.1}]},"
    "{\"name\":\"tokyo\",\"state\":\"SERVING\",\"traffic_percent\":40.0,\"critical\":5,\"critical_passed\":4,"
    "\"error_percent\":0.1,\"p95_ms\":0,\"decision\":\"MONITOR\",\"gate\":\"COOLDOWN\",\"rule\":10,\"distances\":[]}],"
    "\"databases\":[{\"name\":\"shop\",\"writer\":\"taiwan-a\",\"epoch\":3,\"hold\":false,\"durability\":{\"members\":"
    "[\"tokyo-a\"],\"required\":1},\"nodes\":["
    "{\"name\":\"taiwan-a\",\"region\":\"taiwan\",\"alive\":true,\"running\":true,\"role\":\"writer\",\"epoch\":3,"
    "\"lease\":true,\"lag_ms\":null,\"written\":\"0/5000148\",\"activity\":\"idle\",\"error\":\"\"},"
    "{\"name\":\"tokyo-b\",\"region\":\"tokyo\",\"alive\":true,\"running\":true,\"role\":\"standby\",\"epoch\":3,"
    "\"part\":\"cascaded replica\",\"upstream\":\"tokyo-a\",\"lease\":false,\"lag_ms\":2,\"received\":\"0/5000148\","
    "\"activity\":\"idle\",\"error\":\"\"},"
    "{\"name\":\"tokyo-a\",\"region\":\"tokyo\",\"alive\":false,\"running\":false,\"role\":\"standby\",\"epoch\":3,"
    "\"lease\":false,\"lag_ms\":600,\"received\":\"0/5000000\",\"activity\":\"idle\",\"error\":\"\"}]}],"
    "\"services\":[{\"name\":\"cache\",\"kind\":\"redis\",\"primary\":\"tokyo\",\"epoch\":2,\"moving\":\"taiwan\","
    "\"servers\":["
    "{\"region\":\"taiwan\",\"works\":true,\"role\":\"stray\"},{\"region\":\"tokyo\",\"works\":true,\"role\":"
    "\"primary\"}],\"relays\":[{\"site\":\"taiwan\",\"connections\":7,\"waiting\":1,\"draining\":0},"
    "{\"site\":\"witness\",\"connections\":2,\"waiting\":0,\"draining\":2}]},"
    "{\"name\":\"mqtt\",\"kind\":\"tcp\",\"servers\":[{\"region\":\"tokyo\",\"works\":false,\"role\":\"any\"}]}],"
    "\"sites\":[{\"name\":\"taiwan\",\"alive\":true},{\"name\":\"witness\",\"alive\":false}],\"run\":null}";

static const char runs[] =
    "[{\"id\":2,\"plan\":\"failover\",\"state\":\"running\"},"
    "{\"id\":1,\"plan\":\"failover\",\"state\":\"succeeded\",\"source\":\"taiwan\",\"target\":\"tokyo\",\"who\":"
    "\"holdfast\",\"reason\":\"COMPLETE_REGIONAL_FAILURE\",\"began_ms\":1763787765000,\"rto_ms\":6200,"
    "\"duration_ms\":7100,\"problem\":\"\"}]";

static const char running[] =
    "{\"id\":2,\"plan\":\"failover\",\"state\":\"running\",\"source\":\"taiwan\",\"target\":\"tokyo\",\"who\":"
    "\"holdfast\","
    "\"automatic\":true,\"reason\":\"COMPLETE_REGIONAL_FAILURE\",\"duration_ms\":3400,\"problem\":\"\","
    "\"now_boot_us\":5400000,\"abort\":\"undoes FENCE; the source goes on as before\",\"steps\":["
    "{\"name\":\"VALIDATE\",\"state\":\"done\",\"started_boot_us\":2000000,\"ms\":12},"
    "{\"name\":\"FENCE\",\"state\":\"running\",\"started_boot_us\":2000000,\"ms\":0,\"detail\":\"lease ends in 1.2 "
    "s\"},"
    "{\"name\":\"PROMOTE\",\"state\":\"pending\",\"started_boot_us\":0,\"ms\":0,\"irreversible\":true},"
    "{\"name\":\"ROUTE_SQL\",\"state\":\"pending\",\"started_boot_us\":0,\"ms\":0}]}";

static const char *draw(json_t *status, bool color, int *ret_code)
{
    struct cli_text text = {.color = color};
    json_t *past = json_loads(runs, 0, NULL);
    assert_non_null(status);
    assert_non_null(past);
    buf_init(&text.out, memory, sizeof memory);
    *ret_code = cli_status_draw(&text, status, past);
    assert_false(text.out.overflow);
    json_decref(status);
    json_decref(past);
    return buf_string(&text.out);
}

static void test_calm(void **state)
{
    (void)state;
    int code = -1;
    const char *screen = draw(json_loads(calm, 0, NULL), false, &code);
    assert_int_equal(code, VERB_OK);
    assert_string_equal(
        screen,
        "shop     ACTIVE taiwan   automation AUTO   controllers 1/1 leader witness   last failover 38 min ago   GOOD\n"
        "\n"
        "region  state    traffic  crit  err%     p95     lag  distance to trigger\n"
        "taiwan  SERVING      60%   5/5  0.2%  121 ms       -  error rate 0.2 of 10%\n"
        "tokyo   SERVING      40%   4/5  0.1%       -  600 ms  MONITOR, rule 10, gate COOLDOWN\n"
        "\n"
        "database shop   writer taiwan-a   epoch 3   commits wait for 1 of tokyo-a\n"
        "  node      region  server   role              from     epoch  holds      lag  WAL\n"
        "  taiwan-a  taiwan  running  writer                         3  lease        -  0/5000148  idle\n"
        "  tokyo-b   tokyo   running  cascaded replica  tokyo-a      3  -         2 ms  0/5000148  idle\n"
        "  tokyo-a   tokyo   SILENT   standby                        3  member  600 ms  0/5000000  idle\n"
        "\n"
        "service cache   primary tokyo   epoch 2   moving to taiwan   taiwan works (a primary that nobody is sent to)  "
        " "
        "tokyo works   9 connections\n"
        "service mqtt   tokyo FAILED\n"
        "\n"
        "sites    taiwan alive, witness SILENT\n"
        "\n"
        "now      no run in progress\n"
        "\n"
        "run  began (UTC)          plan      from -> to       outcome      RTO   took  by        reason\n"
        "  1  2025-11-22 05:02:45  failover  taiwan -> tokyo  succeeded  6.2 s  7.1 s  holdfast  "
        "COMPLETE_REGIONAL_FAILURE\n");
}

static void test_the_wide_form_tells_the_lag_of_the_last_minutes(void **state)
{
    (void)state;
    json_t *status = json_loads(calm, 0, NULL);
    json_t *nodes = json_object_get(json_array_get(json_object_get(status, "databases"), 0), "nodes");
    json_object_set_new(json_array_get(nodes, 2), "lag_recent",
                        json_loads("{\"samples\":900,\"ms\":{\"p50\":4,\"p95\":60,\"p99\":230,\"max\":1500},"
                                   "\"bytes\":{\"p50\":0,\"p95\":100,\"p99\":8191,\"max\":70000}}",
                                   0, NULL));
    struct cli_text text = {.wide = true};
    buf_init(&text.out, memory, sizeof memory);
    assert_int_equal(cli_status_draw(&text, status, NULL), VERB_OK);
    json_decref(status);
    assert_non_null(strstr(buf_string(&text.out), "  standby  lag p50    p95     p99    max  WAL p99      max\n"
                                                  "  tokyo-a     4 ms  60 ms  230 ms  1.5 s   8191 B  70000 B\n"));
}

static void test_no_color_is_the_same_text(void **state)
{
    (void)state;
    int code = -1;
    static char plain[sizeof memory];
    const char *screen = draw(json_loads(calm, 0, NULL), false, &code);
    assert_null(strchr(screen, '\033'));
    memcpy(plain, screen, strlen(screen) + 1);
    const char *painted = draw(json_loads(calm, 0, NULL), true, &code);
    assert_non_null(strchr(painted, '\033'));
    size_t at = 0;
    for (const char *p = painted; *p != 0; p++) {
        if (*p == '\033') {
            p = strchr(p, 'm');
            continue;
        }
        assert_int_equal(plain[at++], *p);
    }
    assert_int_equal(plain[at], 0);
}

static void test_run_in_progress(void **state)
{
    (void)state;
    int code = -1;
    json_t *status = json_loads(calm, 0, NULL);
    json_object_set_new(status, "run", json_loads(running, 0, NULL));
    json_object_set_new(status, "degraded", json_true());
    const char *screen = draw(status, false, &code);
    assert_int_equal(code, VERB_DEGRADED);
    assert_non_null(strstr(screen, "   DEGRADED\n"));
    assert_non_null(strstr(screen, "now      run 2 failover taiwan -> tokyo: running for 3.4 s, started by holdfast: "
                                   "COMPLETE_REGIONAL_FAILURE\n"
                                   "         validate 0.0 s > fence 3.4 s .. > !promote > route-sql \n"
                                   "         fence: lease ends in 1.2 s\n"
                                   "         next step that cannot be undone: promote\n"
                                   "         `holdfast abort 2` undoes FENCE; the source goes on as before\n"));
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    int code = -1;
    const char *screen = draw(json_object(), false, &code);
    assert_int_equal(code, VERB_OK);
    assert_non_null(strstr(screen, "ACTIVE NONE"));
    assert_non_null(strstr(screen, "no failover so far"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calm),
                                       cmocka_unit_test(test_the_wide_form_tells_the_lag_of_the_last_minutes),
                                       cmocka_unit_test(test_no_color_is_the_same_text),
                                       cmocka_unit_test(test_run_in_progress), cmocka_unit_test(test_nothing_at_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
