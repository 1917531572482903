/* SPDX-License-Identifier: Apache-2.0
 * libholdfast's breaker against a slow and plain one (breaker_reference.h): random configurations, random calls in any
 * order, a virtual clock; state, figures and events must be the same after each call. And the option of periods, which
 * the plain one does not have. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "breaker_reference.h"

enum { RUNS = 400, STEPS = 1500, CALLS = 100000, EVENTS = 256 };

struct world {
    struct prng prng;
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    struct breaker_reference reference;
    int64_t now_us;
    int events[EVENTS];
    int events_count;
    uint64_t states; /* which were seen */
};

static int64_t world_clock(void *context)
{
    return ((struct world *)context)->now_us;
}

static void world_event(void *context, const struct holdfast_breaker_event *event)
{
    struct world *world = (struct world *)context;
    assert_true(world->events_count < EVENTS);
    world->events[world->events_count++] = (int)event->kind * 256 + (int)event->from * 16 + (int)event->to;
}

static int64_t between(struct world *world, int64_t low, int64_t high)
{
    return prng_between(&world->prng, low, high);
}

static void make(struct world *world)
{
    static const double multipliers[] = {1, 1.5, 2, 3.25};
    struct holdfast_breaker_config *config = &world->config;
    const double multiplier = multipliers[between(world, 0, 3)];
    holdfast_breaker_config_default(config);
    config->failure_rate_threshold_ppm = between(world, 1, 100) * 10000;
    config->slow_call_rate_threshold_ppm = between(world, 1, 100) * 10000;
    config->slow_call_duration_ns = 100;
    config->window_type = between(world, 0, 2) == 0 ? HOLDFAST_BREAKER_TIME : HOLDFAST_BREAKER_COUNT;
    config->window_size = between(world, 1, 20);
    config->minimum_calls = between(world, 1, 24);
    config->permitted_half_open = between(world, 1, 6);
    if (between(world, 0, 1) == 0) {
        config->wait_open_ms = between(world, 1, 5000);
    } else {
        config->wait_initial_ms = between(world, 1, 2000);
        config->wait_multiplier_ppm = (int64_t)(multiplier * 1e6);
        config->wait_max_ms = between(world, 1, 9000);
    }
    config->automatic = (int)between(world, 0, 1);
    config->max_wait_half_open_ms = between(world, 0, 1) == 0 ? 0 : between(world, 500, 3000);
    config->after_half_open_wait = between(world, 0, 1) == 0 ? HOLDFAST_BREAKER_OPEN : HOLDFAST_BREAKER_CLOSED;
    config->initial_state =
        between(world, 0, 3) == 0 ? (enum holdfast_breaker_state)between(world, 0, 5) : HOLDFAST_BREAKER_CLOSED;
    config->clock_us = world_clock;
    config->clock_context = world;
    config->publish = world_event;
    config->publish_context = world;
    world->now_us = 7000000 + between(world, 0, 999) * 1000;
    assert_int_equal(holdfast_breaker_new(config, &world->breaker), HOLDFAST_OK);
    assert_int_equal(world->events_count, 0);
    breaker_reference_init(&world->reference, config, multiplier, world->now_us);
}

/* To the clock's next interesting moment, just before or after it, or anywhere. */
static void pass_time(struct world *world)
{
    const struct breaker_reference *reference = &world->reference;
    const int64_t edge_us = reference->timer_us >= 0 ? reference->timer_us : reference->retry_after_us;
    int64_t to_us = world->now_us + between(world, 0, 1500000);
    if (between(world, 0, 2) == 0 && edge_us > world->now_us) {
        to_us = edge_us + between(world, -1, 1);
    } else if (between(world, 0, 4) == 0) {
        to_us = (world->now_us / 1000000 + 1) * 1000000 + between(world, -1, 1);
    }
    world->now_us = to_us > world->now_us ? to_us : world->now_us;
    breaker_reference_advance(&world->reference, world->now_us);
    if (between(world, 0, 1) == 0) {
        holdfast_breaker_advance(world->breaker);
    }
}

