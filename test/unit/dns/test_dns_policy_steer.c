/* SPDX-License-Identifier: Apache-2.0
 * Policy times split: where a policy's clients are while the view moves them, what is never answered, explanations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/dns_explain.h"
#include "dns/dns_policy.h"
#include "steer_sample.h"
#include "wire/dns_name.h"

enum { TAIWAN, TOKYO, OSAKA, REGIONS };

static struct dns_policy_choice chosen(const struct dns_policy *by, uint32_t index, const struct view_address *client)
{
    struct dns_policy_choice choice;
    dns_policy_choose(by, index, client, &choice);
    return choice;
}

static struct view view;
static struct dns_policy policy;
static struct dns_policy plain; /* the same without policies */
static struct dns_zone_dynamic name;
static struct config *config;
static struct dns_steer *steer;

static void endpoint(uint32_t region, uint8_t last, uint16_t family)
{
    struct view_endpoint *at = &view.endpoints[view.endpoints_count++];
    snprintf(at->name, sizeof at->name, "web");
    at->region = region;
    at->healthy = 1;
    at->address.family = family;
    at->address.bytes[0] = family == 4 ? 192 : 0x20;
    at->address.bytes[1] = (uint8_t)region;
    at->address.bytes[family == 4 ? 3 : 15] = last;
}

/* Each home has its own region; without a home, a third each. */
static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"taiwan", "tokyo", "osaka"};
    memset(&view, 0, sizeof view);
    view.version = 42;
    view.regions_count = REGIONS;
    for (uint32_t i = 0; i < REGIONS; i++) {
        snprintf(view.regions[i].name, LIMITS_NAME, "%s", names[i]);
        view.regions[i].healthy = 1;
        view.split[i][i] = VIEW_SHARES_WHOLE;
        endpoint(i, 1, 4);
        endpoint(i, 2, 4);
    }
    endpoint(TAIWAN, 1, 6);
    view.split[VIEW_HOME_DEFAULT][TAIWAN] = 3334;
    view.split[VIEW_HOME_DEFAULT][TOKYO] = 3333;
    view.split[VIEW_HOME_DEFAULT][OSAKA] = 3333;
    memset(&name, 0, sizeof name);
    assert_int_equal(dns_name_parse(span_text("www.example.test."), NULL, &name.name), ERR_OK);
    snprintf(name.endpoint, sizeof name.endpoint, "web");
    name.ttl_s = 5;
    name.steer = 1;
    dns_zone_dynamic_seal(&name);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dns_steer_free(steer);
    config_free(config);
    steer = NULL;
    config = NULL;
    return 0;
}

#define NAMES "  names: { www: { endpoint: web, policy: top } }\n"

static void load(const char *dns)
{
    char problem[DNS_STEER_PROBLEM];
    config = steer_sample_config(dns);
    assert_non_null(config);
    assert_int_equal(dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &steer), ERR_OK);
}

static void prepare(void)
{
    dns_policy_prepare(&policy, &view, &name, 1);
    dns_policy_steer(&policy, steer);
    dns_policy_prepare(&plain, &view, &name, 1);
}

static struct dns_policy_choice choose(uint32_t number)
{
    const struct view_address client = {.family = 4, .bytes = {10, (uint8_t)(number >> 8), (uint8_t)number, 7}};
    return chosen(&policy, 0, &client);
}

static void row(uint32_t home, uint32_t taiwan, uint32_t tokyo, uint32_t osaka)
{
    view.split[home][TAIWAN] = taiwan;
    view.split[home][TOKYO] = tokyo;
    view.split[home][OSAKA] = osaka;
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

/* The operator's failover of taiwan to osaka: the policy's clients go where the controller has made room. */
static void test_the_split_moves_a_policys_clients(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [taiwan, tokyo] } }\n");
    prepare();
    assert_int_equal(choose(1).region, TAIWAN);
    row(TAIWAN, 0, 0, VIEW_SHARES_WHOLE);
    prepare();
    for (uint32_t i = 0; i < 500; i++) {
        assert_int_equal(choose(i).region, OSAKA);
    }
}

