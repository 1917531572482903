/* SPDX-License-Identifier: Apache-2.0
 * TTL: lowered on the first failed probe and before a planned move, and how it comes back. */
#include "core/ttl.h"
#include "engine_world.h"

enum { MOST_S = 60, FLOOR_S = 2 };

static struct model *ttl_model(void)
{
    struct model *model = model_two_regions();
    model->ttl_most_s = MOST_S;
    model->ttl_floor_s = FLOOR_S;
    return model;
}

static int ttl_setup(void **state)
{
    (void)world_setup(state);
    engine_init(&world->engine, ttl_model(), NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    return 0;
}

static uint32_t ceiling(uint32_t region)
{
    return engine_view(&world->engine)->regions[region].ttl_ceiling_s;
}

/* One result of one observer about taiwan's application, between the regular ones. */
static void probe(uint32_t site, bool ok)
{
    struct event event = {.kind = EVENT_OBSERVATION};
    event.observation = (struct event_observation){
        .site = site, .probe = 6, .ok = ok, .error = ok ? ERR_OK : ERR_REFUSED, .latency_us = 1000};
    assert_int_equal(world->engine.model.probes[6].region, TAIWAN);
    assert_int_equal(world->engine.model.checks[world->engine.model.probes[6].check].component, MODEL_COMPONENT_APP);
    feed(&event);
}

static void test_first_failed_probe_lowers_it(void **state)
{
    (void)state;
    assert_int_equal(ceiling(TAIWAN), 0);
    const uint64_t version = engine_view(&world->engine)->version;
    probe(SITE_WITNESS, false);
    assert_int_equal(ceiling(TAIWAN), FLOOR_S);
    assert_int_equal(ceiling(TOKYO), 0);
    assert_int_equal(engine_view(&world->engine)->version, version + 1);
    assert_true(world->output.publish);
    assert_int_equal(world->engine.health.merged[6].status, HEALTH_PASSED);
}

static void test_it_comes_back_with_confidence(void **state)
{
    (void)state;
    probe(SITE_WITNESS, false);
    probe(SITE_WITNESS, true);
    const uint32_t expected[] = {2, 4, 8, 16, 32, 0, 0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_int_equal(ceiling(TAIWAN), expected[i]);
        pass(TTL_GROW_MS);
    }
    probe(SITE_WITNESS, false);
    pass(2 * TTL_GROW_MS + 1000);
    assert_int_equal(ceiling(TAIWAN), 8);
    probe(SITE_TOKYO, false);
    assert_int_equal(ceiling(TAIWAN), FLOOR_S);
}

/* It sees taiwan down for ever, the others do not. */
static void test_one_alone_with_its_opinion_is_no_doubt(void **state)
{
    (void)state;
    for (int i = 0; i < 3 + 10; i++) {
        probe(SITE_WITNESS, false);
        assert_int_equal(ceiling(TAIWAN), FLOOR_S);
    }
    probe(SITE_WITNESS, false);
    assert_int_equal(world->engine.health.seen[SITE_WITNESS][6].status, HEALTH_FAILED);
    assert_false(health_doubted(&world->engine.health, &world->engine.model, 6, world->now));
}

static void test_a_lost_region_stays_low(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    pass(4 * TTL_GROW_MS);
    assert_int_equal(last_run()->plan, PLAN_FAILOVER);
    assert_int_equal(ceiling(TAIWAN), FLOOR_S);
    assert_int_equal(ceiling(TOKYO), 16); /* on its way back since the run ended */
}

static const struct durable_step *step_of(const struct durable_run *run, enum plan_step step)
{
    for (uint32_t i = 0; i < run->steps_count; i++) {
        if (run->steps[i].step == step) {
            return &run->steps[i];
        }
    }
    return NULL;
}

static void test_planned_move_waits_for_old_answers(void **state)
{
    (void)state;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(MOST_S * 1000 - 1000);
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->steps[run->at].step, PLAN_LOWER_TTL);
    assert_int_equal(ceiling(TAIWAN), FLOOR_S);
    assert_int_equal(ceiling(TOKYO), FLOOR_S); /* the move may be undone */
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], VIEW_SHARES_WHOLE);
    assert_non_null(strstr(run->steps[run->at].detail, "s more"));
    pass(20000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(last_run()->plan, PLAN_SWITCHOVER);
    const struct durable_step *step = step_of(last_run(), PLAN_LOWER_TTL);
    assert_true(step != NULL && step->state == DURABLE_STEP_DONE);
    pass(6 * TTL_GROW_MS);
    assert_int_equal(ceiling(TAIWAN), 0);
    assert_int_equal(ceiling(TOKYO), 0);
}

/* Doubts have lowered it already: only what is left of the old answers is waited for. */
static void test_what_has_run_out_is_not_waited_for(void **state)
{
    (void)state;
    for (int i = 0; i < MOST_S; i++) {
        probe(SITE_WITNESS, false);
        probe(SITE_WITNESS, true);
        world->engine.ttls[TOKYO] = world->engine.ttls[TAIWAN];
        pass(1000);
    }
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(10000);
    assert_int_equal(last_run()->plan, PLAN_SWITCHOVER);
}

static void test_failback_lowers_it_before_the_canary(void **state)
{
    (void)state;
    lose_and_mend(TAIWAN);
    pass(6 * TTL_GROW_MS);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, LIMITS_NONE, 0);
    const uint64_t id = world->output.replies[0].run;
    pass(20000);
    assert_int_equal(ceiling(TOKYO), 0); /* while a person thinks it over, nothing is lowered */
    command(EVENT_COMMAND_APPROVE, LIMITS_NONE, LIMITS_NONE, id);
    pass(MOST_S * 1000 - 1000);
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->steps[run->at].step, PLAN_LOWER_TTL);
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], 0);
    pass(3000);
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], 1000);
    assert_int_equal(ceiling(TAIWAN), FLOOR_S);
    assert_int_equal(ceiling(TOKYO), FLOOR_S);
}

static void test_a_new_controller_waits_anew(void **state)
{
    (void)state;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(MOST_S * 1000 / 2);
    const struct durable stored = world->engine.durable;
    engine_init(&world->engine, ttl_model(), &stored, world->now, (struct wall){world->now.us});
    pass(MOST_S * 1000 - 1000);
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->steps[run->at].step, PLAN_LOWER_TTL);
    pass(20000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

static void test_short_ones_are_left_alone(void **state)
{
    (void)state;
    struct model *model = ttl_model();
    model->ttl_most_s = FLOOR_S;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    probe(SITE_WITNESS, false);
    assert_int_equal(ceiling(TAIWAN), 0);
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(10000);
    assert_int_equal(last_run()->plan, PLAN_SWITCHOVER);
    assert_null(step_of(last_run(), PLAN_LOWER_TTL));
}

int main(void)
{
#define TTL_TEST(name) cmocka_unit_test_setup_teardown(name, ttl_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TTL_TEST(test_first_failed_probe_lowers_it),
        TTL_TEST(test_it_comes_back_with_confidence),
        TTL_TEST(test_one_alone_with_its_opinion_is_no_doubt),
        TTL_TEST(test_a_lost_region_stays_low),
        TTL_TEST(test_planned_move_waits_for_old_answers),
        TTL_TEST(test_what_has_run_out_is_not_waited_for),
        TTL_TEST(test_failback_lowers_it_before_the_canary),
        TTL_TEST(test_a_new_controller_waits_anew),
        TTL_TEST(test_short_ones_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
