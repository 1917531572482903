/* SPDX-License-Identifier: Apache-2.0
 * Tests of entries that are replaced: indexes stay, what is not the same any more is closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "proxy/proxy_entries.h"

static struct proxy_route entry(const char *name, enum proxy_route_pooling mode, uint32_t size)
{
    struct proxy_route route = {.database = "shop", .pool = {.mode = mode, .size = size}, .spares = 2};
    text_copy(route.name, sizeof route.name, name);
    return route;
}

/* While something stands on each of them. */
static enum err replace(struct proxy_entries *entries, const struct proxy_route *wanted, uint32_t count)
{
    uint64_t reused = 1;
    const enum err err = proxy_entries_replace(entries, wanted, count, 0, &reused);
    assert_int_equal(reused, err == ERR_OK ? 0 : 1);
    return err;
}

static struct proxy_entries two(void)
{
    struct proxy_entries entries = {.count = 0};
    const struct proxy_route wanted[] = {entry("shop", PROXY_ROUTE_TRANSACTION, 10),
                                         entry("read", PROXY_ROUTE_UNPOOLED, 0)};
    assert_int_equal(replace(&entries, wanted, 2), ERR_OK);
    return entries;
}

static void numbers_change_where_the_entry_stands(void **state)
{
    (void)state;
    struct proxy_entries entries = two();
    const struct proxy_route wanted[] = {entry("new", PROXY_ROUTE_SESSION, 3), entry("read", PROXY_ROUTE_UNPOOLED, 0),
                                         entry("shop", PROXY_ROUTE_TRANSACTION, 20)};
    assert_int_equal(replace(&entries, wanted, 3), ERR_OK);
    assert_int_equal(entries.count, 3);
    assert_int_equal(entries.routes[0].pool.size, 20);
    assert_string_equal(entries.routes[1].name, "read");
    assert_string_equal(entries.routes[2].name, "new");
    assert_false(entries.routes[0].closed || entries.routes[1].closed || entries.routes[2].closed);
}

static void an_entry_that_is_gone_is_closed_and_may_come_back(void **state)
{
    (void)state;
    struct proxy_entries entries = two();
    const struct proxy_route shop = entry("shop", PROXY_ROUTE_TRANSACTION, 10);
    assert_int_equal(replace(&entries, &shop, 1), ERR_OK);
    assert_int_equal(entries.count, 2);
    assert_true(entries.routes[1].closed);
    assert_int_equal(entries.routes[1].spares, 0);
    assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("read")), LIMITS_NONE);
    const struct proxy_route both[] = {shop, entry("read", PROXY_ROUTE_UNPOOLED, 0)};
    assert_int_equal(replace(&entries, both, 2), ERR_OK);
    assert_int_equal(entries.count, 2);
    assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("read")), 1);
}

/* Sessions that stand on it must not find themselves in another database, or with a connection of their own no more. */
static void an_entry_that_is_not_the_same_gets_another_place(void **state)
{
    (void)state;
    struct proxy_route changed[5];
    for (size_t i = 0; i < 5; i++) {
        changed[i] = entry("shop", PROXY_ROUTE_TRANSACTION, 10);
    }
    changed[0].pool.mode = PROXY_ROUTE_SESSION;
    changed[1].kind = PROXY_ROUTE_READER;
    text_copy(changed[2].database, sizeof changed[2].database, "other");
    text_copy(changed[3].dbname, sizeof changed[3].dbname, "shop2");
    changed[4].pool.statements = 100;
    for (size_t i = 0; i < 5; i++) {
        struct proxy_entries entries = two();
        assert_int_equal(replace(&entries, &changed[i], 1), ERR_OK);
        assert_int_equal(entries.count, 3);
        assert_true(entries.routes[0].closed && entries.routes[1].closed && !entries.routes[2].closed);
        assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("shop")), 2);
    }
}

