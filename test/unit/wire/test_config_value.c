/* SPDX-License-Identifier: Apache-2.0
 * Scalars of the configuration: what is read, what is refused, and that printing reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/config_value.h"

typedef bool parser(const char *text, uint64_t *ret_value);
typedef void printer(uint64_t value, char text[CONFIG_VALUE_TEXT]);

struct good {
    const char *text;
    uint64_t value;
    const char *printed;
};

static void check_good(const struct good *good, size_t count, parser *parse, printer *print)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = 0;
        char text[CONFIG_VALUE_TEXT];
        assert_true(parse(good[i].text, &value));
        assert_int_equal(value, good[i].value);
        print(value, text);
        assert_string_equal(text, good[i].printed);
        assert_true(parse(text, &value));
        assert_int_equal(value, good[i].value);
    }
}

static void check_bad(const char *const *texts, parser *parse)
{
    for (; *texts != NULL; texts++) {
        uint64_t value = 77;
        assert_false(parse(*texts, &value));
        assert_int_equal(value, 77);
    }
}

static void test_durations(void **state)
{
    (void)state;
    static const struct good good[] = {
        {"500ms", 500000, "500ms"},       {"10s", 10000000, "10s"}, {"5m", 300000000, "5m"},
        {"1h", 3600000000U, "1h"},        {"90s", 90000000, "90s"}, {"60s", 60000000, "1m"},
        {"14d", 1209600000000ULL, "14d"}, {"0s", 0, "0ms"},         {"1500ms", 1500000, "1500ms"},
        {"24h", 86400000000ULL, "1d"},    {"007s", 7000000, "7s"},
    };
    check_good(good, sizeof good / sizeof good[0], config_value_duration, config_value_duration_print);
    static const char *const bad[] = {"",      "5",   "s",    "5 s",  "5S",
                                      "-5s",   "+5s", "1.5s", "5s ",  " 5s",
                                      "1h30m", "5us", "5min", "0x5s", "99999999999999999d",
                                      NULL};
    check_bad(bad, config_value_duration);
}

static void test_shares(void **state)
{
    (void)state;
    static const struct good good[] = {
        {"2%", 20000, "2%"},
        {"0.5%", 5000, "0.5%"},
        {"100%", 1000000, "100%"},
        {"0%", 0, "0%"},
        {"99.9999%", 999999, "99.9999%"},
        {"0.0001%", 1, "0.0001%"},
        {"10.50%", 105000, "10.5%"},
        {"1.01%", 10100, "1.01%"},
    };
    check_good(good, sizeof good / sizeof good[0], config_value_share, config_value_share_print);
    static const char *const bad[] = {"",    "2",   "%",        "2 %", "101%", "100.0001%",
                                      "1.%", ".5%", "1.00001%", "-1%", "1,5%", NULL};
    check_bad(bad, config_value_share);
}

static void test_decimals_and_sizes(void **state)
{
    (void)state;
    static const struct good decimals[] = {{"1", 1000000, "1"},
                                           {"1.5", 1500000, "1.5"},
                                           {"0.000001", 1, "0.000001"},
                                           {"0", 0, "0"},
                                           {"4294", 4294000000U, "4294"}};
    check_good(decimals, sizeof decimals / sizeof decimals[0], config_value_decimal, config_value_decimal_print);
    static const char *const bad_decimals[] = {"", "1.", ".1", "1.0000001", "4295", "1e3", "-1", "1.5.5", "nan", NULL};
    check_bad(bad_decimals, config_value_decimal);
    static const struct good sizes[] = {{"64kB", 65536, "64kB"},
                                        {"1GB", 1073741824, "1GB"},
                                        {"1024B", 1024, "1kB"},
                                        {"1000B", 1000, "1000B"},
                                        {"0B", 0, "0B"}};
    check_good(sizes, sizeof sizes / sizeof sizes[0], config_value_size, config_value_size_print);
    static const char *const bad_sizes[] = {"", "64", "64KB", "64k", "64 MB", "-1B", "999999999999999999GB", NULL};
    check_bad(bad_sizes, config_value_size);
    static const char *const bad_integers[] = {"", "-1", "+1", "0x10", "1.0", "1 ", "1e3", "9999999999999999999", NULL};
    check_bad(bad_integers, config_value_integer);
}

static void test_limits(void **state)
{
    (void)state;
    static const char *const texts[] = {"10%", "500ms", "0.75", "3", "2s"};
    static const uint32_t values[] = {100000, 500000, 750000, 3000000, 2000000};
    for (size_t i = 0; i < 5; i++) {
        struct config_limit limit;
        char text[CONFIG_VALUE_TEXT];
        assert_true(config_value_limit(texts[i], &limit));
        assert_int_equal(limit.ppm, values[i]);
        config_value_limit_print(limit, text);
        assert_string_equal(text, texts[i]);
    }
    struct config_limit limit;
    assert_false(config_value_limit("2h", &limit)); /* more than 32 bits of microseconds */
    assert_false(config_value_limit("much", &limit));
}

