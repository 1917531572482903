/* SPDX-License-Identifier: Apache-2.0
 * Policies: each rule of Route 53 that is kept, ours where they differ, draws that stick, and scopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/prng.h"
#include "steer_sample.h"

/* Regions: taiwan, tokyo, osaka. */
enum { TAIWAN = 1, TOKYO = 2, OSAKA = 4, ALL = 7 };

static struct config *config;
static struct dns_steer *steer;

static void load(const char *dns)
{
    char problem[DNS_STEER_PROBLEM];
    dns_steer_free(steer);
    config_free(config);
    steer = NULL;
    config = steer_sample_config(dns);
    assert_non_null(config);
    if (dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &steer) != ERR_OK) {
        fail_msg("%s", problem);
    }
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

static struct view_address client_of(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct view_address){.family = 4, .bytes = {a, b, c, d}};
}

static uint64_t hash_of(const struct view_address *client)
{
    return hash_bytes(client->bytes, 3);
}

/* The first policy's choice. */
static struct dns_steer_pick pick(const struct view_address *client, uint32_t mask)
{
    return dns_steer_pick(steer, 0, client, mask, hash_of(client));
}

static uint32_t regions(uint8_t a, uint8_t b, uint32_t mask)
{
    const struct view_address client = client_of(a, b, 3, 4);
    return pick(&client, mask).regions;
}

#define NAMES "  names: { www: { endpoint: web, policy: top } }\n"

/* ---- failover ---- */

static void test_failover_takes_the_first_that_can_answer(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [tokyo, taiwan, osaka] } }\n");
    assert_int_equal(regions(10, 0, ALL), TOKYO);
    assert_int_equal(regions(10, 0, TAIWAN | OSAKA), TAIWAN);
    assert_int_equal(regions(10, 0, OSAKA), OSAKA);
}

/* Route 53: both unhealthy, the primary is answered. */
static void test_failover_all_dead_is_the_first(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { failover: [tokyo, taiwan] } }\n");
    const struct view_address client = client_of(10, 0, 0, 1);
    assert_int_equal(pick(&client, OSAKA).regions, TOKYO);
    assert_false(pick(&client, OSAKA).alive);
    assert_int_equal(pick(&client, ALL).scope_bits, 0);
    assert_false(pick(&client, ALL).drawn);
}

/* ---- weighted ---- */

static uint32_t share(uint32_t mask, uint32_t region)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        const struct view_address client = client_of(100, (uint8_t)(i >> 8), (uint8_t)i, 1);
        count += pick(&client, mask).regions == region;
    }
    return count;
}

static void test_weighted_meets_its_shares(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { weighted: { taiwan: 6, tokyo: 3, osaka: 1 } } }\n");
    assert_in_range(share(ALL, TAIWAN), 5780, 6220); /* 4.5 sigma */
    assert_in_range(share(ALL, TOKYO), 2794, 3206);
    assert_in_range(share(ALL, OSAKA), 865, 1135);
    /* In proportion among those that are left. */
    assert_in_range(share(TOKYO | OSAKA, TOKYO), 7305, 7695);
}

/* Only clients of the dead child move, and they come back to it. */
static void test_weighted_moves_nobody_else(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { weighted: { taiwan: 6, tokyo: 3, osaka: 1 } } }\n");
    for (uint32_t i = 0; i < 5000; i++) {
        const struct view_address client = client_of(100, (uint8_t)(i >> 8), (uint8_t)i, 1);
        const struct view_address neighbour = client_of(100, (uint8_t)(i >> 8), (uint8_t)i, 200);
        const uint32_t before = pick(&client, ALL).regions;
        assert_int_equal(pick(&neighbour, ALL).regions, before);
        assert_true(pick(&client, ALL).drawn);
        const uint32_t after = pick(&client, TAIWAN | OSAKA).regions;
        assert_true(before == TOKYO ? after != TOKYO : after == before);
    }
}

