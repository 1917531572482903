/* SPDX-License-Identifier: Apache-2.0
 * Where an engine starts from. */
#include "core/engine_adopt.h"

#include <string.h>

#include "base/assert.h"
#include "core/run.h"

static void engine_adopt_names(struct engine *engine)
{
    struct durable *durable = &engine->durable;
    memset(durable->names, 0, sizeof durable->names);
    memset(durable->node_names, 0, sizeof durable->node_names);
    memset(durable->database_names, 0, sizeof durable->database_names);
    for (uint32_t i = 0; i < LIMITS_SERVICES; i++) {
        const bool there = i < engine->model.services_count;
        memset(durable->caches[i].name, 0, LIMITS_NAME);
        memcpy(durable->caches[i].name, there ? engine->model.services[i].name : "", there ? LIMITS_NAME : 1);
    }
    for (uint32_t i = 0; i < engine->model.regions_count; i++) {
        memcpy(durable->names[i], engine->model.regions[i].name, LIMITS_NAME);
    }
    for (uint32_t i = 0; i < engine->model.nodes_count; i++) {
        memcpy(durable->node_names[i], engine->model.nodes[i].name, LIMITS_NAME);
    }
    for (uint32_t i = 0; i < engine->model.databases_count; i++) {
        memcpy(durable->database_names[i], engine->model.databases[i].name, LIMITS_NAME);
    }
}

void engine_adopt_first(struct engine *engine)
{
    struct durable *durable = &engine->durable;
    memset(durable, 0, sizeof *durable);
    for (uint32_t region = 0; region < LIMITS_REGIONS; region++) {
        durable->factor[region] = DURABLE_WHOLE;
    }
    for (uint32_t database = 0; database < LIMITS_DATABASES; database++) {
        durable->databases[database] = (struct durable_database){.writer = LIMITS_NONE, .routed = LIMITS_NONE};
    }
    engine_adopt_names(engine);
}

static uint32_t engine_adopt_node(const struct engine *engine, const struct durable *durable, uint32_t node)
{
    return node < LIMITS_NODES ? model_node_find(&engine->model, durable->node_names[node]) : LIMITS_NONE;
}

static uint32_t engine_adopt_region(const struct engine *engine, const struct durable *durable, uint32_t region)
{
    return region < LIMITS_REGIONS ? model_region_find(&engine->model, durable->names[region]) : LIMITS_NONE;
}

static uint32_t engine_adopt_mask(const struct engine *engine, const struct durable *durable, uint32_t mask)
{
    uint32_t mapped = 0;
    for (uint32_t node = 0; node < LIMITS_NODES; node++) {
        const uint32_t now = (mask >> node & 1U) != 0 ? engine_adopt_node(engine, durable, node) : LIMITS_NONE;
        mapped |= now != LIMITS_NONE ? 1U << now : 0;
    }
    return mapped;
}

static void engine_adopt_database(struct engine *engine, const struct durable *durable, uint32_t old)
{
    const uint32_t database = model_database_find(&engine->model, durable->database_names[old]);
    if (durable->database_names[old][0] == 0 || database == LIMITS_NONE) {
        return;
    }
    struct durable_database *state = &engine->durable.databases[database];
    *state = durable->databases[old];
    state->writer = engine_adopt_node(engine, durable, state->writer);
    state->routed = engine_adopt_node(engine, durable, state->routed);
    state->members = engine_adopt_mask(engine, durable, state->members);
    /* A member that the configuration no longer has may be the only one that holds some commit: one more of the others
     * must be heard, perhaps nobody will do, until the writer's server was told anew (core/durability.h). */
    const uint32_t gone =
        (uint32_t)(__builtin_popcount(durable->databases[old].members) - __builtin_popcount(state->members));
    state->required = state->required > gone ? state->required - gone : 0;
}

/* Maps a run; false when something it needs is gone. */
static bool engine_adopt_run(const struct engine *engine, const struct durable *durable, struct durable_run *run)
{
    bool whole = true;
    run->source = engine_adopt_region(engine, durable, run->source);
    run->target = engine_adopt_region(engine, durable, run->target);
    whole &= run->source != LIMITS_NONE && run->target != LIMITS_NONE;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        struct durable_move *move = &run->moves[i];
        const uint32_t target = move->target;
        move->database = model_database_find(&engine->model, durable->database_names[move->database]);
        move->source = engine_adopt_node(engine, durable, move->source);
        move->target = engine_adopt_node(engine, durable, target);
        move->refused = engine_adopt_mask(engine, durable, move->refused);
        move->members_before = engine_adopt_mask(engine, durable, move->members_before);
        whole &= move->database != LIMITS_NONE && (target == LIMITS_NONE || move->target != LIMITS_NONE);
    }
    return whole;
}

/* One that names something that the configuration no longer has: nothing of it can be done, a person must look. */
static void engine_adopt_live(struct engine *engine, const struct durable *durable, struct durable_run *run)
{
    if (run->state == DURABLE_RUN_NONE || engine_adopt_run(engine, durable, run)) {
        return;
    }
    run->state = DURABLE_RUN_FAILED;
    durable_remember(&engine->durable, run);
    memset(run, 0, sizeof *run);
}

void engine_adopt_durable(struct engine *engine, const struct durable *durable)
{
    engine_adopt_first(engine);
    struct durable *now = &engine->durable;
    now->sequence = durable->sequence;
    now->view_version = durable->view_version;
    now->runs_started = durable->runs_started;
    now->paused = durable->paused;
    now->last_failover_wall_us = durable->last_failover_wall_us;
    for (uint32_t old = 0; old < LIMITS_REGIONS; old++) {
        const uint32_t region = engine_adopt_region(engine, durable, old);
        if (durable->names[old][0] != 0 && region != LIMITS_NONE) {
            now->factor[region] = durable->factor[old];
            now->good[region] = durable->good[old];
            now->factor_since_wall_us[region] = durable->factor_since_wall_us[old];
        }
    }
    for (uint32_t old = 0; old < LIMITS_DATABASES; old++) {
        engine_adopt_database(engine, durable, old);
    }
    for (uint32_t old = 0; old < LIMITS_SERVICES; old++) {
        const uint32_t service = model_service_find(&engine->model, durable->caches[old].name);
        if (service != LIMITS_NONE) {
            now->caches[service] = durable->caches[old];
        }
    }
    now->ends_count = durable->ends_count;
    memcpy(now->ends, durable->ends, sizeof now->ends);
    for (uint32_t i = 0; i < now->ends_count; i++) {
        now->ends[i].node = engine_adopt_node(engine, durable, now->ends[i].node);
        now->ends[i].database = model_database_find(&engine->model, durable->database_names[now->ends[i].database]);
    }
    memcpy(now->past, durable->past, sizeof now->past);
    for (uint32_t i = 0; i < DURABLE_RUNS; i++) {
        (void)engine_adopt_run(engine, durable, &now->past[i]);
    }
    now->aside = durable->aside;
    now->run = durable->run;
    engine_adopt_live(engine, durable, &now->aside);
    engine_adopt_live(engine, durable, &now->run);
    engine_adopt_names(engine);
}
