/* SPDX-License-Identifier: Apache-2.0
 * What the decision loop counts: runs by outcome, seconds per phase, evaluations, probes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "control/control_metric.h"
#include "edge/metric.h"

static struct engine *engine;
static struct output *output;
static struct control_metric metric;
static char text[256 * 1024];

static int setup(void **state)
{
    (void)state;
    metric_reset();
    memset(&metric, 0, sizeof metric);
    engine = calloc(1, sizeof *engine);
    output = calloc(1, sizeof *output);
    engine->model.regions_count = 2;
    text_copy(engine->model.regions[0].name, sizeof engine->model.regions[0].name, "taiwan");
    text_copy(engine->model.regions[1].name, sizeof engine->model.regions[1].name, "tokyo");
    engine->now = (struct mono){1000000000};
    return engine != NULL && output != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(engine);
    free(output);
    return 0;
}

static const char *render(void)
{
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    metric_render(&buf);
    assert_false(buf.overflow);
    return buf_string(&buf);
}

static void expect(const char *line)
{
    char whole[256];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (strstr(render(), whole) == NULL) {
        fail_msg("no line %s in:\n%s", line, text);
    }
}

static void step(struct durable_run *run, enum plan_step step, enum durable_step_state state, int64_t from, int64_t to)
{
    run->steps[run->steps_count++] =
        (struct durable_step){.step = step, .state = state, .started_us = from, .ended_us = to};
}

static void ended(uint64_t id)
{
    output->traces_count = 1;
    output->traces[0] = (struct trace){.kind = TRACE_RUN_ENDED, .run = id};
    control_metric_step(&metric, engine, output);
    output->traces_count = 0;
}

static void test_failover(void **state)
{
    (void)state;
    struct durable_run *run = &engine->durable.past[0];
    *run = (struct durable_run){.id = 7,
                                .plan = PLAN_FAILOVER,
                                .state = DURABLE_RUN_SUCCEEDED,
                                .source = 0,
                                .target = 1,
                                .automatic = true,
                                .reason = DECIDE_COMPLETE_REGIONAL_FAILURE,
                                .evidence_us = 500000,
                                .began_us = 2000000,
                                .moves_count = 1};
    run->moves[0] = (struct durable_move){.promoted = true, .source_end = {100}, .target_end = {100}};
    step(run, PLAN_FENCE, DURABLE_STEP_DONE, 2000000, 5000000);
    step(run, PLAN_PROMOTE, DURABLE_STEP_DONE, 5000000, 5400000);
    step(run, PLAN_ROUTE_SQL, DURABLE_STEP_DONE, 5400000, 5500000);
    step(run, PLAN_ROUTE_BALANCERS, DURABLE_STEP_SKIPPED, 5500000, 5500000);
    step(run, PLAN_ROUTE_DNS, DURABLE_STEP_UNPROVEN, 5500000, 5900000);
    step(run, PLAN_VERIFY, DURABLE_STEP_DONE, 5900000, 6900000);
    ended(7);
    expect(
        "holdfast_failover_events_total{trigger=\"automatic\",reason=\"COMPLETE_REGIONAL_FAILURE\",source=\"taiwan\","
        "target=\"tokyo\",outcome=\"succeeded\"} 1");
    expect("holdfast_failover_duration_seconds_sum{phase=\"detect\"} 1.5");
    expect("holdfast_failover_duration_seconds_sum{phase=\"fence\"} 3");
    expect("holdfast_failover_duration_seconds_sum{phase=\"route\"} 0.5");
    expect("holdfast_failover_duration_seconds_count{phase=\"route\"} 1");
    expect("holdfast_failover_duration_seconds_sum{phase=\"verify\"} 1");
    expect("holdfast_failover_rto_seconds 5.4");
    expect("holdfast_failover_rpo_seconds 0");
    ended(8); /* not among the runs that are kept: nothing is invented */
    assert_null(strstr(render(), "} 2\n"));
}

static void test_refused_failover_has_no_times(void **state)
{
    (void)state;
    engine->durable.past[0] = (struct durable_run){
        .id = 3, .plan = PLAN_SWITCHOVER, .state = DURABLE_RUN_REFUSED, .source = 1, .target = 0, .began_us = 5};
    ended(3);
    expect("holdfast_failover_events_total{trigger=\"manual\",reason=\"SWITCHOVER\",source=\"tokyo\",target=\"taiwan\","
           "outcome=\"refused\"} 1");
    assert_null(strstr(render(), "holdfast_failover_duration_seconds_sum"));
    assert_null(strstr(render(), "\nholdfast_failover_rto_seconds "));
}

static void test_failback(void **state)
{
    (void)state;
    struct durable_run *run = &engine->durable.past[2];
    *run = (struct durable_run){.id = 9, .plan = PLAN_FAILBACK, .state = DURABLE_RUN_SUCCEEDED, .source = 1};
    step(run, PLAN_CANARY, DURABLE_STEP_DONE, 1000000, 31000000);
    step(run, PLAN_HOLD, DURABLE_STEP_DONE, 31000000, 31500000);
    step(run, PLAN_STOP, DURABLE_STEP_DONE, 31500000, 32000000);
    step(run, PLAN_SHIFT_ALL, DURABLE_STEP_DONE, 32000000, 33000000);
    ended(9);
    expect("holdfast_failback_events_total{trigger=\"manual\",outcome=\"succeeded\"} 1");
    expect("holdfast_failback_duration_seconds_sum{phase=\"canary\"} 30");
    expect("holdfast_failback_duration_seconds_sum{phase=\"stop\"} 1");
    expect("holdfast_failback_duration_seconds_count{phase=\"stop\"} 1");
    assert_null(strstr(render(), "holdfast_failover_events_total{"));
}

static void test_evaluations(void **state)
{
    (void)state;
    uint64_t *evaluated = &engine->evaluated[DECIDE_MONITOR][DECIDE_GATE_COOLDOWN];
    *evaluated = 1;
    control_metric_step(&metric, engine, output); /* handed over at once, then each 200 ms */
    *evaluated = 3;
    control_metric_step(&metric, engine, output);
    expect("holdfast_decision_evaluations_total{decision=\"MONITOR\",gate=\"COOLDOWN\"} 1");
    engine->now.us += 300000;
    control_metric_step(&metric, engine, output);
    expect("holdfast_decision_evaluations_total{decision=\"MONITOR\",gate=\"COOLDOWN\"} 3");
}

static void test_probe(void **state)
{
    (void)state;
    struct model *model = &engine->model;
    struct probe_result *result = calloc(1, sizeof *result);
    model->checks_count = 1;
    model->probes_count = 1;
    text_copy(model->checks[0].name, sizeof model->checks[0].name, "front");
    model->checks[0].severity = MODEL_CRITICAL;
    model->checks[0].layer = 2;
    model->probes[0].region = 1;
    result->ok = true;
    result->phases.total_us = 250000;
    control_metric_probe(model, 0, result);
    result->ok = false;
    result->error = ERR_REFUSED;
    control_metric_probe(model, 0, result);
    expect("holdfast_health_checks_total{region=\"tokyo\",check=\"front\",layer=\"2\",severity=\"critical\",result="
           "\"OK\"} 1");
    expect("holdfast_health_checks_total{region=\"tokyo\",check=\"front\",layer=\"2\",severity=\"critical\","
           "result=\"REFUSED\"} 1");
    expect("holdfast_probe_duration_seconds_sum{region=\"tokyo\",check=\"front\",phase=\"total\"} 0.5");
    assert_null(strstr(render(), "phase=\"tls\""));
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_failover, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_failover_has_no_times, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evaluations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_probe, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
