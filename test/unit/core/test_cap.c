/* SPDX-License-Identifier: Apache-2.0
 * The cap of max_lag: sessions wait while every standby is too far behind, and never for ever. */
#include "core/cap.h"
#include "engine_world.h"

enum { RATE = 0x100, LIMIT_MS = 5000 };

static int cap_setup(void **state)
{
    (void)world_setup(state);
    struct model *model = model_two_regions();
    model->databases[0].tier1 = false;
    model->databases[0].lag_hold = true;
    model->databases[0].max_lag_ms = LIMIT_MS;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){world->now.us});
    pass(10000);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
    return 0;
}

/* `ms` of writing, of which the standbys receive what `follow` says; how long of it sessions were held. */
static uint32_t write_for(uint32_t ms, bool follow)
{
    uint32_t held_ms = 0;
    for (uint32_t at = 0; at < ms; at += 50) {
        world->written += RATE;
        world->missing = follow ? 0 : world->missing + RATE;
        pass(50);
        held_ms += world->engine.view.databases[0].hold != 0 ? 50 : 0;
    }
    return held_ms;
}

static void test_who_keeps_up_holds_nobody(void **state)
{
    (void)state;
    assert_int_equal(write_for(20000, true), 0);
    assert_int_equal(write_for(LIMIT_MS - 1000, false), 0);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
}

static void test_too_far_behind_holds_and_lets_go(void **state)
{
    (void)state;
    const uint32_t held_ms = write_for(30000, false);
    assert_int_equal(cap_look(&world->engine, 0), CAP_HOLDING);
    assert_true(held_ms > 12000); /* three parts of four, once the limit is passed ... */
    assert_true(held_ms < 22000); /* ... and never all of it */
    world->missing = 0;
    pass(2000);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
    assert_int_equal(world->engine.view.databases[0].hold, 0);
    assert_int_equal(write_for(5000, true), 0);
}

/* Nothing is written any more: what is missing goes on getting older. */
static void test_age_counts_not_bytes(void **state)
{
    (void)state;
    (void)write_for(1000, false);
    pass(3000);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
    pass(3000);
    assert_int_equal(cap_look(&world->engine, 0), CAP_HOLDING);
}

static void test_without_a_standby_nobody_waits(void **state)
{
    (void)state;
    (void)write_for(8000, false);
    assert_int_equal(cap_look(&world->engine, 0), CAP_HOLDING);
    world->deaf[TAIWAN_B] = true;
    world->deaf[TOKYO_A] = true;
    (void)write_for(1000, false);
    assert_int_equal(write_for(20000, false), 0);
    assert_int_equal(cap_look(&world->engine, 0), CAP_ALONE);
    world->deaf[TOKYO_A] = false;
    (void)write_for(2000, true);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
}

static void test_without_the_choice_nobody_waits(void **state)
{
    (void)state;
    struct model model = world->engine.model;
    model.databases[0].lag_hold = false;
    engine_init(&world->engine, &model, NULL, world->now, (struct wall){world->now.us});
    assert_int_equal(write_for(20000, false), 0);
    assert_int_equal(cap_look(&world->engine, 0), CAP_OPEN);
}

/* A failover has the hold for itself, and the new writer's positions are another matter. */
static void test_a_run_is_not_held(void **state)
{
    (void)state;
    (void)write_for(8000, false);
    assert_int_equal(cap_look(&world->engine, 0), CAP_HOLDING);
    world->dead[TAIWAN] = true;
    world->missing = 0;
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_int_equal(world->engine.view.databases[0].hold, 0);
    assert_int_equal(cap_look(&world->engine, 0), CAP_ALONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_keeps_up_holds_nobody, cap_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_too_far_behind_holds_and_lets_go, cap_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_age_counts_not_bytes, cap_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_without_a_standby_nobody_waits, cap_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_without_the_choice_nobody_waits, cap_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_run_is_not_held, cap_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
