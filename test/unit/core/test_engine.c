/* SPDX-License-Identifier: Apache-2.0
 * Engine: a small world that obeys at once; a region is lost, the writer moves, and comes home through the canary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "core/engine.h"
#include "core/run.h"

enum { TAIWAN, TOKYO };
enum { TAIWAN_A, TAIWAN_B, TOKYO_A, NODES };
enum { SITE_TAIWAN, SITE_TOKYO, SITE_WITNESS, SITES };
enum { CHECKS = 4 };

struct world {
    struct engine engine;
    struct output output;
    struct engine *warm; /* another controller's, that follows; NULL: there is none */
    struct output heard;
    uint32_t takeovers;
    struct mono now;
    bool dead[2];       /* regions */
    bool refuse[NODES]; /* refuses a promotion */
    uint32_t unproven;  /* so often the proof is refused */
    bool silent[NODES]; /* its agent neither reports nor answers */
    bool mute[NODES];   /* does not answer the order to promote, nor obey it */
    bool down[NODES];   /* its server was taken down, its agent clones it */
    bool lost[NODES];   /* obeys the order to promote, but the answer is lost */
    uint32_t writer;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t revision; /* of the lease record */
    uint32_t holder;   /* of the lease record */
    bool story;
};

static struct world *world;

static void model_rules(struct model *model)
{
    model->policy = (struct model_policy){.profile = MODEL_STANDARD,
                                          .cooldown_ms = 3600000,
                                          .error_rate_automatic_ppm = 100000,
                                          .error_rate_duration_ms = 300000,
                                          .error_rate_review_ppm = 50000,
                                          .error_rate_monitor_ppm = 10000,
                                          .p95_monitor_us = 200000,
                                          .rpo_limit_ms = 60000,
                                          .rpo_database_limit_ms = 30000,
                                          .flapping_transitions = 4};
    model->failback = (struct model_failback){.approval = true,
                                              .min_stable_ms = 5000,
                                              .canary_share = 1000,
                                              .canary_hold_ms = 4000,
                                              .ramp_share = 5000,
                                              .ramp_hold_ms = 4000,
                                              .max_error_ppm = 20000,
                                              .max_p95_us = 500000,
                                              .max_lag_ms = 5000};
}

