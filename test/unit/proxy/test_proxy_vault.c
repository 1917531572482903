/* SPDX-License-Identifier: Apache-2.0
 * Tests of which answers about a role's verifier still count. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/proxy_vault.h"

static sem_t answers;

static void answered(void *caller)
{
    (void)caller;
    sem_post(&answers);
}

static enum err ask(struct proxy_vault *vault, uint16_t port)
{
    const struct view_address server = {.bytes = {127, 0, 0, 1}, .port = port, .family = 4};
    char text[PG_SCRAM_VERIFIER];
    return proxy_vault_ask(vault, "shop", span_text("app"), &server, PROXY_VAULT_FRESH_MS, text);
}

/* The writer was asked while it stopped: the next one need not wait for that failure to pass. */
static void test_a_server_that_fails_does_not_speak_for_the_next(void **state)
{
    (void)state;
    static const struct proxy_asker_account account = {.database = "shop", .dbname = "shop", .user = "postgres"};
    struct proxy_vault *vault = NULL;
    assert_int_equal(sem_init(&answers, 0, 0), 0);
    assert_int_equal(proxy_vault_start(&account, 1, answered, NULL, &vault), ERR_OK);
    assert_int_equal(ask(vault, 1), ERR_UNAVAILABLE);
    assert_int_equal(sem_wait(&answers), 0);
    assert_int_equal(ask(vault, 2), ERR_UNAVAILABLE);
    assert_int_equal(sem_wait(&answers), 0);
    proxy_vault_stop(vault);
    sem_destroy(&answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_that_fails_does_not_speak_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
