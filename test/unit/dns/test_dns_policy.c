/* SPDX-License-Identifier: Apache-2.0
 * Policy: homes, shares within their error, stickiness, scopes, and what happens when endpoints die. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_explain.h"
#include "dns/dns_policy.h"
#include "zone_sample.h"

static struct dns_policy_choice chosen(const struct dns_policy *by, uint32_t index, const struct view_address *client)
{
    struct dns_policy_choice choice;
    dns_policy_choose(by, index, client, &choice);
    return choice;
}

static struct view view;
static struct dns_policy policy;
static struct dns_zone *zone;

static int set_up(void **state)
{
    (void)state;
    sample_view(&view);
    zone = sample_zone();
    return zone != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dns_zone_free(zone);
    return 0;
}

static struct dns_policy_choice choose(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const struct view_address client = {.family = 4, .bytes = {a, b, c, d}};
    dns_policy_prepare(&policy, &view, zone->dynamic, zone->dynamic_count);
    return chosen(&policy, 0, &client);
}

static void test_home_decides(void **state)
{
    (void)state;
    assert_int_equal(choose(10, 1, 2, 3).region, 0);
    assert_int_equal(choose(10, 2, 2, 3).region, 1);
    assert_int_equal(choose(10, 2, 200, 3).region, 0);
    assert_int_equal(choose(10, 1, 2, 3).point, LIMITS_NONE);
    assert_int_equal(choose(11, 1, 2, 3).home, VIEW_HOME_DEFAULT);
    assert_true(choose(11, 1, 2, 3).point < VIEW_SHARES_WHOLE);
}

/* RFC 7871: the scope is what decided, neither more (caches fill up) nor less (neighbours get it wrong). */
static void test_scopes_are_exact(void **state)
{
    (void)state;
    assert_int_equal(choose(10, 1, 2, 3).scope_bits, 16);
    assert_int_equal(choose(10, 2, 2, 3).scope_bits, 17); /* 10.2.128/17 leads elsewhere */
    assert_int_equal(choose(10, 2, 200, 3).scope_bits, 17);
    assert_int_equal(choose(11, 1, 2, 3).scope_bits, 24); /* drawn: the sticky network */
    view.split[VIEW_HOME_DEFAULT][0] = VIEW_SHARES_WHOLE;
    view.split[VIEW_HOME_DEFAULT][1] = 0;
    assert_int_equal(choose(11, 1, 2, 3).scope_bits, 8); /* 10.x differs in bit 8 */
    assert_int_equal(choose(200, 1, 2, 3).scope_bits, 1);
    const struct view_address six = {.family = 6, .bytes = {0x20, 1}};
    assert_int_equal(chosen(&policy, 0, &six).scope_bits, 0);
    /* Every client inside the scope gets the same home. */
    struct prng prng;
    prng_init(&prng, 1);
    for (int i = 0; i < 20000; i++) {
        const uint64_t random = prng_next(&prng);
        struct view_address client = {.family = 4, .bytes = {10, (uint8_t)(random & 3), (uint8_t)(random >> 8)}};
        client.bytes[3] = (uint8_t)(random >> 16);
        const uint32_t bits = chosen(&policy, 0, &client).scope_bits;
        struct view_address other = client;
        for (uint32_t bit = bits; bit < 32; bit++) {
            other.bytes[bit / 8] ^= (uint8_t)((random >> (24 + bit) & 1) << (7 - bit % 8));
        }
        assert_int_equal(view_home(&view, &client), view_home(&view, &other));
    }
}

/* 10,000 client networks: the share within 4.5 sigma; when it grows, whoever was in stays in. */
static void test_shares_are_met_and_sticky(void **state)
{
    (void)state;
    enum { NETWORKS = 10000 };
    static bool canary[NETWORKS];
    static const struct {
        uint32_t share;
        uint32_t low; /* NETWORKS * p +- 4.5 * sqrt(NETWORKS * p * (1 - p)) */
        uint32_t high;
    } steps[] = {{1000, 865, 1135}, {5000, 4775, 5225}, {9000, 8865, 9135}, {10000, 10000, 10000}};
    memset(canary, 0, sizeof canary);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        uint32_t count = 0;
        view.split[VIEW_HOME_DEFAULT][1] = steps[step].share;
        view.split[VIEW_HOME_DEFAULT][0] = VIEW_SHARES_WHOLE - steps[step].share;
        dns_policy_prepare(&policy, &view, zone->dynamic, zone->dynamic_count);
        for (uint32_t i = 0; i < NETWORKS; i++) {
            struct view_address client = {.family = 4, .bytes = {100, (uint8_t)(i >> 8), (uint8_t)i, 1}};
            const uint32_t region = chosen(&policy, 0, &client).region;
            client.bytes[3] = 250; /* the same network, another host */
            assert_int_equal(chosen(&policy, 0, &client).region, region);
            assert_true(!canary[i] || region == 1);
            canary[i] = region == 1;
            count += region == 1;
        }
        assert_in_range(count, steps[step].low, steps[step].high);
    }
}