/* Drained or fenced: whatever the policy, nobody is sent there. */
static void test_a_region_without_a_share_is_never_answered(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { weighted: { taiwan: 5, tokyo: 3, osaka: 2 } } }\n");
    for (uint32_t home = 0; home <= VIEW_HOME_DEFAULT; home++) {
        row(home, 0, home == OSAKA ? 0 : VIEW_SHARES_WHOLE, home == OSAKA ? VIEW_SHARES_WHOLE : 0);
    }
    for (uint32_t dead = 0; dead < 4; dead++) {
        if (dead < REGIONS) {
            kill_region(dead == 0 ? TOKYO : dead == 1 ? OSAKA : TAIWAN);
        }
        prepare();
        for (uint32_t i = 0; i < 500; i++) {
            assert_int_not_equal(choose(i).region, TAIWAN);
        }
    }
}

/* A region that is not its clients' any more moves them one way, the same clients as without a policy. */
static void test_a_shift_is_monotone(void **state)
{
    (void)state;
    static bool moved[4000];
    load(NAMES "  policies: { top: { weighted: { taiwan: 60, tokyo: 40 } } }\n");
    memset(moved, 0, sizeof moved);
    uint32_t all = 0;
    for (uint32_t share = 0; share <= VIEW_SHARES_WHOLE; share += 1000) {
        row(TAIWAN, VIEW_SHARES_WHOLE - share, 0, share);
        row(VIEW_HOME_DEFAULT, VIEW_SHARES_WHOLE - share, 0, share);
        prepare();
        all = 0;
        for (uint32_t i = 0; i < 4000; i++) {
            const struct view_address client = {.family = 4, .bytes = {10, (uint8_t)(i >> 8), (uint8_t)i, 7}};
            const struct dns_policy_choice choice = choose(i);
            if (choice.home == TOKYO) {
                assert_int_equal(choice.region, TOKYO);
                continue;
            }
            const bool now = choice.region == OSAKA;
            assert_true(now || !moved[i]);
            if (share > 0 && share < VIEW_SHARES_WHOLE) {
                assert_int_equal(choice.scope_bits, 24);
                assert_int_equal(chosen(&plain, 0, &client).region, choice.region);
            }
            moved[i] = now;
            all += now;
        }
    }
    assert_in_range(all, 2260, 2540); /* 2400 +- 4.5 * 31 */
}

/* Dead, and nothing decided yet: the policy's next best. Decided: where the controller says. */
static void test_before_and_after_the_controller(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [taiwan, tokyo] } }\n");
    kill_region(TAIWAN);
    prepare();
    assert_int_equal(choose(1).region, TOKYO);
    assert_int_equal(choose(1).home, TOKYO);
    assert_false(choose(1).last_standing);
    row(TAIWAN, 0, 0, VIEW_SHARES_WHOLE);
    prepare();
    assert_int_equal(choose(1).region, OSAKA);
    assert_int_equal(choose(1).home, TAIWAN);
}

static void test_all_dead_is_the_last_standing_answer(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [taiwan, tokyo] } }\n");
    kill_region(TAIWAN);
    kill_region(TOKYO);
    prepare();
    const struct dns_policy_choice choice = choose(1);
    assert_true(choice.last_standing);
    assert_int_equal(choice.region, TAIWAN);
    assert_int_equal(endpoints(&choice, 0), 2);
    assert_int_equal(endpoints(&choice, 1), 1);
}

/* A view of another configuration, or none of a split: still an answer. */
static void test_regions_that_the_view_does_not_know(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [taiwan, tokyo] } }\n");
    snprintf(view.regions[TAIWAN].name, LIMITS_NAME, "kyoto");
    prepare();
    assert_int_equal(choose(1).region, TOKYO);
    snprintf(view.regions[TOKYO].name, LIMITS_NAME, "nara");
    prepare();
    assert_true(endpoints(&(struct dns_policy_choice){.region = choose(1).region}, 0) > 0);
    snprintf(view.regions[TOKYO].name, LIMITS_NAME, "tokyo");
    memset(view.split, 0, sizeof view.split);
    prepare();
    assert_int_equal(choose(1).region, TOKYO);
    kill_region(TOKYO);
    prepare();
    assert_int_equal(choose(1).home, VIEW_HOME_DEFAULT); /* the policy's first is nowhere: anybody who can answer */
    assert_false(choose(1).last_standing);
    snprintf(view.regions[TAIWAN].name, LIMITS_NAME, "taiwan");
    kill_region(TAIWAN);
    prepare();
    assert_int_equal(choose(1).region, TAIWAN); /* the last-standing answer is the policy's */
    assert_true(choose(1).last_standing);
}

