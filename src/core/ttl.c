/* SPDX-License-Identifier: Apache-2.0
 * Lowering the TTL on suspicion, and its way back. */
#include "core/ttl.h"

#include "base/assert.h"
#include "base/text.h"
#include "core/plan.h"

enum {
    TTL_MS_PER_S = 1000,
};

bool ttl_matters(const struct model *model)
{
    return model->ttl_most_s > model->ttl_floor_s;
}

uint32_t ttl_ceiling_s(const struct engine *engine, uint32_t region)
{
    ASSERT(region < LIMITS_REGIONS);
    return engine->ttls[region].ceiling_s;
}

/* A check that may take a region's endpoints out of the answers, or move all of its clients. */
static bool ttl_moves_clients(const struct model_check *check)
{
    return check->severity == MODEL_CRITICAL || check->component == MODEL_COMPONENT_APP;
}

static bool ttl_doubted(const struct engine *engine, uint32_t region)
{
    const struct model *model = &engine->model;
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        if (model->probes[probe].region == region && ttl_moves_clients(&model->checks[model->probes[probe].check]) &&
            health_doubted(&engine->health, model, probe, engine->now)) {
            return true;
        }
    }
    return false;
}

/* The present run moves the clients of this region, or to it, and has come as far as that. */
static bool ttl_moving(const struct engine *engine, uint32_t region)
{
    const struct durable_run *run = &engine->durable.run;
    if (run->state == DURABLE_RUN_NONE || run->stuck || plan_local(run->plan) ||
        (region != run->source && region != run->target)) {
        return false;
    }
    uint32_t from = 0;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        from = run->steps[i].step == PLAN_LOWER_TTL ? i : from;
    }
    return run->at >= from;
}

static void ttl_say(struct engine *engine, struct output *output, uint32_t region, enum trace_kind kind)
{
    struct trace *trace = engine_trace(engine, output, kind);
    trace->region = region;
    trace->n = engine->ttls[region].ceiling_s;
    text_copy(trace->text, sizeof trace->text,
              ttl_moving(engine, region) ? "a run moves its clients" : "a probe failed");
}

static void ttl_set(struct engine *engine, uint32_t region, uint32_t ceiling_s)
{
    struct engine_ttl *ttl = &engine->ttls[region];
    ttl->ceiling_s = ceiling_s;
    ttl->turned = engine->now;
    engine->view_dirty = true;
}

static void ttl_lower(struct engine *engine, struct output *output, uint32_t region)
{
    const struct model *model = &engine->model;
    struct engine_ttl *ttl = &engine->ttls[region];
    const bool whole = ttl->ceiling_s == 0;
    const uint32_t old_s = whole ? model->ttl_most_s : ttl->ceiling_s;
    ttl->old_s = ttl->version != 0 && ttl->old_s > old_s ? ttl->old_s : old_s;
    ttl->version = engine->durable.view_version + 1;
    ttl_set(engine, region, model->ttl_floor_s);
    if (whole) {
        ttl_say(engine, output, region, TRACE_TTL_LOWERED);
    }
}

/* Whether every DNS server that can be reached answers from this view. */
static bool ttl_taken_up(const struct engine *engine, uint64_t version)
{
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        const enum engine_hearing hears = engine_hears(engine, site, EVENT_READER_DNS);
        const bool older = hears == ENGINE_HEARS && engine->readers[site][EVENT_READER_DNS].version < version;
        if (engine->model.sites[site].dns && (older || hears == ENGINE_HEARS_NOT_YET)) {
            return false;
        }
    }
    return true;
}

/* What is answered until the lower one has arrived lives for as long as it was told. */
static void ttl_run_out(struct engine *engine, struct engine_ttl *ttl)
{
    if (ttl->version == 0) {
        return;
    }
    ttl->old_until = time_max(ttl->old_until, time_add_ms(engine->now, (int64_t)ttl->old_s * TTL_MS_PER_S));
    if (ttl_taken_up(engine, ttl->version)) {
        ttl->version = 0;
    }
}

static void ttl_raise(struct engine *engine, struct output *output, uint32_t region)
{
    const uint32_t next_s = engine->ttls[region].ceiling_s * 2;
    ttl_set(engine, region, next_s < engine->model.ttl_most_s ? next_s : 0);
    if (engine->ttls[region].ceiling_s == 0) {
        ttl_say(engine, output, region, TRACE_TTL_BACK);
    }
}

void ttl_step(struct engine *engine, struct output *output)
{
    const struct model *model = &engine->model;
    for (uint32_t region = 0; region < model->regions_count && ttl_matters(model); region++) {
        struct engine_ttl *ttl = &engine->ttls[region];
        if (ttl_doubted(engine, region) || ttl_moving(engine, region)) {
            if (ttl->ceiling_s != model->ttl_floor_s) {
                ttl_lower(engine, output, region);
            }
            ttl->turned = engine->now;
        } else if (ttl->ceiling_s != 0 && time_since_ms(engine->now, ttl->turned) >= TTL_GROW_MS) {
            ttl_raise(engine, output, region);
        }
        ttl_run_out(engine, ttl);
    }
}

struct mono ttl_old_until(const struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    ASSERT(run->source < LIMITS_REGIONS && run->target < LIMITS_REGIONS);
    return time_max(engine->ttls[run->source].old_until, engine->ttls[run->target].old_until);
}