static struct model *model_two_regions(void)
{
    static struct model model;
    memset(&model, 0, sizeof model);
    static const char *const checks[CHECKS] = {"region-connectivity", "database-master", "redis-cluster",
                                               "order-service"};
    static const enum model_component components[CHECKS] = {MODEL_COMPONENT_NONE, MODEL_COMPONENT_DB,
                                                            MODEL_COMPONENT_CACHE, MODEL_COMPONENT_APP};
    model.regions_count = 2;
    text_copy(model.regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(model.regions[1].name, LIMITS_NAME, "tokyo");
    for (uint32_t i = 0; i < 2; i++) {
        model.regions[i].backup[0] = 1 - i;
        model.regions[i].backup_count = 1;
        model.regions[i].capacity_ppm = 1500000;
        model.regions[i].weight = i == 0 ? 60 : 40;
    }
    model.sites_count = SITES;
    static const char *const sites[SITES] = {"taiwan", "tokyo", "witness"};
    for (uint32_t i = 0; i < SITES; i++) {
        text_copy(model.sites[i].name, LIMITS_NAME, sites[i]);
        model.sites[i].region = i < 2 ? i : LIMITS_NONE;
        model.sites[i].observes = true;
        model.sites[i].controls = i == SITE_WITNESS;
        model.sites[i].dns = true;
        model.sites[i].proxy = true;
    }
    model.checks_count = CHECKS;
    for (uint32_t i = 0; i < CHECKS; i++) {
        struct model_check *check = &model.checks[i];
        text_copy(check->name, LIMITS_NAME, checks[i]);
        check->severity = MODEL_CRITICAL;
        check->layer = i < 3 ? 1 : 2;
        check->interval_ms = 1000;
        check->timeout_ms = 800;
        check->failure_threshold = 3;
        check->success_threshold = 2;
        check->component = components[i];
        for (uint32_t region = 0; region < 2; region++) {
            model.probes[model.probes_count++] = (struct model_probe){i, region};
        }
    }
    model.databases_count = 1;
    struct model_database *database = &model.databases[0];
    text_copy(database->name, LIMITS_NAME, "shop");
    database->lease_ms = 3000;
    database->margin_ms = 300;
    database->tier1 = true;
    database->durability_members = 1U << TOKYO_A | 1U << TAIWAN_A;
    database->durability_required = 1;
    database->initial_writer = TAIWAN_A;
    model.nodes_count = NODES;
    static const char *const nodes[NODES] = {"taiwan-a", "taiwan-b", "tokyo-a"};
    for (uint32_t i = 0; i < NODES; i++) {
        text_copy(model.nodes[i].name, LIMITS_NAME, nodes[i]);
        model.nodes[i].region = i == TOKYO_A ? TOKYO : TAIWAN;
        model.nodes[i].postgres = (struct view_address){{127, 1, 0, (uint8_t)i}, 5432, 4};
    }
    model_rules(&model);
    return &model;
}

static void feed(const struct event *event);

static void answer(const struct action *action)
{
    struct event event = {.kind = EVENT_RESULT};
    event.result.action = action->id;
    event.result.ok = true;
    event.result.lsn = (struct lsn){0x5000};
    event.result.revision = world->revision;
    event.result.holder = world->holder;
    const bool dead = action->node < NODES &&
                      (world->dead[world->engine.model.nodes[action->node].region] || world->silent[action->node]);
    if (action->kind == ACTION_NOTIFY) {
        return;
    }
    if (action->kind == ACTION_AGENT_PROMOTE && world->mute[action->node]) {
        return;
    }
    const bool taken = action->kind == ACTION_LEASE_REVOKE && world->writer < NODES && world->epoch >= action->epoch;
    const bool refuses = action->kind == ACTION_AGENT_PROMOTE && world->refuse[action->node];
    if (action->kind == ACTION_AGENT_PROMOTE && world->lost[action->node]) {
        world->lost[action->node] = false;
        world->writer = action->node;
        world->holder = action->node;
        world->epoch = action->epoch;
        return;
    }
    if (taken || refuses) {
        event.result.ok = false;
        event.result.refused = true;
    } else if (action->kind == ACTION_AGENT_PROVE && world->unproven > 0) {
        world->unproven--;
        event.result.ok = false;
        event.result.refused = true;
    } else if (action->kind == ACTION_AGENT_PROMOTE && !dead) {
        world->writer = action->node;
        world->holder = action->node;
        world->epoch = action->epoch;
    } else if ((action->kind == ACTION_AGENT_STOP || action->kind == ACTION_AGENT_FENCE) && !dead &&
               world->writer == action->node) {
        world->writer = NODES;
    }
    if (dead) {
        event.result.ok = false;
        event.result.error = ERR_TIMEOUT;
    }
    feed(&event);
}

static void say(const struct trace *trace)
{
    uint8_t memory[512];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    trace_print(trace, &world->engine.model, &buf);
    if (world->story) {
        fprintf(stderr, "# %8lld.%03lld %s\n", (long long)(trace->at.us / 1000000),
                (long long)(trace->at.us / 1000 % 1000), buf_string(&buf));
    }
}

static void feed(const struct event *event)
{
    struct event timed = *event;
    timed.at = world->now;
    timed.wall.us = world->now.us;
    engine_step(&world->engine, &timed, &world->output);
    const struct output output = world->output;
    if (world->warm != NULL && event->kind != EVENT_RESULT && event->kind != EVENT_COMMAND) {
        engine_step(world->warm, &timed, &world->heard);
        assert_false(world->heard.persist || world->heard.publish);
        assert_int_equal(world->heard.actions_count, 0);
    }
    for (uint32_t i = 0; i < output.traces_count; i++) {
        say(&output.traces[i]);
    }
    for (uint32_t i = 0; i < output.actions_count; i++) {
        answer(&output.actions[i]);
    }
}

static void reports(void)
{
    for (uint32_t node = 0; node < NODES; node++) {
        if (world->dead[world->engine.model.nodes[node].region] || world->silent[node]) {
            continue;
        }
        const bool writer = node == world->writer;
        struct event event = {.kind = EVENT_NODE};
        event.node = (struct event_node){.node = node,
                                         .boot = 1,
                                         .sequence = ++world->sequence,
                                         .running = !world->down[node],
                                         .fenced = world->down[node],
                                         .role = writer ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY,
                                         .epoch = world->epoch,
                                         .receiving = !writer && world->writer < NODES,
                                         .lease_held = writer};
        event.node.written.position = writer ? 0x6000 : 0;
        event.node.received.position = 0x6000;
        event.node.replayed.position = 0x6000;
        feed(&event);
    }
    if (world->writer < NODES && !world->silent[world->writer] &&
        !world->dead[world->engine.model.nodes[world->writer].region]) {
        struct event event = {.kind = EVENT_LEASE};
        event.lease = (struct event_lease){.state = EVENT_LEASE_HELD,
                                           .holder = world->writer,
                                           .epoch = world->epoch,
                                           .revision = ++world->revision,
                                           .candidate = LIMITS_NONE};
        feed(&event);
    }
}

static void observations(void)
{
    const struct model *model = &world->engine.model;
    for (uint32_t site = 0; site < SITES; site++) {
        if (site < 2 && world->dead[site]) {
            continue;
        }
        for (uint32_t probe = 0; probe < model->probes_count; probe++) {
            const uint32_t region = model->probes[probe].region;
            const bool database = model->checks[model->probes[probe].check].component == MODEL_COMPONENT_DB;
            const bool failed = world->dead[region] || (database && region == TOKYO && world->down[TOKYO_A]);
            struct event event = {.kind = EVENT_OBSERVATION};
            event.observation = (struct event_observation){.site = site,
                                                           .probe = probe,
                                                           .ok = !failed,
                                                           .error = failed ? ERR_REFUSED : ERR_OK,
                                                           .latency_us = 1000};
            feed(&event);
        }
        for (uint32_t kind = 0; kind < 2; kind++) {
            struct event event = {.kind = EVENT_READER};
            event.reader.site = site;
            event.reader.kind = (enum event_reader_kind)kind;
            event.reader.version = engine_view(&world->engine)->version;
            feed(&event);
        }
    }
}

static void pass(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 50) {
        world->now = time_add_ms(world->now, 50);
        const struct event tick = {.kind = EVENT_TICK};
        feed(&tick);
        if (world->now.us / 1000 % 250 == 0) {
            reports();
        }
        if (world->now.us / 1000 % 500 == 0) {
            observations();
        }
    }
}

