/* SPDX-License-Identifier: Apache-2.0
 * Policies by measured times: before configured ones, compared with them, never by being alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/prng.h"
#include "edge/clock.h"
#include "edge/latency_table.h"
#include "steer_sample.h"

/* Regions: taiwan, tokyo, osaka. */
enum { TAIWAN = 1, TOKYO = 2, OSAKA = 4, ALL = 7 };

#define NAMES "  names: { www: { endpoint: web, policy: top } }\n"

struct time {
    const char *network;
    const char *region;
    uint32_t ms;
};

static struct config *config;
static struct dns_steer *steer;
static char path[64];

/* A file of measured times as old as this. */
static void measure(const struct time *times, size_t count, int64_t age_s)
{
    struct latency_table *table = latency_table_new();
    assert_non_null(table);
    for (size_t i = 0; i < count; i++) {
        struct network network = {.family = 0};
        assert_true(network_parse(span_text(times[i].network), &network));
        const struct latency_table_cell cell = {times[i].ms * 1000, clock_wall().us / TIME_US_PER_S - age_s};
        latency_table_put(table, &network, latency_table_place(table, times[i].region), &cell);
    }
    assert_int_equal(latency_table_save(table, path), ERR_OK);
    free(table);
}

#define MEASURE(age_s, ...)                                                                                            \
    do {                                                                                                               \
        const struct time list[] = {__VA_ARGS__};                                                                      \
        measure(list, sizeof list / sizeof list[0], age_s);                                                            \
    } while (0)

/* Its problem, "" when there is none; `steer` is what was loaded. */
static const char *load(const char *dns)
{
    static char problem[DNS_STEER_PROBLEM];
    dns_steer_free(steer);
    config_free(config);
    steer = NULL;
    config = steer_sample_config(dns);
    assert_non_null(config);
    if (dns_steer_load(&(struct dns_steer_source){.config = config, .measured = path}, problem, &steer) != ERR_OK) {
        fail_msg("%s", problem);
    }
    return problem;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s", steer_sample_file("", 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dns_steer_free(steer);
    config_free(config);
    steer = NULL;
    config = NULL;
    unlink(path);
    return 0;
}

static struct dns_steer_pick pick(const char *address, uint32_t mask)
{
    struct network network;
    char text[NETWORK_TEXT];
    snprintf(text, sizeof text, "%s/%d", address, strchr(address, ':') != NULL ? 128 : 32);
    assert_true(network_parse(span_text(text), &network));
    struct view_address client = {.family = network.family};
    memcpy(client.bytes, network.bytes, sizeof client.bytes);
    return dns_steer_pick(steer, 0, &client, mask, hash_bytes(client.bytes, 3));
}

static uint32_t regions(const char *address, uint32_t mask)
{
    return pick(address, mask).regions;
}

static void the_nearest_of_the_measured_is_taken(void **state)
{
    (void)state;
    MEASURE(10, {"10.1.1.0/24", "taiwan", 40}, {"10.1.1.0/24", "tokyo", 5}, {"10.1.2.0/24", "taiwan", 7},
            {"10.1.2.0/24", "tokyo", 30}, {"2001:db8:7::/48", "taiwan", 90}, {"2001:db8:7::/48", "tokyo", 12});
    assert_string_equal(load(NAMES "  policies: { top: { latency: { measured: [taiwan, tokyo], default: osaka } } }\n"),
                        "");
    assert_int_equal(regions("10.1.1.7", ALL), TOKYO);
    assert_int_equal(regions("10.1.2.7", ALL), TAIWAN);
    assert_int_equal(regions("2001:db8:7:1::9", ALL), TOKYO);
    assert_int_equal(regions("10.1.3.7", ALL), OSAKA); /* nobody has measured it */
    assert_int_equal(regions("10.1.1.7", TAIWAN | OSAKA), TAIWAN);
    assert_int_equal(regions("10.1.1.7", OSAKA), OSAKA);
    assert_int_equal(regions("10.1.1.7", 0), TOKYO);
    assert_int_equal(pick("10.1.1.7", ALL).scope_bits, 24);
    assert_int_equal(pick("2001:db8:7:1::9", ALL).scope_bits, 48);
}