/* A canary that grows keeps its clients. */
static void test_weighted_canary_keeps_its_clients(void **state)
{
    (void)state;
    static bool canary[3000];
    static const char *const steps[] = {"90, tokyo: 10", "50, tokyo: 50", "20, tokyo: 80", "0, tokyo: 1"};
    memset(canary, 0, sizeof canary);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        char text[256];
        snprintf(text, sizeof text, NAMES "  policies: { top: { weighted: { taiwan: %s } } }\n", steps[step]);
        load(text);
        for (uint32_t i = 0; i < 3000; i++) {
            const struct view_address client = client_of(100, (uint8_t)(i >> 8), (uint8_t)i, 1);
            const bool in = pick(&client, ALL).regions == TOKYO;
            assert_true(in || !canary[i]);
            canary[i] = in;
        }
    }
    assert_true(canary[0] && canary[2999]);
}

/* Route 53: weight 0 is looked at only when all with a weight are unhealthy. */
static void test_weight_0_waits(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { weighted: { taiwan: 1, tokyo: 0, osaka: 0 } } }\n");
    assert_int_equal(share(ALL, TAIWAN), 10000);
    assert_false(pick(&(struct view_address){.family = 4}, ALL).drawn);
    assert_in_range(share(TOKYO | OSAKA, TOKYO), 4775, 5225);
    assert_int_equal(share(TOKYO, TOKYO), 10000);
    assert_int_equal(share(0, TAIWAN), 10000); /* all dead is all healthy */
}

/* Route 53: all weights 0 is equal probability. */
static void test_all_weights_0_are_equal(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { weighted: { taiwan: 0, tokyo: 0 } } }\n");
    assert_in_range(share(ALL, TAIWAN), 4775, 5225);
}

/* ---- geolocation by networks ---- */

#define GEO                                                                                                            \
    NAMES "  policies:\n    top:\n      geolocation:\n        networks:\n"                                             \
          "          asia: { networks: [ 10.0.0.0/8, \"2001:db8::/32\" ], to: taiwan }\n"                              \
          "          japan: { networks: [ 10.2.0.0/16 ], to: tokyo }\n"                                                \
          "        default: osaka\n"

/* Route 53: the smallest area wins. */
static void test_the_smallest_area_wins(void **state)
{
    (void)state;
    load(GEO);
    assert_int_equal(regions(10, 2, ALL), TOKYO);
    assert_int_equal(regions(10, 3, ALL), TAIWAN);
    assert_int_equal(regions(11, 3, ALL), OSAKA);
    const struct view_address six = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, 1}};
    assert_int_equal(pick(&six, ALL).regions, TAIWAN);
    assert_int_equal(pick(&six, ALL).scope_bits, 32);
}

/* Route 53: an unhealthy area gives way to the next larger one. */
static void test_a_dead_area_is_backed_out_of(void **state)
{
    (void)state;
    load(GEO);
    assert_int_equal(regions(10, 2, TAIWAN | OSAKA), TAIWAN);
    assert_int_equal(regions(10, 2, OSAKA), OSAKA);
    assert_int_equal(regions(10, 3, TOKYO | OSAKA), OSAKA); /* never a smaller one of others */
    assert_int_equal(regions(10, 3, TOKYO), TAIWAN);        /* tokyo is no area of this client */
}

/* Route 53: all dead, the smallest area's value. */
static void test_all_dead_is_the_smallest_area(void **state)
{
    (void)state;
    load(GEO);
    assert_int_equal(regions(10, 2, 0), TOKYO);
    assert_int_equal(regions(10, 3, 0), TAIWAN);
    assert_int_equal(regions(11, 3, 0), OSAKA);
}

static void test_scopes(void **state)
{
    (void)state;
    load(GEO);
    const struct view_address japan = client_of(10, 2, 9, 9);
    const struct view_address asia = client_of(10, 3, 9, 9);
    const struct view_address far = client_of(200, 3, 9, 9);
    assert_int_equal(pick(&japan, ALL).scope_bits, 16);
    assert_int_equal(pick(&asia, ALL).scope_bits, 16); /* 10.2.0.0/15 would hold japan */
    assert_int_equal(pick(&far, ALL).scope_bits, 1);
}