/* The leader is gone; the follower takes over with what is in the store, and another one begins to listen. */
static void take_over(void)
{
    const struct durable stored = world->engine.durable;
    const uint64_t version = world->engine.view.version;
    struct engine *fresh = world->warm;
    engine_lead(fresh, &stored, true, world->now, (struct wall){world->now.us});
    world->engine = *fresh;
    engine_init(fresh, model_two_regions(), NULL, world->now, (struct wall){0});
    engine_follow(fresh);
    world->takeovers++;
    const struct event tick = {.kind = EVENT_TICK, .at = world->now};
    engine_step(&world->engine, &tick, &world->output);
    assert_true(world->output.persist && world->output.publish);
    assert_true(world->engine.view.version > version);
    const struct output output = world->output;
    for (uint32_t i = 0; i < output.actions_count; i++) {
        answer(&output.actions[i]);
    }
}

static void follow(void)
{
    world->warm = calloc(1, sizeof *world->warm);
    engine_init(world->warm, model_two_regions(), NULL, world->now, (struct wall){0});
    engine_follow(world->warm);
}

static int world_setup(void **state)
{
    (void)state;
    world = calloc(1, sizeof *world);
    world->now = (struct mono){1000000000};
    world->writer = TAIWAN_A;
    world->epoch = 1;
    world->story = getenv("STORY") != NULL;
    engine_init(&world->engine, model_two_regions(), NULL, world->now, (struct wall){0});
    pass(10000);
    return 0;
}

static int world_teardown(void **state)
{
    (void)state;
    free(world->warm);
    free(world);
    return 0;
}

static const struct durable_run *last_run(void)
{
    return &world->engine.durable.past[0];
}

static void command(enum event_command_kind kind, uint32_t source, uint32_t target, uint64_t run)
{
    struct event event = {.kind = EVENT_COMMAND};
    event.command = (struct event_command){
        .kind = kind, .source = source, .target = target, .run = run, .reason = "test", .who = "tester", .token = 7};
    struct event timed = event;
    timed.at = world->now;
    engine_step(&world->engine, &timed, &world->output);
    const struct output output = world->output;
    for (uint32_t i = 0; i < output.actions_count; i++) {
        answer(&output.actions[i]);
    }
    world->output = output;
}

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

