/* SPDX-License-Identifier: Apache-2.0
 * Tests of a pool's bookkeeping: who gets what, places, limits, age. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "proxy/proxy_pool.h"

enum { SERVERS = 16 };

struct stand {
    struct list all;
    uint32_t used;
    struct proxy_route_pool limits;
    struct proxy_server *servers[SERVERS];
    uint32_t count;
};

static const struct proxy_pool_want plain = {
    .plain = true, .startup = {(const uint8_t *)"ann", 3}, .settings = {NULL, 0}};

static struct mono at(int64_t ms)
{
    return (struct mono){ms * TIME_US_PER_MS};
}

static int setup(void **state)
{
    struct stand *stand = calloc(1, sizeof *stand);
    ASSERT(stand != NULL);
    list_init(&stand->all);
    stand->limits = (struct proxy_route_pool){.mode = PROXY_ROUTE_TRANSACTION, .size = 2};
    *state = stand;
    return 0;
}

static int teardown(void **state)
{
    struct stand *stand = *state;
    for (uint32_t i = 0; i < stand->count; i++) {
        struct proxy_server *server = stand->servers[i];
        if (server->pool != NULL) {
            proxy_pool_leave(server);
        }
        free(server->startup.data);
        free(server->settings.data);
        free(server);
    }
    while (!list_empty(&stand->all)) {
        assert_true(proxy_pool_free(LIST_ENTRY(stand->all.next, struct proxy_pool, link)));
    }
    assert_int_equal(stand->used, 0);
    free(stand);
    return 0;
}

static struct proxy_pool *pool_of(struct stand *stand, const char *user)
{
    struct proxy_pool *pool = proxy_pool_find(&stand->all, 3, span_text(user));
    return pool != NULL ? pool : proxy_pool_new(&stand->all, 3, span_text(user), &stand->limits, &stand->used);
}

/* A server for a place that was taken. */
static struct proxy_server *opened(struct stand *stand, struct proxy_pool *pool, const char *startup,
                                   const char *settings, int64_t ms)
{
    const struct proxy_route_target target = {.open = true};
    struct proxy_server *server = proxy_server_new(&target);
    ASSERT(server != NULL && stand->count < SERVERS);
    stand->servers[stand->count++] = server;
    assert_true(proxy_server_text_set(&server->startup, span_text(startup)));
    assert_true(proxy_server_text_set(&server->settings, span_text(settings)));
    proxy_pool_enter(pool, server, at(ms));
    return server;
}

static enum proxy_pool_offer take(struct proxy_pool *pool, const struct proxy_pool_want *want,
                                  struct proxy_server **ret_server)
{
    *ret_server = NULL;
    return proxy_pool_take(pool, want, 0, ret_server);
}

static void places_are_limited_per_user(void **state)
{
    struct stand *stand = *state;
    struct proxy_pool *ann = pool_of(stand, "ann");
    struct proxy_pool *bob = pool_of(stand, "bob");
    struct proxy_server *server;
    assert_ptr_equal(pool_of(stand, "ann"), ann);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(ann, &plain, &server), PROXY_POOL_PLACE);
        (void)opened(stand, ann, "ann", "", 0);
    }
    assert_int_equal(take(ann, &plain, &server), PROXY_POOL_NOTHING);
    assert_int_equal(take(bob, &plain, &server), PROXY_POOL_PLACE);
    proxy_pool_give_up(bob);
    proxy_pool_leave(stand->servers[0]);
    assert_int_equal(take(ann, &plain, &server), PROXY_POOL_PLACE);
    proxy_pool_give_up(ann);
    assert_int_equal(stand->used, 1);
}

static void the_most_recent_one_that_fits_is_lent(void **state)
{
    struct stand *stand = *state;
    struct proxy_pool *pool = pool_of(stand, "ann");
    struct proxy_server *servers[2];
    struct proxy_server *server;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
        servers[i] = opened(stand, pool, "ann", "", 0);
    }
    proxy_pool_put(servers[0], at(0));
    proxy_pool_put(servers[1], at(1));
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_FITS);
    assert_ptr_equal(server, servers[1]);
    assert_ptr_equal(proxy_pool_take_fitting(pool, &plain), servers[0]);
    assert_null(proxy_pool_take_fitting(pool, &plain));
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_NOTHING);
    /* Who stands in line comes first. */
    struct proxy_pool_waiter waiter = {.since = at(0)};
    list_append(&pool->waiting, &waiter.link);
    proxy_pool_put(servers[0], at(5));
    assert_null(proxy_pool_take_fitting(pool, &plain));
    list_remove(&waiter.link);
    assert_ptr_equal(proxy_pool_take_fitting(pool, &plain), servers[0]);
}

