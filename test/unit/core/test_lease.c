/* SPDX-License-Identifier: Apache-2.0
 * The lease's arithmetic: tables, and a world of skewed clocks in which no two rights may overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/prng.h"
#include "core/lease.h"

#define LEASE  (3 * TIME_US_PER_S)
#define MARGIN (300 * TIME_US_PER_MS)

static struct mono at(int64_t ms)
{
    return (struct mono){ms * TIME_US_PER_MS};
}

static void test_holder_right_counts_from_sending(void **state)
{
    (void)state;
    struct lease_holder holder;
    lease_holder_init(&holder, LEASE);
    assert_int_equal(lease_holder_state(&holder, at(5)), LEASE_NONE);
    assert_int_equal(lease_holder_due(&holder).us, TIME_NEVER.us);
    assert_true(lease_holder_acquired(&holder, 7, 1, at(1000), at(1400)));
    assert_int_equal(holder.right_end.us, at(4000).us);
    assert_int_equal(lease_holder_due(&holder).us, at(2000).us);
    assert_int_equal(lease_holder_fence_at(&holder).us, at(3700).us);
    lease_holder_attempt(&holder, at(2000));
    assert_int_equal(lease_holder_due(&holder).us, at(3000).us);
    assert_true(lease_holder_renewed(&holder, 7, 2, at(2000), at(2900)));
    assert_int_equal(holder.right_end.us, at(5000).us);
    assert_int_equal(lease_holder_left_us(&holder, at(4500)), 500 * TIME_US_PER_MS);
    assert_int_equal(lease_holder_state(&holder, at(4999)), LEASE_HELD);
    assert_int_equal(lease_holder_state(&holder, at(5000)), LEASE_LOST);
    assert_int_equal(lease_holder_left_us(&holder, at(5000)), 0);
}

static void test_holder_tries_again_soon_after_a_failure(void **state)
{
    (void)state;
    struct lease_holder holder;
    lease_holder_init(&holder, LEASE);
    assert_true(lease_holder_acquired(&holder, 7, 1, at(1000), at(1000)));
    lease_holder_attempt(&holder, at(2000));
    lease_holder_failed(&holder);
    assert_int_equal(lease_holder_due(&holder).us, at(2250).us);
    lease_holder_attempt(&holder, at(2250));
    assert_int_equal(lease_holder_due(&holder).us, at(3250).us); /* while the answer may still come */
    lease_holder_failed(&holder);
    assert_int_equal(holder.right_end.us, at(4000).us);
    assert_true(lease_holder_renewed(&holder, 7, 2, at(2250), at(2600))); /* it came after all */
    assert_int_equal(lease_holder_due(&holder).us, at(3250).us);
}

static void test_holder_late_answers(void **state)
{
    (void)state;
    struct lease_holder holder;
    lease_holder_init(&holder, LEASE);
    assert_false(lease_holder_acquired(&holder, 1, 1, at(0), at(3000)));
    assert_int_equal(lease_holder_state(&holder, at(3000)), LEASE_NONE);
    assert_true(lease_holder_acquired(&holder, 1, 1, at(3000), at(3001)));
    /* Overtaken answer: no step back. */
    lease_holder_attempt(&holder, at(5000));
    assert_true(lease_holder_renewed(&holder, 1, 3, at(5000), at(5001)));
    assert_true(lease_holder_renewed(&holder, 1, 2, at(4000), at(5002)));
    assert_int_equal(holder.right_end.us, at(8000).us);
    assert_int_equal(holder.revision, 3);
    /* Another epoch's answer. */
    assert_false(lease_holder_renewed(&holder, 2, 9, at(6000), at(6000)));
    /* The right ended at 8000: an answer to 7000 that comes at 8500 brings nothing back. */
    assert_false(lease_holder_renewed(&holder, 1, 4, at(7000), at(8500)));
    assert_false(lease_holder_promised(&holder, 1, at(7000), at(8600)));
    assert_int_equal(lease_holder_state(&holder, at(7500)), LEASE_LOST);
    lease_holder_release(&holder);
    assert_true(lease_holder_acquired(&holder, 1, 5, at(9000), at(9001)));
}