/* A follower that leads from a moment to the next, in each step of a run, goes on with the run where it was. */
static void test_take_over_in_every_step(void **state)
{
    (void)state;
    follow();
    pass(10000);
    world->dead[TAIWAN] = true;
    uint64_t steps = 0;
    for (uint32_t turns = 0; turns < 1200 && (steps == 0 || engine_busy(&world->engine)); turns++) {
        const struct durable_run *run = &world->engine.durable.run;
        pass(50);
        if (run->state != DURABLE_RUN_NONE && (steps >> run->at & 1U) == 0) {
            steps |= 1ULL << run->at;
            take_over();
            pass(300); /* the next one hears of everybody */
        }
    }
    assert_true(world->takeovers >= 3);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    const struct view *view = engine_view(&world->engine);
    assert_int_equal(view->databases[0].writer, TOKYO_A);
    assert_int_equal(view->databases[0].epoch, 2);
    assert_int_equal(world->engine.durable.runs_started, 1);
}

/* What a follower heard is worth at once: no node is unknown, no member of the set counts as gone. */
static void test_take_over_is_warm(void **state)
{
    (void)state;
    follow();
    pass(10000);
    const uint32_t members = world->engine.durable.databases[0].members;
    take_over();
    assert_true(world->engine.nodes[TAIWAN_A].alive && world->engine.nodes[TOKYO_A].alive);
    assert_int_equal(world->engine.decisions[TAIWAN].answer.reason, DECIDE_ALL_HEALTHY);
    pass(5000);
    assert_int_equal(world->engine.durable.databases[0].members, members);
    assert_int_equal(world->engine.durable.runs_started, 0);
    assert_int_equal(engine_view(&world->engine)->databases[0].epoch, 1);
}

static void test_a_follower_obeys_nobody(void **state)
{
    (void)state;
    engine_follow(&world->engine);
    command(EVENT_COMMAND_SWITCHOVER, TAIWAN, TOKYO, 0);
    assert_int_equal(world->output.replies_count, 1);
    assert_int_equal(world->output.replies[0].error, ERR_UNAVAILABLE);
    world->dead[TAIWAN] = true;
    pass(20000);
    assert_false(engine_busy(&world->engine));
    assert_true(world->engine.decisions[TAIWAN].wanted);
    assert_int_equal(world->engine.decisions[TAIWAN].answer.gate, DECIDE_GATE_NOT_LEADER);
}

static void test_ranks(void **state)
{
    (void)state;
    assert_int_equal(engine_rank(&world->engine, SITE_TAIWAN), 1);
    assert_int_equal(engine_rank(&world->engine, SITE_TOKYO), 0);
    assert_int_equal(engine_rank(&world->engine, SITE_WITNESS), 0);
    struct event event = {.kind = EVENT_LEASE};
    event.lease = (struct event_lease){.state = EVENT_LEASE_REVOKED,
                                       .holder = TAIWAN_A,
                                       .epoch = 1,
                                       .revision = ++world->revision,
                                       .candidate = TOKYO_A};
    feed(&event);
    assert_int_equal(engine_rank(&world->engine, SITE_TAIWAN), 0);
    assert_int_equal(engine_rank(&world->engine, SITE_TOKYO), 1);
}

/* The new leader's machine counts from another start. */
static void test_times_of_a_run_are_carried_over(void **state)
{
    (void)state;
    struct durable stored = world->engine.durable;
    stored.run = (struct durable_run){.id = 1,
                                      .state = DURABLE_RUN_RUNNING,
                                      .plan = PLAN_FAILOVER,
                                      .source = TAIWAN,
                                      .target = TOKYO,
                                      .steps_count = 1,
                                      .began_us = 500,
                                      .evidence_us = 200,
                                      .began_wall_us = 7000000};
    stored.run.steps[0] = (struct durable_step){.step = PLAN_EVIDENCE, .started_us = 600};
    engine_follow(&world->engine);
    engine_lead(&world->engine, &stored, false, world->now, (struct wall){9000000});
    const struct durable_run *run = &world->engine.durable.run;
    assert_int_equal(run->began_us, world->now.us - 2000000);
    assert_int_equal(run->evidence_us, run->began_us - 300);
    assert_int_equal(run->steps[0].started_us, run->began_us + 100);
    assert_int_equal(run->steps[0].ended_us, 0);
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
    world->dead[TAIWAN] = true;
    pass(20000);
    world->dead[TAIWAN] = false;
    pass(20000);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_steady_state, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_take_over_in_every_step, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_take_over_is_warm, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_obeys_nobody, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_ranks, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_times_of_a_run_are_carried_over, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_region_is_lost_and_comes_home, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_canary_is_aborted, world_setup, world_teardown),
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
        cmocka_unit_test_setup_teardown(test_restart_at_any_step_resumes, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