/* Areas that lead to the same place are one: their borders are in no scope. */
static void test_scopes_do_not_see_what_makes_no_difference(void **state)
{
    (void)state;
    load(NAMES "  policies:\n    top:\n      geolocation:\n        networks:\n"
               "          a: { networks: [ 10.0.0.0/9 ], to: taiwan }\n"
               "          b: { networks: [ 10.128.0.0/9 ], to: taiwan }\n"
               "          c: { networks: [ 10.1.0.0/16 ], to: taiwan }\n"
               "        default: osaka\n"
               "    other:\n      geolocation: { networks: { x: { networks: [ 10.1.2.0/24 ], to: tokyo } }, default: "
               "tokyo }\n");
    const struct view_address client = client_of(10, 1, 2, 3);
    assert_int_equal(pick(&client, ALL).scope_bits, 8);
}

/* A policy below that a client is never led to must not make its scope longer. */
static void test_scopes_do_not_see_policies_of_others(void **state)
{
    (void)state;
    load(NAMES
         "  policies:\n"
         "    top: { geolocation: { networks: { a: { networks: [ 10.0.0.0/8 ], to: below } }, default: osaka } }\n"
         "    below: { geolocation: { networks: { b: { networks: [ 10.1.0.0/16, 20.1.0.0/16 ], to: tokyo } }, "
         "default: taiwan } }\n");
    const struct view_address inside = client_of(10, 1, 2, 3);
    const struct view_address outside = client_of(20, 1, 2, 3);
    assert_int_equal(pick(&inside, ALL).regions, TOKYO);
    assert_int_equal(pick(&inside, ALL).scope_bits, 16);
    assert_int_equal(pick(&outside, ALL).regions, OSAKA);
    assert_int_equal(pick(&outside, ALL).scope_bits, 4);
}

/* ---- latency ---- */

static void test_latency_takes_the_nearest(void **state)
{
    (void)state;
    load(NAMES "  policies:\n    top:\n      latency:\n        networks:\n"
               "          kanto: { networks: [ 10.2.0.0/16 ], times: { taiwan: 40, tokyo: 5, osaka: 9 } }\n"
               "          north: { networks: [ 10.0.0.0/8 ], times: { osaka: 8, taiwan: 8 } }\n"
               "        default: taiwan\n");
    assert_int_equal(regions(10, 2, ALL), TOKYO);
    assert_int_equal(regions(10, 2, TAIWAN | OSAKA), OSAKA);
    assert_int_equal(regions(10, 2, TAIWAN), TAIWAN);
    assert_int_equal(regions(10, 9, ALL), OSAKA); /* a tie: the first that was named */
    assert_int_equal(regions(10, 9, TAIWAN | TOKYO), TAIWAN);
    assert_int_equal(regions(99, 9, ALL), TAIWAN);
    assert_int_equal(regions(10, 2, 0), TOKYO);
}

static void test_latency_from_a_file(void **state)
{
    (void)state;
    static const char table[] = "10.2.0.0/16 taiwan=40 tokyo=5 # kanto\n10.0.0.0/8 osaka=8 taiwan=9\n";
    const char *path = steer_sample_file(table, sizeof table - 1);
    char text[512];
    snprintf(text, sizeof text, NAMES "  policies: { top: { latency: { file: %s, default: taiwan } } }\n", path);
    load(text);
    const uint64_t before = dns_steer_load_files(config, NULL);
    assert_int_equal(regions(10, 2, ALL), TOKYO);
    assert_int_equal(regions(10, 3, ALL), OSAKA);
    assert_int_equal(dns_steer_load_files(config, NULL), before);
    unlink(path);
    assert_int_not_equal(dns_steer_load_files(config, NULL), before);
}

/* ---- multivalue ---- */

static void test_multivalue_takes_all_that_can_answer(void **state)
{
    (void)state;
    load(NAMES "  policies: { top: { multivalue: [taiwan, pair] }, pair: { failover: [tokyo, osaka] } }\n");
    assert_int_equal(regions(10, 2, ALL), TAIWAN | TOKYO);
    assert_int_equal(regions(10, 2, TAIWAN | OSAKA), TAIWAN | OSAKA);
    assert_int_equal(regions(10, 2, OSAKA), OSAKA);
    assert_int_equal(regions(10, 2, 0), TAIWAN | TOKYO); /* Route 53: all unhealthy, they are answered */
}

