/* SPDX-License-Identifier: Apache-2.0
 * Small numbers for threads, so that each counts in a place of its own. Private to libholdfast.
 *
 * A living thread has a number below HOLDFAST_THREADS of its own, until it ends: then the next one gets it. While there
 * are more threads than that, the others share the number HOLDFAST_THREADS. What a thread has written to its place is
 * seen by the next one with that number. */
#pragma once

enum { HOLDFAST_THREADS = 64 };

/* Number + 1; 0: it has none yet. */
extern _Thread_local unsigned holdfast_thread_mine __attribute__((tls_model("initial-exec")));

/* Gives the calling thread a number. */
unsigned holdfast_thread_take(void);

static inline unsigned holdfast_thread(void)
{
    const unsigned mine = holdfast_thread_mine;
    return __builtin_expect(mine != 0, 1) ? mine - 1 : holdfast_thread_take();
}