static void settings_of_another_are_reset_first(void **state)
{
    struct stand *stand = *state;
    struct proxy_pool *pool = pool_of(stand, "ann");
    const struct proxy_pool_want zoned = {.plain = true, .startup = plain.startup, .settings = span_text("zone")};
    struct proxy_server *server;
    assert_int_equal(take(pool, &zoned, &server), PROXY_POOL_PLACE);
    struct proxy_server *first = opened(stand, pool, "ann", "zone", 0);
    proxy_pool_put(first, at(0));
    assert_null(proxy_pool_take_fitting(pool, &plain));
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_RESET);
    assert_ptr_equal(server, first);
    proxy_pool_put(first, at(1));
    assert_int_equal(take(pool, &zoned, &server), PROXY_POOL_FITS);
    proxy_pool_put(first, at(2));
    /* One with more than settings never finds it as it needs it. */
    struct proxy_pool_want more = zoned;
    more.plain = false;
    assert_null(proxy_pool_take_fitting(pool, &more));
    assert_int_equal(take(pool, &more, &server), PROXY_POOL_RESET);
}

static void another_packet_takes_a_connection_of_its_own(void **state)
{
    struct stand *stand = *state;
    struct proxy_pool *pool = pool_of(stand, "ann");
    const struct proxy_pool_want other = {.plain = true, .startup = span_text("ann with options")};
    struct proxy_server *server;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
        (void)opened(stand, pool, "ann", "", 0);
    }
    proxy_pool_put(stand->servers[0], at(0));
    proxy_pool_put(stand->servers[1], at(1));
    assert_int_equal(take(pool, &other, &server), PROXY_POOL_EVICT);
    assert_ptr_equal(server, stand->servers[0]); /* idle for longest */
    proxy_pool_leave(server);
    assert_int_equal(take(pool, &other, &server), PROXY_POOL_PLACE);
    proxy_pool_give_up(pool);
    /* A log-in that has yet to pass needs a connection of its own, whatever is idle. */
    const struct proxy_pool_want fresh = {.fresh = true, .plain = true, .startup = plain.startup};
    assert_int_equal(take(pool, &fresh, &server), PROXY_POOL_PLACE);
    (void)opened(stand, pool, "ann", "", 0);
    assert_int_equal(take(pool, &fresh, &server), PROXY_POOL_EVICT);
    assert_ptr_equal(server, stand->servers[1]);
}

static void an_idle_one_of_another_user_makes_room(void **state)
{
    struct stand *stand = *state;
    stand->limits.connections = 2;
    struct proxy_pool *ann = pool_of(stand, "ann");
    struct proxy_pool *bob = pool_of(stand, "bob");
    struct proxy_server *server;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(ann, &plain, &server), PROXY_POOL_PLACE);
        (void)opened(stand, ann, "ann", "", 0);
    }
    assert_int_equal(take(bob, &plain, &server), PROXY_POOL_NOTHING);
    proxy_pool_put(stand->servers[1], at(1));
    assert_int_equal(take(bob, &plain, &server), PROXY_POOL_EVICT);
    assert_ptr_equal(server, stand->servers[1]);
}

static void the_reserve_is_for_who_has_waited(void **state)
{
    struct stand *stand = *state;
    stand->limits.size = 1;
    stand->limits.reserve = 1;
    stand->limits.reserve_after_ms = 500;
    struct proxy_pool *pool = pool_of(stand, "ann");
    struct proxy_server *server;
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
    (void)opened(stand, pool, "ann", "", 0);
    struct proxy_pool_waiter waiter = {.since = at(100)};
    list_append(&pool->waiting, &waiter.link);
    assert_int_equal(proxy_pool_take(pool, &plain, 499, &server), PROXY_POOL_NOTHING);
    assert_int_equal(proxy_pool_reserve_at(pool, at(300)).us, at(600).us);
    assert_int_equal(proxy_pool_take(pool, &plain, 500, &server), PROXY_POOL_PLACE);
    assert_int_equal(proxy_pool_reserve_at(pool, at(600)).us, TIME_NEVER.us);
    proxy_pool_give_up(pool);
    list_remove(&waiter.link);
}