/* ---- trees ---- */

#define TREE                                                                                                           \
    NAMES "  policies:\n"                                                                                              \
          "    top: { geolocation: { networks: { a: { networks: [ 10.0.0.0/8 ], to: pair } }, default: spread } }\n"   \
          "    pair: { failover: [ taiwan, tokyo ] }\n"                                                                \
          "    spread: { weighted: { pair: 60, osaka: 40 } }\n"

/* The geolocation default with a weight of 60, which one record set of Route 53 cannot say. */
static void test_a_tree(void **state)
{
    (void)state;
    load(TREE);
    assert_int_equal(regions(10, 2, ALL), TAIWAN);
    assert_int_equal(regions(10, 2, TOKYO | OSAKA), TOKYO);
    assert_in_range(share(ALL, TAIWAN), 5780, 6220);
    assert_in_range(share(TOKYO | OSAKA, TOKYO), 5780, 6220);
    assert_int_equal(share(OSAKA, OSAKA), 10000);
    /* Route 53: a dead branch is backed out of, and the next best is tried. */
    assert_int_equal(regions(10, 2, OSAKA), OSAKA);
    assert_int_equal(regions(10, 2, 0), TAIWAN);
}

static void test_fallback_holds_the_branch(void **state)
{
    (void)state;
    load(NAMES "  policies:\n"
               "    top: { failover: [ inner, osaka ] }\n"
               "    inner: { weighted: { taiwan: 1 }, fallback: tokyo }\n");
    assert_int_equal(regions(10, 2, ALL), TAIWAN);
    assert_int_equal(regions(10, 2, TOKYO | OSAKA), TOKYO);
    assert_int_equal(regions(10, 2, OSAKA), OSAKA); /* the fallback is dead, too */
    assert_int_equal(regions(10, 2, 0), TAIWAN);
}

/* Draws of different policies have nothing to do with each other. */
static void test_draws_are_independent(void **state)
{
    (void)state;
    uint32_t counts[8] = {0};
    load(NAMES "  policies:\n"
               "    top: { weighted: { inner: 1, osaka: 1 } }\n"
               "    inner: { weighted: { taiwan: 1, tokyo: 1 } }\n");
    for (uint32_t i = 0; i < 10000; i++) {
        const struct view_address client = client_of(100, (uint8_t)(i >> 8), (uint8_t)i, 1);
        counts[pick(&client, ALL).regions]++;
    }
    assert_in_range(counts[OSAKA], 4775, 5225);
    assert_in_range(counts[TAIWAN], 2305, 2695);
    assert_in_range(counts[TOKYO], 2305, 2695);
}

/* Whatever is dead: what is answered can answer as long as anything in the tree can; scopes hold their word. */
static void test_any_state_of_health(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 3);
    load(TREE);
    for (uint32_t i = 0; i < 20000; i++) {
        const uint64_t random = prng_next(&prng);
        const uint32_t mask = random & ALL;
        const struct view_address client =
            client_of((uint8_t)(8 + (random >> 3 & 7)), (uint8_t)(random >> 8), (uint8_t)(random >> 16), 1);
        const struct dns_steer_pick now = pick(&client, mask);
        assert_int_equal(now.alive, mask != 0);
        assert_true(mask == 0 || (now.regions & mask) == now.regions);
        struct view_address other = client;
        const uint32_t bits = now.drawn && now.scope_bits < 24 ? 24 : now.scope_bits;
        for (uint32_t bit = bits; bit < 32; bit++) {
            other.bytes[bit / 8] ^= (uint8_t)((random >> (24 + bit) & 1) << (7 - bit % 8));
        }
        assert_int_equal(pick(&other, mask).regions, now.regions);
    }
}

