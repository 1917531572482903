/* SPDX-License-Identifier: Apache-2.0
 * Engine: a small world that obeys at once; a region is lost, the writer moves, and comes home through the canary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine_world.h"

static void test_steady_state(void **state)
{
    (void)state;
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TAIWAN_A);
    assert_int_equal(view->split[TAIWAN][TAIWAN], VIEW_SHARES_WHOLE);
    assert_int_equal(view->split[VIEW_HOME_DEFAULT][TOKYO], 4000);
    assert_int_equal(world->engine.durable.databases[0].members, 1U << TOKYO_A);
    assert_int_equal(world->engine.decisions[TAIWAN].answer.reason, DECIDE_ALL_HEALTHY);
    assert_false(engine_busy(&world->engine));
}

static void test_region_is_lost_and_comes_home(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(last_run()->plan, PLAN_FAILOVER);
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TOKYO_A);
    assert_int_equal(view->databases[0].epoch, 2);
    assert_int_equal(view->split[TAIWAN][TOKYO], VIEW_SHARES_WHOLE);
    assert_int_equal(world->engine.durable.databases[0].members, 0);

    world->dead[TAIWAN] = false;
    pass(20000);
    assert_int_equal(world->engine.durable.databases[0].members, 1U << TAIWAN_A);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, LIMITS_NONE, 0);
    assert_int_equal(world->output.replies_count, 1);
    const uint64_t run = world->output.replies[0].run;
    pass(1000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    command(EVENT_COMMAND_APPROVE, LIMITS_NONE, LIMITS_NONE, run);
    pass(2000);
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], 1000);
    pass(25000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(last_run()->plan, PLAN_FAILBACK);
    view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TAIWAN_A);
    assert_int_equal(view->databases[0].epoch, 3);
    assert_int_equal(view->split[TAIWAN][TAIWAN], VIEW_SHARES_WHOLE);
    assert_int_equal(view->split[VIEW_HOME_DEFAULT][TAIWAN], 6000);
    pass(5000);
    assert_int_equal(world->engine.durable.databases[0].members, 1U << TOKYO_A);
}

static void test_canary_is_aborted(void **state)
{
    (void)state;
    lose_and_mend(TAIWAN);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, LIMITS_NONE, 0);
    const uint64_t run = world->output.replies[0].run;
    command(EVENT_COMMAND_APPROVE, LIMITS_NONE, LIMITS_NONE, run);
    pass(2000);
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], 1000);
    command(EVENT_COMMAND_ABORT, LIMITS_NONE, LIMITS_NONE, run);
    pass(1000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    assert_int_equal(engine_view(&world->engine)->split[TAIWAN][TAIWAN], 0);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TOKYO_A);
}

static void test_switchover_is_undone_when_the_target_refuses(void **state)
{
    (void)state;
    world->refuse[TOKYO_A] = true;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(5000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TAIWAN_A);
    assert_int_equal(view->databases[0].hold, 0);
    assert_true(view->databases[0].epoch > 1);
    assert_int_equal(view->split[TAIWAN][TAIWAN], VIEW_SHARES_WHOLE);
}

/* What the target has replayed counts as soon as its agent says so, asked or not; nothing is promoted before. */
static void test_switchover_waits_for_the_target(void **state)
{
    (void)state;
    world->replayed = 0x4000; /* the source ends at 0x5000 */
    world->behind = true;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(2000);
    assert_int_equal(world->engine.durable.run.steps[world->engine.durable.run.at].step, PLAN_CATCH_UP);
    assert_int_equal(world->promote.epoch, 0);
    world->behind = false; /* the reports still say what they said */
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

static void test_switchover_goes_on_by_the_report(void **state)
{
    (void)state;
    world->replayed = 0x4000;
    world->behind = true;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(1000);
    assert_int_equal(world->promote.epoch, 0);
    world->replayed = 0x5000; /* an agent that does not know the question says so in its report */
    pass(20000);
    assert_int_equal(world->writer, TOKYO_A);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

/* The only candidate refuses, and there is nothing to go back to: the run says so and makes way for another. */
static void test_target_refuses_while_the_source_is_lost(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    world->refuse[TOKYO_A] = true;
    pass(15000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_UNDOING);
    assert_true(world->engine.durable.run.stuck);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, LIMITS_NONE);
    assert_true(world->engine.durable.sequence < 500);
    world->refuse[TOKYO_A] = false;
    pass(30000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(world->engine.durable.past[1].state, DURABLE_RUN_FAILED);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TOKYO_A);
}

/* ... and when the source comes back first, it becomes the writer again. */
static void test_source_comes_back_to_a_stuck_run(void **state)
{
    (void)state;
    world->refuse[TOKYO_A] = true;
    world->silent[TAIWAN_A] = true;
    command(EVENT_COMMAND_FAILOVER, TAIWAN, TOKYO, 0);
    pass(8000);
    assert_true(world->engine.durable.run.stuck);
    world->silent[TAIWAN_A] = false;
    pass(3000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TAIWAN_A);
    assert_int_equal(engine_view(&world->engine)->databases[0].epoch, world->epoch);
}

/* The source took its right back, but its answer was lost with the controller: the next one finds that out. */
static void test_source_that_took_its_right_back_is_believed(void **state)
{
    (void)state;
    static struct durable durable;
    world->refuse[TOKYO_A] = true;
    world->lost[TAIWAN_A] = true;
    command(EVENT_COMMAND_FAILOVER, TAIWAN, TOKYO, 0);
    pass(1000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_UNDOING);
    assert_int_equal(world->writer, TAIWAN_A);
    durable = world->engine.durable;
    durable_seal(&durable);
    engine_init(&world->engine, model_two_regions(), &durable, world->now, (struct wall){world->now.us});
    pass(5000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TAIWAN_A);
    assert_int_equal(engine_view(&world->engine)->databases[0].epoch, world->epoch);
}

/* A person may end a stuck run, not one that is on its way back. */
static void test_stuck_run_is_ended_by_a_person(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    world->refuse[TOKYO_A] = true;
    pass(15000);
    const uint64_t run = world->engine.durable.run.id;
    assert_true(world->engine.durable.run.stuck);
    command(EVENT_COMMAND_ABORT, LIMITS_NONE, LIMITS_NONE, run);
    pass(50);
    assert_false(engine_busy(&world->engine));
    assert_int_equal(last_run()->state, DURABLE_RUN_FAILED);
}

/* A run that a person ended may have left the right with a node that nobody thinks of: the word of the source's agent
 * says nothing about that one. */
/* The emergency way home takes the other region's server down, and it is cloned: that region keeps its clients. Only
 * when nobody is at work on it any more they are moved. */
static void test_region_keeps_its_clients_while_its_node_is_cloned(void **state)
{
    (void)state;
    const uint64_t runs = world->engine.durable.runs_started;
    world->down[TOKYO_A] = true;
    pass(60000);
    assert_int_equal(world->engine.decisions[TOKYO].answer.decision, DECIDE_AUTOMATIC_FAILOVER);
    assert_int_equal(world->engine.durable.runs_started, runs);
    assert_int_equal(engine_view(&world->engine)->split[TOKYO][TOKYO], VIEW_SHARES_WHOLE);
    world->down[TOKYO_A] = false;
    pass(10000);
    assert_false(world->engine.nodes[TOKYO_A].returning);
    world->down[TOKYO_A] = true;
    pass(10000);
    world->silent[TOKYO_A] = true;
    pass(10000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(engine_view(&world->engine)->split[TOKYO][TAIWAN], VIEW_SHARES_WHOLE);
}

static void test_word_counts_only_from_the_holder(void **state)
{
    (void)state;
    world->holder = TAIWAN_B;
    command(EVENT_COMMAND_FAILOVER, TAIWAN, TOKYO, 0);
    pass(2500);
    assert_int_equal(world->epoch, 1); /* nobody was promoted yet */
    pass(3000);
    assert_int_equal(world->epoch, 2);
    assert_int_equal(world->writer, TOKYO_A);
}

/* Sessions are held for a run only: however it ends, they are let go, and the route names no server that it stopped. */
static void test_aborted_run_lets_go_of_sessions(void **state)
{
    (void)state;
    world->mute[TOKYO_A] = true;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    const uint64_t run = world->output.replies[0].run;
    pass(70000);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    assert_int_equal(engine_view(&world->engine)->databases[0].hold, 1);
    command(EVENT_COMMAND_ABORT, LIMITS_NONE, LIMITS_NONE, run);
    pass(100);
    assert_int_equal(last_run()->state, DURABLE_RUN_FAILED);
    assert_int_equal(engine_view(&world->engine)->databases[0].hold, 0);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, LIMITS_NONE);
}

/* A run that is called off early leaves an epoch behind that nobody uses: the set is looked after all the same. */
static void test_unused_epoch_does_not_freeze_the_durability_set(void **state)
{
    (void)state;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    const uint64_t run = world->output.replies[0].run;
    pass(50);
    assert_true(world->engine.durable.databases[0].hold);
    command(EVENT_COMMAND_ABORT, LIMITS_NONE, LIMITS_NONE, run);
    pass(1000);
    assert_int_equal(last_run()->state, DURABLE_RUN_COMPENSATED);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TAIWAN_A);
    assert_true(world->engine.durable.databases[0].epoch > world->epoch);
    world->dead[TOKYO] = true;
    pass(10000);
    assert_int_equal(world->engine.durable.databases[0].members, 0);
}

