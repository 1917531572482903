/* SPDX-License-Identifier: Apache-2.0
 * The configuration as a whole: the examples of etc/, its limits, and bytes that are no text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config.h"
#include "wire/config_show.h"

enum {
    FILE_BYTES = 64 * 1024,
};

static char messages_memory[CONFIG_MESSAGES];

/* A file of etc/ as a string. */
static char *etc_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", getenv("TEST_ETC"), name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = calloc(1, FILE_BYTES);
    assert_non_null(text);
    const size_t size = fread(text, 1, FILE_BYTES - 1, file);
    assert_true(size > 0 && size < FILE_BYTES - 1);
    fclose(file);
    return text;
}

static struct config *parsed(struct span text)
{
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    const enum err err = config_parse("t.yaml", text, &messages, &config);
    assert_string_equal(buf_string(&messages), "");
    assert_int_equal(err, ERR_OK);
    return config;
}

/* Refused, and the messages contain these words. */
static void refused(struct span text, const char *words)
{
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    assert_int_equal(config_parse("t.yaml", text, &messages, &config), ERR_INVALID);
    assert_null(config);
    if (strstr(messages_memory, words) == NULL) {
        fail_msg("no '%s' in:\n%s", words, messages_memory);
    }
}

static void test_example(void **state)
{
    (void)state;
    char *text = etc_file("holdfast.example.yaml");
    struct config *config = parsed(span_text(text));
    assert_string_equal(config->name, "shop");
    assert_string_equal(config->security.token.file, "/etc/holdfast/token");
    assert_int_equal(config->regions_count, 2);
    assert_int_equal(config->regions[0].capacity_ppm, 1500000);
    assert_int_equal(config->regions[0].backup[0], 1);
    assert_int_equal(config->regions[1].clients[0].prefix_bits, 16);
    assert_string_equal(config->regions[1].load_balancer.haproxy.text, "127.2.0.80:9999");
    assert_int_equal(config->sites_count, 3);
    assert_int_equal(config->sites[2].region, CONFIG_NONE);
    assert_int_equal(config->sites[2].roles, CONFIG_ROLE_CONTROL | CONFIG_ROLE_DNS | CONFIG_ROLE_PROXY);
    assert_int_equal(config->databases[0].lease_ms, 3000);
    assert_int_equal(config->databases[0].initial_writer, 0);
    assert_int_equal(config->databases[0].durability.members[0], 2);
    assert_string_equal(config->databases[0].parameters[0].value, "200");
    assert_int_equal(config->checks_count, 7);
    const struct config_check *order = &config->checks[config_check_find(config, "order-service")];
    assert_int_equal(order->latency_limit_us, 800000);
    assert_string_equal(order->expect_body, "\"status\":\"UP\"");
    const struct config_check *p95 = &config->checks[config_check_find(config, "response-time")];
    assert_int_equal(p95->figure, CONFIG_FIGURE_P95);
    assert_int_equal(p95->limit.ppm, 500000);
    assert_string_equal(p95->targets[1].url.host, "127.2.0.41");
    assert_int_equal(p95->targets[1].url.port, 8081);
    assert_int_equal(config->dns.names[0].ttl_ms, 60000);
    assert_int_equal(config->policy.cooldown_ms, 3600000);
    assert_int_equal(config->failback.canary.share_ppm, 100000);
    assert_string_equal(config->notify.on_call[0], "sre-primary");
    const struct config_service *cache = &config->services[config_service_find(config, "cache")];
    assert_int_equal(cache->listen[1].site, 1);
    assert_string_equal(cache->targets[1].addresses[0].text, "127.2.0.21:6379");
    assert_int_equal(cache->check, config_check_find(config, "redis-cluster"));
    assert_int_equal(cache->drain_ms, 30000);
    assert_int_equal(cache->on_failure, CONFIG_FAILURE_CUT);
    assert_int_equal(config_site_find(config, "tokyo"), 1);
    assert_int_equal(config_node_find(&config->databases[0], "nowhere"), CONFIG_NONE);
    config_free(config);
    free(text);
}

/* The thresholds that the example writes out are the defaults: without them nothing changes. */
static void test_defaults(void **state)
{
    (void)state;
    char *text = etc_file("minimal.yaml");
    struct config *config = parsed(span_text(text));
    assert_int_equal(config->policy.error_rate_automatic_ppm, 100000);
    assert_int_equal(config->policy.error_rate_duration_ms, 300000);
    assert_int_equal(config->policy.error_rate_review_ppm, 50000);
    assert_int_equal(config->policy.error_rate_monitor_ppm, 10000);
    assert_int_equal(config->policy.p95_monitor_us, 200000);
    assert_int_equal(config->policy.pods_down_ppm, 500000);
    assert_int_equal(config->policy.database_failures, 3);
    assert_int_equal(config->policy.rpo_limit_ms, 60000);
    assert_int_equal(config->policy.rpo_database_limit_ms, 30000);
    assert_int_equal(config->policy.flapping_transitions, 4);
    assert_int_equal(config->policy.target_capacity_ppm, 1000000);
    assert_int_equal(config->failback.ramp.share_ppm, 500000);
    assert_true(config->failback.approval);
    assert_int_equal(config->notify.spool, 10000);
    assert_int_equal(config->regions[0].weight, 100);
    assert_int_equal(config->checks[0].failure_threshold, 3);
    assert_int_equal(config->checks[0].success_threshold, 2);
    assert_int_equal(config->checks[1].targets[1].database, 0);
    assert_int_equal(config->checks[0].targets[1].database, CONFIG_NONE);
    config_free(config);
    free(text);
}