static void a_policy_that_does_not_ask_is_not_led(void **state)
{
    (void)state;
    MEASURE(10, {"10.1.1.0/24", "taiwan", 40}, {"10.1.1.0/24", "tokyo", 5}, {"10.1.1.0/24", "osaka", 1});
    load(NAMES "  policies: { top: { latency: { networks: { a: { networks: [10.1.0.0/16], times: { taiwan: 9 } } }, "
               "default: osaka } } }\n");
    assert_int_equal(regions("10.1.1.7", ALL), TAIWAN);
    /* A region that is not among the policy's is measured in vain. */
    load(NAMES "  policies: { top: { latency: { measured: [taiwan, tokyo], default: taiwan } } }\n");
    assert_int_equal(regions("10.1.1.7", ALL), TOKYO);
}

static void being_the_only_one_measured_is_no_merit(void **state)
{
    (void)state;
    MEASURE(10, {"10.1.1.0/24", "taiwan", 3});
    load(NAMES "  policies: { top: { latency: { measured: [taiwan, tokyo], default: tokyo } } }\n");
    assert_int_equal(regions("10.1.1.7", ALL), TOKYO);
    assert_int_equal(pick("10.1.1.7", ALL).scope_bits, 0); /* it makes no difference */
}

static void what_was_not_measured_comes_from_the_table(void **state)
{
    (void)state;
    MEASURE(10, {"10.1.1.0/24", "taiwan", 20}, {"10.2.1.0/24", "taiwan", 20}, {"10.3.1.0/24", "taiwan", 20});
    load(NAMES "  policies:\n    top:\n      latency:\n        measured: [taiwan, tokyo]\n        networks:\n"
               "          near: { networks: [10.1.0.0/16], times: { taiwan: 50, tokyo: 10 } }\n"
               "          far: { networks: [10.2.0.0/16], times: { taiwan: 50, tokyo: 30 } }\n"
               "          all: { networks: [0.0.0.0/0], times: { tokyo: 25, osaka: 22 } }\n"
               "        default: osaka\n");
    assert_int_equal(regions("10.1.1.7", ALL), TOKYO); /* 10 by the table, taiwan 20 measured */
    assert_int_equal(regions("10.1.1.7", TAIWAN | OSAKA), TAIWAN);
    assert_int_equal(regions("10.2.1.7", ALL), TAIWAN); /* 20 measured, osaka 22, tokyo 30: the smallest network's */
    assert_int_equal(regions("10.2.1.7", TOKYO | OSAKA), OSAKA);
    assert_int_equal(regions("10.2.9.7", ALL), TOKYO);  /* not measured: as configured */
    assert_int_equal(regions("10.3.1.7", ALL), TAIWAN); /* 20, osaka 22, tokyo 25 */
    assert_int_equal(regions("10.3.1.7", TOKYO), TOKYO);
}

static void a_measured_time_wins_over_a_configured_one(void **state)
{
    (void)state;
    MEASURE(10, {"10.1.1.0/24", "taiwan", 60}, {"10.1.1.0/24", "tokyo", 20});
    /* The same network in both, and a smaller one, which says more. */
    load(NAMES "  policies:\n    top:\n      latency:\n        measured: [taiwan, tokyo, osaka]\n        networks:\n"
               "          same: { networks: [10.1.1.0/24], times: { taiwan: 5, osaka: 10 } }\n"
               "          host: { networks: [10.1.1.8/29], times: { taiwan: 5 } }\n"
               "        default: osaka\n");
    assert_int_equal(regions("10.1.1.100", ALL), OSAKA);
    assert_int_equal(regions("10.1.1.100", TAIWAN | TOKYO), TOKYO);
    assert_int_equal(regions("10.1.1.9", ALL), TAIWAN);
    assert_int_equal(regions("10.1.1.9", TOKYO | OSAKA), OSAKA);
}

