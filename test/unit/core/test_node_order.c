/* SPDX-License-Identifier: Apache-2.0
 * What stands against cloning a node anew, and the order to its agent. */
#include "core/node_order.h"
#include "core/task.h"
#include "engine_world.h"

static struct node_order_check checks[NODE_ORDER_CHECKS];

/* The name of the check that refuses; "" when none does. */
static const char *refused_to(bool restart, uint32_t node, bool force)
{
    const uint32_t count = node_order_look(&world->engine, node, restart, checks);
    const struct node_order_check *refusal = node_order_refusal(checks, count, force);
    return refusal != NULL ? refusal->name : "";
}

static const char *refused(uint32_t node, bool force)
{
    return refused_to(false, node, force);
}

static bool good(const char *name)
{
    for (uint32_t i = 0; i < NODE_ORDER_CHECKS; i++) {
        if (strcmp(checks[i].name, name) == 0) {
            return checks[i].good;
        }
    }
    fail();
    return false;
}

static const struct engine_reply *order_to(enum event_command_kind kind, uint32_t node, bool force, const char *reason)
{
    struct event event = {.kind = EVENT_COMMAND, .at = world->now};
    event.command = (struct event_command){.kind = kind, .node = node, .force = force, .token = 9};
    text_copy(event.command.reason, sizeof event.command.reason, reason);
    text_copy(event.command.who, sizeof event.command.who, "tester");
    engine_step(&world->engine, &event, &world->output);
    assert_int_equal(world->output.replies_count, 1);
    return &world->output.replies[0];
}

static const struct engine_reply *order(uint32_t node, bool force, const char *reason)
{
    return order_to(EVENT_COMMAND_REINIT, node, force, reason);
}

static uint32_t asked(uint64_t *ret_order)
{
    for (uint32_t i = 0; i < world->output.actions_count; i++) {
        if (world->output.actions[i].kind == ACTION_AGENT_REINIT) {
            *ret_order = world->output.actions[i].order;
            return world->output.actions[i].node;
        }
    }
    return LIMITS_NONE;
}

static void test_the_writer_is_never_cloned(void **state)
{
    (void)state;
    assert_string_equal(refused(TAIWAN_A, false), "not the writer");
    assert_string_equal(refused(TAIWAN_A, true), "not the writer");
    assert_int_equal(order(TAIWAN_A, true, "test")->error, ERR_UNAVAILABLE);
    uint64_t number = 0;
    assert_int_equal(asked(&number), LIMITS_NONE);
}

static void test_a_standby_is(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_string_equal(refused(TAIWAN_B, false), "");
    assert_true(good("another copy"));
    assert_int_equal(order(TAIWAN_B, false, "")->error, ERR_INVALID);
    const struct engine_reply *reply = order(TAIWAN_B, false, "its disk was replaced");
    assert_int_equal(reply->error, ERR_OK);
    assert_true(world->output.persist);
    assert_int_equal(asked(&number), TAIWAN_B);
    assert_true(number > 0);
    assert_int_equal(number, reply->run);
    /* Not another one while this order is on its way; a later one has a higher number. */
    assert_int_equal(order(TOKYO_A, true, "test")->error, ERR_CONFLICT);
    struct event event = {.kind = EVENT_RESULT, .at = world->now};
    event.result = (struct event_result){.action = world->engine.tasks[TASK_SLOT_NODE_ORDER].action.id, .ok = true};
    engine_step(&world->engine, &event, &world->output);
    assert_true(world->engine.nodes[TAIWAN_B].returning);
    assert_false(world->engine.node_order.wanted);
    pass(1000);
    const uint64_t first = number;
    assert_int_equal(order(TAIWAN_B, false, "again")->error, ERR_OK);
    assert_int_equal(asked(&number), TAIWAN_B);
    assert_true(number > first);
}

