/* SPDX-License-Identifier: Apache-2.0
 * Tests of a view and a set-up carried out on a connection. */
#include "service/service_switch.h"
#include "service_bench.h"

static void apply(struct bench *bench)
{
    service_switch_apply(&bench->context, &bench->setup, &bench->view);
}

static void a_view_that_says_the_same_changes_nothing(void **state)
{
    struct bench *bench = *state;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    assert_int_equal(bench->session->target_index, 0);
    assert_int_equal(bench->context.loads[0], 1);
    assert_int_equal(service_session_due(&bench->context, bench->session).us, TIME_NEVER.us);
}

/* Targets may stand elsewhere in the next view. */
static void loads_follow_the_server_not_its_index(void **state)
{
    struct bench *bench = *state;
    const struct view_target first = bench->view.targets[0];
    bench->view.targets[0] = bench->view.targets[1];
    bench->view.targets[1] = first;
    apply(bench);
    assert_int_equal(bench->session->target_index, 1);
    assert_int_equal(bench->context.loads[0], 0);
    assert_int_equal(bench->context.loads[1], 1);
}

static void a_failed_region_is_cut_at_once(void **state)
{
    struct bench *bench = *state;
    char memory[8];
    bench->view.targets[0].healthy = bench->view.targets[1].healthy = 0;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_CLOSED);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_CUT_FAILED], 1);
    assert_int_equal(recv(bench->client, memory, sizeof memory, MSG_DONTWAIT), 0);
}

static void or_left_alone_if_so_configured(void **state)
{
    struct bench *bench = *state;
    bench->setup.services[0].cut = false;
    bench->view.targets[0].healthy = bench->view.targets[1].healthy = 0;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    assert_int_equal(service_session_due(&bench->context, bench->session).us, TIME_NEVER.us);
}

static void drain(struct bench *bench, bool yes)
{
    bench->view.split[TAIWAN][TAIWAN] = yes ? 0 : VIEW_SHARES_WHOLE;
    bench->view.split[TAIWAN][TOKYO] = yes ? VIEW_SHARES_WHOLE : 0;
    apply(bench);
}

static void a_drain_gives_time_once_and_can_be_taken_back(void **state)
{
    struct bench *bench = *state;
    drain(bench, true);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    const struct mono due = service_session_due(&bench->context, bench->session);
    assert_int_equal(due.us, time_add_ms(bench->context.now, 1000).us);
    assert_int_equal(bench->context.next_due.us, due.us);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_DRAINING], 1);
    bench->context.now = time_add_ms(bench->context.now, 500);
    drain(bench, true); /* another view does not give it more */
    assert_int_equal(service_session_due(&bench->context, bench->session).us, due.us);
    drain(bench, false);
    assert_int_equal(service_session_due(&bench->context, bench->session).us, TIME_NEVER.us);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_DRAINING], 0);
}

static void a_service_that_is_gone_drains(void **state)
{
    struct bench *bench = *state;
    bench->setup.services[0].present = false;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    assert_int_equal(service_session_due(&bench->context, bench->session).us, time_add_ms(bench->context.now, 1000).us);
}

static void another_primary_cuts_also_where_failures_do_not(void **state)
{
    struct bench *bench = *state;
    bench->setup.services[0].cut = false;
    bench->view.services[0].single = 1;
    bench->view.services[0].primary = 0;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_ACTIVE);
    bench->view.services[0].primary = 2;
    bench->view.services[0].epoch = 1;
    apply(bench);
    assert_int_equal(bench->session->state, SERVICE_SESSION_CLOSED);
    assert_int_equal(bench->context.metrics[0].values[SERVICE_METRICS_CUT_PRIMARY], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_view_that_says_the_same_changes_nothing, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(loads_follow_the_server_not_its_index, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(a_failed_region_is_cut_at_once, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(or_left_alone_if_so_configured, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(a_drain_gives_time_once_and_can_be_taken_back, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(a_service_that_is_gone_drains, bench_open, bench_close),
        cmocka_unit_test_setup_teardown(another_primary_cuts_also_where_failures_do_not, bench_open, bench_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