/* The new writer fences itself for a moment, comes back, and the run goes on without a person. */
static void test_refused_proof_is_asked_for_again(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    world->unproven = 3;
    pass(20000);
    assert_int_equal(world->unproven, 0);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

/* An epoch is never given out twice, even when the controller's record was lost. */
static void test_epoch_is_learned_from_nodes(void **state)
{
    (void)state;
    world->epoch = 7;
    engine_init(&world->engine, model_two_regions(), NULL, world->now, (struct wall){0});
    pass(10000);
    command(EVENT_COMMAND_FAILOVER, TAIWAN, TOKYO, 0);
    pass(10000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(world->epoch, 8);
    struct event event = {.kind = EVENT_NODE};
    event.node = (struct event_node){.node = TAIWAN_B, .boot = 2, .sequence = 1, .epoch = UINT64_MAX};
    feed(&event);
    assert_int_equal(world->engine.durable.databases[0].epoch, 8);
}

/* The wall clock is set back by a day after a failover: the next one is held back for the cool-down, not for a day. */
static void test_clock_set_back_does_not_stretch_the_cooldown(void **state)
{
    (void)state;
    static struct durable durable;
    durable = world->engine.durable;
    durable.last_failover_wall_us = world->now.us + (int64_t)86400 * TIME_US_PER_S;
    durable_seal(&durable);
    engine_init(&world->engine, model_two_regions(), &durable, world->now, (struct wall){world->now.us});
    pass(5000);
    assert_int_equal(world->engine.decisions[TAIWAN].snapshot.state.since_last_failover_us, 5000 * TIME_US_PER_MS);
}

/* One run waits set aside for another, and both name a region that the configuration no longer has. */
static void test_runs_over_what_is_gone_wait_for_a_person(void **state)
{
    (void)state;
    static struct durable durable;
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    pass(20000);
    assert_int_equal(last_run()->id, 1);
    durable = world->engine.durable;
    text_copy(durable.names[2], LIMITS_NAME, "kyoto");
    durable.run = durable.aside = durable.past[0];
    durable.run.state = DURABLE_RUN_RUNNING;
    durable.aside.state = DURABLE_RUN_UNDOING;
    durable.run.id = 3;
    durable.aside.id = 2;
    durable.run.target = durable.aside.source = 2;
    durable_seal(&durable);
    engine_init(&world->engine, model_two_regions(), &durable, world->now, (struct wall){world->now.us});
    const struct durable *now = &world->engine.durable;
    assert_int_equal(now->run.state, DURABLE_RUN_NONE);
    assert_int_equal(now->aside.state, DURABLE_RUN_NONE);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(now->past[i].id, 3 - i);
        assert_int_equal(now->past[i].state, i < 2 ? DURABLE_RUN_FAILED : DURABLE_RUN_SUCCEEDED);
    }
}

static void test_restart_at_any_step_resumes(void **state)
{
    (void)state;
    world->dead[TAIWAN] = true;
    uint32_t restarts = 0;
    uint32_t at = UINT32_MAX;
    for (int i = 0; i < 4000 && last_run()->state != DURABLE_RUN_SUCCEEDED; i++) {
        pass(50);
        const struct durable_run *run = &world->engine.durable.run;
        if (run->state != DURABLE_RUN_NONE && run->at != at) {
            /* What was persisted is all that a later life has. */
            static struct durable durable;
            at = run->at;
            durable = world->engine.durable;
            durable_seal(&durable);
            engine_init(&world->engine, model_two_regions(), &durable, world->now, (struct wall){world->now.us});
            restarts++;
        }
    }
    assert_true(restarts > 2);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(engine_view(&world->engine)->databases[0].writer, TOKYO_A);
}

/* The next controller has not yet seen the original for as long as it must be stable: it waits, and turns nothing down.
 */
static void test_restart_does_not_turn_down_a_failback(void **state)
{
    (void)state;
    static struct durable durable;
    lose_and_mend(TAIWAN);
    command(EVENT_COMMAND_FAILBACK, LIMITS_NONE, TAIWAN, 0);
    pass(5000);
    const uint64_t run = world->engine.durable.run.id;
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    durable = world->engine.durable;
    durable_seal(&durable);
    engine_init(&world->engine, model_two_regions(), &durable, world->now, (struct wall){world->now.us});
    world->engine.model.failback.min_stable_ms = 30000;
    pass(40000);
    assert_int_equal(world->engine.durable.run.id, run);
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_WAITING);
    /* Later it is the original's own fault. */
    world->dead[TAIWAN] = true;
    pass(10000);
    assert_int_equal(last_run()->id, run);
    assert_int_equal(last_run()->state, DURABLE_RUN_REFUSED);
}

