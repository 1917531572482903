/* SPDX-License-Identifier: Apache-2.0
 * The effective configuration: it reads back to itself, keeps secrets out, and quotes what YAML would take otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config_show.h"

static char shown_memory[2][CONFIG_SHOW_BYTES];
static char messages_memory[CONFIG_MESSAGES];

static void show_file(struct span text, char *shown)
{
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    const enum err err = config_parse("t.yaml", text, &messages, &config);
    assert_string_equal(buf_string(&messages), "");
    assert_int_equal(err, ERR_OK);
    struct buf buf;
    buf_init(&buf, shown, CONFIG_SHOW_BYTES);
    config_show(config, &buf);
    assert_false(buf.overflow);
    config_free(config);
}

static void round_trip(struct span text)
{
    show_file(text, shown_memory[0]);
    show_file(span_text(shown_memory[0]), shown_memory[1]);
    assert_string_equal(shown_memory[0], shown_memory[1]);
}

static void round_trip_file(const char *name)
{
    char path[512];
    static char text[64 * 1024];
    snprintf(path, sizeof path, "%s/%s", getenv("TEST_ETC"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    round_trip(span_of(text, size));
}

static void test_examples(void **state)
{
    (void)state;
    round_trip_file("holdfast.example.yaml");
    assert_non_null(strstr(shown_memory[0], "  token: { file: \"/etc/holdfast/token\" }\n"));
    assert_non_null(strstr(shown_memory[0], "    latency_limit: 800ms\n"));
    round_trip_file("minimal.yaml");
    assert_non_null(strstr(shown_memory[0], "  flapping_transitions: 4\n"));
    assert_non_null(strstr(shown_memory[0], "      password: { env: \"PG_SUPERUSER_PASSWORD\" }\n"));
}

#define HEAD                                                                                                           \
    "name: shop\nsecurity: { token: { env: T } }\nregions: { \"on\": { backup: [\"1\"] }, \"1\": { backup: [\"on\"] "  \
    "} }\n"                                                                                                            \
    "sites: { a: { roles: [control], api: { listen: \"127.0.0.1:1\" } } }\n"

/* Every kind of check with every key of its own, names that YAML 1.1 takes for something else, and odd texts. */
static void test_odd(void **state)
{
    (void)state;
    round_trip(span_text(HEAD "checks:\n"
                              "  \"no\": { kind: https, severity: critical, layer: 2, path: '/ü?\"\\', host: a.test, "
                              "expect_body: \"a\\tb\\u2028\\ufeff\\x85\", "
                              "body_limit: 2kB, ca_file: '/a b', certificate_min_valid: 14d, targets: { \"on\": { "
                              "address: \"[::1]:1\" }, \"1\": { address: \"[::2]:1\" } } }\n"
                              "  r: { kind: redis, severity: important, layer: 1, key: k, password: { file: /p }, "
                              "targets: { \"on\": { address: \"127.0.0.1:1\" } } }\n"
                              "  d: { kind: dns, severity: important, layer: 1, name: a.test., type: CNAME, expect: b, "
                              "targets: { \"on\": { address: \"127.0.0.1:1\" } } }\n"
                              "  p: { kind: prometheus, severity: important, layer: 1, query: 'up{a=\"b\"}', figure: "
                              "pods_down, limit: 0.5, targets: { \"on\": { url: \"https://a.test\" } } }\n"
                              "  h: { kind: haproxy, severity: important, layer: 1, backend: b, limit: 10%, targets: { "
                              "\"on\": { address: /run/h.sock } } }\n"
                              "  e: { kind: exec, severity: important, layer: 1, command: [/bin/x, ' ', \"a\\nb\", "
                              "'true'], targets: { \"on\": { arguments: [-p] }, \"1\": {} } }\n"
                              "  b: { kind: heartbeat, severity: important, layer: 1, targets: { \"on\": { address: "
                              "\"127.0.0.1:1\" } } }\n"));
}

static void test_same_meaning(void **state)
{
    (void)state;
    static const char one[] =
        HEAD "checks: { c: { kind: tcp, severity: critical, layer: 1, interval: 60s, targets: { \"on\": { "
             "address: \"127.0.0.1:1\" }, \"1\": { address: \"127.0.0.1:2\" } } } }\n";
    static const char two[] =
        "# the same, written otherwise\n" HEAD
        "checks:\n  c:\n    severity: 'critical'\n    kind: \"tcp\"\n    layer: 1\n    failure_threshold: 3\n"
        "    interval: 1m\n    targets:\n      'on':\n        address: 127.0.0.1:1\n      \"1\":\n        address: "
        "'127.0.0.1:2'\n";
    show_file(span_text(one), shown_memory[0]);
    show_file(span_text(two), shown_memory[1]);
    assert_string_equal(shown_memory[0], shown_memory[1]);
}

struct heard {
    const char *path;
    char value[CONFIG_SHOW_VALUE];
    char fallback[CONFIG_SHOW_VALUE];
    uint32_t times;
    uint32_t all;
};

static void hear(void *owner, const char *path, const char *value, const char *fallback)
{
    struct heard *heard = owner;
    heard->all++;
    if (strcmp(path, heard->path) == 0) {
        heard->times++;
        snprintf(heard->value, sizeof heard->value, "%s", value);
        snprintf(heard->fallback, sizeof heard->fallback, "%s", fallback);
    }
}

static void test_setting_by_setting(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *value;
        const char *fallback;
    } cases[] = {
        {"proxy.auth", "login", "login"},
        {"proxy.max_clients", "1000", "1000"},
        {"proxy.auth_file", "", ""},
        {"proxy.databases.shop.route", "writer", "writer"},
        {"proxy.databases.shop.pool.size", "20", "20"},
        {"sites.taiwan.proxy.listen", "[\"127.1.0.54:5432\"]", ""},
        {"security.token", "{ file: \"/etc/holdfast/token\" }", ""},
        {"databases.shop.parameters.max_connections", "\"200\"", ""},
    };
    char path[512];
    static char text[64 * 1024];
    snprintf(path, sizeof path, "%s/holdfast.example.yaml", getenv("TEST_ETC"));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    const size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    assert_int_equal(config_parse("t.yaml", span_of(text, size), &messages, &config), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heard heard = {.path = cases[i].path};
        config_show_each(config, &(struct config_show_listener){.take = hear, .owner = &heard});
        assert_int_equal(heard.times, 1);
        assert_true(heard.all > 200);
        assert_string_equal(heard.value, cases[i].value);
        assert_string_equal(heard.fallback, cases[i].fallback);
    }
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_setting_by_setting),
        cmocka_unit_test(test_odd),
        cmocka_unit_test(test_same_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