static void test_holder_promises_and_loss(void **state)
{
    (void)state;
    struct lease_holder holder;
    lease_holder_init(&holder, LEASE);
    assert_true(lease_holder_acquired(&holder, 4, 1, at(0), at(1)));
    assert_true(lease_holder_promised(&holder, 4, at(2000), at(2400)));
    assert_int_equal(holder.by, LEASE_BY_PROMISES);
    assert_int_equal(holder.right_end.us, at(5000).us);
    assert_true(lease_holder_renewed(&holder, 4, 2, at(2500), at(2600)));
    assert_int_equal(holder.by, LEASE_BY_STORE);
    lease_holder_lose(&holder);
    assert_int_equal(lease_holder_state(&holder, at(2601)), LEASE_LOST);
    assert_int_equal(lease_holder_left_us(&holder, at(2601)), 0);
    assert_int_equal(lease_holder_fence_at(&holder).us, 0);
    assert_false(lease_holder_renewed(&holder, 4, 3, at(2602), at(2603)));
}

static void test_taker_counts_from_first_sight(void **state)
{
    (void)state;
    struct lease_taker taker;
    lease_taker_init(&taker, LEASE, MARGIN);
    assert_int_equal(lease_taker_free_at(&taker).us, TIME_NEVER.us);
    lease_taker_saw(&taker, 3, 10, at(1000));
    lease_taker_saw(&taker, 3, 10, at(2000));
    assert_false(lease_taker_free(&taker, at(100000)));
    lease_taker_revoked(&taker, 3, 10, at(2500));
    assert_int_equal(lease_taker_free_at(&taker).us, at(4300).us);
    assert_false(lease_taker_free(&taker, at(4299)));
    assert_true(lease_taker_free(&taker, at(4300)));
    /* A renewal that was seen late, then a revocation against a revision never seen. */
    lease_taker_saw(&taker, 3, 9, at(5000));
    assert_int_equal(lease_taker_free_at(&taker).us, at(4300).us);
    lease_taker_revoked(&taker, 3, 12, at(6000));
    assert_int_equal(lease_taker_free_at(&taker).us, at(9300).us);
    /* The restarted controller counts from its first read. */
    lease_taker_init(&taker, LEASE, MARGIN);
    lease_taker_revoked(&taker, 3, 12, at(7000));
    assert_int_equal(lease_taker_free_at(&taker).us, at(10300).us);
}

static void test_taker_proof_ends_the_wait(void **state)
{
    (void)state;
    struct lease_taker taker;
    lease_taker_init(&taker, LEASE, MARGIN);
    lease_taker_saw(&taker, 3, 10, at(1000));
    lease_taker_proven(&taker, 3, at(1100));
    assert_false(lease_taker_free(&taker, at(1200)));
    lease_taker_revoked(&taker, 3, 10, at(1300));
    lease_taker_proven(&taker, 2, at(1400));
    assert_false(lease_taker_free(&taker, at(1400)));
    lease_taker_proven(&taker, 3, at(1500));
    assert_true(lease_taker_free(&taker, at(1500)));
}

static void test_promise(void **state)
{
    (void)state;
    struct lease_promise promise;
    lease_promise_init(&promise, LEASE, MARGIN, at(0));
    assert_false(lease_promise_free(&promise, at(3299)));
    assert_true(lease_promise_free(&promise, at(3300)));
    assert_true(lease_promise_make(&promise, 5, LEASE, at(4000)));
    assert_false(lease_promise_free(&promise, at(7299)));
    assert_true(lease_promise_free(&promise, at(7300)));
    assert_false(lease_promise_make(&promise, 4, LEASE, at(5000)));
    assert_false(lease_promise_make(&promise, 5, LEASE + 1, at(5000)));
    assert_false(lease_promise_make(&promise, 5, 0, at(5000)));
    assert_false(lease_promise_order(&promise, 5));
    assert_true(lease_promise_order(&promise, 6));
    assert_true(lease_promise_order(&promise, 6));
    assert_false(lease_promise_make(&promise, 5, LEASE, at(5000)));
    assert_false(lease_promise_make(&promise, 6, LEASE, at(5000)));
    assert_int_equal(promise.until.us, at(7300).us);
    lease_promise_learn(&promise, 8);
    assert_false(lease_promise_order(&promise, 7));
    assert_true(lease_promise_make(&promise, 8, LEASE, at(9000)));
    lease_promise_restore(&promise, 8, 8);
    assert_true(lease_promise_order(&promise, 8));
    lease_promise_restore(&promise, 8, 6);
    assert_false(lease_promise_order(&promise, 8));
}

