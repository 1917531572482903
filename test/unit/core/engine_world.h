/* SPDX-License-Identifier: Apache-2.0
 * A small world around an engine for its tests: two regions, one database, everybody obeys at once. */
#pragma once

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
    bool dead[2];         /* regions */
    bool refuses[2];      /* the password of whoever asks */
    bool refuse[NODES];   /* refuses a promotion */
    uint32_t unproven;    /* so often the proof is refused */
    bool silent[NODES];   /* its agent neither reports nor answers */
    bool mute[NODES];     /* does not answer the order to promote, nor obey it */
    bool down[NODES];     /* its server was taken down, its agent clones it */
    bool lost[NODES];     /* obeys the order to promote, but the answer is lost */
    uint32_t noticed;     /* so often people were told of something that is no run */
    uint64_t written;     /* the writer's position, 0x6000 and this */
    uint64_t missing;     /* so much of it the standbys have not received */
    uint32_t lowers;      /* what lowers synchronous_commit on the writer */
    uint32_t ledger_open; /* as the writer's agent counts */
    bool uncounted;       /* it does not count */
    uint64_t homed[NODES];
    bool deaf[NODES];      /* does not follow the writer */
    bool died[NODES];      /* its server ended by itself, and its agent says so */
    uint64_t replayed;     /* what standbys report; 0: everything */
    bool behind;           /* they have replayed no more than they report */
    struct action promote; /* the last order to become the writer */
    struct action require; /* and the last one to require standbys */
    uint32_t writer;
    uint64_t epoch;
    uint64_t sequence;
    uint64_t revision; /* of the lease record */
    uint32_t holder;   /* of the lease record */
    uint64_t relayed;  /* the relays of TCP services hang at this view; 0: they follow */
    bool cacheless[2]; /* the cache's check fails in a region */
    void (*cache)(const struct action *action, struct event_result *result); /* servers of caches obey; NULL: none */
    bool story;
    struct trace decision; /* the latest about taiwan */
};

static struct world *world;

static inline void model_rules(struct model *model)
{
    model->policy = model_policy_default();
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

static inline struct model *model_two_regions(void)
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

static inline void feed(const struct event *event);

static inline void answer(const struct action *action)
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
        world->noticed += action->run == 0;
        return;
    }
    if (action->kind == ACTION_CACHE_PROMOTE || action->kind == ACTION_CACHE_FOLLOW ||
        action->kind == ACTION_CACHE_QUIET) {
        world->cache(action, &event.result);
        feed(&event);
        return;
    }
    if (action->kind == ACTION_AGENT_PROMOTE) {
        world->promote = *action;
    } else if (action->kind == ACTION_AGENT_DURABILITY) {
        world->require = *action;
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
    if (action->kind == ACTION_AGENT_REPLAYED && world->behind) {
        event.result.ok = false;
        event.result.error = ERR_TIMEOUT;
    } else if (taken || refuses) {
        event.result.ok = false;
        event.result.refused = true;
    } else if (action->kind == ACTION_AGENT_PROVE && world->unproven > 0) {
        world->unproven--;
        event.result.ok = false;
        event.result.refused = true;
    } else if (action->kind == ACTION_AGENT_PROMOTE && !dead) {
        world->died[action->node] = false;
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

static inline void say(const struct trace *trace)
{
    uint8_t memory[512];
    if (trace->kind == TRACE_DECISION && trace->region == TAIWAN) {
        world->decision = *trace;
    }
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    trace_print(trace, &world->engine.model, &buf);
    if (world->story) {
        fprintf(stderr, "# %8lld.%03lld %s\n", (long long)(trace->at.us / 1000000),
                (long long)(trace->at.us / 1000 % 1000), buf_string(&buf));
    }
}

static inline void feed(const struct event *event)
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

static inline void reports(void)
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
                                         .running = !world->down[node] && !world->died[node],
                                         .died = world->died[node],
                                         .fenced = world->down[node],
                                         .role = world->died[node] ? VIEW_NODE_UNKNOWN
                                                 : writer          ? VIEW_NODE_WRITER
                                                                   : VIEW_NODE_STANDBY,
                                         .epoch = world->epoch,
                                         .receiving = !writer && world->writer < NODES && !world->deaf[node],
                                         .homed = world->homed[node],
                                         .lowers = writer ? world->lowers : UINT32_MAX,
                                         .ledger_open = writer ? world->ledger_open : 0,
                                         .ledger_age_ms = writer && !world->uncounted ? 0 : UINT32_MAX,
                                         .lease_held = writer};
        event.node.written.position = writer ? 0x6000 + world->written : 0;
        event.node.received.position = 0x6000 + world->written - world->missing;
        event.node.replayed.position = world->replayed > 0 ? world->replayed : 0x6000;
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

static inline void observations(void)
{
    const struct model *model = &world->engine.model;
    for (uint32_t site = 0; site < SITES; site++) {
        if (site < 2 && world->dead[site]) {
            continue;
        }
        for (uint32_t probe = 0; probe < model->probes_count; probe++) {
            const uint32_t region = model->probes[probe].region;
            const bool database = model->checks[model->probes[probe].check].component == MODEL_COMPONENT_DB;
            const bool cache = model->checks[model->probes[probe].check].component == MODEL_COMPONENT_CACHE;
            const bool failed = world->dead[region] || (database && region == TOKYO && world->down[TOKYO_A]) ||
                                (cache && world->cacheless[region]);
            struct event event = {.kind = EVENT_OBSERVATION};
            event.observation = (struct event_observation){.site = site,
                                                           .probe = probe,
                                                           .ok = !failed && !world->refuses[region],
                                                           .error = failed                   ? ERR_REFUSED
                                                                    : world->refuses[region] ? ERR_AUTH
                                                                                             : ERR_OK,
                                                           .latency_us = 1000};
            feed(&event);
        }
        for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
            struct event event = {.kind = EVENT_READER};
            event.reader.site = site;
            event.reader.kind = (enum event_reader_kind)kind;
            event.reader.version = kind == EVENT_READER_SERVICE && world->relayed != 0
                                       ? world->relayed
                                       : engine_view(&world->engine)->version;
            feed(&event);
        }
    }
}

static inline void pass(uint32_t ms)
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
static inline void take_over(void)
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

static inline void follow(void)
{
    world->warm = calloc(1, sizeof *world->warm);
    engine_init(world->warm, model_two_regions(), NULL, world->now, (struct wall){0});
    engine_follow(world->warm);
}

static inline int world_setup(void **state)
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

static inline int world_teardown(void **state)
{
    (void)state;
    free(world->warm);
    free(world);
    return 0;
}

/* Lost for long enough that the other region takes over, and there again. */
static inline void lose_and_mend(uint32_t region)
{
    world->dead[region] = true;
    pass(20000);
    world->dead[region] = false;
    pass(20000);
}

static inline const struct durable_run *last_run(void)
{
    return &world->engine.durable.past[0];
}

static inline void command(enum event_command_kind kind, uint32_t source, uint32_t target, uint64_t run)
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
