/* SPDX-License-Identifier: Apache-2.0
 * Leadership: two controllers and one record; who may take it when, what a lost answer does, that two never lead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"
#include "core/leader.h"

enum { LEASE_US = 2000000, MARGIN_US = 200000, HALF_US = LEASE_US / 2 };

static struct leader_id id_of(const char *site, uint64_t boot, uint64_t machine)
{
    struct leader_id id = {.boot = boot, .machine = machine};
    text_copy(id.site, sizeof id.site, site);
    return id;
}

static struct leader made(const char *site, uint64_t boot, uint64_t machine)
{
    struct leader leader;
    const struct leader_id id = id_of(site, boot, machine);
    leader_init(&leader, &id, LEASE_US, MARGIN_US);
    return leader;
}

static struct mono at(int64_t us)
{
    return (struct mono){us};
}

/* Takes the record and wins, at once. */
static void take(struct leader *leader, int64_t us, struct leader_record *store)
{
    struct leader_record record;
    assert_int_equal(leader_want(leader, at(us), &record), LEADER_TAKE);
    assert_int_equal(record.revision, store->revision);
    assert_true(leader_taken(leader, &record, store->revision + 1, at(us), at(us)));
    *store = record;
    store->revision++;
}

static void test_the_first_takes_what_is_not_there(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader witness = made("witness", 1, 1);
    struct leader taiwan = made("taiwan", 2, 2);
    struct leader_record record;
    leader_rank(&taiwan, 1);
    assert_int_equal(leader_want(&witness, at(0), &record), LEADER_WAIT); /* unknown what is there */
    leader_saw(&witness, &store, at(10));
    leader_saw(&taiwan, &store, at(10));
    assert_int_equal(leader_want(&taiwan, at(10), &record), LEADER_WAIT);
    assert_int_equal(leader_due(&taiwan).us, 10 + HALF_US);
    take(&witness, 10, &store);
    assert_int_equal(store.term, 1);
    assert_int_equal(leader_state(&witness, at(10)), LEADER_LEADING);
    leader_saw(&taiwan, &store, at(20));
    assert_int_equal(leader_want(&taiwan, at(10 + HALF_US), &record), LEADER_WAIT);
}

static void test_renewals_move_the_takers_count(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader witness = made("witness", 1, 1);
    struct leader tokyo = made("tokyo", 2, 2);
    struct leader_record record;
    leader_saw(&witness, &store, at(0));
    take(&witness, 0, &store);
    leader_saw(&tokyo, &store, at(0));
    assert_int_equal(leader_due(&tokyo).us, LEASE_US + MARGIN_US);
    assert_int_equal(leader_want(&witness, at(LEASE_US / 3 - 1), &record), LEADER_WAIT);
    assert_int_equal(leader_want(&witness, at(LEASE_US / 3), &record), LEADER_RENEW);
    assert_int_equal(record.revision, store.revision);
    assert_int_equal(record.term, 1);
    assert_true(leader_renewed(&witness, &record, 2, at(LEASE_US / 3), at(LEASE_US / 3 + 5000)));
    record.revision = 2;
    leader_saw(&tokyo, &record, at(700000));
    leader_saw(&tokyo, &store, at(800000));  /* an old read that comes late */
    leader_saw(&tokyo, &record, at(900000)); /* the same again: the first sight counts */
    assert_int_equal(leader_due(&tokyo).us, 700000 + LEASE_US + MARGIN_US);
    assert_int_equal(leader_want(&tokyo, at(700000 + LEASE_US + MARGIN_US), &store), LEADER_TAKE);
    assert_int_equal(store.term, 2);
    assert_int_equal(store.revision, 2);
}

static void test_a_right_that_ended_never_comes_back(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader_record record;
    struct leader witness = made("witness", 1, 1);
    leader_saw(&witness, &store, at(0));
    take(&witness, 0, &store);
    assert_int_equal(leader_want(&witness, at(LEASE_US / 2), &record), LEADER_RENEW);
    assert_int_equal(leader_state(&witness, at(LEASE_US)), LEADER_LAPSED);
    assert_int_equal(leader_want(&witness, at(LEASE_US), &record), LEADER_WAIT);
    /* The store speaks again: nobody took it, but this life is over. */
    leader_saw(&witness, &store, at(LEASE_US + 1));
    assert_int_equal(leader_state(&witness, at(LEASE_US + 1)), LEADER_ENDED);
    /* The next one need not wait for itself. */
    struct leader again = made("witness", 7, 1);
    leader_saw(&again, &store, at(LEASE_US + 2));
    take(&again, LEASE_US + 2, &store);
    assert_int_equal(store.term, 2);
    /* On another machine it would. */
    struct leader elsewhere = made("witness", 8, 9);
    leader_saw(&elsewhere, &store, at(LEASE_US + 3));
    assert_int_equal(leader_want(&elsewhere, at(LEASE_US + 3), &record), LEADER_WAIT);
}