/*
 * The world: three nodes, a store, a controller. True time runs in steps; every machine has a clock with its own origin
 * and up to 0.1 % drift. Messages take up to seconds or are lost; links are cut and healed; agents and the controller
 * restart. Whenever two nodes hold a right in the same true instant, the arithmetic is wrong.
 */
enum { NODES = 3, PARTIES = NODES + 1, CONTROLLER = NODES, LETTERS = 256, STEP_US = 20000 };

enum letter_kind { LETTER_RENEW, LETTER_RENEWED, LETTER_CONFLICT, LETTER_ASK, LETTER_PROMISED, LETTER_ORDER };

struct letter {
    bool used;
    enum letter_kind kind;
    uint32_t from;
    uint32_t to;
    int64_t due_us; /* true time */
    uint64_t epoch;
    uint64_t revision;
    struct mono sent; /* the asker's clock, echoed */
};

struct world {
    struct prng prng;
    int64_t now_us;
    int64_t origin[PARTIES];
    int64_t drift_ppm[PARTIES];
    bool cut[PARTIES][PARTIES];
    struct letter letters[LETTERS];
    struct lease_holder holders[NODES];
    struct lease_promise promises[NODES];
    struct mono round[NODES]; /* the promise round under way, by its sending time */
    uint32_t answers[NODES];  /* bit per node */
    uint64_t order[NODES];    /* epoch ordered, 0: none */
    struct lease_taker taker;
    uint32_t candidate;
    /* the store's record */
    uint64_t epoch;
    uint64_t revision;
    uint32_t holder;
    bool revoked;
    bool broken_promises; /* negative control: promises do not bind */
    uint64_t grants;
    uint64_t overlaps;
    uint64_t by_promises;
};

static struct mono world_clock(const struct world *world, uint32_t party)
{
    return (struct mono){world->origin[party] + world->now_us + world->now_us / 1000000 * world->drift_ppm[party] +
                         world->now_us % 1000000 * world->drift_ppm[party] / 1000000};
}

static void world_send(struct world *world, struct letter letter)
{
    if (world->cut[letter.from][letter.to] || prng_chance(&world->prng, 50000)) {
        return;
    }
    const int64_t slow = prng_chance(&world->prng, 50000) ? 4 * TIME_US_PER_S : 200 * TIME_US_PER_MS;
    letter.due_us = world->now_us + prng_between(&world->prng, 0, slow);
    letter.used = true;
    for (uint32_t i = 0; i < LETTERS; i++) {
        if (!world->letters[i].used) {
            world->letters[i] = letter;
            return;
        }
    }
}

static void world_renewal_arrives(struct world *world, const struct letter *letter)
{
    const bool good = letter->from == world->holder && letter->epoch == world->epoch && !world->revoked;
    if (good) {
        world->revision++;
        lease_taker_saw(&world->taker, world->epoch, world->revision, world_clock(world, CONTROLLER));
    }
    world_send(world, (struct letter){.kind = good ? LETTER_RENEWED : LETTER_CONFLICT,
                                      .from = CONTROLLER,
                                      .to = letter->from,
                                      .epoch = letter->epoch,
                                      .revision = world->revision,
                                      .sent = letter->sent});
}

static void world_promise_arrives(struct world *world, const struct letter *letter)
{
    const uint32_t node = letter->to;
    if (letter->sent.us != world->round[node].us) {
        return;
    }
    world->answers[node] |= 1U << letter->from;
    const uint32_t all = ((1U << NODES) - 1) & ~(1U << node);
    if (world->answers[node] == all &&
        lease_holder_promised(&world->holders[node], letter->epoch, letter->sent, world_clock(world, node))) {
        world->by_promises++;
    }
}

static void world_arrive(struct world *world, const struct letter *letter)
{
    struct lease_holder *holder = letter->to < NODES ? &world->holders[letter->to] : NULL;
    switch (letter->kind) {
    case LETTER_RENEW:
        world_renewal_arrives(world, letter);
        break;
    case LETTER_RENEWED:
        (void)lease_holder_renewed(holder, letter->epoch, letter->revision, letter->sent,
                                   world_clock(world, letter->to));
        break;
    case LETTER_CONFLICT:
        if (letter->epoch == holder->epoch) {
            lease_holder_lose(holder);
        }
        break;
    case LETTER_ASK:
        if (lease_promise_make(&world->promises[letter->to], letter->epoch, LEASE, world_clock(world, letter->to))) {
            world_send(world, (struct letter){.kind = LETTER_PROMISED,
                                              .from = letter->to,
                                              .to = letter->from,
                                              .epoch = letter->epoch,
                                              .sent = letter->sent});
        }
        break;
    case LETTER_PROMISED:
        world_promise_arrives(world, letter);
        break;
    case LETTER_ORDER:
        if (lease_promise_order(&world->promises[letter->to], letter->epoch)) {
            world->order[letter->to] = letter->epoch;
        }
        break;
    }
}

