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
#include "base/text.h"
#include "core/event.h"
#include "sim/sim.h"
#include "sim/sim_model.h"

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

/* The sabotage must be seen within so many seeds, by the checker that is for it. On the way there it may keep a system
 * from recovering: what was not fenced does not die either. */
static void sim_test_sabotage(enum sim_sabotage sabotage, const char *words)
{
    for (uint64_t seed = 1; seed <= SIM_TEST_SEEDS; seed++) {
        const struct sim_options options = {.seed = seed, .sabotage = sabotage};
        struct sim_result result;
        sim_run(&options, &result);
        if (!result.violated) {
            continue;
        }
        print_message("%s, seed %llu: %s\n", sim_sabotage_name(sabotage), (unsigned long long)seed, result.violation);
        if (strstr(result.violation, words) != NULL) {
            return;
        }
        assert_non_null(strstr(result.violation, "not converged"));
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

enum { SIM_TEST_NODES = 3, SIM_TEST_S = 1000000 };

/* The writer in one region, two standbys in the other; every commit waits for `required` of these. */
static struct model *sim_test_model(uint32_t required)
{
    static struct model model;
    static const char *const names[SIM_TEST_NODES] = {"taiwan-a", "tokyo-a", "tokyo-b"};
    static const struct model_check checks[] = {
        {"database-master", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_DB, MODEL_FIGURE_NONE, 0},
        {"order-service", MODEL_CRITICAL, 2, 1000, 800, 3, 2, 0, MODEL_COMPONENT_APP, MODEL_FIGURE_NONE, 0},
    };
    memset(&model, 0, sizeof model);
    text_copy(model.name, LIMITS_NAME, "three");
    sim_model_two_regions(&model);
    sim_model_checks(&model, checks, 2);
    model.sites[SIM_MODEL_WITNESS].controls = true;
    model.databases_count = 1;
    text_copy(model.databases[0].name, LIMITS_NAME, "shop");
    model.databases[0].lease_ms = 20000;
    model.databases[0].margin_ms = 300;
    model.databases[0].tier1 = true;
    model.databases[0].every_commit = true;
    model.databases[0].durability_members = (1U << SIM_TEST_NODES) - 1;
    model.databases[0].durability_required = required;
    model.nodes_count = SIM_TEST_NODES;
    for (uint32_t node = 0; node < SIM_TEST_NODES; node++) {
        text_copy(model.nodes[node].name, LIMITS_NAME, names[node]);
        model.nodes[node].region = node > 0 ? SIM_MODEL_TOKYO : SIM_MODEL_TAIWAN;
        model.nodes[node].postgres = (struct view_address){{127, 1, 0, (uint8_t)node}, 5432, 4};
    }
    sim_model_policy(&model);
    return &model;
}

/* The controller does not reach the writer's region, everybody else does; a person orders a failover. */
static void sim_test_ordered(enum sim_sabotage sabotage, uint32_t required, struct sim_result *ret_result)
{
    const struct sim_script script = {
        .faults = {{.kind = SIM_FAULT_CUT_BOTH,
                    .a = SIM_MODEL_TAIWAN,
                    .b = SIM_MODEL_WITNESS,
                    .at_us = 60 * (int64_t)SIM_TEST_S,
                    .end_us = INT64_MAX}},
        .faults_count = 1,
        .orders = {{.at_us = 65 * (int64_t)SIM_TEST_S,
                    .command = EVENT_COMMAND_FAILOVER,
                    .source = SIM_MODEL_TAIWAN,
                    .target = SIM_MODEL_TOKYO}},
        .orders_count = 1,
        .chaos_us = 110 * (int64_t)SIM_TEST_S,
    };
    const struct sim_options options = {
        .seed = 1, .model = sim_test_model(required), .script = &script, .sabotage = sabotage};
    sim_run(&options, ret_result);
}

/* Where any one of two acknowledges, one that takes over does not stop the other one. */
static void test_a_member_that_was_not_counted_is_seen(void **state)
{
    (void)state;
    struct sim_result result;
    sim_test_ordered(SIM_SABOTAGE_NONE, 1, &result);
    assert_false(result.violated);
    assert_int_equal(result.runs[DURABLE_RUN_SUCCEEDED] + result.runs[DURABLE_RUN_UNPROVEN], 1);
    sim_test_ordered(SIM_SABOTAGE_NONE, 2, &result);
    assert_false(result.violated);
    assert_int_equal(result.runs[DURABLE_RUN_SUCCEEDED] + result.runs[DURABLE_RUN_UNPROVEN], 1);
    sim_test_ordered(SIM_SABOTAGE_TOO_FEW, 1, &result);
    assert_true(result.violated);
    assert_non_null(strstr(result.violation, "taiwan-a acknowledged under epoch 1"));
}

/* A Redis in each region, relays everywhere. */
static void sim_test_cache(struct model *model, const struct model_check *check)
{
    const uint32_t index = model->checks_count++;
    model->checks[index] = *check;
    for (uint32_t region = 0; region < model->regions_count; region++) {
        model->probes[model->probes_count++] = (struct model_probe){index, region};
        model->targets[region] =
            (struct view_target){.address = {{127, 2, 0, (uint8_t)region}, 6379, 4}, .region = region};
    }
    model->targets_count = model->regions_count;
    model->services_count = 1;
    model->services[0] = (struct model_service){.check = index, .single = true, .initial = SIM_MODEL_TAIWAN};
    text_copy(model->services[0].name, LIMITS_NAME, "cache");
    for (uint32_t site = 0; site < model->sites_count; site++) {
        model->sites[site].relays = true;
    }
}

static void test_a_deposed_leader_that_goes_on_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_TERM, "published after");
}