static void old_times_do_not_count(void **state)
{
    (void)state;
    MEASURE(7200, {"10.1.1.0/24", "taiwan", 40}, {"10.1.1.0/24", "tokyo", 5});
    load("  latency_max_age: 1h\n" NAMES
         "  policies: { top: { latency: { measured: [taiwan, tokyo], default: osaka } } }\n");
    assert_int_equal(regions("10.1.1.7", ALL), OSAKA);
    load("  latency_max_age: 3h\n" NAMES
         "  policies: { top: { latency: { measured: [taiwan, tokyo], default: osaka } } }\n");
    assert_int_equal(regions("10.1.1.7", ALL), TOKYO);
}

static void a_file_that_is_missing_or_broken_hinders_nothing(void **state)
{
    (void)state;
    static const char dns[] = "  policies: { top: { latency: { measured: [taiwan, tokyo], default: osaka } } }\n";
    char text[512];
    snprintf(text, sizeof text, NAMES "%s", dns);
    MEASURE(10, {"10.1.1.0/24", "taiwan", 40}, {"10.1.1.0/24", "tokyo", 5});
    assert_int_equal(truncate(path, 120), 0);
    assert_non_null(strstr(load(text), path)); /* a warning */
    assert_int_equal(regions("10.1.1.7", ALL), OSAKA);
    const uint64_t before = dns_steer_load_files(config, path);
    assert_int_equal(unlink(path), 0);
    assert_int_not_equal(dns_steer_load_files(config, path), before);
    assert_string_equal(load(text), "");
    assert_int_equal(regions("10.1.1.7", ALL), OSAKA);
    /* Who does not ask for measured times does not read everything again because of them. */
    load(NAMES "  policies: { top: { failover: [tokyo, taiwan] } }\n");
    assert_true(dns_steer_load_files(config, path) == 0);
}

/* Why a child of the first policy stands where it does, for a client. */
static const char *why(const char *address, uint32_t place, const char **ret_name)
{
    static char text[128];
    char problem[DNS_STEER_PROBLEM];
    struct view_address client = {.family = 4};
    struct network network;
    struct dns_steer *labelled = NULL;
    snprintf(text, sizeof text, "%s/32", address);
    assert_true(network_parse(span_text(text), &network));
    memcpy(client.bytes, network.bytes, sizeof client.bytes);
    const struct dns_steer_source source = {.config = config, .measured = path, .only = &client};
    assert_int_equal(dns_steer_load(&source, problem, &labelled), ERR_OK);
    const struct dns_steer_pick picked = dns_steer_pick(labelled, 0, &client, ALL, 0);
    const struct dns_steer_chain *chain = &labelled->tables[0].chains[picked.class];
    assert_true(place < chain->count);
    snprintf(text, sizeof text, "%s", chain->labels[place] > 0 ? labelled->labels[chain->labels[place] - 1] : "");
    *ret_name = chain->refs[place] == 0 ? "taiwan" : chain->refs[place] == 1 ? "tokyo" : "osaka";
    dns_steer_free(labelled);
    return text;
}

static void it_is_said_where_a_time_is_from(void **state)
{
    (void)state;
    const char *name;
    MEASURE(90000, {"10.1.1.0/24", "taiwan", 20});
    load("  latency_max_age: 2d\n" NAMES "  policies:\n    top:\n      latency:\n        measured: [taiwan, tokyo]\n"
         "        networks: { near: { networks: [10.1.0.0/16], times: { tokyo: 30, osaka: 7 } } }\n"
         "        default: osaka\n");
    assert_string_equal(why("10.1.1.7", 0, &name), "7 ms away by the configured table");
    assert_string_equal(name, "osaka");
    assert_memory_equal(why("10.1.1.7", 1, &name), "20.0 ms away, measured 9000", 27); /* a second or more later */
    assert_string_equal(name, "taiwan");
    assert_string_equal(why("10.1.1.7", 2, &name), "30 ms away by the configured table");
    assert_string_equal(why("10.1.2.7", 0, &name), "7 ms away");
}

