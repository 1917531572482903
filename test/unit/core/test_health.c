/* SPDX-License-Identifier: Apache-2.0
 * Health: thresholds, freshness, majorities and figures, each at its boundary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/health.h"

enum { SITES = 3, INTERVAL_MS = 1000 };

static struct model model;
static struct health health;
static struct mono now;

static int set_up(void **state)
{
    (void)state;
    memset(&model, 0, sizeof model);
    model.regions_count = 1;
    model.sites_count = SITES;
    model.checks_count = 1;
    model.checks[0] = (struct model_check){.interval_ms = INTERVAL_MS,
                                           .failure_threshold = 3,
                                           .success_threshold = 2,
                                           .latency_limit_us = 5000,
                                           .component = MODEL_COMPONENT_DB,
                                           .figure = MODEL_FIGURE_ERROR_RATE};
    model.probes_count = 1;
    health_init(&health);
    now = (struct mono){1000000};
    return 0;
}

static void observe(uint32_t site, enum err error)
{
    const struct event_observation observation = {.site = site, .ok = error == ERR_OK, .error = error};
    health_observe(&health, &model, &observation, now);
}

static enum health_status seen(uint32_t site)
{
    return health_status_of(&health, &model, site, 0, now);
}

static void times(uint32_t count, uint32_t site, enum err error)
{
    for (uint32_t i = 0; i < count; i++) {
        now = time_add_ms(now, INTERVAL_MS);
        observe(site, error);
    }
}

static void test_thresholds(void **state)
{
    (void)state;
    assert_int_equal(seen(0), HEALTH_UNKNOWN);
    times(2, 0, ERR_REFUSED);
    assert_int_equal(seen(0), HEALTH_UNKNOWN); /* two failures are no verdict yet */
    times(1, 0, ERR_REFUSED);
    assert_int_equal(seen(0), HEALTH_FAILED);
    times(1, 0, ERR_OK);
    assert_int_equal(seen(0), HEALTH_FAILED); /* one success is not enough */
    times(1, 0, ERR_OK);
    assert_int_equal(seen(0), HEALTH_PASSED);
    times(2, 0, ERR_REFUSED);
    times(1, 0, ERR_OK);
    times(2, 0, ERR_REFUSED);
    assert_int_equal(seen(0), HEALTH_PASSED); /* never three in a row */
    times(1, 1, ERR_OK);
    assert_int_equal(seen(1), HEALTH_PASSED); /* the very first result may be good */
}

static void test_latency_above_the_limit_is_a_failure(void **state)
{
    (void)state;
    struct event_observation observation = {.ok = true, .latency_us = 5000};
    health_observe(&health, &model, &observation, now);
    assert_int_equal(seen(0), HEALTH_PASSED);
    assert_int_equal(health.seen[0][0].failures, 0);
    observation.latency_us = 5001;
    health_observe(&health, &model, &observation, now);
    assert_int_equal(health.seen[0][0].failures, 1);
    assert_int_equal(health.seen[0][0].error, ERR_SLOW);
}

/* Older than three intervals: exactly three are not. What comes after such a gap is counted anew. */
static void test_freshness(void **state)
{
    (void)state;
    times(3, 0, ERR_REFUSED);
    now = time_add_ms(now, 3 * INTERVAL_MS);
    assert_int_equal(seen(0), HEALTH_FAILED);
    now.us++;
    assert_int_equal(seen(0), HEALTH_FAILED); /* it is counted in milliseconds */
    now = time_add_ms(now, 1);
    assert_int_equal(seen(0), HEALTH_UNKNOWN);
    observe(0, ERR_REFUSED);
    assert_int_equal(seen(0), HEALTH_UNKNOWN);
    assert_int_equal(health.seen[0][0].failures, 1);
    times(2, 0, ERR_REFUSED);
    assert_int_equal(seen(0), HEALTH_FAILED);
}

