/* SPDX-License-Identifier: Apache-2.0
 * TCP services in the status: where they work, and who is the primary. */
#include "core/engine.h"
#include "edge/metric.h"
#include "edge/tcp.h"
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
    return json_pack("{s:s,s:s,s:s,s:I,s:o}", "name", entry->name, "kind", entry->single != 0 ? "redis" : "tcp",
                     "primary", any ? web_render_region(engine, engine->view.targets[entry->primary].region) : "",
                     "epoch", (json_int_t)entry->epoch, "servers", servers);
}

json_t *web_service_list(const struct desk *desk, const struct engine *engine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->view.services_count; i++) {
        json_array_append_new(list, web_service_one(desk, engine, i));
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