/* tokyo-a is the one that tier-1 commits wait for: only by force, and told. */
static void test_the_last_member_only_by_force(void **state)
{
    (void)state;
    struct durable_database *database = &world->engine.durable.databases[0];
    assert_int_equal(database->members, 1U << TOKYO_A);
    assert_string_equal(refused(TOKYO_A, false), "tier 1");
    assert_string_equal(refused(TOKYO_A, true), "");
    assert_int_equal(order(TOKYO_A, false, "test")->error, ERR_UNAVAILABLE);
    database->members |= 1U << TAIWAN_B;
    assert_string_equal(refused(TOKYO_A, false), "");
    world->silent[TAIWAN_B] = true; /* the other member does not stream */
    pass(3000);
    assert_string_equal(refused(TOKYO_A, false), "tier 1");
    assert_false(good("another copy"));
}

/* Without a writer that is seen to write, any node may hold the last copy. */
static void test_the_last_copy_never(void **state)
{
    (void)state;
    world->silent[TAIWAN_A] = true;
    pass(1700);
    assert_string_equal(refused(TAIWAN_B, true), "a writer to clone from");
    world->silent[TAIWAN_B] = true;
    world->silent[TAIWAN_A] = false;
    pass(3000);
    assert_string_equal(refused(TAIWAN_B, true), "its agent");
}

/* A former writer: first what it holds alone, or by force. */
static void test_a_former_writer_comes_home_first(void **state)
{
    (void)state;
    lose_and_mend(TAIWAN);
    assert_string_equal(refused(TAIWAN_A, false), "brought home");
    assert_string_equal(refused(TAIWAN_A, true), "");
    world->homed[TAIWAN_A] = 1;
    pass(1000);
    assert_string_equal(refused(TAIWAN_A, false), "tier 1"); /* tokyo's commits wait for it now */
    assert_true(good("brought home"));
}

static void test_not_during_a_run(void **state)
{
    (void)state;
    lose_and_mend(TAIWAN);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(5000);
    assert_string_equal(refused(TAIWAN_B, true), "no run");
}

/* An agent that never answers: the order ends, and says that the outcome is unknown. */
static void test_an_unanswered_order_ends(void **state)
{
    (void)state;
    assert_int_equal(order(TAIWAN_B, false, "test")->error, ERR_OK);
    world->silent[TAIWAN_B] = true;
    for (uint32_t i = 0; i < 400 && world->engine.node_order.wanted; i++) {
        const struct event tick = {.kind = EVENT_TICK, .at = world->now};
        engine_step(&world->engine, &tick, &world->output);
        world->now = time_add_ms(world->now, 100);
    }
    assert_false(world->engine.node_order.wanted);
    assert_int_equal(world->engine.tasks[TASK_SLOT_NODE_ORDER].state, ENGINE_TASK_FREE);
}

/* A restart wants no writer to clone from, and takes the node down for a moment only: never the writer's. */
static void test_a_restart(void **state)
{
    (void)state;
    assert_string_equal(refused_to(true, TAIWAN_A, true), "not the writer");
    assert_string_equal(refused_to(true, TOKYO_A, false), "tier 1");
    assert_int_equal(order_to(EVENT_COMMAND_RESTART, TAIWAN_B, false, "")->error, ERR_INVALID);
    assert_int_equal(order_to(EVENT_COMMAND_RESTART, TOKYO_A, true, "more connections")->error, ERR_OK);
    assert_int_equal(order(TAIWAN_B, false, "test")->error, ERR_CONFLICT);
    assert_int_equal(world->engine.tasks[TASK_SLOT_NODE_ORDER].action.kind, ACTION_AGENT_RESTART);
    assert_int_equal(world->engine.tasks[TASK_SLOT_NODE_ORDER].action.node, TOKYO_A);
    pass(31000); /* nobody answers */
    world->silent[TAIWAN_A] = true;
    pass(1700);
    assert_string_equal(refused_to(true, TAIWAN_B, false), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_writer_is_never_cloned, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_standby_is, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_the_last_member_only_by_force, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_the_last_copy_never, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_former_writer_comes_home_first, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_not_during_a_run, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_an_unanswered_order_ends, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_restart, world_setup, world_teardown),
    };
    return cmocka_run_group_tests_name("core/node_order", tests, NULL, NULL);
}
