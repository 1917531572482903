/* SPDX-License-Identifier: Apache-2.0
 * The simulator itself: the same seed tells the same story, and every checker can fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "sim/sim.h"

enum { SIM_TEST_SEEDS = 400 };

struct sim_test_story {
    uint64_t hash;
    uint64_t lines;
};

static void sim_test_line(void *context, const char *line)
{
    struct sim_test_story *story = context;
    story->hash = story->hash * 1099511628211U + hash_bytes(line, strlen(line));
    story->lines++;
}

static void test_same_seed_same_story(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sim_test_story stories[2] = {{0}};
        struct sim_result results[2];
        for (int i = 0; i < 2; i++) {
            const struct sim_options options = {.seed = seed, .say = sim_test_line, .context = &stories[i]};
            sim_run(&options, &results[i]);
        }
        assert_true(stories[0].lines > 50);
        assert_int_equal(stories[0].lines, stories[1].lines);
        assert_true(stories[0].hash == stories[1].hash);
        assert_int_equal(results[0].events, results[1].events);
    }
}

static void test_other_seed_other_story(void **state)
{
    (void)state;
    struct sim_test_story stories[2] = {{0}};
    struct sim_result result;
    for (int i = 0; i < 2; i++) {
        const struct sim_options options = {.seed = 10 + (uint64_t)i, .say = sim_test_line, .context = &stories[i]};
        sim_run(&options, &result);
    }
    assert_true(stories[0].hash != stories[1].hash);
}

/* The sabotage must be seen within so many seeds, by the checker that is for it. */
static void sim_test_sabotage(enum sim_sabotage sabotage, const char *words)
{
    for (uint64_t seed = 1; seed <= SIM_TEST_SEEDS; seed++) {
        const struct sim_options options = {.seed = seed, .sabotage = sabotage};
        struct sim_result result;
        sim_run(&options, &result);
        if (result.violated) {
            print_message("%s, seed %llu: %s\n", sim_sabotage_name(sabotage), (unsigned long long)seed,
                          result.violation);
            assert_non_null(strstr(result.violation, words));
            return;
        }
    }
    fail_msg("%s was not noticed in %d seeds", sim_sabotage_name(sabotage), SIM_TEST_SEEDS);
}

static void test_a_writer_that_ignores_its_deadline_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_FENCE, "without a right");
}

static void test_a_taker_that_does_not_wait_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_WAIT, "two writers");
}

static void test_an_unsafe_candidate_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_ANY_CANDIDATE, "acknowledged tier-1 commit");
}

static void test_a_forgotten_view_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_OLD_VIEW, "published after");
}

static void test_an_old_epoch_that_acknowledges_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_STALE_PROXY, "acknowledged under epoch");
}

static void test_a_canary_without_comparison_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_COMPARE, "without a comparison");
}

static void test_a_step_out_of_turn_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_RUN_ORDER, "is done");
}

static void test_a_deposed_leader_that_goes_on_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_TERM, "published after");
}

static void test_a_system_that_does_not_recover_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_PROMOTE, "not converged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_story),
        cmocka_unit_test(test_other_seed_other_story),
        cmocka_unit_test(test_a_writer_that_ignores_its_deadline_is_seen),
        cmocka_unit_test(test_a_taker_that_does_not_wait_is_seen),
        cmocka_unit_test(test_an_unsafe_candidate_is_seen),
        cmocka_unit_test(test_a_forgotten_view_is_seen),
        cmocka_unit_test(test_an_old_epoch_that_acknowledges_is_seen),
        cmocka_unit_test(test_a_canary_without_comparison_is_seen),
        cmocka_unit_test(test_a_step_out_of_turn_is_seen),
        cmocka_unit_test(test_a_deposed_leader_that_goes_on_is_seen),
        cmocka_unit_test(test_a_system_that_does_not_recover_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
