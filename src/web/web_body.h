/* SPDX-License-Identifier: Apache-2.0
 * The body of an order: an object whose members are known, each of its type.
 *
 * An order that is misspelt must not be carried out as another one: "dryrun": true, "dry_run": "yes" or ?dry_run=true
 * would otherwise start what was only to be tried. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "core/event.h"
#include "edge/http_server.h"

enum web_body_kind { WEB_BODY_TEXT, WEB_BODY_REASON, WEB_BODY_FLAG };

/* Of a WEB_BODY_REASON, at most: what the engine keeps. A longer one is refused: cut, it might say the opposite. */
enum { WEB_BODY_REASON_BYTES = sizeof((struct event_command *)NULL)->reason - 1 };

/* A list of them ends with a name that is NULL. Members may be absent or null, unless they must be there. */
struct web_body_member {
    const char *name;
    enum web_body_kind kind;
    bool needed; /* a text that is not empty */
};

/* Whether the body is such an object; else what is wrong with it. */
bool web_body_good(const json_t *body, const struct web_body_member *members, char *ret_problem, size_t size);

/* The request's body, the caller's; NULL: it is wrong, or there is a query, and the 400 was given. */
json_t *web_body_take(const struct http_server_request *request, struct http_server_answer *answer,
                      const struct web_body_member *members);

/* The same of an order that a query belongs to. */
json_t *web_body_read(const struct http_server_request *request, struct http_server_answer *answer,
                      const struct web_body_member *members);

/* Members of a body that was taken. NULL, or false: absent. */
const char *web_body_text(const json_t *body, const char *name);
bool web_body_flag(const json_t *body, const char *name);

/* Who orders it, and why: a WEB_BODY_REASON. */
void web_body_words(const json_t *body, struct event_command *command);
