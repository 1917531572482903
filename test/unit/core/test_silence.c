/* SPDX-License-Identifier: Apache-2.0
 * Tests of silence: a writer's node that nobody hears any more is given up without waiting for checks, and only then.
 */
#include "core/silence.h"
#include "engine_world.h"

enum { TAIWAN_A_BIT = 1U << TAIWAN_A, TAIWAN_B_BIT = 1U << TAIWAN_B, TOKYO_A_BIT = 1U << TOKYO_A };
enum { WINDOW_MS = 2400 };

static uint32_t deaf_sites;        /* bit per site: hears no node of anybody, and knows why: its words are unknown */
static uint32_t apart_sites;       /* bit per site: hears no writer although it beats */
static uint64_t gone_epoch;        /* what the writer's heartbeats say; 0: nothing of that kind */
static int64_t gone[SITES][NODES]; /* since when a node is silent there; 0: it is not */

static void word(uint32_t site)
{
    struct event event = {.kind = EVENT_BEATS};
    event.beats.site = site;
    for (uint32_t node = 0; node < NODES && (deaf_sites >> site & 1U) == 0; node++) {
        const bool quiet =
            (world->silent[node] && !(node == TAIWAN_A && gone_epoch != 0 && (apart_sites >> site & 1U) == 0)) ||
            (node == TAIWAN_A && (apart_sites >> site & 1U) != 0);
        int64_t *since = &gone[site][node];
        *since = !quiet ? 0 : *since != 0 ? *since : world->now.us;
        const int64_t age_ms = quiet ? (world->now.us - *since) / 1000 : 20;
        const bool silent = age_ms >= WINDOW_MS;
        event.beats.heard |= (uint32_t)!silent << node;
        event.beats.silent |= (uint32_t)silent << node;
        event.beats.age_ms[node] = (uint32_t)age_ms;
        event.beats.gone[node] = node == TAIWAN_A && !silent ? gone_epoch : 0;
    }
    feed(&event);
}

/* Time passes, and every site tells what it hears. */
static void live(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 50) {
        pass(50);
        for (uint32_t site = 0; site < SITES; site++) {
            word(site);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    world_setup(state);
    struct model *model = model_two_regions();
    model->databases[0].silence_ms = WINDOW_MS;
    model->databases[0].durability_members = TAIWAN_A_BIT | TAIWAN_B_BIT | TOKYO_A_BIT;
    model->databases[0].durability_required = 2;
    engine_init(&world->engine, model, NULL, world->now, (struct wall){0});
    deaf_sites = 0;
    apart_sites = 0;
    gone_epoch = 0;
    memset(gone, 0, sizeof gone);
    live(10000);
    return 0;
}

static struct silence_state look(void)
{
    return silence_look(&world->engine, 0);
}

static uint64_t runs(void)
{
    return world->engine.durable.runs_started;
}

static void a_living_writer_is_heard(void **state)
{
    (void)state;
    const struct silence_state now = look();
    assert_int_equal(now.verdict, SILENCE_HEARD);
    assert_int_equal(now.node, TAIWAN_A);
    assert_int_equal(now.total, SITES);
    assert_int_equal(now.reporting, SITES);
    assert_int_equal(now.silent, 0);
    assert_int_equal(runs(), 0);
}

/* Checks that go on passing do not hold it up: they are not asked. */
static void a_silent_writer_is_given_up_without_checks(void **state)
{
    (void)state;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(WINDOW_MS - 200);
    assert_int_equal(runs(), 0);
    live(500);
    assert_int_equal(runs(), 1);
    assert_int_equal(world->engine.durable.run.plan, PLAN_FAILOVER_LOCAL);
    assert_int_equal(world->engine.durable.run.rule, 0);
    assert_non_null(strstr(world->engine.durable.run.text, "no heartbeat of taiwan-a for 24"));
    assert_non_null(strstr(world->engine.durable.run.text, "at 2 of 3 sites, no report for 2"));
    live(5000);
    assert_int_equal(last_run()->state, DURABLE_RUN_SUCCEEDED);
    assert_int_equal(world->writer, TAIWAN_B);
}

/* Nothing is promoted before the right of the silent one has ended. */
static void the_lease_is_waited_out(void **state)
{
    (void)state;
    const struct mono before = world->now;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    while (world->writer == NODES && time_since_ms(world->now, before) < 10000) {
        live(50);
    }
    assert_int_equal(world->writer, TAIWAN_B);
    assert_true(time_since_ms(world->now, before) >= 3000 + 300 - 300); /* the last renewal was at most 250 ms before */
    assert_true(time_since_ms(world->now, before) < 3000 + 300 + 500);
}

static void unknown_is_not_silence(void **state)
{
    (void)state;
    deaf_sites = 1U << SITE_TOKYO | 1U << SITE_WITNESS;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_FEW);
    assert_int_equal(look().reporting, 1);
    assert_int_equal(look().silent, 1);
    assert_int_equal(runs(), 0);
}