/* The nearest by the rule, without networks, ranges and classes. */
static uint32_t expected(const uint32_t measured[3], const uint32_t table[3])
{
    uint32_t known = 0;
    uint32_t best = 3;
    uint32_t times[3];
    for (uint32_t i = 0; i < 3; i++) {
        times[i] = measured[i] != 0 ? measured[i] : table[i];
        known += times[i] != 0 ? 1 : 0;
        best = times[i] != 0 && (best == 3 || times[i] < times[best]) ? i : best;
    }
    if (known >= 2) {
        return best;
    }
    best = 3;
    for (uint32_t i = 0; i < 3; i++) {
        best = table[i] != 0 && (best == 3 || table[i] < table[best]) ? i : best;
    }
    return best != 3 ? best : 2; /* the default */
}

static void many_networks_follow_the_rule(void **state)
{
    (void)state;
    enum { NETWORKS = 300 };
    static const char *const names[] = {"taiwan", "tokyo", "osaka"};
    static uint32_t measured[NETWORKS][3];
    static uint32_t tables[NETWORKS / 4][3]; /* each of four /24 */
    static char text[65536];
    static char table[32768];
    struct latency_table *file = latency_table_new();
    struct prng prng;
    struct buf buf;
    assert_non_null(file);
    prng_init(&prng, 11);
    buf_init(&buf, table, sizeof table);
    for (uint32_t i = 0; i < NETWORKS; i++) {
        const uint8_t bytes[16] = {10, (uint8_t)(i >> 8), (uint8_t)i};
        const struct network network = network_of(bytes, 4, 24);
        for (uint32_t region = 0; region < 3; region++) {
            measured[i][region] = prng_next(&prng) % 2 == 0 ? 1 + (uint32_t)(prng_next(&prng) % 100) * 3 + region : 0;
            if (measured[i][region] != 0) {
                const struct latency_table_cell cell = {measured[i][region] * 1000, clock_wall().us / TIME_US_PER_S};
                latency_table_put(file, &network, latency_table_place(file, names[region]), &cell);
            }
        }
    }
    for (uint32_t i = 0; i < NETWORKS / 4; i++) {
        buf_printf(&buf, "10.%u.%u.0/22", i * 4 >> 8, i * 4 & 0xff);
        const uint32_t always = (uint32_t)(prng_next(&prng) % 3);
        for (uint32_t region = 0; region < 3; region++) {
            tables[i][region] =
                region == always || prng_next(&prng) % 2 == 0 ? 1 + (uint32_t)(prng_next(&prng) % 100) * 3 + region : 0;
            if (tables[i][region] != 0) {
                buf_printf(&buf, " %s=%u", names[region], tables[i][region]);
            }
        }
        buf_text(&buf, "\n");
    }
    assert_int_equal(latency_table_save(file, path), ERR_OK);
    free(file);
    const char *lines = steer_sample_file(buf.data, buf.size);
    snprintf(text, sizeof text,
             NAMES "  policies: { top: { latency: { measured: [tokyo, taiwan, osaka], file: %s, default: osaka } } }\n",
             lines);
    load(text);
    unlink(lines);
    for (uint32_t i = 0; i < NETWORKS; i++) {
        char address[32];
        snprintf(address, sizeof address, "10.%u.%u.9", i >> 8, i & 0xff);
        assert_int_equal(regions(address, ALL), 1U << expected(measured[i], tables[i / 4]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nearest_of_the_measured_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_policy_that_does_not_ask_is_not_led, set_up, tear_down),
        cmocka_unit_test_setup_teardown(being_the_only_one_measured_is_no_merit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_measured_comes_from_the_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_measured_time_wins_over_a_configured_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_times_do_not_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_missing_or_broken_hinders_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_said_where_a_time_is_from, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_networks_follow_the_rule, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
