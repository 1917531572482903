/* SPDX-License-Identifier: Apache-2.0
 * libholdfast's breaker against the core's: the healthy path must not be told from the plain breaker, by one thread in
 * any order of calls, nor lose a result among two.
 *
 * Links the core as well as the library, which is why it does not go through the driver. */
#include <holdfast.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/breaker.h"

enum { EVENTS = 64, RUNS = 200, STEPS = 3000, CALLS = 200000 };

struct event_log {
    int kinds[EVENTS];
    int states[EVENTS];
    int count;
};

struct pair {
    struct prng prng;
    int64_t now_us;
    struct breaker *plain;
    struct holdfast_breaker *quick;
    struct event_log plain_log;
    struct event_log quick_log;
    int64_t successes;
    bool listens; /* without a listener the library may also save reading its clock */
};

static int64_t pair_clock(void *context)
{
    return ((struct pair *)context)->now_us;
}

static void note(struct event_log *log, int kind, int from, int to)
{
    if (log->count < EVENTS) {
        log->kinds[log->count] = kind;
        log->states[log->count] = from * 16 + to;
        log->count++;
    }
}

static void plain_event(void *context, const struct breaker_event *event)
{
    note(&((struct pair *)context)->plain_log, (int)event->kind, (int)event->from, (int)event->to);
}

static void quick_event(void *context, const struct holdfast_breaker_event *event)
{
    note(&((struct pair *)context)->quick_log, (int)event->kind, (int)event->from, (int)event->to);
}

static void make(struct pair *pair)
{
    struct holdfast_breaker_config config;
    struct breaker_config plain = breaker_config_default();
    plain.window_type = prng_below(&pair->prng, 4) == 0 ? BREAKER_WINDOW_TIME : BREAKER_WINDOW_COUNT;
    plain.window_size = prng_between(&pair->prng, 1, 12);
    plain.minimum_calls = prng_between(&pair->prng, 1, 12);
    plain.permitted_half_open = prng_between(&pair->prng, 1, 4);
    plain.wait_open_ms = prng_between(&pair->prng, 1, 3000);
    plain.slow_call_duration_ns = 100;
    plain.slow_call_rate_threshold_ppm = prng_between(&pair->prng, 300000, 1000000);
    plain.automatic = prng_below(&pair->prng, 2) == 0;
    plain.max_wait_half_open_ms = prng_below(&pair->prng, 2) == 0 ? 0 : 500;
    plain.after_half_open_wait = prng_below(&pair->prng, 2) == 0 ? BREAKER_OPEN : BREAKER_CLOSED;
    holdfast_breaker_config_default(&config);
    config.window_type = (enum holdfast_breaker_window)plain.window_type;
    config.window_size = plain.window_size;
    config.minimum_calls = plain.minimum_calls;
    config.permitted_half_open = plain.permitted_half_open;
    config.wait_open_ms = plain.wait_open_ms;
    config.slow_call_duration_ns = plain.slow_call_duration_ns;
    config.slow_call_rate_threshold_ppm = plain.slow_call_rate_threshold_ppm;
    config.automatic = plain.automatic;
    config.max_wait_half_open_ms = plain.max_wait_half_open_ms;
    config.after_half_open_wait = (enum holdfast_breaker_state)plain.after_half_open_wait;
    config.clock_us = pair_clock;
    config.clock_context = pair;
    config.publish = pair->listens ? quick_event : NULL;
    config.publish_context = pair;
    pair->now_us = INT64_C(5000000) + prng_between(&pair->prng, 0, 999999);
    void *memory = malloc(breaker_size(&plain));
    assert_non_null(memory);
    pair->plain = breaker_init(memory, &plain, (struct breaker_listener){plain_event, pair, false}, pair->now_us);
    assert_int_equal(holdfast_breaker_new(&config, &pair->quick), HOLDFAST_OK);
}