static void test_two_primaries_of_one_epoch_are_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_SAME_EPOCH, "two primaries");
}

static void test_a_primary_that_takes_no_writes_yet_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_OPEN_EARLY, "not taken the order");
}

static void test_a_planned_move_that_loses_writes_is_seen(void **state)
{
    (void)state;
    sim_test_sabotage(SIM_SABOTAGE_NO_QUIET, "lost writes");
}

/* Ten seconds after its primary is lost, with its region or alone, clients write to a cache again. */
static void test_a_lost_cache_is_replaced_in_time(void **state)
{
    (void)state;
    static struct model model;
    const int64_t lost_us = 60 * (int64_t)SIM_TEST_S;
    const int64_t end_us = lost_us + 10 * (int64_t)SIM_TEST_S;
    static const enum sim_fault_kind kinds[] = {SIM_FAULT_CACHE, SIM_FAULT_REGION};
    model = *sim_test_model(1);
    const struct model_check check = {
        "redis", MODEL_INFORMATIONAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_CACHE, MODEL_FIGURE_NONE, 0};
    sim_test_cache(&model, &check);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct sim_script script = {
            .faults = {{.kind = kinds[i], .a = SIM_MODEL_TAIWAN, .at_us = lost_us, .end_us = INT64_MAX}},
            .faults_count = 1,
            .chaos_us = end_us,
        };
        const struct sim_options options = {.seed = 1, .model = &model, .script = &script};
        struct sim_result result;
        sim_run(&options, &result);
        assert_false(result.violated);
        assert_true(result.cache_writes > 100);
        assert_true(result.cache_us > end_us - SIM_TEST_S);
    }
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
        cmocka_unit_test(test_a_member_that_was_not_counted_is_seen),
        cmocka_unit_test(test_a_deposed_leader_that_goes_on_is_seen),
        cmocka_unit_test(test_two_primaries_of_one_epoch_are_seen),
        cmocka_unit_test(test_a_primary_that_takes_no_writes_yet_is_seen),
        cmocka_unit_test(test_a_planned_move_that_loses_writes_is_seen),
        cmocka_unit_test(test_a_lost_cache_is_replaced_in_time),
        cmocka_unit_test(test_a_system_that_does_not_recover_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
