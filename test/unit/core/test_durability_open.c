/* SPDX-License-Identifier: Apache-2.0
 * The set a new writer opens with: who is left goes on acknowledging, who is gone is not waited for, nobody is trusted
 * before it has caught up. */
#include "core/candidate.h"
#include "core/durability.h"
#include "engine_world.h"

enum { TAIWAN_A_BIT = 1U << TAIWAN_A, TAIWAN_B_BIT = 1U << TAIWAN_B, TOKYO_A_BIT = 1U << TOKYO_A };

static const struct durable_database *record(void)
{
    return &world->engine.durable.databases[0];
}

/* Any two of the others acknowledge, so that the neighbour holds everything. */
static int neighbours_setup(void **state)
{
    (void)world_setup(state);
    struct model *model = model_two_regions();
    model->databases[0].durability_members = TAIWAN_A_BIT | TAIWAN_B_BIT | TOKYO_A_BIT;
    model->databases[0].durability_required = 2;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    assert_int_equal(record()->members, TAIWAN_B_BIT | TOKYO_A_BIT);
    assert_int_equal(record()->required, 2);
    return 0;
}

static void writer_dies(void)
{
    world->died[TAIWAN_A] = true;
    world->writer = NODES;
}

/* Until the order to promote is out. */
static void ordered(void)
{
    for (int i = 0; i < 200 && world->promote.order == 0; i++) {
        pass(50);
    }
    assert_true(world->promote.order > 0);
}

static void test_who_is_left_is_required_from_the_first_commit_on(void **state)
{
    (void)state;
    world->mute[TAIWAN_B] = true;
    writer_dies();
    ordered();
    assert_int_equal(world->promote.node, TAIWAN_B);
    assert_int_equal(world->promote.mask, TOKYO_A_BIT);
    assert_int_equal(world->promote.required, 1);
    /* What the old writer acknowledged is on the new one: nobody else is promoted yet. */
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 0);
    world->mute[TAIWAN_B] = false;
    pass(20000);
    assert_int_equal(world->writer, TAIWAN_B);
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 1);
    assert_int_equal(world->require.mask, TOKYO_A_BIT);
    assert_true(world->require.order > world->promote.order);
}

static void test_who_was_not_heard_of_lately_is_not_waited_for(void **state)
{
    (void)state;
    world->silent[TOKYO_A] = true;
    pass(600);
    assert_true(world->engine.nodes[TOKYO_A].alive);
    writer_dies();
    ordered();
    assert_int_equal(world->promote.node, TAIWAN_B);
    assert_int_equal(world->promote.mask, 0);
    assert_int_equal(world->promote.required, 0);
    assert_int_equal(record()->members, 0);
    assert_int_equal(record()->required, 0);
}

static void test_who_never_follows_is_let_go(void **state)
{
    (void)state;
    world->deaf[TOKYO_A] = true;
    writer_dies();
    ordered();
    assert_int_equal(world->promote.mask, TOKYO_A_BIT);
    pass(10000);
    assert_int_equal(world->require.mask, 0);
    assert_int_equal(record()->members, 0);
    world->deaf[TOKYO_A] = false;
    pass(10000);
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 1);
}

/* Another life of the controller asks for the same. */
static void test_a_restart_orders_the_same_set(void **state)
{
    (void)state;
    world->mute[TAIWAN_B] = true;
    writer_dies();
    ordered();
    static struct durable durable;
    durable = world->engine.durable;
    durable_seal(&durable);
    const struct model model = world->engine.model;
    world->silent[TOKYO_A] = true; /* it would not be chosen now */
    engine_init(&world->engine, &model, &durable, world->now, (struct wall){world->now.us});
    const struct action before = world->promote;
    world->promote.order = 0;
    ordered();
    assert_int_equal(world->promote.epoch, before.epoch);
    assert_int_equal(world->promote.node, before.node);
    assert_int_equal(world->promote.mask, before.mask);
    assert_int_equal(world->promote.required, before.required);
    assert_true(world->promote.order >= before.order);
}

/* Nothing was acknowledged under the epoch of who certainly refuses: the record trusts the others as before. */
static void test_a_refusal_gives_the_record_back(void **state)
{
    (void)state;
    world->refuse[TAIWAN_B] = true;
    world->refuse[TOKYO_A] = true;
    writer_dies();
    pass(3000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    assert_int_equal(world->writer, TAIWAN_A);
    assert_int_equal(record()->members, TAIWAN_B_BIT | TOKYO_A_BIT);
    assert_int_equal(record()->required, 2);
}

/* One of two regions: nobody is left to acknowledge, and nobody is waited for. */
static void test_the_lost_writer_is_not_waited_for(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_true(world->promote.order > 0);
    assert_int_equal(world->promote.mask, 0);
    assert_int_equal(world->promote.required, 0);
}

/* A writer in taiwan, one member in tokyo. */
static void world_on_empty(bool block)
{
    struct model *model = model_two_regions();
    model->databases[0].durability_block = block;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 1);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_KEPT);
    world->deaf[TOKYO_A] = true; /* reached, but not streaming */
    pass(10000);
}