/* `count` entries of a map in the minimal file's place of `find`. */
static char *repeated(const char *find, const char *format, uint32_t count)
{
    char *text = etc_file("minimal.yaml");
    char *at = strstr(text, find);
    assert_non_null(at);
    char *result = calloc(1, FILE_BYTES * 2);
    assert_non_null(result);
    struct buf buf;
    buf_init(&buf, result, FILE_BYTES * 2);
    buf_bytes(&buf, text, (size_t)(at - text) + strlen(find));
    for (uint32_t i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%u", i);
        for (const char *c = format; *c != '\0'; c++) {
            if (*c == '#') {
                buf_text(&buf, number);
            } else {
                buf_u8(&buf, (uint8_t)*c);
            }
        }
    }
    buf_text(&buf, at + strlen(find));
    assert_false(buf.overflow);
    free(text);
    return result;
}

static void check_limit(const char *find, const char *format, uint32_t count, const char *words)
{
    char *text = repeated(find, format, count);
    refused(span_text(text), words);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    check_limit("regions:\n", "  r#: {}\n", 7, ": error: regions has 9 entries; expected at most 8");
    check_limit("sites:\n", "  s#: { roles: [observer] }\n", 14, ": error: sites has 17 entries; expected at most 16");
    check_limit("checks:\n",
                "  c#: { kind: tcp, severity: important, layer: 1, targets: { east: { address: \"127.0.0.1:1\" } } }\n",
                63, ": error: checks has 65 entries; expected at most 64");
    check_limit("nodes:\n", "      n#: { region: east, agent: \"127.0.0.#:1\", postgres: \"127.0.0.#:2\", data: /a }\n",
                31, ": error: nodes has 33 entries; expected at most 32");
    check_limit("databases:\n",
                "  d#: { tier1: false, superuser: { password: { env: A } }, replication: { password: { env: A } }, "
                "initial_writer: m#, nodes: { m#: { region: east, agent: \"127.0.1.#:1\", postgres: \"127.0.1.#:2\", "
                "data: /a } } }\n",
                4, ": error: databases has 5 entries; expected at most 4");
}

static void test_totals(void **state)
{
    (void)state;
    check_limit(
        "regions:\n",
        "  r#: { endpoints: { web: [\"10.#.0.1:1\", \"10.#.0.2:1\", \"10.#.0.3:1\", \"10.#.0.4:1\", \"10.#.0.5:1\", "
        "\"10.#.0.6:1\", \"10.#.0.7:1\", \"10.#.0.8:1\", \"10.#.0.9:1\", \"10.#.0.10:1\", \"10.#.0.11:1\"] } }\n",
        6, "regions have 68 endpoint addresses together; expected at most 64");
    /* At the limit itself all is well but for the missing backup and checks. */
    char *text = repeated("regions:\n", "  r#: {}\n", 6);
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    struct config *config = NULL;
    assert_int_equal(config_parse("t.yaml", span_text(text), &messages, &config), ERR_OK);
    assert_int_equal(config->regions_count, 8);
    config_free(config);
    free(text);
}

static void test_no_text(void **state)
{
    (void)state;
    refused(span_of("", 0), "t.yaml: error: the file is empty");
    refused(span_text("# only a comment\n"), "the file is empty");
    refused(span_of("name: a\0b\n", 10), "t.yaml:1:8: error: control byte 0x00; expected text");
    refused(span_text("name: shop\nx: \xff\n"), "t.yaml:2:4: error: byte 0xff is not UTF-8; expected UTF-8 text");
    refused(span_text("x: \xc3"), "byte 0xc3 is not UTF-8");
    refused(span_text("x: \xed\xa0\x80"), "byte 0xed is not UTF-8");
    refused(span_text("x: \xf5\x80\x80\x80"), "byte 0xf5 is not UTF-8");
    refused(span_text("x: \xc0\xaf"), "byte 0xc0 is not UTF-8");
    refused(span_text("x: \x1b[31m"), "control byte 0x1b");
    refused(span_text("just text\n"), "t.yaml:1:1: error: configuration is text; expected a mapping with its keys");
    refused(span_text("- a\n- b\n"), "configuration is a list; expected a mapping");
}

static void test_large(void **state)
{
    (void)state;
    const size_t size = CONFIG_FILE_BYTES + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '#', size);
    refused(span_of(text, size), "t.yaml: error: the file has 1048577 bytes; expected at most 1 MiB");
    for (size_t i = 0; i < size; i++) {
        text[i] = "a,"[i % 2];
    }
    memcpy(text, "x: [", 4);
    refused(span_of(text, size - 1), "too many entries; expected at most 1024 in one mapping or list");
    for (size_t i = 0; i + 1 < size; i++) {
        text[i] = "[]\n,"[i % 2 + (i % 1000 > 900 ? 2 : 0)];
    }
    memcpy(text, "x: [", 4);
    refused(span_of(text, size - 1), ": error: ");
    memset(text, '[', size);
    refused(span_of(text, size - 1), "nested too deep; expected at most 16 levels");
    free(text);
}

/* More problems than are shown: the rest is counted. */
static void test_many_problems(void **state)
{
    (void)state;
    char *text = calloc(1, FILE_BYTES);
    assert_non_null(text);
    struct buf buf;
    buf_init(&buf, text, FILE_BYTES);
    for (uint32_t i = 0; i < 500; i++) {
        buf_printf(&buf, "unknown%u: 1\n", i);
    }
    refused(span_text(text), "(305 not shown)");
    assert_non_null(strstr(messages_memory, "t.yaml: 505 errors, 0 warnings"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),       cmocka_unit_test(test_defaults), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_totals),        cmocka_unit_test(test_no_text),  cmocka_unit_test(test_large),
        cmocka_unit_test(test_many_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
