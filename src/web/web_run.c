/* SPDX-License-Identifier: Apache-2.0
 * Runs: listed, shown, started, approved, aborted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan.h"
#include "core/run.h"
#include "web/web_body.h"
#include "web/web_state.h"

void web_run_list(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    json_t *runs = json_array();
    if (engine->durable.run.state != DURABLE_RUN_NONE) {
        json_array_append_new(runs, web_render_run(engine, &engine->durable.run));
    }
    if (engine->durable.aside.state != DURABLE_RUN_NONE) {
        json_array_append_new(runs, web_render_run(engine, &engine->durable.aside));
    }
    for (uint32_t i = 0; i < DURABLE_RUNS; i++) {
        if (engine->durable.past[i].id != 0) {
            json_array_append_new(runs, web_render_run(engine, &engine->durable.past[i]));
        }
    }
    free(engine);
    http_server_answer_json(answer, 200, json_pack("{s:o}", "runs", runs));
}

/* The run that a path names; false: the answer was given. */
static bool web_run_id(const struct http_server_request *request, struct http_server_answer *answer, uint64_t *ret_id)
{
    char *end = NULL;
    const char *text = request->segments[0];
    const unsigned long long id = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "a run has a number, not '%s'", text);
        return false;
    }
    *ret_id = id;
    return true;
}

void web_run_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    uint64_t id = 0;
    if (!web_run_id(request, answer, &id)) {
        return;
    }
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    const struct durable_run *found = durable_run_find(&engine->durable, id);
    if (found == NULL) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "no run %llu among the latest %d; the journal has all",
                                   (unsigned long long)id, DURABLE_RUNS);
    } else {
        http_server_answer_json(answer, 200, web_render_run(engine, found));
    }
    free(engine);
}

/* ---- commands ---- */

static void web_run_command(const struct http_server_request *request, struct http_server_answer *answer,
                            const struct event_command *command)
{
    struct engine_reply reply;
    if (web_order(request, answer, command, &reply)) {
        http_server_answer_json(answer, 202, json_pack("{s:I,s:s}", "run", (json_int_t)reply.run, "text", reply.text));
    }
}

/* Region names of the body become indices; false: the answer was given. */
static bool web_run_regions(const struct engine *engine, const json_t *body, struct http_server_answer *answer,
                            struct event_command *command)
{
    static const char *const names[] = {"source", "target"};
    uint32_t *const fields[] = {&command->source, &command->target};
    for (size_t i = 0; i < 2; i++) {
        const char *name = web_body_text(body, names[i]);
        *fields[i] = LIMITS_NONE;
        if (name != NULL && (*fields[i] = model_region_find(&engine->model, name)) == LIMITS_NONE) {
            http_server_answer_problem(answer, ERR_INVALID, "%s: no such region", names[i]);
            return false;
        }
    }
    return true;
}

static bool web_run_parse(const struct engine *engine, const json_t *body, struct http_server_answer *answer,
                          struct event_command *command)
{
    const char *mode = web_body_text(body, "mode");
    if (mode != NULL && strcmp(mode, "emergency") != 0 && strcmp(mode, "normal") != 0) {
        http_server_answer_problem(answer, ERR_INVALID, "mode: normal or emergency is expected");
        return false;
    }
    command->emergency = mode != NULL && strcmp(mode, "emergency") == 0;
    command->accept_loss = web_body_flag(body, "accept_loss");
    command->dry_run = web_body_flag(body, "dry_run");
    web_body_words(body, command);
    return web_run_regions(engine, body, answer, command);
}

static void web_run_start(const struct http_server_request *request, struct http_server_answer *answer,
                          enum event_command_kind kind)
{
    static const struct web_body_member members[] = {
        {"source", WEB_BODY_TEXT, false},      {"target", WEB_BODY_TEXT, false}, {"reason", WEB_BODY_REASON, true},
        {"who", WEB_BODY_TEXT, false},         {"mode", WEB_BODY_TEXT, false},   {"dry_run", WEB_BODY_FLAG, false},
        {"accept_loss", WEB_BODY_FLAG, false}, {NULL, WEB_BODY_TEXT, false}};
    json_t *body = web_body_take(request, answer, members);
    if (body == NULL) {
        return;
    }
    struct engine *engine = web_engine(request, answer);
    struct event_command command = {.kind = kind};
    if (engine != NULL && web_run_parse(engine, body, answer, &command)) {
        if (command.dry_run) {
            web_preview(request, answer, &command, engine);
        } else {
            web_run_command(request, answer, &command);
        }
    }
    free(engine);
    json_decref(body);
}

void web_run_failover(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_start(request, answer, EVENT_COMMAND_FAILOVER);
}

void web_run_switchover(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_start(request, answer, EVENT_COMMAND_SWITCHOVER);
}

void web_run_failback(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_start(request, answer, EVENT_COMMAND_FAILBACK);
}

static void web_run_simple(const struct http_server_request *request, struct http_server_answer *answer,
                           enum event_command_kind kind, bool named)
{
    static const struct web_body_member members[] = {
        {"reason", WEB_BODY_REASON, false}, {"who", WEB_BODY_TEXT, false}, {NULL, WEB_BODY_TEXT, false}};
    struct event_command command = {.kind = kind, .source = LIMITS_NONE, .target = LIMITS_NONE};
    if (named && !web_run_id(request, answer, &command.run)) {
        return;
    }
    json_t *body = web_body_take(request, answer, members);
    if (body != NULL) {
        web_body_words(body, &command);
        web_run_command(request, answer, &command);
    }
    json_decref(body);
}

void web_run_approve(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_simple(request, answer, EVENT_COMMAND_APPROVE, true);
}

void web_run_abort(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_simple(request, answer, EVENT_COMMAND_ABORT, true);
}

void web_run_pause(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_simple(request, answer, EVENT_COMMAND_PAUSE, false);
}

void web_run_resume(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_run_simple(request, answer, EVENT_COMMAND_RESUME, false);
}