/* A node renews, or acquires what it was ordered to take. */
static void world_node(struct world *world, uint32_t node)
{
    struct lease_holder *holder = &world->holders[node];
    const struct mono now = world_clock(world, node);
    if (lease_holder_state(holder, now) == LEASE_LOST) {
        lease_holder_release(holder);
    }
    if (time_reached(now, lease_holder_due(holder))) {
        lease_holder_attempt(holder, now);
        world->round[node] = now;
        world->answers[node] = 0;
        world_send(
            world,
            (struct letter){.kind = LETTER_RENEW, .from = node, .to = CONTROLLER, .epoch = holder->epoch, .sent = now});
        for (uint32_t peer = 0; peer < NODES; peer++) {
            if (peer != node) {
                world_send(
                    world,
                    (struct letter){.kind = LETTER_ASK, .from = node, .to = peer, .epoch = holder->epoch, .sent = now});
            }
        }
    }
    const bool free_now = world->broken_promises || lease_promise_free(&world->promises[node], now);
    if (world->order[node] > world->epoch && world->revoked && world->candidate == node && free_now &&
        lease_taker_free(&world->taker, world_clock(world, CONTROLLER))) {
        world->epoch = world->order[node];
        world->revision++;
        world->holder = node;
        world->revoked = false;
        world->grants++;
        lease_taker_saw(&world->taker, world->epoch, world->revision, world_clock(world, CONTROLLER));
        assert_true(lease_holder_acquired(holder, world->epoch, world->revision, now, now));
    }
}

static void world_controller(struct world *world)
{
    const struct mono now = world_clock(world, CONTROLLER);
    if (prng_chance(&world->prng, 2000)) {
        lease_taker_init(&world->taker, LEASE, MARGIN);
        lease_taker_saw(&world->taker, world->epoch, world->revision, now);
        if (world->revoked) {
            lease_taker_revoked(&world->taker, world->epoch, world->revision, now);
        }
    }
    if (!world->revoked && prng_chance(&world->prng, 5000)) {
        world->revoked = true;
        world->candidate = (world->holder + 1 + (uint32_t)prng_below(&world->prng, NODES - 1)) % NODES;
        lease_taker_revoked(&world->taker, world->epoch, world->revision, now);
    }
    if (world->revoked && prng_chance(&world->prng, 50000)) {
        world_send(world,
                   (struct letter){
                       .kind = LETTER_ORDER, .from = CONTROLLER, .to = world->candidate, .epoch = world->epoch + 1});
    }
}

static void world_faults(struct world *world)
{
    if (prng_chance(&world->prng, 20000)) {
        const uint32_t a = (uint32_t)prng_below(&world->prng, PARTIES);
        const uint32_t b = (uint32_t)prng_below(&world->prng, PARTIES);
        world->cut[a][b] = prng_chance(&world->prng, 150000);
    }
    if (prng_chance(&world->prng, 1000)) {
        const uint32_t node = (uint32_t)prng_below(&world->prng, NODES);
        const struct lease_promise old = world->promises[node];
        lease_promise_init(&world->promises[node], LEASE, MARGIN, world_clock(world, node));
        lease_promise_restore(&world->promises[node], old.epoch, old.ordered);
        lease_holder_init(&world->holders[node], LEASE);
        world->order[node] = 0;
    }
}

static void world_check(struct world *world)
{
    uint32_t held = 0;
    for (uint32_t node = 0; node < NODES; node++) {
        held += lease_holder_state(&world->holders[node], world_clock(world, node)) == LEASE_HELD ? 1 : 0;
    }
    world->overlaps += held > 1 ? 1 : 0;
}

