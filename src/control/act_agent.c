/* SPDX-License-Identifier: Apache-2.0
 * Orders to agents, over HTTP (doc/protocol.md). */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/text.h"
#include "control/act.h"
#include "core/lsn.h"
#include "edge/http_client.h"

enum {
    ACT_AGENT_BODY = 2048,
    ACT_AGENT_CONNECT_MS = 500,
};

static const char *act_agent_path(enum action_kind kind)
{
    switch (kind) {
    case ACTION_AGENT_FENCE:
        return "/v1/fence";
    case ACTION_AGENT_PROMOTE:
        return "/v1/promote";
    case ACTION_AGENT_PROVE:
        return "/v1/prove";
    case ACTION_AGENT_CHECKPOINT:
        return "/v1/checkpoint";
    case ACTION_AGENT_STOP:
        return "/v1/stop";
    case ACTION_AGENT_REPLAYED:
        return "/v1/replayed";
    case ACTION_AGENT_DURABILITY:
        return "/v1/durability";
    case ACTION_AGENT_REINIT:
        return "/v1/reinit";
    case ACTION_AGENT_RESTART:
        return "/v1/restart";
    case ACTION_LEASE_REVOKE:
    case ACTION_CACHE_PROMOTE:
    case ACTION_CACHE_FOLLOW:
    case ACTION_CACHE_QUIET:
    case ACTION_BALANCE:
    case ACTION_VERIFY:
    case ACTION_COMPARE:
    case ACTION_NOTIFY:
    case ACTION_COUNT:
        break;
    }
    ASSERT(false);
    return "";
}

static void act_agent_body(const struct act_job *job, struct buf *body)
{
    const struct model *model = &job->setup->model;
    const struct action *action = &job->action;
    char lsn[LSN_TEXT];
    lsn_print(action->lsn, lsn);
    buf_printf(body,
               "{\"epoch\":%llu,\"run\":\"%llu\",\"database\":\"%s\",\"mode\":\"fast\",\"lsn\":\"%s\",\"required\":%u,"
               "\"order\":%llu,\"members\":[",
               (unsigned long long)action->epoch, (unsigned long long)action->run,
               model->databases[action->database].name, lsn, action->required, (unsigned long long)action->order);
    const char *comma = "";
    for (uint32_t node = 0; node < model->nodes_count; node++) {
        if ((action->mask >> node & 1U) != 0) {
            buf_printf(body, "%s\"%s\"", comma, model->nodes[node].name);
            comma = ",";
        }
    }
    buf_text(body, action->early ? "],\"early\":true}" : "]}");
}

static void act_agent_answer(const struct http_client_response *response, struct event_result *ret_result)
{
    char detail[sizeof ret_result->detail] = "";
    const enum err err = http_client_response_err(response, detail, sizeof detail);
    json_t *json = json_loadb(response->body, response->size, 0, NULL);
    ret_result->ok = err == ERR_OK;
    ret_result->error = err;
    ret_result->refused = err != ERR_OK && json_is_true(json_object_get(json, "refused"));
    text_copy(ret_result->detail, sizeof ret_result->detail, detail);
    static const char *const names[] = {"shutdown_lsn", "lsn"};
    for (size_t i = 0; i < 2 && ret_result->lsn.position == 0; i++) {
        const char *text = json_string_value(json_object_get(json, names[i]));
        if (text != NULL && !lsn_parse(text, &ret_result->lsn)) {
            ret_result->lsn = (struct lsn){0};
        }
    }
    json_decref(json);
}

static const char *act_agent_address(const struct setup *setup, uint32_t node)
{
    const struct config *config = setup->config;
    uint32_t first = 0;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        if (node - first < config->databases[i].nodes_count) {
            return config->databases[i].nodes[node - first].agent.text;
        }
        first += config->databases[i].nodes_count;
    }
    return NULL;
}

void act_agent_run(const struct act_job *job, struct event_result *ret_result)
{
    const char *address = act_agent_address(job->setup, job->action.node);
    if (address == NULL) {
        ret_result->error = ERR_NOT_FOUND; /* the configuration has changed under the action */
        return;
    }
    uint8_t memory[ACT_AGENT_BODY];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    act_agent_body(job, &body);
    const struct http_client_request request = {.method = "POST",
                                                .address = address,
                                                .path = act_agent_path(job->action.kind),
                                                .token = job->setup->token,
                                                .body = body.data,
                                                .body_size = body.size,
                                                .timeout_ms = job->action.timeout_ms,
                                                .connect_timeout_ms = ACT_AGENT_CONNECT_MS};
    struct http_client_response response = {0};
    const enum err err = http_client_call(&request, &response);
    if (err != ERR_OK) {
        ret_result->error = err;
        snprintf(ret_result->detail, sizeof ret_result->detail, "agent %s: %s",
                 job->setup->model.nodes[job->action.node].name, err_text(err));
    } else {
        act_agent_answer(&response, ret_result);
    }
    http_client_response_fini(&response);
}
