/* SPDX-License-Identifier: Apache-2.0
 * Dry runs: the order is carried out on a copy of the engine as far as its first look goes, and the answer says what it
 * found, what would follow, how long that takes and what it costs. Nothing is changed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/candidate.h"
#include "core/judge.h"
#include "core/plan.h"
#include "web/web_state.h"

enum {
    WEB_PREVIEW_TEXT = 256,
    WEB_PREVIEW_WHOLE_PPM = 1000000,
};

/* `blocks`: it refuses the run when it is not good. */
__attribute__((format(printf, 5, 6))) static void web_preview_check(json_t *list, const char *name, bool good,
                                                                    bool blocks, const char *format, ...)
{
    char text[WEB_PREVIEW_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(
        list, json_pack("{s:s,s:b,s:b,s:s}", "check", name, "ok", (int)good, "blocks", (int)blocks, "detail", text));
}

/* A failback's own guard decides about the target (core/step_guard.h): what it says is a check of its own. */
static bool web_preview_guarded(const struct durable_run *run)
{
    return run->plan == PLAN_FAILBACK;
}

static void web_preview_target(json_t *list, const struct engine *engine, const struct durable_run *run)
{
    struct decide_target target;
    const char *name = web_render_region(engine, run->target);
    const bool blocks = !plan_local(run->plan) && !web_preview_guarded(run);
    judge_target_state(engine, run->source, run->target, &target);
    const struct {
        const char *check;
        bool good;
    } parts[] = {{"target database", target.db},
                 {"target application", target.app},
                 {"target cache", target.cache},
                 {"target queue", target.queue}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        web_preview_check(list, parts[i].check, parts[i].good, blocks, "%s: %s", name,
                          parts[i].good ? "its checks pass" : "not all of its checks pass");
    }
    const int64_t limit_ms = engine->model.policy.rpo_limit_ms;
    if (run->moves_count == 0) {
        web_preview_check(list, "replication lag", true, false, "no database moves");
    } else if (!target.lag_known) {
        web_preview_check(list, "replication lag", false, !run->accept_loss && !web_preview_guarded(run),
                          "unknown; the limit is %lld ms", (long long)limit_ms);
    } else {
        web_preview_check(list, "replication lag", target.lag_us < limit_ms * TIME_US_PER_MS,
                          !run->accept_loss && !web_preview_guarded(run), "%lld ms of at most %lld ms",
                          (long long)(target.lag_us / TIME_US_PER_MS), (long long)limit_ms);
    }
    web_preview_check(list, "target capacity", target.capacity_ppm >= engine->model.policy.target_capacity_ppm, false,
                      "%lld%% of the demand is configured for %s",
                      (long long)target.capacity_ppm * 100 / WEB_PREVIEW_WHOLE_PPM, name);
}

static void web_preview_candidate(json_t *list, const struct engine *engine, const struct durable_run *run,
                                  const struct durable_move *move)
{
    const struct model_database *model = &engine->model.databases[move->database];
    const struct durable_database *state = &engine->durable.databases[move->database];
    const bool graceful = plan_graceful(run->plan);
    const uint32_t excluded = move->refused | (move->source != LIMITS_NONE ? 1U << move->source : 0);
    const struct candidate candidate =
        candidate_choose(engine, move->database, run->target, excluded, run->accept_loss || graceful);
    const bool found = candidate.node != LIMITS_NONE;
    web_preview_check(list, "candidate", found, !web_preview_guarded(run), "%s: %s%s%s", model->name,
                      found ? web_render_node(engine, candidate.node) : "", found ? ", " : "", candidate.why);
    if (found) {
        const bool member = (state->members >> candidate.node & 1U) != 0;
        web_preview_check(list, "durability", member || graceful, model->tier1 && !run->accept_loss, "%s: %s %s",
                          model->name, web_render_node(engine, candidate.node),
                          member     ? "is in the durability set: it holds every acknowledged tier-1 commit"
                          : graceful ? "replays everything before it is promoted"
                                     : "is outside the durability set");
    }
}

/* What the copy's first look said itself. */
static void web_preview_looked(json_t *list, const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const struct durable_step *step = &run->steps[i];
        const bool look = step->step == PLAN_GUARD || step->step == PLAN_VALIDATE;
        if (look && step->state != DURABLE_STEP_PENDING) {
            web_preview_check(list, step->step == PLAN_GUARD ? "failback guard" : "validation",
                              step->state == DURABLE_STEP_DONE, step->state == DURABLE_STEP_FAILED, "%s", step->detail);
        }
    }
}

