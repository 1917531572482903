/* SPDX-License-Identifier: Apache-2.0
 * Notices that somebody has set the wall clock, and says so.
 *
 * Nothing that decides depends on it: leases, deadlines and verdicts are counted on clock_mono. What people read does:
 * log, journal, messages; and the cool-down after a restart of the controller. One watch per process, one thread. */
#pragma once

#include <stdbool.h>

#include "base/time.h"

struct clock_watch {
    bool any;
    int64_t offset_us; /* of the wall clock to the other, at the last look */
};

/* How far the clock was set between this look and the one before, forwards > 0. 0: not, or by less than a second, which
 * time synchronisation may do. */
int64_t clock_watch_look(struct clock_watch *watch, struct mono mono, struct wall wall);

/* Looks at both clocks, and logs a warning when one was set. */
void clock_watch_tell(struct clock_watch *watch);