static void the_old_and_the_idle_go_down_to_the_minimum(void **state)
{
    struct stand *stand = *state;
    stand->limits.size = 3;
    stand->limits.minimum = 1;
    stand->limits.idle_timeout_ms = 100;
    stand->limits.lifetime_ms = 1000;
    struct proxy_pool *pool = pool_of(stand, "ann");
    struct proxy_server *server;
    struct mono next = at(0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
        (void)opened(stand, pool, "ann", "", 0);
    }
    proxy_pool_put(stand->servers[0], at(10));
    proxy_pool_put(stand->servers[1], at(20));
    assert_null(proxy_pool_expired(pool, at(109), &next));
    assert_int_equal(next.us, at(110).us);
    assert_ptr_equal(proxy_pool_expired(pool, at(120), &next), stand->servers[0]);
    proxy_pool_leave(stand->servers[0]);
    assert_ptr_equal(proxy_pool_expired(pool, at(120), &next), stand->servers[1]);
    proxy_pool_leave(stand->servers[1]);
    proxy_pool_put(stand->servers[2], at(20));
    assert_null(proxy_pool_expired(pool, at(900), &next)); /* the last one stays ... */
    assert_int_equal(next.us, at(1000).us);
    assert_false(proxy_pool_worn(stand->servers[2], at(999)));
    assert_true(proxy_pool_worn(stand->servers[2], at(1000))); /* ... until it is old */
    assert_ptr_equal(proxy_pool_expired(pool, at(1000), &next), stand->servers[2]);
}

static void workers_share_and_each_has_one(void **state)
{
    struct stand *stand = *state;
    stand->limits = (struct proxy_route_pool){
        .mode = PROXY_ROUTE_TRANSACTION, .size = 5, .reserve = 1, .minimum = 3, .connections = 1};
    struct proxy_pool *pool = pool_of(stand, "ann");
    const uint32_t sizes[] = {3, 2};
    const uint32_t minimums[] = {2, 1};
    for (uint32_t i = 0; i < 2; i++) {
        proxy_pool_share(pool, i, 2);
        assert_int_equal(pool->size, sizes[i]);
        assert_int_equal(pool->reserve, 1 - i);
        assert_int_equal(pool->minimum, minimums[i]);
        assert_int_equal(pool->connections, 1);
    }
    proxy_pool_share(pool, 7, 8);
    assert_int_equal(pool->size, 1);
}

static void half_a_message_is_lent_to_nobody(void **state)
{
    struct stand *stand = *state;
    struct proxy_pool *pool = pool_of(stand, "ann");
    struct proxy_server *server;
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
    struct proxy_server *half = opened(stand, pool, "ann", "", 0);
    proxy_pool_put(half, at(0));
    struct span bytes = span_of("N\0\0", 3);
    struct pg_frame_message message;
    assert_false(pg_frame_step(&half->end.received, &bytes, &message));
    assert_null(proxy_pool_take_fitting(pool, &plain));
    assert_int_equal(take(pool, &plain, &server), PROXY_POOL_PLACE);
    proxy_pool_give_up(pool);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places_are_limited_per_user),
        TEST(the_most_recent_one_that_fits_is_lent),
        TEST(settings_of_another_are_reset_first),
        TEST(another_packet_takes_a_connection_of_its_own),
        TEST(an_idle_one_of_another_user_makes_room),
        TEST(the_reserve_is_for_who_has_waited),
        TEST(the_old_and_the_idle_go_down_to_the_minimum),
        TEST(workers_share_and_each_has_one),
        TEST(half_a_message_is_lent_to_nobody),
    };
    return cmocka_run_group_tests_name("proxy_pool", tests, NULL, NULL);
}
