/* SPDX-License-Identifier: Apache-2.0
 * The configuration as the core knows it: the example becomes tables of indices, and its hash names its meaning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/config_file.h"
#include "edge/config_model.h"

static char messages_memory[CONFIG_MESSAGES];

static struct config *loaded(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("TEST_ETC"), name);
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    assert_int_equal(config_file_load(path, &messages, &config), ERR_OK);
    assert_string_equal(messages_memory, "");
    return config;
}

static struct config *parsed(const char *text)
{
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    assert_int_equal(config_parse("t.yaml", span_text(text), &messages, &config), ERR_OK);
    return config;
}

static void test_example(void **state)
{
    (void)state;
    static struct model model;
    struct config *config = loaded("holdfast.example.yaml");
    config_model(config, &model);
    assert_string_equal(model.name, "shop");
    assert_int_equal(model.config_hash, config_model_hash(config));
    assert_int_equal(model.regions_count, 2);
    assert_int_equal(model.regions[0].backup[0], 1);
    assert_true(model.regions[1].has_load_balancer);
    assert_int_equal(model.endpoints_count, 2);
    assert_string_equal(model.endpoints[1].name, "web");
    assert_int_equal(model.endpoints[1].address.port, 8080);
    assert_int_equal(model.endpoints[1].healthy, 1);
    assert_int_equal(model.networks_count, 2);
    assert_int_equal(model.networks[1].home, 1);
    assert_int_equal(model.networks[1].prefix_bits, 16);
    assert_true(model.sites[0].observes && !model.sites[0].controls);
    assert_true(model.sites[2].observes && model.sites[2].controls && model.sites[2].region == LIMITS_NONE);
    assert_int_equal(model.databases[0].durability_members, 1U << 2 | 1U << 0);
    assert_int_equal(model.nodes_count, 3);
    assert_int_equal(model.nodes[2].region, 1);
    assert_int_equal(model.nodes[1].priority, 50);
    assert_int_equal(model.checks_count, 7);
    assert_int_equal(model.probes_count, 14);
    assert_int_equal(model_probe_find(&model, model_check_find(&model, "queue"), 1), 9);
    assert_int_equal(model.checks[model_check_find(&model, "error-rate")].figure, MODEL_FIGURE_ERROR_RATE);
    assert_int_equal(model.checks[model_check_find(&model, "error-rate")].limit_ppm, 100000);
    assert_int_equal(model.checks[model_check_find(&model, "database-master")].component, MODEL_COMPONENT_DB);
    assert_string_equal(model.services[0].name, "cache");
    assert_int_equal(model.services[0].check, model_check_find(&model, "redis-cluster"));
    assert_int_equal(model.targets_count, 2);
    assert_true(model.services[0].single);
    assert_int_equal(model.services[0].initial, 0);
    assert_int_equal(model.targets[1].region, 1);
    assert_int_equal(model.targets[1].address.port, 6379);
    const struct model_policy usual = model_policy_default(); /* the example writes out the defaults */
    assert_memory_equal(&model.policy, &usual, sizeof usual);
    assert_int_equal(model.failback.canary_share, 1000);
    assert_int_equal(model.failback.ramp_share, 5000);
    config_free(config);
}

#define DATABASE(name, node)                                                                                           \
    "  " name ": { tier1: false, durability: { members: [" node "] }, superuser: { password: { env: A } }, "           \
    "replication: { password: { env: A } }, initial_writer: " node "-w, nodes: { " node                                \
    "-w: { region: a, agent: \"127.0.0." node ":1\", postgres: \"127.0.0." node ":2\", data: /d }, \"" node            \
    "\": { region: a, agent: \"127.0.1." node ":1\", postgres: \"127.0.1." node                                        \
    ":2\", data: /d, nofailover: true } } }\n"

/* Nodes of the second database are numbered behind those of the first. */
static void test_two_databases(void **state)
{
    (void)state;
    static struct model model;
    struct config *config =
        parsed("name: x\nsecurity: { token: { env: T } }\nregions: { a: {} }\n"
               "sites: { a: { roles: [control], api: { listen: \"127.0.0.1:1\" } } }\n"
               "policy: { automation: { HIGH_ERROR_RATE: \"off\", DATABASE_MASTER_FAILURE: approve } }\n"
               "databases:\n" DATABASE("one", "1")
                   DATABASE("two", "2") "checks: { c: { kind: tcp, severity: informational, layer: 3, targets: { a: { "
                                        "address: \"127.0.0.1:9\" } } } }\n");
    config_model(config, &model);
    assert_int_equal(model.nodes_count, 4);
    assert_int_equal(config_model_node(config, 1), 2);
    assert_int_equal(model.databases[1].initial_writer, 2);
    assert_int_equal(model.databases[1].durability_members, 1U << 3);
    assert_true(model.nodes[3].nofailover && !model.nodes[2].nofailover);
    assert_int_equal(model.nodes[3].database, 1);
    assert_int_equal(model.checks[0].severity, MODEL_INFORMATIONAL);
    assert_int_equal(model.policy.automation[0], MODEL_AUTO);
    assert_int_equal(model.policy.automation[1], MODEL_APPROVE);
    assert_int_equal(model.policy.automation[2], MODEL_OFF);
    config_free(config);
}

#define SMALL                                                                                                          \
    "name: x\nsecurity: { token: { env: T } }\nregions: { a: {} }\nsites: { a: { roles: [control], api: { listen: "    \
    "\"127.0.0.1:1\" } } }\nchecks: { c: { kind: tcp, severity: critical, layer: 3, targets: { a: { address: "         \
    "\"127.0.0.1:9\" } } } }\n"

static void test_hash(void **state)
{
    (void)state;
    struct config *one = parsed(SMALL);
    struct config *same = parsed("# a comment\npolicy: { cooldown: 60m }\n" SMALL);
    struct config *other = parsed(SMALL "policy: { cooldown: 61m }\n");
    assert_true(config_model_hash(one) == config_model_hash(same));
    assert_true(config_model_hash(one) != config_model_hash(other));
    config_free(one);
    config_free(same);
    config_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),
        cmocka_unit_test(test_two_databases),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
