/* SPDX-License-Identifier: Apache-2.0
 * Telling people about runs. */
#include "control/control_tell.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "core/plan.h"
#include "core/run.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    CONTROL_TELL_SECRETS = NOTIFY_RECEIVERS,
};

enum err control_tell_open(struct control *control)
{
    const struct config_notify *config = &control->setup->config->notify;
    struct notify_receiver receivers[NOTIFY_RECEIVERS];
    char secrets[CONTROL_TELL_SECRETS][CONFIG_SECRET_BYTES];
    const uint32_t count = config->webhooks_count < NOTIFY_RECEIVERS ? config->webhooks_count : NOTIFY_RECEIVERS;
    for (uint32_t i = 0; i < count; i++) {
        const struct config_webhook *webhook = &config->webhooks[i];
        receivers[i] = (struct notify_receiver){.name = webhook->name, .url = webhook->url.text};
        if ((webhook->secret.file != NULL || webhook->secret.env != NULL) &&
            config_secret_read(&webhook->secret, secrets[i], sizeof secrets[i]) == ERR_OK) {
            receivers[i].secret = secrets[i];
        }
    }
    const struct notify_config notify = {.store = control->store,
                                         .system = control->setup->config->name,
                                         .receivers = receivers,
                                         .receiver_count = count,
                                         .spool = config->spool};
    const enum err err = notify_open(&notify, &control->notify);
    explicit_bzero(secrets, sizeof secrets);
    return err;
}

void control_tell_close(struct control *control)
{
    notify_close(control->notify);
}

static enum notify_message_state control_tell_state(enum durable_step_state state)
{
    static const enum notify_message_state states[] = {
        NOTIFY_MESSAGE_PENDING, NOTIFY_MESSAGE_RUNNING,     NOTIFY_MESSAGE_DONE,    NOTIFY_MESSAGE_SKIPPED,
        NOTIFY_MESSAGE_DONE,    NOTIFY_MESSAGE_STEP_FAILED, NOTIFY_MESSAGE_SKIPPED,
    };
    ASSERT((size_t)state < sizeof states / sizeof states[0]);
    return states[state];
}

static size_t control_tell_steps(const struct durable_run *run, struct notify_message_step *ret_steps)
{
    for (uint32_t i = 0; i < run->steps_count; i++) {
        ret_steps[i] = (struct notify_message_step){.name = plan_step_of(run->steps[i].step)->name,
                                                    .state = control_tell_state(run->steps[i].state),
                                                    .detail = run->steps[i].detail};
    }
    return run->steps_count;
}

/* Of a database whose durability set has emptied, or is back. */
static enum err control_tell_durability(const struct control *control, const struct action *action,
                                        struct arena *memory, struct store_write *ret_write)
{
    const struct model *model = &control->engine.model;
    const struct model_database *database = &model->databases[action->database];
    const bool back = action->phase == ACTION_SUCCESS;
    const bool block = database->durability_block;
    char incident[160];
    char reason[160];
    snprintf(incident, sizeof incident, "%s-durability-%s", model->name, database->name);
    snprintf(reason, sizeof reason, "%s: %s", database->name,
             back    ? "a standby follows again; tier-1 commits wait for it"
             : block ? "no standby acknowledges; tier-1 commits wait for one"
                     : "no standby acknowledges; tier-1 commits are on one node only, and none may be promoted");
    const struct notify_message message = {
        .incident = incident,
        .phase = back ? NOTIFY_MESSAGE_SUCCESS : NOTIFY_MESSAGE_INITIATED,
        .severity = back    ? NOTIFY_MESSAGE_INFO
                    : block ? NOTIFY_MESSAGE_CRITICAL
                            : NOTIFY_MESSAGE_ERROR,
        .system = model->name,
        .operation = "durability",
        .automatic = true,
        .reason = reason,
        .status = back    ? "KEPT"
                  : block ? "BLOCKED"
                          : "DEGRADED",
        .now = clock_wall(),
        .on_call = control->setup->config->notify.on_call,
        .on_call_count = control->setup->config->notify.on_call_count,
    };
    const enum err err = notify_write(&message, memory, ret_write);
    if (err != ERR_OK) {
        LOG_W("database %s: a notification could not be written: %s", database->name, err_text(err));
    }
    return err;
}

bool control_tell_write(struct control *control, const struct action *action, struct arena *memory,
                        struct store_write *ret_write)
{
    if (action->run == 0) {
        return control_tell_durability(control, action, memory, ret_write) == ERR_OK;
    }
    const struct durable_run *run = durable_run_find(&control->engine.durable, action->run);
    if (run == NULL) {
        return false;
    }
    static const enum notify_message_phase phases[] = {NOTIFY_MESSAGE_INITIATED, NOTIFY_MESSAGE_PROGRESS,
                                                       NOTIFY_MESSAGE_SUCCESS, NOTIFY_MESSAGE_FAILED};
    const struct model *model = &control->engine.model;
    struct notify_message_step steps[PLAN_STEPS_MAX];
    char incident[64];
    char id[24];
    snprintf(incident, sizeof incident, "%s-run-%llu", model->name, (unsigned long long)run->id);
    snprintf(id, sizeof id, "%llu", (unsigned long long)run->id);
    const bool failed = action->phase == ACTION_FAILED || run->state == DURABLE_RUN_WAITING;
    const struct notify_message message = {
        .incident = incident,
        .phase = phases[action->phase],
        .severity = failed ? NOTIFY_MESSAGE_CRITICAL : NOTIFY_MESSAGE_WARNING,
        .system = model->name,
        .operation = plan_of(run->plan)->name,
        .run = id,
        .source = model->regions[run->source].name,
        .target = model->regions[run->target].name,
        .automatic = run->automatic,
        .reason = run->text,
        .status = run_state_name(run->state),
        .started = {run->began_wall_us},
        .now = clock_wall(),
        .steps = steps,
        .step_count = control_tell_steps(run, steps),
        .on_call = control->setup->config->notify.on_call,
        .on_call_count = control->setup->config->notify.on_call_count,
    };
    const enum err err = notify_write(&message, memory, ret_write);
    if (err != ERR_OK) {
        LOG_W("run %s: a notification could not be written: %s", id, err_text(err));
    }
    return err == ERR_OK;
}

/* ---- orders ---- */

bool control_tell_ordered(const struct event_command *command, const struct output *output,
                          char ret_text[CONTROL_TELL_ORDERED])
{
    const bool approve = command->kind == EVENT_COMMAND_APPROVE;
    bool taken = false;
    for (uint32_t i = 0; i < output->replies_count; i++) {
        taken |= output->replies[i].token == command->token && output->replies[i].error == ERR_OK;
    }
    if (!taken || !(approve || command->kind == EVENT_COMMAND_ABORT)) {
        return false;
    }
    snprintf(ret_text, CONTROL_TELL_ORDERED, "run %llu: %s by %s%s%s", (unsigned long long)command->run,
             approve ? "approved" : "abort ordered", command->who, command->reason[0] != 0 ? ": " : "",
             command->reason);
    return true;
}

void control_tell_order(struct control *control, const struct event *event)
{
    char text[CONTROL_TELL_ORDERED];
    if (control_tell_ordered(&event->command, &control->output, text)) {
        const struct journal_note note = {
            .kind = "ORDERED", .text = text, .run = event->command.run, .at = event->at, .wall = event->wall};
        journal_note(control->journal, &note);
    }
}