static void by_hand(struct world *world)
{
    const enum holdfast_breaker_state state = (enum holdfast_breaker_state)between(world, 0, 5);
    const int64_t open_for_ms = between(world, 0, 3000);
    switch (between(world, 0, 5)) {
    case 0:
        breaker_reference_reset(&world->reference);
        holdfast_breaker_reset(world->breaker);
        break;
    case 1:
        breaker_reference_trip(&world->reference, 50, open_for_ms);
        assert_int_equal(holdfast_breaker_error_open_for(world->breaker, 50, open_for_ms), HOLDFAST_OK);
        break;
    case 2:
        assert_int_equal(holdfast_breaker_open_for(world->breaker, open_for_ms) == HOLDFAST_OK,
                         breaker_reference_open_for(&world->reference, open_for_ms));
        break;
    default:
        assert_int_equal(holdfast_breaker_move(world->breaker, state) == HOLDFAST_OK,
                         breaker_reference_move(&world->reference, state));
        break;
    }
}

static void step(struct world *world, int64_t failures)
{
    const int64_t choice = between(world, 0, 99);
    world->events_count = 0;
    world->reference.events_count = 0;
    if (choice < 30) {
        assert_int_equal(breaker_reference_acquire(&world->reference), holdfast_breaker_acquire(world->breaker));
    } else if (choice < 80) {
        enum holdfast_breaker_outcome outcome = between(world, 0, 99) < failures ? HOLDFAST_ERROR : HOLDFAST_SUCCESS;
        if (between(world, 0, 9) == 0) {
            outcome = (enum holdfast_breaker_outcome)between(world, 0, 4);
        }
        const int64_t duration_ns = between(world, 0, 99) < failures ? 101 : 100;
        breaker_reference_record(&world->reference, outcome, duration_ns);
        holdfast_breaker_record(world->breaker, outcome, duration_ns);
    } else if (choice < 92) {
        pass_time(world);
    } else if (choice < 96) {
        breaker_reference_release(&world->reference);
        holdfast_breaker_release(world->breaker);
    } else {
        by_hand(world);
    }
}

static void compare(struct world *world)
{
    struct holdfast_breaker_metrics want;
    struct holdfast_breaker_metrics got;
    breaker_reference_read(&world->reference, &want);
    holdfast_breaker_read(world->breaker, &got);
    assert_int_equal(got.state, want.state);
    assert_int_equal(got.buffered, want.buffered);
    assert_int_equal(got.failed, want.failed);
    assert_int_equal(got.slow, want.slow);
    assert_int_equal(got.slow_failed, want.slow_failed);
    assert_int_equal(got.failure_rate_ppm, want.failure_rate_ppm);
    assert_int_equal(got.slow_rate_ppm, want.slow_rate_ppm);
    assert_int_equal(got.not_permitted, want.not_permitted);
    assert_int_equal(world->events_count, world->reference.events_count);
    assert_memory_equal(world->events, world->reference.events, sizeof(int) * (size_t)world->events_count);
    world->states |= UINT64_C(1) << got.state;
}

static void test_same_as_reference(void **state)
{
    (void)state;
    struct world *world = (struct world *)calloc(1, sizeof *world);
    assert_non_null(world);
    uint64_t states = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        memset(world, 0, sizeof *world);
        prng_init(&world->prng, 4000 + run);
        make(world);
        compare(world);
        for (int i = 0; i < STEPS; i++) {
            step(world, run % 3 == 0 ? 50 : 10);
            compare(world);
        }
        states |= world->states;
        holdfast_breaker_free(world->breaker);
    }
    free(world);
    assert_int_equal(states, 63); /* all six, or the comparison would be about less than it says */
}

