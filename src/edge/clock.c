/* SPDX-License-Identifier: Apache-2.0
 * The only place that reads clocks. */
#include "edge/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"

static int64_t clock_read(clockid_t id)
{
    struct timespec now;
    const int result = clock_gettime(id, &now);
    ASSERT(result == 0);
    return (int64_t)now.tv_sec * TIME_US_PER_S + now.tv_nsec / 1000;
}

struct mono clock_mono(void)
{
    return (struct mono){clock_read(CLOCK_BOOTTIME)};
}

struct wall clock_wall(void)
{
    return (struct wall){clock_read(CLOCK_REALTIME)};
}

int64_t clock_thread_us(void)
{
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

void clock_print(struct wall wall, char text[CLOCK_TEXT])
{
    const time_t seconds = (time_t)(wall.us / TIME_US_PER_S);
    struct tm date;
    gmtime_r(&seconds, &date);
    char day[20] = "";
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(text, CLOCK_TEXT, "%s.%03uZ", day, (unsigned)(wall.us % TIME_US_PER_S / TIME_US_PER_MS) % 1000);
}