static void test_majority_of_those_that_report(void **state)
{
    (void)state;
    assert_false(health_merge(&health, &model, 0, now));
    assert_int_equal(health.merged[0].status, HEALTH_UNKNOWN);
    times(5, 0, ERR_REFUSED);
    times(1, 1, ERR_OK);
    (void)health_merge(&health, &model, 0, now);
    assert_int_equal(health.merged[0].status, HEALTH_PASSED); /* one of two is no majority */
    assert_int_equal(health.merged[0].consecutive_failures, 0);
    for (uint32_t i = 0; i < 3; i++) {
        now = time_add_ms(now, INTERVAL_MS / 2);
        observe(0, ERR_REFUSED);
        observe(2, ERR_TIMEOUT);
    }
    assert_true(health_merge(&health, &model, 0, now));
    assert_int_equal(health.merged[0].status, HEALTH_FAILED); /* two of three are */
    assert_int_equal(health.merged[0].reporting, 3);
    assert_int_equal(health.merged[0].failed, 2);
    assert_int_equal(health.merged[0].consecutive_failures, 3); /* the smaller of 8 and 3 */
    now = time_add_ms(now, 4 * INTERVAL_MS);
    assert_true(health_merge(&health, &model, 0, now));
    assert_int_equal(health.merged[0].status, HEALTH_UNKNOWN);
}

static void test_old_results_do_not_overtake(void **state)
{
    (void)state;
    observe(0, ERR_OK);
    const struct event_observation late = {.ok = false, .error = ERR_REFUSED, .age_ms = 1};
    health_observe(&health, &model, &late, now);
    assert_int_equal(health.seen[0][0].failures, 0);
}

/* A target that refuses the password lives. */
static void test_refused_password_is_unknown(void **state)
{
    (void)state;
    times(1, 0, ERR_OK);
    times(2, 0, ERR_AUTH);
    assert_int_equal(seen(0), HEALTH_PASSED);
    times(1, 0, ERR_AUTH);
    assert_int_equal(seen(0), HEALTH_UNKNOWN);
    assert_true(health_merge(&health, &model, 0, now) || health.merged[0].status == HEALTH_UNKNOWN);
    assert_int_equal(health.merged[0].error, ERR_AUTH);
}

static void test_component(void **state)
{
    (void)state;
    assert_true(health_component(&health, &model, 0, MODEL_COMPONENT_CACHE)); /* nothing is configured */
    assert_false(health_component(&health, &model, 0, MODEL_COMPONENT_DB));   /* unknown is not good */
    times(1, 0, ERR_OK);
    (void)health_merge(&health, &model, 0, now);
    assert_true(health_component(&health, &model, 0, MODEL_COMPONENT_DB));
}

/* The median of those that measured freshly; of two the lower. */
static void test_figures(void **state)
{
    (void)state;
    static const uint64_t values[SITES] = {90, 10, 50};
    uint64_t value = 0;
    assert_false(health_figure(&health, &model, 0, MODEL_FIGURE_ERROR_RATE, now, &value));
    for (uint32_t site = 0; site < SITES; site++) {
        const struct event_observation observation = {
            .site = site, .ok = true, .has_value = true, .value = values[site]};
        health_observe(&health, &model, &observation, now);
    }
    assert_true(health_figure(&health, &model, 0, MODEL_FIGURE_ERROR_RATE, now, &value));
    assert_int_equal(value, 50);
    assert_false(health_figure(&health, &model, 0, MODEL_FIGURE_P95, now, &value));
    now = time_add_ms(now, 3 * INTERVAL_MS);
    observe(2, ERR_OK); /* without a value */
    assert_true(health_figure(&health, &model, 0, MODEL_FIGURE_ERROR_RATE, now, &value));
    assert_int_equal(value, 10);
    now = time_add_ms(now, 1);
    assert_false(health_figure(&health, &model, 0, MODEL_FIGURE_ERROR_RATE, now, &value));
}

/* Sites are silent when nothing was heard for more than three seconds. */
static void test_sites(void **state)
{
    (void)state;
    assert_false(health_site_expire(&health, &model, 0, now));
    health_site_alive(&health, 0, now);
    assert_true(health_site_expire(&health, &model, 0, now));
    assert_true(health.sites[0].alive);
    assert_false(health_site_expire(&health, &model, 0, time_add_ms(now, 3000)));
    assert_true(health_site_expire(&health, &model, 0, time_add_ms(now, 3001)));
    assert_false(health.sites[0].alive);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_thresholds, set_up),
        cmocka_unit_test_setup(test_latency_above_the_limit_is_a_failure, set_up),
        cmocka_unit_test_setup(test_freshness, set_up),
        cmocka_unit_test_setup(test_majority_of_those_that_report, set_up),
        cmocka_unit_test_setup(test_old_results_do_not_overtake, set_up),
        cmocka_unit_test_setup(test_refused_password_is_unknown, set_up),
        cmocka_unit_test_setup(test_component, set_up),
        cmocka_unit_test_setup(test_figures, set_up),
        cmocka_unit_test_setup(test_sites, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