static void test_addresses(void **state)
{
    (void)state;
    struct config_address address;
    char host[CONFIG_VALUE_TEXT];
    assert_true(config_value_address("127.1.0.80:8080", &address));
    assert_int_equal(address.family, CONFIG_FAMILY_IPV4);
    assert_int_equal(address.port, 8080);
    assert_memory_equal(address.bytes, "\x7f\x01\x00\x50\0\0\0\0\0\0\0\0\0\0\0", 16);
    config_value_address_host(&address, host);
    assert_string_equal(host, "127.1.0.80");
    assert_true(config_value_address("[::1]:53", &address));
    assert_int_equal(address.family, CONFIG_FAMILY_IPV6);
    config_value_address_host(&address, host);
    assert_string_equal(host, "::1");
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:0",
                                      "127.0.0.1:65536",
                                      ":80",
                                      "localhost:80",
                                      "::1:53",
                                      "[::1]",
                                      "[127.0.0.1]:80",
                                      "127.1:80",
                                      "[::1:53",
                                      "127.0.0.1:8o",
                                      "256.0.0.1:80",
                                      "[fe80::1%lo]:80",
                                      "127.0.0.1 :80",
                                      "1234567890123456789012345678901234567890123456789:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(config_value_address(bad[i], &address));
    }
}

static void test_networks(void **state)
{
    (void)state;
    struct config_network network;
    static const char *const good[] = {"127.1.0.0/16", "0.0.0.0/0", "10.0.0.1/32", "fd00::/8", "::/0", "::1/128"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(config_value_network(good[i], &network));
    }
    static const char *const bad[] = {"127.1.0.0", "127.1.0.0/33", "127.1.0.1/16", "fd00::1/8",
                                      "/8",        "10.0.0.0/",    "10.0.0.0/8/8", "::/129"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(config_value_network(bad[i], &network));
    }
}

static void test_urls(void **state)
{
    (void)state;
    struct config_value_url url;
    assert_true(config_value_url("http://127.1.0.41:8081/metrics?a=b", &url));
    assert_true(span_is(url.host, "127.1.0.41") && url.port == 8081 && !url.tls && span_is(url.path, "/metrics?a=b"));
    assert_true(config_value_url("https://example.test", &url));
    assert_true(span_is(url.host, "example.test") && url.port == 443 && url.tls && url.path.size == 0);
    assert_true(config_value_url("http://[::1]:80?q", &url));
    assert_true(span_is(url.host, "::1") && url.port == 80 && span_is(url.path, "?q"));
    assert_true(config_value_url("http://[::1]/", &url));
    static const char *const bad[] = {"",
                                      "http://",
                                      "ftp://a/",
                                      "http:///x",
                                      "http://a:0/",
                                      "http://a:x/",
                                      "http://u@a/",
                                      "http://a/#f",
                                      "http://a b/",
                                      "http://[::1",
                                      "http://[a]/",
                                      "http://[::1]x/",
                                      "http://a:123456789/",
                                      "http://a..b/",
                                      "HTTP://a/",
                                      "http://a:/",
                                      "http://[::1/]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(config_value_url(bad[i], &url));
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_true(config_value_name("a") && config_value_name("taiwan-1") &&
                config_value_name("abcdefghijklmnopqrstuvwxyz01234"));
    assert_false(config_value_name("") || config_value_name("A") || config_value_name("a_b") ||
                 config_value_name("a b") || config_value_name("abcdefghijklmnopqrstuvwxyz012345"));
    assert_true(config_value_domain("example.test") && config_value_domain("example.test.") &&
                config_value_domain("_x.a"));
    assert_false(config_value_domain("") || config_value_domain(".") || config_value_domain("a..b") ||
                 config_value_domain(".a") || config_value_domain("a b"));
    assert_true(config_value_word("PG_SUPERUSER") && config_value_word("pg.stat-x"));
    assert_false(config_value_word("") || config_value_word("a b") || config_value_word("a;b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations), cmocka_unit_test(test_shares),    cmocka_unit_test(test_decimals_and_sizes),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_addresses), cmocka_unit_test(test_networks),
        cmocka_unit_test(test_urls),      cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
