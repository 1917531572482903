/* SPDX-License-Identifier: Apache-2.0
 * Scenario files: a small world, timed faults, orders of people. One statement a line, `#` begins a comment:
 *
 *   seed N                       moves the delays a little; default 1
 *   nodes REGION N               PostgreSQL nodes; default taiwan 2, tokyo 1
 *   durability NODE...           may be members of the durability set; default all
 *   every-commit S               every commit waits for the set; a lease of S seconds
 *   max-lag S                    sessions wait while the standbys are further behind
 *   tier2                        no tier-1 data
 *   cascade                      regional leaders
 *   heartbeats MS                agents beat, and so long a silence is news
 *   readiness                    applications are ready only while they reach the writers
 *   ttl S                        of the names that DNS answers; it falls to 2 s on suspicion
 *   stock                        a second database with a node in each region, taiwan-s and tokyo-s; after `nodes`
 *   from S                       the story begins here (what comes before is the world being built); default 20
 *   until S                      the end
 *   at S FAULT [WHERE [WHERE]]   a fault begins, e.g. `at 25 region-dead taiwan`, `at 25 cut-both tokyo witness`
 *   at S end FAULT [WHERE]       it ends
 *   at S failover|switchover|failback [SOURCE TARGET] [accept-loss] [emergency]
 *   at S approve|abort|pause|resume
 *   crash STEP S                 the controller dies in this step of a run and is away for so many seconds */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim/sim.h"

struct scenario {
    uint64_t seed;
    int64_t from_us;
    struct model model;
    struct sim_script script;
    char problem[128];
    uint32_t line;
};

/* False: `problem` and `line` tell. */
bool scenario_parse(const char *text, struct scenario *ret_scenario);
