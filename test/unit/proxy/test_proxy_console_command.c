/* SPDX-License-Identifier: Apache-2.0
 * The console's commands: which change they ask for, and what they show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "proxy/proxy_console_command.h"

static const struct proxy_route routes[] = {{.name = "shop", .database = "shop"}, {.name = "read", .database = "shop"}};
static const struct proxy_console_setting settings[] = {{.key = "proxy.auth", .value = "scram", .standard = "login"}};

/* What was asked for: an upper case letter for each route. */
static char asked[16];
static size_t asked_count;

static uint32_t ask(const char *letters, uint32_t route)
{
    asked[asked_count++] = letters[route];
    asked[asked_count] = '\0';
    return (uint32_t)asked_count;
}

static void census(void *owner, struct proxy_census_row **ret_rows, uint32_t *ret_count)
{
    (void)owner;
    *ret_rows = calloc(2, sizeof **ret_rows);
    assert_non_null(*ret_rows);
    *ret_count = 2;
    (*ret_rows)[0] = (struct proxy_census_row){.user = "ann",
                                               .state = "idle",
                                               .client = {.bytes = {127, 0, 0, 9}, .port = 999, .family = 4},
                                               .client_tls = true,
                                               .node = "node-a",
                                               .server = {.bytes = {127, 0, 0, 5}, .port = 5432, .family = 4},
                                               .epoch = 7};
    (*ret_rows)[1] = (struct proxy_census_row){.user = "bob", .state = "waiting"};
}

static int64_t stats(void *owner, struct proxy_stat_sum *ret_now, struct proxy_stat_sum *ret_before)
{
    (void)owner;
    *ret_now = (struct proxy_stat_sum){.values = {{30, 50, 1000, 2000, 6000, 5000, 90}}};
    *ret_before = (struct proxy_stat_sum){.values = {{10, 10, 600, 800, 2000, 1000, 10}}};
    return 4 * TIME_US_PER_S;
}

static uint32_t change(void *owner, uint32_t route, bool paused)
{
    (void)owner;
    return ask(paused ? "PQ" : "RS", route);
}

static uint32_t end(void *owner, uint32_t route)
{
    (void)owner;
    return ask("KL", route);
}

static uint32_t renew(void *owner, uint32_t route)
{
    (void)owner;
    return ask("NO", route);
}

static void entries(void *owner, struct proxy_entries *ret_entries)
{
    (void)owner;
    *ret_entries = (struct proxy_entries){.count = 0};
    uint64_t reused = 0;
    const enum err err = proxy_entries_replace(ret_entries, routes, 2, 0, &reused);
    assert_int_equal(err, ERR_OK);
}

static void each_setting(void *owner, void (*take)(void *taker, const struct proxy_console_setting *setting),
                         void *taker)
{
    (void)owner;
    take(taker, &settings[0]);
}

static void reload(void *owner)
{
    (void)owner;
    (void)ask("!", 0);
}

static const struct proxy_console_source source = {.entries = entries,
                                                   .settings = each_setting,
                                                   .reload = reload,
                                                   .census = census,
                                                   .stats = stats,
                                                   .pause = change,
                                                   .kill = end,
                                                   .renew = renew};

/* The answer with its zeroes turned into '|'. */
static const char *run(const char *text, uint32_t *ret_change)
{
    static char answer[4096];
    struct proxy_console_reply reply = {.data = NULL};
    const char *tag = NULL;
    asked_count = 0;
    asked[0] = '\0';
    *ret_change = proxy_console_command(&source, span_text(text), &reply, &tag);
    assert_true(reply.size < sizeof answer && !reply.failed);
    for (size_t i = 0; i < reply.size; i++) {
        answer[i] = (char)(reply.data[i] == 0 ? '|' : reply.data[i]);
    }
    answer[reply.size] = '\0';
    if (*ret_change != 0) {
        assert_non_null(tag);
        text_copy(answer, sizeof answer, tag);
    }
    proxy_console_reply_free(&reply);
    return answer;
}

