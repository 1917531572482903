/* SPDX-License-Identifier: Apache-2.0
 * Judging: how a region's snapshot is filled in from what observers report, and how the decision is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_world.h"

enum { CONNECTIVITY, DATABASE, CACHE, ORDERS, STEP_MS = 500, UNMEASURED = -1 };

static uint32_t probe_of(uint32_t check)
{
    return model_probe_find(&world->engine.model, check, TAIWAN);
}

/* Everything passes, for everybody, but what `failed[site]` names of taiwan by bit of the check. ORDERS measures. */
static void look(const uint32_t failed[SITES], const int64_t values[SITES])
{
    const struct model *model = &world->engine.model;
    world->now = time_add_ms(world->now, STEP_MS);
    reports();
    for (uint32_t site = 0; site < SITES; site++) {
        for (uint32_t probe = 0; probe < model->probes_count; probe++) {
            const bool mine = model->probes[probe].region == TAIWAN;
            const bool bad = mine && (failed[site] >> model->probes[probe].check & 1U) != 0;
            struct event event = {.kind = EVENT_OBSERVATION};
            event.observation = (struct event_observation){
                .site = site, .probe = probe, .ok = !bad, .error = bad ? ERR_REFUSED : ERR_OK, .latency_us = 1000};
            if (probe == probe_of(ORDERS) && values[site] != UNMEASURED) {
                event.observation.has_value = true;
                event.observation.value = (uint64_t)values[site];
            }
            feed(&event);
        }
    }
    const struct event tick = {.kind = EVENT_TICK};
    feed(&tick);
}

static void look_for(uint32_t ms, const uint32_t failed[SITES], int64_t value)
{
    for (uint32_t at = 0; at < ms; at += STEP_MS) {
        look(failed, (const int64_t[SITES]){value, value, value});
    }
}

static const struct engine_decision *taiwan(void)
{
    return &world->engine.decisions[TAIWAN];
}

static const uint32_t good[SITES];

static int set_up(void **state)
{
    const int result = world_setup(state);
    struct model_policy *policy = &world->engine.model.policy;
    policy->error_rate_duration_ms = 5000;
    for (uint32_t i = 0; i < 4; i++) {
        policy->automation[i] = MODEL_OFF; /* decisions, but no runs */
    }
    return result;
}

/* Above the limit, for longer than the duration; at the limit is not above it. */
static void test_error_rate(void **state)
{
    (void)state;
    world->engine.model.checks[ORDERS].figure = MODEL_FIGURE_ERROR_RATE;
    look_for(10000, good, 100000);
    assert_int_equal(taiwan()->answer.reason, DECIDE_PARTIAL_DEGRADATION);
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_duration_us, 0);
    look_for(5000 + STEP_MS, good, 100001); /* the first sample begins the run */
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_duration_us, 5000000);
    assert_int_equal(taiwan()->answer.reason, DECIDE_PARTIAL_DEGRADATION);
    look_for(STEP_MS, good, 100001);
    assert_int_equal(taiwan()->answer.rule, 5);
    assert_int_equal(taiwan()->answer.decision, DECIDE_AUTOMATIC_FAILOVER);
    look_for(STEP_MS, good, 100000);
    assert_int_equal(taiwan()->answer.reason, DECIDE_PARTIAL_DEGRADATION);
}

/* The ADR's own limit, whatever is configured. */
static void test_error_rate_of_the_adr(void **state)
{
    (void)state;
    world->engine.model.checks[ORDERS].figure = MODEL_FIGURE_ERROR_RATE;
    world->engine.model.policy.profile = MODEL_ADR_039;
    world->engine.model.policy.error_rate_automatic_ppm = 50000;
    look_for(4000, good, 100000);
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_duration_us, 0);
    look_for(2 * STEP_MS, good, 100001);
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_duration_us, STEP_MS * 1000);
    assert_int_equal(taiwan()->answer.reason, DECIDE_ALL_HEALTHY);
}

/* Without a break: a time in which nobody measured is one. */
static void test_a_gap_breaks_the_run(void **state)
{
    (void)state;
    world->engine.model.checks[ORDERS].figure = MODEL_FIGURE_ERROR_RATE;
    look_for(4000, good, 200000);
    look_for(4000, good, UNMEASURED);
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_ppm, 0);
    assert_int_equal(taiwan()->answer.reason, DECIDE_ALL_HEALTHY);
    look_for(STEP_MS, good, 200000);
    assert_int_equal(taiwan()->snapshot.metrics.error_rate_duration_us, 0);
    assert_int_equal(taiwan()->answer.reason, DECIDE_PARTIAL_DEGRADATION);
    look_for(5000 + STEP_MS, good, 200000);
    assert_int_equal(taiwan()->answer.reason, DECIDE_HIGH_ERROR_RATE);
}

/* One observer alone does not say how much of a service is down. */
static void test_pods_are_those_of_the_middle(void **state)
{
    (void)state;
    static const uint32_t orders[SITES] = {1U << ORDERS, 1U << ORDERS, 1U << ORDERS};
    world->engine.model.checks[ORDERS].figure = MODEL_FIGURE_PODS_DOWN;
    for (uint32_t i = 0; i < 4; i++) {
        look(orders, (const int64_t[SITES]){900000, 500000, 500000});
    }
    assert_int_equal(taiwan()->answer.reason, DECIDE_SINGLE_SERVICE_DOWN);
    look(orders, (const int64_t[SITES]){500001, 500001, 0});
    assert_int_equal(taiwan()->answer.reason, DECIDE_CRITICAL_SERVICE_FAILURE);
    assert_string_equal(world->decision.text, "AUTOMATIC_FAILOVER, CRITICAL_SERVICE_FAILURE, confidence MEDIUM");
}