static void test_answers_that_come_too_late(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader_record record;
    struct leader witness = made("witness", 1, 1);
    leader_saw(&witness, &store, at(0));
    assert_int_equal(leader_want(&witness, at(0), &record), LEADER_TAKE);
    assert_false(leader_taken(&witness, &record, 1, at(0), at(LEASE_US)));
    assert_int_equal(leader_state(&witness, at(LEASE_US)), LEADER_ENDED);
    struct leader tokyo = made("tokyo", 1, 1);
    leader_saw(&tokyo, &store, at(0));
    take(&tokyo, 0, &store);
    assert_int_equal(leader_want(&tokyo, at(LEASE_US - 1), &record), LEADER_RENEW);
    assert_false(leader_renewed(&tokyo, &record, 2, at(LEASE_US - 1), at(LEASE_US + 1)));
    assert_int_equal(leader_state(&tokyo, at(LEASE_US + 1)), LEADER_ENDED);
}

static void test_a_lost_answer_is_found_again(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader_record record;
    struct leader witness = made("witness", 1, 1);
    leader_saw(&witness, &store, at(0));
    take(&witness, 0, &store);
    assert_int_equal(leader_want(&witness, at(700000), &record), LEADER_RENEW);
    store.revision = 2;       /* it got through; nobody says so */
    leader_refused(&witness); /* the next one is refused */
    assert_int_equal(leader_want(&witness, at(1400000), &record), LEADER_WAIT);
    leader_saw(&witness, &store, at(1400000));
    assert_int_equal(leader_want(&witness, at(1400000), &record), LEADER_RENEW);
    assert_int_equal(record.revision, 2);
    /* Another one in the record: over. */
    struct leader_record other = {.revision = 9, .term = 2, .id = id_of("tokyo", 4, 4)};
    leader_saw(&witness, &other, at(1500000));
    assert_int_equal(leader_state(&witness, at(1500000)), LEADER_ENDED);
}

static void test_yielding(void **state)
{
    (void)state;
    struct leader_record store = {0};
    struct leader_record record;
    struct leader taiwan = made("taiwan", 1, 1);
    struct leader tokyo = made("tokyo", 2, 2);
    struct leader witness = made("witness", 3, 3);
    leader_saw(&taiwan, &store, at(0));
    take(&taiwan, 0, &store);
    leader_yield(&taiwan, "witness", &record);
    assert_int_equal(leader_state(&taiwan, at(1)), LEADER_ENDED);
    assert_int_equal(record.revision, store.revision);
    record.revision = 2;
    leader_saw(&tokyo, &record, at(1000));
    leader_saw(&witness, &record, at(1000));
    assert_int_equal(leader_due(&tokyo).us, 1000 + LEASE_US);
    store = record;
    take(&witness, 1000, &store);
    assert_int_equal(store.term, 2);
    /* In nobody's favour: who comes first. */
    leader_yield(&witness, "", &record);
    record.revision = 4;
    leader_saw(&tokyo, &record, at(5000));
    assert_int_equal(leader_want(&tokyo, at(5000), &record), LEADER_TAKE);
}

static void test_signs_of_life(void **state)
{
    (void)state;
    struct leader_peer peer = {0};
    assert_false(leader_peer_alive(&peer, at(0)));
    for (int64_t us = 0; us <= 4000000; us += 2000000) {
        leader_peer_heard(&peer, 1, at(us));
        assert_true(leader_peer_alive(&peer, at(us)));
        assert_false(leader_peer_steady(&peer, at(us)));
    }
    assert_true(leader_peer_steady(&peer, at(5000000)));
    assert_false(leader_peer_alive(&peer, at(10000001)));
    leader_peer_heard(&peer, 1, at(10000001)); /* was away */
    assert_false(leader_peer_steady(&peer, at(10000001)));
    leader_peer_heard(&peer, 2, at(14000000)); /* was started again */
    assert_false(leader_peer_steady(&peer, at(18000000)));
    assert_true(leader_peer_steady(&peer, at(19000000)));
}

/* ---- three controllers, clocks that drift, answers late or lost, processes that stand still ---- */

enum { WORLD = 3, FLIGHTS = 64 };

struct flight {
    bool on;
    bool answered; /* the store has worked on it */
    bool refused;
    bool read;
    uint32_t from;
    uint64_t boot;
    int64_t at;
    int64_t sent; /* on the sender's clock */
    uint64_t revision;
    struct leader_record record;
};

