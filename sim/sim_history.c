/* SPDX-License-Identifier: Apache-2.0
 * Branches of history. */
#include "sim/sim_history.h"

bool sim_history_writable(const struct sim_node *node)
{
    return node->pg.state == SIM_RUNNING && !node->pg.recovery && !node->stands_still && !node->dead;
}

bool sim_history_within(const struct sim *sim, uint32_t branch, uint64_t position, uint32_t other,
                        uint64_t other_position)
{
    uint64_t limit = other_position;
    while (other != branch) {
        if (other == 0) {
            return false;
        }
        limit = limit < sim->branches[other].fork ? limit : sim->branches[other].fork;
        other = sim->branches[other].parent;
    }
    return position <= limit;
}

bool sim_history_holds(const struct sim *sim, const struct sim_pg *pg, const struct sim_commit *commit)
{
    return pg->has_data && sim_history_within(sim, commit->branch, commit->position, pg->branch, pg->flushed);
}
