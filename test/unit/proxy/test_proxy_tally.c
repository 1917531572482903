/* SPDX-License-Identifier: Apache-2.0
 * Who is active, idle and waiting, and what that becomes in a sheet of figures. */
#include "edge/figure.h"
#include "session_bench.h"

static uint64_t tally(struct bench *bench, enum proxy_tally_kind kind)
{
    struct proxy_tally_sum sum = {.values = {{0}}};
    proxy_tally_take(&bench->context);
    proxy_tally_collect(&bench->context.tally, &sum);
    return sum.values[0][kind];
}

static void a_session_is_active_idle_or_waits(void **state)
{
    struct bench *bench = *state;
    struct proxy_session *session = bench->session;
    assert_int_equal(tally(bench, PROXY_TALLY_IDLE), 1);
    assert_int_equal(tally(bench, PROXY_TALLY_SERVERS_ACTIVE), 1);
    PUT(bench->client, SELECT);
    pump(bench);
    assert_int_equal(tally(bench, PROXY_TALLY_IDLE), 0);
    assert_int_equal(tally(bench, PROXY_TALLY_ACTIVE), 1);
    PUT(bench->server, COMPLETE READY_T);
    pump(bench);
    assert_int_equal(tally(bench, PROXY_TALLY_ACTIVE), 1); /* in a transaction */
    PUT(bench->client, SELECT);
    pump(bench);
    PUT(bench->server, COMPLETE READY_I);
    pump(bench);
    assert_int_equal(tally(bench, PROXY_TALLY_ACTIVE), 0);
    assert_int_equal(tally(bench, PROXY_TALLY_IDLE), 1);
    proxy_session_hold(&bench->context, session);
    assert_int_equal(tally(bench, PROXY_TALLY_WAITING), 1);
    assert_int_equal(tally(bench, PROXY_TALLY_IDLE), 0);
    proxy_session_release(&bench->context, session);
    session->clock.wait = bench->context.now;
    bench->context.now = time_add_ms(bench->context.now, 40);
    assert_int_equal(tally(bench, PROXY_TALLY_LONGEST_US), 40000);
    session->clock.wait = (struct mono){0};
    assert_int_equal(tally(bench, PROXY_TALLY_LONGEST_US), 0);
}

static void time_held_is_counted(void **state)
{
    struct bench *bench = *state;
    proxy_session_hold(&bench->context, bench->session);
    bench->context.now = time_add_ms(bench->context.now, 7);
    proxy_session_hold(&bench->context, bench->session);
    bench->context.now = time_add_ms(bench->context.now, 3);
    proxy_session_release(&bench->context, bench->session);
    proxy_session_release(&bench->context, bench->session);
    assert_int_equal(counter(bench, PROXY_METRICS_HOLDS), 1);
    assert_int_equal(counter(bench, PROXY_METRICS_HELD), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_HELD_US), 10000);
}

static void counters_have_the_names_of_figures(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PROXY_METRICS_COUNT; i++) {
        const char *name = figure_name((enum figure)(FIGURE_PROXY_SESSIONS + i));
        assert_true(strncmp(name, "proxy_", 6) == 0);
        const char *wanted = strcmp(name, "proxy_held_seconds_total") == 0 ? "held_us_total" : name + 6;
        assert_string_equal(wanted, proxy_metrics_name((enum proxy_metrics_kind)i));
    }
    assert_string_equal(proxy_metrics_name(PROXY_METRICS_ROLLED_BACK), "rolled_back_total");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_is_active_idle_or_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(time_held_is_counted, setup, teardown),
        cmocka_unit_test(counters_have_the_names_of_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