/* What a client gets in each state of health, as a number. */
static uint64_t treatment(uint32_t cell)
{
    const struct view_address client = client_of(10, (uint8_t)(cell >> 4), (uint8_t)(cell << 4), 0);
    uint64_t sum = 0;
    for (uint32_t mask = 0; mask <= ALL; mask++) {
        const struct dns_steer_pick now = dns_steer_pick(steer, 0, &client, mask, 1);
        sum = sum << 4 | (uint64_t)now.regions << 1 | (uint64_t)now.alive;
    }
    return sum;
}

/* Every /20 of 10.0.0.0/8: its scope holds only clients that are treated alike, and the next larger one others, too.
 * `office` leads where `pair` leads first, and `same` where all are led anyway: they make no difference. */
static void test_scopes_of_a_small_space(void **state)
{
    (void)state;
    enum { CELLS = 1 << 12 };
    static uint64_t all[CELLS];
    load(NAMES "  policies:\n    top:\n      geolocation:\n        networks:\n"
               "          a: { networks: [ 10.0.0.0/9, 10.200.0.0/14, 10.255.240.0/20 ], to: pair }\n"
               "          office: { networks: [ 10.16.0.0/12, 10.77.0.0/16 ], to: taiwan }\n"
               "          same: { networks: [ 10.240.0.0/12 ], to: osaka }\n"
               "          b: { networks: [ 10.64.0.0/13, 10.201.16.0/20, 10.96.0.0/17 ], to: below }\n"
               "        default: osaka\n"
               "    pair: { failover: [ taiwan, tokyo, osaka ] }\n"
               "    below: { geolocation: { networks: { c: { networks: [ 10.66.0.0/15, 10.130.0.0/16 ], to: tokyo } }, "
               "default: taiwan } }\n");
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        all[cell] = treatment(cell);
    }
    for (uint32_t cell = 0; cell < CELLS; cell++) {
        const struct view_address client = client_of(10, (uint8_t)(cell >> 4), (uint8_t)(cell << 4), 0);
        const uint32_t bits = pick(&client, ALL).scope_bits;
        assert_in_range(bits, 1, 20);
        for (uint32_t larger = 0; larger < 2; larger++) {
            const uint32_t inside = bits - larger > 8 ? bits - larger - 8 : 0;
            const uint32_t start = cell & ~((1U << (12 - inside)) - 1);
            bool alike = bits - larger >= 8 || all[cell] == treatment(CELLS - 1 - 4000);
            for (uint32_t i = start; i < start + (1U << (12 - inside)); i++) {
                alike = alike && all[i] == all[cell];
            }
            assert_int_equal(alike, larger == 0);
        }
    }
}

/* ---- files ---- */

static void check_problem(const char *content, const char *kind, const char *expected)
{
    const char *path = steer_sample_file(content, strlen(content));
    char text[512];
    char problem[DNS_STEER_PROBLEM];
    struct dns_steer *broken = NULL;
    snprintf(text, sizeof text, NAMES "  policies: { top: { %s } }\n", kind);
    char *at = strstr(text, "FILE");
    assert_non_null(at);
    char whole[1024];
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - text), text, path, at + 4);
    config_free(config);
    config = steer_sample_config(whole);
    assert_non_null(config);
    assert_int_equal(dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &broken), ERR_INVALID);
    assert_ptr_equal(strstr(problem, path), problem);
    if (strcmp(problem + strlen(path), expected) != 0) {
        fail_msg("\"%s\" instead of \"%s\"", problem + strlen(path), expected);
    }
    unlink(path);
}

