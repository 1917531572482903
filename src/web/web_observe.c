/* SPDX-License-Identifier: Apache-2.0
 * Observers: their results, their readers, and the view they follow. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "edge/clock.h"
#include "edge/observe.h"
#include "web/web_state.h"

enum {
    WEB_OBSERVE_POLL_MS = 10000,
};

void web_observe_results(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct observe_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
        return;
    }
    enum err err = observe_read_batch(request->body, request->body_size, clock_mono(), batch);
    uint64_t version = 0;
    if (err == ERR_OK) {
        err = desk->observe(desk->context, batch->site, batch->results, batch->count, &version);
    }
    if (err == ERR_OK && batch->beats.any) {
        err = desk->beats(desk->context, batch->site, &batch->beats);
    }
    if (err == ERR_OK) {
        http_server_answer_json(answer, 200, json_pack("{s:I}", "view", (json_int_t)version));
    } else {
        http_server_answer_problem(answer, err, "observations of '%s'", batch->site);
    }
    free(batch);
}

/* In the order of enum event_reader_kind; ENGINE_READER_KINDS: no such word. */
static uint32_t web_observe_kind(const char *word)
{
    static const char *const words[ENGINE_READER_KINDS] = {"dns", "proxy", "service"};
    uint32_t kind = 0;
    while (kind < ENGINE_READER_KINDS && strcmp(word, words[kind]) != 0) {
        kind++;
    }
    return kind;
}

static bool web_observe_reader(const json_t *json, struct desk_reader *ret_reader)
{
    bool good = json_is_object(json);
    const char *name = web_text(json, "name", &good);
    const char *kind = web_text(json, "kind", &good);
    uint64_t age_ms = 0;
    if (!good || name == NULL || kind == NULL || !web_number(json, "version", &ret_reader->version) ||
        !web_number(json, "age_ms", &age_ms) || web_observe_kind(kind) == ENGINE_READER_KINDS) {
        return false;
    }
    text_copy(ret_reader->name, sizeof ret_reader->name, name);
    ret_reader->kind = (enum event_reader_kind)web_observe_kind(kind);
    ret_reader->age_ms = age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
    return true;
}

static bool web_observe_sight(const json_t *json, struct desk_sight *ret_sight)
{
    bool good = json_is_object(json);
    const char *server = web_text(json, "server", &good);
    const char *by = web_text(json, "by", &good);
    struct publish_sight *sight = &ret_sight->sight;
    if (!good || server == NULL || !web_number(json, "connections", &sight->connections) ||
        !web_number(json, "failures", &sight->failures) || !web_number(json, "wrong", &sight->wrong) ||
        !web_number(json, "rtt_us", &sight->rtt_us)) {
        return false;
    }
    text_copy(ret_sight->server, sizeof ret_sight->server, server);
    ret_sight->applications = by != NULL && strcmp(by, "applications") == 0;
    return true;
}

/* They may be absent: nothing is said then. */
static enum err web_observe_sights(const struct desk *desk, const char *site, const json_t *list)
{
    struct desk_sight sights[SIGHT_LIST];
    const size_t count = json_array_size(list);
    bool good = list == NULL || (json_is_array(list) && count <= SIGHT_LIST);
    for (size_t i = 0; i < count && good; i++) {
        sights[i] = (struct desk_sight){.site = ""};
        good = web_observe_sight(json_array_get(list, i), &sights[i]);
    }
    return !good ? ERR_INVALID : list == NULL ? ERR_OK : desk->sights(desk->context, site, sights, (uint32_t)count);
}

void web_observe_readers(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return;
    }
    struct desk_reader readers[LIMITS_READERS];
    bool good = true;
    const char *site = web_text(body, "site", &good);
    const json_t *list = json_object_get(body, "readers");
    const size_t count = json_array_size(list);
    good = good && site != NULL && json_is_array(list) && count <= LIMITS_READERS;
    for (size_t i = 0; i < count && good; i++) {
        good = web_observe_reader(json_array_get(list, i), &readers[i]);
    }
    enum err err = good ? web_observe_sights(desk, site, json_object_get(body, "sights")) : ERR_INVALID;
    if (err == ERR_OK) {
        err = desk->readers(desk->context, site, readers, (uint32_t)count);
    }
    if (err == ERR_OK) {
        http_server_answer_empty(answer, 204);
    } else {
        http_server_answer_problem(answer, err, "readers");
    }
    json_decref(body);
}

void web_observe_view(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    uint64_t after = 0;
    if (http_server_query_u64(request, "after", 0, &after) != ERR_OK) {
        http_server_answer_problem(answer, ERR_INVALID, "after: a version number");
        return;
    }
    struct view view;
    const bool wait = http_server_query(request, "after") != NULL;
    const enum err err = desk->view(desk->context, after, wait ? WEB_OBSERVE_POLL_MS : 0, &view);
    if (err == ERR_OK) {
        http_server_answer_copy(answer, 200, "application/octet-stream", &view, sizeof view);
    } else if (wait) {
        http_server_answer_empty(answer, 304);
    } else {
        http_server_answer_problem(answer, ERR_UNAVAILABLE, "no view was published yet");
    }
}