static void test_degrade_goes_on_alone_and_trusts_nobody(void **state)
{
    (void)state;
    world_on_empty(false);
    const uint32_t noticed = world->noticed;
    assert_true(noticed > 0);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_DEGRADED);
    assert_int_equal(world->require.mask, 0);
    assert_int_equal(record()->members, 0);
    assert_int_equal(record()->required, 0);
    assert_int_equal(candidate_choose(&world->engine, 0, TOKYO, TAIWAN_A_BIT, false).node, LIMITS_NONE);
    assert_int_equal(candidate_choose(&world->engine, 0, TOKYO, TAIWAN_A_BIT, true).node, TOKYO_A);
    world->deaf[TOKYO_A] = false;
    pass(10000);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_KEPT);
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 1);
    assert_int_equal(world->noticed, noticed + 1);
}

static void test_block_waits_and_goes_on_trusting(void **state)
{
    (void)state;
    world_on_empty(true);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_BLOCKED);
    assert_int_equal(world->require.mask, TOKYO_A_BIT);
    assert_int_equal(record()->members, TOKYO_A_BIT);
    assert_int_equal(record()->required, 1);
    assert_int_equal(candidate_choose(&world->engine, 0, TOKYO, TAIWAN_A_BIT, false).node, TOKYO_A);
    world->deaf[TOKYO_A] = false;
    pass(3000);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_KEPT);
}

/* The new writer waits for whoever comes first, and nobody is trusted before that one has caught up. */
static void test_block_holds_for_a_new_writer_too(void **state)
{
    (void)state;
    world_on_empty(true);
    world->deaf[TOKYO_A] = false;
    pass(3000);
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_int_equal(world->promote.mask, TAIWAN_A_BIT);
    assert_int_equal(world->promote.required, 1);
    assert_int_equal(record()->required, 0);
    assert_int_equal(durability_look(&world->engine, 0), DURABILITY_BLOCKED);
}

/* The writer's region is lost; twelve seconds later its lease of twenty has not ended. */
static void lost_with_a_long_lease(uint32_t members, uint32_t required, bool every_commit, uint32_t lowers)
{
    struct model *model = model_two_regions();
    model->databases[0].lease_ms = 20000;
    model->databases[0].durability_members = members;
    model->databases[0].durability_required = required;
    model->databases[0].every_commit = every_commit;
    model->nodes[TAIWAN_B].region = TOKYO;
    world->lowers = lowers;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    assert_int_equal(record()->required, required);
    world->dead[TAIWAN] = true;
    pass(12000);
}

static void test_who_must_acknowledge_everything_does_not_wait_for_the_lease(void **state)
{
    (void)state;
    lost_with_a_long_lease(TAIWAN_A_BIT | TOKYO_A_BIT, 1, true, 0);
    assert_int_equal(world->writer, TOKYO_A);
    assert_true(world->promote.early);
    assert_false(world->engine.durable.databases[0].writer == TAIWAN_A);
}

static void test_all_of_several_are_as_good(void **state)
{
    (void)state;
    lost_with_a_long_lease(TAIWAN_A_BIT | TAIWAN_B_BIT | TOKYO_A_BIT, 2, true, 0);
    assert_true(world->writer == TOKYO_A || world->writer == TAIWAN_B);
    assert_true(world->promote.early);
}

/* Without the promise, with one that is not kept or was not looked at, or where another may acknowledge instead. */
static void test_the_lease_is_waited_for_otherwise(void **state)
{
    static const struct {
        uint32_t members;
        bool every_commit;
        uint32_t lowers;
    } cases[] = {{TAIWAN_A_BIT | TOKYO_A_BIT, false, 0},
                 {TAIWAN_A_BIT | TOKYO_A_BIT, true, 1},
                 {TAIWAN_A_BIT | TOKYO_A_BIT, true, UINT32_MAX},
                 {TAIWAN_A_BIT | TAIWAN_B_BIT | TOKYO_A_BIT, true, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)world_teardown(state);
        (void)world_setup(state);
        lost_with_a_long_lease(cases[i].members, 1, cases[i].every_commit, cases[i].lowers);
        assert_int_equal(world->promote.order, 0);
        assert_int_equal(world->writer, TAIWAN_A);
        pass(20000);
        assert_true(world->writer == TOKYO_A || world->writer == TAIWAN_B);
        assert_false(world->promote.early);
    }
}

static void test_without_tier_1_nothing_is_said(void **state)
{
    (void)state;
    struct model model = world->engine.model;
    model.databases[0].tier1 = false;
    engine_init(&world->engine, &model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_int_equal(world->promote.order, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_is_left_is_required_from_the_first_commit_on, neighbours_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_who_was_not_heard_of_lately_is_not_waited_for, neighbours_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_who_never_follows_is_let_go, neighbours_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_restart_orders_the_same_set, neighbours_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_refusal_gives_the_record_back, neighbours_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_the_lost_writer_is_not_waited_for, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_degrade_goes_on_alone_and_trusts_nobody, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_block_waits_and_goes_on_trusting, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_block_holds_for_a_new_writer_too, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_who_must_acknowledge_everything_does_not_wait_for_the_lease, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_all_of_several_are_as_good, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_the_lease_is_waited_for_otherwise, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_without_tier_1_nothing_is_said, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