/* Two of three with a word, both silent: the third may have died with the node. */
static void a_site_without_a_word_does_not_hold_it_up(void **state)
{
    (void)state;
    deaf_sites = 1U << SITE_TAIWAN;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(WINDOW_MS + 200);
    assert_int_equal(runs(), 1);
}

static void half_of_the_sites_are_not_enough(void **state)
{
    (void)state;
    deaf_sites = 1U << SITE_TAIWAN;
    apart_sites = 1U << SITE_TOKYO; /* and the witness hears it */
    live(4000);
    assert_int_equal(look().silent, 1);
    assert_int_equal(look().verdict, SILENCE_HEARD);
    assert_int_equal(runs(), 0);
}

/* UDP that is lost, while its reports come: the node lives. */
static void a_report_says_otherwise(void **state)
{
    (void)state;
    apart_sites = 7;
    live(4000);
    assert_int_equal(look().silent, SITES);
    assert_int_equal(look().verdict, SILENCE_REPORTS);
    assert_int_equal(runs(), 0);
    assert_true((world->engine.silence.told & TAIWAN_A_BIT) != 0);
    apart_sites = 0;
    live(200);
    assert_true((world->engine.silence.told & TAIWAN_A_BIT) == 0);
}

/* Through another controller: it reaches the store. */
static void a_renewal_says_otherwise(void **state)
{
    (void)state;
    world->silent[TAIWAN_A] = true;
    for (uint32_t at = 0; at < 4000; at += 500) {
        struct event event = {.kind = EVENT_LEASE};
        event.lease = (struct event_lease){.state = EVENT_LEASE_HELD,
                                           .holder = TAIWAN_A,
                                           .epoch = world->epoch,
                                           .revision = ++world->revision,
                                           .candidate = LIMITS_NONE};
        feed(&event);
        live(500);
    }
    assert_int_equal(look().verdict, SILENCE_RENEWS);
    assert_int_equal(runs(), 0);
}

/* It stood still: what waits for it in its queues was said long ago. */
static void a_controller_that_stood_still_listens_anew(void **state)
{
    (void)state;
    world->silent[TAIWAN_A] = true;
    live(1000);
    world->now = time_add_ms(world->now, 2000);
    word(SITE_WITNESS);
    word(SITE_TOKYO);
    word(SITE_TAIWAN);
    assert_int_equal(look().silent, SITES);
    assert_int_equal(look().verdict, SILENCE_PAUSE);
    assert_int_equal(runs(), 0);
    world->silent[TAIWAN_A] = false;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_HEARD);
    assert_int_equal(runs(), 0);
}

static void without_a_neighbour_the_checks_decide(void **state)
{
    (void)state;
    world->silent[TAIWAN_B] = true;
    live(3000);
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_ALONE);
    assert_int_equal(runs(), 0);
}

static void the_gates_hold_it_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        world->engine.decisions[TAIWAN].flips[i] = world->now;
    }
    world->engine.decisions[TAIWAN].flips_count = 4;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_CONFIRMED);
    struct decide_answer answer;
    silence_judge(&world->engine, 0, &answer);
    assert_int_equal(answer.gate, DECIDE_GATE_FLAPPING);
    assert_int_equal(answer.rule, 4);
    assert_int_equal(world->engine.silence.held[0], DECIDE_GATE_FLAPPING);
    assert_int_equal(runs(), 0);
}

static void paused_automation_stays_paused(void **state)
{
    (void)state;
    world->engine.durable.paused = true;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(4000);
    assert_int_equal(runs(), 0);
    world->engine.durable.paused = false;
    world->engine.model.policy.automation[DECIDE_DATABASE_MASTER_FAILURE] = MODEL_APPROVE;
    live(1000);
    assert_int_equal(runs(), 0);
}

static void without_a_window_nothing_happens(void **state)
{
    (void)state;
    world->engine.model.databases[0].silence_ms = 0;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_OFF);
    assert_int_equal(runs(), 0);
}