/* Route 53: up to eight healthy addresses; ours leave drained regions out. */
static void test_multivalue(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { multivalue: [taiwan, tokyo, osaka] } }\n");
    prepare();
    struct dns_policy_choice choice = choose(1);
    assert_int_equal(endpoints(&choice, 0), 6);
    assert_int_equal(endpoints(&choice, 1), 1);
    assert_int_equal(choice.scope_bits, 0);
    view.endpoints[0].healthy = 0;
    row(OSAKA, 0, VIEW_SHARES_WHOLE, 0);
    prepare();
    choice = choose(1);
    assert_int_equal(endpoints(&choice, 0), 3);
    for (uint32_t i = 0; i < 6; i++) {
        endpoint(TOKYO, (uint8_t)(10 + i), 4);
    }
    prepare();
    choice = choose(1);
    assert_int_equal(endpoints(&choice, 0), 8);
    assert_int_equal(choice.scope_bits, 24); /* of nine, each client network has its own eight */
    for (uint32_t region = 0; region < REGIONS; region++) {
        kill_region(region);
    }
    prepare();
    choice = choose(1);
    assert_int_equal(endpoints(&choice, 0), 8);
    assert_true(choice.last_standing);
}

/* ---- explaining ---- */

static const char *explained(const struct view_address *client)
{
    static char text[8192];
    char problem[DNS_STEER_PROBLEM];
    struct buf buf;
    struct dns_explain_question question = {
        .view = &view, .names = &name, .names_count = 1, .client = *client, .steer = steer};
    struct dns_steer *labelled = NULL;
    assert_int_equal(dns_steer_load(&(struct dns_steer_source){.config = config, .only = client}, problem, &labelled),
                     ERR_OK);
    question.labelled = labelled;
    buf_init(&buf, text, sizeof text);
    dns_explain(&question, &buf);
    dns_steer_free(labelled);
    return buf_string(&buf);
}

static void test_explaining(void **state)
{
    (void)state;
    const struct view_address client = {.family = 4, .bytes = {10, 1, 2, 3}};
    load(NAMES
         "  policies:\n    top:\n      geolocation:\n        networks: { office: { networks: [ 10.1.0.0/16 ], to: "
         "pair } }\n        default: osaka\n    pair: { failover: [ taiwan, tokyo ] }\n");
    kill_region(TAIWAN);
    assert_string_equal(explained(&client), "name      www.example.test. = endpoint web\n"
                                            "client    10.1.2.3\n"
                                            "view      version 42\n"
                                            "policy    top, geolocation\n"
                                            "            pair             in the networks office: taken\n"
                                            "            osaka            default: not needed\n"
                                            "            pair, failover\n"
                                            "              taiwan           skipped: nothing in it can answer\n"
                                            "              tokyo            taken\n"
                                            "change    taiwan would be answered if region taiwan became healthy\n"
                                            "          osaka would be answered if region tokyo became unhealthy\n"
                                            "home      tokyo: the policy's choice\n"
                                            "split     taiwan 0.00%, tokyo 100.00%, osaka 0.00%\n"
                                            "region    tokyo: the only one with a share\n"
                                            "A         192.1.0.1, 192.1.0.2\n"
                                            "AAAA      none\n"
                                            "ttl       5 s\n"
                                            "scope     /16: all clients of that prefix get the same treatment\n");
}

static void test_explaining_draws(void **state)
{
    (void)state;
    const struct view_address client = {.family = 4, .bytes = {10, 1, 2, 3}};
    load(NAMES "  policies: { top: { multivalue: [ taiwan, drawn ] }, drawn: { weighted: { tokyo: 1, osaka: 0 }, "
               "fallback: taiwan } }\n");
    const char *text = explained(&client);
    assert_non_null(strstr(text, "policy    top, multivalue\n"));
    assert_non_null(strstr(text, "tokyo            weight 1: drawn by the client's network\n"));
    assert_non_null(strstr(text, "osaka            weight 0: not drawn\n"));
    assert_non_null(strstr(text, "taiwan           fallback: not taken\n"));
    assert_non_null(strstr(text, "A         192.0.0.1 (taiwan), 192.0.0.2 (taiwan), 192.1.0.1 (tokyo), 192.1.0.2 "
                                 "(tokyo)\n"));
    kill_region(TOKYO);
    kill_region(OSAKA);
    assert_non_null(strstr(explained(&client), "taiwan           fallback: taken: nothing else can answer\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_split_moves_a_policys_clients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_region_without_a_share_is_never_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_shift_is_monotone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_before_and_after_the_controller, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_dead_is_the_last_standing_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_regions_that_the_view_does_not_know, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_multivalue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_explaining, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_explaining_draws, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