static struct holdfast_breaker *small(void)
{
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    holdfast_breaker_config_default(&config);
    config.window_size = 4;
    config.minimum_calls = 4;
    config.permitted_half_open = 2;
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_OK);
    return breaker;
}

static struct holdfast_breaker_metrics read_metrics(struct holdfast_breaker *breaker)
{
    struct holdfast_breaker_metrics metrics;
    holdfast_breaker_read(breaker, &metrics);
    return metrics;
}

/* With periods a late result of the closed period is no trial call; without them it is (the scenarios). */
static void test_periods(void **state)
{
    (void)state;
    struct holdfast_breaker *breaker = small();
    uint64_t closed;
    uint64_t trial;
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &closed), 1);
    for (int i = 0; i < 3; i++) {
        holdfast_breaker_record_period(breaker, closed, HOLDFAST_ERROR, 0);
    }
    assert_int_equal(read_metrics(breaker).failed, 3);
    holdfast_breaker_record_period(breaker, closed, HOLDFAST_SUCCESS, 0);
    assert_int_equal(read_metrics(breaker).state, HOLDFAST_BREAKER_OPEN);
    trial = 77;
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &trial), 0);
    assert_int_equal(trial, 77);
    assert_int_equal(holdfast_breaker_move(breaker, HOLDFAST_BREAKER_HALF_OPEN), HOLDFAST_OK);
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &trial), 1);
    assert_true(trial > closed);
    holdfast_breaker_record_period(breaker, closed, HOLDFAST_SUCCESS, 0);
    holdfast_breaker_record_period(breaker, closed, HOLDFAST_ERROR, 0);
    holdfast_breaker_release_period(breaker, closed);
    assert_int_equal(read_metrics(breaker).buffered, 0);
    assert_int_equal(read_metrics(breaker).stale, 3);
    assert_int_equal(holdfast_breaker_acquire(breaker), 1);
    assert_int_equal(holdfast_breaker_acquire(breaker), 0); /* the late release gave nothing back */
    holdfast_breaker_release_period(breaker, trial);
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &trial), 1);
    holdfast_breaker_record_period(breaker, trial, HOLDFAST_SUCCESS, 0);
    holdfast_breaker_record_period(breaker, trial, HOLDFAST_SUCCESS, 0);
    assert_int_equal(read_metrics(breaker).state, HOLDFAST_BREAKER_CLOSED);
    holdfast_breaker_free(breaker);
}

/* Emptying the window by hand ends a period as well; the healthy path knows periods. */
static void test_period_of_the_healthy_path(void **state)
{
    (void)state;
    struct holdfast_breaker *breaker = small();
    uint64_t before;
    uint64_t after;
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &before), 1);
    holdfast_breaker_reset(breaker);
    assert_int_equal(holdfast_breaker_acquire_period(breaker, &after), 1);
    assert_true(after != before);
    for (int i = 0; i < 10; i++) {
        holdfast_breaker_record_period(breaker, after, HOLDFAST_SUCCESS, 0);
        holdfast_breaker_record_period(breaker, before, HOLDFAST_SUCCESS, 0);
    }
    assert_int_equal(read_metrics(breaker).healthy, 6);
    assert_int_equal(read_metrics(breaker).buffered, 4);
    assert_int_equal(read_metrics(breaker).stale, 10);
    holdfast_breaker_free(breaker);
}

static void test_nothing_is_allocated(void **state)
{
    (void)state;
    struct holdfast_breaker *breaker = small();
    const struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < CALLS; i++) {
        if (holdfast_breaker_acquire(breaker)) {
            holdfast_breaker_record(breaker, i % 10 == 0 ? HOLDFAST_ERROR : HOLDFAST_SUCCESS, 1);
        }
    }
    const struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.uordblks, before.uordblks);
    assert_true(read_metrics(breaker).healthy > 0);
    holdfast_breaker_free(breaker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_reference),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_period_of_the_healthy_path),
        cmocka_unit_test(test_nothing_is_allocated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
