/* SPDX-License-Identifier: Apache-2.0
 * Whom standbys stream from: one leader per region that stays, its loss, the writer's loss, and never a ring, however
 * late orders come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"
#include "core/upstream.h"

enum { NODES = 9, VIEWS = 4096 };

/* A node's agent: what it knows of orders. */
struct agent {
    bool down;
    bool deaf; /* its server streams from nobody */
    uint64_t epoch;
    uint32_t writer;
    uint64_t order;
    uint32_t from; /* LIMITS_NONE: the writer */
    bool leads;
    uint64_t position;
};

/* What was told to agents: a view's orders. */
struct word {
    uint64_t epoch;
    uint32_t writer;
    uint64_t orders[NODES];
    uint32_t from[NODES];
    bool leads[NODES];
};

struct world {
    struct model model;
    struct engine engine;
    struct output output;
    struct mono now;
    uint64_t sequence;
    uint32_t writer;
    uint64_t epoch;
    struct agent agents[NODES];
    struct word words[VIEWS];
    uint32_t words_count;
    uint32_t leaders_lost;
    uint32_t orders;
};

static struct world *world;

static void remember(void)
{
    const struct view *view = &world->engine.view;
    struct word *word = &world->words[world->words_count];
    assert_true(world->words_count < VIEWS);
    *word = (struct word){.epoch = view->databases[0].epoch, .writer = view->databases[0].writer};
    for (uint32_t node = 0; node < view->nodes_count; node++) {
        word->orders[node] = view->nodes[node].order;
        word->from[node] = view->nodes[node].upstream;
        word->leads[node] = view->nodes[node].leads;
    }
    world->words_count++;
}

static void feed(const struct event *event)
{
    struct event timed = *event;
    timed.at = world->now;
    engine_step(&world->engine, &timed, &world->output);
    for (uint32_t i = 0; i < world->output.traces_count; i++) {
        world->leaders_lost += world->output.traces[i].kind == TRACE_LEADER_LOST;
    }
    if (world->output.publish) {
        remember();
    }
}

/* Whom it streams from; LIMITS_NONE: nobody. */
static uint32_t edge(uint32_t node)
{
    const struct agent *agent = &world->agents[node];
    const bool itself = agent->writer == node || agent->writer == LIMITS_NONE;
    return itself ? LIMITS_NONE : agent->from == LIMITS_NONE || agent->order == 0 ? agent->writer : agent->from;
}

static void no_ring(void)
{
    for (uint32_t node = 0; node < world->model.nodes_count; node++) {
        uint32_t at = node;
        for (uint32_t steps = 0; at != LIMITS_NONE; steps++) {
            assert_true(steps <= world->model.nodes_count);
            at = edge(at);
        }
    }
}

/* The agent hears this word, perhaps late. */
static void hear(uint32_t node, const struct word *word)
{
    struct agent *agent = &world->agents[node];
    if (agent->down || word->epoch < agent->epoch || word->writer == LIMITS_NONE) {
        return;
    }
    agent->epoch = word->epoch;
    agent->writer = word->writer;
    if (word->orders[node] > agent->order) {
        world->orders++;
        agent->order = word->orders[node];
        agent->from = word->from[node];
    }
    agent->leads = word->leads[node];
    no_ring();
}

/* Whether log reaches it from the writer. */
static bool reached(uint32_t node)
{
    uint32_t at = node;
    while (at != world->writer) {
        if (at == LIMITS_NONE || world->agents[at].down || world->agents[at].deaf) {
            return false;
        }
        at = edge(at);
    }
    return true;
}

static void report(uint32_t node)
{
    const struct agent *agent = &world->agents[node];
    const bool writer = world->writer == node;
    if (agent->down) {
        return;
    }
    struct event event = {.kind = EVENT_NODE};
    event.node = (struct event_node){.node = node,
                                     .boot = 1,
                                     .sequence = ++world->sequence,
                                     .running = true,
                                     .role = writer ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY,
                                     .epoch = agent->epoch,
                                     .receiving = !writer && reached(node),
                                     .upstream = edge(node) == LIMITS_NONE ? 0 : edge(node) + 1,
                                     .order = agent->order,
                                     .leads = agent->leads,
                                     .lease_held = writer};
    event.node.written.position = writer ? agent->position : 0;
    event.node.received.position = agent->position;
    event.node.replayed.position = agent->position;
    feed(&event);
}

static void lease(void)
{
    struct event event = {.kind = EVENT_LEASE};
    event.lease = (struct event_lease){.state = EVENT_LEASE_HELD,
                                       .holder = world->writer,
                                       .epoch = world->epoch,
                                       .revision = ++world->sequence,
                                       .candidate = LIMITS_NONE};
    feed(&event);
}

static void promote(uint32_t node)
{
    world->writer = node;
    world->epoch++;
    world->agents[node].writer = node;
    world->agents[node].epoch = world->epoch;
    world->agents[node].deaf = false;
    world->agents[node].down = false;
    lease();
    report(node);
}

