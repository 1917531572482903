/* SPDX-License-Identifier: Apache-2.0
 * TCP services in the status: where they work, and who is the primary. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/engine.h"
#include "edge/figure.h"
#include "edge/metric.h"
#include "edge/tcp.h"
#include "web/web_body.h"
#include "web/web_state.h"

static const char *web_service_role(const struct engine *engine, uint32_t service, uint32_t target)
{
    const struct engine_cache_server *server = &engine->cache_servers[target];
    return !engine->model.services[service].single            ? "any"
           : engine->view.services[service].primary == target ? "primary"
           : !server->any                                     ? "unknown"
           : server->said.primary                             ? "stray"
                                                              : "replica";
}

/* What a site's relay says of the service; -1: it says nothing. */
static int64_t web_service_figure(const struct figure_site *site, enum figure figure, const char *service)
{
    for (uint32_t i = 0; i < site->count; i++) {
        if (site->rows[i].figure == (uint32_t)figure && strcmp(site->rows[i].label, service) == 0) {
            return (int64_t)site->rows[i].value;
        }
    }
    return -1;
}

/* Who has its clients, by site. */
static json_t *web_service_relays(const struct figure_site *sites, uint32_t count, const char *service)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const int64_t connections = web_service_figure(&sites[i], FIGURE_SERVICE_CONNECTIONS, service);
        const int64_t waiting = web_service_figure(&sites[i], FIGURE_SERVICE_WAITING, service);
        const int64_t draining = web_service_figure(&sites[i], FIGURE_SERVICE_DRAINING, service);
        if (connections >= 0 && waiting >= 0 && draining >= 0) {
            json_array_append_new(list, json_pack("{s:s,s:I,s:I,s:I}", "site", sites[i].site, "connections",
                                                  (json_int_t)connections, "waiting", (json_int_t)waiting, "draining",
                                                  (json_int_t)draining));
        }
    }
    return list;
}

static json_t *web_service_one(const struct desk *desk, const struct engine *engine, uint32_t service)
{
    const struct view_service *entry = &engine->view.services[service];
    json_t *servers = json_array();
    for (uint32_t i = 0; i < engine->view.targets_count; i++) {
        const struct view_target *target = &engine->view.targets[i];
        if (target->service == service) {
            char address[TCP_ADDRESS];
            tcp_print(&target->address, address);
            json_array_append_new(servers, json_pack("{s:s,s:s,s:b,s:s,s:o}", "address", address, "region",
                                                     web_render_region(engine, target->region), "works",
                                                     (int)target->healthy, "role", web_service_role(engine, service, i),
                                                     "seen", web_sight_list(desk, &target->address)));
        }
    }
    const bool any = entry->primary < engine->view.targets_count;
    const struct engine_cache *cache = &engine->caches[service];
    return json_pack("{s:s,s:s,s:s,s:I,s:s,s:o}", "name", entry->name, "kind", entry->single != 0 ? "redis" : "tcp",
                     "primary", any ? web_render_region(engine, engine->view.targets[entry->primary].region) : "",
                     "epoch", (json_int_t)entry->epoch, "moving",
                     cache->moving ? web_render_region(engine, cache->region) : "", "servers", servers);
}

json_t *web_service_list(const struct desk *desk, const struct engine *engine)
{
    struct figure_site sites[LIMITS_SITES];
    const uint32_t count = engine->view.services_count > 0 ? desk->figures_list(desk->context, sites) : 0;
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->view.services_count; i++) {
        json_t *service = web_service_one(desk, engine, i);
        json_object_set_new(service, "relays", web_service_relays(sites, count, engine->view.services[i].name));
        json_array_append_new(list, service);
    }
    for (uint32_t i = 0; i < count; i++) {
        free(sites[i].rows);
    }
    return list;
}

void web_service_metrics(const struct engine *engine)
{
    const struct view *view = &engine->view;
    metric_clear(METRIC_SERVICE_WORKS);
    metric_clear(METRIC_SERVICE_PRIMARY);
    for (uint32_t i = 0; i < view->targets_count; i++) {
        const struct view_target *target = &view->targets[i];
        const struct view_service *service = &view->services[target->service];
        const char *region = view->regions[target->region].name;
        metric_set(METRIC_SERVICE_WORKS, target->healthy, METRIC_WITH(service->name, region));
        if (service->single != 0) {
            metric_set(METRIC_SERVICE_PRIMARY, service->primary == i, METRIC_WITH(service->name, region));
        }
    }
}

bool web_service_degraded(const struct engine *engine)
{
    for (uint32_t i = 0; i < engine->view.services_count; i++) {
        if (engine->view.services[i].single != 0 && engine->view.services[i].primary == LIMITS_NONE) {
            return true;
        }
    }
    return false;
}

static void web_service_order(const struct http_server_request *request, struct http_server_answer *answer,
                              const struct event_command *command)
{
    struct engine_reply reply;
    if (web_order(request, answer, command, &reply)) {
        http_server_answer_json(answer, reply.run != 0 && !command->dry_run ? 202 : 200,
                                json_pack("{s:I,s:s}", "epoch", (json_int_t)reply.run, "text", reply.text));
    }
}

void web_service_move(const struct http_server_request *request, struct http_server_answer *answer)
{
    static const struct web_body_member members[] = {{"region", WEB_BODY_TEXT, true},
                                                     {"reason", WEB_BODY_REASON, false},
                                                     {"who", WEB_BODY_TEXT, false},
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
    struct event_command command = {.kind = EVENT_COMMAND_CACHE,
                                    .service = model_service_find(&engine->model, request->segments[0]),
                                    .target = model_region_find(&engine->model, web_body_text(body, "region")),
                                    .dry_run = web_body_flag(body, "dry_run")};
    web_body_words(body, &command);
    if (command.service == LIMITS_NONE) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "no service '%s'", request->segments[0]);
    } else if (command.target == LIMITS_NONE) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "no region '%s'", web_body_text(body, "region"));
    } else {
        web_service_order(request, answer, &command);
    }
    free(engine);
    json_decref(body);
}
