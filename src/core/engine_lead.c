/* SPDX-License-Identifier: Apache-2.0
 * The engine of one controller among several: listening, taking the lead over, giving it up. */
#include <string.h>

#include "base/assert.h"
#include "core/engine.h"
#include "core/engine_adopt.h"
#include "core/task.h"
#include "core/upstream.h"

void engine_follow(struct engine *engine)
{
    engine->leading = false;
    memset(engine->tasks, 0, sizeof engine->tasks); /* whatever they are answered, nobody waits for it */
}

/* An instant of another machine's clock, carried over by what its wall clock said at `began`. */
static int64_t engine_lead_shift_us(const struct engine *engine, const struct durable_run *run)
{
    const int64_t ago_us = engine->wall.us - run->began_wall_us;
    return engine->now.us - (ago_us > 0 ? ago_us : 0) - run->began_us;
}

/* The run's times on this machine's clock; unknown ones stay 0. */
static void engine_lead_times(struct engine *engine, struct durable_run *run)
{
    const int64_t shift_us = engine_lead_shift_us(engine, run);
    run->evidence_us += run->evidence_us != 0 ? shift_us : 0;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        struct durable_step *step = &run->steps[i];
        step->started_us += step->started_us != 0 ? shift_us : 0;
        step->ended_us += step->ended_us != 0 ? shift_us : 0;
    }
    run->began_us += shift_us;
}

/* Never give out an epoch that was seen: what was heard while following was for the stored record as well. */
static void engine_lead_epochs(struct engine *engine)
{
    struct durable_database *databases = engine->durable.databases;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct engine_lease *lease = &engine->leases[database];
        if (lease->seen && lease->epoch > databases[database].epoch) {
            databases[database].epoch = lease->epoch;
        }
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        struct durable_database *database = &databases[engine->model.nodes[node].database];
        const uint64_t epoch = engine->nodes[node].any ? engine->nodes[node].report.epoch : 0;
        if (epoch > database->epoch && epoch - database->epoch < ENGINE_EPOCH_LEAP) {
            database->epoch = epoch;
        }
        const uint64_t order = engine->nodes[node].any ? engine->nodes[node].report.order : 0;
        uint64_t *version = &engine->durable.view_version;
        *version = order > *version && order - *version < ENGINE_EPOCH_LEAP ? order : *version;
    }
}

void engine_lead(struct engine *engine, const struct durable *durable, bool same_clock, struct mono now,
                 struct wall wall)
{
    ASSERT(!engine->leading);
    engine->now = time_max(engine->now, now);
    engine->wall = wall;
    if (durable != NULL) {
        engine_adopt_durable(engine, durable);
    } else {
        engine_adopt_first(engine);
    }
    if (!same_clock && engine->durable.run.state != DURABLE_RUN_NONE) {
        engine_lead_times(engine, &engine->durable.run);
    }
    engine_lead_epochs(engine);
    memset(&engine->view, 0, sizeof engine->view);
    memset(&engine->run, 0, sizeof engine->run);
    memset(engine->tasks, 0, sizeof engine->tasks);
    memset(engine->durability, 0, sizeof engine->durability);
    memset(engine->ttls, 0, sizeof engine->ttls);
    upstream_forget(engine);
    for (uint32_t database = 0; database < LIMITS_DATABASES; database++) {
        for (uint32_t node = 0; node < LIMITS_NODES; node++) {
            engine->durability[database].silent[node] = engine->now;
        }
    }
    engine->view_dirty = true;
    engine->leading = true;
}

static bool engine_lead_carries(const struct engine *engine, uint32_t region)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct engine_lease *lease = &engine->leases[database];
        uint32_t node = engine->model.databases[database].initial_writer;
        if (lease->seen && lease->state != EVENT_LEASE_NONE) {
            node = lease->state == EVENT_LEASE_HELD ? lease->holder : lease->candidate;
        }
        if (node < engine->model.nodes_count && engine->model.nodes[node].region == region) {
            return true;
        }
    }
    return false;
}

uint32_t engine_rank(const struct engine *engine, uint32_t site)
{
    ASSERT(site < engine->model.sites_count);
    const uint32_t region = engine->model.sites[site].region;
    return region != LIMITS_NONE && engine_lead_carries(engine, region) ? 1 : 0;
}
