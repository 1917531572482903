/* SPDX-License-Identifier: Apache-2.0
 * Bodies of orders: known members of the right type, and a word about what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "web/web_body.h"

static const struct web_body_member members[] = {{"reason", WEB_BODY_REASON, true},
                                                 {"source", WEB_BODY_TEXT, false},
                                                 {"dry_run", WEB_BODY_FLAG, false},
                                                 {NULL, WEB_BODY_TEXT, false}};

static void test_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem; /* NULL: it is good */
    } cases[] = {
        {"{\"reason\":\"x\"}", NULL},
        {"{\"reason\":\"x\",\"source\":null,\"dry_run\":null}", NULL},
        {"{\"reason\":\"x\",\"source\":\"taiwan\",\"dry_run\":true}", NULL},
        {"{}", "a reason is required"},
        {"{\"reason\":\"\"}", "a reason is required"},
        {"{\"reason\":null}", "a reason is required"},
        {"{\"reason\":5}", "reason: a text is expected"},
        {"{\"reason\":\"x\",\"source\":[]}", "source: a text is expected"},
        {"{\"reason\":\"x\",\"dry_run\":\"yes\"}", "dry_run: true or false is expected"},
        {"{\"reason\":\"x\",\"dry_run\":1}", "dry_run: true or false is expected"},
        {"{\"reason\":\"x\",\"dryrun\":true}", "dryrun: not expected; known are reason, source, dry_run"},
        {"[]", "the body is not an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char problem[128];
        json_t *body = json_loads(cases[i].text, 0, NULL);
        assert_non_null(body);
        const bool good = web_body_good(body, members, problem, sizeof problem);
        assert_int_equal(good, cases[i].problem == NULL);
        if (!good) {
            assert_string_equal(problem, cases[i].problem);
        }
        json_decref(body);
    }
}

/* A reason is kept whole or refused; its bytes count, not its characters, nor how JSON writes them. */
static void test_reasons(void **state)
{
    static const struct {
        size_t letters;
        const char *end; /* as in the body */
        const char *text;
        const char *problem; /* NULL: it is good */
    } cases[] = {
        {127, "", "", NULL},
        {128, "", "", "reason: 128 bytes, but it may be 127 long at most"},
        {124, "\xe6\xb5\xb7", "\xe6\xb5\xb7", NULL},
        {125, "\xe6\xb5\xb7", "", "reason: 128 bytes, but it may be 127 long at most"},
        {124, "\\u6d77", "\xe6\xb5\xb7", NULL},
        {126, "\\u6d77", "", "reason: 129 bytes, but it may be 127 long at most"},
        {123, "\xf0\x9f\x8c\x8a", "\xf0\x9f\x8c\x8a", NULL},
        {124, "\xf0\x9f\x8c\x8a", "", "reason: 128 bytes, but it may be 127 long at most"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char letters[160] = {0};
        char text[200];
        char problem[128];
        memset(letters, 'x', cases[i].letters);
        snprintf(text, sizeof text, "{\"reason\":\"%s%s\"}", letters, cases[i].end);
        json_t *body = json_loads(text, 0, NULL);
        assert_non_null(body);
        assert_int_equal(web_body_good(body, members, problem, sizeof problem), cases[i].problem == NULL);
        if (cases[i].problem != NULL) {
            assert_string_equal(problem, cases[i].problem);
        } else {
            struct event_command command = {.kind = EVENT_COMMAND_PAUSE};
            snprintf(text, sizeof text, "%s%s", letters, cases[i].text);
            web_body_words(body, &command);
            assert_string_equal(command.reason, text);
        }
        json_decref(body);
    }
}

static void test_members(void **state)
{
    (void)state;
    json_t *body = json_loads("{\"reason\":\"x\",\"dry_run\":true}", 0, NULL);
    struct event_command command = {.kind = EVENT_COMMAND_PAUSE};
    assert_string_equal(web_body_text(body, "reason"), "x");
    assert_null(web_body_text(body, "source"));
    assert_true(web_body_flag(body, "dry_run"));
    assert_false(web_body_flag(body, "force"));
    web_body_words(body, &command);
    assert_string_equal(command.reason, "x");
    assert_string_equal(command.who, "api");
    json_decref(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies), cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_members)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
