/* SPDX-License-Identifier: Apache-2.0
 * Assertions that stay on in production: say what broke, then end the process. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static void (*assert_hook)(void);

void assert_set_hook(void (*hook)(void))
{
    assert_hook = hook;
}

void assert_fail(const char *expression, const char *file, int line, const char *function)
{
    fprintf(stderr, "%s:%d: %s: assertion failed: %s\n", file, line, function, expression);
    if (assert_hook != NULL) {
        assert_hook();
    }
    abort();
}
