/* SPDX-License-Identifier: Apache-2.0
 * Tests of the way from a database's name to a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"
#include "proxy/proxy_route.h"

static const struct proxy_route routes[] = {
    {.name = "shop", .database = "shop"},
    {.name = "read", .database = "shop", .dbname = "shop", .kind = PROXY_ROUTE_READER},
    {.name = "lost", .database = "nowhere"},
};

static const struct proxy_route_place nowhere;
static const struct proxy_route_place tokyo = {.regions = {"tokyo"}, .count = 1};
static const struct proxy_route_place taiwan = {.regions = {"taiwan", "tokyo"}, .count = 2};

static void add_node(struct view *view, const char *name, uint32_t region, uint32_t lag_ms)
{
    struct view_node *node = &view->nodes[view->nodes_count];
    text_copy(node->name, LIMITS_NAME, name);
    node->postgres =
        (struct view_address){.bytes = {127, 1, 0, (uint8_t)(view->nodes_count + 1)}, .port = 5432, .family = 4};
    node->region = region;
    node->role = VIEW_NODE_STANDBY;
    node->healthy = 1;
    node->lag_ms = lag_ms;
    view->nodes_count++;
}

/* taiwan-a writes; taiwan-b, tokyo-a and tokyo-b follow. */
static struct view two_regions(void)
{
    struct view view = {.version = 7, .regions_count = 2, .databases_count = 1};
    text_copy(view.regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(view.regions[1].name, LIMITS_NAME, "tokyo");
    text_copy(view.databases[0].name, LIMITS_NAME, "shop");
    view.databases[0].epoch = 5;
    add_node(&view, "taiwan-a", 0, 0);
    add_node(&view, "taiwan-b", 0, 300);
    add_node(&view, "tokyo-a", 1, 200);
    add_node(&view, "tokyo-b", 1, 100);
    view.nodes[0].role = VIEW_NODE_WRITER;
    return view;
}

static void finds_entries(void **state)
{
    (void)state;
    assert_int_equal(proxy_route_find(routes, 3, span_text("read")), 1);
    assert_int_equal(proxy_route_find(routes, 3, span_text("rea")), LIMITS_NONE);
    assert_int_equal(proxy_route_find(routes, 3, span_text("")), LIMITS_NONE);
    assert_int_equal(proxy_route_find(routes, 0, span_text("shop")), LIMITS_NONE);
}

static void writer_is_the_views(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target target;
    proxy_route_resolve(&routes[0], &view, &tokyo, &target);
    assert_true(target.open && target.writer && !target.hold);
    assert_string_equal(target.node, "taiwan-a");
    assert_int_equal(target.epoch, 5);
    view.databases[0].hold = 1;
    proxy_route_resolve(&routes[0], &view, &tokyo, &target);
    assert_true(target.open && target.hold);
}

static void nothing_known_means_waiting(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target target;
    proxy_route_resolve(&routes[0], NULL, &nowhere, &target);
    assert_false(target.open);
    proxy_route_resolve(&routes[2], &view, &nowhere, &target);
    assert_false(target.open);
    view.databases[0].writer = LIMITS_NONE;
    proxy_route_resolve(&routes[0], &view, &nowhere, &target);
    assert_false(target.open);
    view.databases[0].writer = 0;
    view.nodes[0].postgres.port = 0;
    proxy_route_resolve(&routes[0], &view, &nowhere, &target);
    assert_false(target.open);
}

static void reader_prefers_the_own_region_then_the_freshest(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target target;
    proxy_route_resolve(&routes[1], &view, &taiwan, &target);
    assert_string_equal(target.node, "taiwan-b");
    assert_false(target.writer);
    proxy_route_resolve(&routes[1], &view, &tokyo, &target);
    assert_string_equal(target.node, "tokyo-b");
    view.nodes[1].healthy = 0;
    proxy_route_resolve(&routes[1], &view, &taiwan, &target);
    assert_string_equal(target.node, "tokyo-b");
    view.nodes[2].healthy = 0;
    view.nodes[3].healthy = 0;
    proxy_route_resolve(&routes[1], &view, &taiwan, &target);
    assert_string_equal(target.node, "taiwan-a");
    assert_true(target.writer);
}

static void readers_have_a_second_choice(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target first;
    struct proxy_route_target other;
    proxy_route_resolve(&routes[1], &view, &taiwan, &first);
    proxy_route_resolve_other(&routes[1], &view, &taiwan, &first, &other);
    assert_string_equal(other.node, "tokyo-b");
    assert_false(other.writer);
    view.nodes[2].healthy = 0;
    view.nodes[3].healthy = 0;
    proxy_route_resolve_other(&routes[1], &view, &taiwan, &first, &other);
    assert_string_equal(other.node, "taiwan-a");
    assert_true(other.writer && other.open);
    view.nodes[1].healthy = 0;
    proxy_route_resolve(&routes[1], &view, &taiwan, &first);
    assert_string_equal(first.node, "taiwan-a");
    proxy_route_resolve_other(&routes[1], &view, &taiwan, &first, &other);
    assert_false(other.open);
    proxy_route_resolve(&routes[0], &view, &taiwan, &first);
    proxy_route_resolve_other(&routes[0], &view, &taiwan, &first, &other);
    assert_false(other.open);
}

static void the_nearest_region_is_the_first_backup(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target target;
    view.regions_count = 3;
    text_copy(view.regions[2].name, LIMITS_NAME, "osaka");
    add_node(&view, "osaka-a", 2, 10);
    view.nodes[1].healthy = 0;
    proxy_route_resolve(&routes[1], &view, &taiwan, &target);
    assert_string_equal(target.node, "tokyo-b"); /* osaka's is fresher, and further away */
    proxy_route_resolve(&routes[1], &view, &nowhere, &target);
    assert_string_equal(target.node, "osaka-a"); /* to a witness all are as far */
    const struct proxy_route_place place = {.regions = {"taiwan", "osaka", "tokyo"}, .count = 3};
    proxy_route_resolve(&routes[1], &view, &place, &target);
    assert_string_equal(target.node, "osaka-a");
}

static void readers_keep_to_max_lag(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route bounded = routes[1];
    struct proxy_route_target target;
    struct proxy_route_target opened;
    bounded.max_lag_ms = 250;
    proxy_route_resolve(&routes[1], &view, &taiwan, &opened);
    assert_string_equal(opened.node, "taiwan-b"); /* 300 ms behind */
    proxy_route_resolve(&bounded, &view, &taiwan, &target);
    assert_string_equal(target.node, "tokyo-b");
    assert_true(proxy_route_stale(&bounded, &opened, &target, &view));
    assert_true(proxy_route_keeps(&bounded, &opened, &view));
    assert_false(proxy_route_stale(&routes[1], &opened, &target, &view));
    assert_false(proxy_route_stale(&bounded, &target, &target, &view));
    view.nodes[1].lag_ms = 250;
    proxy_route_resolve(&bounded, &view, &taiwan, &target);
    assert_string_equal(target.node, "taiwan-b");
    view.nodes[1].lag_ms = UINT32_MAX; /* unknown is within no bound */
    view.nodes[2].lag_ms = 251;
    view.nodes[3].lag_ms = 251;
    proxy_route_resolve(&bounded, &view, &taiwan, &target);
    assert_true(target.open && target.writer);
    assert_string_equal(target.node, "taiwan-a");
    assert_false(proxy_route_stale(&bounded, &target, &target, &view));
    view.databases[0].writer = LIMITS_NONE;
    proxy_route_resolve(&bounded, &view, &taiwan, &target);
    assert_false(target.open); /* nothing that is fresh enough: they wait */
}

static void readers_come_back_from_the_writer(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target at_writer;
    struct proxy_route_target now;
    view.nodes[1].healthy = 0;
    view.nodes[2].healthy = 0;
    view.nodes[3].healthy = 0;
    proxy_route_resolve(&routes[1], &view, &taiwan, &at_writer);
    assert_true(at_writer.writer);
    assert_false(proxy_route_stale(&routes[1], &at_writer, &at_writer, &view));
    view.nodes[3].healthy = 1;
    proxy_route_resolve(&routes[1], &view, &taiwan, &now);
    assert_true(proxy_route_stale(&routes[1], &at_writer, &now, &view));
    assert_true(proxy_route_keeps(&routes[1], &at_writer, &view));
    assert_false(proxy_route_stale(&routes[0], &at_writer, &now, &view)); /* no reader's entry */
    now.open = false;
    assert_false(proxy_route_stale(&routes[1], &at_writer, &now, &view));
}

static void assert_choices(const struct proxy_route *route, const struct view *view,
                           const struct proxy_route_place *place, const char *wanted)
{
    struct proxy_route_choices choices;
    char names[256];
    struct buf buf;
    buf_init(&buf, names, sizeof names);
    proxy_route_choose_standbys(route, view, place, &choices);
    for (uint32_t i = 0; i < choices.count; i++) {
        assert_true(choices.list[i].open && !choices.list[i].writer && choices.list[i].epoch == 5);
        buf_printf(&buf, "%s ", choices.list[i].node);
    }
    assert_string_equal(buf_string(&buf), wanted);
}

static void equally_near_standbys_are_equally_good(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route bounded = routes[1];
    bounded.max_lag_ms = 250;
    assert_choices(&routes[1], &view, &taiwan, "taiwan-b ");
    assert_choices(&routes[1], &view, &tokyo, "tokyo-a tokyo-b ");
    assert_choices(&bounded, &view, &taiwan, "tokyo-a tokyo-b ");
    assert_choices(&routes[0], &view, &tokyo, ""); /* no reader's */
    assert_choices(&routes[1], NULL, &tokyo, "");
    assert_choices(&routes[1], &view, &nowhere, "taiwan-b tokyo-a tokyo-b "); /* to a witness all are as far */
    view.nodes[2].lag_ms = 251;
    assert_choices(&bounded, &view, &tokyo, "tokyo-b ");
    view.nodes[2].lag_ms = 10000;
    assert_choices(&routes[1], &view, &tokyo, "tokyo-b ");
    view.nodes[3].lag_ms = UINT32_MAX;
    assert_choices(&routes[1], &view, &tokyo, "tokyo-a "); /* nobody is fresh: the freshest alone */
    view.nodes[2].healthy = 0;
    view.nodes[3].healthy = 0;
    view.nodes[1].healthy = 0;
    assert_choices(&routes[1], &view, &tokyo, "");
}

static void a_writer_session_ends_with_its_epoch_or_server(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target opened;
    proxy_route_resolve(&routes[0], &view, &nowhere, &opened);
    assert_true(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases[0].hold = 1;
    view.version++;
    assert_true(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases[0].epoch = 6;
    assert_false(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases[0].epoch = 5;
    view.databases[0].writer = 2;
    assert_false(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases[0].writer = LIMITS_NONE;
    assert_false(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases[0].writer = 0;
    view.nodes[0].postgres.port = 5433;
    assert_false(proxy_route_keeps(&routes[0], &opened, &view));
    view.nodes[0].postgres.port = 5432;
    assert_true(proxy_route_keeps(&routes[0], &opened, &view));
    view.databases_count = 0;
    assert_false(proxy_route_keeps(&routes[0], &opened, &view));
    assert_false(proxy_route_keeps(&routes[0], &opened, NULL));
}

static void a_reader_session_ends_when_its_node_is_no_standby(void **state)
{
    (void)state;
    struct view view = two_regions();
    struct proxy_route_target opened;
    proxy_route_resolve(&routes[1], &view, &tokyo, &opened);
    view.databases[0].epoch = 6;
    view.databases[0].writer = 2;
    view.nodes[2].role = VIEW_NODE_WRITER;
    assert_true(proxy_route_keeps(&routes[1], &opened, &view));
    view.nodes[3].role = VIEW_NODE_WRITER;
    assert_false(proxy_route_keeps(&routes[1], &opened, &view));
    view.nodes[3].role = VIEW_NODE_UNKNOWN;
    assert_false(proxy_route_keeps(&routes[1], &opened, &view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_entries),
        cmocka_unit_test(writer_is_the_views),
        cmocka_unit_test(nothing_known_means_waiting),
        cmocka_unit_test(reader_prefers_the_own_region_then_the_freshest),
        cmocka_unit_test(readers_have_a_second_choice),
        cmocka_unit_test(the_nearest_region_is_the_first_backup),
        cmocka_unit_test(readers_keep_to_max_lag),
        cmocka_unit_test(readers_come_back_from_the_writer),
        cmocka_unit_test(equally_near_standbys_are_equally_good),
        cmocka_unit_test(a_writer_session_ends_with_its_epoch_or_server),
        cmocka_unit_test(a_reader_session_ends_when_its_node_is_no_standby),
    };
    return cmocka_run_group_tests_name("proxy_route", tests, NULL, NULL);
}
