/* SPDX-License-Identifier: Apache-2.0
 * Comparing the future writer with the present one, for the failback guard. */
#include <stdio.h>

#include "control/act.h"
#include "core/view.h"

void act_compare_run(const struct act_job *job, struct event_result *ret_result)
{
    struct view view;
    job->world->view(job->world->context, &view);
    const struct action *action = &job->action;
    const struct setup *setup = job->setup;
    if (action->database >= view.databases_count || action->node >= view.nodes_count ||
        view.databases[action->database].writer == LIMITS_NONE || job->world->compare == NULL) {
        ret_result->error = ERR_UNAVAILABLE;
        snprintf(ret_result->detail, sizeof ret_result->detail, "there is no writer to compare with");
        return;
    }
    const struct config_database *database = &setup->config->databases[action->database];
    const struct view_node *writer = &view.nodes[view.databases[action->database].writer];
    const char *password = setup->superuser[action->database];
    bool consistent = false;
    const enum err err =
        job->world->compare(&writer->postgres, &view.nodes[action->node].postgres, database->dbname,
                            database->superuser.name, password[0] != 0 ? password : NULL, action->timeout_ms,
                            &consistent, ret_result->detail, sizeof ret_result->detail);
    ret_result->error = err == ERR_OK && !consistent ? ERR_CONTENT : err;
    ret_result->ok = err == ERR_OK && consistent;
    ret_result->refused = err == ERR_OK && !consistent;
}
