/* SPDX-License-Identifier: Apache-2.0
 * Durability: whatever standbys, answers and controllers do, enough of the record holds every acknowledged commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/engine.h"

enum { WRITER, NODES = 4 };
enum { STEP_MS = 50 };

/* The writer's server as it really is, and its standbys. */
struct cluster {
    struct engine engine;
    struct output output;
    struct prng prng;
    struct mono now;
    uint64_t sequence;
    uint32_t mask; /* synchronous_standby_names: any `required` of these */
    uint32_t required;
    uint64_t order; /* of the setting */
    uint64_t position[NODES];
    bool streams[NODES];
    uint64_t acknowledged;
    uint64_t said; /* what the writer's next report tells: already old when it arrives */
    struct action late[8];
    uint32_t late_count;
};

static struct cluster cluster;

static const struct model *cluster_model(uint32_t required)
{
    static struct model model;
    static const char *const names[NODES] = {"taiwan-a", "tokyo-a", "tokyo-b", "osaka-a"};
    memset(&model, 0, sizeof model);
    model.regions_count = 3;
    model.databases_count = 1;
    model.nodes_count = NODES;
    for (uint32_t i = 0; i < 3; i++) {
        static const char *const regions[3] = {"taiwan", "tokyo", "osaka"};
        text_copy(model.regions[i].name, LIMITS_NAME, regions[i]);
        model.regions[i].weight = 1;
    }
    text_copy(model.databases[0].name, LIMITS_NAME, "shop");
    model.databases[0].lease_ms = 3000;
    model.databases[0].margin_ms = 300;
    model.databases[0].tier1 = true;
    model.databases[0].durability_members = 0xe;
    model.databases[0].durability_required = required;
    for (uint32_t i = 0; i < NODES; i++) {
        text_copy(model.nodes[i].name, LIMITS_NAME, names[i]);
        model.nodes[i].postgres = (struct view_address){{127, 1, 0, (uint8_t)i}, 5432, 4};
        model.nodes[i].region = i == WRITER ? 0 : i == 3 ? 2 : 1;
    }
    return &model;
}

static void cluster_feed(struct event event);

static void cluster_apply(const struct action *action, bool answered)
{
    if (action->order < cluster.order) {
        return;
    }
    cluster.order = action->order;
    cluster.mask = action->mask;
    cluster.required = action->required;
    if (answered) {
        struct event event = {.kind = EVENT_RESULT};
        event.result.action = action->id;
        event.result.ok = true;
        cluster_feed(event);
    }
}

static void cluster_feed(struct event event)
{
    event.at = cluster.now;
    engine_step(&cluster.engine, &event, &cluster.output);
    const struct output output = cluster.output;
    for (uint32_t i = 0; i < output.actions_count; i++) {
        if (output.actions[i].kind == ACTION_AGENT_DURABILITY && cluster.late_count < 8) {
            cluster.late[cluster.late_count++] = output.actions[i];
        }
    }
}

static void cluster_deliver(void)
{
    struct action actions[8];
    const uint32_t count = cluster.late_count;
    memcpy(actions, cluster.late, sizeof actions);
    cluster.late_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t luck = prng_below(&cluster.prng, 10);
        if (luck < 3) {
            cluster.late[cluster.late_count++] = actions[i]; /* still on its way */
        } else if (luck < 9) {
            cluster_apply(&actions[i], luck < 7);
        }
    }
}

/* The K-th most advanced of the required standbys has flushed it: then a commit returns. */
static void cluster_write(void)
{
    cluster.position[WRITER] += prng_below(&cluster.prng, 100);
    for (uint32_t node = 1; node < NODES; node++) {
        const uint64_t behind = cluster.position[WRITER] - cluster.position[node];
        if (cluster.streams[node]) {
            cluster.position[node] += prng_below(&cluster.prng, 3) == 0 ? behind : behind / 2;
        }
    }
    uint64_t acknowledged = 0;
    for (uint32_t at = 0; at < NODES; at++) {
        uint32_t have = 0;
        for (uint32_t node = 1; node < NODES; node++) {
            have += (cluster.mask >> node & 1U) != 0 && cluster.position[node] >= cluster.position[at];
        }
        if (have >= cluster.required && cluster.position[at] > acknowledged) {
            acknowledged = cluster.position[at];
        }
    }
    if (acknowledged > cluster.acknowledged) {
        cluster.acknowledged = acknowledged;
    }
}

static void cluster_report(void)
{
    for (uint32_t node = 0; node < NODES; node++) {
        struct event event = {.kind = EVENT_NODE};
        event.node = (struct event_node){.node = node,
                                         .boot = 1,
                                         .sequence = ++cluster.sequence,
                                         .running = true,
                                         .role = node == WRITER ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY,
                                         .epoch = 1,
                                         .lease_held = node == WRITER,
                                         .receiving = cluster.streams[node]};
        event.node.written.position = node == WRITER ? cluster.said : 0;
        event.node.received.position = cluster.position[node];
        cluster_feed(event);
    }
    cluster.said = cluster.position[WRITER];
    struct event event = {.kind = EVENT_LEASE};
    event.lease = (struct event_lease){.state = EVENT_LEASE_HELD,
                                       .holder = WRITER,
                                       .epoch = 1,
                                       .revision = cluster.sequence,
                                       .candidate = LIMITS_NONE};
    cluster_feed(event);
}