static void by_hand(struct pair *pair)
{
    const int state = (int)prng_below(&pair->prng, 7);
    if (state == 6) {
        breaker_reset(pair->plain, pair->now_us);
        holdfast_breaker_reset(pair->quick);
        return;
    }
    const bool moved = breaker_move(pair->plain, pair->now_us, (enum breaker_state)state);
    assert_int_equal(holdfast_breaker_move(pair->quick, (enum holdfast_breaker_state)state),
                     moved ? HOLDFAST_OK : HOLDFAST_ILLEGAL_TRANSITION);
}

static void rare(struct pair *pair)
{
    switch (prng_below(&pair->prng, 5)) {
    case 0:
        breaker_ignore(pair->plain, pair->now_us);
        holdfast_breaker_record(pair->quick, HOLDFAST_IGNORED_ERROR, 0);
        break;
    case 1:
        breaker_release(pair->plain, pair->now_us);
        holdfast_breaker_release(pair->quick);
        break;
    case 2:
        breaker_trip(pair->plain, pair->now_us, 0, 700);
        assert_int_equal(holdfast_breaker_error_open_for(pair->quick, 0, 700), HOLDFAST_OK);
        break;
    default:
        by_hand(pair);
        break;
    }
}

static void step(struct pair *pair, uint32_t failures_ppm)
{
    const uint64_t choice = prng_below(&pair->prng, 100);
    pair->plain_log.count = 0;
    pair->quick_log.count = 0;
    if (choice < 30) {
        assert_int_equal(holdfast_breaker_acquire(pair->quick), breaker_acquire(pair->plain, pair->now_us));
    } else if (choice < 90) {
        const bool failed = prng_chance(&pair->prng, failures_ppm);
        const int64_t duration_ns = prng_chance(&pair->prng, failures_ppm) ? 101 : 100;
        breaker_record(pair->plain, pair->now_us, failed, duration_ns);
        holdfast_breaker_record(pair->quick, failed ? HOLDFAST_ERROR : HOLDFAST_SUCCESS, duration_ns);
    } else if (choice < 98) {
        pair->now_us += prng_between(&pair->prng, 0, 900000);
        breaker_advance(pair->plain, pair->now_us);
        holdfast_breaker_advance(pair->quick);
    } else {
        rare(pair);
    }
}

static void compare(struct pair *pair)
{
    struct breaker_metrics plain;
    struct holdfast_breaker_metrics quick;
    breaker_read(pair->plain, pair->now_us, &plain);
    holdfast_breaker_read(pair->quick, &quick);
    assert_int_equal(quick.state, plain.state);
    assert_int_equal(quick.failure_rate_ppm, plain.failure_rate_ppm);
    assert_int_equal(quick.slow_rate_ppm, plain.slow_rate_ppm);
    assert_int_equal(quick.buffered, plain.buffered);
    assert_int_equal(quick.failed, plain.failed);
    assert_int_equal(quick.slow, plain.slow);
    assert_int_equal(quick.slow_failed, plain.slow_failed);
    assert_int_equal(quick.not_permitted, plain.not_permitted);
    pair->successes = quick.healthy;
    if (pair->listens) {
        assert_int_equal(pair->quick_log.count, pair->plain_log.count);
    }
    for (int i = 0; pair->listens && i < pair->plain_log.count; i++) {
        assert_int_equal(pair->quick_log.kinds[i], pair->plain_log.kinds[i]);
        assert_int_equal(pair->quick_log.states[i], pair->plain_log.states[i]);
    }
}

static void test_same_as_plain(void **state)
{
    (void)state;
    int64_t healthy = 0;
    for (uint64_t run = 0; run < RUNS; run++) {
        struct pair pair = {.listens = run % 2 == 0};
        prng_init(&pair.prng, 20261122 + run);
        make(&pair);
        for (int i = 0; i < STEPS; i++) {
            step(&pair, run % 3 == 0 ? 200000 : 10000);
            compare(&pair);
        }
        healthy += pair.successes;
        free(pair.plain);
        holdfast_breaker_free(pair.quick);
    }
    assert_true(healthy > RUNS * STEPS / 10); /* or the test would prove nothing about the healthy path */
}

static void *caller(void *context)
{
    struct holdfast_breaker *breaker = (struct holdfast_breaker *)context;
    for (int i = 0; i < CALLS; i++) {
        if (holdfast_breaker_acquire(breaker)) {
            holdfast_breaker_success(breaker, 1);
        }
    }
    return NULL;
}

