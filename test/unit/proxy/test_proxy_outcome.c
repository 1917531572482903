/* SPDX-License-Identifier: Apache-2.0
 * Tests of what a server's words about a transaction prove, and of the places where questions wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/proxy_outcome.h"

static void test_what_words_prove(void **state)
{
    (void)state;
    static const struct {
        bool promoted;
        const char *status;
        const char *first_xid;
        enum proxy_outcome_answer answer;
    } samples[] = {
        {true, "committed", "1001", PROXY_OUTCOME_COMMITTED},
        {true, "committed", "1000", PROXY_OUTCOME_UNKNOWN}, /* the number may have been given again */
        {true, "committed", NULL, PROXY_OUTCOME_UNKNOWN},   /* not recorded, or not yet */
        {true, "committed", "", PROXY_OUTCOME_UNKNOWN},
        {true, "committed", "x", PROXY_OUTCOME_UNKNOWN},
        {true, "aborted", "1001", PROXY_OUTCOME_UNKNOWN}, /* the old writer may have the commit */
        {true, "in progress", "1001", PROXY_OUTCOME_UNKNOWN},
        {true, NULL, "1001", PROXY_OUTCOME_UNKNOWN}, /* too old */
        {false, "aborted", NULL, PROXY_OUTCOME_ROLLED_BACK},
        {false, "aborted", "1001", PROXY_OUTCOME_UNKNOWN}, /* somebody was promoted, though the view does not say so */
        {false, "committed", NULL, PROXY_OUTCOME_UNKNOWN}, /* perhaps another's, after a crash */
        {false, "in progress", NULL, PROXY_OUTCOME_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        const struct proxy_outcome_question question = {.xid = 1000, .promoted = samples[i].promoted};
        if (proxy_outcome_judge(&question, samples[i].status, samples[i].first_xid) != samples[i].answer) {
            fail_msg("sample %zu", i);
        }
    }
}

static void answered(void *owner)
{
    (void)owner;
}

/* Nobody listens at the server: unknown. Who does not wait any more leaves no place taken. */
static void test_questions_take_places_and_give_them_back(void **state)
{
    (void)state;
    static const struct proxy_asker_account account = {.database = "shop", .dbname = "shop", .user = "postgres"};
    const struct proxy_outcome_question question = {
        .database = "shop", .server = {.bytes = {127, 0, 0, 1}, .port = 1, .family = 4}, .xid = 7};
    const struct proxy_outcome_question other = {.database = "other"};
    struct proxy_outcome *outcome = NULL;
    uint32_t ticket = 0;
    assert_int_equal(proxy_outcome_start(&account, 1, answered, NULL, &outcome), ERR_OK);
    assert_int_equal(proxy_outcome_ask(outcome, &other, &ticket), ERR_NOT_FOUND);
    for (int i = 0; i < 3 * PROXY_OUTCOME_QUESTIONS; i++) {
        assert_int_equal(proxy_outcome_ask(outcome, &question, &ticket), ERR_OK);
        if (i % 2 == 0) {
            enum proxy_outcome_answer answer = PROXY_OUTCOME_COMMITTED;
            while (proxy_outcome_look(outcome, ticket, &answer) != ERR_OK) {
            }
            assert_int_equal(answer, PROXY_OUTCOME_UNKNOWN);
        } else {
            proxy_outcome_forget(outcome, ticket);
        }
    }
    proxy_outcome_stop(outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_words_prove),
        cmocka_unit_test(test_questions_take_places_and_give_them_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