/* Everybody reports and hears at once. */
static void pass(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 250) {
        world->now = time_add_ms(world->now, 250);
        lease();
        for (uint32_t node = 0; node < world->model.nodes_count; node++) {
            report(node);
        }
        for (uint32_t node = 0; node < world->model.nodes_count; node++) {
            hear(node, &world->words[world->words_count - 1]);
        }
    }
}

static void topology(const uint32_t *counts, uint32_t regions)
{
    static const char *const names[] = {"taiwan", "tokyo", "osaka"};
    memset(world, 0, sizeof *world);
    struct model *model = &world->model;
    model->regions_count = regions;
    model->databases_count = 1;
    model->databases[0] = (struct model_database){.name = "shop", .lease_ms = 3000, .margin_ms = 300, .cascade = true};
    for (uint32_t region = 0; region < regions; region++) {
        text_copy(model->regions[region].name, LIMITS_NAME, names[region]);
        model->regions[region].weight = 1;
        for (uint32_t i = 0; i < counts[region]; i++) {
            struct model_node *node = &model->nodes[model->nodes_count];
            node->name[0] = (char)('a' + model->nodes_count);
            node->region = region;
            node->postgres = (struct view_address){{127, 1, 0, 1}, 5432, 4};
            world->agents[model->nodes_count++] =
                (struct agent){.writer = 0, .epoch = 1, .from = LIMITS_NONE, .position = 1000};
        }
    }
    model->sites_count = 1;
    model->sites[0] = (struct model_site){.name = "witness", .region = LIMITS_NONE, .controls = true};
    world->now = (struct mono){1000000000};
    world->epoch = 1;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){0});
    const struct event tick = {.kind = EVENT_TICK};
    feed(&tick);
}

static void restart(void)
{
    static struct durable durable;
    durable = world->engine.durable;
    durable_seal(&durable);
    engine_init(&world->engine, &world->model, &durable, world->now, (struct wall){0});
    const struct event tick = {.kind = EVENT_TICK};
    feed(&tick);
}

/* One writer; b, c and d in the other region. */
static int one_and_three(void **state)
{
    static const uint32_t counts[] = {1, 3};
    (void)state;
    world = calloc(1, sizeof *world);
    topology(counts, 2);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(world);
    return 0;
}

static void expect(uint32_t b, uint32_t c, uint32_t d)
{
    assert_int_equal(edge(1), b);
    assert_int_equal(edge(2), c);
    assert_int_equal(edge(3), d);
}

static void test_a_region_gets_a_leader_that_stays(void **state)
{
    (void)state;
    world->model.nodes[2].priority = 100;
    restart();
    pass(10000);
    expect(2, 0, 2);
    assert_true(upstream_leads(&world->engine, 2));
    /* Neither a higher priority nor more log makes it move. */
    world->engine.model.nodes[3].priority = 200;
    world->agents[3].position = 2000;
    pass(120000);
    expect(2, 0, 2);
    /* Another controller, or another life of this one, finds what is there. */
    restart();
    world->engine.model.nodes[3].priority = 200;
    const uint32_t orders = world->orders;
    pass(20000);
    expect(2, 0, 2);
    assert_true(world->orders <= orders + 4); /* the same, said anew, once each */
    assert_int_equal(world->leaders_lost, 0);
}

static void test_a_lost_leader_is_replaced_and_comes_back_as_a_follower(void **state)
{
    (void)state;
    pass(10000);
    expect(0, 1, 1);
    world->agents[1].down = true;
    pass(10000);
    expect(0, 0, 2);
    world->agents[1].down = false;
    pass(10000);
    expect(2, 0, 2);
    /* Cut off from the writer only. */
    world->agents[2].deaf = true;
    pass(10000);
    assert_int_equal(edge(1) == 2 || edge(3) == 2, false);
    world->agents[2].deaf = false;
    pass(10000);
    assert_int_equal(world->leaders_lost, 2);
}

static void test_alone_they_stream_from_the_writer(void **state)
{
    (void)state;
    pass(10000);
    world->agents[1].down = true;
    world->agents[2].down = true;
    pass(10000);
    assert_int_equal(edge(3), 0);
}

static void test_a_follower_that_cannot_be_served_goes_to_the_writer(void **state)
{
    (void)state;
    pass(10000);
    expect(0, 1, 1);
    world->agents[3].deaf = true;
    pass(20000);
    expect(0, 1, 0);
    world->agents[3].deaf = false;
    pass(70000);
    expect(0, 1, 1);
}

static void test_the_leader_becomes_the_writer_and_the_old_one_comes_home(void **state)
{
    (void)state;
    pass(10000);
    expect(0, 1, 1);
    world->agents[0].down = true;
    promote(1);
    pass(10000);
    assert_int_equal(edge(2), 1);
    assert_int_equal(edge(3), 1);
    world->agents[0].down = false;
    pass(10000);
    assert_int_equal(edge(0), 1);
    /* And back: the leader of before need not be the one of now, but there is one. */
    promote(0);
    pass(20000);
    uint32_t direct = 0;
    for (uint32_t node = 1; node < 4; node++) {
        direct += edge(node) == 0;
    }
    assert_int_equal(direct, 1);
}

