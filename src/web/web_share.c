/* SPDX-License-Identifier: Apache-2.0
 * What the handlers of the API share: the engine between two steps, members of a request's JSON. */
#include <stdlib.h>
#include <string.h>

#include "web/web_state.h"

struct web *web_of(const struct http_server_request *request)
{
    return request->context;
}

struct engine *web_engine(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct engine *engine = malloc(sizeof *engine);
    if (engine == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory for a snapshot");
        return NULL;
    }
    desk->snapshot(desk->context, engine);
    if (engine->model.regions_count == 0) {
        free(engine);
        http_server_answer_problem(answer, ERR_UNAVAILABLE, "the decision loop does not answer");
        return NULL;
    }
    return engine;
}

const char *web_text(const json_t *object, const char *name, bool *ret_good)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_string(value)) {
        *ret_good = false;
    }
    return json_string_value(value);
}

bool web_number(const json_t *object, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

void web_refusal(struct http_server_answer *answer, const struct engine_reply *reply)
{
    if (reply->error == ERR_UNAVAILABLE || reply->error == ERR_CONFLICT) {
        http_server_answer_refusal(answer, reply->error, "safety rule", reply->text);
    } else {
        http_server_answer_problem(answer, reply->error, "%s", reply->text);
    }
}

bool web_order(const struct http_server_request *request, struct http_server_answer *answer,
               const struct event_command *command, struct engine_reply *ret_reply)
{
    const struct desk *desk = web_of(request)->options.desk;
    *ret_reply = (struct engine_reply){0};
    const enum err err = desk->command(desk->context, command, ret_reply);
    if (err != ERR_OK) {
        http_server_answer_problem(answer, err, "the engine did not reply: the outcome is unknown, look at the status");
    } else if (ret_reply->error != ERR_OK) {
        web_refusal(answer, ret_reply);
    }
    return err == ERR_OK && ret_reply->error == ERR_OK;
}