static void test_what_is_wrong_with_files(void **state)
{
    (void)state;
    static const char area[] = "geolocation: { networks: { a: { file: FILE, to: taiwan }, b: { networks: [ 10.0.0.0/8 "
                               "], to: tokyo } }, default: osaka }";
    static const char times[] = "latency: { file: FILE, default: taiwan }";
    check_problem("11.0.0.0/8\n 10.0.0.1/8\n", area,
                  ":2:2: bits behind the prefix are set; expected the network's own address");
    check_problem("11.0.0.0/8 x\n", area, ":1:1: something behind the network; expected one network a line");
    check_problem("10.0.0.0/8\n", area,
                  ":1: network 10.0.0.0/8 of policy top is there twice and leads to different places; it stands in the "
                  "configuration as well");
    check_problem("10.0.0.0/8\n", times, ":1:1: no times; expected NAME=MILLISECONDS behind the network");
    check_problem("10.0.0.0/8 tokyo=\n", times,
                  ":1:1: not a time; expected NAME=MILLISECONDS, at most 60000, for example tokyo=12");
    check_problem("10.0.0.0/8 tokyo=5 tokyo=6\n", times, ":1:1: a name twice; expected one time for each");
    check_problem("10.0.0.0/8 kyoto=5\n", times,
                  ":1:1: a time to what does not exist; expected the name of a region or policy");
    char problem[DNS_STEER_PROBLEM];
    struct dns_steer *none = NULL;
    config_free(config);
    config = steer_sample_config(NAMES "  policies: { top: { latency: { file: /nowhere/x, default: taiwan } } }\n");
    assert_int_equal(dns_steer_load(&(struct dns_steer_source){.config = config}, problem, &none), ERR_NOT_FOUND);
    assert_string_equal(problem, "/nowhere/x: not found");
}

/* 100,000 networks: the whole way from a file, each looked up. */
static void test_many_networks(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    char *content = malloc(MANY * 20);
    assert_non_null(content);
    size_t size = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        size += (size_t)snprintf(content + size, 20, "%u.%u.%u.0/24\n", 20 + (i >> 15), i >> 7 & 255, (i & 127) * 2);
    }
    const char *path = steer_sample_file(content, size);
    free(content);
    char text[512];
    snprintf(text, sizeof text,
             NAMES
             "  policies: { top: { geolocation: { networks: { a: { file: %s, to: tokyo } }, default: taiwan } } }\n",
             path);
    load(text);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct view_address in =
            client_of((uint8_t)(20 + (i >> 15)), (uint8_t)(i >> 7), (uint8_t)((i & 127) * 2), 9);
        struct view_address out = in;
        out.bytes[2]++;
        assert_int_equal(pick(&in, ALL).regions, TOKYO);
        assert_int_equal(pick(&in, ALL).scope_bits, 24);
        assert_int_equal(pick(&out, ALL).regions, TAIWAN);
        assert_int_equal(pick(&out, ALL).scope_bits, 24);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_failover_takes_the_first_that_can_answer, tear_down),
        cmocka_unit_test_teardown(test_failover_all_dead_is_the_first, tear_down),
        cmocka_unit_test_teardown(test_weighted_meets_its_shares, tear_down),
        cmocka_unit_test_teardown(test_weighted_moves_nobody_else, tear_down),
        cmocka_unit_test_teardown(test_weighted_canary_keeps_its_clients, tear_down),
        cmocka_unit_test_teardown(test_weight_0_waits, tear_down),
        cmocka_unit_test_teardown(test_all_weights_0_are_equal, tear_down),
        cmocka_unit_test_teardown(test_the_smallest_area_wins, tear_down),
        cmocka_unit_test_teardown(test_a_dead_area_is_backed_out_of, tear_down),
        cmocka_unit_test_teardown(test_all_dead_is_the_smallest_area, tear_down),
        cmocka_unit_test_teardown(test_scopes, tear_down),
        cmocka_unit_test_teardown(test_scopes_do_not_see_what_makes_no_difference, tear_down),
        cmocka_unit_test_teardown(test_scopes_do_not_see_policies_of_others, tear_down),
        cmocka_unit_test_teardown(test_latency_takes_the_nearest, tear_down),
        cmocka_unit_test_teardown(test_latency_from_a_file, tear_down),
        cmocka_unit_test_teardown(test_multivalue_takes_all_that_can_answer, tear_down),
        cmocka_unit_test_teardown(test_a_tree, tear_down),
        cmocka_unit_test_teardown(test_fallback_holds_the_branch, tear_down),
        cmocka_unit_test_teardown(test_draws_are_independent, tear_down),
        cmocka_unit_test_teardown(test_any_state_of_health, tear_down),
        cmocka_unit_test_teardown(test_scopes_of_a_small_space, tear_down),
        cmocka_unit_test_teardown(test_what_is_wrong_with_files, tear_down),
        cmocka_unit_test_teardown(test_many_networks, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
