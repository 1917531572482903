/* SPDX-License-Identifier: Apache-2.0
 * Engines of several controllers: listening, taking over in the middle of a run, ranks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_world.h"

/* A follower that leads from a moment to the next, in each step of a run, goes on with the run where it was. */
static void test_take_over_in_every_step(void **state)
{
    (void)state;
    follow();
    pass(10000);
    world->dead[TAIWAN] = true;
    uint64_t steps = 0;
    for (uint32_t turns = 0; turns < 1200 && (steps == 0 || engine_busy(&world->engine)); turns++) {
        const struct durable_run *run = &world->engine.durable.run;
        pass(50);
        if (run->state != DURABLE_RUN_NONE && (steps >> run->at & 1U) == 0) {
            steps |= 1ULL << run->at;
            take_over();
            pass(300); /* the next one hears of everybody */
        }
    }
    assert_true(world->takeovers >= 3);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TOKYO_A);
    assert_int_equal(view->databases[0].epoch, 2);
    assert_int_equal(world->engine.durable.runs_started, 1);
}

/* What a follower heard is worth at once: no node is unknown, no member of the set counts as gone. */
static void test_take_over_is_warm(void **state)
{
    (void)state;
    follow();
    pass(10000);
    const uint32_t members = world->engine.durable.databases[0].members;
    take_over();
    assert_true(world->engine.nodes[TAIWAN_A].alive && world->engine.nodes[TOKYO_A].alive);
    assert_int_equal(world->engine.decisions[TAIWAN].answer.reason, DECIDE_ALL_HEALTHY);
    pass(5000);
    assert_int_equal(world->engine.durable.databases[0].members, members);
    assert_int_equal(world->engine.durable.runs_started, 0);
    assert_int_equal(engine_view(&world->engine)->databases[0].epoch, 1);
}

static void test_a_follower_obeys_nobody(void **state)
{
    (void)state;
    engine_follow(&world->engine);
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    assert_int_equal(world->output.replies_count, 1);
    assert_int_equal(world->output.replies[0].error, ERR_UNAVAILABLE);
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_false(engine_busy(&world->engine));
    assert_true(world->engine.decisions[TAIWAN].wanted);
    assert_int_equal(world->engine.decisions[TAIWAN].answer.gate, DECIDE_GATE_NOT_LEADER);
}

static void test_ranks(void **state)
{
    (void)state;
    assert_int_equal(engine_rank(&world->engine, SITE_TAIWAN), 1);
    assert_int_equal(engine_rank(&world->engine, SITE_TOKYO), 0);
    assert_int_equal(engine_rank(&world->engine, SITE_WITNESS), 0);
    struct event event = {.kind = EVENT_LEASE};
    event.lease = (struct event_lease){.state = EVENT_LEASE_REVOKED,
                                       .holder = TAIWAN_A,
                                       .epoch = 1,
                                       .revision = ++world->revision,
                                       .candidate = TOKYO_A};
    feed(&event);
    assert_int_equal(engine_rank(&world->engine, SITE_TAIWAN), 0);
    assert_int_equal(engine_rank(&world->engine, SITE_TOKYO), 1);
}

/* The new leader's machine counts from another start. */
static void test_times_of_a_run_are_carried_over(void **state)
{
    (void)state;
    struct durable stored = world->engine.durable;
    stored.run = (struct durable_run){.id = 1,
                                      .state = DURABLE_RUN_RUNNING,
                                      .plan = PLAN_FAILOVER,
                                      .source = TAIWAN,
                                      .target = TOKYO,
                                      .steps_count = 1,
                                      .began_us = 500,
                                      .evidence_us = 200,
                                      .began_wall_us = 7000000};
    stored.run.steps[0] = (struct durable_step){.step = PLAN_EVIDENCE, .started_us = 600};
    engine_follow(&world->engine);
    engine_lead(&world->engine, &stored, false, world->now, (struct wall){9000000});
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->began_us, world->now.us - 2000000);
    assert_int_equal(run->evidence_us, run->began_us - 300);
    assert_int_equal(run->steps[0].started_us, run->began_us + 100);
    assert_int_equal(run->steps[0].ended_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_take_over_in_every_step, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_take_over_is_warm, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_obeys_nobody, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_ranks, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_times_of_a_run_are_carried_over, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