static void entries_are_changed_alone_or_all(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *asked;
        bool waits;
    } cases[] = {{"PAUSE", "PQ", true},          {"pause read;", "Q", true},   {"RESUME shop", "R", false},
                 {"resume", "RS", false},        {"KILL \"read\"", "L", true}, {"RECONNECT", "NO", false},
                 {"reconnect shop", "N", false}, {"reload", "!", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t number = 0;
        const char *answer = run(cases[i].text, &number);
        assert_string_equal(asked, cases[i].asked);
        assert_int_equal(number != 0, cases[i].waits);
        assert_true(cases[i].waits || (answer[0] == 'C' && strstr(answer, "ERROR") == NULL));
    }
}

static void what_is_not_a_command_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *sqlstate;
    } cases[] = {
        {"KILL", "42601"},     {"KILL nothing", "3D000"}, {"RECONNECT nothing", "3D000"}, {"PAUSE a b", "42601"},
        {"SHOW", "42601"},     {"SHOW NOTHING", "42601"}, {"SHOW CLIENTS now", "42601"},  {"RELOAD shop", "42601"},
        {"SHUTDOWN", "0A000"}, {"SELECT 1", "42601"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t number = 0;
        const char *answer = run(cases[i].text, &number);
        assert_int_equal(number, 0);
        assert_string_equal(asked, "");
        assert_non_null(strstr(answer, cases[i].sqlstate));
    }
}

static void ends_of_sessions_are_shown_alike(void **state)
{
    (void)state;
    uint32_t number = 0;
    const char *clients = run("SHOW CLIENTS", &number);
    assert_non_null(strstr(clients, "127.0.0.9"));
    assert_non_null(strstr(clients, "bob"));
    assert_non_null(strstr(clients, "TLS"));
    const char *servers = run("show servers", &number);
    assert_non_null(strstr(servers, "127.0.0.5"));
    assert_null(strstr(servers, "bob")); /* has none */
    assert_null(strstr(servers, "TLS"));
}

static void averages_are_per_second_or_each(void **state)
{
    (void)state;
    uint32_t number = 0;
    const char *answer = run("SHOW STATS", &number);
    /* 4 s: 20 transactions, 40 queries, 400 and 1200 bytes, 4000 us in each, 80 us of waiting; a length before each. */
    static const char *const values[] = {"shop",
                                         "|||\x02"
                                         "30",
                                         "|||\x02"
                                         "50",
                                         "|||\x04"
                                         "1000",
                                         "|||\x04"
                                         "2000",
                                         "|||\x04"
                                         "6000",
                                         "|||\x04"
                                         "5000",
                                         "|||\x02"
                                         "90",
                                         "|||\x01"
                                         "5",
                                         "|||\x02"
                                         "10",
                                         "|||\x03"
                                         "100",
                                         "|||\x03"
                                         "300",
                                         "|||\x03"
                                         "200",
                                         "|||\x03"
                                         "100",
                                         "|||\x02"
                                         "20"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        answer = strstr(answer, values[i]);
        assert_non_null(answer);
        answer += strlen(values[i]);
    }
}

static void settings_are_shown_with_their_defaults(void **state)
{
    (void)state;
    uint32_t number = 0;
    const char *answer = run("SHOW CONFIG", &number);
    assert_non_null(strstr(answer, "changeable"));
    assert_non_null(strstr(answer, "proxy.auth"));
    assert_non_null(strstr(answer, "scram"));
    assert_non_null(strstr(answer, "login"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_changed_alone_or_all),
        cmocka_unit_test(what_is_not_a_command_changes_nothing),
        cmocka_unit_test(ends_of_sessions_are_shown_alike),
        cmocka_unit_test(averages_are_per_second_or_each),
        cmocka_unit_test(settings_are_shown_with_their_defaults),
    };
    return cmocka_run_group_tests_name("proxy_console_command", tests, NULL, NULL);
}
