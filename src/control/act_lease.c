/* SPDX-License-Identifier: Apache-2.0
 * Revoking a writer's lease. */
#include <stdio.h>

#include "control/act.h"
#include "control/leases.h"

void act_lease_revoke(const struct act_job *job, struct event_result *ret_result)
{
    const struct model *model = &job->setup->model;
    const struct action *action = &job->action;
    if (action->database >= model->databases_count || action->node >= model->nodes_count) {
        ret_result->error = ERR_NOT_FOUND;
        return;
    }
    struct desk_lease lease = {0};
    const enum err err = leases_revoke(job->world->store, model->databases[action->database].name,
                                       model->nodes[action->node].name, action->epoch, &lease);
    ret_result->error = err;
    ret_result->ok = err == ERR_OK;
    ret_result->refused = err == ERR_CONFLICT;
    ret_result->revision = lease.replaced;
    const uint32_t holder = model_node_find(model, lease.holder);
    ret_result->holder = holder == LIMITS_NONE && lease.holder[0] != 0 ? LIMITS_NODES : holder;
    if (err == ERR_OK) {
        /* The engine's picture of the record changes with it, so that nobody takes the old holder for a writer. */
        struct event event = {.kind = EVENT_LEASE};
        event.lease = (struct event_lease){.database = action->database,
                                           .state = EVENT_LEASE_REVOKED,
                                           .holder = holder,
                                           .epoch = lease.epoch,
                                           .revision = lease.revision,
                                           .candidate = model_node_find(model, lease.candidate)};
        job->world->tell(job->world->context, &event);
    }
    if (err == ERR_CONFLICT) {
        snprintf(ret_result->detail, sizeof ret_result->detail, "epoch %llu of %s is in force",
                 (unsigned long long)lease.epoch, lease.holder);
    }
}