/* db0 to db63. */
static void full(struct proxy_route wanted[PROXY_ROUTES])
{
    for (uint32_t i = 0; i < PROXY_ROUTES; i++) {
        char name[16];
        snprintf(name, sizeof name, "db%u", i);
        wanted[i] = entry(name, PROXY_ROUTE_UNPOOLED, 0);
    }
}

static void without_a_place_nothing_changes(void **state)
{
    (void)state;
    struct proxy_entries entries = {.count = 0};
    struct proxy_route wanted[PROXY_ROUTES];
    full(wanted);
    assert_int_equal(replace(&entries, wanted, PROXY_ROUTES), ERR_OK);
    const struct proxy_route other = entry("other", PROXY_ROUTE_UNPOOLED, 0);
    assert_int_equal(replace(&entries, &other, 1), ERR_LIMIT);
    assert_int_equal(entries.count, PROXY_ROUTES);
    assert_false(entries.routes[0].closed);
    assert_int_equal(replace(&entries, wanted, 1), ERR_OK);
    assert_true(entries.routes[1].closed && !entries.routes[0].closed);
}

/* All places are taken; those from `open` on are closed. */
static struct proxy_entries closed_from(uint32_t open, struct proxy_route all[PROXY_ROUTES])
{
    struct proxy_entries entries = {.count = 0};
    full(all);
    assert_int_equal(replace(&entries, all, PROXY_ROUTES), ERR_OK);
    assert_int_equal(replace(&entries, all, open), ERR_OK);
    return entries;
}

static void places_on_which_nothing_stands_are_given_to_others(void **state)
{
    (void)state;
    struct proxy_route all[PROXY_ROUTES];
    uint64_t reused = 0;
    struct proxy_entries entries = closed_from(61, all);
    assert_int_equal(proxy_entries_closed(&entries), UINT64_C(7) << 61);
    /* Something stands on the last one; what is open is nobody else's, whatever is said of it. */
    const uint64_t left = ~(UINT64_C(1) << 63);
    struct proxy_route wanted[4] = {all[0], entry("x", PROXY_ROUTE_SESSION, 1), entry("y", PROXY_ROUTE_SESSION, 1),
                                    entry("z", PROXY_ROUTE_SESSION, 1)};
    assert_int_equal(proxy_entries_replace(&entries, wanted, 4, left, &reused), ERR_LIMIT);
    assert_int_equal(proxy_entries_closed(&entries), UINT64_C(7) << 61);
    assert_int_equal(proxy_entries_replace(&entries, wanted, 3, left, &reused), ERR_OK);
    assert_int_equal(reused, UINT64_C(3) << 61);
    assert_string_equal(entries.routes[61].name, "x");
    assert_string_equal(entries.routes[62].name, "y");
    assert_string_equal(entries.routes[63].name, "db63");
    assert_int_equal(proxy_entries_closed(&entries), ~(UINT64_C(3) << 61) & ~UINT64_C(1));
    assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("y")), 62);
}

static void who_comes_back_has_its_place_again(void **state)
{
    (void)state;
    struct proxy_route all[PROXY_ROUTES];
    uint64_t reused = 0;
    struct proxy_entries entries = closed_from(62, all);
    const struct proxy_route wanted[] = {entry("x", PROXY_ROUTE_SESSION, 1), all[62]};
    assert_int_equal(proxy_entries_replace(&entries, wanted, 2, UINT64_MAX, &reused), ERR_OK);
    assert_int_equal(reused, UINT64_C(1) << 63);
    assert_string_equal(entries.routes[62].name, "db62");
    assert_string_equal(entries.routes[63].name, "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_change_where_the_entry_stands),
        cmocka_unit_test(an_entry_that_is_gone_is_closed_and_may_come_back),
        cmocka_unit_test(an_entry_that_is_not_the_same_gets_another_place),
        cmocka_unit_test(without_a_place_nothing_changes),
        cmocka_unit_test(places_on_which_nothing_stands_are_given_to_others),
        cmocka_unit_test(who_comes_back_has_its_place_again),
    };
    return cmocka_run_group_tests_name("proxy entries", tests, NULL, NULL);
}
