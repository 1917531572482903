/* SPDX-License-Identifier: Apache-2.0
 * Who may become the writer: never a node that is configured nofailover, whatever is ordered; what it has counts. */
#include "core/candidate.h"
#include "engine_world.h"

enum { TAIWAN_B_BIT = 1U << TAIWAN_B, TOKYO_A_BIT = 1U << TOKYO_A };

static int nofailover_setup(void **state)
{
    (void)world_setup(state);
    struct model *model = model_two_regions();
    model->nodes[TOKYO_A].nofailover = true;
    model->databases[0].durability_members = 1U << TAIWAN_A | TAIWAN_B_BIT | TOKYO_A_BIT;
    model->databases[0].durability_required = 2;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    assert_int_equal(world->engine.durable.databases[0].members, TAIWAN_B_BIT | TOKYO_A_BIT);
    return 0;
}

static void test_a_region_of_nofailover_nodes_is_no_target(void **state)
{
    (void)state;
    const struct candidate candidate = candidate_choose(&world->engine, 0, TOKYO, 1U << TAIWAN_A, true);
    assert_int_equal(candidate.node, LIMITS_NONE);
    assert_non_null(strstr(candidate.why, "nofailover"));
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(world->promote.order, 0);
    assert_int_equal(world->engine.durable.databases[0].writer, TAIWAN_A);
}

static void test_an_order_does_not_promote_it(void **state)
{
    (void)state;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    assert_true(world->output.replies_count == 1);
    pass(30000);
    assert_int_equal(world->writer, TAIWAN_A);
    assert_int_equal(world->promote.node == TOKYO_A, false);
}

/* Both of two must be heard to be sure that the neighbour has everything: the other one is, although it may not write.
 */
static void test_what_it_has_counts(void **state)
{
    (void)state;
    world->engine.model.databases[0].durability_required = 1;
    pass(10000);
    assert_int_equal(world->engine.durable.databases[0].required, 1);
    const struct candidate candidate = candidate_choose(&world->engine, 0, TAIWAN, 1U << TAIWAN_A, false);
    assert_int_equal(candidate.node, TAIWAN_B);
    world->silent[TOKYO_A] = true;
    pass(1800); /* silent, not yet out of the set */
    assert_int_equal(candidate_choose(&world->engine, 0, TAIWAN, 1U << TAIWAN_A, false).node, LIMITS_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_region_of_nofailover_nodes_is_no_target, nofailover_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_an_order_does_not_promote_it, nofailover_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_what_it_has_counts, nofailover_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