static json_t *web_preview_checks(const struct engine *engine, const struct durable_run *run)
{
    json_t *list = json_array();
    web_preview_target(list, engine, run);
    for (uint32_t i = 0; i < run->moves_count; i++) {
        web_preview_candidate(list, engine, run, &run->moves[i]);
    }
    web_preview_looked(list, run);
    return list;
}

static json_t *web_preview_actions(const struct engine *engine, const struct output *output)
{
    json_t *actions = json_array();
    for (uint32_t i = 0; i < output->actions_count; i++) {
        const struct action *action = &output->actions[i];
        if (action->kind != ACTION_NOTIFY) {
            json_array_append_new(actions,
                                  json_pack("{s:s,s:s,s:I}", "action", action_name(action->kind), "node",
                                            web_render_node(engine, action->node), "epoch", (json_int_t)action->epoch));
        }
    }
    return actions;
}

static void web_preview_from(const struct engine *engine, const struct durable_run *run, json_t *json)
{
    char text[WEB_PREVIEW_TEXT];
    const struct durable_run *similar = web_predict_similar(engine, run);
    bool silent = false;
    bool early = false;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        const bool mute = move->source == LIMITS_NONE || !engine->nodes[move->source].alive;
        const bool sure = move->target != LIMITS_NONE && candidate_indispensable(engine, move->database, move->target);
        silent |= mute && !sure;
        early |= mute && sure;
    }
    const bool graceful = plan_graceful(run->plan);
    const char *fence = run->moves_count == 0 ? ""
                        : graceful            ? "while the sessions are held, "
                        : silent              ? "lease and margin of the silent writer, "
                        : early               ? "nothing is acknowledged without the target, "
                                              : "fenced by its agent's word, ";
    if (similar != NULL) {
        snprintf(text, sizeof text, "%sstep times as in run %llu", fence, (unsigned long long)similar->id);
    } else {
        snprintf(text, sizeof text, "%susual step times: there is no similar run yet", fence);
    }
    json_object_set_new(json, "predicted_from", json_string(text));
}

/* The first check that would refuse it; NULL: none. Just after a start a real run waits a moment for reports before it
 * gives up; a dry run tells what it sees. */
static const char *web_preview_refusal(const json_t *checks)
{
    size_t index = 0;
    const json_t *check = NULL;
    json_array_foreach(checks, index, check)
    {
        if (json_is_true(json_object_get(check, "blocks")) && json_is_false(json_object_get(check, "ok"))) {
            return json_string_value(json_object_get(check, "detail"));
        }
    }
    return NULL;
}

static json_t *web_preview_json(const struct engine *engine, const struct output *output)
{
    const bool refused = engine->durable.run.state == DURABLE_RUN_NONE;
    const struct durable_run *run = refused ? &engine->durable.past[0] : &engine->durable.run;
    json_t *json = web_render_run(engine, run);
    json_t *checks = web_preview_checks(engine, run);
    const char *refusal = web_preview_refusal(checks);
    json_object_set_new(json, "would", json_string(refused || refusal != NULL ? "be refused" : "start"));
    if (!refused && refusal != NULL) {
        json_object_set_new(json, "problem", json_string(refusal));
    }
    json_object_set_new(json, "predicted_rto_ms", json_integer(web_predict_rto_ms(engine, run)));
    web_preview_from(engine, run, json);
    json_object_set_new(json, "loss", web_predict_loss(engine, run));
    json_object_set_new(json, "checks", checks);
    json_object_set_new(json, "mutations", web_mutation_list(engine, run));
    json_object_set_new(json, "actions", web_preview_actions(engine, output));
    json_t *steps = json_object_get(json, "steps");
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const int64_t ms = web_predict_step_ms(engine, run, run->steps[i].step);
        json_object_set_new(json_array_get(steps, i), "predicted_ms", ms >= 0 ? json_integer(ms) : json_null());
    }
    return json;
}

void web_preview(const struct http_server_request *request, struct http_server_answer *answer,
                 const struct event_command *command, struct engine *scratch)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct output *output = calloc(1, sizeof *output);
    const enum err err = output == NULL ? ERR_NO_MEMORY : desk->preview(desk->context, command, scratch, output);
    if (err != ERR_OK || output->replies_count == 0) {
        http_server_answer_problem(answer, err != ERR_OK ? err : ERR_INTERNAL, "no preview");
    } else if (output->replies[0].error != ERR_OK) {
        web_refusal(answer, &output->replies[0]);
    } else {
        http_server_answer_json(answer, 200, web_preview_json(scratch, output));
    }
    free(output);
}