/* Every observer's password is refused, in one region or everywhere: nobody knows how the databases are, and nothing
 * moves. */
static void test_refused_password_is_no_outage(void **state)
{
    (void)state;
    world->refuses[TAIWAN] = true;
    pass(20000);
    const struct model *model = &world->engine.model;
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        const bool refused = model->probes[probe].region == TAIWAN;
        assert_int_equal(world->engine.health.merged[probe].status, refused ? HEALTH_UNKNOWN : HEALTH_PASSED);
        assert_int_equal(world->engine.health.merged[probe].error, refused ? ERR_AUTH : ERR_OK);
    }
    assert_int_equal(world->engine.durable.run.state, DURABLE_RUN_NONE);
    assert_int_equal(last_run()->id, 0);
    world->refuses[TAIWAN] = false;
    pass(5000);
    assert_int_equal(world->engine.health.merged[0].status, HEALTH_PASSED);
    world->dead[TAIWAN] = true; /* and a real loss is seen as ever */
    pass(20000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

/* A service with servers in both regions; one of them is looked at by a check. */
static void test_servers_of_a_service_follow_its_check(void **state)
{
    (void)state;
    struct model *model = &world->engine.model;
    model->services_count = 2;
    model->targets_count = 3;
    text_copy(model->services[0].name, LIMITS_NAME, "cache");
    text_copy(model->services[1].name, LIMITS_NAME, "blind");
    model->services[0].check = model_check_find(model, "redis-cluster");
    model->services[1].check = LIMITS_NONE;
    for (uint32_t i = 0; i < 3; i++) {
        model->targets[i] = (struct view_target){
            .address = {.port = 6379, .family = 4}, .service = i / 2, .region = i == 1 ? TOKYO : TAIWAN, .healthy = 1};
    }
    world->engine.view_dirty = true;
    pass(1000);
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view_service_find(view, "blind"), 1);
    assert_int_equal(view->targets[0].healthy, 1);
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_int_equal(view->targets[0].healthy, 0);
    assert_int_equal(view->targets[1].healthy, 1);
    assert_int_equal(view->targets[2].healthy, 1); /* nobody looks: its region's state says it */
    assert_int_equal(view->regions[TAIWAN].state, VIEW_REGION_DOWN);
    world->dead[TAIWAN] = false;
    pass(10000);
    assert_int_equal(view->targets[0].healthy, 1);
}

