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

static struct proxy_entries two(void)
{
    struct proxy_entries entries = {.count = 0};
    const struct proxy_route wanted[] = {entry("shop", PROXY_ROUTE_TRANSACTION, 10),
                                         entry("read", PROXY_ROUTE_UNPOOLED, 0)};
    assert_int_equal(proxy_entries_replace(&entries, wanted, 2), ERR_OK);
    return entries;
}

static void numbers_change_where_the_entry_stands(void **state)
{
    (void)state;
    struct proxy_entries entries = two();
    const struct proxy_route wanted[] = {entry("new", PROXY_ROUTE_SESSION, 3), entry("read", PROXY_ROUTE_UNPOOLED, 0),
                                         entry("shop", PROXY_ROUTE_TRANSACTION, 20)};
    assert_int_equal(proxy_entries_replace(&entries, wanted, 3), ERR_OK);
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
    assert_int_equal(proxy_entries_replace(&entries, &shop, 1), ERR_OK);
    assert_int_equal(entries.count, 2);
    assert_true(entries.routes[1].closed);
    assert_int_equal(entries.routes[1].spares, 0);
    assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("read")), LIMITS_NONE);
    const struct proxy_route both[] = {shop, entry("read", PROXY_ROUTE_UNPOOLED, 0)};
    assert_int_equal(proxy_entries_replace(&entries, both, 2), ERR_OK);
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
        assert_int_equal(proxy_entries_replace(&entries, &changed[i], 1), ERR_OK);
        assert_int_equal(entries.count, 3);
        assert_true(entries.routes[0].closed && entries.routes[1].closed && !entries.routes[2].closed);
        assert_int_equal(proxy_route_find(entries.routes, entries.count, span_text("shop")), 2);
    }
}

static void without_a_place_nothing_changes(void **state)
{
    (void)state;
    struct proxy_entries entries = {.count = 0};
    struct proxy_route wanted[PROXY_ROUTES];
    for (uint32_t i = 0; i < PROXY_ROUTES; i++) {
        char name[16];
        snprintf(name, sizeof name, "db%u", i);
        wanted[i] = entry(name, PROXY_ROUTE_UNPOOLED, 0);
    }
    assert_int_equal(proxy_entries_replace(&entries, wanted, PROXY_ROUTES), ERR_OK);
    const struct proxy_route other = entry("other", PROXY_ROUTE_UNPOOLED, 0);
    assert_int_equal(proxy_entries_replace(&entries, &other, 1), ERR_LIMIT);
    assert_int_equal(entries.count, PROXY_ROUTES);
    assert_false(entries.routes[0].closed);
    assert_int_equal(proxy_entries_replace(&entries, wanted, 1), ERR_OK);
    assert_true(entries.routes[1].closed && !entries.routes[0].closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_change_where_the_entry_stands),
        cmocka_unit_test(an_entry_that_is_gone_is_closed_and_may_come_back),
        cmocka_unit_test(an_entry_that_is_not_the_same_gets_another_place),
        cmocka_unit_test(without_a_place_nothing_changes),
    };
    return cmocka_run_group_tests_name("proxy entries", tests, NULL, NULL);
}
