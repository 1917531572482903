/* SPDX-License-Identifier: Apache-2.0
 * Orders about one PostgreSQL node: cloned anew, started again (core/node_order.h). */
#include <stdlib.h>

#include "base/text.h"
#include "core/node_order.h"
#include "web/web_body.h"
#include "web/web_state.h"

static json_t *web_node_checks(const struct node_order_check *checks, uint32_t count, bool force)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct node_order_check *check = &checks[i];
        const bool blocks = check->weight == NODE_ORDER_NEVER || (check->weight == NODE_ORDER_FORCED && !force);
        json_array_append_new(list, json_pack("{s:s,s:b,s:b,s:s}", "check", check->name, "ok", (int)check->good,
                                              "blocks", (int)blocks, "detail", check->good ? "" : check->detail));
    }
    return list;
}

/* What would be done; nothing is. */
static void web_node_preview(struct http_server_answer *answer, const struct engine *engine,
                             const struct event_command *command)
{
    struct node_order_check checks[NODE_ORDER_CHECKS];
    const uint32_t node = command->node;
    const bool force = command->force;
    const uint32_t count = node_order_look(engine, node, command->kind == EVENT_COMMAND_RESTART, checks);
    const struct node_order_check *refusal = node_order_refusal(checks, count, force);
    const uint32_t writer = engine->durable.databases[engine->model.nodes[node].database].writer;
    http_server_answer_json(
        answer, 200,
        json_pack("{s:s,s:s,s:s,s:s,s:o}", "node", web_render_node(engine, node), "from",
                  web_render_node(engine, writer), "would", refusal != NULL ? "be refused" : "start", "problem",
                  refusal != NULL ? refusal->detail : "", "checks", web_node_checks(checks, count, force)));
}

static void web_node_order(const struct http_server_request *request, struct http_server_answer *answer,
                           const struct event_command *command)
{
    struct engine_reply reply;
    if (web_order(request, answer, command, &reply)) {
        http_server_answer_json(answer, 202,
                                json_pack("{s:I,s:s}", "order", (json_int_t)reply.run, "text", reply.text));
    }
}

static void web_node_command(const struct http_server_request *request, struct http_server_answer *answer,
                             enum event_command_kind kind)
{
    static const struct web_body_member members[] = {{"reason", WEB_BODY_REASON, false},
                                                     {"who", WEB_BODY_TEXT, false},
                                                     {"force", WEB_BODY_FLAG, false},
                                                     {"dry_run", WEB_BODY_FLAG, false},
                                                     {NULL, WEB_BODY_TEXT, false}};
    json_t *body = web_body_take(request, answer, members);
    if (body == NULL) {
        return;
    }
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        json_decref(body);
        return;
    }
    struct event_command command = {.kind = kind,
                                    .node = model_node_find(&engine->model, request->segments[0]),
                                    .force = web_body_flag(body, "force")};
    web_body_words(body, &command);
    if (command.node == LIMITS_NONE) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "no node '%s'", request->segments[0]);
    } else if (web_body_flag(body, "dry_run")) {
        web_node_preview(answer, engine, &command);
    } else {
        web_node_order(request, answer, &command);
    }
    free(engine);
    json_decref(body);
}

void web_node_reinit(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_node_command(request, answer, EVENT_COMMAND_REINIT);
}

void web_node_restart(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_node_command(request, answer, EVENT_COMMAND_RESTART);
}