struct world {
    struct prng dice;
    struct leader leaders[WORLD];
    int64_t still_until[WORLD];
    int64_t drift_ppm[WORLD];
    struct leader_record store;
    struct flight flights[FLIGHTS];
    uint64_t boots;
    uint64_t highest; /* term that led */
    uint32_t changes;
};

static struct mono clock_of(const struct world *world, uint32_t i, int64_t now)
{
    return at(1000000 * (i + 1) + now + now / 1000000 * world->drift_ppm[i]);
}

static void fly(struct world *world, const struct flight *flight)
{
    for (uint32_t i = 0; i < FLIGHTS; i++) {
        if (!world->flights[i].on) {
            world->flights[i] = *flight;
            world->flights[i].on = true;
            return;
        }
    }
}

static void land(struct world *world, struct flight *flight, int64_t now)
{
    struct leader *leader = &world->leaders[flight->from];
    const struct mono here = clock_of(world, flight->from, now);
    if (!flight->answered) {
        flight->answered = true;
        flight->at = now + prng_between(&world->dice, 1000, prng_chance(&world->dice, 100000) ? 3000000 : 80000);
        if (flight->read) {
            flight->record = world->store;
        } else {
            flight->refused = flight->record.revision != world->store.revision;
            if (!flight->refused) {
                world->store = flight->record;
                world->store.revision = flight->revision = flight->record.revision + 1;
            }
        }
        if (prng_chance(&world->dice, 50000)) {
            flight->on = false; /* the answer is lost */
        }
        return;
    }
    flight->on = false;
    if (flight->boot != leader->self.boot) {
        return; /* it died meanwhile */
    }
    if (flight->read) {
        leader_saw(leader, &flight->record, here);
    } else if (flight->refused) {
        leader_refused(leader);
    } else if (leader->state == LEADER_FOLLOWING) {
        (void)leader_taken(leader, &flight->record, flight->revision, at(flight->sent), here);
    } else {
        (void)leader_renewed(leader, &flight->record, flight->revision, at(flight->sent), here);
    }
}

static void turn(struct world *world, uint32_t i, int64_t now)
{
    static const char *const sites[WORLD] = {"taiwan", "tokyo", "witness"};
    struct leader *leader = &world->leaders[i];
    const struct mono here = clock_of(world, i, now);
    struct flight flight = {.from = i, .boot = leader->self.boot, .sent = here.us};
    flight.at = now + prng_between(&world->dice, 1000, 50000);
    if (leader_state(leader, here) == LEADER_ENDED || prng_chance(&world->dice, 8000)) {
        *leader = made(sites[i], ++world->boots, i + 1);
        leader_rank(leader, i == 0);
        return;
    }
    if (prng_chance(&world->dice, 8000)) {
        world->still_until[i] = now + prng_between(&world->dice, 100000, 6000000);
        return;
    }
    if (leader_want(leader, here, &flight.record) != LEADER_WAIT) {
        fly(world, &flight);
    }
    flight.read = true;
    fly(world, &flight);
}

static void test_never_two_leaders(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world world = {.boots = 100};
        prng_init(&world.dice, seed);
        for (uint32_t i = 0; i < WORLD; i++) {
            static const char *const sites[WORLD] = {"taiwan", "tokyo", "witness"};
            world.leaders[i] = made(sites[i], i + 1, i + 1);
            world.drift_ppm[i] = prng_between(&world.dice, -1000, 1000);
        }
        for (int64_t now = 0; now < 120000000; now += 10000) {
            for (uint32_t i = 0; i < FLIGHTS; i++) {
                struct flight *flight = &world.flights[i];
                const bool still = flight->answered && now < world.still_until[flight->from];
                if (flight->on && now >= flight->at && !still) {
                    land(&world, flight, now);
                }
            }
            uint32_t leading = 0;
            for (uint32_t i = 0; i < WORLD; i++) {
                if (now >= world.still_until[i] && now / 10000 % 10 == i) {
                    turn(&world, i, now);
                }
                if (leader_state(&world.leaders[i], clock_of(&world, i, now)) == LEADER_LEADING) {
                    leading++;
                    assert_true(world.leaders[i].term >= world.highest);
                    world.changes += world.leaders[i].term > world.highest;
                    world.highest = world.leaders[i].term;
                }
            }
            assert_true(leading <= 1);
        }
        assert_true(world.changes > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_takes_what_is_not_there),
        cmocka_unit_test(test_renewals_move_the_takers_count),
        cmocka_unit_test(test_a_right_that_ended_never_comes_back),
        cmocka_unit_test(test_answers_that_come_too_late),
        cmocka_unit_test(test_a_lost_answer_is_found_again),
        cmocka_unit_test(test_yielding),
        cmocka_unit_test(test_signs_of_life),
        cmocka_unit_test(test_never_two_leaders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
