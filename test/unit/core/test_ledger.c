/* SPDX-License-Identifier: Apache-2.0
 * What former writers left behind, and the failback guard that asks for it. */
#include "core/ledger.h"
#include "engine_world.h"

/* Taiwan was lost and is back; everything runs in tokyo. */
static void lose_and_return(void)
{
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    world->dead[TAIWAN] = false;
    pass(20000);
}

static void test_open_entries_hold_a_failback(void **state)
{
    (void)state;
    lose_and_return();
    world->ledger_open = 2;
    pass(1000);
    assert_int_equal(ledger_look(&world->engine, 0).open, 2);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(3000);
    assert_int_equal(last_run()->plan, PLAN_FAILBACK);
    assert_int_equal(last_run()->state, DURABLE_RUN_REFUSED);
    assert_non_null(strstr(last_run()->steps[0].detail, "TIER1_CONFLICTS_OPEN: 2 to resolve"));
    world->ledger_open = 0;
    pass(1000);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(5000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    /* Also when one shows up while a person is asked. */
    world->ledger_open = 1;
    pass(3000);
    assert_int_equal(last_run()->state, DURABLE_RUN_REFUSED);
    assert_int_equal(world->writer, TOKYO_A);
}

static void test_without_tier_1_they_are_told_only(void **state)
{
    (void)state;
    world->engine.model.databases[0].tier1 = false;
    lose_and_return();
    world->ledger_open = 2;
    pass(1000);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(5000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    assert_non_null(strstr(world->engine.durable.run.steps[0].detail, "2 open in the ledger"));
}

/* Nobody has counted: it waits, and does not take that for an empty ledger. */
static void test_an_uncounted_ledger_is_waited_for(void **state)
{
    (void)state;
    lose_and_return();
    world->uncounted = true;
    pass(1000);
    assert_false(ledger_look(&world->engine, 0).known);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(3000);
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->state, DURABLE_RUN_RUNNING);
    assert_int_equal(run->steps[run->at].step, PLAN_GUARD);
    assert_non_null(strstr(run->steps[run->at].detail, "has counted"));
    world->uncounted = false;
    pass(3000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    world->uncounted = true; /* for good: the pre-check ends at its deadline */
    command(EVENT_COMMAND_ABORT, LIMITS_NONE, LIMITS_NONE, world->engine.durable.run.id);
    pass(3000);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(15000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_NONE);
    assert_int_equal(last_run()->state, DURABLE_RUN_REFUSED);
}

/* A writer given up by a person: settled once it has brought home what it held alone and nothing of that is open. */
static void test_a_writer_given_up_is_settled_when_it_is_home(void **state)
{
    (void)state;
    lose_and_return();
    struct durable *durable = &world->engine.durable;
    assert_int_equal(durable->ends[0].node, TAIWAN_A);
    assert_int_equal(durable->ends[0].epoch, 1);
    durable->ends[0].tier1_at_risk = true;
    pass(1000);
    assert_int_equal(ledger_look(&world->engine, 0).away, 1);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(3000);
    assert_int_equal(last_run()->state, DURABLE_RUN_REFUSED);
    world->homed[TAIWAN_A] = 1;
    world->ledger_open = 1;
    pass(1000);
    assert_int_equal(ledger_look(&world->engine, 0).away, 1);
    world->ledger_open = 0;
    pass(1000);
    assert_int_equal(ledger_look(&world->engine, 0).away, 0);
    assert_false(durable->ends[0].tier1_at_risk);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(5000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_entries_hold_a_failback, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_without_tier_1_they_are_told_only, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_an_uncounted_ledger_is_waited_for, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_writer_given_up_is_settled_when_it_is_home, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("core/ledger", tests, NULL, NULL);
}
