/* SPDX-License-Identifier: Apache-2.0
 * Numbers of living threads: a bit for each that is taken, given back when the thread ends. */
#include "holdfast_thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

_Static_assert(HOLDFAST_THREADS == 64, "they are the bits of a word");

_Thread_local unsigned holdfast_thread_mine;

static _Atomic uint64_t holdfast_thread_bits;
static pthread_once_t holdfast_thread_once = PTHREAD_ONCE_INIT;
static pthread_key_t holdfast_thread_key; /* its value is the number + 1 */
static bool holdfast_thread_keyed;        /* else nobody tells us of a thread's end, and all share */

/* The thread ends. What it counts from now on, in destructors after this one, is in the shared place. */
static void holdfast_thread_give(void *value)
{
    const uint64_t number = (uint64_t)(uintptr_t)value - 1;
    holdfast_thread_mine = HOLDFAST_THREADS + 1;
    atomic_fetch_and_explicit(&holdfast_thread_bits, ~(UINT64_C(1) << number), memory_order_release);
}

static void holdfast_thread_begin(void)
{
    holdfast_thread_keyed = pthread_key_create(&holdfast_thread_key, holdfast_thread_give) == 0;
}

/* The library may be unloaded before its threads end. */
__attribute__((destructor)) static void holdfast_thread_end(void)
{
    if (holdfast_thread_keyed) {
        pthread_key_delete(holdfast_thread_key);
    }
}

/* HOLDFAST_THREADS: all are taken. */
static unsigned holdfast_thread_free(void)
{
    uint64_t bits = atomic_load_explicit(&holdfast_thread_bits, memory_order_relaxed);
    while (bits != UINT64_MAX) {
        const unsigned number = (unsigned)__builtin_ctzll(~bits);
        if (atomic_compare_exchange_weak_explicit(&holdfast_thread_bits, &bits, bits | UINT64_C(1) << number,
                                                  memory_order_acquire, memory_order_relaxed)) {
            return number;
        }
    }
    return HOLDFAST_THREADS;
}

unsigned holdfast_thread_take(void)
{
    pthread_once(&holdfast_thread_once, holdfast_thread_begin);
    unsigned number = holdfast_thread_keyed ? holdfast_thread_free() : HOLDFAST_THREADS;
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): a number is all that the destructor needs */
    if (number < HOLDFAST_THREADS && pthread_setspecific(holdfast_thread_key, (void *)(uintptr_t)(number + 1)) != 0) {
        atomic_fetch_and_explicit(&holdfast_thread_bits, ~(UINT64_C(1) << number), memory_order_release);
        number = HOLDFAST_THREADS;
    }
    holdfast_thread_mine = number + 1;
    return number;
}