static void world_run(struct world *world, uint64_t seed, int64_t length_us)
{
    prng_init(&world->prng, seed);
    for (uint32_t party = 0; party < PARTIES; party++) {
        world->origin[party] = prng_between(&world->prng, 0, INT64_C(1) << 45);
        world->drift_ppm[party] = prng_between(&world->prng, -1000, 1000);
    }
    lease_taker_init(&world->taker, LEASE, MARGIN);
    for (uint32_t node = 0; node < NODES; node++) {
        lease_holder_init(&world->holders[node], LEASE);
        lease_promise_init(&world->promises[node], LEASE, MARGIN, world_clock(world, node));
    }
    world->epoch = 1;
    world->revision = 1;
    const struct mono now = world_clock(world, 0);
    assert_true(lease_holder_acquired(&world->holders[0], 1, 1, now, now));
    lease_taker_saw(&world->taker, 1, 1, world_clock(world, CONTROLLER));
    for (; world->now_us < length_us; world->now_us += STEP_US) {
        world_faults(world);
        for (uint32_t i = 0; i < LETTERS; i++) {
            if (world->letters[i].used && world->letters[i].due_us <= world->now_us) {
                const struct letter letter = world->letters[i];
                world->letters[i].used = false;
                world_arrive(world, &letter);
            }
        }
        world_controller(world);
        for (uint32_t node = 0; node < NODES; node++) {
            world_node(world, node);
        }
        world_check(world);
    }
}

static uint64_t worlds_overlaps(bool broken_promises, uint64_t *ret_grants, uint64_t *ret_by_promises)
{
    uint64_t overlaps = 0;
    *ret_grants = 0;
    *ret_by_promises = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world world = {.broken_promises = broken_promises};
        world_run(&world, seed, 120 * TIME_US_PER_S);
        if (world.overlaps > 0 && !broken_promises) {
            fprintf(stderr, "# seed %llu: rights overlap\n", (unsigned long long)seed);
        }
        overlaps += world.overlaps;
        *ret_grants += world.grants;
        *ret_by_promises += world.by_promises;
    }
    return overlaps;
}

/* The controllers' configuration was changed to a shorter lease: they wait no longer than that, so neither does it
 * last. */
static void test_holder_counts_with_the_shorter_lease(void **state)
{
    (void)state;
    struct lease_holder holder;
    lease_holder_init(&holder, 10 * TIME_US_PER_S);
    assert_true(lease_holder_acquired(&holder, 1, 1, (struct mono){1000000}, (struct mono){1000500}));
    assert_int_equal(holder.right_end.us, 11000000);
    lease_holder_attempt(&holder, (struct mono){2000000});
    lease_holder_limit(&holder, 3 * TIME_US_PER_S, (struct mono){2000000});
    assert_true(lease_holder_renewed(&holder, 1, 2, (struct mono){2000000}, (struct mono){2000500}));
    assert_int_equal(holder.right_end.us, 5000000);
    lease_holder_limit(&holder, 20 * TIME_US_PER_S, (struct mono){3000000}); /* a longer one changes nothing */
    lease_holder_limit(&holder, 0, (struct mono){3000000});
    assert_true(lease_holder_renewed(&holder, 1, 3, (struct mono){3000000}, (struct mono){3000500}));
    assert_int_equal(holder.right_end.us, 6000000);
    assert_int_equal(lease_holder_state(&holder, (struct mono){6000000}), LEASE_LOST);
}

static void test_no_two_rights_overlap(void **state)
{
    (void)state;
    uint64_t grants;
    uint64_t by_promises;
    assert_int_equal(worlds_overlaps(false, &grants, &by_promises), 0);
    /* The worlds are worth something: the writer changed often, and promises carried it at times. */
    assert_true(grants > 60);
    assert_true(by_promises > 600);
}

static void test_broken_promises_are_noticed(void **state)
{
    (void)state;
    uint64_t grants;
    uint64_t by_promises;
    assert_true(worlds_overlaps(true, &grants, &by_promises) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holder_right_counts_from_sending),
        cmocka_unit_test(test_holder_tries_again_soon_after_a_failure),
        cmocka_unit_test(test_holder_late_answers),
        cmocka_unit_test(test_holder_promises_and_loss),
        cmocka_unit_test(test_taker_counts_from_first_sight),
        cmocka_unit_test(test_taker_proof_ends_the_wait),
        cmocka_unit_test(test_promise),
        cmocka_unit_test(test_holder_counts_with_the_shorter_lease),
        cmocka_unit_test(test_no_two_rights_overlap),
        cmocka_unit_test(test_broken_promises_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
