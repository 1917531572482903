/* SPDX-License-Identifier: Apache-2.0
 * What a controller says while nobody leads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "web/web_state.h"

static const char *said(bool first, bool second, bool third)
{
    static char text[320];
    struct desk_lead lead = {.controllers_count = 3};
    lead.controllers[0].alive = first;
    lead.controllers[1].alive = second;
    lead.controllers[2].alive = third;
    web_nobody(&lead, text, sizeof text);
    assert_true(strlen(text) + 1 < sizeof text);
    return text;
}

static void test_nobody_leads(void **state)
{
    (void)state;
    assert_string_equal(said(true, true, true), "no controller leads now; ask again in a moment");
    assert_string_equal(said(true, false, true), "no controller leads now; ask again in a moment");
    assert_non_null(strstr(said(true, false, false), "hears 1 of 3"));
    assert_non_null(strstr(said(true, false, false), "a minority decides nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
