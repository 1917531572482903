/* SPDX-License-Identifier: Apache-2.0
 * Drawing the view from the engine's state. */
#include "core/engine_view.h"

#include <string.h>

#include "base/assert.h"
#include "core/cache.h"
#include "core/candidate.h"
#include "core/cap.h"
#include "core/judge.h"
#include "core/split.h"
#include "core/ttl.h"
#include "core/upstream.h"

static void engine_view_regions(const struct engine *engine, struct view *view)
{
    const struct model *model = &engine->model;
    view->regions_count = model->regions_count;
    for (uint32_t region = 0; region < model->regions_count; region++) {
        struct view_region *entry = &view->regions[region];
        memcpy(entry->name, model->regions[region].name, sizeof entry->name);
        entry->healthy = judge_fit(engine, region);
        entry->ttl_ceiling_s = ttl_ceiling_s(engine, region);
        entry->state = split_carries(model, engine->durable.factor, region) ? VIEW_REGION_SERVING
                       : entry->healthy                                     ? VIEW_REGION_STANDBY
                                                                            : VIEW_REGION_DOWN;
        split_row(model, engine->durable.factor, region, view->split[region]);
    }
    split_row(model, engine->durable.factor, VIEW_HOME_DEFAULT, view->split[VIEW_HOME_DEFAULT]);
}

static void engine_view_endpoints(const struct engine *engine, struct view *view)
{
    const struct model *model = &engine->model;
    view->endpoints_count = model->endpoints_count;
    view->networks_count = model->networks_count;
    memcpy(view->endpoints, model->endpoints, model->endpoints_count * sizeof view->endpoints[0]);
    memcpy(view->networks, model->networks, model->networks_count * sizeof view->networks[0]);
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        view->endpoints[i].healthy =
            health_component(&engine->health, model, view->endpoints[i].region, MODEL_COMPONENT_APP);
    }
}

static void engine_view_databases(const struct engine *engine, struct view *view)
{
    const struct model *model = &engine->model;
    view->databases_count = model->databases_count;
    for (uint32_t database = 0; database < model->databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        struct view_database *entry = &view->databases[database];
        memcpy(entry->name, model->databases[database].name, sizeof entry->name);
        entry->writer = state->routed;
        entry->epoch = state->routed == LIMITS_NONE ? state->epoch : state->routed_epoch;
        entry->hold = state->hold || cap_holds(engine, database);
        entry->locked_commit = model->databases[database].every_commit;
    }
    view->nodes_count = model->nodes_count;
    for (uint32_t node = 0; node < model->nodes_count; node++) {
        const struct engine_node *known = &engine->nodes[node];
        struct view_node *entry = &view->nodes[node];
        memcpy(entry->name, model->nodes[node].name, sizeof entry->name);
        entry->postgres = model->nodes[node].postgres;
        entry->database = model->nodes[node].database;
        entry->region = model->nodes[node].region;
        entry->role = known->alive && known->report.running ? known->report.role : VIEW_NODE_UNKNOWN;
        entry->healthy = known->alive && known->report.running;
        entry->lag_ms = entry->role == VIEW_NODE_STANDBY  ? lag_told(&engine->lags[node])
                        : entry->role == VIEW_NODE_WRITER ? 0
                                                          : UINT32_MAX;
    }
}

/* A check that nobody could make lately says nothing against a server. */
static uint32_t engine_view_works(const struct engine *engine, const struct view_target *target)
{
    const uint32_t check = engine->model.services[target->service].check;
    const uint32_t probe = check != LIMITS_NONE ? model_probe_find(&engine->model, check, target->region) : LIMITS_NONE;
    return probe == LIMITS_NONE || engine->health.merged[probe].status != HEALTH_FAILED;
}

static void engine_view_services(const struct engine *engine, struct view *view)
{
    const struct model *model = &engine->model;
    view->services_count = model->services_count;
    view->targets_count = model->targets_count;
    for (uint32_t i = 0; i < model->services_count; i++) {
        memcpy(view->services[i].name, model->services[i].name, sizeof view->services[i].name);
        view->services[i].single = model->services[i].single;
        view->services[i].epoch = engine->durable.caches[i].epoch;
        view->services[i].primary = model->services[i].single ? cache_primary(engine, i) : LIMITS_NONE;
    }
    for (uint32_t i = 0; i < model->targets_count; i++) {
        view->targets[i] = model->targets[i];
        view->targets[i].healthy = engine_view_works(engine, &model->targets[i]);
    }
}

/* Orders keep the number of the version that said so first. */
static void engine_view_upstreams(const struct engine *engine, const struct view *before, struct view *view)
{
    for (uint32_t node = 0; node < view->nodes_count; node++) {
        const struct view_node *old = &before->nodes[node];
        struct view_node *entry = &view->nodes[node];
        entry->leads = upstream_leads(engine, node);
        if (upstream_of(engine, node, &entry->upstream)) {
            const bool same = old->order != 0 && old->upstream == entry->upstream;
            entry->order = same ? old->order : engine->durable.view_version + 1;
        }
    }
}

static void engine_view_say(struct engine *engine, struct output *output, const struct view *before)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct view_database *now = &engine->view.databases[database];
        const struct view_database *old = &before->databases[database];
        if (before->version != 0 && now->writer == old->writer && now->epoch == old->epoch) {
            continue;
        }
        engine->routed_at[database] = engine->now;
        struct trace *trace = engine_trace(engine, output, now->writer == LIMITS_NONE ? TRACE_NO_WRITER : TRACE_WRITER);
        trace->database = database;
        trace->node = now->writer;
        trace->n = engine->view.version;
        trace->m = now->epoch;
    }
}

void engine_view_build(struct engine *engine, struct output *output)
{
    const struct view before = engine->view;
    struct view *view = &engine->view;
    memset(view, 0, sizeof *view);
    view->config_hash = engine->model.config_hash;
    engine_view_regions(engine, view);
    engine_view_endpoints(engine, view);
    engine_view_databases(engine, view);
    engine_view_services(engine, view);
    engine_view_upstreams(engine, &before, view);
    /* Compared without what differs always: number, seal and time. */
    view->version = before.version;
    view->made_wall_us = before.made_wall_us;
    view->run = before.run;
    view_seal(view);
    if (before.version != 0 && view->checksum == before.checksum) {
        return;
    }
    view->version = ++engine->durable.view_version;
    view->made_wall_us = engine->wall.us;
    view->run = engine->durable.run.id;
    view_seal(view);
    ASSERT(view_valid(view, sizeof *view));
    output->publish = true;
    output->persist = true;
    engine_view_say(engine, output, &before);
}