/* A run has not moved the clients of TCP services before their relays have: VERIFY waits for those that there are. */
static void test_a_run_waits_for_relays(void **state)
{
    (void)state;
    world->engine.model.sites[SITE_TOKYO].relays = true;
    pass(1000);
    world->relayed = engine_view(&world->engine)->version;
    world->dead[TAIWAN] = true;
    pass(20000);
    const struct durable_run *run = &world->engine.durable.run;
    assert_true(engine_busy(&world->engine));
    assert_int_equal(run->steps[run->at].step, PLAN_VERIFY);
    assert_non_null(strstr(run->steps[run->at].detail, "1 waited for"));
    world->relayed = 0;
    pass(2000);
    assert_false(engine_busy(&world->engine));
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
}

/* What an observer of taiwan counted. */
static void count(uint32_t probe, uint32_t age_ms, uint64_t requests, uint64_t value)
{
    struct event event = {.kind = EVENT_OBSERVATION};
    event.observation = (struct event_observation){.site = TAIWAN,
                                                   .probe = probe,
                                                   .ok = true,
                                                   .age_ms = age_ms,
                                                   .has_requests = true,
                                                   .requests = requests,
                                                   .has_value = true,
                                                   .value = value};
    feed(&event);
}

/* Two probes of a region see its requests: each counts once, and a latency is no error. Counts of a second each that
 * come in a bunch, held up on the way, are no flood. */
