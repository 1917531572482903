/* SPDX-License-Identifier: Apache-2.0
 * Exit codes of refusals and of runs; a client without controllers, and one that reaches none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_client.h"
#include "bin/cli_run.h"
#include "bin/verb.h"

static void test_exit_codes(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        const char *by;
        int code;
    } cases[] = {
        {ERR_OK, "", VERB_OK},
        {ERR_INVALID, "", VERB_USAGE},
        {ERR_CONFLICT, "", VERB_REFUSED},
        {ERR_UNAVAILABLE, "", VERB_UNREACHABLE}, /* the loop does not answer */
        {ERR_UNAVAILABLE, "safety rule", VERB_REFUSED},
        {ERR_UNAVAILABLE, "precheck", VERB_PRECHECK},
        {ERR_QUEUE_FULL, "", VERB_UNREACHABLE},
        {ERR_TIMEOUT, "", VERB_TIMEOUT},
        {ERR_NOT_FOUND, "", VERB_FAILED},
        {ERR_AUTH, "", VERB_FAILED},
        {ERR_INTERNAL, "", VERB_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cli_client_exit(cases[i].err, cases[i].by), cases[i].code);
    }
}

static void test_run_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(cli_run_exit("succeeded"), VERB_OK);
    assert_int_equal(cli_run_exit("compensated"), VERB_ABORTED);
    assert_int_equal(cli_run_exit("refused"), VERB_PRECHECK);
    assert_int_equal(cli_run_exit("failed"), VERB_FAILED);
    assert_int_equal(cli_run_exit("unproven"), VERB_FAILED);
    assert_int_equal(cli_run_exit("running"), -1);
    assert_int_equal(cli_run_exit("waiting"), -1);
    assert_int_equal(cli_run_exit("undoing"), -1);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct cli_option option = {.apis = {"127.9.0.250:26998", "127.9.0.251:26999"}, .apis_count = 2};
    struct cli_client *client = NULL;
    json_t *json = NULL;
    assert_int_equal(cli_client_open(&option, false, &client), VERB_OK);
    assert_int_equal(cli_client_get(client, "/v1/status", &json), VERB_UNREACHABLE);
    assert_non_null(strstr(cli_client_message(client), "127.9.0.250:26998: connection refused"));
    assert_non_null(strstr(cli_client_message(client), "127.9.0.251:26999: connection refused"));
    json_t *body = json_object();
    assert_int_equal(cli_client_post(client, "/v1/pause", body, &json), VERB_UNREACHABLE);
    json_decref(body);
    cli_client_close(client);
    option.apis[0] = "nowhere";
    option.apis_count = 1;
    assert_int_equal(cli_client_open(&option, false, &client), VERB_OK);
    assert_int_equal(cli_client_get(client, "/v1/status", &json), VERB_USAGE);
    cli_client_close(client);
}

static void test_token(void **state)
{
    (void)state;
    struct cli_option option = {.apis = {"127.9.0.250:26998"}, .apis_count = 1};
    struct cli_client *client = NULL;
    assert_int_equal(unsetenv("HOLDFAST_TOKEN"), 0);
    assert_int_equal(cli_client_open(&option, true, &client), VERB_FAILED);
    option.token_file = "/nonexistent/token";
    assert_int_equal(cli_client_open(&option, true, &client), VERB_FAILED);
    option.token_file = NULL;
    assert_int_equal(setenv("HOLDFAST_TOKEN", "sesame", 1), 0);
    assert_int_equal(cli_client_open(&option, true, &client), VERB_OK);
    cli_client_close(client);
    option.apis_count = 0;
    option.config = "/nonexistent/holdfast.yaml";
    assert_int_equal(cli_client_open(&option, false, &client), VERB_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exit_codes), cmocka_unit_test(test_run_exit_codes),
                                       cmocka_unit_test(test_nobody_there), cmocka_unit_test(test_token)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