static void test_without_a_writer_nobody_is_judged(void **state)
{
    (void)state;
    pass(10000);
    world->agents[0].down = true;
    pass(60000);
    expect(0, 1, 1);
    assert_int_equal(world->leaders_lost, 0);
}

static void test_members_stream_from_the_writer_and_only_they_are_counted(void **state)
{
    (void)state;
    struct model_database *database = &world->model.databases[0];
    database->tier1 = true;
    database->durability_members = 1U << 0 | 1U << 3;
    database->durability_required = 1;
    world->model.nodes[2].priority = 100;
    restart();
    pass(10000);
    expect(3, 3, 0); /* a member streams from the writer anyway: it leads */
    assert_int_equal(world->engine.durability[0].told, 0);
    /* By whatever configuration a node that cascades is meant to acknowledge: not before it streams from the writer. */
    struct event_node *report = &world->engine.nodes[1].report;
    assert_int_equal(report->upstream, 4);
    assert_true(report->receiving);
    assert_false(upstream_direct(&world->engine, 1));
    assert_true(upstream_direct(&world->engine, 3));
}

static void test_the_lag_is_that_behind_the_writer(void **state)
{
    (void)state;
    pass(10000);
    expect(0, 1, 1);
    world->engine.nodes[1].report.lag_ms = 7000; /* the leader is behind, its follower has all of what it has */
    world->engine.nodes[2].report.lag_ms = 0;
    assert_int_equal(upstream_lag_ms(&world->engine, 2), 7000);
    assert_int_equal(upstream_lag_ms(&world->engine, 1), 7000);
}

static void test_an_order_is_newer_than_what_agents_know(void **state)
{
    (void)state;
    pass(10000);
    for (uint32_t node = 1; node < 4; node++) {
        world->agents[node].order = 5000; /* of a record that was lost with its store */
    }
    world->agents[1].down = true;
    pass(20000);
    expect(0, 0, 2);
    assert_true(world->agents[3].order > 5000);
}

/* ---- never a ring ---- */

static void storm_once(struct prng *dice, uint32_t i)
{
    const uint32_t count = world->model.nodes_count;
    const uint32_t node = (uint32_t)prng_below(dice, count);
    const uint64_t what = prng_below(dice, 400);
    struct agent *agent = &world->agents[node];
    if (what == 0 && !agent->down) {
        promote(node);
    } else if (what <= 8) {
        agent->down = !agent->down && node != world->writer;
    } else if (what <= 14) {
        agent->deaf = !agent->deaf && node != world->writer;
    } else if (what <= 16) {
        restart();
    } else if (what <= 200) {
        report(node);
    } else {
        /* Every second node hears what is said now, the others what was said up to a dozen words ago; now and then any
         * word that was ever said. */
        const uint32_t last = world->words_count - 1;
        const uint32_t late = (node + i / 1000) % 2 == 0 ? 1 : 12;
        const uint32_t back = (uint32_t)prng_below(dice, what <= 390 ? late : last + 1);
        hear(node, &world->words[back > last ? 0 : last - back]);
    }
}

static void test_never_a_ring_over_all_small_topologies(void **state)
{
    (void)state;
    struct prng dice;
    uint32_t orders = 0;
    prng_init(&dice, 20261122);
    for (uint32_t shape = 0; shape < 36; shape++) {
        const uint32_t counts[] = {shape % 3 + 1, shape / 3 % 3 + 1, shape / 9};
        topology(counts, counts[2] == 0 ? 2 : 3);
        for (uint32_t i = 0; i < 3000 && world->words_count < VIEWS - 8; i++) {
            world->now = time_add_ms(world->now, (int64_t)prng_below(&dice, 120));
            if (i % 8 == 0) {
                lease();
                report(world->writer);
            }
            storm_once(&dice, i);
        }
        orders += world->orders;
        /* And when it is over, everybody is served. */
        for (uint32_t node = 0; node < world->model.nodes_count; node++) {
            world->agents[node].down = world->agents[node].deaf = false;
        }
        pass(100000);
        for (uint32_t node = 0; node < world->model.nodes_count; node++) {
            assert_true(reached(node));
        }
    }
    assert_true(orders > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_region_gets_a_leader_that_stays, one_and_three, teardown),
        cmocka_unit_test_setup_teardown(test_a_lost_leader_is_replaced_and_comes_back_as_a_follower, one_and_three,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_alone_they_stream_from_the_writer, one_and_three, teardown),
        cmocka_unit_test_setup_teardown(test_a_follower_that_cannot_be_served_goes_to_the_writer, one_and_three,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_leader_becomes_the_writer_and_the_old_one_comes_home, one_and_three,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_without_a_writer_nobody_is_judged, one_and_three, teardown),
        cmocka_unit_test_setup_teardown(test_members_stream_from_the_writer_and_only_they_are_counted, one_and_three,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_lag_is_that_behind_the_writer, one_and_three, teardown),
        cmocka_unit_test_setup_teardown(test_an_order_is_newer_than_what_agents_know, one_and_three, teardown),
        cmocka_unit_test_setup_teardown(test_never_a_ring_over_all_small_topologies, one_and_three, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