/* No success is lost: those of the window and those of the healthy path are all that were made. */
static void test_two_threads(void **state)
{
    (void)state;
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    struct holdfast_breaker_metrics metrics;
    pthread_t threads[2];
    holdfast_breaker_config_default(&config);
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, caller, breaker), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    holdfast_breaker_read(breaker, &metrics);
    assert_int_equal(metrics.state, HOLDFAST_BREAKER_CLOSED);
    assert_int_equal(metrics.buffered, 100);
    assert_true(metrics.healthy >= 2 * CALLS - 102 && metrics.healthy <= 2 * CALLS - 100);
    holdfast_breaker_free(breaker);
}

static void *failing_caller(void *context)
{
    struct holdfast_breaker *breaker = (struct holdfast_breaker *)context;
    for (int i = 0; i < CALLS / 4; i++) {
        if (holdfast_breaker_acquire(breaker)) {
            holdfast_breaker_record(breaker, i % 50 == 0 ? HOLDFAST_ERROR : HOLDFAST_SUCCESS, 1);
        }
    }
    return NULL;
}

/* Rare failures among two threads: the window stays one, and a region that dies is seen by both at once. */
static void test_two_threads_with_failures(void **state)
{
    (void)state;
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker;
    struct holdfast_breaker_metrics metrics;
    pthread_t threads[2];
    holdfast_breaker_config_default(&config);
    config.window_size = 20;
    config.minimum_calls = 20;
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, failing_caller, breaker), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    holdfast_breaker_read(breaker, &metrics);
    assert_int_equal(metrics.state, HOLDFAST_BREAKER_CLOSED);
    assert_int_equal(metrics.buffered, 20);
    for (int i = 0; i < 20; i++) {
        holdfast_breaker_error(breaker, 1);
    }
    assert_int_equal(holdfast_breaker_acquire(breaker), 0);
    holdfast_breaker_free(breaker);
}

static void test_arguments(void **state)
{
    (void)state;
    struct holdfast_breaker_config config;
    struct holdfast_breaker *breaker = NULL;
    holdfast_breaker_config_regional(&config);
    config.window_size = 10000001;
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_INVALID_CONFIG);
    assert_null(breaker);
    config.window_size = 1000000;
    assert_int_equal(holdfast_breaker_new(&config, &breaker), HOLDFAST_OK);
    assert_int_equal(holdfast_breaker_open_for(breaker, -1), HOLDFAST_INVALID_ARGUMENT);
    assert_int_equal(holdfast_breaker_error_open_for(breaker, 0, INT64_MAX), HOLDFAST_INVALID_ARGUMENT);
    assert_int_equal(holdfast_breaker_move(breaker, (enum holdfast_breaker_state)6), HOLDFAST_INVALID_ARGUMENT);
    assert_string_equal(holdfast_breaker_state_name((enum holdfast_breaker_state)6), "UNKNOWN");
    assert_string_equal(holdfast_breaker_event_name(HOLDFAST_EVENT_RESET), "RESET");
    holdfast_breaker_free(breaker);
    holdfast_breaker_free(NULL);
}

static void test_route(void **state)
{
    (void)state;
    const struct holdfast_health good = {1, 0, 0};
    enum holdfast_alert alert = HOLDFAST_ALERT_NONE;
    assert_int_equal(holdfast_route_choose(NULL, &good, 1, &alert), HOLDFAST_ROUTE_LOCAL);
    assert_int_equal(alert, HOLDFAST_ALERT_NONE);
    assert_int_equal(holdfast_route_choose(NULL, &good, 10000000, &alert), HOLDFAST_ROUTE_BACKUP);
    assert_int_equal(alert, HOLDFAST_ALERT_FAILOVER);
    assert_int_equal(holdfast_route_choose(&good, NULL, 0, NULL), HOLDFAST_ROUTE_LOCAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_plain),
        cmocka_unit_test(test_two_threads),
        cmocka_unit_test(test_two_threads_with_failures),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
