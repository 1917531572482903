/* SPDX-License-Identifier: Apache-2.0
 * Tests of the way from a client to a server, and of what a new view means for a connection. */
#include "service_bench.h"

static const uint32_t idle[LIMITS_TARGETS];

static uint32_t next_of(const struct view *view, struct view_address address, uint64_t tried)
{
    const struct service_route_client client = service_route_client(view, "taiwan", &address);
    return service_route_next(view, 0, &client, tried, idle);
}

static enum service_route_fate fate_of(const struct view *view, struct view_address address, uint32_t target)
{
    const struct service_route_client client = service_route_client(view, "taiwan", &address);
    const struct view before = two_regions();
    return service_route_fate(view, 0, &client, &before.targets[target].address, 0);
}

static const struct view_address here = {.bytes = {10, 1, 0, 1}, .port = 40000, .family = 4};
static const struct view_address there = {.bytes = {10, 2, 0, 1}, .port = 40000, .family = 4};

static void a_client_has_the_home_of_its_network_else_the_relays(void **state)
{
    (void)state;
    const struct view view = two_regions();
    assert_int_equal(service_route_client(&view, "taiwan", &here).home, TAIWAN);
    assert_int_equal(service_route_client(&view, "taiwan", &there).home, TOKYO);
    assert_int_equal(service_route_client(&view, "", &here).home, VIEW_HOME_DEFAULT);
    assert_int_equal(service_route_client(&view, "nowhere", &here).home, VIEW_HOME_DEFAULT);
    const struct view_address neighbour = address_of(10, 1, 0, 200);
    assert_int_equal(service_route_client(&view, "", &here).point, service_route_client(&view, "", &neighbour).point);
}

static void home_first_then_the_next_region(void **state)
{
    (void)state;
    struct view view = two_regions();
    assert_int_equal(next_of(&view, here, 0), 0);
    assert_int_equal(next_of(&view, here, 1), 1);
    assert_int_equal(next_of(&view, here, 3), 2);
    assert_int_equal(next_of(&view, here, 7), LIMITS_NONE);
    assert_int_equal(next_of(&view, there, 0), 2);
    view.targets[0].healthy = view.targets[1].healthy = 0;
    assert_int_equal(next_of(&view, here, 0), 2);
    assert_int_equal(next_of(&view, here, 4), LIMITS_NONE); /* not one that failed while another works */
    view.targets[0].healthy = view.targets[1].healthy = 1;
    view.regions[TAIWAN].state = VIEW_REGION_DOWN;
    assert_int_equal(next_of(&view, here, 0), 2);
}

static void the_least_loaded_of_a_region(void **state)
{
    (void)state;
    const struct view view = two_regions();
    const uint32_t loads[LIMITS_TARGETS] = {5, 2, 0};
    const struct service_route_client client = service_route_client(&view, "taiwan", &here);
    assert_int_equal(service_route_next(&view, 0, &client, 0, loads), 1);
}

static void what_works_nowhere_is_tried_all_the_same(void **state)
{
    (void)state;
    struct view view = two_regions();
    view.targets[0].healthy = view.targets[1].healthy = view.targets[2].healthy = 0;
    assert_int_equal(next_of(&view, here, 0), 0);
    assert_int_equal(next_of(&view, here, 3), 2);
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_STAY);
    view.regions[TAIWAN].state = VIEW_REGION_DOWN;
    assert_int_equal(next_of(&view, here, 0), 2);
}

static void the_split_moves_new_ones_and_drains_old_ones(void **state)
{
    (void)state;
    struct view view = two_regions();
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_STAY);
    view.split[TAIWAN][TAIWAN] = VIEW_SHARES_WHOLE - 1;
    view.split[TAIWAN][TOKYO] = 1;
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_STAY);
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_STAY);
    view.split[TAIWAN][TAIWAN] = 0;
    view.split[TAIWAN][TOKYO] = VIEW_SHARES_WHOLE;
    assert_int_equal(next_of(&view, here, 0), 2);
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_DRAIN);
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_STAY);
}

static void a_failed_region_keeps_nobody_and_its_guests_go_home_again(void **state)
{
    (void)state;
    struct view view = two_regions();
    view.targets[0].healthy = view.targets[1].healthy = 0;
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_FAILED);
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_STAY); /* a guest in tokyo, as long as it must be */
    view.targets[0].healthy = 1;
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_DRAIN);
}

static void a_server_that_is_gone_from_the_view_drains(void **state)
{
    (void)state;
    struct view view = two_regions();
    view.targets[0].address.port = 1;
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_DRAIN);
}

static void only_the_primary_of_its_epoch(void **state)
{
    (void)state;
    struct view view = two_regions();
    view.services[0].single = 1;
    assert_int_equal(next_of(&view, here, 0), LIMITS_NONE);
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_FENCED);
    view.services[0].primary = 2;
    assert_int_equal(next_of(&view, here, 0), 2);
    assert_int_equal(next_of(&view, here, 4), LIMITS_NONE);
    assert_int_equal(fate_of(&view, here, 0), SERVICE_ROUTE_FENCED);
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_STAY);
    view.services[0].epoch = 1;
    assert_int_equal(fate_of(&view, here, 2), SERVICE_ROUTE_FENCED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_the_home_of_its_network_else_the_relays),
        cmocka_unit_test(home_first_then_the_next_region),
        cmocka_unit_test(the_least_loaded_of_a_region),
        cmocka_unit_test(what_works_nowhere_is_tried_all_the_same),
        cmocka_unit_test(the_split_moves_new_ones_and_drains_old_ones),
        cmocka_unit_test(a_failed_region_keeps_nobody_and_its_guests_go_home_again),
        cmocka_unit_test(a_server_that_is_gone_from_the_view_drains),
        cmocka_unit_test(only_the_primary_of_its_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
