/* SPDX-License-Identifier: Apache-2.0
 * The running configuration, and taking a new one. */
#include <stdio.h>
#include <stdlib.h>

#include "web/web_body.h"
#include "web/web_state.h"

enum {
    WEB_CONFIG_MESSAGES = 64 * 1024,
};

void web_config_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    char *text = desk->configuration(desk->context);
    char hash[24];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)engine->model.config_hash);
    http_server_answer_json(answer, 200, json_pack("{s:s,s:s?}", "hash", hash, "text", text));
    free(text);
    free(engine);
}

void web_config_apply(const struct http_server_request *request, struct http_server_answer *answer)
{
    static const struct web_body_member members[] = {{NULL, WEB_BODY_TEXT, false}};
    const struct desk *desk = web_of(request)->options.desk;
    json_t *body = web_body_take(request, answer, members);
    if (body == NULL) {
        return;
    }
    json_decref(body);
    char *message = malloc(WEB_CONFIG_MESSAGES);
    if (message == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
        return;
    }
    message[0] = 0;
    const enum err err = desk->configure(desk->context, message, WEB_CONFIG_MESSAGES);
    if (err == ERR_OK) {
        http_server_answer_json(answer, 200, json_pack("{s:s}", "text", message));
    } else if (err == ERR_UNAVAILABLE) {
        http_server_answer_refusal(answer, err, "safety rule", message);
    } else {
        http_server_answer_problem(answer, err, "%s", message);
    }
    free(message);
}
