/* SPDX-License-Identifier: Apache-2.0
 * The only place that reads clocks. */
#pragma once

#include "base/time.h"

/* CLOCK_BOOTTIME: goes on while the machine sleeps, never jumps. Leases and deadlines. */
struct mono clock_mono(void);

/* CLOCK_REALTIME: for people. */
struct wall clock_wall(void);

/* Microseconds of processor time that the calling thread has used: how busy it was between two readings. */
int64_t clock_thread_us(void);

enum {
    CLOCK_TEXT = 25, /* "2026-11-22T05:41:17.123Z" and the terminator */
};

/* RFC 3339 in UTC with milliseconds. */
void clock_print(struct wall wall, char text[CLOCK_TEXT]);
