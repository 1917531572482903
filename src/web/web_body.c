/* SPDX-License-Identifier: Apache-2.0
 * Orders are read strictly. */
#include "web/web_body.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/text.h"

static bool web_body_member_good(const struct web_body_member *member, const json_t *value, struct buf *problem)
{
    const bool absent = value == NULL || json_is_null(value);
    const bool empty = absent || (json_is_string(value) && json_string_length(value) == 0);
    if (member->needed && empty) {
        buf_printf(problem, "a %s is required", member->name);
        return false;
    }
    if (!absent && !(member->kind == WEB_BODY_FLAG ? json_is_boolean(value) : json_is_string(value))) {
        buf_printf(problem, "%s: %s is expected", member->name,
                   member->kind == WEB_BODY_FLAG ? "true or false" : "a text");
        return false;
    }
    if (member->kind == WEB_BODY_REASON && json_string_length(value) > WEB_BODY_REASON_BYTES) {
        buf_printf(problem, "%s: %zu bytes, but it may be %d long at most", member->name, json_string_length(value),
                   (int)WEB_BODY_REASON_BYTES);
        return false;
    }
    return true;
}

static bool web_body_known(const struct web_body_member *members, const char *name)
{
    const struct web_body_member *member = members;
    while (member->name != NULL && strcmp(member->name, name) != 0) {
        member++;
    }
    return member->name != NULL;
}

static void web_body_list(const struct web_body_member *members, struct buf *text)
{
    for (const struct web_body_member *member = members; member->name != NULL; member++) {
        buf_printf(text, "%s%s", member == members ? "; known are " : ", ", member->name);
    }
}

bool web_body_good(const json_t *body, const struct web_body_member *members, char *ret_problem, size_t size)
{
    struct buf problem;
    buf_init(&problem, ret_problem, size);
    if (!json_is_object(body)) {
        buf_text(&problem, "the body is not an object");
        return false;
    }
    json_t *object = (json_t *)(uintptr_t)body;
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);
        if (!web_body_known(members, name)) {
            buf_printf(&problem, "%.40s: not expected", name);
            web_body_list(members, &problem);
            return false;
        }
    }
    for (const struct web_body_member *member = members; member->name != NULL; member++) {
        if (!web_body_member_good(member, json_object_get(body, member->name), &problem)) {
            return false;
        }
    }
    return true;
}

json_t *web_body_take(const struct http_server_request *request, struct http_server_answer *answer,
                      const struct web_body_member *members)
{
    if (http_server_has_query(request)) {
        http_server_answer_problem(answer, ERR_INVALID, "an order takes no query: say it in the body");
        return NULL;
    }
    return web_body_read(request, answer, members);
}

json_t *web_body_read(const struct http_server_request *request, struct http_server_answer *answer,
                      const struct web_body_member *members)
{
    char problem[256];
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return NULL;
    }
    if (!web_body_good(body, members, problem, sizeof problem)) {
        http_server_answer_problem(answer, ERR_INVALID, "%s", problem);
        json_decref(body);
        return NULL;
    }
    return body;
}

const char *web_body_text(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

bool web_body_flag(const json_t *body, const char *name)
{
    return json_is_true(json_object_get(body, name));
}

void web_body_words(const json_t *body, struct event_command *command)
{
    const char *reason = web_body_text(body, "reason");
    const char *who = web_body_text(body, "who");
    ASSERT(reason == NULL || strlen(reason) <= WEB_BODY_REASON_BYTES);
    text_copy(command->reason, sizeof command->reason, reason != NULL ? reason : "");
    text_copy(command->who, sizeof command->who, who != NULL ? who : "api");
}