static void test_requests_count_once_and_at_their_time(void **state)
{
    (void)state;
    struct model *model = &world->engine.model;
    const uint32_t region = model->probes[0].region;
    const uint32_t other = model_probe_find(model, 1, region);
    model->checks[model->probes[0].check].figure = MODEL_FIGURE_P95;
    model->checks[1].figure = MODEL_FIGURE_ERROR_RATE;
    assert_int_equal(model_counter(model, region), other);
    world->engine.run.holding = true;
    world->engine.durable.run.target = region;
    for (uint32_t age_ms = 3000; age_ms >= 1000; age_ms -= 1000) {
        world->now = time_add_ms(world->now, 5);
        count(0, age_ms, 30, 400000);
        count(other, age_ms, 100, 20000);
    }
    assert_in_range(traffic_rate(&world->engine.traffic, region), 99 * 1000, 101 * 1000);
    assert_int_equal(world->engine.run.requests[TAIWAN], 300);
    assert_int_equal(world->engine.run.errors[TAIWAN], 300 * 20000);
}

static uint32_t said(enum trace_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->output.traces_count; i++) {
        count += world->output.traces[i].kind == kind;
    }
    return count;
}

static void behind(uint32_t lag_ms)
{
    struct event event = {.kind = EVENT_NODE};
    event.node = world->engine.nodes[TOKYO_A].report;
    event.node.sequence = ++world->sequence;
    event.node.lag_ms = lag_ms;
    feed(&event);
}

static void test_lag_above_the_limit_is_told_once(void **state)
{
    (void)state;
    world->engine.model.databases[0].max_lag_ms = 5000;
    pass(1000);
    behind(4000);
    assert_int_equal(said(TRACE_LAG_HIGH), 0);
    behind(6000);
    assert_int_equal(said(TRACE_LAG_HIGH), 1);
    behind(7000);
    assert_int_equal(said(TRACE_LAG_HIGH), 0);
    behind(100);
    assert_int_equal(said(TRACE_LAG_BACK), 1);
    assert_int_equal(lag_percentile(&world->engine.lags[TOKYO_A], LAG_MS, 100), 7000);
    assert_int_equal(lag_samples(&world->engine.lags[TAIWAN_A]), 0); /* the writer is behind nobody */
}

static void test_the_view_carries_the_lag_in_steps(void **state)
{
    (void)state;
    const struct view *view = &world->engine.view;
    pass(1000);
    behind(700);
    assert_int_equal(view->nodes[TOKYO_A].lag_ms, 1000);
    assert_int_equal(view->nodes[TAIWAN_A].lag_ms, 0); /* the writer */
    const uint64_t version = view->version;
    behind(200);
    behind(900);
    assert_int_equal(view->version, version); /* no step */
    behind(3000);
    behind(6000);
    assert_int_equal(view->nodes[TOKYO_A].lag_ms, 4000);
    assert_true(view->version > version);
    world->silent[TOKYO_A] = true;
    pass(10000);
    assert_int_equal(view->nodes[TOKYO_A].lag_ms, UINT32_MAX); /* nobody knows */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_steady_state, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_region_is_lost_and_comes_home, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_canary_is_aborted, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_switchover_waits_for_the_target, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_switchover_goes_on_by_the_report, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_switchover_is_undone_when_the_target_refuses, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_target_refuses_while_the_source_is_lost, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_source_comes_back_to_a_stuck_run, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_source_that_took_its_right_back_is_believed, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_stuck_run_is_ended_by_a_person, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_region_keeps_its_clients_while_its_node_is_cloned, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_word_counts_only_from_the_holder, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_aborted_run_lets_go_of_sessions, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_unused_epoch_does_not_freeze_the_durability_set, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_refused_proof_is_asked_for_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_epoch_is_learned_from_nodes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_clock_set_back_does_not_stretch_the_cooldown, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_runs_over_what_is_gone_wait_for_a_person, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_restart_at_any_step_resumes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_restart_does_not_turn_down_a_failback, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_refused_password_is_no_outage, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_servers_of_a_service_follow_its_check, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_run_waits_for_relays, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_requests_count_once_and_at_their_time, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_lag_above_the_limit_is_told_once, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_the_view_carries_the_lag_in_steps, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