static void test_networks_of_ipv6(void **state)
{
    (void)state;
    uint32_t counts[2] = {0};
    dns_policy_prepare(&policy, &view, zone->dynamic, zone->dynamic_count);
    for (uint32_t i = 0; i < 10000; i++) {
        struct view_address client = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        const uint32_t region = chosen(&policy, 0, &client).region;
        client.bytes[7] = 77;
        client.bytes[15] = 1;
        const struct dns_policy_choice other = chosen(&policy, 0, &client);
        assert_int_equal(other.region, region);
        assert_int_equal(other.scope_bits, 56);
        counts[region]++;
    }
    assert_in_range(counts[0], 5780, 6220); /* 6000 +- 4.5 * 49 */
}

static void kill_region(uint32_t region)
{
    for (uint32_t i = 0; i < view.endpoints_count; i++) {
        view.endpoints[i].healthy = view.endpoints[i].region == region ? 0 : view.endpoints[i].healthy;
    }
}

static uint32_t endpoints(const struct dns_policy_choice *choice, uint32_t family)
{
    const uint8_t *order;
    return dns_policy_endpoints(&policy, 0, choice, family, &order);
}

static void test_dead_endpoints(void **state)
{
    (void)state;
    view.endpoints[0].healthy = 0;
    struct dns_policy_choice choice = choose(10, 1, 1, 1);
    assert_int_equal(endpoints(&choice, 0), 1);
    assert_int_equal(endpoints(&choice, 1), 1);
    /* Taiwan is dead; its clients have no other region in their row: the last-standing answer. */
    kill_region(0);
    choice = choose(10, 1, 1, 1);
    assert_true(choice.last_standing);
    assert_int_equal(choice.region, 0);
    assert_int_equal(endpoints(&choice, 0), 2);
    /* Clients without a home go to the other region of their row, all of them. */
    for (uint32_t i = 0; i < 256; i++) {
        choice = choose(99, 1, (uint8_t)i, 1);
        assert_int_equal(choice.region, 1);
        assert_false(choice.last_standing);
        assert_int_equal(endpoints(&choice, 0), 2);
        assert_int_equal(endpoints(&choice, 1), 0); /* tokyo has no IPv6: no answer rather than a fenced region's */
    }
    kill_region(1);
    choice = choose(99, 1, 1, 1);
    assert_true(choice.last_standing);
    assert_int_equal(choice.region, choice.drawn);
}

static void test_a_region_that_is_down_gets_nobody(void **state)
{
    (void)state;
    view.regions[0].state = VIEW_REGION_DOWN;
    for (uint32_t i = 0; i < 256; i++) {
        assert_int_equal(choose(99, 1, (uint8_t)i, 1).region, 1);
    }
    /* No split at all: who can answer does. */
    memset(view.split, 0, sizeof view.split);
    assert_int_equal(choose(10, 1, 1, 1).region, 1);
    view.regions[1].state = VIEW_REGION_DOWN;
    assert_true(choose(10, 1, 1, 1).last_standing);
}

static void test_ttl_ceiling(void **state)
{
    (void)state;
    dns_policy_prepare(&policy, &view, zone->dynamic, zone->dynamic_count);
    assert_int_equal(policy.plans[0].ttl_s[1], 5);
    assert_int_equal(policy.plans[1].ttl_s[1], 30);
    view.regions[1].ttl_ceiling_s = 10;
    dns_policy_prepare(&policy, &view, zone->dynamic, zone->dynamic_count);
    assert_int_equal(policy.plans[0].ttl_s[1], 5);
    assert_int_equal(policy.plans[1].ttl_s[0], 30); /* the other region is not in doubt */
    assert_int_equal(policy.plans[1].ttl_s[1], 10);
}

static void explain(const struct view *of, uint32_t index, const struct view_address *client, struct buf *buf)
{
    const struct dns_explain_question question = {
        .view = of, .names = zone->dynamic, .names_count = zone->dynamic_count, .index = index, .client = *client};
    dns_explain(&question, buf);
}

static void test_explaining(void **state)
{
    (void)state;
    char text[4096];
    struct buf buf;
    struct view_address client;
    assert_int_equal(dns_explain_address("10.1.2.3", &client), ERR_OK);
    buf_init(&buf, text, sizeof text);
    explain(&view, 0, &client, &buf);
    assert_string_equal(buf_string(&buf), "name      www.example.test. = endpoint web\n"
                                          "client    10.1.2.3\n"
                                          "view      version 42\n"
                                          "home      taiwan: the longest client network that holds this address\n"
                                          "split     taiwan 100.00%, tokyo 0.00%\n"
                                          "region    taiwan: the only one with a share\n"
                                          "A         192.0.0.1, 192.0.0.2\n"
                                          "AAAA      2000::1\n"
                                          "ttl       5 s\n"
                                          "scope     /16: all clients of that prefix get the same region\n");
    kill_region(0);
    assert_int_equal(dns_explain_address("2001:db8::1", &client), ERR_OK);
    buf_reset(&buf);
    explain(&view, 0, &client, &buf);
    assert_non_null(strstr(text, "region    tokyo: "));
    buf_reset(&buf);
    explain(NULL, 0, &client, &buf);
    assert_non_null(strstr(text, "SERVFAIL: no view"));
    buf_reset(&buf);
    explain(&view, 1, &client, &buf);
    assert_non_null(strstr(text, "SERVFAIL: the view has no endpoint"));
    assert_int_equal(dns_explain_address("10.1.2", &client), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_home_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scopes_are_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shares_are_met_and_sticky, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_networks_of_ipv6, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_endpoints, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_region_that_is_down_gets_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ttl_ceiling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_explaining, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
