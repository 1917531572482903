/* SPDX-License-Identifier: Apache-2.0
 * The sentences of orders that the engine takes without a word: whose, and why; of those that it refuses there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/control_tell.h"

static bool ordered(struct event_command command, enum err answer, char ret_text[CONTROL_TELL_ORDERED])
{
    struct output *output = calloc(1, sizeof *output);
    assert_non_null(output);
    command.token = 5;
    command.run = 7;
    output->replies_count = 2;
    output->replies[0] = (struct engine_reply){.token = 4, .error = ERR_OK};
    output->replies[1] = (struct engine_reply){.token = 5, .error = answer, .run = 7};
    const bool any = control_tell_ordered(&command, output, ret_text);
    free(output);
    return any;
}

static void test_orders(void **state)
{
    (void)state;
    const struct event_command abort_order = {
        .kind = EVENT_COMMAND_ABORT, .reason = "false alarm \xe6\xb5\xb7", .who = "alice"};
    const struct event_command approval = {.kind = EVENT_COMMAND_APPROVE, .who = "api"};
    char text[CONTROL_TELL_ORDERED];
    assert_true(ordered(abort_order, ERR_OK, text));
    assert_string_equal(text, "run 7: abort ordered by alice: false alarm \xe6\xb5\xb7");
    assert_true(ordered(approval, ERR_OK, text));
    assert_string_equal(text, "run 7: approved by api");
    assert_false(ordered(abort_order, ERR_UNAVAILABLE, text));
    assert_false(ordered(approval, ERR_NOT_FOUND, text));
    assert_false(ordered((struct event_command){.kind = EVENT_COMMAND_PAUSE}, ERR_OK, text)); /* it has a trace */
}

/* The longest of everything is there whole. */
static void test_longest(void **state)
{
    struct event_command command = {.kind = EVENT_COMMAND_ABORT};
    char text[CONTROL_TELL_ORDERED];
    (void)state;
    memset(command.who, 'w', sizeof command.who - 1);
    memset(command.reason, 'r', sizeof command.reason - 2);
    command.reason[sizeof command.reason - 2] = '!';
    assert_true(ordered(command, ERR_OK, text));
    assert_int_equal(text[strlen(text) - 1], '!');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders), cmocka_unit_test(test_longest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