/* Every check is FAILED for a majority, but for another one each time: one observer sees the rule by itself. */
static void test_see_down_counts_observers_that_see_the_rule(void **state)
{
    (void)state;
    const uint32_t all = (1U << CHECKS) - 1;
    const uint32_t services = 1U << ORDERS | 1U << CACHE;
    look_for(4000, (const uint32_t[SITES]){all, services, all & ~services}, UNMEASURED);
    assert_int_equal(taiwan()->answer.rule, 3);
    assert_int_equal(taiwan()->snapshot.observers.reporting, 3);
    assert_int_equal(taiwan()->snapshot.observers.see_down, 1);
    assert_int_equal(taiwan()->answer.gate, DECIDE_GATE_OBSERVER_MINORITY);
    assert_int_equal(taiwan()->answer.decision, DECIDE_MONITOR);
    look_for(4000, (const uint32_t[SITES]){all, all, 0}, UNMEASURED);
    assert_int_equal(taiwan()->snapshot.observers.see_down, 2);
    assert_int_equal(taiwan()->answer.decision, DECIDE_AUTOMATIC_FAILOVER);
}

/* The failures in a row are the fewest that one of the majority counts. */
static void test_consecutive_failures(void **state)
{
    (void)state;
    const uint32_t database = 1U << DATABASE;
    world->engine.model.checks[DATABASE].failure_threshold = 1;
    look((const uint32_t[SITES]){database, 0, 0}, (const int64_t[SITES]){UNMEASURED, UNMEASURED, UNMEASURED});
    look_for(2 * STEP_MS, (const uint32_t[SITES]){database, database, 0}, UNMEASURED);
    assert_int_equal(taiwan()->snapshot.checks[DATABASE].consecutive_failures, 2);
    assert_int_equal(taiwan()->answer.reason, DECIDE_SINGLE_SERVICE_DOWN);
    look_for(STEP_MS, (const uint32_t[SITES]){database, database, 0}, UNMEASURED);
    assert_int_equal(taiwan()->snapshot.checks[DATABASE].consecutive_failures, 3);
    assert_int_equal(taiwan()->answer.reason, DECIDE_DATABASE_MASTER_FAILURE);
}

/* The cool-down ends when its time is over, not an instant later. */
static void test_cooldown(void **state)
{
    (void)state;
    const uint32_t all = (1U << CHECKS) - 1;
    const uint32_t everybody[SITES] = {all, all, all};
    look_for(4000, everybody, UNMEASURED);
    assert_int_equal(taiwan()->answer.gate, DECIDE_GATE_NONE);
    world->engine.failover_any = true;
    world->engine.failover_at = time_add_ms(world->now, STEP_MS - 3600000);
    world->engine.failover_at.us++;
    look_for(STEP_MS, everybody, UNMEASURED);
    assert_int_equal(taiwan()->answer.gate, DECIDE_GATE_COOLDOWN);
    world->engine.failover_at = time_add_ms(world->now, STEP_MS - 3600000);
    look_for(STEP_MS, everybody, UNMEASURED);
    assert_int_equal(taiwan()->answer.gate, DECIDE_GATE_NONE);
}

/* Before the first decision nobody reads a failover out of an empty record, nor after a new configuration. */
static void test_undecided(void **state)
{
    (void)state;
    static const struct mono start = {1000000000};
    const struct engine_decision *decision = &world->engine.decisions[TAIWAN];
    engine_init(&world->engine, model_two_regions(), NULL, start, (struct wall){0});
    assert_false(decision->any);
    assert_int_equal(decision->answer.decision, DECIDE_MONITOR);
    assert_int_equal(decision->answer.reason, DECIDE_INSUFFICIENT_EVIDENCE);
    world->now = start;
    look_for(2000, good, UNMEASURED);
    assert_int_equal(decision->answer.reason, DECIDE_ALL_HEALTHY);
    assert_true(engine_configure(&world->engine, model_two_regions()));
    assert_false(decision->any);
    assert_int_equal(decision->answer.decision, DECIDE_MONITOR);
}

/* The longest words fit, and the warnings of an automatic failover are told with it. */
static void test_words(void **state)
{
    (void)state;
    const uint32_t all = (1U << CHECKS) - 1;
    world->engine.model.sites_count = SITES + 3; /* observers that never report */
    for (uint32_t site = SITES; site < SITES + 3; site++) {
        world->engine.model.sites[site].observes = true;
    }
    look_for(4000, (const uint32_t[SITES]){all, all, all}, UNMEASURED);
    assert_string_equal(world->decision.text,
                        "MANUAL_REVIEW_REQUIRED, COMPLETE_REGIONAL_FAILURE, confidence HIGH, held by "
                        "INSUFFICIENT_OBSERVERS");
    world->engine.model.sites_count = SITES;
    world->engine.model.regions[TOKYO].capacity_ppm = 999999;
    look_for(STEP_MS, (const uint32_t[SITES]){all, all, all}, UNMEASURED);
    assert_string_equal(world->decision.text,
                        "AUTOMATIC_FAILOVER, COMPLETE_REGIONAL_FAILURE, confidence HIGH, warning TARGET_CAPACITY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_error_rate, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_error_rate_of_the_adr, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_gap_breaks_the_run, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_pods_are_those_of_the_middle, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_see_down_counts_observers_that_see_the_rule, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_consecutive_failures, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_cooldown, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_undecided, set_up, world_teardown),
        cmocka_unit_test_setup_teardown(test_words, set_up, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