/* Every way to hear N - W + 1 of the members finds every acknowledged commit. */
static void cluster_check(void)
{
    const struct durable_database *state = &cluster.engine.durable.databases[0];
    if (state->required == 0) {
        return; /* nobody is promoted */
    }
    const uint32_t members = (uint32_t)__builtin_popcount(state->members);
    const uint32_t quorum = members - state->required + 1;
    assert_true(members >= state->required);
    for (uint32_t heard = 0; heard < 1U << NODES; heard++) {
        if ((heard & ~state->members) != 0 || (uint32_t)__builtin_popcount(heard) < quorum) {
            continue;
        }
        uint64_t best = 0;
        for (uint32_t node = 0; node < NODES; node++) {
            if ((heard >> node & 1U) != 0 && cluster.position[node] > best) {
                best = cluster.position[node];
            }
        }
        assert_true(best >= cluster.acknowledged);
    }
}

static void cluster_restart(void)
{
    static struct durable durable;
    static struct model model;
    durable = cluster.engine.durable;
    model = cluster.engine.model;
    durable_seal(&durable);
    engine_init(&cluster.engine, &model, &durable, cluster.now, (struct wall){0});
}

static uint32_t cluster_live(uint64_t seed, uint32_t required)
{
    memset(&cluster, 0, sizeof cluster);
    prng_init(&cluster.prng, seed);
    cluster.now = (struct mono){1000000000};
    engine_init(&cluster.engine, cluster_model(required), NULL, cluster.now, (struct wall){0});
    cluster.engine.model.databases[0].durability_block = seed % 2 == 1;
    uint32_t protected = 0;
    for (uint32_t turn = 0; turn < 2400; turn++) {
        cluster.now = time_add_ms(cluster.now, STEP_MS);
        if (prng_below(&cluster.prng, 60) == 0) {
            const uint32_t node = 1 + (uint32_t)prng_below(&cluster.prng, NODES - 1);
            cluster.streams[node] = !cluster.streams[node];
        }
        if (prng_below(&cluster.prng, 200) == 0) {
            cluster_restart();
        }
        cluster_deliver();
        cluster_write();
        cluster_check();
        if (turn % 5 == 0) {
            cluster_report();
        }
        cluster_feed((struct event){.kind = EVENT_TICK});
        cluster_check();
        protected += cluster.engine.durable.databases[0].required > 0;
    }
    return protected;
}

static void test_enough_of_the_record_holds_everything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        const uint32_t protected = cluster_live(seed, 1 + (uint32_t)(seed % 3));
        assert_true(protected > 0);
    }
}

/* Any one of two acknowledges; the one elsewhere has more than the one that would take over. */
static void test_who_holds_less_than_another_member_is_not_chosen(void **state)
{
    (void)state;
    memset(&cluster, 0, sizeof cluster);
    cluster.now = (struct mono){1000000000};
    engine_init(&cluster.engine, cluster_model(1), NULL, cluster.now, (struct wall){0});
    for (uint32_t node = 0; node < NODES; node++) {
        cluster.position[node] = 0x1000 + node;
        cluster.streams[node] = node != WRITER;
    }
    cluster_report();
    struct engine *engine = &cluster.engine;
    struct durable_database *record = &engine->durable.databases[0];
    record->members = 0xe;
    record->required = 1;
    const struct mono never = {0};
    assert_int_equal(candidate_choose(engine, 0, 1, 1U << WRITER, false).node, LIMITS_NONE);
    assert_int_equal(candidate_choose(engine, 0, 2, 1U << WRITER, false).node, 3);
    assert_true(candidate_holds(engine, 0, 3, never));
    assert_false(candidate_holds(engine, 0, 2, never));
    assert_false(candidate_holds(engine, 0, 3, time_add_ms(cluster.now, 1))); /* not heard since */
    record->required = 3; /* every member acknowledged everything: any will do */
    assert_int_equal(candidate_choose(engine, 0, 1, 1U << WRITER, false).node, 2);
    assert_true(candidate_holds(engine, 0, 1, time_add_ms(cluster.now, 1)));
}

/* A standby that was restarted while its writer was gone says "received" from the start of a segment. */
static void test_what_was_replayed_counts_as_received(void **state)
{
    (void)state;
    memset(&cluster, 0, sizeof cluster);
    cluster.now = (struct mono){1000000000};
    engine_init(&cluster.engine, cluster_model(1), NULL, cluster.now, (struct wall){0});
    cluster_report();
    struct event event = {.kind = EVENT_NODE};
    event.node = (struct event_node){
        .node = 1, .boot = 2, .sequence = 1, .running = true, .role = VIEW_NODE_STANDBY, .epoch = 1};
    event.node.replayed.position = 0x2000;
    cluster_feed(event);
    assert_int_equal(candidate_choose(&cluster.engine, 0, 1, 1U << WRITER, true).node, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enough_of_the_record_holds_everything),
        cmocka_unit_test(test_who_holds_less_than_another_member_is_not_chosen),
        cmocka_unit_test(test_what_was_replayed_counts_as_received),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
