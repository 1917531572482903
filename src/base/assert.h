/* SPDX-License-Identifier: Apache-2.0
 * Assertions that stay on in production.
 *
 * ASSERT states what our own code guarantees. A false one is our mistake: it prints the expression, runs the hook
 * (which prints the last traces) and ends the process with abort(); the supervisor restarts it and the journal restores
 * it. Never use it for input from outside: that is a value (base/err.h). */
#pragma once

/* Called once, before abort(), from the failing thread. Must not allocate. NULL: none. Set at start, before threads
 * exist. */
void assert_set_hook(void (*hook)(void));

__attribute__((noreturn, cold)) void assert_fail(const char *expression, const char *file, int line,
                                                 const char *function);

#define ASSERT(expression)                                                                                             \
    do {                                                                                                               \
        if (__builtin_expect(!(expression), 0)) {                                                                      \
            assert_fail(#expression, __FILE__, __LINE__, __func__);                                                    \
        }                                                                                                              \
    } while (0)
