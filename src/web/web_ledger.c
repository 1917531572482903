/* SPDX-License-Identifier: Apache-2.0
 * The ledger of each cluster: what waits for a person, one entry, and a person's word about it (doc/salvage.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/ledger.h"
#include "web/web_body.h"
#include "web/web_state.h"

enum {
    WEB_LEDGER_LIMIT = 100, /* entries of a page when not said */
    WEB_LEDGER_MOST = 1000,
    WEB_LEDGER_MESSAGE = 320,
};

/* Asks the writer of one cluster. NULL: `message` says why, or `err` alone. */
static json_t *web_ledger_ask(const struct desk *desk, const struct desk_ledger *ask, char *message, enum err *ret_err)
{
    char *text = NULL;
    message[0] = 0;
    *ret_err = desk->ledger(desk->context, ask, &text, message, WEB_LEDGER_MESSAGE);
    json_t *json = *ret_err == ERR_OK ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (*ret_err == ERR_OK && json == NULL) {
        *ret_err = ERR_INTERNAL;
    }
    return json;
}

/* Which cluster a request is about: the named one, or the only one. LIMITS_NONE: the answer was given. */
static uint32_t web_ledger_database(const struct http_server_request *request, struct http_server_answer *answer,
                                    const struct engine *engine)
{
    const char *name = http_server_query(request, "database");
    const uint32_t count = engine->model.databases_count;
    const uint32_t database = name != NULL ? model_database_find(&engine->model, name) : count == 1 ? 0 : LIMITS_NONE;
    if (database == LIMITS_NONE) {
        http_server_answer_problem(answer, name != NULL ? ERR_NOT_FOUND : ERR_INVALID,
                                   name != NULL ? "no database '%s'" : "say which cluster with ?database=NAME%s",
                                   name != NULL ? name : "");
    }
    return database;
}

static json_t *web_ledger_cluster(const struct desk *desk, const struct engine *engine, struct desk_ledger *ask,
                                  uint32_t database)
{
    char message[WEB_LEDGER_MESSAGE];
    enum err err = ERR_OK;
    ask->database = engine->model.databases[database].name;
    json_t *page = web_ledger_ask(desk, ask, message, &err);
    if (page == NULL) {
        page = json_pack("{s:s,s:s}", "code", err_name(err), "error", message[0] != 0 ? message : err_text(err));
    }
    json_object_set_new(page, "database", json_string(ask->database));
    json_object_set_new(page, "tier1", json_boolean(engine->model.databases[database].tier1));
    return page;
}

void web_ledger_list(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    const char *state = http_server_query(request, "state");
    const char *name = http_server_query(request, "database");
    uint64_t limit = 0;
    struct desk_ledger ask = {.what = DESK_LEDGER_PAGE,
                              .dbname = http_server_query(request, "dbname"),
                              .open = state == NULL || strcmp(state, "open") == 0};
    if (http_server_query_u64(request, "after", 0, &ask.id) != ERR_OK || ask.id > INT64_MAX ||
        http_server_query_u64(request, "limit", WEB_LEDGER_LIMIT, &limit) != ERR_OK || limit < 1 ||
        limit > WEB_LEDGER_MOST || (!ask.open && strcmp(state, "all") != 0)) {
        http_server_answer_problem(
            answer, ERR_INVALID, "after is an entry's number, limit from 1 to %d, state open or all", WEB_LEDGER_MOST);
        return;
    }
    ask.limit = (uint32_t)limit;
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    const uint32_t only = name != NULL ? web_ledger_database(request, answer, engine) : LIMITS_NONE;
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->model.databases_count && (name == NULL || only != LIMITS_NONE); i++) {
        if (name == NULL || i == only) {
            json_array_append_new(list, web_ledger_cluster(desk, engine, &ask, i));
        }
    }
    if (name == NULL || only != LIMITS_NONE) {
        http_server_answer_json(answer, 200, json_pack("{s:O}", "databases", list));
    }
    json_decref(list);
    free(engine);
}

/* One entry: asked for, or decided about. */
static void web_ledger_one(const struct http_server_request *request, struct http_server_answer *answer,
                           struct desk_ledger *ask)
{
    char message[WEB_LEDGER_MESSAGE];
    const char *id = request->segments[0];
    const size_t digits = strspn(id, "0123456789");
    enum err err = ERR_OK;
    if (digits == 0 || digits > 18 || id[digits] != 0) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "an entry has a number, not '%s'", id);
        return;
    }
    struct engine *engine = web_engine(request, answer);
    const uint32_t database = engine != NULL ? web_ledger_database(request, answer, engine) : LIMITS_NONE;
    if (database != LIMITS_NONE) {
        ask->id = strtoull(id, NULL, 10);
        ask->database = engine->model.databases[database].name;
        ask->dbname = http_server_query(request, "dbname");
        json_t *entry = web_ledger_ask(web_of(request)->options.desk, ask, message, &err);
        if (entry != NULL) {
            http_server_answer_json(answer, 200, entry);
        } else if (err == ERR_REFUSED) {
            http_server_answer_refusal(answer, err, "ledger", message);
        } else {
            http_server_answer_problem(answer, err, "%s", message[0] != 0 ? message : err_text(err));
        }
    }
    free(engine);
}

void web_ledger_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct desk_ledger ask = {.what = DESK_LEDGER_ENTRY};
    web_ledger_one(request, answer, &ask);
}

void web_ledger_resolve(const struct http_server_request *request, struct http_server_answer *answer)
{
    static const struct web_body_member members[] = {{"resolution", WEB_BODY_TEXT, true},
                                                     {"reason", WEB_BODY_TEXT, true},
                                                     {"who", WEB_BODY_TEXT, false},
                                                     {NULL, WEB_BODY_TEXT, false}};
    json_t *body = web_body_read(request, answer, members);
    if (body == NULL) {
        return;
    }
    const char *reason = web_body_text(body, "reason");
    const char *who = web_body_text(body, "who");
    const bool apply = strcmp(web_body_text(body, "resolution"), "apply") == 0;
    const bool discard = strcmp(web_body_text(body, "resolution"), "discard") == 0;
    if (!apply && !discard) {
        http_server_answer_problem(answer, ERR_INVALID, "resolution: apply or discard is expected");
    } else {
        struct desk_ledger ask = {.what = apply ? DESK_LEDGER_APPLY : DESK_LEDGER_DISCARD,
                                  .reason = reason,
                                  .who = who != NULL ? who : "api"};
        web_ledger_one(request, answer, &ask);
    }
    json_decref(body);
}
