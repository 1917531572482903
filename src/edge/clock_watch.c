/* SPDX-License-Identifier: Apache-2.0
 * Notices that somebody has set the wall clock, and says so. */
#include "edge/clock_watch.h"

#include <stdlib.h>

#include "edge/clock.h"
#include "edge/log.h"

int64_t clock_watch_look(struct clock_watch *watch, struct mono mono, struct wall wall)
{
    const int64_t offset_us = wall.us - mono.us;
    const int64_t step_us = watch->any ? offset_us - watch->offset_us : 0;
    watch->any = true;
    watch->offset_us = offset_us;
    return llabs(step_us) < TIME_US_PER_S ? 0 : step_us;
}

void clock_watch_tell(struct clock_watch *watch)
{
    const int64_t step_us = clock_watch_look(watch, clock_mono(), clock_wall());
    if (step_us != 0) {
        LOG_W("the clock of this machine was set %s by %lld s: leases, deadlines and verdicts do not depend on it, the "
              "times in the journal and in messages do; see that time synchronisation runs (timedatectl)",
              step_us > 0 ? "forward" : "back", (llabs(step_us) + TIME_US_PER_S / 2) / TIME_US_PER_S);
    }
}
