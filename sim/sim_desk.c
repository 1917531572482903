/* SPDX-License-Identifier: Apache-2.0
 * The controller's desk. */
#include "sim/sim_desk.h"

#include "sim/sim_net.h"

bool sim_desk_up(const struct sim *sim)
{
    return sim->control->up && !sim->sites[sim->control->site].dead && sim_net_alive(sim, sim->control->site);
}

const struct view *sim_desk_view(const struct sim *sim)
{
    return &sim->view;
}

void sim_desk_answer(struct sim *sim, uint32_t place, uint32_t to, const struct event_result *result)
{
    struct sim_event event = {.kind = SIM_CONTROL_EVENT, .to = to, .d = sim->controls[to].life};
    event.event.kind = EVENT_RESULT;
    event.event.result = *result;
    (void)sim_net_send(sim, place, sim->controls[to].site, &event);
}

void sim_desk_wait(struct sim *sim, const struct action *action)
{
    for (uint32_t i = 0; i < SIM_PENDING; i++) {
        if (sim->control->pending[i].id == 0) {
            sim->control->pending[i] = (struct sim_pending){action->id, *action};
            return;
        }
    }
}

bool sim_desk_answered(struct sim *sim, uint64_t id)
{
    for (uint32_t i = 0; i < SIM_PENDING; i++) {
        if (sim->control->pending[i].id == id) {
            sim->control->pending[i].id = 0;
            return true;
        }
    }
    return false;
}