/* A region that dies as a whole: its nodes fall silent one after another, and for a moment the neighbour seems to live.
 */
static void a_neighbour_must_have_been_heard_since(void **state)
{
    (void)state;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    live(50);
    world->silent[TAIWAN_B] = true;
    live(4000);
    assert_int_equal(look().verdict, SILENCE_ALONE);
    assert_int_equal(runs(), 0);
}

/* Cut from the controllers, it has fenced itself, and says so to the one site that still hears it. */
static void who_hears_that_it_is_gone_hears_no_writer(void **state)
{
    (void)state;
    apart_sites = 1U << SITE_WITNESS;
    deaf_sites = 1U << SITE_TOKYO;
    world->silent[TAIWAN_A] = true;
    world->writer = NODES;
    gone_epoch = world->epoch + 1; /* of another time */
    live(4000);
    assert_int_equal(look().verdict, SILENCE_HEARD);
    assert_int_equal(look().silent, 1);
    gone_epoch = world->epoch;
    live(100);
    assert_int_equal(runs(), 1);
    assert_int_equal(world->engine.durable.run.plan, PLAN_FAILOVER_LOCAL);
    assert_non_null(strstr(world->engine.durable.run.text,
                           "taiwan-a says at 1 of 2 sites that its server is gone, no heartbeat at 1, no report for"));
    assert_int_equal(world->engine.silence.told & TAIWAN_A_BIT, 0); /* half of the sites hear it */
}

/* A word is worth something while it is repeated. */
static void an_old_word_is_none(void **state)
{
    (void)state;
    uint32_t age_ms = UINT32_MAX;
    assert_int_equal(silence_word(&world->engine, SITE_TOKYO, TAIWAN_A, &age_ms), SILENCE_HEARS);
    assert_int_equal(age_ms, 20);
    pass(3000);
    assert_int_equal(silence_word(&world->engine, SITE_TOKYO, TAIWAN_A, NULL), SILENCE_UNKNOWN);
    assert_int_equal(look().reporting, 0);
}

static void a_death_that_is_heard_is_believed(void **state)
{
    (void)state;
    struct event event = {.kind = EVENT_DEATH};
    event.death = (struct event_death){.node = TAIWAN_A, .boot = 2, .epoch = world->epoch};
    feed(&event); /* of another life */
    event.death.boot = 1;
    event.death.epoch = world->epoch - 1;
    feed(&event); /* of another writer's time */
    assert_int_equal(runs(), 0);
    event.death.epoch = world->epoch;
    feed(&event);
    assert_int_equal(runs(), 1);
    assert_int_equal(world->engine.durable.run.plan, PLAN_FAILOVER_LOCAL);
}

static void a_follower_hears_and_does_nothing(void **state)
{
    (void)state;
    follow();
    world->warm->model.databases[0].silence_ms = WINDOW_MS;
    live(3000);
    assert_int_equal(silence_word(world->warm, SITE_TOKYO, TAIWAN_A, NULL), SILENCE_HEARS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_living_writer_is_heard, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_silent_writer_is_given_up_without_checks, setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_lease_is_waited_out, setup, world_teardown),
        cmocka_unit_test_setup_teardown(unknown_is_not_silence, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_site_without_a_word_does_not_hold_it_up, setup, world_teardown),
        cmocka_unit_test_setup_teardown(half_of_the_sites_are_not_enough, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_report_says_otherwise, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_renewal_says_otherwise, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_controller_that_stood_still_listens_anew, setup, world_teardown),
        cmocka_unit_test_setup_teardown(without_a_neighbour_the_checks_decide, setup, world_teardown),
        cmocka_unit_test_setup_teardown(the_gates_hold_it_back, setup, world_teardown),
        cmocka_unit_test_setup_teardown(paused_automation_stays_paused, setup, world_teardown),
        cmocka_unit_test_setup_teardown(without_a_window_nothing_happens, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_neighbour_must_have_been_heard_since, setup, world_teardown),
        cmocka_unit_test_setup_teardown(who_hears_that_it_is_gone_hears_no_writer, setup, world_teardown),
        cmocka_unit_test_setup_teardown(an_old_word_is_none, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_death_that_is_heard_is_believed, setup, world_teardown),
        cmocka_unit_test_setup_teardown(a_follower_hears_and_does_nothing, setup, world_teardown),
    };
    return cmocka_run_group_tests_name("core/silence", tests, NULL, NULL);
}
